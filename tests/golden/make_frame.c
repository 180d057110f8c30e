/* SPDX-License-Identifier: BSD-2-Clause */
#include "make_pcap.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
	SERVER_PORT = 80,
	TCP_HEADER = 20,
	ETHERNET_LEAST = 60,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMPV6 = 58,
	EXT_HOP_BY_HOP = 0,
	EXT_FRAGMENT = 44,
	EXT_DESTINATION = 60,
};

const struct link_info links[LINKS] = {
	{ "ethernet", 1 }, { "qinq", 1 }, { "sll", 113 },  { "sll2", 276 },
	{ "raw", 101 },    { "null", 0 }, { "loop", 108 }, { "ppp", 9 },
};

static const char *const addresses[2][SIDES] = {
	{ "198.18.0.1", "198.18.0.2" },
	{ "2001:db8:793::1", "2001:db8:793::2" },
};

const char *frame_endpoint(const struct frame *f, int side, bool port, char text[64])
{
	const char *a = addresses[f->family == 6][side];

	if (!port)
		snprintf(text, 64, "%s", a);
	else
		snprintf(text, 64, f->family == 6 ? "[%s]:%u" : "%s:%u", a,
			 side == SERVER ? SERVER_PORT : f->client_port);
	return text;
}

static uint8_t *put(uint8_t *p, uint32_t value, size_t n)
{
	for (size_t i = n; i--; value >>= 8)
		p[i] = (uint8_t)value;
	return p + n;
}

/* RFC 1071, folded, without the complement. */
static uint32_t sum(const uint8_t *p, size_t len, uint32_t total)
{
	for (size_t i = 0; i < len; i++) {
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		total = (total & 0xffff) + (total >> 16);
	}
	return total;
}

static size_t put_address(uint8_t *p, const struct frame *f, int side)
{
	inet_pton(f->family == 6 ? AF_INET6 : AF_INET, addresses[f->family == 6][side], p);
	return f->family == 6 ? 16 : 4;
}

/* Of the pseudo header (RFC 9293 3.1). */
static uint32_t sum_pseudo(const struct frame *f, uint32_t protocol, size_t len)
{
	uint8_t header[40];
	uint8_t *p = header;

	p += put_address(p, f, CLIENT);
	p += put_address(p, f, SERVER);
	p = put(p, (uint32_t)len, 4);
	p = put(p, protocol, 4);
	return sum(header, (size_t)(p - header), 0);
}

static size_t put_tcp(uint8_t *t, const struct frame *f)
{
	size_t options = f->options_len > 40 ? 40 : (f->options_len + 3) / 4 * 4;
	size_t len = TCP_HEADER + options + f->len;
	uint16_t ports[SIDES] = { f->client_port, SERVER_PORT };

	memset(t, 0, TCP_HEADER + options);
	put(t, ports[f->from], 2);
	put(t + 2, ports[!f->from], 2);
	put(t + 4, f->seq, 4);
	put(t + 8, f->ack, 4);
	put(t + 12, (uint32_t)((TCP_HEADER + options) / 4) << 12 | f->flags, 2);
	put(t + 14, f->window, 2);
	put(t + 18, f->urgent, 2);
	memcpy(t + TCP_HEADER, f->options, f->options_len > options ? options : f->options_len);
	for (uint32_t i = 0; i < f->len; i++)
		t[TCP_HEADER + options + i] = (uint8_t)('a' + (f->text + i) % 23);
	if (f->partial_checksum)
		put(t + 16, sum_pseudo(f, PROTO_TCP, len), 2);
	else
		put(t + 16, ~sum(t, len, sum_pseudo(f, PROTO_TCP, len)), 2);
	if (f->bad_checksum)
		t[17] ^= 0x55;
	return len;
}

static size_t put_ip(uint8_t *p, const struct frame *f, uint8_t protocol, const uint8_t *payload, size_t len);

/* "Host unreachable", quoting what the other side sent with this SEQ: its IP header and 8 bytes. */
static size_t put_icmp(uint8_t *p, const struct frame *f)
{
	struct frame quoted = *f;
	uint8_t tcp[TCP_HEADER + 40];
	size_t len;

	quoted.kind = KIND_TCP;
	quoted.from = !f->from;
	quoted.options_len = quoted.len = 0;
	quoted.flags = 0x10;
	put_tcp(tcp, &quoted);
	memset(p, 0, 8);
	p[0] = f->family == 6 ? 1 : 3;
	p[1] = f->family == 6 ? 3 : 1;
	len = 8 + put_ip(p + 8, &quoted, PROTO_TCP, tcp, 8);
	put(p + 2, ~sum(p, len, f->family == 6 ? sum_pseudo(f, PROTO_ICMPV6, len) : 0), 2);
	return len;
}

static size_t put_udp(uint8_t *p, const struct frame *f)
{
	put(p, f->client_port, 2);
	put(p + 2, 53, 2);
	put(p + 4, 8, 4);
	return 8;
}

