/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"

#include <string.h>

enum {
	ETHER = 14,
	ARP = 28,
	IPV4 = 20,
	IPV6 = 40,
	TCP = 20,
	NEIGHBOUR = 24, /* a solicitation without options */
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_IPV6 = 0x86dd,
	PROTO_TCP = 6,
	PROTO_ICMPV6 = 58,
	SOLICITATION = 135,
	ADVERTISEMENT = 136,
};

static uint32_t get(const uint8_t *p, size_t n)
{
	uint32_t value = 0;

	while (n--)
		value = value << 8 | *p++;
	return value;
}

static void put(uint8_t *p, uint32_t value, size_t n)
{
	while (n--) {
		p[n] = (uint8_t)value;
		value >>= 8;
	}
}

/* RFC 1071, without the final complement. */
static uint32_t sum(const uint8_t *p, size_t len, uint32_t start)
{
	uint32_t total = start;

	for (size_t i = 0; i < len; i++) {
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		total = (total & 0xffff) + (total >> 16);
	}
	return total;
}

/* Over pseudo header and `p` (RFC 9293 3.1); 0xffff if a checksum inside is right. */
static uint32_t sum_transport(const struct address *src, const struct address *dst, uint8_t proto,
			      const uint8_t *p, size_t len)
{
	uint32_t total = sum(p, len, proto + (uint32_t)len % 65536);

	total = sum(src->bytes, address_len(src), total);
	return sum(dst->bytes, address_len(dst), total);
}

static void put_ether(uint8_t *p, const uint8_t *to, const uint8_t *from, uint32_t type)
{
	memcpy(p, to, FRAME_MAC);
	memcpy(p + FRAME_MAC, from, FRAME_MAC);
	put(p + 2 * FRAME_MAC, type, 2);
}

static size_t put_ip(uint8_t *p, const struct segment *s, size_t len)
{
	if (s->src.addr.family == 6) {
		put(p, 6U << 28 | (uint32_t)s->tos << 20, 4);
		put(p + 4, (uint32_t)len, 2);
		p[6] = PROTO_TCP;
		p[7] = s->ttl;
		memcpy(p + 8, s->src.addr.bytes, 16);
		memcpy(p + 24, s->dst.addr.bytes, 16);
		return IPV6;
	}
	p[0] = 0x45;
	p[1] = s->tos;
	put(p + 2, (uint32_t)(IPV4 + len), 2);
	put(p + 4, s->ip_id, 2);
	put(p + 6, 0x4000, 2); /* don't fragment */
	p[8] = s->ttl;
	p[9] = PROTO_TCP;
	put(p + 10, 0, 2);
	memcpy(p + 12, s->src.addr.bytes, 4);
	memcpy(p + 16, s->dst.addr.bytes, 4);
	put(p + 10, ~sum(p, IPV4, 0), 2);
	return IPV4;
}

size_t frame_encode(uint8_t out[FRAME_MAX], const struct segment *s, const uint8_t to[FRAME_MAC],
		    const uint8_t from[FRAME_MAC])
{
	size_t header = TCP + (s->options.raw_len + 3U) / 4 * 4, len = header + s->data_len;
	uint8_t *t;

	if (ETHER + IPV6 + len > FRAME_MAX)
		return 0;
	memset(out, 0, FRAME_MAX);
	put_ether(out, to, from, s->src.addr.family == 6 ? TYPE_IPV6 : TYPE_IPV4);
	t = out + ETHER;
	t += put_ip(t, s, len);
	put(t, s->src.port, 2);
	put(t + 2, s->dst.port, 2);
	put(t + 4, s->seq, 4);
	put(t + 8, s->ack, 4);
	put(t + 12, (uint32_t)(header / 4) << 12 | (s->flags & 0xfff), 2);
	put(t + 14, s->window, 2);
	put(t + 18, s->urgent, 2);
	memcpy(t + TCP, s->options.raw, s->options.raw_len);
	if (s->data_len)
		memcpy(t + header, s->data, s->data_len);
	put(t + 16, ~sum_transport(&s->src.addr, &s->dst.addr, PROTO_TCP, t, len), 2);
	if (s->checksum == CHECKSUM_BAD)
		t[17] ^= 0x55;
	return (size_t)(t - out) + len;
}

/* Reads the IP header; returns the transport part and its length, NULL if it is not for us to read. */
static const uint8_t *get_ip(struct segment *s, const uint8_t *frame, size_t len, size_t *rest)
{
	const uint8_t *p = frame + ETHER;
	uint32_t type, total, header;

	if (len < ETHER + IPV4)
		return NULL;
	type = get(frame + 12, 2);
	if (type == TYPE_IPV6 && len >= ETHER + IPV6 && p[0] >> 4 == 6 && p[6] == PROTO_TCP) {
		s->src.addr.family = s->dst.addr.family = 6;
		memcpy(s->src.addr.bytes, p + 8, 16);
		memcpy(s->dst.addr.bytes, p + 24, 16);
		s->ttl = p[7];
		s->tos = (uint8_t)(get(p, 4) >> 20);
		header = IPV6;
		total = IPV6 + get(p + 4, 2);
	} else if (type == TYPE_IPV4 && p[0] >> 4 == 4 && p[9] == PROTO_TCP && !(get(p + 6, 2) & 0x3fff)) {
		s->src.addr.family = s->dst.addr.family = 4;
		memcpy(s->src.addr.bytes, p + 12, 4);
		memcpy(s->dst.addr.bytes, p + 16, 4);
		s->ttl = p[8];
		s->tos = p[1];
		s->ip_id = (uint16_t)get(p + 4, 2);
		header = (p[0] & 0xfU) * 4;
		total = get(p + 2, 2);
	} else {
		return NULL;
	}
	if (header < IPV4 || total < header || ETHER + (size_t)total > len)
		return NULL;
	*rest = total - header;
	return p + header;
}

