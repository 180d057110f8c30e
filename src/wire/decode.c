/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/decode.h"

#include <stdbool.h>
#include <string.h>

#include "wire/checksum.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,     /* IEEE 802.1Q */
	ETHERTYPE_QINQ = 0x88a8,     /* IEEE 802.1ad */
	ETHERTYPE_QINQ_OLD = 0x9100, /* what switches used before it */
	MAX_TAGS = 8,
	ETHERNET_SHORTEST = 64, /* or 60, as most captures leave out the check sequence */
	PPP_IPV4 = 0x21,
	PPP_IPV6 = 0x57,
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_ICMPV6 = 58,
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_DESTINATION = 60,
	MAX_EXTENSIONS = 16,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_HEADER = 20,
	ICMP_HEADER = 8,
	QUOTED = 8, /* RFC 792: that much of the payload is quoted; ports and sequence number */
};

/* What is left of a frame: `here` bytes can be read, `len` were on the wire. */
struct rest {
	const uint8_t *at;
	size_t here, len;
};

/* An IP header that was read: what the headers above it need to know. */
struct ip {
	struct address src, dst;
	uint8_t protocol;
	bool rerouted; /* source routed: the pseudo header has another destination */
	bool fragment;
	bool shortest; /* the frame is as short as Ethernet allows: some count its padding as data */
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* DECODE_TCP stands for "read on" here and below. */
static enum decode_status need(const struct rest *r, size_t n)
{
	if (r->here >= n)
		return DECODE_TCP;
	return r->len >= n ? DECODE_TRUNCATED : DECODE_DAMAGED;
}

static void skip(struct rest *r, size_t n)
{
	r->at += n;
	r->here -= n;
	r->len -= n;
}

static void limit(struct rest *r, size_t n)
{
	if (r->len > n)
		r->len = n;
	if (r->here > n)
		r->here = n;
}

/* Skips the tags after an Ethernet type that was read; their ids are added to *vlan. */
static enum decode_status skip_tags(struct rest *r, uint16_t type, int *family, uint32_t *vlan)
{
	enum decode_status status;

	for (int i = 0; i < MAX_TAGS; i++) {
		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ && type != ETHERTYPE_QINQ_OLD)
			break;
		status = need(r, 4);
		if (status != DECODE_TCP)
			return status;
		type = be16(r->at + 2);
		*vlan = *vlan << 12 | (be16(r->at) & 0xfff); /* 0 is a priority without VLAN */
		skip(r, 4);
	}
	*family = type == ETHERTYPE_IPV4 ? 4 : type == ETHERTYPE_IPV6 ? 6 : 0;
	return *family ? DECODE_TCP : DECODE_OTHER;
}

/* A link header of fixed length with an Ethernet type somewhere in it. */
static enum decode_status skip_typed(struct rest *r, size_t header, size_t type_at, int *family, uint32_t *vlan)
{
	enum decode_status status = need(r, header);
	uint16_t type;

	if (status != DECODE_TCP)
		return status;
	type = be16(r->at + type_at);
	skip(r, header);
	return skip_tags(r, type, family, vlan);
}

/* AF_INET is 2 everywhere; AF_INET6 is 10 on Linux and 24, 28 or 30 on the BSDs and macOS. */
static enum decode_status skip_null(struct rest *r, int *family)
{
	enum decode_status status = need(r, 4);
	uint32_t value;

	if (status != DECODE_TCP)
		return status;
	value = be32(r->at);
	if (value > 0xffff)
		value = (uint32_t)r->at[1] << 8 | r->at[0];
	skip(r, 4);
	*family = value == 2 ? 4 : value == 10 || value == 24 || value == 28 || value == 30 ? 6 : 0;
	return *family ? DECODE_TCP : DECODE_OTHER;
}

static enum decode_status skip_ppp(struct rest *r, int *family)
{
	enum decode_status status = need(r, 2);
	uint16_t protocol;

	if (status == DECODE_TCP && r->at[0] == 0xff && r->at[1] == 0x03) {
		skip(r, 2);
		status = need(r, 2);
	}
	if (status != DECODE_TCP)
		return status;
	/* RFC 1661 6.5: the low bit tells a compressed, one-byte protocol field. */
	if (r->at[0] & 1) {
		protocol = r->at[0];
		skip(r, 1);
	} else {
		protocol = be16(r->at);
		skip(r, 2);
	}
	*family = protocol == PPP_IPV4 ? 4 : protocol == PPP_IPV6 ? 6 : 0;
	return *family ? DECODE_TCP : DECODE_OTHER;
}

