/* SPDX-License-Identifier: BSD-2-Clause */
/* One poll() loop for all listeners and connections. */
#include "services.h"

#include "listener.h"
#include "process.h"
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 1024,
	LISTENERS_MAX = SERVICES_ADDRESSES_MAX * 16,
	BEFORE_LISTENERS = 2, /* of what is polled: the wake and the until of struct server */
	PAUSE_MS = 100, /* before the next accept() when the system had no descriptor or memory to spare */
};

struct listener {
	int fd;
	const struct service *service;
};

struct server {
	int wake;  /* readable once a signal asks for the end */
	int until; /* so does the end of this pipe, or -1 */
	struct listener listeners[LISTENERS_MAX];
	size_t n_listeners;
	struct connection *connections[CONNECTIONS_MAX];
	size_t n_connections;
	bool paused;
	struct pollfd polled[BEFORE_LISTENERS + LISTENERS_MAX + CONNECTIONS_MAX];
};

static int listen_all(struct server *s, const char *address, unsigned base, char *why, size_t why_len)
{
	for (const struct service *v = service_table; v->name; v++) {
		struct listener *l = &s->listeners[s->n_listeners];

		if (v->kind == SERVICE_CLOSED)
			continue;
		l->service = v;
		l->fd = listener_open(address, (uint16_t)(v->port + base), v->kind == SERVICE_SILENT, "--port-base",
				     why, why_len);
		if (l->fd < 0)
			return -1;
		s->n_listeners++;
	}
	return 0;
}

static int open_listeners(struct server *s, const struct services_config *config, FILE *announce, char *why,
			  size_t why_len)
{
	static const char *const usual[] = { "127.0.0.1", "::1" };
	const char *const *addresses = config->n ? config->addresses : usual;
	size_t n = config->n ? config->n : 2;
	bool v6_missing = false;

	for (size_t i = 0; i < n; i++) {
		if (listen_all(s, addresses[i], config->port_base, why, why_len) == 0)
			continue;
		/* A machine without IPv6 has no ::1; only who asked for it by name shall hear of it. */
		v6_missing = !config->n && i == 1 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT);
		if (!v6_missing)
			return -1;
	}
	fprintf(announce, "finwait-agent: services on ");
	for (size_t i = 0; i < n - v6_missing; i++)
		fprintf(announce, "%s%s", i ? ", " : "", addresses[i]);
	if (config->port_base)
		fprintf(announce, ", port numbers %u higher than usual", config->port_base);
	fprintf(announce, "\n");
	fflush(announce);
	return 0;
}

static void drop_connection(struct server *s, size_t i)
{
	close(s->connections[i]->fd);
	free(s->connections[i]);
	s->connections[i] = s->connections[--s->n_connections];
	s->paused = false;
}

/* Accepts one; the listener is polled again if there are more. */
static void accept_one(struct server *s, const struct listener *l)
{
	struct connection *c;
	int on = 1, fd = accept(l->fd, NULL, NULL);

	if (fd < 0) {
		s->paused = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c || !listener_nonblocking(fd)) {
		free(c);
		close(fd);
		s->paused = true;
		return;
	}
	if (l->service->keepalive)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	c->fd = fd;
	c->service = l->service;
	c->events = POLLIN;
	if (c->service->start)
		c->service->start(c);
	s->connections[s->n_connections++] = c;
}

/* Whether the connection goes on. Input that came before an error is lost with the connection. */
static bool serve(struct connection *c, short seen)
{
	if (seen & (POLLERR | POLLHUP | POLLNVAL))
		return false;
	return !(seen & c->events) || c->service->turn(c, seen);
}

static size_t fill_polled(struct server *s)
{
	bool full = s->paused || s->n_connections == CONNECTIONS_MAX;
	size_t n = 0;

	s->polled[n++] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
	s->polled[n++] = (struct pollfd){ .fd = s->until, .events = POLLIN };
	for (size_t i = 0; i < s->n_listeners; i++)
		s->polled[n++] = (struct pollfd){ .fd = full ? -1 : s->listeners[i].fd, .events = POLLIN };
	for (size_t i = 0; i < s->n_connections; i++)
		s->polled[n++] = (struct pollfd){ .fd = s->connections[i]->fd, .events = s->connections[i]->events };
	return n;
}

static int loop(struct server *s, char *why, size_t why_len)
{
	for (;;) {
		size_t n = fill_polled(s), first = BEFORE_LISTENERS + s->n_listeners;
		int ready = poll(s->polled, (nfds_t)n, s->paused ? PAUSE_MS : -1);

		if (ready < 0 && errno != EINTR) {
			snprintf(why, why_len, "Cannot wait for connections: %s.", strerror(errno));
			return -1;
		}
		s->paused = false;
		if (ready <= 0)
			continue;
		if (s->polled[0].revents || s->polled[1].revents)
			return 0;
		/* From the end, so that the one moved into a gap has been served already. */
		for (size_t i = n - first; i-- > 0;) {
			if (!serve(s->connections[i], s->polled[first + i].revents))
				drop_connection(s, i);
		}
		for (size_t i = 0; i < s->n_listeners && s->n_connections < CONNECTIONS_MAX; i++) {
			if (s->polled[BEFORE_LISTENERS + i].revents & POLLIN)
				accept_one(s, &s->listeners[i]);
		}
	}
}

unsigned services_port_base_max(void)
{
	unsigned highest = 0;

	for (const struct service *v = service_table; v->name; v++) {
		if (v->port > highest)
			highest = v->port;
	}
	return UINT16_MAX - highest;
}

void services_print(FILE *out)
{
	for (const struct service *v = service_table; v->name; v++)
		fprintf(out, "  %5u  %-9s %s\n", (unsigned)v->port, v->name, v->summary);
}

int services_run(const struct services_config *config, FILE *announce, char *why, size_t why_len)
{
	struct server *s = calloc(1, sizeof(*s));
	int result = -1;

	if (!s) {
		snprintf(why, why_len, "Not enough memory to serve.");
		return -1;
	}
	s->until = config->until ? *config->until : -1;
	process_raise_limit();
	s->wake = process_wake_open();
	if (s->wake < 0)
		snprintf(why, why_len, "Cannot prepare for signals: %s.", strerror(errno));
	else if (open_listeners(s, config, announce, why, why_len) == 0)
		result = loop(s, why, why_len);
	while (s->n_connections > 0)
		drop_connection(s, s->n_connections - 1);
	while (s->n_listeners > 0)
		close(s->listeners[--s->n_listeners].fd);
	free(s);
	return result;
}
