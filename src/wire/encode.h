/* SPDX-License-Identifier: BSD-2-Clause */
/* A segment comes in, a finished IP packet with checksums comes out, built by libnet without a socket
 * or any privilege. */
#ifndef FINWAIT_WIRE_ENCODE_H
#define FINWAIT_WIRE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "core/segment.h"

enum { ENCODE_MAX = 40 + 65529 }; /* the longest packet, an IPv6 one */

struct encoder;

/* NULL with a sentence in `why` if there is no memory. */
struct encoder *encode_new(char *why, size_t why_len);

/* Writes `s` into `packet` as it stands: options.raw (filled with zeros to a multiple of four), every
 * flag bit, `len` bytes of data; IPv4 with DF set and ip_id as given. With CHECKSUM_BAD the TCP
 * checksum is one that is certainly wrong, otherwise right. Returns the length, or 0 with a sentence
 * in `why` (addresses of two families, data missing, longer than IP or `size` allows). */
size_t encode_segment(struct encoder *e, const struct segment *s, uint8_t *packet, size_t size, char *why,
		      size_t why_len);

void encode_free(struct encoder *e);

#endif
