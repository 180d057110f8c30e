/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequence number arithmetic modulo 2^32 (RFC 9293 3.4): two numbers go in, a comparison comes out.
 * All comparisons of sequence numbers in finwait are made with these. */
#ifndef FINWAIT_CORE_SEQ_H
#define FINWAIT_CORE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* How far `a` lies after `b`; negative if before. Meaningful while the two are less than 2^31 apart. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) < 0;
}

static inline bool seq_le(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) > 0;
}

static inline bool seq_ge(uint32_t a, uint32_t b)
{
	return seq_diff(a, b) >= 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

/* Whether `seq` lies in the `len` numbers that begin at `left`. */
static inline bool seq_in(uint32_t seq, uint32_t left, uint32_t len)
{
	return seq - left < len;
}

#endif
