/* SPDX-License-Identifier: BSD-2-Clause */
/* One TCP segment, or one ICMP error about a TCP segment, as every part of finwait hands it on: all
 * numbers in host byte order. */
#ifndef FINWAIT_CORE_SEGMENT_H
#define FINWAIT_CORE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/options.h"

enum {
	FLAG_FIN = 0x001,
	FLAG_SYN = 0x002,
	FLAG_RST = 0x004,
	FLAG_PSH = 0x008,
	FLAG_ACK = 0x010,
	FLAG_URG = 0x020,
	FLAG_ECE = 0x040,
	FLAG_CWR = 0x080,
	FLAG_AE = 0x100, /* RFC 9768; the bits above it, 0xe00, are reserved */
};

enum checksum {
	CHECKSUM_GOOD,
	CHECKSUM_BAD,
	CHECKSUM_UNKNOWN, /* offloaded (only the pseudo header is summed), truncated, or a fragment */
};

/* An ICMP error that quotes a segment; `type` 0 when the struct is a TCP segment. */
struct icmp_error {
	uint8_t type, code;    /* of ICMPv4 or ICMPv6, by the family of the segment */
	struct address sender; /* the router or host that sent the error */
};

/* For an ICMP error, src, dst, seq are those of the quoted segment (which *we* or a target sent),
 * everything else is zero. */
struct segment {
	int64_t t_us; /* when it passed the capture point, in the clock of the link */
	uint64_t frame; /* its number in the capture, from 1; 0 if there is no capture */
	struct endpoint src, dst;
	uint32_t vlan; /* of the frame: VLAN ids, 12 bits each, the outer one highest; 0 none */
	uint32_t seq, ack; /* `ack` as on the wire, also when the ACK bit is clear */
	uint16_t flags;    /* the 12 bits between data offset and window */
	uint16_t window;   /* as on the wire, unscaled */
	uint16_t urgent;
	uint16_t ip_id; /* IPv4 only */
	uint8_t ttl;    /* or IPv6 hop limit */
	uint8_t tos;    /* or IPv6 traffic class */
	enum checksum checksum;
	struct tcp_options options;
	uint32_t len;        /* payload bytes by the IP header */
	uint32_t data_len;   /* of those, how many are in `data` (a capture may be cut) */
	const uint8_t *data; /* borrowed: valid until the next segment is read from the same source */
	struct icmp_error icmp;
};

/* SEG.LEN of RFC 9293 3.4: payload, plus one each for SYN and FIN. */
static inline uint32_t segment_len(const struct segment *s)
{
	return s->len + !!(s->flags & FLAG_SYN) + !!(s->flags & FLAG_FIN);
}

enum { FLAGS_TEXT = 16 };

/* packetdrill's letters, "S.", "F.", "P.", "R", "SEW", "-" for none; reserved bits as "r". */
const char *flags_text(uint16_t flags, char text[FLAGS_TEXT]);

#endif
