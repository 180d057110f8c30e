/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs that make, name, connect and end sockets. */
#include "agent_call.h"
#include "listener.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- sockets of a session --- */

struct agent_socket *agent_socket_add(struct agent_session *s, int fd, int family)
{
	struct agent_socket *socket;

	if (s->n_sockets == AGENT_SOCKETS_MAX) {
		errno = EMFILE;
		return NULL;
	}
	socket = calloc(1, sizeof(*socket));
	if (!socket) {
		errno = ENOMEM;
		return NULL;
	}
	socket->number = ++s->last_number;
	socket->fd = fd;
	socket->family = family;
	s->sockets[s->n_sockets++] = socket;
	return socket;
}

void agent_socket_abort_fd(int fd)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

/* Linux waits in close() as long as SO_LINGER says, even for a nonblocking socket. What it sends is the same
 * without, and the agent has other sockets to serve. */
static void close_without_waiting(int fd)
{
	struct linger linger;
	socklen_t len = sizeof(linger);

	if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 && linger.l_onoff &&
	    linger.l_linger > 0) {
		linger.l_onoff = 0;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	}
	close(fd);
}

void agent_socket_drop(struct agent_session *s, struct agent_socket *socket, bool reset)
{
	size_t i = 0;

	while (socket->calls) {
		agent_error(s, socket->calls->tag, ECANCELED, "socket %llu was closed",
			    (unsigned long long)socket->number);
		agent_call_end(s, socket->calls);
	}
	while (socket->kept) {
		struct agent_kept *kept = socket->kept;

		socket->kept = kept->next;
		s->n_kept--;
		agent_socket_abort_fd(kept->fd);
		free(kept);
	}
	if (reset)
		agent_socket_abort_fd(socket->fd);
	else
		close_without_waiting(socket->fd);
	while (s->sockets[i] != socket)
		i++;
	s->sockets[i] = s->sockets[--s->n_sockets];
	free(socket);
}

/* --- socket --- */

static void run_socket(const struct agent_request *r)
{
	const char *name = agent_text_of(r, "family");
	int family, fd;
	struct agent_socket *made = NULL;

	if (!name)
		return;
	if (strcmp(name, "ipv4") != 0 && strcmp(name, "ipv6") != 0) {
		agent_error(r->s, r->line->tag, EINVAL, "family must be ipv4 or ipv6");
		return;
	}
	family = strcmp(name, "ipv6") == 0 ? AF_INET6 : AF_INET;
	if (r->s->n_sockets == AGENT_SOCKETS_MAX) {
		agent_error(r->s, r->line->tag, EMFILE, "a session has at most %d sockets",
			    (int)AGENT_SOCKETS_MAX);
		return;
	}
	fd = socket(family, SOCK_STREAM, 0);
	if (fd >= 0 && listener_nonblocking(fd))
		made = agent_socket_add(r->s, fd, family);
	if (made) {
		agent_ok(r->s, r->line->tag, "socket=%llu", (unsigned long long)made->number);
		return;
	}
	agent_system_error(r->s, r->line->tag, errno);
	if (fd >= 0)
		close(fd);
}

/* --- addresses --- */

/* getsockname() or getpeername(); false with errno set. */
static bool address_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *), struct agent_address *address)
{
	memset(address, 0, sizeof(*address));
	address->len = sizeof(address->at);
	if (get(fd, &address->at.any, &address->len) < 0)
		return false;
	if (address->len == 0)
		errno = ENOTCONN;
	return address->len > 0;
}

/* The same as text; false with errno set. */
static bool address_text(int fd, int (*get)(int, struct sockaddr *, socklen_t *),
			 char text[AGENT_ADDRESS_ROOM])
{
	struct agent_address address;

	if (!address_of(fd, get, &address))
		return false;
	agent_address_write(&address, text);
	return true;
}

static void answer_local(const struct agent_request *r, int fd)
{
	char local[AGENT_ADDRESS_ROOM];

	if (address_text(fd, getsockname, local))
		agent_ok(r->s, r->line->tag, "local=%s", local);
	else
		agent_system_error(r->s, r->line->tag, errno);
}

/* Whether this machine has the address, with the scope it names. */
static bool can_bind(const struct agent_address *local)
{
	struct agent_address any_port = *local;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool can;

	any_port.at.v6.sin6_port = 0;
	can = fd >= 0 && bind(fd, &any_port.at.any, any_port.len) == 0;
	if (fd >= 0)
		close(fd);
	return can;
}

/* A controller cannot know how an interface is called here: takes the one that has this link-local address.
 * False when there is none, or more than one. */
static bool find_scope(struct agent_address *local)
{
	struct if_nameindex *interfaces = if_nameindex();
	uint32_t found = 0;
	unsigned n = 0;

	for (const struct if_nameindex *at = interfaces; at && at->if_index; at++) {
		local->at.v6.sin6_scope_id = at->if_index;
		if (can_bind(local)) {
			found = at->if_index;
			n++;
		}
	}
	if (interfaces)
		if_freenameindex(interfaces);
	local->at.v6.sin6_scope_id = found;
	return n == 1;
}

