/* SPDX-License-Identifier: BSD-2-Clause */
/* What the verbs share: a request comes in as its line, a reply goes out, or the call waits on its socket.
 * Only for the files that implement verbs and for agent_session.c. */
#ifndef FINWAIT_AGENT_CALL_H
#define FINWAIT_AGENT_CALL_H

#include "agent_line.h"
#include "agent_session.h"

enum {
	AGENT_CALLS_OF_SOCKET_MAX = 64,
	AGENT_CALLS_MAX = 4096,
	AGENT_KEPT_MAX = 128,
	AGENT_KEPT_OF_SESSION_MAX = 1024,
	AGENT_TIMEOUT_MAX_MS = 3600000,
	AGENT_OUTPUT_FULL = 64 * 1024,
	/* Above full, so that what one request or one ready socket brings always fits: a reply for each call
	 * that waits on the socket, and one long one. */
	AGENT_OUTPUT_ROOM = AGENT_OUTPUT_FULL + AGENT_CALLS_OF_SOCKET_MAX * 192 + AGENT_LINE_MAX,
};

/* What of a text comes next: bytes in memory, or those of the pattern. */
struct agent_text {
	bool is_pattern;
	uint32_t seed, offset;
	uint64_t length, done;
	uint64_t match;       /* received: so many from the first on were as they should be */
	unsigned char *bytes; /* to be sent, when no pattern */
};

struct agent_call {
	char tag[AGENT_TAG_MAX + 1];
	const struct agent_verb *verb;
	struct agent_socket *socket;
	bool limited;
	uint64_t deadline_ms;
	struct agent_address from; /* accept: len is 0 when any peer will do */
	struct agent_text text;
	struct agent_call *next; /* on the same socket, in the order in which they came */
};

/* Taken off the system's queue, and wanted by no call so far. */
struct agent_kept {
	int fd;
	struct agent_address peer;
	struct agent_kept *next;
};

struct agent_socket {
	uint64_t number;
	int fd, family;
	struct agent_call *calls;
	unsigned n_calls;
	struct agent_kept *kept; /* the oldest first */
	unsigned n_kept;
};

struct agent_session {
	const struct agent_config *config;
	bool remote; /* the controller has an address, which is among the networks */
	bool greeted, over;
	bool skipping; /* the rest of a line that was too long */
	unsigned unreadable;
	struct agent_network own;
	struct agent_network *networks; /* as the controller has named them */
	size_t n_networks;
	struct agent_socket *sockets[AGENT_SOCKETS_MAX];
	size_t n_sockets;
	unsigned n_calls, n_kept;
	uint64_t last_number;
	uint64_t now_ms;
	char in[AGENT_LINE_MAX + 1];
	size_t in_len;
	char out[AGENT_OUTPUT_ROOM];
	size_t out_start, out_len;
};

/* One request; its tag and the values are in the line. */
struct agent_request {
	struct agent_session *s;
	const struct agent_verb *verb;
	const struct agent_line *line;
};

struct agent_verb {
	const char *name;
	/* Answers, or lets the call wait. NULL: this system cannot do it, which is answered ENOTSUP. */
	void (*run)(const struct agent_request *r);
	const char *keys[AGENT_KEYS_MAX];
	/* For a verb that may wait: tries again, and returns whether the call is over, its reply given. */
	bool (*go_on)(struct agent_session *s, struct agent_call *call);
	short events; /* to wait for meanwhile */
};

/* Each ends with a NULL name. */
extern const struct agent_verb agent_socket_verbs[];
extern const struct agent_verb agent_accept_verbs[];
extern const struct agent_verb agent_transfer_verbs[];
extern const struct agent_verb agent_option_verbs[];
extern const struct agent_verb agent_state_verbs[];

/* --- replies --- */

#if defined(__GNUC__)
#define AGENT_FORMAT(text, first) __attribute__((format(printf, text, first)))
#else
#define AGENT_FORMAT(text, first)
#endif

/* TAG ok, and for the second the text behind it. */
void agent_done(struct agent_session *s, const char *tag);
void agent_ok(struct agent_session *s, const char *tag, const char *format, ...) AGENT_FORMAT(3, 4);
/* TAG error with the name of the number; what is not printable ASCII in the text becomes a question mark. */
void agent_error(struct agent_session *s, const char *tag, int number, const char *format, ...)
	AGENT_FORMAT(4, 5);
/* The same with the system's own text. */
void agent_system_error(struct agent_session *s, const char *tag, int number);

/* --- keys: each answers EINVAL, or what the protocol has for it, and returns false (or NULL) when the value
 * is missing or wrong --- */

const char *agent_text_of(const struct agent_request *r, const char *key);
bool agent_number_of(const struct agent_request *r, const char *key, uint64_t max, uint64_t *number);
bool agent_address_of(const struct agent_request *r, const char *key, struct agent_address *address);
/* Also EBADF. */
struct agent_socket *agent_socket_of(const struct agent_request *r);

/* --- calls that wait --- */

/* Makes a call of this request on its socket, with the time limit it names, or answers and returns NULL. */
struct agent_call *agent_call_new(const struct agent_request *r, struct agent_socket *socket);
/* Tries it at once; it then is over and freed, or waits. */
void agent_call_try(struct agent_session *s, struct agent_call *call);
/* The same behind those of its verb that wait on the socket. */
void agent_call_start(struct agent_session *s, struct agent_call *call);
void agent_call_free(struct agent_call *call);
/* The first call of this verb that waits on the socket, or NULL. */
struct agent_call *agent_call_first(const struct agent_socket *socket, const struct agent_verb *verb);
/* Takes a call off its socket and frees it. */
void agent_call_end(struct agent_session *s, struct agent_call *call);

/* --- sockets --- */

/* Whether this address may be connected to, or accepted from. */
bool agent_allows(const struct agent_session *s, const struct agent_address *address);
/* Gives a number to a descriptor, which from now on is the session's; NULL with errno set, and the descriptor
 * left as it is, when there is no room. */
struct agent_socket *agent_socket_add(struct agent_session *s, int fd, int family);
/* Resets the connection of a descriptor and closes it. */
void agent_socket_abort_fd(int fd);
/* Ends the number and all that hangs on it; with `reset` the connection is reset. */
void agent_socket_drop(struct agent_session *s, struct agent_socket *socket, bool reset);
/* Whether the agent may take connections off the queue of this listener, and keep them. */
bool agent_socket_keeps_more(const struct agent_session *s, const struct agent_socket *socket);
/* The words that `can` of the greeting has, beside those of the tables: options and families. */
void agent_option_words(void (*add)(void *context, const char *word), void *context);

#endif
