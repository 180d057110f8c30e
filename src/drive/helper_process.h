/* SPDX-License-Identifier: BSD-2-Clause */
/* The process beside finwait that runs the user's commands: requests come in over a socket, what became of
 * commands goes out. Only helper.c speaks to it. */
#ifndef FINWAIT_DRIVE_HELPER_PROCESS_H
#define FINWAIT_DRIVE_HELPER_PROCESS_H

#include <stdint.h>

#include "core/address.h"
#include "drive/helper.h"
#include "drive/template.h"

enum helper_verb {
	HELPER_REGISTER, /* `talks`, `text`: the next command, counted from 0 */
	HELPER_SEAL,     /* no HELPER_REGISTER any more */
	HELPER_START,    /* `number`, `index`, `fill`; with a command that talks, its stdin and stdout */
	HELPER_STOP,     /* `number` */
	HELPER_LEAVE,    /* `number`, of a command that has ended */
};

/* One message; as much of `text` is sent as there is. The helper answers first of all with a sentence, empty
 * if it is ready, later with a struct helper_end for each command that ended without being stopped. Who
 * sends it anything else than this has been taken over: it ends all commands and itself. */
struct helper_request {
	uint32_t verb;
	uint32_t number;
	uint32_t index;
	uint32_t talks;
	struct endpoint fill;
	char text[TEMPLATE_MAX];
};

/* Is the helper until the other end of `fd` is closed by whatever means. */
_Noreturn void helper_process_run(int fd);

#endif
