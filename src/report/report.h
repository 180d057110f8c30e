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
	bool suite;             /* items are checks of the suite: what is wrong comes first, passes are counted */
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
	enum certainty certainty; /* of a failure */
	const char *choice;       /* of several permitted behaviours the one found; NULL: there was no choice */
	unsigned others;          /* so many more items have the same outcome for the same reason, ... */
	bool folded;              /* ... and this is one of them: people need not read it again */
	const struct exchange *exchange; /* what it rests on, to be shown; NULL */
};

/* States by segments: the worst of what was found in each cell. */
struct report_grid {
	const char *const *rows; /* names, NULL-terminated; the columns are the states of enum tcp_state */
	enum report_cell {
		CELL_NONE,  /* no check */
		CELL_PASS,
		CELL_SKIP,
		CELL_INCONCLUSIVE,
		CELL_MINOR, /* a failure that is only likely, or of a SHOULD */
		CELL_ERROR,
		CELL_FAIL,
	} (*cells)[TCP_STATES];
	const char *const *remarks; /* lines on what was found as a whole, NULL-terminated */
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
	/* After the items of a suite; NULL: the format has no such thing. */
	void (*grid)(FILE *out, const struct report_run *run, const struct report_grid *grid);
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
