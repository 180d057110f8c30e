/* SPDX-License-Identifier: BSD-2-Clause */
/* What the benchmarks share: the clock, the median, and the one line that each prints. */
#ifndef FINWAIT_BENCH_H
#define FINWAIT_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double bench_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Sorts the values. */
static inline double bench_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), bench_compare);
	return values[n / 2];
}

/* `unit` "ratio" unless the figure is something else. */
static inline void bench_print_unit(const char *name, const char *figures, const char *unit, double value,
				    const char *target)
{
	printf("%-10s %-80s %s %.2f  (target %s)\n", name, figures, unit, value, target);
}

static inline void bench_print(const char *name, const char *figures, double ratio, const char *target)
{
	bench_print_unit(name, figures, "ratio", ratio, target);
}

#endif
