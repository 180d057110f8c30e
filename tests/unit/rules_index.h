/* SPDX-License-Identifier: BSD-2-Clause */
/* The index of the rules that all of a test uses, and the name of a broken one. */
#ifndef FINWAIT_TESTS_RULES_INDEX_H
#define FINWAIT_TESTS_RULES_INDEX_H

#include "core/rules.h"
#include "core/verdict.h"

static inline const struct rule_index *rules_index(void)
{
	static struct rule_index index;

	if (!index.rule[TCP_CLOSED][EVENT_SYN])
		rule_index_init(&index);
	return &index;
}

/* Valid until the next call. */
static inline const char *rule_of(const struct verdict *v)
{
	static char text[RULE_NAME];

	return rule_name(v->rule, v->state, text);
}

#endif
