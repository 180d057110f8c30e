/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has which address on the link: an Ethernet frame comes in, what it asks and claims comes out
 * (ARP: RFC 826; neighbour discovery: RFC 4861). No input or output. */
#ifndef FINWAIT_WIRE_NEIGHBOUR_H
#define FINWAIT_WIRE_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"

enum { MAC_LEN = 6 };

struct neighbour {
	struct address asked;   /* "who has it?"; family 0: nothing is asked */
	struct address claimed; /* "I have it"; family 0: nothing is claimed */
	struct address sender;  /* who to answer; family 0: a probe before the address is taken */
	uint8_t mac[MAC_LEN];   /* the sender's */
	bool told;              /* `mac` was said to belong to `claimed`, not only seen in the frame */
};

/* False for every frame that is not a well-formed question or answer; all lengths, and for IPv6 hop
 * limit, checksum and options (RFC 4861 7.1), are checked. */
bool neighbour_parse(struct neighbour *n, const uint8_t *frame, size_t len);

/* ff02::1:ffXX:XXXX, where questions about `a` go (RFC 4291 2.7.1). */
void neighbour_solicited_node(const struct address *a, struct address *group);

#endif
