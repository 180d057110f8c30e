/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/netlink.h"

enum { LOOPBACK = 1 }; /* the kernel gives its loopback interface this number in every namespace */

/* One search, and where its complaint goes. */
struct search {
	struct netlink *netlink;
	struct netlink_address *own; /* this host's addresses of the target's family */
	size_t n_own;
	struct address target;
	struct address source; /* as asked for; family 0: open */
	const char *ifname;    /* as asked for, or NULL */
	unsigned oif;          /* by -i or by a scope; 0: open */
	bool source_ours;
	bool *usage;
	char *why;
	size_t why_len;
};

/* Refuses because of what the user wrote (`usage`) or because of the network. Always -1. */
__attribute__((format(printf, 3, 4))) static int refuse(struct search *s, bool usage, const char *format, ...)
{
	va_list arguments;

	*s->usage = usage;
	va_start(arguments, format);
	vsnprintf(s->why, s->why_len, format, arguments);
	va_end(arguments);
	return -1;
}

static bool is_limited_broadcast(const struct address *a)
{
	return a->family == 4 && !memcmp(a->bytes, "\xff\xff\xff\xff", 4);
}

/* ::ffff:a.b.c.d: the kernel would talk IPv4 for it, the segments we craft would be IPv6. */
static bool is_mapped(const struct address *a)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return a->family == 6 && !memcmp(a->bytes, prefix, sizeof(prefix));
}

/* The bit behind the first `prefix_len`: do all of them have the value `bit`? */
static bool host_part_is(const struct address *a, unsigned prefix_len, bool bit)
{
	for (unsigned i = prefix_len; i < address_len(a) * 8; i++)
		if (!!(a->bytes[i / 8] & (0x80 >> i % 8)) != bit)
			return false;
	return true;
}

static bool same_prefix(const struct address *a, const struct address *b, unsigned prefix_len)
{
	for (unsigned i = 0; i < prefix_len; i++)
		if ((a->bytes[i / 8] ^ b->bytes[i / 8]) & (0x80 >> i % 8))
			return false;
	return a->family == b->family;
}

/* The broadcast address of one of our subnets (RFC 919); prefixes of 31 and 32 bits have none (RFC 3021). */
static bool is_subnet_broadcast(const struct search *s, const struct address *a)
{
	for (size_t i = 0; a->family == 4 && i < s->n_own; i++) {
		unsigned len = s->own[i].prefix_len;

		if (len < 31 && same_prefix(a, &s->own[i].addr, len) && host_part_is(a, len, true))
			return true;
	}
	return false;
}

static const struct netlink_address *own_address(const struct search *s, const struct address *a)
{
	for (size_t i = 0; i < s->n_own; i++)
		if (address_equal(&s->own[i].addr, a))
			return &s->own[i];
	return NULL;
}

static int name_of(struct search *s, unsigned ifindex, char name[IF_NAMESIZE])
{
	if (!if_indextoname(ifindex, name))
		return refuse(s, false, "interface number %u has just gone.", ifindex);
	return 0;
}

static int check_up(struct search *s, unsigned ifindex)
{
	struct ifreq request = {0};
	int fd, bad;

	if (name_of(s, ifindex, request.ifr_name))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bad = fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request);
	if (bad)
		refuse(s, false, "cannot ask about interface %s: %s.", request.ifr_name, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (bad)
		return -1;
	if (!(request.ifr_flags & IFF_UP))
		return refuse(s, false, "interface %s is down: `ip link set %s up` starts it.",
			      request.ifr_name, request.ifr_name);
	return 0;
}

