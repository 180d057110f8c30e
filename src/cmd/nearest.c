/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/nearest.h"

#include <limits.h>
#include <string.h>

enum { WORD_MAX = 64 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned nearest_distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *previous = rows[1], *current = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= b_len; j++)
		previous[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *spare = before;

		current[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned replaced = previous[j - 1] + (a[i - 1] != b[j - 1]);

			current[j] = least(least(previous[j], current[j - 1]) + 1, replaced);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				current[j] = least(current[j], before[j - 2] + 1);
		}
		before = previous;
		previous = current;
		current = spare;
	}
	return previous[b_len];
}

void nearest_try(struct nearest *n, const char *wrong, const char *candidate)
{
	unsigned distance = nearest_distance(wrong, candidate);
	/* About one slip in four letters; more and the suggestion would be a guess. */
	size_t slips = 1 + strlen(wrong) / 4;

	if (distance > slips || distance >= strlen(candidate))
		return;
	if (!n->best || distance < n->distance) {
		n->best = candidate;
		n->distance = distance;
	}
}
