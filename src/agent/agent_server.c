/* SPDX-License-Identifier: BSD-2-Clause */
/* One poll() loop for the listeners, the controllers, and the sockets of their sessions. */
#include "agent_server.h"

#include "agent_token.h"
#include "agent_unix.h"
#include "listener.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PAUSE_MS = 100,   /* before the next accept() when the system had no descriptor or memory to spare */
	LINGER_MS = 5000, /* for the controller to read what was said last before the end */
	HELLO_MS = 30000, /* for a controller to say hello in */
	DRAINED_MAX = 16, /* reads of what a controller without a place has sent */
	OWN_DESCRIPTORS = 2,                /* at most, of a controller, polled before those of its session */
	PLACES = 2 * AGENT_CONTROLLERS_MAX, /* also for those that do not count */
	POLLED_MAX = 1 + AGENT_ADDRESSES_MAX + PLACES * (OWN_DESCRIPTORS + AGENT_SOCKETS_MAX),
};

struct controller {
	int in, out; /* the same, but over stdio */
	struct agent_session *session;
	char bytes[4096]; /* [used, len) waits for the session to take it */
	size_t used, len;
	bool ended;        /* no more bytes will come */
	bool greeted;      /* hello has been said, and accepted */
	bool said_all;     /* the session is over, its replies are written and our half is closed */
	uint64_t limit_ms; /* when to give up waiting for a byte, or for the other half to close */
	size_t polled, n_own, n_polled; /* its entries: the first, its own descriptors, all */
};

struct server {
	const struct agent_server_config *config;
	struct agent_config session_config;
	int wake;
	int listeners[AGENT_ADDRESSES_MAX];
	size_t n_listeners;
	struct agent_unix unix_socket;
	struct controller *controllers[PLACES]; /* the oldest first */
	size_t n_controllers;
	bool paused;
	struct pollfd polled[POLLED_MAX];
	size_t n_polled;
};

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool only_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static uint64_t idle_ms(const struct server *s)
{
	return (uint64_t)s->config->idle_s * 1000;
}

/* --- controllers --- */

/* Tells a controller that there is no place for it. Not read, what it has sent would make a TCP send a RST,
 * which may overtake that; but it may be sending without end. */
static void refuse(int fd)
{
	static const char line[] = "- error EUSERS too many controllers\n";
	char bytes[4096];
	ssize_t n = write(fd, line, sizeof(line) - 1);

	if (n < 0 || shutdown(fd, SHUT_WR) < 0)
		return;
	for (int i = 0; i < DRAINED_MAX && n > 0; i++)
		n = read(fd, bytes, sizeof(bytes));
}

/* Whether it is one of the AGENT_CONTROLLERS_MAX. Who was sent away, or has not shown a token yet, keeps
 * nobody out. */
static bool counts(const struct server *s, const struct controller *c)
{
	return !c->said_all && (c->greeted || !*s->session_config.token);
}

static size_t n_counting(const struct server *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_controllers; i++)
		n += counts(s, s->controllers[i]);
	return n;
}

static struct controller *add_controller(struct server *s, int in, int out, const struct agent_address *peer)
{
	struct controller *c = calloc(1, sizeof(*c));

	if (c)
		c->session = agent_session_new(&s->session_config, peer);
	if (!c || !c->session) {
		free(c);
		return NULL;
	}
	c->in = in;
	c->out = out;
	c->limit_ms = clock_ms() + idle_ms(s);
	if (s->config->way != AGENT_STDIO && idle_ms(s) > HELLO_MS)
		c->limit_ms = clock_ms() + HELLO_MS;
	s->controllers[s->n_controllers++] = c;
	return c;
}

static void drop_controller(struct server *s, size_t i)
{
	struct controller *c = s->controllers[i];

	agent_session_free(c->session);
	if (s->config->way != AGENT_STDIO)
		close(c->in);
	free(c);
	s->n_controllers--;
	memmove(s->controllers + i, s->controllers + i + 1,
		(s->n_controllers - i) * sizeof(s->controllers[0]));
	s->paused = false;
}

/* Reads what has come; false when the controller is gone. */
static bool hear(const struct server *s, struct controller *c, uint64_t now_ms)
{
	ssize_t n = read(c->in, c->bytes, sizeof(c->bytes));

	c->used = c->len = 0;
	if (n < 0)
		return only_later(errno);
	if (n == 0)
		c->ended = true;
	if (c->said_all)
		return !c->ended;
	c->len = (size_t)n;
	/* Bytes alone keep no place. */
	if (n > 0 && (c->greeted || s->config->way == AGENT_STDIO))
		c->limit_ms = now_ms + idle_ms(s);
	return true;
}

/* Gives the session its bytes, and ends it when it is over or no more will come. False when the controller is
 * to be dropped. */
