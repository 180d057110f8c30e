/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that follow from a seed, so that a run can be repeated: SplitMix64 (Steele, Lea, Flood 2014).
 * Not for secrets. */
#ifndef FINWAIT_CORE_RANDOM_H
#define FINWAIT_CORE_RANDOM_H

#include <stdint.h>

/* The next number of the sequence that *state stands in. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

#endif
