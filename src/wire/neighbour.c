/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/neighbour.h"

#include <string.h>

#include "wire/checksum.h"

enum {
	ETHERNET = 14, /* header; the type is in its last two bytes */
	TYPE_ARP = 0x0806,
	TYPE_IPV6 = 0x86dd,

	ARP = 28, /* hardware, protocol, lengths, operation, sender and target */
	ARP_REQUEST = 1,
	ARP_REPLY = 2,

	IPV6 = 40,
	ICMPV6 = 58,
	ND = 24, /* type, code, checksum, flags, target */
	ND_SOLICIT = 135,
	ND_ADVERT = 136,
	ND_SOURCE_MAC = 1, /* options */
	ND_TARGET_MAC = 2,
};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void get_address(struct address *a, int family, const uint8_t *bytes)
{
	*a = (struct address){.family = (uint8_t)family};
	memcpy(a->bytes, bytes, family == 4 ? 4 : 16);
}

static bool is_unicast_mac(const uint8_t *mac)
{
	return !(mac[0] & 1) && memcmp(mac, "\0\0\0\0\0\0", MAC_LEN);
}

static bool parse_arp(struct neighbour *n, const uint8_t *arp, size_t len)
{
	struct address target;

	/* Ethernet and IPv4, with addresses of 6 and 4 bytes */
	if (len < ARP || memcmp(arp, "\0\1\x08\0\x06\x04", 6) || !is_unicast_mac(arp + 8))
		return false;
	get_address(&n->sender, 4, arp + 14);
	get_address(&target, 4, arp + 24);
	memcpy(n->mac, arp + 8, MAC_LEN);
	n->told = true;
	/* A sender of 0.0.0.0 is a probe (RFC 5227 2.1.1). */
	if (address_is_unspecified(&n->sender))
		n->sender.family = 0;
	n->claimed = n->sender;
	switch (get16(arp + 6)) {
	case ARP_REQUEST:
		n->asked = target;
		return true;
	case ARP_REPLY:
		return n->claimed.family;
	}
	return false;
}

/* The link-layer address in option `wanted`, NULL if there is none. False if the options are malformed. */
static bool find_option(const uint8_t *options, size_t len, int wanted, const uint8_t **mac)
{
	*mac = NULL;
	while (len) {
		size_t option;

		if (len < 2)
			return false;
		option = options[1] * 8u;
		if (!option || option > len)
			return false;
		if (options[0] == wanted && option == 8)
			*mac = options + 2;
		options += option;
		len -= option;
	}
	return true;
}

static bool parse_nd(struct neighbour *n, const uint8_t *nd, size_t len, const struct address *src,
		     const struct address *dst)
{
	uint64_t sum = checksum_pseudo(src, dst, ICMPV6, (uint32_t)len);
	struct address target, group;
	const uint8_t *mac;

	if (len < ND || nd[1] || checksum_fold(checksum_add(sum, nd, len)) != 0xffff)
		return false;
	get_address(&target, 6, nd + 8);
	if (address_is_multicast(&target))
		return false;
	if (!find_option(nd + ND, len - ND, nd[0] == ND_SOLICIT ? ND_SOURCE_MAC : ND_TARGET_MAC, &mac) ||
	    (mac && !is_unicast_mac(mac)))
		return false;
	n->told = mac != NULL;
	if (mac)
		memcpy(n->mac, mac, MAC_LEN);
	if (nd[0] == ND_SOLICIT) {
		n->asked = target;
		n->sender = *src;
		if (address_is_unspecified(src)) {
			/* RFC 4861 7.1.1: a probe goes to the group and names no link-layer address. */
			neighbour_solicited_node(&target, &group);
			n->sender.family = 0;
			return !mac && address_equal(dst, &group);
		}
		if (mac)
			n->claimed = *src;
		return true;
	}
	n->claimed = target;
	/* RFC 4861 7.1.2: what goes to a group answers nobody's question. */
	return nd[0] == ND_ADVERT && !(address_is_multicast(dst) && (nd[4] & 0x40));
}

static bool parse_ipv6(struct neighbour *n, const uint8_t *ip, size_t len)
{
	struct address src, dst;
	size_t payload;

	if (len < IPV6 || ip[0] >> 4 != 6 || ip[6] != ICMPV6 || ip[7] != 255)
		return false;
	payload = get16(ip + 4); /* shorter than the frame where Ethernet pads it */
	if (payload > len - IPV6)
		return false;
	get_address(&src, 6, ip + 8);
	get_address(&dst, 6, ip + 24);
	return !address_is_multicast(&src) && parse_nd(n, ip + IPV6, payload, &src, &dst);
}

bool neighbour_parse(struct neighbour *n, const uint8_t *frame, size_t len)
{
	*n = (struct neighbour){0};
	if (len < ETHERNET || !is_unicast_mac(frame + MAC_LEN))
		return false;
	memcpy(n->mac, frame + MAC_LEN, MAC_LEN);
	switch (get16(frame + 12)) {
	case TYPE_ARP:
		return parse_arp(n, frame + ETHERNET, len - ETHERNET);
	case TYPE_IPV6:
		return parse_ipv6(n, frame + ETHERNET, len - ETHERNET);
	}
	return false;
}

void neighbour_solicited_node(const struct address *a, struct address *group)
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};

	*group = (struct address){.family = 6};
	memcpy(group->bytes, prefix, sizeof(prefix));
	memcpy(group->bytes + 13, a->bytes + 13, 3);
}
