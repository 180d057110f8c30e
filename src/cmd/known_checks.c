/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/known_checks.h"

void known_checks(struct spec_check checks[KNOWN_CHECKS + 1])
{
	for (size_t i = 0; i < KNOWN_CHECKS; i++)
		checks[i] = (struct spec_check){ probe_checks[i].name, probe_checks[i].about,
						 probe_checks[i].requirements };
	checks[KNOWN_CHECKS] = (struct spec_check){ .name = NULL };
}
