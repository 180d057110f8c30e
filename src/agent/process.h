/* SPDX-License-Identifier: BSD-2-Clause */
/* What the process asks of the system once: signals come in, a descriptor that can be polled goes out. */
#ifndef FINWAIT_AGENT_PROCESS_H
#define FINWAIT_AGENT_PROCESS_H

#include <stdbool.h>

/* Opens those of standard input, output and error that are closed: a socket or pipe that took such a number
 * would be read and written by who means the controller or the user. False with errno set. */
bool process_fill_standard(void);

/* Returns a descriptor that is readable from when SIGTERM or SIGINT has come; -1 with errno set. SIGPIPE is
 * ignored from now on. */
int process_wake_open(void);

/* As many descriptors as the system allows without asking anybody. */
void process_raise_limit(void);

#endif
