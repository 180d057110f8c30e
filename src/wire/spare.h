/* SPDX-License-Identifier: BSD-2-Clause */
/* A spare address on the link: finwait answers ARP (RFC 826, RFC 5227) or neighbour discovery (RFC 4861)
 * for it itself, so that no kernel knows the connection. Frames come in by its own packet socket; what
 * goes out is our answers and probes, built by libnet. */
#ifndef FINWAIT_WIRE_SPARE_H
#define FINWAIT_WIRE_SPARE_H

#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "wire/route.h"

struct spare;

enum { SPARE_HEADER = 14 }; /* an Ethernet header */

/* Opens the sockets for route->source on route->ifname (must be Ethernet, not loopback; refused with a
 * sentence when ip forwarding is on for it, since the host would then forward what it overhears). Needs
 * CAP_NET_RAW; decodes nothing yet. NULL with a sentence in `why`. */
struct spare *spare_open(const struct route *route, char *why, size_t why_len);

/* After privs_drop(): probes that nobody has the address (RFC 5227 probes / RFC 4862 DAD, three, 200 ms
 * apart), then resolves the next hop (gateway or target). Takes up to about two seconds. 0, or -1 with a
 * sentence: in use by which MAC, or next hop does not answer. */
int spare_claim(struct spare *s, const struct address *target, char *why, size_t why_len);

/* Readable when a request may be waiting; spare_serve() answers all that are, and never blocks. */
int spare_fd(const struct spare *s);
void spare_serve(struct spare *s);

/* The link header to put before our IP packets: next hop's MAC, ours, type. */
const uint8_t *spare_header(const struct spare *s);

void spare_close(struct spare *s);

#endif
