/* SPDX-License-Identifier: BSD-2-Clause */
/* What finwait says about itself: one-line errors to standard error, and whether standard output took
 * everything that was written to it. Used by main.c and src/cmd only. */
#ifndef FINWAIT_CMD_PRINT_H
#define FINWAIT_CMD_PRINT_H

#include <stdbool.h>

/* Prints "finwait: ..." as one line on standard error; control characters come out as \x1b. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* Flushes standard output. False if anything written to it was lost: after a complaint, unless its reader has
 * gone, which is how `finwait ... | head` ends. */
bool print_finish(void);

#endif
