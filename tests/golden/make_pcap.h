/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of captures made by hand: a segment as a script tells it comes in, the bytes of a frame come out.
 * Written apart from src/wire, so that a mistake there meets one that does not share it. */
#ifndef FINWAIT_TESTS_MAKE_PCAP_H
#define FINWAIT_TESTS_MAKE_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENT, SERVER, SIDES };

enum link { LINK_ETHERNET, LINK_QINQ, LINK_SLL, LINK_SLL2, LINK_RAW, LINK_NULL, LINK_LOOP, LINK_PPP, LINKS };

/* By the names that scripts use, with the number that pcap files use. */
extern const struct link_info {
	const char *name;
	uint32_t number;
} links[LINKS];

enum kind { KIND_TCP, KIND_ICMP, KIND_UDP };

enum { FRAME_OPTIONS = 64, FRAME_SIZE = 70000 };

struct frame {
	enum kind kind;
	int from; /* CLIENT or SERVER */
	int family;
	enum link link;
	int vlan; /* 0: none */
	uint16_t client_port;
	uint32_t seq, ack;
	uint16_t flags, window, urgent, id;
	uint8_t ttl;
	uint8_t options[FRAME_OPTIONS]; /* as many as the header can tell of; the rest is cut */
	size_t options_len;
	uint32_t len;  /* bytes of data */
	uint32_t text; /* which data: the same bytes again for the same number */
	bool extra;    /* IP options, or extension headers */
	bool fragment; /* the first one of two */
	bool bad_checksum, partial_checksum;
	bool padded;      /* to the least that Ethernet carries */
	bool length_zero; /* in the IP header, as with segmentation offload */
	size_t cut;       /* bytes captured of the IP packet; 0: all */
};

/* The name of an endpoint: "198.18.0.1:40000", "[2001:db8:793::1]:40000". */
const char *frame_endpoint(const struct frame *f, int side, bool port, char text[64]);

/* Returns the length on the wire; *captured of that are in `out`. */
size_t frame_build(const struct frame *f, uint8_t out[FRAME_SIZE], size_t *captured);

#endif
