/* SPDX-License-Identifier: BSD-2-Clause */
/* Where reports go: the words after --report come in, open files with their formats come out. */
#ifndef FINWAIT_CMD_OUTPUTS_H
#define FINWAIT_CMD_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/report.h"

enum { OUTPUTS_REPORTS = 8 };

struct output {
	const struct report_format *format;
	FILE *file;
};

/* The words after --report. */
struct outputs_wanted {
	const char *specs[OUTPUTS_REPORTS];
	size_t count;
	bool captures; /* they are about recorded captures, for which not every format is made */
};

struct outputs {
	struct output list[OUTPUTS_REPORTS + 2];
	size_t count;
	bool color, utf8; /* may be used */
};

/* The option --report: adds `text` to a struct outputs_wanted. 0, or -1 with a sentence in `why`. */
int outputs_read_report(void *wanted, const char *text, char *why, size_t why_len);

/* Opens each FORMAT:FILE, JSON Lines on standard output if `json`, and text there unless something else goes
 * there. 0, or an exit status after a complaint. */
int outputs_open(struct outputs *o, const struct outputs_wanted *wanted, bool json, bool no_color);

/* Whether somebody reads on. */
bool outputs_fine(const struct outputs *o);

/* False after a complaint if a report is incomplete. Standard output is main's to check. */
bool outputs_close(struct outputs *o);

#endif
