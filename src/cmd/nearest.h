/* SPDX-License-Identifier: BSD-2-Clause */
/* "Did you mean": a mistyped word and the words that exist come in, the most similar one comes out. */
#ifndef FINWAIT_CMD_NEAREST_H
#define FINWAIT_CMD_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *best; /* NULL while nothing similar enough was seen */
	unsigned distance;
};

/* How many insertions, deletions, replacements and swaps of neighbours lead from one word to the other
 * (Damerau-Levenshtein, optimal string alignment). Words beyond 64 characters count as unrelated. */
unsigned nearest_distance(const char *a, const char *b);

/* Begin with an all-zero struct and call this for each word there is; the first of equals stays. */
void nearest_try(struct nearest *n, const char *wrong, const char *candidate);

#endif
