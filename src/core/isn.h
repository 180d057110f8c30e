/* SPDX-License-Identifier: BSD-2-Clause */
/* How a target chooses its initial sequence numbers: samples go in, a named class comes out, with what it
 * means for two requirements and how sure that is.
 *
 * RFC 9293 3.4.1 and RFC 6528 3 ask for ISN = M + F(4-tuple, secret). The clock M is seen only between
 * samples of one 4-tuple, for which F stays the same. F is seen only between different 4-tuples. So whether
 * the numbers are unpredictable is read from the first sample of every 4-tuple alone: for M + F these are
 * independent and uniform, whatever M is, and the chance of a pattern in them can be computed. */
#ifndef FINWAIT_CORE_ISN_H
#define FINWAIT_CORE_ISN_H

#include <stddef.h>
#include <stdint.h>

#include "core/verdict.h"

enum {
	ISN_SAMPLES = 256,           /* no more are read */
	ISN_MIN_TUPLES_FAIL = 4,     /* different 4-tuples before they are called predictable ... */
	ISN_MIN_TUPLES_PASS = 8,     /* ... and before they are called unpredictable */
	ISN_MIN_SAME = 4,            /* samples of one 4-tuple before anything is said of a clock ... */
	ISN_MIN_SPAN_US = 2000000,   /* ... and the time from the first to the last */
	ISN_MAX_GAP_US = 190000000,  /* two of them must be this near: a clock of 64 ns wraps in 275 s */
	ISN_MAX_RATE_HZ = 100000000, /* no clock is looked for beyond: it wraps within an MSL */
	ISN_MIN_BITS = 26,           /* that a stranger has to guess; with less it is predictable */
};

/* `group` is the same for samples of the same 4-tuple. */
struct isn_sample {
	int64_t t_us;
	uint32_t isn;
	uint32_t group;
};

enum isn_kind {
	ISN_TOO_FEW,
	ISN_CONSTANT,
	ISN_CONSTANT_STEP,  /* each is the last one and a fixed number, whatever the time */
	ISN_TIME_LINEAR,    /* one clock for all 4-tuples, as in RFC 793, without F */
	ISN_LOW_ENTROPY,    /* few values, few bits that change, or small steps */
	ISN_CLOCK_AND_HASH, /* M + F */
	ISN_RANDOM,         /* nothing can be guessed, but no clock either */
	ISN_HASH,           /* F without M: one 4-tuple has always the same number */
	ISN_UNPREDICTABLE,  /* between 4-tuples; nothing is known of a clock */
	ISN_CLOCK,          /* on one 4-tuple; nothing is known of others */
	ISN_NO_CLOCK,       /* on one 4-tuple; nothing is known of others */
	ISN_KINDS,
};

/* The outcomes are pass, fail or inconclusive. What is sure is 1 less a chance, 0 if inconclusive:
 * unpredictable, fail: that independent uniform numbers show such a pattern;
 * unpredictable, pass: that none shows although every other number follows from an earlier one;
 * clock-driven, pass: that independent numbers of the same spread lie so near a line over time;
 * clock-driven, fail: that a clock is hidden so well, if one in 50 samples is not what it seems. */
struct isn_verdict {
	enum isn_kind kind;
	enum outcome unpredictable; /* SHLD-1, RFC 6528 3 */
	enum outcome clock_driven;  /* MUST-8 */
	double unpredictable_sure;
	double clock_driven_sure;
	double bits;                    /* that a stranger has to guess: 32 unless a pattern says less */
	double rate_hz;                 /* of the clock, 0 if none was found */
	uint32_t step;                  /* of ISN_CONSTANT_STEP */
	unsigned samples, tuples, same; /* all, different 4-tuples, most of one 4-tuple */
	char text[VERDICT_TEXT];
};

/* "constant-step", ... */
const char *isn_kind_name(enum isn_kind k);

/* `samples` are in the order in which they were asked for; their times may be wrong by 50 ms, which may
 * contradict that order. They should be spaced unevenly: with even spaces a clock and a count of connections
 * look alike. A target that changes its secret meanwhile looks as if it had no clock. Several hosts behind
 * one address, each with a clock of its own, are found only while the clocks move less than 2^18 between
 * samples. */
void isn_classify(struct isn_verdict *v, const struct isn_sample *samples, size_t count);

#endif