static size_t put_ipv4(uint8_t *p, const struct frame *f, uint8_t protocol, const uint8_t *payload,
		       size_t len)
{
	size_t header = f->extra ? 24 : 20;

	memset(p, 0, header);
	put(p, 0x4000 | (uint32_t)(header / 4) << 8, 2);
	put(p + 2, f->length_zero ? 0 : (uint32_t)(header + len), 2);
	put(p + 4, f->id, 2);
	put(p + 6, f->fragment ? 0x2000 : 0x4000, 2);
	p[8] = f->ttl;
	p[9] = protocol;
	put_address(p + 12, f, f->from);
	put_address(p + 16, f, !f->from);
	if (f->extra)
		memset(p + 20, 1, 4); /* no operation */
	put(p + 10, ~sum(p, header, 0), 2);
	memcpy(p + header, payload, len);
	return header + len;
}

/* One extension header of 8 bytes; returns where the next one stands. */
static uint8_t *put_extension(uint8_t *p, uint8_t **next, uint8_t type, bool fragment)
{
	**next = type;
	*next = p;
	memset(p, 0, 8);
	if (fragment)
		put(p + 2, 1, 2); /* more follow */
	else
		put(p + 2, 0x0104, 2); /* PadN */
	return p + 8;
}

static size_t put_ipv6(uint8_t *start, const struct frame *f, uint8_t protocol, const uint8_t *payload,
		       size_t len)
{
	uint8_t *p = start + 40, *next = start + 6;

	memset(start, 0, 40);
	put(start, 6U << 28, 4);
	start[7] = f->ttl;
	put_address(start + 8, f, f->from);
	put_address(start + 24, f, !f->from);
	if (f->extra)
		p = put_extension(p, &next, EXT_HOP_BY_HOP, false);
	if (f->fragment)
		p = put_extension(p, &next, EXT_FRAGMENT, true);
	if (f->extra)
		p = put_extension(p, &next, EXT_DESTINATION, false);
	*next = protocol;
	memcpy(p, payload, len);
	put(start + 4, f->length_zero ? 0 : (uint32_t)(p - start - 40) + (uint32_t)len, 2);
	return (size_t)(p - start) + len;
}

static size_t put_ip(uint8_t *p, const struct frame *f, uint8_t protocol, const uint8_t *payload, size_t len)
{
	return f->family == 6 ? put_ipv6(p, f, protocol, payload, len)
			      : put_ipv4(p, f, protocol, payload, len);
}

/* Returns the length of the link's header. */
static size_t put_link(uint8_t *p, const struct frame *f)
{
	static const uint8_t macs[SIDES][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };
	uint32_t type = f->family == 6 ? 0x86dd : 0x0800;
	uint8_t *start = p;

	switch (f->link) {
	case LINK_ETHERNET:
	case LINK_QINQ:
		memcpy(p, macs[!f->from], 6);
		memcpy(p + 6, macs[f->from], 6);
		p += 12;
		if (f->link == LINK_QINQ)
			p = put(p, 0x88a80007, 4);
		if (f->vlan)
			p = put(p, 0x81000000 | (uint32_t)f->vlan, 4);
		p = put(p, type, 2);
		break;
	case LINK_SLL: /* packet type, ARPHRD_ETHER, address and its length, protocol */
		p = put(p, f->from == CLIENT ? 4 : 0, 2);
		p = put(p, 1, 2);
		p = put(p, 6, 2);
		memcpy(p, macs[f->from], 6);
		p = put(put(p + 6, 0, 2), type, 2);
		break;
	case LINK_SLL2: /* protocol, reserved, interface, ARPHRD_ETHER, packet type, length, address */
		p = put(put(p, type, 2), 0, 2);
		p = put(put(p, 3, 4), 1, 2);
		p = put(put(p, f->from == CLIENT ? 4 : 0, 1), 6, 1);
		memcpy(p, macs[f->from], 6);
		p = put(p + 6, 0, 2);
		break;
	case LINK_NULL: { /* in the byte order of the host that captured: this one; FreeBSD's number for IPv6
			   */
		uint32_t family = f->family == 6 ? 28 : 2;

		memcpy(p, &family, 4);
		p += 4;
		break;
	}
	case LINK_LOOP: /* OpenBSD's */
		p = put(p, f->family == 6 ? 24 : 2, 4);
		break;
	case LINK_PPP:
		p = put(p, 0xff030000 | (f->family == 6 ? 0x57 : 0x21), 4);
		break;
	case LINK_RAW:
	case LINKS:
		break;
	}
	return (size_t)(p - start);
}

size_t frame_build(const struct frame *f, uint8_t out[FRAME_SIZE], size_t *captured)
{
	static uint8_t payload[FRAME_SIZE];
	size_t link = put_link(out, f), len;
	uint8_t protocol = PROTO_TCP;

	if (f->kind == KIND_ICMP) {
		protocol = f->family == 6 ? PROTO_ICMPV6 : PROTO_ICMP;
		len = put_icmp(payload, f);
	} else if (f->kind == KIND_UDP) {
		protocol = PROTO_UDP;
		len = put_udp(payload, f);
	} else {
		len = put_tcp(payload, f);
	}
	len = link + put_ip(out + link, f, protocol, payload, len);
	while (f->padded && len < ETHERNET_LEAST)
		out[len++] = 0;
	*captured = f->cut && link + f->cut < len ? link + f->cut : len;
	return len;
}
