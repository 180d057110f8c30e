/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/spare.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libnet.h> /* after the kernel's headers, which it would else replace */

#include "wire/clock.h"
#include "wire/neighbour.h"

enum {
	PROBES = 3, /* RFC 5227 2.1.1 wants three, at least a second apart; a lab cannot wait that long */
	PROBE_MS = 200,
	REQUESTS = 3,
	REQUEST_MS = 400,
	FRAME_MAX = 1514,
	SERVE_MAX = 64, /* frames answered in one go, however many somebody sends */
};

struct spare {
	int fd;
	libnet_t *libnet;
	struct address source, gateway;
	char ifname[IF_NAMESIZE];
	uint8_t mac[MAC_LEN]; /* the interface's own: the spare address lives behind it */
	uint8_t header[SPARE_HEADER];
};

static const uint8_t broadcast[MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const struct address all_nodes = {.family = 6, .bytes = {0xff, 2, [15] = 1}};

static const char *mac_text(const uint8_t *mac, char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}

/* Is the host a router on this interface? Then it would answer what it hears for the spare address with
 * redirects or forward it. Unknown counts as yes. */
static int check_forwarding(const struct route *r, char *why, size_t why_len)
{
	const char *family = r->source.family == 4 ? "ipv4" : "ipv6";
	char path[64 + IF_NAMESIZE];
	int c = EOF;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", family, r->ifname);
	f = fopen(path, "re");
	if (f) {
		c = getc(f);
		fclose(f);
	}
	if (c == '0')
		return 0;
	if (c == EOF)
		snprintf(
			why, why_len,
			"cannot read %s, so it is not sure that this host would leave a spare address alone: "
			"choose a --source of its own.",
			path);
	else
		snprintf(why, why_len,
			 "this host forwards packets on %s (net.%s.conf.%s.forwarding) and would interfere "
			 "with a "
			 "spare address: choose a --source of its own.",
			 r->ifname, family, r->ifname);
	return -1;
}

/* ARP that names our address as sender or target; or neighbour solicitations and advertisements. */
static int attach_filter(const struct spare *s)
{
	uint32_t ours = (uint32_t)s->source.bytes[0] << 24 | (uint32_t)s->source.bytes[1] << 16 |
			(uint32_t)s->source.bytes[2] << 8 | s->source.bytes[3];
	struct sock_filter arp[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ETH_HLEN + 14),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ours, 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ETH_HLEN + 24),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ours, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter nd[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 40),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(arp) / sizeof(*arp), .filter = arp};

	if (s->source.family == 6)
		program = (struct sock_fprog){.len = sizeof(nd) / sizeof(*nd), .filter = nd};
	return setsockopt(s->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* 33:33 and the last four bytes of an IPv6 group (RFC 2464 7). */
static void group_mac(const struct address *group, uint8_t mac[MAC_LEN])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->bytes + 12, 4);
}

static int join(const struct spare *s, unsigned ifindex, const struct address *group)
{
	struct packet_mreq m = {
		.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_MULTICAST, .mr_alen = MAC_LEN};

	group_mac(group, m.mr_address);
	return setsockopt(s->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m));
}

/* Filter first, then bind: no other frame ever gets into the queue. */
static int open_socket(struct spare *s, const struct route *r, char *why, size_t why_len)
{
	uint16_t type = s->source.family == 4 ? ETH_P_ARP : ETH_P_IPV6;
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = (int)r->ifindex};
	struct ifreq request = {0};
	struct address group;

	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0) {
		snprintf(why, why_len, "a spare source address needs CAP_NET_RAW for a packet socket: %s.",
			 strerror(errno));
		return -1;
	}
	memcpy(request.ifr_name, r->ifname, sizeof(request.ifr_name));
	if (ioctl(s->fd, SIOCGIFHWADDR, &request)) {
		snprintf(why, why_len, "cannot ask for the MAC address of %s: %s.", r->ifname,
			 strerror(errno));
		return -1;
	}
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		snprintf(why, why_len,
			 "%s is not Ethernet, so it has no room for a spare address: choose a --source of "
			 "this host.",
			 r->ifname);
		return -1;
	}
	memcpy(s->mac, request.ifr_hwaddr.sa_data, MAC_LEN);
	neighbour_solicited_node(&s->source, &group);
	if (attach_filter(s) || bind(s->fd, (struct sockaddr *)&at, sizeof(at)) ||
	    (s->source.family == 6 && (join(s, r->ifindex, &group) || join(s, r->ifindex, &all_nodes)))) {
		snprintf(why, why_len, "cannot listen on %s for a spare address: %s.", r->ifname,
			 strerror(errno));
		return -1;
	}
	return 0;
}

struct spare *spare_open(const struct route *route, char *why, size_t why_len)
{
	char error[LIBNET_ERRBUF_SIZE] = "";
	struct spare *s;

