/* SPDX-License-Identifier: BSD-2-Clause */
/* accept: connections are taken off the system's queue only while somebody waits for one, and given to whom
 * they are for. */
#include "agent_call.h"
#include "listener.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Taken off a queue at once; then others have their turn, however fast more come. */
enum { TAKEN_MAX = 64 };

static bool wants(const struct agent_call *call, const struct agent_address *peer)
{
	return call->from.len > 0 && agent_address_equal(&call->from, peer);
}

/* Who gets a connection from this peer: who has named it, else who came first of those that named nobody;
 * `trying` is a call that does not wait yet. NULL: nobody. */
static struct agent_call *taker(const struct agent_socket *socket, struct agent_call *trying,
				const struct agent_address *peer)
{
	struct agent_call *any = NULL;
	bool trying_waits = false;

	for (struct agent_call *call = socket->calls; call; call = call->next) {
		if (call == trying)
			trying_waits = true;
		if (call->verb != trying->verb)
			continue;
		if (wants(call, peer))
			return call;
		if (!any && call->from.len == 0)
			any = call;
	}
	if (!trying_waits && wants(trying, peer))
		return trying;
	return any || trying->from.len > 0 ? any : trying;
}

/* Makes a socket of the session from a connection and answers. False with errno set: it could not be made,
 * and the connection is left as it was. */
static bool give(struct agent_session *s, const struct agent_call *call, int fd,
		 const struct agent_address *peer)
{
	char local_text[AGENT_ADDRESS_ROOM], peer_text[AGENT_ADDRESS_ROOM];
	struct agent_address local;
	struct agent_socket *made;

	memset(&local, 0, sizeof(local));
	local.len = sizeof(local.at);
	if (getsockname(fd, &local.at.any, &local.len) < 0)
		return false;
	made = agent_socket_add(s, fd, call->socket->family);
	if (!made)
		return false;
	agent_address_write(&local, local_text);
	agent_address_write(peer, peer_text);
	agent_ok(s, call->tag, "socket=%llu local=%s peer=%s", (unsigned long long)made->number, local_text,
		 peer_text);
	return true;
}

bool agent_socket_keeps_more(const struct agent_session *s, const struct agent_socket *socket)
{
	return socket->n_kept < AGENT_KEPT_MAX && s->n_kept < AGENT_KEPT_OF_SESSION_MAX;
}

static void keep(struct agent_session *s, struct agent_socket *socket, int fd, const struct agent_address *peer)
{
	struct agent_kept *kept = calloc(1, sizeof(*kept)), **end = &socket->kept;

	if (!kept) {
		agent_socket_abort_fd(fd);
		return;
	}
	kept->fd = fd;
	kept->peer = *peer;
	while (*end)
		end = &(*end)->next;
	*end = kept;
	socket->n_kept++;
	s->n_kept++;
}

/* Whether one of the connections kept for later was for this call. */
static bool take_kept(struct agent_session *s, struct agent_call *call)
{
	struct agent_kept **at = &call->socket->kept, *kept;

	while (*at && call->from.len > 0 && !wants(call, &(*at)->peer))
		at = &(*at)->next;
	kept = *at;
	if (!kept)
		return false;
	if (!give(s, call, kept->fd, &kept->peer)) {
		agent_system_error(s, call->tag, errno);
		return true;
	}
	*at = kept->next;
	call->socket->n_kept--;
	s->n_kept--;
	free(kept);
	return true;
}

/* The next connection of the system's queue that is allowed; -1 with errno set when there is none. `left` is
 * how many may still be taken in this turn. */
static int next_connection(const struct agent_session *s, int listener, struct agent_address *peer, int *left)
{
	while ((*left)-- > 0) {
		int fd;

		memset(peer, 0, sizeof(*peer));
		peer->len = sizeof(peer->at);
		fd = accept(listener, &peer->at.any, &peer->len);
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			return -1;
		if (peer->len > 0 && agent_allows(s, peer) && listener_nonblocking(fd))
			return fd;
		agent_socket_abort_fd(fd);
	}
	errno = EAGAIN;
	return -1;
}

static bool accept_goes_on(struct agent_session *s, struct agent_call *call)
{
	struct agent_socket *socket = call->socket;
	int left = TAKEN_MAX;

	if (take_kept(s, call))
		return true;
	while (agent_socket_keeps_more(s, socket)) {
		struct agent_address peer;
		struct agent_call *to;
		int fd = next_connection(s, socket->fd, &peer, &left);

		if (fd < 0) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return false;
			agent_system_error(s, call->tag, errno);
			return true;
		}
		to = taker(socket, call, &peer);
		if (!to) {
			keep(s, socket, fd, &peer);
			continue;
		}
		if (!give(s, to, fd, &peer)) {
			agent_system_error(s, to->tag, errno);
			keep(s, socket, fd, &peer);
		}
		if (to == call)
			return true;
		agent_call_end(s, to);
	}
	return false;
}

static void run_accept(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	struct agent_address from;
	struct agent_call *call;

	memset(&from, 0, sizeof(from));
	if (!socket || (agent_line_value(r->line, "from") && !agent_address_of(r, "from", &from)))
		return;
	call = agent_call_new(r, socket);
	if (!call)
		return;
	call->from = from;
	/* Who waits already gets what it can have: the order is kept by taker(). */
	agent_call_try(r->s, call);
}

const struct agent_verb agent_accept_verbs[] = {
	{ "accept", run_accept, { "socket", "from", "timeout_ms" }, accept_goes_on, POLLIN },
	{ NULL, NULL, { NULL }, NULL, 0 },
};
