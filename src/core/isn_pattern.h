/* SPDX-License-Identifier: BSD-2-Clause */
/* How likely numbers of core/isn.h show a pattern by chance. Every chance here is an upper bound, for any
 * number of samples. It is kept as bits, -log2, so that a small one does not vanish. Without libm. */
#ifndef FINWAIT_CORE_ISN_PATTERN_H
#define FINWAIT_CORE_ISN_PATTERN_H

#include <stdbool.h>

#include "core/isn.h"

#define CIRCLE 4294967296.0   /* as many sequence numbers as there are */
#define SMALL_ARC 268435456.0 /* 2^28 */
#define BITS_LIKELY 13.29     /* 1 in 10^4: too much of a pattern to be chance */

enum { MAX_WRAPS = 1024 }; /* of a clock within all samples */

/* Samples in order, or those of them that a test is about. */
struct series {
	unsigned count;
	double t_us[ISN_SAMPLES];
	double place[ISN_SAMPLES]; /* in the order of all samples */
	uint32_t isn[ISN_SAMPLES];
	uint32_t group[ISN_SAMPLES];
};

struct pattern {
	double against; /* bits: how unlikely it is by chance */
	double bits;    /* that are left to guess */
};

struct line {
	double slope;
	double off;     /* how far the number farthest from it is away */
	double against; /* as in struct pattern */
	bool several;   /* lines of other slopes are as good */
};

static inline double magnitude(double x)
{
	return x < 0 ? -x : x;
}

static inline double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* The way from 0 to x on the circle, the shorter one. */
static inline double around(double x)
{
	double turns = x / CIRCLE;

	return x - CIRCLE * (double)(int64_t)(turns < 0 ? turns - 0.5 : turns + 0.5);
}

double isn_log2(double x);

/* 1 - 2^-bits. */
double isn_surely(double bits);

/* The chance that of `n` samples `k` or more are not what they seem. */
double isn_strays(unsigned n, unsigned k);

/* How many numbers lie from the first to the last of these, on the shortest arc that has all. */
double isn_arc_of(const uint32_t *numbers, unsigned n);

/* They lie on one arc; are equal or have a neighbour within `near`; have the same bits in common. */
struct pattern isn_on_an_arc(const uint32_t *numbers, unsigned n);
struct pattern isn_neighbours(const uint32_t *numbers, unsigned n, uint32_t near);
struct pattern isn_fixed_bits(const uint32_t *numbers, unsigned n);

/* How far the sample `i` is from the line of this slope through `base`, over `x`: t_us or place. */
double isn_off_line(const struct series *s, const double *x, unsigned base, unsigned i, double slope);

/* The line over time through `a` and `b` that the others are nearest to, no steeper than so many numbers per
 * us. `arc`: on which all lie, 0 for anywhere. `others`: how many samples had to meet it by chance. */
struct line isn_best_line(const struct series *s, unsigned a, unsigned b, double steepest, double arc,
			  unsigned others);

/* The line over places through the first and the last one that the others are nearest to. */
struct line isn_best_step(const struct series *s);

#endif
