/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that requirements.c reads the rows from; nobody else includes this. */
#ifndef FINWAIT_CORE_REQUIREMENTS_ROWS_H
#define FINWAIT_CORE_REQUIREMENTS_ROWS_H

#include <stddef.h>

#include "core/requirements.h"

struct requirement_rows {
	const struct requirement *rows;
	size_t count;
};

extern const struct requirement_rows requirements_header;
extern const struct requirement_rows requirements_transfer;
extern const struct requirement_rows requirements_interfaces;
extern const struct requirement_rows requirements_unlabelled;
extern const struct requirement_rows requirements_companions;

/* Two names of one requirement. */
struct requirement_pair {
	const char *companion, *id;
};

extern const struct requirement_pair requirements_same[]; /* ends with NULLs */

#endif
