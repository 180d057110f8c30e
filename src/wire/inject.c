/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/inject.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A queue that does not move for this long is an error rather than a reason to hang. */
static const struct timeval send_limit = { .tv_sec = 2 };

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_ll link;
};

static socklen_t socket_address(union any_address *out, const struct address *a, unsigned ifindex)
{
	*out = (union any_address){ 0 };
	if (a->family == 4) {
		out->v4.sin_family = AF_INET;
		memcpy(&out->v4.sin_addr, a->bytes, 4);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	memcpy(&out->v6.sin6_addr, a->bytes, 16);
	if (address_is_link_local(a))
		out->v6.sin6_scope_id = ifindex;
	return sizeof(out->v6);
}

static int refuse_open(const char *what, const char *name, char *why, size_t why_len)
{
	if (errno == EPERM || errno == EACCES)
		snprintf(why, why_len, "%s %s needs the capability CAP_NET_RAW", what, name);
	else
		snprintf(why, why_len, "%s %s failed: %s", what, name, strerror(errno));
	return -1;
}

static int close_after(int fd)
{
	close(fd);
	return -1;
}

int inject_open_raw(const struct route *route, char *why, size_t why_len)
{
	bool v6 = route->source.family == 6;
	char text[ADDRESS_TEXT];
	union any_address own;
	socklen_t len = socket_address(&own, &route->source, route->ifindex);
	int on = 1, fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0)
		return refuse_open("sending from", address_text(&route->source, text), why, why_len);
	if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_HDRINCL : IP_HDRINCL, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_limit, sizeof(send_limit)) ||
	    bind(fd, &own.any, len)) {
		refuse_open("sending from", address_text(&route->source, text), why, why_len);
		return close_after(fd);
	}
	/* An own address may belong to any interface, but is reached by the loopback. */
	if (!route->local &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, route->ifname, (socklen_t)strlen(route->ifname))) {
		refuse_open("sending on interface", route->ifname, why, why_len);
		return close_after(fd);
	}
	return fd;
}

/* One sentence for an error of send(); `target` NULL for the link layer. */
static int refuse_send(const char *ifname, const struct address *target, char *why, size_t why_len)
{
	char text[ADDRESS_TEXT];
	const char *to = target ? address_text(target, text) : "the link";

	switch (errno) {
	case EPERM:
	case EACCES:
		snprintf(why, why_len, "this host's firewall refused a segment to %s on %s: let its output chain accept TCP to that address",
			 to, ifname);
		break;
	case ENETUNREACH:
	case EHOSTUNREACH:
		snprintf(why, why_len, "the kernel has no route to %s on %s any more: look at `ip route get`", to,
			 ifname);
		break;
	case ENETDOWN:
	case ENODEV:
	case ENXIO:
		snprintf(why, why_len, "interface %s is down or gone: set it up again", ifname);
		break;
	case ENOBUFS:
	case ENOMEM:
	case EAGAIN:
		snprintf(why, why_len, "interface %s does not take segments this fast: choose a lower --rate",
			 ifname);
		break;
	case EMSGSIZE:
		snprintf(why, why_len, "a segment to %s is longer than interface %s allows: send less data at once",
			 to, ifname);
		break;
	default:
		snprintf(why, why_len, "sending to %s on %s failed: %s", to, ifname, strerror(errno));
	}
	return -1;
}

/* All of `n` messages, in order. The error of a message shows when it comes first. */
static int send_all(int fd, struct mmsghdr *messages, size_t n)
{
	while (n) {
		int sent = sendmmsg(fd, messages, (unsigned)n, 0);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -1;
		messages += sent;
		n -= (size_t)sent;
	}
	return 0;
}

int inject_raw(int fd, const struct route *route, const struct address *target,
	       const struct inject_packet *packets, size_t n, char *why, size_t why_len)
{
	struct mmsghdr messages[INJECT_BATCH];
	struct iovec parts[INJECT_BATCH];
	union any_address to;
	socklen_t to_len = socket_address(&to, target, route->ifindex);

	for (size_t done = 0, batch; done < n; done += batch) {
		batch = n - done < INJECT_BATCH ? n - done : INJECT_BATCH;
		for (size_t i = 0; i < batch; i++) {
			parts[i] = (struct iovec){ (void *)(uintptr_t)packets[done + i].bytes,
						   packets[done + i].len };
			messages[i].msg_hdr = (struct msghdr){ .msg_name = &to,
							       .msg_namelen = to_len,
							       .msg_iov = &parts[i],
							       .msg_iovlen = 1 };
		}
		if (send_all(fd, messages, batch))
			return refuse_send(route->ifname, target, why, why_len);
	}
	return 0;
}

/* 1 if the interface is Ethernet, with its MAC; 0 if not; -1 on error. */
static int find_mac(const char *ifname, uint8_t mac[6])
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	if (fd < 0)
		return -1;
	result = ioctl(fd, SIOCGIFHWADDR, &request);
	close(fd);
	if (result)
		return -1;
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

int inject_open_port(struct inject_port *port, const char *ifname, unsigned ifindex, char *why,
		     size_t why_len)
{
	union any_address own = { .link = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex } };
	int ethernet = find_mac(ifname, port->mac), fd;

	port->fd = -1;
	if (ethernet < 0)
		return refuse_open("sending on interface", ifname, why, why_len);
	if (!ethernet)
		return 0;
	/* Protocol 0: nothing is ever received on it. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse_open("sending on interface", ifname, why, why_len);
	if (bind(fd, &own.any, sizeof(own.link)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_limit, sizeof(send_limit))) {
		refuse_open("sending on interface", ifname, why, why_len);
		return close_after(fd);
	}
	port->fd = fd;
	return 0;
}

int inject_port(const struct inject_port *port, const char *ifname, const uint8_t header[INJECT_HEADER],
		const struct inject_packet *packets, size_t n, char *why, size_t why_len)
{
	struct mmsghdr messages[INJECT_BATCH];
	struct iovec parts[INJECT_BATCH][2];

	for (size_t done = 0, batch; done < n; done += batch) {
		batch = n - done < INJECT_BATCH ? n - done : INJECT_BATCH;
		for (size_t i = 0; i < batch; i++) {
			parts[i][0] = (struct iovec){ (void *)(uintptr_t)header, INJECT_HEADER };
			parts[i][1] = (struct iovec){ (void *)(uintptr_t)packets[done + i].bytes,
						      packets[done + i].len };
			messages[i].msg_hdr = (struct msghdr){ .msg_iov = parts[i], .msg_iovlen = 2 };
		}
		if (send_all(port->fd, messages, batch))
			return refuse_send(ifname, NULL, why, why_len);
	}
	return 0;
}
