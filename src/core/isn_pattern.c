/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/isn_pattern.h"

#include <stdlib.h>
#include <string.h>

#define STRAY 0.02 /* the chance that a sample is not what it seems */

/* ---- arithmetic without libm --------------------------------------------------------------------- */

double isn_log2(double x)
{
	double whole = 0, part = 0, digit = 0.5;

	if (x <= 0)
		return -1024;
	for (; x >= 2; x /= 2)
		whole++;
	for (; x < 1; x *= 2)
		whole--;
	for (int i = 0; i < 24; i++, digit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			part += digit;
		}
	}
	return whole + part;
}

double isn_surely(double bits)
{
	double chance = 1;

	for (; bits >= 1; bits--)
		chance /= 2;
	return bits < 0 ? 0 : 1 - chance * (1 - bits / 2); /* between whole bits rather less than too much */
}

static double log2_choose(unsigned n, unsigned k)
{
	double sum = 0;

	for (unsigned i = 1; i <= k; i++)
		sum += isn_log2((double)(n - k + i) / i);
	return sum;
}

double isn_strays(unsigned n, unsigned k)
{
	double sum = 0, term = 1;

	for (unsigned i = 0; i < n; i++)
		term *= 1 - STRAY;
	for (unsigned i = 0; i <= n; i++) {
		if (i >= k)
			sum += term;
		term *= (double)(n - i) / (i + 1) * (STRAY / (1 - STRAY));
	}
	return sum;
}

/* ---- numbers on the circle ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double isn_arc_of(const uint32_t *numbers, unsigned n)
{
	uint32_t sorted[ISN_SAMPLES], widest;

	memcpy(sorted, numbers, n * sizeof *numbers);
	qsort(sorted, n, sizeof *sorted, compare);
	widest = sorted[0] - sorted[n - 1]; /* through 2^32; 0 only if all are equal */
	if (!widest)
		return 1;
	for (unsigned i = 1; i < n; i++)
		if (sorted[i] - sorted[i - 1] > widest)
			widest = sorted[i] - sorted[i - 1];
	return CIRCLE - widest + 1;
}

/* `n` uniform numbers lie on an arc of the fraction f with a chance of n f^(n-1) at most. */
struct pattern isn_on_an_arc(const uint32_t *numbers, unsigned n)
{
	double arc = isn_arc_of(numbers, n);

	return (struct pattern){.against = -isn_log2(n) - (n - 1) * isn_log2(arc / CIRCLE),
				.bits = isn_log2(arc)};
}

/* Numbers that are equal or have a neighbour within `near`. Of n uniform numbers on a circle each is
 * followed that closely with a chance of (n-1) (near+1) / 2^32 at most, and the more are, the less likely
 * are the others (spaces are negatively associated). */
struct pattern isn_neighbours(const uint32_t *numbers, unsigned n, uint32_t near)
{
	uint32_t sorted[ISN_SAMPLES];
	unsigned close = 0;
	double each;

	memcpy(sorted, numbers, n * sizeof *numbers);
	qsort(sorted, n, sizeof *sorted, compare);
	for (unsigned i = 1; i < n; i++)
		close += sorted[i] - sorted[i - 1] <= near;
	if (sorted[n - 1] != sorted[0])
		close += sorted[0] - sorted[n - 1] <= near;
	if (!close)
		return (struct pattern){.bits = 32};
	each = isn_log2((n - 1) * (near + 1.0) / CIRCLE);
	return (struct pattern){
		.against = -log2_choose(n, close) - close * each,
		.bits = isn_log2(n * (n - 1.0) / 2 / close * (near + 1.0)),
	};
}

/* A bit is the same in n uniform numbers with a chance of 2^-(n-1). */
struct pattern isn_fixed_bits(const uint32_t *numbers, unsigned n)
{
	uint32_t changes = 0;
	unsigned fixed = 32;