static enum decode_status skip_link(enum decode_link link, struct rest *r, int *family, uint32_t *vlan)
{
	switch (link) {
	case DECODE_ETHERNET:
		return skip_typed(r, 14, 12, family, vlan);
	case DECODE_SLL:
		return skip_typed(r, 16, 14, family, vlan);
	case DECODE_SLL2:
		return skip_typed(r, 20, 0, family, vlan);
	case DECODE_NULL:
		return skip_null(r, family);
	case DECODE_PPP:
		return skip_ppp(r, family);
	case DECODE_RAW:
		return DECODE_TCP;
	}
	return DECODE_OTHER;
}

static void take_address(struct address *a, uint8_t family, const uint8_t *bytes)
{
	*a = (struct address){ .family = family };
	if (family == 4)
		memcpy(a->bytes, bytes, 4);
	else
		memcpy(a->bytes, bytes, 16);
}

/* Loose or strict source route (RFC 791 3.1) among the options. */
static bool source_routed(const uint8_t *options, size_t len)
{
	for (size_t i = 0; i < len && options[i] != 0;) {
		if (options[i] == 131 || options[i] == 137)
			return true;
		if (options[i] == 1)
			i++;
		else if (i + 1 < len && options[i + 1] >= 2)
			i += options[i + 1];
		else
			break;
	}
	return false;
}

/* Reads an IPv4 header. A quoted one may promise more than is there. */
static enum decode_status read_ipv4(struct rest *r, bool quoted, struct ip *ip, struct segment *out)
{
	enum decode_status status = need(r, IPV4_HEADER);
	size_t header, total;
	const uint8_t *p = r->at;

	if (status != DECODE_TCP)
		return status;
	header = (size_t)(p[0] & 0x0f) * 4;
	total = be16(p + 2);
	/* A packet that the interface is to cut into segments (TSO), or that it merged, says 0 when it
	 * is too long for the field. */
	if (!total && !quoted)
		total = r->len;
	if (header < IPV4_HEADER || (!quoted && (total < header || total > r->len)))
		return DECODE_DAMAGED;
	if (!quoted)
		limit(r, total);
	take_address(&ip->src, 4, p + 12);
	take_address(&ip->dst, 4, p + 16);
	status = need(r, header);
	if (status != DECODE_TCP)
		return status;
	ip->protocol = p[9];
	ip->fragment = be16(p + 6) & 0x3fff;
	ip->rerouted = source_routed(p + IPV4_HEADER, header - IPV4_HEADER);
	/* A quoted first fragment still has the ports. */
	if (quoted)
		ip->fragment = be16(p + 6) & 0x1fff;
	out->tos = p[1];
	out->ip_id = be16(p + 4);
	out->ttl = p[8];
	skip(r, header);
	return DECODE_TCP;
}

/* Skips the extension headers of RFC 8200 4; ip->protocol becomes the upper layer's. */
static enum decode_status skip_extensions(struct rest *r, bool quoted, struct ip *ip)
{
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		uint8_t next = ip->protocol;
		enum decode_status status;
		size_t len = 8;

		if (next != NEXT_HOP_BY_HOP && next != NEXT_ROUTING && next != NEXT_FRAGMENT &&
		    next != NEXT_DESTINATION)
			return DECODE_TCP;
		status = need(r, 8);
		if (status != DECODE_TCP)
			return status;
		ip->protocol = r->at[0];
		if (next == NEXT_FRAGMENT) {
			/* RFC 6946: offset 0 and no more to come is a whole packet. */
			if (be16(r->at + 2) & (quoted ? 0xfff8 : 0xfff9)) {
				ip->fragment = true;
				return DECODE_TCP;
			}
		} else {
			len = ((size_t)r->at[1] + 1) * 8;
			ip->rerouted |= next == NEXT_ROUTING && r->at[3];
		}
		status = need(r, len);
		if (status != DECODE_TCP)
			return status;
		skip(r, len);
	}
	return DECODE_OTHER;
}

static enum decode_status read_ipv6(struct rest *r, bool quoted, struct ip *ip, struct segment *out)
{
	enum decode_status status = need(r, IPV6_HEADER);
	const uint8_t *p = r->at;
	size_t total;

