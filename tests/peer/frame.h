/* SPDX-License-Identifier: BSD-2-Clause */
/* Ethernet frames for the program `faulty`: bytes come in, segments come out, and the other way round. It is
 * written apart from src/wire so that a mistake there meets one that does not share it. */
#ifndef FINWAIT_TESTS_FRAME_H
#define FINWAIT_TESTS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/segment.h"

enum { FRAME_MAC = 6, FRAME_MAX = 2048 };

/* Writes the segment as an Ethernet frame; with CHECKSUM_BAD its TCP checksum is wrong. Returns the length,
 * or 0 if it does not fit. */
size_t frame_encode(uint8_t out[FRAME_MAX], const struct segment *s, const uint8_t to[FRAME_MAC],
		    const uint8_t from[FRAME_MAC]);

/* Reads a frame with a whole TCP segment over IPv4 or IPv6 without extension headers; s->data points into
 * it. With `partial` the sender left the checksum to hardware that does not exist. False if it is something
 * else. */
bool frame_decode(struct segment *s, const uint8_t *frame, size_t len, bool partial);

/* Writes the answer to an ARP request or a neighbour solicitation for one of our addresses. Returns its
 * length, or 0 if the frame is none. */
size_t frame_answer(uint8_t out[FRAME_MAX], const uint8_t *frame, size_t len, const struct address *ours,
		    size_t n, const uint8_t mac[FRAME_MAC]);

#endif
