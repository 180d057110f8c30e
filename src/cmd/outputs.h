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

struct outputs {
	struct output list[OUTPUTS_REPORTS + 2];
	size_t count;
	bool color, utf8; /* may be used */
};

/* Opens FORMAT:FILE, at most OUTPUTS_REPORTS of them, JSON Lines on standard output if `json`, and text there
 * unless something else goes there. 0, or an exit status after a complaint. */
int outputs_open(struct outputs *o, const char *const *specs, size_t n, bool json, bool no_color);

/* Whether somebody reads on. */
bool outputs_fine(const struct outputs *o);

/* False after a complaint if a report is incomplete. Standard output is main's to check. */
bool outputs_close(struct outputs *o);

#endif