static bool feed(const struct server *s, struct controller *c, uint64_t now_ms)
{
	c->used += agent_session_input(c->session, c->bytes + c->used, c->len - c->used, now_ms);
	if (agent_session_over(c->session) || (c->ended && c->used == c->len))
		agent_session_end(c->session);
	if (c->greeted || !agent_session_greeted(c->session))
		return true;
	c->greeted = true;
	c->limit_ms = now_ms + idle_ms(s);
	if (n_counting(s) <= AGENT_CONTROLLERS_MAX)
		return true;
	refuse(c->out);
	return false;
}

/* Writes what can be written; false when the controller is gone. */
static bool say(struct controller *c)
{
	size_t len;
	const char *bytes = agent_session_output(c->session, &len);
	ssize_t n = len > 0 ? write(c->out, bytes, len) : 0;

	if (n < 0)
		return only_later(errno);
	agent_session_written(c->session, (size_t)n);
	return true;
}

static bool has_output(const struct controller *c)
{
	size_t len;

	agent_session_output(c->session, &len);
	return len > 0;
}

/* One turn of a controller; false when it is to be dropped. */
static bool serve(struct server *s, struct controller *c, uint64_t now_ms)
{
	const struct pollfd *polled = s->polled + c->polled;

	if (now_ms >= c->limit_ms)
		return false;
	agent_session_turn(c->session, polled + c->n_own, c->n_polled - c->n_own, now_ms);
	if (polled[0].events & POLLIN && polled[0].revents & ~POLLOUT && !hear(s, c, now_ms))
		return false;
	if (c->said_all)
		return true;
	if (!feed(s, c, now_ms) || !say(c))
		return false;
	/* What was held back for want of room. */
	if (!feed(s, c, now_ms))
		return false;
	if (!agent_session_over(c->session) || has_output(c))
		return true;
	if (c->ended || s->config->way == AGENT_STDIO || shutdown(c->out, SHUT_WR) < 0)
		return false;
	/* Closed with bytes unread, a TCP would send a RST, which may overtake the last reply. */
	c->said_all = true;
	c->limit_ms = now_ms + LINGER_MS;
	return true;
}

/* --- listeners --- */

/* Whether there is a place for one more controller. The oldest of those that do not count gives up its place
 * when it must. */
static bool has_place(struct server *s)
{
	size_t i = 0;

	if (n_counting(s) >= AGENT_CONTROLLERS_MAX)
		return false;
	if (s->n_controllers < PLACES)
		return true;
	while (counts(s, s->controllers[i]))
		i++;
	drop_controller(s, i);
	return true;
}

static void accept_one(struct server *s, int listener)
{
	struct agent_address peer;
	int on = 1, fd;

	memset(&peer, 0, sizeof(peer));
	peer.len = sizeof(peer.at);
	fd = accept(listener, s->config->way == AGENT_TCP ? &peer.at.any : NULL,
		    s->config->way == AGENT_TCP ? &peer.len : NULL);
	if (fd < 0) {
		s->paused = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
		return;
	}
	if (!listener_nonblocking(fd)) {
		close(fd);
		return;
	}
	if (!has_place(s)) {
		refuse(fd);
		close(fd);
		return;
	}
	if (s->config->way == AGENT_TCP) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (!add_controller(s, fd, fd, s->config->way == AGENT_TCP ? &peer : NULL)) {
		close(fd);
		s->paused = true;
	}
}

static uint16_t port_of(int fd)
{
	struct agent_address address;

	memset(&address, 0, sizeof(address));
	address.len = sizeof(address.at);
	getsockname(fd, &address.at.any, &address.len);
	return ntohs(address.at.any.sa_family == AF_INET6 ? address.at.v6.sin6_port : address.at.v4.sin_port);
}

static bool open_tcp(struct server *s, FILE *announce, char *why, size_t why_len)
{
	static const char *const usual[] = { "127.0.0.1", "::1" };
	const char *const *addresses = s->config->n ? s->config->addresses : usual;
	size_t n = s->config->n ? s->config->n : 2;
	uint16_t port = s->config->port;

	for (size_t i = 0; i < n; i++) {
		int fd = listener_open(addresses[i], port, false, "--port", why, why_len);

		/* A machine without IPv6 has no ::1; only who asked for it by name shall hear of it. */
		if (fd < 0 && !s->config->n && i == 1 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT))
			break;
		if (fd < 0)
			return false;
		/* The system's choice, if there is one, is the same for all addresses. */
		port = port_of(fd);
		s->listeners[s->n_listeners++] = fd;
	}
	fprintf(announce, "finwait-agent: agent on ");
	for (size_t i = 0; i < s->n_listeners; i++)
		fprintf(announce, "%s%s", i ? ", " : "", addresses[i]);
	fprintf(announce, " port %u\n", (unsigned)port);
	return true;
}