static int check_target(struct search *s)
{
	const struct address *t = &s->target;
	char text[ADDRESS_TEXT];

	address_text(t, text);
	if (!address_len(t))
		return refuse(s, true, "there is no target address.");
	if (address_is_unspecified(t))
		return refuse(s, true, "target %s means no host: name the one to probe.", text);
	if (address_is_multicast(t))
		return refuse(s, true,
			      "target %s is a multicast address: TCP is between two hosts, name one.", text);
	if (is_limited_broadcast(t) || is_subnet_broadcast(s, t))
		return refuse(s, true,
			      "target %s is a broadcast address: TCP is between two hosts, name one.", text);
	if (is_mapped(t))
		return refuse(s, true, "target %s is an IPv4 address written as IPv6: write %u.%u.%u.%u.",
			      text, t->bytes[12], t->bytes[13], t->bytes[14], t->bytes[15]);
	return 0;
}

/* The interface, by -i and by the target's scope, which must agree. */
static int find_interface(struct search *s)
{
	struct address *t = &s->target;
	char text[ADDRESS_TEXT], name[IF_NAMESIZE];

	if (s->ifname) {
		s->oif = if_nametoindex(s->ifname);
		if (!s->oif)
			return refuse(s, true, "no such interface '%.40s': `ip link` lists them.", s->ifname);
	}
	if (!address_is_link_local(t))
		return s->oif ? check_up(s, s->oif) : 0;
	if (!t->scope && !s->oif)
		return refuse(s, true,
			      "target %s is link-local: name its interface too, as in [%s%%eth0] or with -i.",
			      address_text(t, text), text);
	if (t->scope && s->oif && t->scope != s->oif)
		return refuse(s, true, "target %s is not on interface %s: leave out -i.",
			      address_text(t, text), s->ifname);
	if (!t->scope)
		t->scope = s->oif;
	if (!if_indextoname(t->scope, name))
		return refuse(s, true, "there is no interface number %u (in %s): `ip link` lists them.",
			      t->scope, address_text(t, text));
	s->oif = t->scope;
	return check_up(s, s->oif);
}

static int ask_route(struct search *s, const struct address *to, unsigned oif, const struct address *source,
		     struct netlink_route *r)
{
	if (netlink_route(s->netlink, to, oif, source, r))
		return refuse(s, false, "the kernel does not say how it routes (rtnetlink): %s.",
			      strerror(errno));
	return 0;
}

/* Does `a` belong to this host? The kernel's local table knows more than the list of addresses: all of
 * 127.0.0.0/8, and prefixes that were made local. 1, 0, or -1 with a sentence. */
static int is_local(struct search *s, const struct address *a)
{
	struct netlink_route r;

	if (own_address(s, a))
		return 1;
	if (address_is_link_local(a)) /* belongs to an interface, and would be in the list */
		return 0;
	if (ask_route(s, a, 0, NULL, &r))
		return -1;
	return !r.error && r.type == RTN_LOCAL;
}

static int check_source(struct search *s)
{
	struct address *a = &s->source;
	const struct netlink_address *own;
	char text[ADDRESS_TEXT];
	int local;

	if (!a->family)
		return 0;
	address_text(a, text);
	if (a->family != s->target.family)
		return refuse(s, true, "source %s and the target are of different address families.", text);
	if (address_is_unspecified(a))
		return refuse(s, true, "source %s means no host: leave out --source or give an address.",
			      text);
	if (address_is_multicast(a))
		return refuse(s, true, "source %s is a multicast address, which nobody may send from.", text);
	if (is_limited_broadcast(a) || is_subnet_broadcast(s, a))
		return refuse(s, true, "source %s is a broadcast address, which nobody may send from.", text);
	if (is_mapped(a))
		return refuse(s, true, "source %s is an IPv4 address written as IPv6.", text);
	if (address_is_link_local(a) && !a->scope)
		a->scope = s->oif;
	local = is_local(s, a);
	if (local < 0)
		return -1;
	s->source_ours = local;
	own = own_address(s, a);
	if (own && !own->usable)
		return refuse(s, false,
			      "source %s is not usable: the kernel is still checking that nobody else has "
			      "it, or somebody has.",
			      text);
	/* A link-local source written without interface gets the one it belongs to. */
	if (own && address_is_link_local(a))
		a->scope = own->ifindex;
	return 0;
}

