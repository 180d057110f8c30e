/* SPDX-License-Identifier: BSD-2-Clause */
/* Where segments to a target leave this host: a target comes in, interface and source come out of the
 * kernel's routing table (rtnetlink). Nothing is sent. */
#ifndef FINWAIT_WIRE_ROUTE_H
#define FINWAIT_WIRE_ROUTE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/address.h"

struct route {
	struct address source;  /* of the segments we send */
	struct address gateway; /* family 0: the target is on the link, or is this host */
	unsigned ifindex;       /* where they leave and answers come in; loopback for an own address */
	char ifname[IF_NAMESIZE];
	bool local;       /* the target is an address of this host */
	bool source_ours; /* `source` belongs to this host; otherwise it is a spare address on the link */
};

/* Finds the way to `target`. `ifname` and `source` (family 0) may be left open. Refuses, with one
 * sentence in `why` that names the thing and what to do: no route, no such interface, interface down,
 * a multicast, broadcast or unspecified target, a link-local target without interface, a source that
 * is multicast, broadcast, or neither ours nor inside a prefix of the outgoing interface.
 * Returns 0 or -1. A refusal caused by the user's words (target, source, interface name: exit 2)
 * sets *usage, one caused by the network (no route, interface down: exit 3) clears it. */
int route_find(struct route *route, const struct address *target, const char *ifname,
	       const struct address *source, bool *usage, char *why, size_t why_len);

/* Whether the next hop on the way to `target` was asked for its link address (ARP, neighbour discovery)
 * and has not answered: then nothing can leave. Its text goes into `who`. */
bool route_unanswered(const struct route *route, const struct address *target, char who[ADDRESS_TEXT]);

#endif