static bool open_way(struct server *s, FILE *announce, char *why, size_t why_len)
{
	const struct agent_server_config *config = s->config;

	if (config->token_file &&
	    !agent_token_read(config->token_file, s->session_config.token, why, why_len))
		return false;
	if (config->way == AGENT_STDIO) {
		if (add_controller(s, STDIN_FILENO, STDOUT_FILENO, NULL))
			return true;
		snprintf(why, why_len, "Not enough memory to serve.");
		return false;
	}
	if (config->way == AGENT_TCP) {
		if (!open_tcp(s, announce, why, why_len))
			return false;
	} else {
		if (!agent_unix_open(&s->unix_socket, config->path, why, why_len))
			return false;
		s->listeners[s->n_listeners++] = s->unix_socket.fd;
		fprintf(announce, "finwait-agent: agent on %s\n", config->path);
	}
	fflush(announce);
	return true;
}

/* --- the loop --- */

static struct pollfd entry(int fd, int events)
{
	return (struct pollfd){ .fd = events ? fd : -1, .events = (short)events };
}

/* One entry for a descriptor: poll() refuses more entries than a process may have descriptors. */
static void fill_controller(struct server *s, struct controller *c)
{
	bool hears = !c->ended && c->used == c->len && (c->said_all || !agent_session_over(c->session)) &&
		     !agent_session_full(c->session);
	int in = hears ? POLLIN : 0, out = has_output(c) ? POLLOUT : 0;
	struct pollfd *polled = s->polled + s->n_polled;

	c->n_own = 1;
	if (c->in != c->out)
		polled[c->n_own++] = entry(c->out, out);
	else
		in |= out;
	polled[0] = entry(c->in, in);
	c->polled = s->n_polled;
	c->n_polled = c->n_own + agent_session_poll(c->session, polled + c->n_own);
	s->n_polled += c->n_polled;
}

/* Returns how long to wait. */
static int fill_polled(struct server *s)
{
	uint64_t now_ms = clock_ms();
	int timeout = s->paused ? PAUSE_MS : -1;

	s->n_polled = 0;
	s->polled[s->n_polled++] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
	for (size_t i = 0; i < s->n_listeners; i++) {
		s->polled[s->n_polled++] =
			(struct pollfd){ .fd = s->paused ? -1 : s->listeners[i], .events = POLLIN };
	}
	for (size_t i = 0; i < s->n_controllers; i++) {
		struct controller *c = s->controllers[i];
		uint64_t left = c->limit_ms > now_ms ? c->limit_ms - now_ms : 0;
		int due = agent_session_timeout(c->session, now_ms);

		fill_controller(s, c);
		if (due < 0 || (uint64_t)due > left)
			due = left > INT_MAX ? INT_MAX : (int)left;
		if (timeout < 0 || due < timeout)
			timeout = due;
	}
	return timeout;
}

static int loop(struct server *s, char *why, size_t why_len)
{
	while (s->config->way != AGENT_STDIO || s->n_controllers > 0) {
		int timeout = fill_polled(s), ready = poll(s->polled, (nfds_t)s->n_polled, timeout);
		uint64_t now_ms;

		if (ready < 0 && errno != EINTR) {
			snprintf(why, why_len, "Cannot wait for controllers: %s.", strerror(errno));
			return -1;
		}
		if (ready < 0)
			continue;
		if (s->polled[0].revents)
			return 0;
		s->paused = false;
		now_ms = clock_ms();
		/* From the end, so that those moved into a gap have been served already. */
		for (size_t i = s->n_controllers; i-- > 0;) {
			if (!serve(s, s->controllers[i], now_ms))
				drop_controller(s, i);
		}
		for (size_t i = 0; i < s->n_listeners; i++) {
			if (s->polled[1 + i].revents & POLLIN)
				accept_one(s, s->listeners[i]);
		}
	}
	return 0;
}

static void close_all(struct server *s)
{
	while (s->n_controllers > 0)
		drop_controller(s, s->n_controllers - 1);
	if (s->config->way == AGENT_UNIX && s->n_listeners > 0) {
		agent_unix_close(&s->unix_socket);
		s->n_listeners = 0;
	}
	while (s->n_listeners > 0)
		close(s->listeners[--s->n_listeners]);
}

int agent_server_run(const struct agent_server_config *config, FILE *announce, char *why, size_t why_len)
{
	struct server *s = calloc(1, sizeof(*s));
	int result = -1, out_flags = -1;

	if (!s) {
		snprintf(why, why_len, "Not enough memory to serve.");
		return -1;
	}
	s->config = config;
	s->session_config.networks = config->allow;
	s->session_config.n_networks = config->n_allow;
	process_raise_limit();
	if (config->way == AGENT_STDIO) {
		/* A controller that does not read shall not hold up the sockets. Others may share it: put
		 * back. */
		out_flags = fcntl(STDOUT_FILENO, F_GETFL);
		if (out_flags >= 0)
			fcntl(STDOUT_FILENO, F_SETFL, out_flags | O_NONBLOCK);
	}
	s->wake = process_wake_open();
	if (s->wake < 0)
		snprintf(why, why_len, "Cannot prepare for signals: %s.", strerror(errno));
	else if (open_way(s, announce, why, why_len))
		result = loop(s, why, why_len);
	close_all(s);
	if (out_flags >= 0)
		fcntl(STDOUT_FILENO, F_SETFL, out_flags);
	free(s);
	return result;
}
