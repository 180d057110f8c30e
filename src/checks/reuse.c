/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/reuse.h"

#include <string.h>

/* Where the answers are documented: Linux, socket(7), ip(7), connect(2); FreeBSD, getsockopt(2), bind(2),
 * connect(2); Windows, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"; POSIX, XSH 2.10.16, bind(), listen(),
 * connect(). What POSIX leaves to the implementation is NULL. */
#define IN_USE "EADDRINUSE"
#define ALL(answer) { answer, answer, answer, answer }

#define TIME_WAIT .state = TCP_TIME_WAIT, .opener = OPENER_PASSIVE
#define DEMANDED(what)                                                                                         \
	.reuseaddr = true, .reuseport = true, .requirement = what, .citation = "RFC 9293 3.9.1.1",             \
	.documented = ALL("ok")
#define LISTENING .state = TCP_ESTABLISHED, .opener = OPENER_PASSIVE, .survives = true

const struct reuse_case reuse_cases[REUSE_CASES + 1] = {
	/* The port is in TIME-WAIT, and nobody has it any more. */
	{ .name = "reuse/bind-time-wait/neither", TIME_WAIT,
	  .what = "bind() to the port in TIME-WAIT, SO_REUSEADDR on neither socket",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_BIND }, .documented = { IN_USE, IN_USE, "ok", NULL } },
	{ .name = "reuse/bind-time-wait/old-socket", TIME_WAIT, .reuseaddr = true,
	  .what = "bind() to the port in TIME-WAIT, SO_REUSEADDR on the old socket only",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_BIND }, .documented = { IN_USE, IN_USE, "ok", NULL } },
	{ .name = "reuse/bind-time-wait/new-socket", TIME_WAIT,
	  .what = "bind() to the port in TIME-WAIT, SO_REUSEADDR on the new socket only",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_REUSEADDR, REUSE_BIND },
	  .documented = { IN_USE, "ok", "ok", NULL } },
	{ .name = "reuse/bind-time-wait/both", TIME_WAIT, .reuseaddr = true,
	  .what = "bind() to the port in TIME-WAIT, SO_REUSEADDR on both sockets",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_REUSEADDR, REUSE_BIND }, .documented = ALL("ok") },
	{ .name = "reuse/bind-time-wait/reuseport", TIME_WAIT, .reuseport = true,
	  .what = "bind() to the port in TIME-WAIT, SO_REUSEPORT on both sockets",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_REUSEPORT, REUSE_BIND },
	  .documented = { "ok", "ok", NULL, NULL } },
	{ .name = "reuse/listen-time-wait/both", TIME_WAIT, .reuseaddr = true,
	  .what = "listen() on the port in TIME-WAIT, SO_REUSEADDR on both sockets",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_REUSEADDR, REUSE_BIND, REUSE_LISTEN },
	  .documented = ALL("ok") },
	{ .name = "reuse/connect-time-wait/same-peer", TIME_WAIT, .reuseaddr = true,
	  .what = "connect() from the port in TIME-WAIT to the same peer, SO_REUSEADDR on both sockets",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_REUSEADDR, REUSE_BIND, REUSE_CONNECT },
	  .documented = { "EADDRNOTAVAIL or ok", "EADDRINUSE or ok", "EADDRINUSE", "EADDRINUSE or ok" } },
	{ .name = "reuse/connect-time-wait/other-peer", TIME_WAIT, .reuseaddr = true,
	  .what = "connect() from the port in TIME-WAIT to another peer, SO_REUSEADDR on both sockets",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_REUSEADDR, REUSE_BIND, REUSE_CONNECT_OTHER },
	  .documented = ALL("ok") },

	/* Somebody listens on the port. */
	{ .name = "reuse/bind-listening/neither", LISTENING,
	  .what = "bind() to a port that another socket listens on, SO_REUSEADDR on neither",
	  .calls = { REUSE_SOCKET, REUSE_BIND }, .documented = ALL(IN_USE) },
	{ .name = "reuse/bind-listening/both", LISTENING, .reuseaddr = true,
	  .what = "bind() to a port that another socket listens on, SO_REUSEADDR on both",
	  .calls = { REUSE_SOCKET, REUSE_REUSEADDR, REUSE_BIND }, .documented = { IN_USE, IN_USE, "ok", NULL } },
	{ .name = "reuse/bind-wildcard/neither", LISTENING,
	  .what = "bind() to the port on all addresses beside a listener on one, SO_REUSEADDR on neither",
	  .calls = { REUSE_SOCKET, REUSE_BIND_WILDCARD }, .documented = { IN_USE, IN_USE, "ok", NULL } },
	{ .name = "reuse/bind-wildcard/both", LISTENING, .reuseaddr = true,
	  .what = "bind() to the port on all addresses beside a listener on one, SO_REUSEADDR on both",
	  .calls = { REUSE_SOCKET, REUSE_REUSEADDR, REUSE_BIND_WILDCARD },
	  .documented = { IN_USE, "ok", "ok", NULL } },
	{ .name = "reuse/bind-specific/neither", LISTENING, .wildcard = true,
	  .what = "bind() to the port on one address beside a listener on all, SO_REUSEADDR on neither",
	  .calls = { REUSE_SOCKET, REUSE_BIND }, .documented = { IN_USE, IN_USE, "ok", NULL } },
	{ .name = "reuse/bind-specific/both", LISTENING, .wildcard = true, .reuseaddr = true,
	  .what = "bind() to the port on one address beside a listener on all, SO_REUSEADDR on both",
	  .calls = { REUSE_SOCKET, REUSE_REUSEADDR, REUSE_BIND }, .documented = { IN_USE, "ok", "ok", NULL } },
	{ .name = "reuse/listen-listening/reuseport", LISTENING, .reuseport = true,
	  .what = "a second listener on the port, SO_REUSEPORT on both",
	  .calls = { REUSE_SOCKET, REUSE_REUSEPORT, REUSE_BIND, REUSE_LISTEN },
	  .documented = { "ok", "ok", NULL, NULL } },

	/* What TCP itself demands; by which option a system lets it happen is its own business. */
	{ .name = "reuse/passive-open/established", LISTENING, DEMANDED("MUST-41"),
	  .what = "a new listener on the port of an open connection, with all options for it; that is undisturbed",
	  .calls = { REUSE_DROP, REUSE_SOCKET, REUSE_REUSEADDR, REUSE_REUSEPORT, REUSE_BIND, REUSE_LISTEN } },
	{ .name = "reuse/passive-open/syn-sent", .state = TCP_SYN_SENT, .opener = OPENER_ACTIVE, DEMANDED("MUST-42"),
	  .what = "a listener on the port of a connection in SYN-SENT, with all options for it",
	  .calls = { REUSE_SOCKET, REUSE_REUSEADDR, REUSE_REUSEPORT, REUSE_BIND, REUSE_LISTEN } },
	{ .name = "reuse/passive-open/syn-received", .state = TCP_SYN_RECEIVED, .opener = OPENER_ACTIVE,
	  DEMANDED("MUST-42"),
	  .what = "a listener on the port of a connection in SYN-RECEIVED, with all options for it",
	  .calls = { REUSE_SOCKET, REUSE_REUSEADDR, REUSE_REUSEPORT, REUSE_BIND, REUSE_LISTEN } },
	{ .name = NULL },
};

