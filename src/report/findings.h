/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts on recorded captures for people and programs: violations, connections and totals of run/track.h go
 * in, one after the other; text or JSON Lines come out on a FILE. The formats are those of report.c. */
#ifndef FINWAIT_REPORT_FINDINGS_H
#define FINWAIT_REPORT_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/ladder.h"
#include "run/track.h"

struct findings_run {
	char *const *arguments; /* argv, NULL-terminated */
	int verbosity;          /* -1 quiet, 0, 1 verbose */
	bool color, utf8;       /* may be used */
	bool several;           /* files */
	const char *file;       /* the one that is read; "-" is standard input */
};

/* What one file, or all of them, amount to. */
struct findings_totals {
	unsigned files, damaged; /* of which some could not be read to their end, or not at all */
	uint64_t frames, fragments, truncated, contradictory, others; /* that were not judged */
	struct track_totals tracked;
	bool interrupted; /* by a signal */
};

struct findings_format {
	void (*begin)(FILE *out, const struct findings_run *run);
	void (*violation)(FILE *out, const struct findings_run *run, const struct track_name *name,
			  unsigned end, const struct verdict *v);
	void (*connection)(FILE *out, const struct findings_run *run, const struct track_summary *s);
	void (*ladder)(FILE *out, const struct findings_run *run, const struct track_name *name,
		       const struct ladder_picture *picture);
	/* The file could not be read (any further); NULL where that is told on standard error only. */
	void (*damage)(FILE *out, const struct findings_run *run, const char *why);
	void (*end)(FILE *out, const struct findings_run *run, const struct findings_totals *totals);
};

extern const struct findings_format findings_text;
extern const struct findings_format findings_json;

#endif
