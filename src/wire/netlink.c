/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BUFFER = 32768 }; /* what the kernel fills at most in one dump message */

struct netlink {
	struct mnl_socket *socket;
	unsigned sequence;
	char buffer[BUFFER];
};

struct netlink *netlink_open(char *why, size_t why_len)
{
	struct netlink *n = calloc(1, sizeof(*n));

	if (n)
		n->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!n || !n->socket || mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		snprintf(why, why_len, "cannot ask the kernel for its routes (rtnetlink): %s.",
			 strerror(errno));
		netlink_close(n);
		return NULL;
	}
	return n;
}

void netlink_close(struct netlink *n)
{
	if (n && n->socket)
		mnl_socket_close(n->socket);
	free(n);
}

/* Sends the request in the buffer and hands every answer to `each`. 0, or -1 with errno. */
static int ask(struct netlink *n, struct nlmsghdr *request, mnl_cb_t each, void *arg)
{
	unsigned portid = mnl_socket_get_portid(n->socket);
	int more = 1;

	request->nlmsg_seq = ++n->sequence;
	if (mnl_socket_sendto(n->socket, request, request->nlmsg_len) < 0)
		return -1;
	while (more > 0) {
		ssize_t len = mnl_socket_recvfrom(n->socket, n->buffer, sizeof(n->buffer));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -1;
		/* Checks lengths, sender and sequence number of each message. */
		more = mnl_cb_run(n->buffer, (size_t)len, n->sequence, portid, each, arg);
	}
	return more;
}

static uint8_t af_of(const struct address *a)
{
	return a->family == 4 ? AF_INET : AF_INET6;
}

/* Takes an attribute as an address of `af`; no address if its length does not fit. */
static void to_address(struct address *a, int af, const void *bytes, size_t len)
{
	*a = (struct address){0};
	if (len != (af == AF_INET ? 4 : 16))
		return;
	a->family = af == AF_INET ? 4 : 6;
	memcpy(a->bytes, bytes, len);
}

static int read_route(const struct nlmsghdr *message, void *arg)
{
	struct netlink_route *route = arg;
	const struct rtmsg *rt = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof(*rt))
		return MNL_CB_OK;
	route->type = rt->rtm_type;
	mnl_attr_for_each(attr, message, sizeof(*rt))
	{
		const void *data = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			if (!mnl_attr_validate(attr, MNL_TYPE_U32))
				route->oif = mnl_attr_get_u32(attr);
			break;
		case RTA_PREFSRC:
			to_address(&route->source, rt->rtm_family, data, len);
			break;
		case RTA_GATEWAY:
			to_address(&route->gateway, rt->rtm_family, data, len);
			break;
		case RTA_VIA: { /* an IPv4 target behind an IPv6 router (RFC 5549) */
			const struct rtvia *via = data;
			size_t head = sizeof(via->rtvia_family);

			if (len > head)
				to_address(&route->gateway, via->rtvia_family, via->rtvia_addr, len - head);
			break;
		}
		}
	}
	return MNL_CB_OK;
}

int netlink_route(struct netlink *n, const struct address *to, unsigned oif, const struct address *source,
		  struct netlink_route *route)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(n->buffer);
	struct rtmsg *rt;

	*route = (struct netlink_route){0};
	request->nlmsg_type = RTM_GETROUTE;
	/* The acknowledgement ends the answer, which is a single message. */
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	rt = mnl_nlmsg_put_extra_header(request, sizeof(*rt));
	rt->rtm_family = af_of(to);
	rt->rtm_dst_len = (uint8_t)(address_len(to) * 8);
	mnl_attr_put(request, RTA_DST, address_len(to), to->bytes);
	if (source) {
		rt->rtm_src_len = (uint8_t)(address_len(source) * 8);
		mnl_attr_put(request, RTA_SRC, address_len(source), source->bytes);
	}
	if (oif)
		mnl_attr_put_u32(request, RTA_OIF, oif);
	if (!ask(n, request, read_route, route))
		return 0;
	switch (errno) {
	case ENETUNREACH: /* these are answers: no route, or an unreachable, blackhole or prohibit one */
	case EHOSTUNREACH:
	case EACCES:
	case EINVAL:
	case ENETDOWN:
	case ENODEV:
		route->error = errno;
		return 0;
	}
	return -1;
}

