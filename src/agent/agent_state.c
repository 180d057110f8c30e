/* SPDX-License-Identifier: BSD-2-Clause */
/* state: which state of RFC 9293 a connection is in. */
#include "agent_call.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__linux__) && defined(TCP_INFO)
/* What follows is from linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h, repeated because a libc need
 * not come with the kernel's headers. */
enum {
	LINUX_AF_NETLINK = 16,
	LINUX_NETLINK_SOCK_DIAG = 4,
	LINUX_SOCK_DIAG_BY_FAMILY = 20,
	LINUX_NLMSG_ERROR = 2,
	LINUX_NLMSG_DONE = 3,
	LINUX_NLM_F_REQUEST = 1,
	LINUX_NLM_F_DUMP = 0x300,
};

struct netlink_address {
	uint16_t family, pad;
	uint32_t pid, groups;
};

struct netlink_header {
	uint32_t len;
	uint16_t type, flags;
	uint32_t sequence, pid;
};

struct diag_ends {
	uint16_t local_port, peer_port; /* in network order */
	uint8_t local[16], peer[16];
	uint32_t interface;
	uint32_t cookie[2];
};

struct diag_question {
	struct netlink_header header;
	uint8_t family, protocol, extensions, pad;
	uint32_t states;
	struct diag_ends ends;
};

/* What follows in an answer does not matter here. */
struct diag_answer {
	struct netlink_header header;
	union {
		int32_t error; /* of the types NLMSG_ERROR and NLMSG_DONE: 0, or an errno, negative */
		struct {
			uint8_t family, state, timer, retransmissions;
			struct diag_ends ends;
		} found;
	} of;
};

/* As the system counts them, from 1. */
static const char *const states[] = {
	"ESTABLISHED", "SYN-SENT",   "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
	"CLOSED",      "CLOSE-WAIT", "LAST-ACK",     "LISTEN",     "CLOSING",    "SYN-RECEIVED",
};

static const char *state_name(unsigned number)
{
	return number >= 1 && number <= sizeof(states) / sizeof(states[0]) ? states[number - 1] : NULL;
}

/* Returns the state's number, or 0 with errno set. */
static unsigned state_of_fd(int fd)
{
	uint8_t info[8] = { 0 }; /* the state is the first byte */
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) < 0)
		return 0;
	return info[0];
}

/* Asks one question; false with errno set when there was no answer. */
static bool ask(const struct diag_question *question, struct diag_answer *answer)
{
	struct netlink_address kernel = { .family = LINUX_AF_NETLINK };
	char room[4096];
	int fd = socket(LINUX_AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, LINUX_NETLINK_SOCK_DIAG), saved;
	ssize_t n = -1;

	if (fd < 0)
		return false;
	/* The answer is there when the question has been taken. */
	if (sendto(fd, question, sizeof(*question), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) >= 0)
		n = recv(fd, room, sizeof(room), MSG_DONTWAIT);
	saved = errno;
	close(fd);
	errno = n < 0 ? saved : EPROTO;
	if (n < (ssize_t)(sizeof(answer->header) + sizeof(answer->of.error)))
		return false;
	memset(answer, 0, sizeof(*answer));
	memcpy(answer, room, (size_t)n < sizeof(*answer) ? (size_t)n : sizeof(*answer));
	return true;
}

/* Without its module the kernel answers ENOENT, as it does when there is no such connection. A dump of no
 * state at all tells the two apart. */
static bool can_ask(struct diag_question question)
{
	struct diag_answer answer;

	question.header.flags |= LINUX_NLM_F_DUMP;
	question.states = 0;
	return ask(&question, &answer) && answer.header.type == LINUX_NLMSG_DONE && answer.of.error == 0;
}

static uint16_t port_of(const struct agent_address *address)
{
	return address->at.any.sa_family == AF_INET6 ? address->at.v6.sin6_port : address->at.v4.sin_port;
}

static uint32_t scope_of(const struct agent_address *address)
{
	return address->at.any.sa_family == AF_INET6 ? address->at.v6.sin6_scope_id : 0;
}

