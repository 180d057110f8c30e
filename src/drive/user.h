/* SPDX-License-Identifier: BSD-2-Clause */
/* A process with whatever rights its program file gave it comes in; one with exactly those of the user who
 * invoked it is left. */
#ifndef FINWAIT_DRIVE_USER_H
#define FINWAIT_DRIVE_USER_H

#include <stddef.h>

/* Gives up set-user-ID, set-group-ID and file capabilities for good. What the user had before (being root,
 * ambient capabilities) stays. 0, or -1 with a sentence in `why`: the caller must exit. */
int user_become(char *why, size_t why_len);

#endif
