/* SPDX-License-Identifier: BSD-2-Clause */
/* What one service does with one connection: the loop in services.c reports what poll() saw, the service
 * reads, writes and says whether the connection goes on. */
#ifndef FINWAIT_AGENT_SERVICE_H
#define FINWAIT_AGENT_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_LINE_MAX = 256 };

/* The request being read, a line at a time; overlong lines are cut, none of those that matter is long. */
struct http {
	char line[HTTP_LINE_MAX];
	size_t line_len;
	bool started; /* the request line has been read */
	bool head;    /* answer without the page */
	bool close;   /* this answer is the last */
	bool chunked; /* a body of unknown length follows, and is not read */
	bool in_body;
	uint64_t body_left;
};

struct connection {
	int fd;
	const struct service *service;
	short events;  /* what to poll for; errors are reported in any case */
	bool ended;    /* the peer has sent its FIN */
	bool last;     /* close as soon as `out` is written (http) */
	char in[1024]; /* [in_used, in_len) waits to be read by the service */
	size_t in_used, in_len;
	char out[4096]; /* [out_used, out_len) waits to be written */
	size_t out_used, out_len;
	size_t offset; /* chargen: position in the pattern */
	struct http http;
};

enum service_kind {
	SERVICE_TALKS,
	SERVICE_SILENT, /* a socket listens, and every segment for it is dropped */
	SERVICE_CLOSED, /* nothing listens: the system itself answers */
};

struct service {
	const char *name;
	const char *summary;
	uint16_t port;
	enum service_kind kind;
	bool keepalive; /* notice, in hours, a peer that went without a word */
	/* The connection has just been accepted; NULL: nothing to do but wait for input. */
	void (*start)(struct connection *c);
	/* poll() saw POLLIN or POLLOUT. Sets c->events; false ends the connection. */
	bool (*turn)(struct connection *c, short seen);
};

/* Ends with a NULL name. */
extern const struct service service_table[];

/* For http.c: like the members of struct service. */
void http_start(struct connection *c);
bool http_turn(struct connection *c, short seen);

/* Reads into c->in, which must be empty, and notes an end of input; false when the connection is gone. */
bool service_read(struct connection *c);
/* Writes what it can of c->out; false when the connection is gone. */
bool service_write(struct connection *c);
/* Throws away what has arrived. For just before a close(): with unread input it would send a RST instead
 * of a FIN (RFC 1122 4.2.2.13). */
void service_drain(struct connection *c);
/* Appends to c->out; false, and nothing appended, when there is no room. */
bool service_queue(struct connection *c, const char *data, size_t len);

#endif
