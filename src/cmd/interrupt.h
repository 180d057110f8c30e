/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals that end a run early: they come in, a flag comes out that the run looks at. */
#ifndef FINWAIT_CMD_INTERRUPT_H
#define FINWAIT_CMD_INTERRUPT_H

#include <signal.h>

/* Set by signals, and by who sees that nobody reads on. */
extern volatile sig_atomic_t interrupt_stop;

/* From here on SIGINT, SIGTERM, SIGHUP and SIGQUIT set the flag, but for those that are ignored already; a
 * file that may not grow is an error of write(). */
void interrupt_catch(void);

#endif
