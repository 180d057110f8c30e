/* SPDX-License-Identifier: BSD-2-Clause */
/* What the documents require of a TCP, one row each: a name comes in, level, section, sentence and the way
 * to observe it come out. Which rules decide a requirement is found in the table of rules, and written
 * nowhere else. */
#ifndef FINWAIT_CORE_REQUIREMENTS_H
#define FINWAIT_CORE_REQUIREMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/rules.h"

enum {
	REQUIREMENTS = 204,
	REQUIREMENT_LABELS = 119, /* of RFC 9293: MUST-1..69, SHLD-1..31, MAY-1..18, REC-1 */
};

enum observability {
	ON_WIRE,          /* from segments alone, with any open port */
	WITH_APPLICATION, /* only if the target's application acts */
	NOT_OBSERVABLE,   /* not from outside the host */
};

struct requirement {
	const char *id;       /* "MUST-13"; "U-..." has no label in RFC 9293, "RFC5961-..." stands elsewhere */
	const char *level;    /* "MUST NOT", "spec" for text without a keyword, "informational", ... */
	const char *section;  /* "RFC 9293 3.6.1" */
	enum observability observability;
	const char *sentence; /* what is required, in our words, without a full stop */
	const char *how;      /* how it can be observed, or why not, without a capital or full stop */
};

/* The i-th, in the order of the documents; NULL after the last. */
const struct requirement *requirement_at(size_t i);

/* NULL if there is none of that name; upper and lower case are alike. */
const struct requirement *requirement_by_id(const char *id);

/* Whether it is one of the 119 labels of RFC 9293. */
bool requirement_labelled(const struct requirement *r);

/* Whether a list such as "MUST-10;MUST-11" names it; NULL is an empty list. */
bool requirement_in(const char *list, const char *id);

/* Whether a list names it, or what another document calls the same: U-3.10.7.4-rst3 is RFC5961-3.2-3. */
bool requirement_decided_by(const char *list, const char *id);

/* The rules that decide a requirement, one by one: begin with 0 in *position, NULL after the last. Those
 * for every segment come first; rows that cannot happen decide nothing. */
const struct rule *requirement_next_rule(const char *id, size_t *position);

/* "on the wire", "with the target's application", "not observable". */
const char *observability_name(enum observability o);

#endif
