/* SPDX-License-Identifier: BSD-2-Clause */
/* Results for people and programs: finished exchanges go in; text, JSON Lines or TAP come out on a FILE.
 * One file per format; the table of formats is at the bottom of report.c. */
#ifndef FINWAIT_REPORT_REPORT_H
#define FINWAIT_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "run/exchange.h"

/* What is the same for all results of a run. */
struct report_run {
	char *const *arguments; /* argv, NULL-terminated */
	uint64_t seed;
	const char *guard;      /* name of the method */
	const char *guard_note; /* "" or a remark on it */
	const char *driver;     /* "service echo"; NULL without one */
	const char *api;        /* whose documents answers are compared with; NULL: nobody's */
	const char *heading;    /* of items: a line that says what they are about; NULL: exchanges follow */
	uint64_t capture_drops; /* known at the end only */
	int verbosity;          /* -1 quiet, 0, 1 verbose */
	bool color, utf8;       /* may be used */
};

/* One probe. */
struct report_result {
	const char *target; /* as the user wrote it */
	const struct exchange *exchange;
	enum outcome counted; /* what it is for the exit status: a failure that is only likely may be a pass */
	const char *expected; /* what --expect asked for, and what was found; or NULL */
};

/* One question and its answer, where there is no exchange to show. */
struct report_item {
	const char *name;         /* of the check */
	const char *target, *what; /* a sentence part */
	enum outcome outcome;
	enum outcome counted;     /* what it is for the exit status */
	enum rule_class class;
	const char *citation;     /* NULL: none */
	const char *requirement;  /* "MUST-41"; NULL: none */
	const char *expected, *observed; /* NULL or "": nothing */
	const char *reason;       /* a sentence part: why not; of a pass, what it agrees with; NULL or "" */
	uint8_t family;           /* 4 or 6 */
};

struct report_totals {
	unsigned passed, failed, inconclusive, errors, skipped, not_begun;
};

struct findings_format;

struct report_format {
	const char *name;
	void (*begin)(FILE *out, const struct report_run *run);
	void (*result)(FILE *out, const struct report_run *run, const struct report_result *result);
	void (*item)(FILE *out, const struct report_run *run, const struct report_item *item);
	void (*end)(FILE *out, const struct report_run *run, const struct report_totals *totals);
	const struct findings_format *findings; /* the same format for recorded captures; NULL: there is none */
};

/* NULL-terminated. */
extern const struct report_format *const report_formats[];

/* The failure that speaks for a result: the first that is certain and a MUST or specified processing, or else
 * the first that is certain, or else the first; NULL: none. */
const struct verdict *report_leading(const struct exchange *x);

/* Why the result is what it is, or what excuse remains for its leading failure; "": nothing is to be said. */
const char *report_reason(const struct exchange *x);

/* NULL if there is no such format. */
const struct report_format *report_format_find(const char *name, size_t name_len);

#endif