static void run_bind(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	struct agent_address local;

	if (!socket || !agent_address_of(r, "local", &local))
		return;
	if (agent_address_lacks_scope(&local) && !find_scope(&local))
		agent_error(r->s, r->line->tag, EINVAL,
			    "not just one interface has this address; name its scope");
	else if (bind(socket->fd, &local.at.any, local.len) < 0)
		agent_system_error(r->s, r->line->tag, errno);
	else
		answer_local(r, socket->fd);
}

static void run_name(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	char local[AGENT_ADDRESS_ROOM], peer[AGENT_ADDRESS_ROOM];

	if (!socket)
		return;
	if (!address_text(socket->fd, getpeername, peer))
		answer_local(r, socket->fd);
	else if (!address_text(socket->fd, getsockname, local))
		agent_system_error(r->s, r->line->tag, errno);
	else
		agent_ok(r->s, r->line->tag, "local=%s peer=%s", local, peer);
}

/* --- listen and connect --- */

/* Answers with what a call without a result of its own returned. */
static void answer_result(const struct agent_request *r, int result)
{
	if (result < 0)
		agent_system_error(r->s, r->line->tag, errno);
	else
		agent_done(r->s, r->line->tag);
}

static void run_listen(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	uint64_t backlog;

	if (socket && agent_number_of(r, "backlog", INT32_MAX, &backlog))
		answer_result(r, listen(socket->fd, (int)backlog));
}

/* A connection that goes on is over, well or badly, as soon as the socket can be written to. */
static bool connect_goes_on(struct agent_session *s, struct agent_call *call)
{
	struct pollfd now = { .fd = call->socket->fd, .events = POLLOUT };
	char local[AGENT_ADDRESS_ROOM], peer[AGENT_ADDRESS_ROOM];
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&now, 1, 0) == 0)
		return false;
	if (getsockopt(now.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (!error && (!address_text(now.fd, getpeername, peer) || !address_text(now.fd, getsockname, local)))
		error = errno;
	if (error)
		agent_system_error(s, call->tag, error);
	else
		agent_ok(s, call->tag, "local=%s peer=%s", local, peer);
	return true;
}

/* A link-local address is that of the interface the socket is bound to, or else the controller's. */
static void add_scope(const struct agent_session *s, const struct agent_socket *socket,
		      struct agent_address *to)
{
	struct agent_address local;

	if (agent_address_lacks_scope(to) && address_of(socket->fd, getsockname, &local) &&
	    local.at.any.sa_family == AF_INET6)
		to->at.v6.sin6_scope_id = local.at.v6.sin6_scope_id;
	if (agent_address_lacks_scope(to))
		to->at.v6.sin6_scope_id = s->own.scope;
}

static void run_connect(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	const char *wait_text = agent_line_value(r->line, "wait");
	struct agent_call *call = NULL;
	struct agent_address to;
	uint64_t wait = 1;

	if (!socket || !agent_address_of(r, "to", &to) ||
	    (wait_text && !agent_number_of(r, "wait", 1, &wait)))
		return;
	add_scope(r->s, socket, &to);
	if (!agent_allows(r->s, &to)) {
		agent_error(r->s, r->line->tag, EACCES, "hello did not allow this address");
		return;
	}
	if (wait) {
		call = agent_call_new(r, socket);
		if (!call)
			return;
	}
	if (connect(socket->fd, &to.at.any, to.len) < 0 && errno != EINPROGRESS && errno != EINTR) {
		agent_system_error(r->s, r->line->tag, errno);
		if (call)
			agent_call_free(call);
		return;
	}
	if (call)
		agent_call_start(r->s, call);
	else
		answer_local(r, socket->fd);
}

/* --- shutdown, close and abort --- */

static void run_shutdown(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	const char *how = socket ? agent_text_of(r, "how") : NULL;

	if (!how)
		return;
	if (strcmp(how, "read") == 0)
		answer_result(r, shutdown(socket->fd, SHUT_RD));
	else if (strcmp(how, "write") == 0)
		answer_result(r, shutdown(socket->fd, SHUT_WR));
	else if (strcmp(how, "both") == 0)
		answer_result(r, shutdown(socket->fd, SHUT_RDWR));
	else
		agent_error(r->s, r->line->tag, EINVAL, "how must be read, write or both");
}

static void end_socket(const struct agent_request *r, bool reset)
{
	struct agent_socket *socket = agent_socket_of(r);

	if (!socket)
		return;
	agent_socket_drop(r->s, socket, reset);
	agent_done(r->s, r->line->tag);
}

static void run_close(const struct agent_request *r)
{
	end_socket(r, false);
}

static void run_abort(const struct agent_request *r)
{
	end_socket(r, true);
}

const struct agent_verb agent_socket_verbs[] = {
	{ "socket", run_socket, { "family" }, NULL, 0 },
	{ "bind", run_bind, { "socket", "local" }, NULL, 0 },
	{ "listen", run_listen, { "socket", "backlog" }, NULL, 0 },
	{ "connect", run_connect, { "socket", "to", "wait", "timeout_ms" }, connect_goes_on, POLLOUT },
	{ "shutdown", run_shutdown, { "socket", "how" }, NULL, 0 },
	{ "close", run_close, { "socket" }, NULL, 0 },
	{ "abort", run_abort, { "socket" }, NULL, 0 },
	{ "name", run_name, { "socket" }, NULL, 0 },
	{ NULL, NULL, { NULL }, NULL, 0 },
};
