/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of bulk transfers: a seed and a place in the stream come in, a byte comes out, so that each side
 * can make and compare any part of the stream by itself (finwait-agent(8), pattern "mix"). */
#ifndef FINWAIT_CORE_PATTERN_H
#define FINWAIT_CORE_PATTERN_H

#include <stddef.h>
#include <stdint.h>

static inline uint8_t pattern_byte(uint32_t seed, uint32_t place)
{
	return (uint8_t)((uint32_t)((place ^ seed) * 2654435761u) >> 24);
}

/* Fills `bytes` with the stream from its beginning. */
static inline void pattern_fill(uint8_t *bytes, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern_byte(seed, (uint32_t)i);
}

#endif