	if (check_forwarding(route, why, why_len))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(why, why_len, "out of memory.");
		return NULL;
	}
	s->fd = -1;
	s->source = route->source;
	s->gateway = route->gateway;
	memcpy(s->ifname, route->ifname, sizeof(s->ifname));
	s->libnet = libnet_init(LIBNET_NONE, NULL, error);
	if (!s->libnet)
		snprintf(why, why_len, "libnet cannot be set up: %s.", error);
	if (!s->libnet || open_socket(s, route, why, why_len)) {
		spare_close(s);
		return NULL;
	}
	return s;
}

/* Puts an Ethernet header before what libnet has, and sends it. 0, or -1 with errno. */
static int send_built(struct spare *s, const uint8_t *to, uint16_t type)
{
	uint8_t *frame = NULL;
	uint32_t len = 0;
	int result = -1;

	errno = ENOMEM;
	if (libnet_build_ethernet(to, s->mac, type, NULL, 0, s->libnet, 0) >= 0 &&
	    libnet_pblock_coalesce(s->libnet, &frame, &len) >= 0) {
		result = send(s->fd, frame, len, 0) == (ssize_t)len ? 0 : -1;
		libnet_adv_free_packet(s->libnet, frame);
	}
	libnet_clear_packet(s->libnet);
	return result;
}

/* `sender` NULL: 0.0.0.0, a probe. */
static int send_arp(struct spare *s, uint16_t operation, const struct address *sender,
		    const uint8_t *target_mac, const struct address *target, const uint8_t *to)
{
	static const uint8_t nobody[16];

	if (libnet_build_arp(ARPHRD_ETHER, ETH_P_IP, MAC_LEN, 4, operation, s->mac,
			     sender ? sender->bytes : nobody, target_mac ? target_mac : nobody,
			     target->family ? target->bytes : nobody, NULL, 0, s->libnet, 0) < 0) {
		errno = ENOMEM;
		return -1;
	}
	return send_built(s, to, ETH_P_ARP);
}

static struct libnet_in6_addr in6(const struct address *a)
{
	struct libnet_in6_addr in6;

	memcpy(&in6, a->bytes, sizeof(in6));
	return in6;
}

/* A solicitation or an advertisement about `about`; `option` 0: without our link-layer address. */
static int send_nd(struct spare *s, uint8_t type, uint32_t flags, uint8_t option, const struct address *about,
		   const struct address *src, const struct address *dst, const uint8_t *to)
{
	uint16_t len = LIBNET_ICMPV6_NDP_NSOL_H + (option ? 2 + MAC_LEN : 0);
	bool bad = option && libnet_build_icmpv6_ndp_opt(option, s->mac, MAC_LEN, s->libnet, 0) < 0;

	if (type == ND_NEIGHBOR_SOLICIT)
		bad = bad || libnet_build_icmpv6_ndp_nsol(type, 0, 0, in6(about), NULL, 0, s->libnet, 0) < 0;
	else
		bad = bad ||
		      libnet_build_icmpv6_ndp_nadv(type, 0, 0, flags, in6(about), NULL, 0, s->libnet, 0) < 0;
	bad = bad || libnet_build_ipv6(0, 0, len, IPPROTO_ICMPV6, 255, in6(src), in6(dst), NULL, 0, s->libnet,
				       0) < 0;
	if (bad) {
		libnet_clear_packet(s->libnet);
		errno = ENOMEM;
		return -1;
	}
	return send_built(s, to, ETH_P_IPV6);
}

/* Asks the link who has `about`: as a probe before the address is ours, or as its owner. */
static int ask(struct spare *s, const struct address *about, bool probe)
{
	static const struct address nobody = {.family = 6};
	struct address group;
	uint8_t mac[MAC_LEN];

	if (s->source.family == 4)
		return send_arp(s, ARPOP_REQUEST, probe ? NULL : &s->source, NULL, about, broadcast);
	neighbour_solicited_node(about, &group);
	group_mac(&group, mac);
	return send_nd(s, ND_NEIGHBOR_SOLICIT, 0, probe ? 0 : ND_OPT_SOURCE_LINKADDR, about,
		       probe ? &nobody : &s->source, &group, mac);
}

/* A probe is answered to all (RFC 4861 7.2.4), a question to the one who asked. An answer that cannot be
 * sent now is as good as one lost on the link: they will ask again. */
static void answer(struct spare *s, const struct neighbour *n)
{
	uint8_t mac[MAC_LEN];

	if (s->source.family == 4) {
		send_arp(s, ARPOP_REPLY, &s->source, n->mac, &n->sender, n->mac);
	} else if (n->sender.family) {
		send_nd(s, ND_NEIGHBOR_ADVERT, ND_NA_FLAG_SOLICITED | ND_NA_FLAG_OVERRIDE,
			ND_OPT_TARGET_LINKADDR, &s->source, &s->source, &n->sender, n->mac);
	} else {
		group_mac(&all_nodes, mac);
		send_nd(s, ND_NEIGHBOR_ADVERT, ND_NA_FLAG_OVERRIDE, ND_OPT_TARGET_LINKADDR, &s->source,
			&s->source, &all_nodes, mac);
	}
}

