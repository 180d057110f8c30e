/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of `finwait reuse` that needs no agent: a server that closes first is restarted by a command of
 * the user; whether it comes back on its port, and when, goes to the reports. */
#ifndef FINWAIT_CMD_REUSE_RESTART_H
#define FINWAIT_CMD_REUSE_RESTART_H

#include "cmd/reuse.h"

/* Returns the exit status. */
int reuse_restart(const struct reuse_settings *s, char *const *arguments, char **targets);

#endif