/* A source that is not ours has to be one that the link could have, or no answer would come back. */
static int check_spare(struct search *s, unsigned ifindex)
{
	const struct address *a = &s->source;
	char text[ADDRESS_TEXT], name[IF_NAMESIZE];

	address_text(a, text);
	if (name_of(s, ifindex, name))
		return -1;
	for (size_t i = 0; i < s->n_own; i++) {
		unsigned len = s->own[i].prefix_len;

		if (s->own[i].ifindex != ifindex || !same_prefix(a, &s->own[i].addr, len))
			continue;
		/* 0.0.0.0-style network addresses, and the subnet-router anycast address (RFC 4291 2.6.1) */
		if (len < address_len(a) * 8 - 1 && host_part_is(a, len, false))
			return refuse(s, true, "source %s is the address of a network, not of a host.", text);
		if (address_equal(a, &s->target))
			return refuse(s, true, "source %s is the target itself.", text);
		return 0;
	}
	return refuse(
		s, true,
		"source %s is neither an address of this host nor inside a prefix of %s, the way to the "
		"target: answers would not come back.",
		text, name);
}

/* The target is this host: the kernel moves such packets over the loopback interface, whatever else is
 * said, so asking for another one can only be a mistake. */
static int find_local(struct search *s, struct route *route)
{
	char text[ADDRESS_TEXT], name[IF_NAMESIZE];
	const struct netlink_address *own = own_address(s, &s->target);
	struct netlink_route r;

	address_text(&s->target, text);
	if (name_of(s, LOOPBACK, name))
		return -1;
	if (s->ifname && s->oif != LOOPBACK && !address_is_link_local(&s->target))
		return refuse(s, true,
			      "target %s is an address of this host and reached over %s: leave out -i %s.",
			      text, name, s->ifname);
	if (own && !own->usable)
		return refuse(s, false,
			      "target %s is not usable: the kernel is still checking that nobody else has "
			      "it, or somebody has.",
			      text);
	if (check_up(s, LOOPBACK))
		return -1;
	route->local = true;
	route->source_ours = true;
	route->ifindex = LOOPBACK;
	memcpy(route->ifname, name, sizeof(name));
	if (s->source.family) {
		if (!s->source_ours)
			return refuse(s, true,
				      "source %s is not an address of this host, and the target is one: "
				      "leave out --source.",
				      address_text(&s->source, text));
		route->source = s->source;
		return 0;
	}
	route->source = s->target;
	if (address_is_link_local(&s->target))
		return 0;
	if (ask_route(s, &s->target, 0, NULL, &r))
		return -1;
	if (!r.error && r.source.family)
		route->source = r.source;
	return 0;
}

/* What the kernel answers about a target that is not this host, as a refusal. */
static int refuse_route(struct search *s, const struct netlink_route *r)
{
	char text[ADDRESS_TEXT];
	bool through = s->ifname != NULL;

	address_text(&s->target, text);
	switch (r->error ? RTN_UNSPEC : r->type) {
	case RTN_BROADCAST:
		return refuse(s, true,
			      "target %s is a broadcast address: TCP is between two hosts, name one.", text);
	case RTN_MULTICAST:
	case RTN_ANYCAST:
		return refuse(s, true, "target %s is not the address of a single host.", text);
	}
	if (r->error == EACCES || (!r->error && r->type == RTN_PROHIBIT))
		return refuse(s, false, "this host's routing table prohibits %s: `ip route get %s` shows it.",
			      text, text);
	if (r->error == EINVAL || r->error == EHOSTUNREACH || !r->error)
		return refuse(s, false, "this host's routing table rejects %s: `ip route get %s` shows it.",
			      text, text);
	return refuse(s, false, "no route to %s%s%s: check the address, or give this host a route.", text,
		      through ? " through " : "", through ? s->ifname : "");
}