/* The next question or answer from somebody else in the queue; false if there is none, or after a bounded
 * number of other frames. */
static bool next(struct spare *s, struct neighbour *n)
{
	uint8_t frame[FRAME_MAX];

	for (int i = 0; i < SERVE_MAX; i++) {
		ssize_t len = recv(s->fd, frame, sizeof(frame), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return false;
		/* A switch that mirrors would hand us our own frames. */
		if (neighbour_parse(n, frame, (size_t)len) && memcmp(n->mac, s->mac, MAC_LEN))
			return true;
	}
	return false;
}

/* The same, waiting for one until `deadline_ms`. */
static bool next_until(struct spare *s, int64_t deadline_ms, struct neighbour *n)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	int64_t left_ms;

	while ((left_ms = deadline_ms - clock_ms()) > 0) {
		if (next(s, n))
			return true;
		poll(&p, 1, (int)left_ms);
	}
	return false;
}

/* Does `n` show that somebody has our address, or is about to take it? */
static bool in_conflict(const struct spare *s, const struct neighbour *n)
{
	return (n->claimed.family && address_equal(&n->claimed, &s->source)) ||
	       (n->asked.family && !n->sender.family && address_equal(&n->asked, &s->source));
}

static int send_failed(const struct spare *s, char *why, size_t why_len)
{
	snprintf(why, why_len, "cannot send on %s: %s.", s->ifname, strerror(errno));
	return -1;
}

static int probe(struct spare *s, char *why, size_t why_len)
{
	char text[ADDRESS_TEXT], mac[18];
	struct neighbour n;

	for (int i = 0; i < PROBES; i++) {
		int64_t deadline_ms = clock_ms() + PROBE_MS;

		if (ask(s, &s->source, true))
			return send_failed(s, why, why_len);
		while (next_until(s, deadline_ms, &n))
			if (in_conflict(s, &n)) {
				snprintf(why, why_len,
					 "source %s is in use on %s by %s: choose an address that is free.",
					 address_text(&s->source, text), s->ifname, mac_text(n.mac, mac));
				return -1;
			}
	}
	return 0;
}

static bool asks_us(const struct spare *s, const struct neighbour *n)
{
	return n->asked.family && address_equal(&n->asked, &s->source);
}

/* Finds out the MAC address of `hop`, answering on the way: the other side may ask before it answers. */
static int resolve_hop(struct spare *s, const struct address *hop, char *why, size_t why_len)
{
	char text[ADDRESS_TEXT];
	struct neighbour n;

	for (int i = 0; i < REQUESTS; i++) {
		int64_t deadline_ms = clock_ms() + REQUEST_MS;

		if (ask(s, hop, false))
			return send_failed(s, why, why_len);
		while (next_until(s, deadline_ms, &n)) {
			if (asks_us(s, &n))
				answer(s, &n);
			if (n.told && n.claimed.family && address_equal(&n.claimed, hop)) {
				memcpy(s->header, n.mac, MAC_LEN);
				return 0;
			}
		}
	}
	snprintf(why, why_len, "%s does not answer on %s, so nothing can be sent to it: is it switched on?",
		 address_text(hop, text), s->ifname);
	return -1;
}

int spare_claim(struct spare *s, const struct address *target, char *why, size_t why_len)
{
	const struct address *hop = s->gateway.family ? &s->gateway : target;
	uint16_t type = htons(s->source.family == 4 ? ETH_P_IP : ETH_P_IPV6);

	if (hop->family != s->source.family) {
		snprintf(why, why_len,
			 "the router to the target has an address of the other family, which a spare "
			 "source address cannot ask for: choose a --source of this host.");
		return -1;
	}
	if (probe(s, why, why_len) || resolve_hop(s, hop, why, why_len))
		return -1;
	memcpy(s->header + MAC_LEN, s->mac, MAC_LEN);
	memcpy(s->header + 2 * MAC_LEN, &type, sizeof(type));
	return 0;
}

int spare_fd(const struct spare *s)
{
	return s->fd;
}

void spare_serve(struct spare *s)
{
	struct neighbour n;

	for (int i = 0; i < SERVE_MAX && next(s, &n); i++)
		if (asks_us(s, &n))
			answer(s, &n);
}

const uint8_t *spare_header(const struct spare *s)
{
	return s->header;
}

void spare_close(struct spare *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	if (s->libnet)
		libnet_destroy(s->libnet);
	free(s);
}