	if (status != DECODE_TCP)
		return status;
	/* 0 is a jumbogram (RFC 2675) or a packet merged beyond the field. */
	total = be16(p + 4) ? IPV6_HEADER + (size_t)be16(p + 4) : r->len;
	if (!quoted && total > r->len)
		return DECODE_DAMAGED;
	if (!quoted)
		limit(r, total);
	take_address(&ip->src, 6, p + 8);
	take_address(&ip->dst, 6, p + 24);
	ip->protocol = p[6];
	out->tos = (uint8_t)(be16(p) >> 4);
	out->ttl = p[7];
	skip(r, IPV6_HEADER);
	return skip_extensions(r, quoted, ip);
}

/* The sum is right, or it cannot be told, or it is wrong. */
static enum checksum judge_checksum(const struct rest *r, const struct ip *ip, const uint8_t *field)
{
	uint64_t pseudo = checksum_pseudo(&ip->src, &ip->dst, PROTOCOL_TCP, (uint32_t)r->len);
	uint64_t bare;
	uint16_t found;

	if (r->here < r->len)
		return CHECKSUM_UNKNOWN;
	if (checksum_fold(checksum_add(pseudo, r->at, r->here)) == 0xffff)
		return CHECKSUM_GOOD;
	/* Left to the sender's interface, or merged by the receiver's: the field holds the sum of the
	 * pseudo header, with its length or (large send on Windows) without. */
	memcpy(&found, field, 2);
	bare = checksum_pseudo(&ip->src, &ip->dst, PROTOCOL_TCP, 0);
	if (found == checksum_fold(pseudo) || found == checksum_fold(bare) || ip->rerouted)
		return CHECKSUM_UNKNOWN;
	return CHECKSUM_BAD;
}

/* Whether what seems to be data is the padding of the frame: zeros, and with the length in the pseudo header
 * that leaves them out the checksum is right. */
static bool is_padding(const struct rest *r, const struct ip *ip, size_t header)
{
	uint64_t sum = checksum_pseudo(&ip->src, &ip->dst, PROTOCOL_TCP, (uint32_t)header);

	for (size_t i = header; i < r->here; i++)
		if (r->at[i])
			return false;
	return r->here > header && checksum_fold(checksum_add(sum, r->at, header)) == 0xffff;
}

static enum decode_status read_tcp(struct rest *r, const struct ip *ip, struct segment *out)
{
	enum decode_status status = need(r, TCP_HEADER);
	const uint8_t *p = r->at;
	size_t header;

	if (status != DECODE_TCP)
		return status;
	header = (size_t)(p[12] >> 4) * 4;
	if (header < TCP_HEADER)
		return DECODE_DAMAGED;
	status = need(r, header);
	if (status != DECODE_TCP && status != DECODE_TRUNCATED)
		return status;
	out->src.port = be16(p);
	out->dst.port = be16(p + 2);
	out->seq = be32(p + 4);
	out->ack = be32(p + 8);
	out->flags = be16(p + 12) & 0xfff;
	out->window = be16(p + 14);
	out->urgent = be16(p + 18);
	if (status == DECODE_TRUNCATED) {
		out->options = (struct tcp_options){ .malformed = -1, .cut = true };
		out->checksum = CHECKSUM_UNKNOWN;
		out->len = (uint32_t)(r->len - header);
		out->data_len = 0;
		out->data = r->at;
		return DECODE_TCP;
	}
	options_parse(&out->options, p + TCP_HEADER, header - TCP_HEADER);
	out->checksum = judge_checksum(r, ip, p + 16);
	if (out->checksum == CHECKSUM_BAD && ip->shortest && is_padding(r, ip, header)) {
		limit(r, header);
		out->checksum = CHECKSUM_GOOD;
	}
	skip(r, header);
	out->len = (uint32_t)r->len;
	out->data_len = (uint32_t)r->here;
	out->data = r->at;
	return DECODE_TCP;
}

/* Destination unreachable, source quench, time exceeded, parameter problem (RFC 792); in ICMPv6 the
 * errors of RFC 4443 3. A redirect is advice, no error. */
