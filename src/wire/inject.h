/* SPDX-License-Identifier: BSD-2-Clause */
/* Finished IP packets come in and leave this host, by the kernel's routing (raw IP) or past it (link
 * layer). Sockets are the caller's: he closes them. */
#ifndef FINWAIT_WIRE_INJECT_H
#define FINWAIT_WIRE_INJECT_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "wire/route.h"

enum { INJECT_HEADER = 14, INJECT_BATCH = 64 };

struct inject_packet {
	const uint8_t *bytes;
	size_t len;
};

/* A raw IP socket for packets with their own IP header, bound to the source (so that the kernel's policy
 * routing applies) and, unless the target is local, to the interface. Needs CAP_NET_RAW. The
 * descriptor, or -1 with a sentence in `why`. */
int inject_open_raw(const struct route *route, char *why, size_t why_len);

/* Sends `n` packets in order to `target`. 0, or -1 with a sentence. */
int inject_raw(int fd, const struct route *route, const struct address *target,
	       const struct inject_packet *packets, size_t n, char *why, size_t why_len);

/* An Ethernet interface that takes whole frames. */
struct inject_port {
	int fd; /* -1: the interface is not Ethernet, or is the loopback, which drops injected frames */
	uint8_t mac[6]; /* its own */
};

/* Opens a packet socket that sends on the interface and receives nothing. Needs CAP_NET_RAW.
 * 0 (also if the interface is not Ethernet), or -1 with a sentence. */
int inject_open_port(struct inject_port *port, const char *ifname, unsigned ifindex, char *why,
		     size_t why_len);

/* Sends `n` packets in order, each behind the Ethernet `header`. 0, or -1 with a sentence. */
int inject_port(const struct inject_port *port, const char *ifname, const uint8_t header[INJECT_HEADER],
		const struct inject_packet *packets, size_t n, char *why, size_t why_len);

#endif
