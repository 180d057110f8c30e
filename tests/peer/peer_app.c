/* SPDX-License-Identifier: BSD-2-Clause */
/* The applications behind the ports: what TCP tells them comes in, SEND, CLOSE and ABORT come out. */
#include <string.h>

#include "peer_internal.h"

/* An echo must find room for all it lets in, also for what rounding to the window scale adds. */
enum { ECHO_RESERVE = 256 };

static const char daytime_line[] = "Thursday, January 1, 1970 00:00:00-UTC\r\n";
static const char http_page[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nok\r\n";

/* After CLOSE there is no SEND (RFC 9293 3.10.2). */
static void queue(struct peer_conn *c, const void *data, uint32_t len)
{
	if (c->fin_queued)
		return;
	if (len > PEER_BUFFER - c->buffer_len)
		len = PEER_BUFFER - c->buffer_len;
	memcpy(c->buffer + c->buffer_len, data, len);
	c->buffer_len += len;
}

uint32_t peer_app_room(const struct peer *p, const struct peer_conn *c)
{
	uint32_t room = p->params.receive_buffer;

	if (c->app == PEER_ECHO && !c->fin_queued) {
		uint32_t free_bytes = PEER_BUFFER - c->buffer_len;

		free_bytes = free_bytes > ECHO_RESERVE ? free_bytes - ECHO_RESERVE : 0;
		room = free_bytes < room ? free_bytes : room;
	}
	if (c->app == PEER_STALLED)
		room = c->received < room ? room - c->received : 0;
	return room;
}

/* RFC 864's pattern, as far as the buffer has room; then it closes. */
void peer_app_space(struct peer *p, struct peer_conn *c)
{
	if (c->app != PEER_CHARGEN || c->fin_queued || !c->app_open)
		return;
	while (c->chargen_left && c->buffer_len < PEER_BUFFER) {
		c->buffer[c->buffer_len++] = (uint8_t)(' ' + c->chargen_left % 95);
		c->chargen_left--;
	}
	if (!c->chargen_left)
		peer_conn_close(p, c, true);
}

void peer_app_opened(struct peer *p, struct peer_conn *c)
{
	c->app_open = true;
	switch (c->app) {
	case PEER_DAYTIME:
		queue(c, daytime_line, sizeof daytime_line - 1);
		peer_conn_close(p, c, true);
		break;
	case PEER_CHARGEN:
		c->chargen_left = p->params.chargen_bytes;
		peer_app_space(p, c);
		break;
	default:
		break;
	}
}

void peer_app_data(struct peer *p, struct peer_conn *c, const uint8_t *data, uint32_t len)
{
	c->received += len;
	switch (c->app) {
	case PEER_ECHO:
		queue(c, data, len);
		break;
	case PEER_HTTP:
		if (c->fin_queued)
			break;
		queue(c, http_page, sizeof http_page - 1);
		peer_conn_close(p, c, true);
		break;
	case PEER_ABORTER:
		peer_conn_abort(p, c);
		break;
	default:
		break;
	}
}

void peer_app_eof(struct peer *p, struct peer_conn *c)
{
	switch (c->app) {
	case PEER_ECHO:
	case PEER_HTTP:
	case PEER_ABORTER:
		peer_conn_close(p, c, true);
		break;
	default:
		break;
	}
}