const struct reuse_case reuse_time_wait_case = {
	.name = "reuse/time-wait/active-closer", TIME_WAIT, .what = "the side that closed first keeps the connection",
	.requirement = "MUST-13", .citation = "RFC 9293 3.6.1",
};

const struct reuse_syn reuse_syns[REUSE_SYNS + 1] = {
	{ "reuse/syn-time-wait/higher", "a SYN with a higher number on the ports of a connection in TIME-WAIT",
	  EVENT_TIMEWAIT_SYN_NEWER, 1 << 24, false },
	{ "reuse/syn-time-wait/lower", "a SYN with a lower number on the ports of a connection in TIME-WAIT",
	  EVENT_TIMEWAIT_SYN_OLDER, -(1 << 24), false },
	{ "reuse/syn-time-wait/newer-timestamp", "one with a lower number but a newer timestamp",
	  EVENT_TIMEWAIT_SYN_NEWER_TS, -(1 << 24), true },
	{ NULL, NULL, EVENT_ANY, 0, false },
};

const struct check reuse_syn_check = { "reuse/syn", "passive", "one SYN, whatever it draws", NULL, 0, { STEP_TRY_SYN } };
const struct check reuse_look_check = { "reuse/look", "passive", "an old byte for a connection of before", NULL,
					IN(TCP_TIME_WAIT), { STEP_VERIFY } };
const struct check reuse_open_check = { "reuse/open", "passive", "whether a server is there", NULL, 0, { STEP_OPEN } };

static const char *const api_names[APIS + 1] = { "linux", "bsd", "windows", "posix", "" };

const char *reuse_api_name(enum api api)
{
	return api_names[api];
}

enum api reuse_api_of(const char *system)
{
	static const struct {
		const char *part;
		enum api api;
	} systems[] = {
		{ "Linux", API_LINUX }, { "BSD", API_BSD }, { "DragonFly", API_BSD }, { "Darwin", API_BSD },
		{ "Windows", API_WINDOWS },
	};

	for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
		if (strstr(system, systems[i].part))
			return systems[i].api;
	return API_POSIX;
}

bool reuse_documented(const char *documented, const char *answer)
{
	size_t len = strlen(answer);

	for (const char *at = documented; len && (at = strstr(at, answer)); at += len)
		if ((at == documented || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}
