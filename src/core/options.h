/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP options: bytes from a header come in, their meaning comes out, and the other way round. */
#ifndef FINWAIT_CORE_OPTIONS_H
#define FINWAIT_CORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of tcp_options.present. */
enum {
	OPTION_MSS = 1 << 0,            /* RFC 9293 3.7.1 */
	OPTION_WSCALE = 1 << 1,         /* RFC 7323 2.2 */
	OPTION_SACK_PERMITTED = 1 << 2, /* RFC 2018 2 */
	OPTION_TIMESTAMPS = 1 << 3,     /* RFC 7323 3.2 */
	OPTION_SACK = 1 << 4,           /* RFC 2018 3 */
	OPTION_OTHER = 1 << 5,          /* at least one kind not listed here */
};

enum { OPTIONS_MAX = 40 };

/* `raw` are the bytes as on the wire, padding included; the rest is what they say, for the bits in
 * `present`. `malformed` is the kind of the first option whose length is illegal (RFC 9293 MUST-7:
 * below 2, past the end of the header, or not the length of its kind), or -1; parsing stops there. */
struct tcp_options {
	uint8_t raw[OPTIONS_MAX];
	uint8_t raw_len;
	bool cut; /* the capture ends before or inside them: nothing is known of them */
	uint8_t present;
	int16_t malformed;
	uint16_t mss;
	uint8_t wscale;
	uint8_t sack_count;
	uint32_t tsval, tsecr;
	struct {
		uint32_t left, right;
	} sack[4];
};

/* Fills `o` from `len` option bytes; more than 40 are cut. */
void options_parse(struct tcp_options *o, const uint8_t *bytes, size_t len);

/* Writes `raw` from the other fields: those bits of `present` that are known, padded with NOPs to a
 * multiple of four. Returns false if they do not fit in 40 bytes. */
bool options_build(struct tcp_options *o);

/* Reads "mss=1460,sackok,ts,wscale=7" or "none" and builds them. On error returns false and puts one
 * sentence into `why`. */
bool options_from_text(struct tcp_options *o, const char *text, char *why, size_t why_len);

/* "mss 1460,sackOK,TS val 1 ecr 0,wscale 7", packetdrill's words; "" for none. Returns `text`. */
const char *options_text(const struct tcp_options *o, char *text, size_t len);

#endif