static bool icmp_is_error(uint8_t protocol, uint8_t type)
{
	if (protocol == PROTOCOL_ICMPV6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 11 || type == 12;
}

/* RFC 1122 3.2.2: a host drops an ICMP message with a wrong checksum, and so do we. */
static bool icmp_sum_wrong(const struct rest *r, const struct ip *ip)
{
	uint64_t sum = 0;

	if (r->here < r->len || ip->rerouted)
		return false;
	if (ip->protocol == PROTOCOL_ICMPV6)
		sum = checksum_pseudo(&ip->src, &ip->dst, PROTOCOL_ICMPV6, (uint32_t)r->len);
	return checksum_fold(checksum_add(sum, r->at, r->here)) != 0xffff;
}

static enum decode_status read_icmp(struct rest *r, const struct ip *ip, struct segment *out)
{
	enum decode_status status = need(r, ICMP_HEADER);
	struct icmp_error error = { .sender = ip->src };
	struct segment unused = { 0 };
	struct ip quoted = { 0 };

	if (status != DECODE_TCP)
		return status;
	error.type = r->at[0];
	error.code = r->at[1];
	if (!icmp_is_error(ip->protocol, error.type))
		return DECODE_OTHER;
	if (icmp_sum_wrong(r, ip))
		return DECODE_DAMAGED;
	skip(r, ICMP_HEADER);
	status = need(r, 1);
	if (status != DECODE_TCP)
		return status;
	if (r->at[0] >> 4 != ip->src.family)
		return DECODE_DAMAGED;
	status = ip->src.family == 4 ? read_ipv4(r, true, &quoted, &unused) :
				       read_ipv6(r, true, &quoted, &unused);
	if (status != DECODE_TCP)
		return status;
	if (quoted.protocol != PROTOCOL_TCP || quoted.fragment)
		return DECODE_OTHER;
	status = need(r, QUOTED);
	if (status != DECODE_TCP)
		return status;
	*out = (struct segment){
		.src = { quoted.src, be16(r->at) },
		.dst = { quoted.dst, be16(r->at + 2) },
		.seq = be32(r->at + 4),
		.icmp = error,
	};
	return DECODE_ICMP_ERROR;
}

/* What stands behind the link header; `family` 0 if that did not say. */
static enum decode_status read_packet(struct rest *r, int family, struct ip *ip, struct segment *out)
{
	enum decode_status status = need(r, 1);

	if (status != DECODE_TCP)
		return status;
	if (!family)
		family = r->at[0] >> 4;
	if (family != r->at[0] >> 4 || (family != 4 && family != 6))
		return DECODE_DAMAGED;
	status = family == 4 ? read_ipv4(r, false, ip, out) : read_ipv6(r, false, ip, out);
	out->src.addr = ip->src;
	out->dst.addr = ip->dst;
	if (status != DECODE_TCP)
		return status;
	return ip->fragment ? DECODE_FRAGMENT : DECODE_TCP;
}

enum decode_status decode_frame(enum decode_link link, const uint8_t *frame, size_t captured, size_t len,
				struct segment *out, struct decode_packet *packet)
{
	struct rest r = { frame, captured, len > captured ? len : captured };
	enum decode_status status;
	struct ip ip = { 0 };
	uint32_t vlan = 0;
	int family = 0;

	/* What the readers below do not fill; to clear all of it for every frame takes longer than to read it. */
	out->t_us = 0;
	out->frame = 0;
	out->ip_id = 0;
	out->icmp = (struct icmp_error){ 0 };
	*packet = (struct decode_packet){ 0 };
	status = skip_link(link, &r, &family, &vlan);
	packet->offset = captured - r.here;
	ip.shortest = link == DECODE_ETHERNET && len <= ETHERNET_SHORTEST;
	if (status == DECODE_TCP)
		status = read_packet(&r, family, &ip, out);
	if (ip.src.family) {
		/* What is left of the frame is now the tail of the packet, without padding. */
		packet->captured = (size_t)(r.at - frame) - packet->offset + r.here;
		packet->len = (size_t)(r.at - frame) - packet->offset + r.len;
	}
	if (status == DECODE_TCP && ip.protocol == PROTOCOL_TCP)
		status = read_tcp(&r, &ip, out);
	else if (status == DECODE_TCP &&
		 ip.protocol == (ip.src.family == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6))
		status = read_icmp(&r, &ip, out);
	else if (status == DECODE_TCP)
		status = DECODE_OTHER;
	if (status != DECODE_TCP && status != DECODE_ICMP_ERROR)
		*out = (struct segment){ .src.addr = ip.src, .dst.addr = ip.dst };
	out->vlan = vlan;
	return status;
}
