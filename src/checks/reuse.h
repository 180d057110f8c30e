/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of `finwait reuse`: what socket calls answer about a port that is in use or in TIME-WAIT, beside
 * what the system documents, and what a SYN on the ports of a connection in TIME-WAIT draws. */
#ifndef FINWAIT_CHECKS_REUSE_H
#define FINWAIT_CHECKS_REUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "checks/drive.h"
#include "core/rules.h"

/* Whose documents count. */
enum api { API_LINUX, API_BSD, API_WINDOWS, API_POSIX, APIS };

/* Calls on the second socket, but for the first. */
enum reuse_call {
	REUSE_END,
	REUSE_DROP,          /* close() the first socket, and what it accepted */
	REUSE_SOCKET,
	REUSE_REUSEADDR,     /* SO_REUSEADDR */
	REUSE_REUSEPORT,     /* SO_REUSEPORT */
	REUSE_BIND,          /* to the first socket's address and port */
	REUSE_BIND_WILDCARD, /* to its port, on all addresses */
	REUSE_LISTEN,
	REUSE_CONNECT,       /* to the peer of the first connection */
	REUSE_CONNECT_OTHER, /* to another port of that peer */
};

enum { REUSE_CALLS = 8 };

/* A connection is driven into `state`; there the calls are made, and the last of them is the question. */
struct reuse_case {
	const char *name;  /* TOPIC/CASE */
	const char *what;  /* one sentence part */
	enum tcp_state state;
	enum opener opener;
	bool reuseaddr, reuseport, wildcard; /* of the first socket */
	bool survives;     /* whether the first connection is to be found as it was afterwards */
	const char *requirement; /* what the answer "ok" is, if a document on TCP demands it; NULL */
	const char *citation;
	enum reuse_call calls[REUSE_CALLS];
	const char *documented[APIS]; /* "ok", "EADDRINUSE", "EADDRNOTAVAIL or ok"; NULL: nothing is said */
};

enum { REUSE_CASES = 18, REUSE_SYNS = 3 };

/* Ends with a NULL name. */
extern const struct reuse_case reuse_cases[REUSE_CASES + 1];

/* Without calls: that the side which closed first has its connection in TIME-WAIT at all. */
extern const struct reuse_case reuse_time_wait_case;

/* A SYN with the ports of a connection in TIME-WAIT, whose port still listens. */
struct reuse_syn {
	const char *name;
	const char *what;
	enum event event;  /* the row of the rules that judges the answer */
	int32_t above;     /* our ISN over what the target expects next */
	bool timestamps;   /* both connections have them */
};

/* Ends with a NULL name. */
extern const struct reuse_syn reuse_syns[REUSE_SYNS + 1];

/* The check that sends such a SYN. */
extern const struct check reuse_syn_check;
/* Looks again for a connection that was driven to TIME-WAIT before. */
extern const struct check reuse_look_check;
/* Opens, to see whether a server is back. */
extern const struct check reuse_open_check;

/* The api of a system by the name that its agent gives, "Linux-6.1.0". */
enum api reuse_api_of(const char *system);

/* "linux"; "" for APIS. */
const char *reuse_api_name(enum api api);

/* Whether the words of `documented` have the answer. */
bool reuse_documented(const char *documented, const char *answer);

#endif
