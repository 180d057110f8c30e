/* SPDX-License-Identifier: BSD-2-Clause */
/* The hosts of a capture: addresses (each with its VLAN) come in, small numbers come out; and what is learnt
 * of a host is kept: whether its checksums mean anything, and whether the capture was made at it. */
#ifndef FINWAIT_RUN_HOSTS_H
#define FINWAIT_RUN_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "core/segment.h"

struct host {
	uint8_t bytes[16];
	uint32_t vlan;
	uint8_t family;
	bool near;          /* somebody said that the capture was made there */
	uint32_t good, bad; /* checksums of its segments */
	uint32_t suspect;   /* number of its first segment with a bad one in hosts.suspects; 0: none */
};

/* A segment with a bad checksum. Whether that is its sender's fault shows later. */
struct suspect {
	uint64_t frame;
	uint32_t sender, connection;
	struct endpoint src, dst; /* of the connection */
	uint8_t end;
	bool told;
};

enum { PAIRS = 4096, SAMPLES = 9 };

/* Two hosts: where between them the capture was made. 0 is at the one with the lower number, 100 at the
 * other. */
struct pair {
	uint32_t hosts[2];
	uint8_t count, next, place;
	uint8_t samples[SAMPLES];
};

struct hosts {
	uint64_t seed;
	struct host *list; /* from 1 */
	uint32_t count, room;
	uint32_t *index;
	uint32_t index_size;      /* a power of two */
	struct suspect *suspects; /* from 1 */
	uint32_t suspects_count, suspects_room;
	const struct address *near;
	uint32_t near_count;
	bool placed;              /* at least one pair has a place */
	struct pair pairs[PAIRS]; /* later ones displace earlier ones */
};

/* What numbers are made of them for a table; `seed` is in it, so that no capture can be made to collide. */
uint64_t hosts_mix(uint64_t value);

/* `near` are the addresses that the capture is said to be made at; borrowed. False if there is no memory. */
bool hosts_init(struct hosts *h, uint64_t seed, const struct address *near, uint32_t near_count);
void hosts_free(struct hosts *h);

/* The number of a host, a new one if it was not seen before; 0 if there is no memory. */
uint32_t hosts_number(struct hosts *h, const struct address *a, uint32_t vlan);

/* Its address. */
struct address hosts_address(const struct hosts *h, uint32_t number);

/* Counts the checksum of a segment. Returns what it means: a bad one nothing (CHECKSUM_UNKNOWN) while more
 * than nine of ten from this host are bad. */
enum checksum hosts_checksum(struct hosts *h, uint32_t sender, enum checksum checksum);

/* Whether the bad checksums of a host mean what they say, so that it can be told. */
bool hosts_checksums_count(const struct host *host);

/* Keeps the first segment of a host that had a bad checksum. */
void hosts_suspect(struct hosts *h, const struct suspect *s);

/* A handshake: of the time from SYN to ACK, this share (0 to 1) had passed before SYN,ACK was seen. */
void hosts_handshake(struct hosts *h, uint32_t client, uint32_t server, double share);

/* CONN_NEAR_0, CONN_NEAR_1, CONN_STATED for a connection between them. */
unsigned hosts_vantage(const struct hosts *h, uint32_t first, uint32_t second);

#endif
