/* SPDX-License-Identifier: BSD-2-Clause */
/* The real link: segments are crafted with libnet and injected, captured with libpcap and decoded.
 * Implements run/link.h. */
#ifndef FINWAIT_WIRE_WIRE_LINK_H
#define FINWAIT_WIRE_WIRE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "run/link.h"
#include "wire/route.h"
#include "wire/spare.h"

/* One way out; a link captures on each distinct interface once. */
struct wire_path {
	struct address target;
	struct route route;
	struct spare *spare; /* borrowed; NULL unless the source is a spare address */
	const uint16_t *ports; /* of ours, borrowed: few of them keep other traffic out of the capture, ... */
	size_t ports_count;    /* ... 0 or many do not */
};

struct wire_stats {
	uint64_t captured; /* frames decoded */
	uint64_t dropped;  /* frames that the kernel could not hand over: verdicts lose certainty */
};

/* Opens injection and capture for `n` paths and, unless `dump` is NULL, a pcap file (link type RAW:
 * IP packets, whatever the interface) that gets every captured frame of these targets and ports. Needs
 * CAP_NET_RAW; nothing is decoded before the first receive(). `stop` is a flag that a signal handler
 * sets: receive() then returns LINK_INTERRUPTED once and clears it. NULL with a sentence in `why`. */
struct link *wire_link_open(const struct wire_path *paths, size_t n, const char *dump,
			    volatile int *stop, char *why, size_t why_len);

void wire_link_stats(struct link *link, struct wire_stats *stats);

/* Flushes and closes the pcap file (-1 with a sentence in `why` if that failed, otherwise 0) and releases
 * everything. Leaves the kernel's slow end of packet sockets to a child that outlives the call by some
 * tens of milliseconds, see wire/release.h. */
int wire_link_close(struct link *link, char *why, size_t why_len);

#endif
