/* SPDX-License-Identifier: BSD-2-Clause */
/* What the process asks of the system once: signals come in, a descriptor that can be polled goes out. */
#ifndef FINWAIT_AGENT_PROCESS_H
#define FINWAIT_AGENT_PROCESS_H

/* Returns a descriptor that is readable from when SIGTERM or SIGINT has come; -1 with errno set. SIGPIPE is
 * ignored from now on. */
int process_wake_open(void);

/* As many descriptors as the system allows without asking anybody. */
void process_raise_limit(void);

#endif
