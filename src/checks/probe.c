/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/probe.h"

#include <stddef.h>

const struct check probe_checks[CLOSE_KINDS] = {
	[CLOSE_FIN] = { "probe/close-fin", "fin", "our FIN first: the four-way close", "U-3.10.7.4-fin", 0,
			{ STEP_OPEN, STEP_SEND, STEP_READ, STEP_CLOSE, STEP_DRAIN } },
	[CLOSE_HALF] = { "probe/close-half", "half",
			 "our FIN right after the data, the target goes on as long as it likes",
			 "U-3.10.7.4-fin;U-3.6-halfclose", 0,
			 { STEP_OPEN, STEP_SEND, STEP_CLOSE, STEP_DRAIN } },
	[CLOSE_WAIT] = { "probe/close-wait", "wait", "the target closes first", "U-3.10.7.4-fin", 0,
			 { STEP_OPEN, STEP_SEND, STEP_AWAIT_FIN, STEP_CLOSE } },
	[CLOSE_SIMULTANEOUS] = { "probe/close-simultaneous", "simultaneous", "both FINs cross",
				 "U-3.10.7.4-fin", 0,
				 { STEP_OPEN, STEP_HOLD_FIN, STEP_SEND, STEP_AWAIT_FIN, STEP_CROSS } },
	[CLOSE_RST] = { "probe/close-rst", "rst", "reset, then a look whether the target obeyed",
			"U-3.5.2-g1;U-3.10.7.4-rst2", 0,
			{ STEP_OPEN, STEP_SEND, STEP_READ, STEP_ABORT, STEP_CONFIRM_GONE } },
	[CLOSE_NONE] = { "probe/close-none", "none", "no close is judged, a reset at the end", NULL, 0,
			 { STEP_OPEN, STEP_SEND, STEP_READ } },
};
