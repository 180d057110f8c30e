/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions to the kernel's routing tables (rtnetlink): what is known of an address, an interface or a way
 * to an address comes out. Nothing is changed. */
#ifndef FINWAIT_WIRE_NETLINK_H
#define FINWAIT_WIRE_NETLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/address.h"

struct netlink;

/* NULL with a sentence in `why`. */
struct netlink *netlink_open(char *why, size_t why_len);
void netlink_close(struct netlink *n);

/* What the kernel would do with a packet to an address. */
struct netlink_route {
	int error;              /* 0, or the errno it is refused with; the rest is then unset */
	unsigned type;          /* RTN_UNICAST, RTN_LOCAL, ... of <linux/rtnetlink.h> */
	unsigned oif;           /* outgoing interface */
	struct address source;  /* the one the kernel prefers; family 0 if it names none */
	struct address gateway; /* family 0: none */
};

/* `oif` 0 and `source` NULL leave these open. 0, or -1 with errno if the kernel could not be asked. */
int netlink_route(struct netlink *n, const struct address *to, unsigned oif, const struct address *source,
		  struct netlink_route *route);

/* True if the kernel asked for the link address of `addr` and has no answer (so far). */
bool netlink_unanswered(struct netlink *n, unsigned ifindex, const struct address *addr);

/* One address of this host. */
struct netlink_address {
	struct address addr;
	unsigned ifindex;
	unsigned prefix_len;
	bool usable; /* false: not yet, or not, found to be unique on its link (RFC 4862) */
};

/* All addresses of `family` (4 or 6), an array for the caller to free(). 0, or -1 with errno. */
int netlink_addresses(struct netlink *n, int family, struct netlink_address **list, size_t *count);

#endif
