/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/encode.h"

#include <libnet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/checksum.h"

enum {
	PACKET_MAX = 65535, /* IPv4, RFC 791 3.1 */
	TCP_MAX = 65529,    /* libnet adds the protocol number to the length in 16 bits */
	CHECKSUM_AT = 16,   /* in the TCP header */
};

/* libnet keeps the headers of a packet as a chain of blocks that it can change but not drop. So there is
 * one chain for segments with options and one for those without, for each family; a payload lives in the
 * TCP block and may come and go. */
struct chain {
	libnet_t *libnet;
	libnet_ptag_t options, tcp, ip;
};

struct encoder {
	struct chain chains[2][2]; /* [IPv6][with options] */
};

struct encoder *encode_new(char *why, size_t why_len)
{
	struct encoder *e = calloc(1, sizeof(*e));
	char error[LIBNET_ERRBUF_SIZE] = "";

	if (!e) {
		snprintf(why, why_len, "out of memory for building segments");
		return NULL;
	}
	for (int i = 0; i < 4; i++) {
		struct chain *c = &e->chains[i / 2][i % 2];

		c->libnet = libnet_init(LIBNET_NONE, NULL, error);
		if (!c->libnet) {
			snprintf(why, why_len, "libnet cannot be set up: %s", error);
			encode_free(e);
			return NULL;
		}
	}
	return e;
}

void encode_free(struct encoder *e)
{
	if (!e)
		return;
	for (int i = 0; i < 4; i++)
		if (e->chains[i / 2][i % 2].libnet)
			libnet_destroy(e->chains[i / 2][i % 2].libnet);
	free(e);
}

static int build_tcp(struct chain *c, const struct segment *s, size_t tcp_len)
{
	struct libnet_tcp_hdr *header;

	if (s->options.raw_len) {
		c->options = libnet_build_tcp_options(s->options.raw, s->options.raw_len, c->libnet,
						      c->options);
		if (c->options < 0)
			return -1;
	}
	c->tcp = libnet_build_tcp(s->src.port, s->dst.port, s->seq, s->ack, s->flags & 0xff, s->window, 0,
				  s->urgent, (uint16_t)tcp_len, s->len ? s->data : NULL, s->len,
				  c->libnet, c->tcp);
	if (c->tcp < 0)
		return -1;
	/* libnet knows eight flags; the other four go where it puts zeros. */
	header = (struct libnet_tcp_hdr *)(void *)libnet_getpbuf(c->libnet, c->tcp);
	if (!header)
		return -1;
	header->th_x2 = s->flags >> 8 & 0xf;
	return 0;
}

static int build_ip(struct chain *c, const struct segment *s, size_t tcp_len)
{
	if (s->src.addr.family == 4) {
		uint32_t src, dst;

		memcpy(&src, s->src.addr.bytes, 4);
		memcpy(&dst, s->dst.addr.bytes, 4);
		c->ip = libnet_build_ipv4((uint16_t)(LIBNET_IPV4_H + tcp_len), s->tos, s->ip_id, IP_DF,
					  s->ttl, IPPROTO_TCP, 0, src, dst, NULL, 0, c->libnet, c->ip);
	} else {
		struct libnet_in6_addr src, dst;

		memcpy(&src, s->src.addr.bytes, 16);
		memcpy(&dst, s->dst.addr.bytes, 16);
		c->ip = libnet_build_ipv6(s->tos, 0, (uint16_t)tcp_len, IPPROTO_TCP, s->ttl, src, dst,
					  NULL, 0, c->libnet, c->ip);
	}
	return c->ip < 0 ? -1 : 0;
}

/* Replaces a right checksum by one that cannot be taken for right, or for one left to the interface. */
static void spoil_checksum(const struct segment *s, uint8_t *tcp, uint32_t tcp_len)
{
	uint16_t pseudo = checksum_fold(checksum_pseudo(&s->src.addr, &s->dst.addr, IPPROTO_TCP, tcp_len));
	uint16_t bare = checksum_fold(checksum_pseudo(&s->src.addr, &s->dst.addr, IPPROTO_TCP, 0));
	uint16_t right, wrong;

	memcpy(&right, tcp + CHECKSUM_AT, 2);
	/* At most two steps, and these bits are too many for two steps to undo. */
	for (wrong = right ^ 0x5a5a; wrong == pseudo || wrong == bare; wrong++)
		;
	memcpy(tcp + CHECKSUM_AT, &wrong, 2);
}

static bool check(const struct segment *s, size_t tcp_len, size_t ip_header, size_t size, char *why,
		  size_t why_len)
{
	if ((s->src.addr.family != 4 && s->src.addr.family != 6) ||
	    s->src.addr.family != s->dst.addr.family)
		snprintf(why, why_len, "a segment needs source and destination addresses of one family");
	else if (s->options.raw_len > OPTIONS_MAX)
		snprintf(why, why_len, "%u bytes of TCP options do not fit into a header, which has room for %d",
			 s->options.raw_len, OPTIONS_MAX);
	else if (s->len && (!s->data || s->data_len < s->len))
		snprintf(why, why_len, "a segment of %u bytes came with only %u of them", s->len,
			 s->data ? s->data_len : 0);
	else if (tcp_len > TCP_MAX || (ip_header == LIBNET_IPV4_H && tcp_len + ip_header > PACKET_MAX) ||
		 tcp_len + ip_header > size)
		snprintf(why, why_len, "%u bytes of data do not fit into one segment", s->len);
	else
		return true;
	return false;
}

size_t encode_segment(struct encoder *e, const struct segment *s, uint8_t *packet, size_t size, char *why,
		      size_t why_len)
{
	size_t ip_header = s->src.addr.family == 6 ? LIBNET_IPV6_H : LIBNET_IPV4_H;
	size_t tcp_len = LIBNET_TCP_H + ((size_t)s->options.raw_len + 3) / 4 * 4 + s->len;
	struct chain *c = &e->chains[s->src.addr.family == 6][!!s->options.raw_len];
	uint8_t *built = NULL;
	uint32_t len = 0;

	if (!check(s, tcp_len, ip_header, size, why, why_len))
		return 0;
	if (build_tcp(c, s, tcp_len) || build_ip(c, s, tcp_len) ||
	    libnet_pblock_coalesce(c->libnet, &built, &len) < 0) {
		snprintf(why, why_len, "libnet cannot build a segment: %s", libnet_geterror(c->libnet));
		return 0;
	}
	if (len == ip_header + tcp_len) {
		memcpy(packet, built, len);
		if (s->checksum == CHECKSUM_BAD)
			spoil_checksum(s, packet + ip_header, (uint32_t)tcp_len);
	} else {
		snprintf(why, why_len, "libnet built %u bytes where %zu were expected", len,
			 ip_header + tcp_len);
		len = 0;
	}
	libnet_adv_free_packet(c->libnet, built);
	return len;
}
