/* SPDX-License-Identifier: BSD-2-Clause */
/* The services: RFC 862 echo, RFC 863 discard, RFC 867 daytime, RFC 864 chargen and the rest of the
 * table at the bottom. Each differs from the others in who closes first, which is what a prober of
 * opening and closing needs. */
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* SIGPIPE is ignored as well */
#endif

static bool only_later(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

bool service_read(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in, sizeof(c->in), 0);

	c->in_used = 0;
	c->in_len = n > 0 ? (size_t)n : 0;
	if (n < 0)
		return only_later();
	if (n == 0)
		c->ended = true;
	return true;
}

bool service_write(struct connection *c)
{
	ssize_t n;

	if (c->out_used == c->out_len)
		return true;
	n = send(c->fd, c->out + c->out_used, c->out_len - c->out_used, MSG_NOSIGNAL);
	if (n < 0)
		return only_later();
	c->out_used += (size_t)n;
	if (c->out_used == c->out_len)
		c->out_used = c->out_len = 0;
	return true;
}

void service_drain(struct connection *c)
{
	/* Bounded: a peer that never stops sending shall not keep the connection open. */
	for (int turns = 0; turns < 64; turns++) {
		if (!service_read(c) || c->in_len == 0)
			return;
	}
}

bool service_queue(struct connection *c, const char *data, size_t len)
{
	if (len > sizeof(c->out) - c->out_len)
		return false;
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
	return true;
}

/* RFC 862. Reads no further than it could write: a peer that does not read closes its own window. */
static bool echo_turn(struct connection *c, short seen)
{
	if ((seen & POLLIN) && c->out_len == 0) {
		if (!service_read(c))
			return false;
		service_queue(c, c->in, c->in_len);
	}
	if (!service_write(c))
		return false;
	if (c->out_len > 0) {
		c->events = POLLOUT;
		return true;
	}
	c->events = POLLIN;
	return !c->ended;
}

/* Throws away what comes; the peer's FIN changes nothing (its connection then rests in FIN-WAIT-2, ours
 * in CLOSE-WAIT). Only an error, which the loop sees, ends it. */
static bool discard_turn(struct connection *c, short seen)
{
	if ((seen & POLLIN) && !service_read(c))
		return false;
	c->events = c->ended ? 0 : POLLIN;
	return true;
}

static void daytime_start(struct connection *c)
{
	char line[64];
	time_t now = time(NULL);
	struct tm utc;
	size_t len = 0;

	if (gmtime_r(&now, &utc))
		len = strftime(line, sizeof(line), "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &utc);
	service_queue(c, line, len);
	c->events = POLLOUT;
}

/* RFC 867. */
static bool daytime_turn(struct connection *c, short seen)
{
	(void)seen;
	if (!service_write(c))
		return false;
	if (c->out_len > 0)
		return true;
	service_drain(c);
	return false;
}

enum {
	CHARGEN_FIRST = ' ',
	CHARGEN_SIGNS = '~' - ' ' + 1,
	CHARGEN_WIDTH = 72,
	CHARGEN_LINE = CHARGEN_WIDTH + 2,
	CHARGEN_CYCLE = CHARGEN_SIGNS * CHARGEN_LINE,
};

static char chargen_sign(size_t at)
{
	size_t line = at / CHARGEN_LINE, column = at % CHARGEN_LINE;

	if (column == CHARGEN_WIDTH)
		return '\r';
	if (column > CHARGEN_WIDTH)
		return '\n';
	return (char)(CHARGEN_FIRST + (line + column) % CHARGEN_SIGNS);
}

static void chargen_start(struct connection *c)
{
	c->events = POLLIN | POLLOUT;
}

/* RFC 864. Goes on after the peer's FIN: a half-closed connection is still open in our direction. */
static bool chargen_turn(struct connection *c, short seen)
{
	if ((seen & POLLIN) && !service_read(c))
		return false;
	if (seen & POLLOUT) {
		if (c->out_len == 0) {
			for (; c->out_len < sizeof(c->out); c->out_len++) {
				c->out[c->out_len] = chargen_sign(c->offset);
				c->offset = (c->offset + 1) % CHARGEN_CYCLE;
			}
		}
		if (!service_write(c))
			return false;
	}
	c->events = c->ended ? POLLOUT : POLLIN | POLLOUT;
	return true;
}

const struct service service_table[] = {
	{ "closed", "nothing listens: the system refuses", 1, SERVICE_CLOSED, false, NULL, NULL },
	{ "filtered", "silence: every segment is dropped", 2, SERVICE_SILENT, false, NULL, NULL },
	{ "echo", "sends back what it gets, closes when the peer does", 7, SERVICE_TALKS, true, NULL,
	  echo_turn },
	{ "discard", "reads, keeps its half open until the peer is gone", 9, SERVICE_TALKS, true, NULL,
	  discard_turn },
	{ "daytime", "sends the time, closes first", 13, SERVICE_TALKS, true, daytime_start, daytime_turn },
	{ "chargen", "sends characters without end", 19, SERVICE_TALKS, true, chargen_start, chargen_turn },
	{ "http", "answers with a small page, closes first when asked", 80, SERVICE_TALKS, true, http_start,
	  http_turn },
	{ "sink", "reads, never closes", 11009, SERVICE_TALKS, false, NULL, discard_turn },
	{ NULL, NULL, 0, SERVICE_CLOSED, false, NULL, NULL },
};
