/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/known_checks.h"

static void add(struct spec_check *checks, size_t *n, const struct check *c)
{
	if (c->name)
		checks[(*n)++] = (struct spec_check){ c->name, c->about, c->requirements, check_needs(c), 0 };
}

void known_checks(struct spec_check checks[KNOWN_CHECKS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < CLOSE_KINDS; i++)
		add(checks, &n, &probe_checks[i]);
	for (size_t state = 0; state < TCP_STATES; state++)
		for (size_t opener = 0; opener < OPENERS; opener++)
			add(checks, &n, &drive_checks[state][opener]);
	checks[n] = (struct spec_check){ .name = NULL };
}