struct collected {
	struct netlink_address *list;
	size_t count;
	int family;
	bool failed;
};

static int read_address(const struct nlmsghdr *message, void *arg)
{
	struct collected *c = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(message);
	struct netlink_address one = {0}, *more;
	const struct nlattr *attr;
	uint32_t flags;
	bool local = false;

	if (message->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(message) < sizeof(*ifa) ||
	    ifa->ifa_family != (c->family == 4 ? AF_INET : AF_INET6))
		return MNL_CB_OK;
	one.ifindex = ifa->ifa_index;
	one.prefix_len = ifa->ifa_prefixlen;
	flags = ifa->ifa_flags;
	mnl_attr_for_each(attr, message, sizeof(*ifa))
	{
		const void *data = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case IFA_LOCAL: /* on point-to-point links IFA_ADDRESS is the peer's */
			to_address(&one.addr, ifa->ifa_family, data, len);
			local = true;
			break;
		case IFA_ADDRESS:
			if (!local)
				to_address(&one.addr, ifa->ifa_family, data, len);
			break;
		case IFA_FLAGS:
			if (!mnl_attr_validate(attr, MNL_TYPE_U32))
				flags = mnl_attr_get_u32(attr);
			break;
		}
	}
	if (!one.addr.family || one.prefix_len > address_len(&one.addr) * 8)
		return MNL_CB_OK;
	one.usable = !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) || (flags & IFA_F_OPTIMISTIC);
	if (address_is_link_local(&one.addr))
		one.addr.scope = one.ifindex;
	more = realloc(c->list, (c->count + 1) * sizeof(*more));
	if (!more) {
		c->failed = true;
		return MNL_CB_OK;
	}
	c->list = more;
	c->list[c->count++] = one;
	return MNL_CB_OK;
}

int netlink_addresses(struct netlink *n, int family, struct netlink_address **list, size_t *count)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(n->buffer);
	struct collected c = {.family = family};
	struct ifaddrmsg *ifa;

	request->nlmsg_type = RTM_GETADDR;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	ifa = mnl_nlmsg_put_extra_header(request, sizeof(*ifa));
	ifa->ifa_family = family == 4 ? AF_INET : AF_INET6;
	if (ask(n, request, read_address, &c) || c.failed) {
		if (c.failed)
			errno = ENOMEM;
		free(c.list);
		return -1;
	}
	*list = c.list;
	*count = c.count;
	return 0;
}

static int read_neighbour(const struct nlmsghdr *message, void *arg)
{
	const struct ndmsg *neighbour = mnl_nlmsg_get_payload(message);
	bool *unanswered = arg;

	if (message->nlmsg_type == RTM_NEWNEIGH &&
	    mnl_nlmsg_get_payload_len(message) >= sizeof(*neighbour))
		*unanswered = neighbour->ndm_state & (NUD_INCOMPLETE | NUD_FAILED);
	return MNL_CB_OK;
}

bool netlink_unanswered(struct netlink *n, unsigned ifindex, const struct address *addr)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(n->buffer);
	struct ndmsg *neighbour;
	bool unanswered = false;

	request->nlmsg_type = RTM_GETNEIGH;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	neighbour = mnl_nlmsg_put_extra_header(request, sizeof(*neighbour));
	neighbour->ndm_family = af_of(addr);
	neighbour->ndm_ifindex = (int)ifindex;
	mnl_attr_put(request, NDA_DST, address_len(addr), addr->bytes);
	return !ask(n, request, read_neighbour, &unanswered) && unanswered;
}