bool frame_decode(struct segment *s, const uint8_t *frame, size_t len, bool partial)
{
	size_t rest, header;
	const uint8_t *t;

	memset(s, 0, sizeof *s);
	t = get_ip(s, frame, len, &rest);
	if (!t || rest < TCP)
		return false;
	header = (size_t)(t[12] >> 4) * 4;
	if (header < TCP || header > rest)
		return false;
	s->src.port = (uint16_t)get(t, 2);
	s->dst.port = (uint16_t)get(t + 2, 2);
	s->seq = get(t + 4, 4);
	s->ack = get(t + 8, 4);
	s->flags = get(t + 12, 2) & 0xfff;
	s->window = (uint16_t)get(t + 14, 2);
	s->urgent = (uint16_t)get(t + 18, 2);
	options_parse(&s->options, t + TCP, header - TCP);
	s->data = t + header;
	s->len = s->data_len = (uint32_t)(rest - header);
	s->checksum = CHECKSUM_UNKNOWN;
	if (!partial)
		s->checksum = sum_transport(&s->src.addr, &s->dst.addr, PROTO_TCP, t, rest) == 0xffff ?
				      CHECKSUM_GOOD :
				      CHECKSUM_BAD;
	return true;
}

static bool is_ours(const uint8_t *bytes, uint8_t family, const struct address *ours, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ours[i].family == family && !memcmp(ours[i].bytes, bytes, address_len(&ours[i])))
			return true;
	return false;
}

static size_t answer_arp(uint8_t *out, const uint8_t *arp, const uint8_t *mac)
{
	uint8_t *a = out + ETHER;

	put_ether(out, arp + 8, mac, TYPE_ARP);
	memcpy(a, arp, 6);
	put(a + 6, 2, 2); /* reply */
	memcpy(a + 8, mac, FRAME_MAC);
	memcpy(a + 14, arp + 24, 4);
	memcpy(a + 18, arp + 8, FRAME_MAC + 4);
	return ETHER + ARP;
}

/* RFC 4861 7.2.4; an unspecified source asks for duplicates and is answered to all nodes. */
static size_t answer_solicitation(uint8_t *out, const uint8_t *frame, const uint8_t *mac)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 }, nobody[16];
	static const uint8_t all_nodes_mac[FRAME_MAC] = { 0x33, 0x33, [5] = 1 };
	const uint8_t *ip = frame + ETHER;
	bool probe = !memcmp(ip + 8, nobody, 16);
	struct address src = { .family = 6 }, dst = { .family = 6 };
	uint8_t *o = out + ETHER, *n = o + IPV6;

	memcpy(src.bytes, ip + IPV6 + 8, 16);
	memcpy(dst.bytes, probe ? all_nodes : ip + 8, 16);
	put_ether(out, probe ? all_nodes_mac : frame + FRAME_MAC, mac, TYPE_IPV6);
	put(o, 6U << 28, 4);
	put(o + 4, NEIGHBOUR + 8, 2);
	o[6] = PROTO_ICMPV6;
	o[7] = 255;
	memcpy(o + 8, src.bytes, 16);
	memcpy(o + 24, dst.bytes, 16);
	n[0] = ADVERTISEMENT;
	n[4] = probe ? 0x20 : 0x60; /* solicited, override */
	memcpy(n + 8, src.bytes, 16);
	n[24] = 2; /* target link-layer address */
	n[25] = 1;
	memcpy(n + 26, mac, FRAME_MAC);
	put(n + 2, ~sum_transport(&src, &dst, PROTO_ICMPV6, n, NEIGHBOUR + 8), 2);
	return ETHER + IPV6 + NEIGHBOUR + 8;
}

size_t frame_answer(uint8_t out[FRAME_MAX], const uint8_t *frame, size_t len, const struct address *ours,
		    size_t n, const uint8_t mac[FRAME_MAC])
{
	const uint8_t *p = frame + ETHER;

	memset(out, 0, FRAME_MAX);
	if (len >= ETHER + ARP && get(frame + 12, 2) == TYPE_ARP && get(p, 4) == 0x00010800 &&
	    get(p + 6, 2) == 1 && is_ours(p + 24, 4, ours, n))
		return answer_arp(out, p, mac);
	if (len >= ETHER + IPV6 + NEIGHBOUR && get(frame + 12, 2) == TYPE_IPV6 && p[6] == PROTO_ICMPV6 &&
	    p[7] == 255 && p[IPV6] == SOLICITATION && is_ours(p + IPV6 + 8, 6, ours, n))
		return answer_solicitation(out, frame, mac);
	return 0;
}