enum { STATE_CLOSED = 7, STATE_LISTEN = 10 };

/* Returns the number of the state of the connection between these ends, or 0 with errno set; `interface` is 0
 * where the addresses tell. */
static unsigned state_on(const struct agent_address *local, const struct agent_address *peer,
			 uint32_t interface)
{
	struct agent_network from = agent_network_of(local), to = agent_network_of(peer);
	struct diag_question question = {
		.header = { sizeof(question), LINUX_SOCK_DIAG_BY_FAMILY, LINUX_NLM_F_REQUEST, 1, 0 },
		.family = (uint8_t)from.family,
		.protocol = IPPROTO_TCP,
		.states = UINT32_MAX,
		.ends = { .local_port = port_of(local),
			  .peer_port = port_of(peer),
			  .interface = interface,
			  .cookie = { UINT32_MAX, UINT32_MAX } },
	};
	struct diag_answer answer;

	if (from.family != to.family) {
		errno = EINVAL;
		return 0;
	}
	memcpy(question.ends.local, from.bytes, sizeof(question.ends.local));
	memcpy(question.ends.peer, to.bytes, sizeof(question.ends.peer));
	if (!ask(&question, &answer))
		return 0;
	if (answer.header.type == LINUX_SOCK_DIAG_BY_FAMILY) {
		/* Where no connection is, a listener is found that a SYN would find. */
		return answer.of.found.state == STATE_LISTEN ? STATE_CLOSED : answer.of.found.state;
	}
	errno = answer.header.type == LINUX_NLMSG_ERROR ? -answer.of.error : EPROTO;
	if (errno != ENOENT)
		return 0;
	if (can_ask(question))
		return STATE_CLOSED;
	errno = ENOTSUP;
	return 0;
}

/* Link-local addresses without a scope may be on any interface. */
static unsigned state_of_ends(const struct agent_address *local, const struct agent_address *peer)
{
	uint32_t scope = scope_of(local) ? scope_of(local) : scope_of(peer);
	unsigned number = state_on(local, peer, scope);
	struct if_nameindex *interfaces;

	if (number != STATE_CLOSED || scope || !agent_address_lacks_scope(local))
		return number;
	interfaces = if_nameindex();
	for (const struct if_nameindex *at = interfaces; at && at->if_index && number == STATE_CLOSED; at++)
		number = state_on(local, peer, at->if_index);
	if (interfaces)
		if_freenameindex(interfaces);
	return number;
}

static void run_state(const struct agent_request *r)
{
	bool by_socket = agent_line_value(r->line, "socket") != NULL;
	struct agent_address local, peer;
	struct agent_socket *socket;
	const char *name;
	unsigned number;

	if (by_socket) {
		socket = agent_socket_of(r);
		if (!socket)
			return;
		if (agent_line_value(r->line, "local") || agent_line_value(r->line, "peer")) {
			agent_error(r->s, r->line->tag, EINVAL, "state takes a socket, or local and peer");
			return;
		}
		number = state_of_fd(socket->fd);
	} else {
		if (!agent_address_of(r, "local", &local) || !agent_address_of(r, "peer", &peer))
			return;
		if (!agent_allows(r->s, &peer)) {
			agent_error(r->s, r->line->tag, EACCES, "hello did not allow the peer's address");
			return;
		}
		number = state_of_ends(&local, &peer);
	}
	if (!number) {
		agent_system_error(r->s, r->line->tag, errno);
		return;
	}
	name = state_name(number);
	if (name)
		agent_ok(r->s, r->line->tag, "state=%s", name);
	else
		agent_error(r->s, r->line->tag, ENOTSUP, "the system tells an unknown state, %u", number);
}

const struct agent_verb agent_state_verbs[] = {
	{ "state", run_state, { "socket", "local", "peer" }, NULL, 0 },
	{ NULL, NULL, { NULL }, NULL, 0 },
};
#else
/* Known, but not by this system. */
const struct agent_verb agent_state_verbs[] = {
	{ "state", NULL, { "socket", "local", "peer" }, NULL, 0 },
	{ NULL, NULL, { NULL }, NULL, 0 },
};
#endif