/* The source to use on interface `ifindex` when the kernel prefers `preferred` (perhaps none). */
static int choose_source(struct search *s, struct route *route, const struct address *preferred)
{
	bool to_link_local = address_is_link_local(&s->target);
	char text[ADDRESS_TEXT];

	route->source_ours = true;
	/* RFC 6724 5, rule 2: link-local talks to link-local, and it has to be the same link. */
	for (size_t i = 0; to_link_local && i < s->n_own; i++)
		if (s->own[i].ifindex == route->ifindex && s->own[i].usable &&
		    address_is_link_local(&s->own[i].addr)) {
			route->source = s->own[i].addr;
			return 0;
		}
	if (to_link_local || !preferred->family)
		return refuse(s, false, "interface %s has no address to reach %s from.", route->ifname,
			      address_text(&s->target, text));
	route->source = *preferred;
	if (address_is_link_local(preferred))
		route->source.scope = route->ifindex;
	return 0;
}

static int find_remote(struct search *s, struct route *route)
{
	/* Rules may route by source, but the kernel accepts only its own here. */
	const struct address *from = s->source_ours ? &s->source : NULL;
	char text[ADDRESS_TEXT];
	struct netlink_route r;

	if (from && address_is_loopback(from))
		return refuse(s, true, "source %s reaches only this host, which the target is not.",
			      address_text(from, text));
	if (ask_route(s, &s->target, s->oif, from, &r))
		return -1;
	if (r.error || r.type != RTN_UNICAST)
		return refuse_route(s, &r);
	/* Given an interface, the kernel believes that any IPv4 address is on its link. */
	if (r.oif == LOOPBACK)
		return refuse(s, s->ifname != NULL,
			      "target %s is not an address of this host, and the loopback "
			      "interface reaches no other.",
			      address_text(&s->target, text));
	route->ifindex = r.oif;
	route->gateway = r.gateway;
	if (address_is_link_local(&route->gateway))
		route->gateway.scope = r.oif;
	if (name_of(s, r.oif, route->ifname) || check_up(s, r.oif))
		return -1;
	if (!s->source.family)
		return choose_source(s, route, &r.source);
	if (address_is_link_local(&s->source)) {
		if (s->source.scope && s->source.scope != r.oif)
			return refuse(s, true, "source %s is not on interface %s, the way to the target.",
				      address_text(&s->source, text), route->ifname);
		if (route->gateway.family)
			return refuse(s, true,
				      "source %s is link-local, and routers do not forward it to the target.",
				      address_text(&s->source, text));
		s->source.scope = r.oif;
	}
	route->source = s->source;
	route->source_ours = s->source_ours;
	return s->source_ours ? 0 : check_spare(s, r.oif);
}

int route_find(struct route *route, const struct address *target, const char *ifname,
	       const struct address *source, bool *usage, char *why, size_t why_len)
{
	struct search s = {.target = *target,
			   .ifname = ifname && *ifname ? ifname : NULL,
			   .usage = usage,
			   .why = why,
			   .why_len = why_len};
	int local, result = -1;

	*usage = false;
	*route = (struct route){0};
	if (source)
		s.source = *source;
	s.netlink = netlink_open(why, why_len);
	if (!s.netlink)
		return -1;
	if (netlink_addresses(s.netlink, target->family, &s.own, &s.n_own)) {
		refuse(&s, false, "cannot list this host's addresses (rtnetlink): %s.", strerror(errno));
	} else if (!check_target(&s) && !find_interface(&s) && !check_source(&s)) {
		local = is_local(&s, &s.target);
		if (local >= 0)
			result = local ? find_local(&s, route) : find_remote(&s, route);
	}
	free(s.own);
	netlink_close(s.netlink);
	return result;
}

bool route_unanswered(const struct route *route, const struct address *target, char who[ADDRESS_TEXT])
{
	const struct address *hop = route->gateway.family ? &route->gateway : target;
	char why[1];
	struct netlink *n = route->local ? NULL : netlink_open(why, sizeof(why));
	bool unanswered = n && netlink_unanswered(n, route->ifindex, hop);

	netlink_close(n);
	address_text(hop, who);
	return unanswered;
}
