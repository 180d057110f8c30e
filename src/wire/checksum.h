/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum (RFC 1071): bytes come in, their folded sum comes out. Sums are in memory order
 * (the algorithm does not mind), so that they compare with the 16 bits of a header as memcpy() reads them. */
#ifndef FINWAIT_WIRE_CHECKSUM_H
#define FINWAIT_WIRE_CHECKSUM_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/address.h"

/* Adds `len` bytes to `sum`; only the last call of a sum may have an odd length. */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
	uint32_t word;
	uint16_t half = 0;

	for (; len >= 4; len -= 4, bytes += 4) {
		memcpy(&word, bytes, 4);
		sum += word;
	}
	if (len >= 2) {
		memcpy(&half, bytes, 2);
		sum += half;
		bytes += 2;
		len -= 2;
	}
	if (len) {
		half = 0;
		memcpy(&half, bytes, 1);
		sum += half;
	}
	return sum;
}

static inline uint16_t checksum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Constant lengths: this is called for every packet of a capture. */
static inline uint64_t checksum_address(uint64_t sum, const struct address *a)
{
	return a->family == 4 ? checksum_add(sum, a->bytes, 4) : checksum_add(sum, a->bytes, 16);
}

/* The pseudo header of RFC 9293 3.1 and RFC 8200 8.1 (the two differ in layout, not in their sum). */
static inline uint64_t checksum_pseudo(const struct address *src, const struct address *dst,
				       uint8_t protocol, uint32_t len)
{
	uint32_t rest[2] = { htonl(len), htonl(protocol) };
	uint64_t sum = checksum_address(checksum_address(0, src), dst);

	return sum + rest[0] + rest[1];
}

#endif