	for (unsigned i = 1; i < n; i++)
		changes |= numbers[i] ^ numbers[0];
	for (; changes; changes &= changes - 1)
		fixed--;
	return (struct pattern){
		.against = fixed * (n - 1.0) - log2_choose(32, fixed),
		.bits = 32.0 - fixed,
	};
}

/* ---- lines --------------------------------------------------------------------------------------- */

double isn_off_line(const struct series *s, const double *x, unsigned base, unsigned i, double slope)
{
	return magnitude(around((double)(uint32_t)(s->isn[i] - s->isn[base]) - slope * (x[i] - x[base])));
}

/* A line through the samples `a` and `b`: how far is any sample of the same 4-tuple from one that is as
 * steep? Other 4-tuples are measured from their own first one. */
static double farthest(const struct series *s, const double *x, unsigned a, double slope)
{
	double most = 0;

	for (unsigned i = 0; i < s->count; i++) {
		unsigned base = s->group[i] == s->group[a] ? a : 0;
		double off;

		while (s->group[base] != s->group[i])
			base++;
		off = isn_off_line(s, x, base, i, slope);
		if (off > most)
			most = off;
	}
	return most;
}

/* The best line through `a` and `b`, which `others` of the samples had to meet by chance. On the way the
 * numbers may have wrapped: each number of wraps is one line more that may fit by chance. A weight of
 * 1 / (k+1)(k+2) for the k-th of them sums up to one, and favours the slow ones.
 * With `arc`, all samples lie on one, and a number meets a line within `off` with a chance of (2 off + 1) /
 * arc at most; nor is the rise of a line through two of them larger. Without, numbers are anywhere, and the
 * line may fall. */
struct line isn_best_line(const struct series *s, unsigned a, unsigned b, double steepest, double arc,
			  unsigned others)
{
	struct line best = {.off = CIRCLE};
	double run = s->t_us[b] - s->t_us[a];
	double rise = (uint32_t)(s->isn[b] - s->isn[a]);
	bool flat = arc > 0 && arc < SMALL_ARC; /* nothing wraps and comes back to the same place each time */
	unsigned good = 0;

	if (flat)
		rise = around(rise);
	for (unsigned k = 0; k < MAX_WRAPS; k++) {
		/* 0, 1, 2, ... wraps, or 0, -1, 1, -2, ... */
		double wraps = arc > 0 ? k : k % 2 ? -(double)(k / 2 + 1) : k / 2;
		double up = rise + wraps * CIRCLE;
		double room = arc > 0 ? smaller(arc, magnitude(up) + 1) : CIRCLE;
		struct line l = {.slope = up / run};

		if (magnitude(l.slope) > steepest) {
			if (k)
				break;
			continue;
		}
		l.off = farthest(s, s->t_us, a, l.slope);
		l.against =
			-(double)others * isn_log2((2 * l.off + 1) / room) - isn_log2((k + 1.0) * (k + 2.0));
		good += l.against >= BITS_LIKELY;
		if (best.off >= CIRCLE || l.against > best.against)
			best = l;
		if (flat)
			break;
	}
	best.several = good > 1;
	return best;
}

/* The best line over the places of the samples: a fixed step. Every step that leads from the first to the
 * last one is tried. */
struct line isn_best_step(const struct series *s)
{
	struct line best = {.off = CIRCLE};
	unsigned last = s->count - 1;
	double run = s->place[last] - s->place[0];
	double rise = (uint32_t)(s->isn[last] - s->isn[0]);

	for (double k = 0; k < run; k++) {
		struct line l = {.slope = around((rise + k * CIRCLE) / run)};

		l.off = farthest(s, s->place, 0, l.slope);
		if (l.off < 0.01) /* what rounding leaves */
			l.off = 0;
		if (l.off < best.off || (l.off <= best.off && magnitude(l.slope) < magnitude(best.slope)))
			best = l;
	}
	best.against = -(s->count - 2.0) * isn_log2((2 * best.off + 1) / CIRCLE) - isn_log2(run);
	return best;
}
