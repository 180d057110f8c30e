/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses with ports, and networks: text comes in, socket addresses go out, and back. */
#ifndef FINWAIT_AGENT_ADDRESS_H
#define FINWAIT_AGENT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { AGENT_ADDRESS_ROOM = 128 }; /* of ADDR:PORT as text, with escapes and a NUL */

struct agent_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	socklen_t len;
};

/* An IPv4-mapped IPv6 address counts as IPv4. */
struct agent_network {
	int family;
	uint8_t bytes[16];
	unsigned len;   /* leading bits that matter */
	uint32_t scope; /* of a link-local address; 0: any */
};

/* ADDR:PORT, an IPv6 address in brackets, with %scope if it needs one. */
bool agent_address_read(const char *text, struct agent_address *address);

/* As a value of a reply: with escapes. */
void agent_address_write(const struct agent_address *address, char text[AGENT_ADDRESS_ROOM]);

/* A scope that only one of them names does not count: the other leaves it to the system. */
bool agent_address_equal(const struct agent_address *a, const struct agent_address *b);

/* ADDR or ADDR/LEN, without a scope. */
bool agent_network_read(const char *text, struct agent_network *network);

/* Whether it is a link-local address whose scope was left open. */
bool agent_address_lacks_scope(const struct agent_address *address);

/* Whether it is all loopback. */
bool agent_network_loopback(const struct agent_network *network);

/* The network of this one address. */
struct agent_network agent_network_of(const struct agent_address *address);

/* Whether all of `part` is inside one of `n` networks. */
bool agent_network_inside(const struct agent_network *networks, size_t n, const struct agent_network *part);

#endif
