/* SPDX-License-Identifier: BSD-2-Clause */
/* A captured frame comes in, a TCP segment or an ICMP error about one comes out. Every read is checked
 * against the bytes that are there; nothing is allocated. */
#ifndef FINWAIT_WIRE_DECODE_H
#define FINWAIT_WIRE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "core/segment.h"

/* What stands before the IP header. */
enum decode_link {
	DECODE_ETHERNET, /* with any VLAN tags */
	DECODE_RAW,      /* nothing */
	DECODE_NULL,     /* BSD loopback: an address family in either byte order (also LOOP) */
	DECODE_PPP,      /* with or without address and control bytes (RFC 1661, RFC 1662) */
	DECODE_SLL,      /* Linux "cooked" capture */
	DECODE_SLL2,
};

enum decode_status {
	DECODE_TCP,        /* a TCP header; options (see options.cut) and payload may be cut */
	DECODE_ICMP_ERROR, /* that quotes at least the first 8 bytes of a TCP header */
	DECODE_FRAGMENT,   /* of an IP packet, the first one included */
	DECODE_OTHER,      /* neither TCP nor an error about TCP */
	DECODE_TRUNCATED,  /* the capture ends inside a header */
	DECODE_DAMAGED,    /* the headers contradict each other or the frame: no receiver takes it */
};

/* Where the IP packet lies in the frame, link padding excluded. */
struct decode_packet {
	size_t offset;   /* length of the link header */
	size_t captured; /* bytes that are there, 0 if no IP header was found */
	size_t len;      /* bytes that were on the wire */
};

/* Decodes `captured` bytes of a frame that had `len` on the wire. With DECODE_TCP and DECODE_ICMP_ERROR
 * all of *out is filled except t_us and frame, which are 0; out->data points into `frame`. Otherwise
 * *out holds no more than the addresses, if those were read. */
enum decode_status decode_frame(enum decode_link link, const uint8_t *frame, size_t captured, size_t len,
				struct segment *out, struct decode_packet *packet);

#endif
