/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver: the user's own commands make the target's application listen, connect and close. */
#ifndef FINWAIT_DRIVE_COMMANDS_H
#define FINWAIT_DRIVE_COMMANDS_H

#include "run/driver.h"

/* NULL where the user gave none. In `on_listen` %h and %p are the target's address and port, in the others
 * the prober's. */
struct commands_config {
	const char *on_connect; /* ACTION_CONNECT: done as soon as it runs; failing later is told, too */
	const char *on_listen;  /* ACTION_LISTEN: done when it has ended with status 0 */
	const char *on_close;   /* ACTION_CLOSE_FIRST and _LAST: likewise; without it nobody closes */
};

/* Registers the commands with the helper, which must not be sealed yet; helper_seal() comes next. NULL with
 * a sentence in `why` if that is impossible. ANSWER_FAILED for ACTION_CONNECT may follow an ANSWER_DONE:
 * then the command failed after it had been started, and before anything else was asked of it. */
struct driver *commands_open(const struct commands_config *config, char *why, size_t why_len);

#endif
