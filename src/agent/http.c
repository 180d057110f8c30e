/* SPDX-License-Identifier: BSD-2-Clause */
/* The http service: any request draws a small page. It closes first for HTTP/1.0 and for
 * `Connection: close`, otherwise it keeps the connection (RFC 9112 9.3, 9.6). */
#include "service.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_MAX = 512 };

static const char page[] = "<!DOCTYPE html>\n<title>finwait</title>\n<p>A page to open and close connections for.\n";

void http_start(struct connection *c)
{
	memset(&c->http, 0, sizeof(c->http));
	c->events = POLLIN;
}

static void answer(struct connection *c)
{
	char text[ANSWER_MAX];
	int len = snprintf(text, sizeof(text),
			   "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n%s\r\n%s",
			   sizeof(page) - 1, c->http.close ? "Connection: close\r\n" : "",
			   c->http.head ? "" : page);

	service_queue(c, text, (size_t)len);
	c->last = c->http.close;
	memset(&c->http, 0, sizeof(c->http));
}

static void read_request_line(struct http *h)
{
	size_t len = strlen(h->line);

	h->started = true;
	h->head = strncmp(h->line, "HEAD ", 5) == 0;
	/* HTTP/0.9 and 1.0 close; so does anything that does not name its version. */
	h->close = len < 9 || strcmp(h->line + len - 9, " HTTP/1.1") != 0;
}

/* Whether a comma separated list holds a word. */
static bool lists(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = text; *p; p += strcspn(p, ",")) {
		p += strspn(p, ", \t");
		if (strncasecmp(p, word, len) == 0 && strchr(", \t", p[len]))
			return true;
	}
	return false;
}

static void read_field(struct http *h)
{
	char *value = strchr(h->line, ':');

	if (!value)
		return;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(h->line, "Connection") == 0 && lists(value, "close"))
		h->close = true;
	if (strcasecmp(h->line, "Content-Length") == 0 && isdigit((unsigned char)*value))
		h->body_left = strtoull(value, NULL, 10);
	/* Where a chunked body ends is not worth knowing here: the connection ends instead. */
	if (strcasecmp(h->line, "Transfer-Encoding") == 0)
		h->chunked = h->close = true;
}

/* One line is complete, without its end. Returns true when it was the last of the header. */
static bool read_line(struct http *h)
{
	bool empty = h->line_len == 0;

	h->line[h->line_len] = '\0';
	h->line_len = 0;
	if (!h->started) {
		if (!empty) /* RFC 9112 2.2: ignore empty lines before the request line */
			read_request_line(h);
		return false;
	}
	if (!empty)
		read_field(h);
	return empty;
}

static void read_byte(struct connection *c, char byte)
{
	struct http *h = &c->http;

	if (byte != '\n') {
		if (h->line_len < HTTP_LINE_MAX - 1)
			h->line[h->line_len++] = byte;
		return;
	}
	if (h->line_len > 0 && h->line[h->line_len - 1] == '\r')
		h->line_len--;
	if (!read_line(h))
		return;
	h->in_body = h->body_left > 0 && !h->chunked;
	if (!h->in_body)
		answer(c);
}

static void read_body(struct connection *c)
{
	size_t n = c->in_len - c->in_used;

	if (n > c->http.body_left)
		n = (size_t)c->http.body_left;
	c->in_used += n;
	c->http.body_left -= n;
	if (c->http.body_left == 0)
		answer(c);
}

/* Reads requests from c->in while their answers are sure to fit. */
static void read_requests(struct connection *c)
{
	while (c->in_used < c->in_len && !c->last && sizeof(c->out) - c->out_len >= ANSWER_MAX) {
		if (c->http.in_body)
			read_body(c);
		else
			read_byte(c, c->in[c->in_used++]);
	}
}

bool http_turn(struct connection *c, short seen)
{
	if ((seen & POLLIN) && c->in_used == c->in_len && !service_read(c))
		return false;
	do {
		read_requests(c);
		if (!service_write(c))
			return false;
	} while (c->out_len == 0 && !c->last && c->in_used < c->in_len);
	if (c->out_len > 0) {
		c->events = POLLOUT;
		return true;
	}
	if (c->last) {
		service_drain(c);
		return false;
	}
	c->events = POLLIN;
	return !c->ended;
}
