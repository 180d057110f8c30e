/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/probe.h"

const struct check probe_checks[CLOSE_KINDS] = {
	[CLOSE_FIN] = { "probe/close-fin", "fin", "our FIN first: the four-way close",
			{ STEP_OPEN, STEP_SEND, STEP_READ, STEP_CLOSE, STEP_DRAIN } },
	[CLOSE_HALF] = { "probe/close-half", "half",
			 "our FIN right after the data, the target goes on as long as it likes",
			 { STEP_OPEN, STEP_SEND, STEP_CLOSE, STEP_DRAIN } },
	[CLOSE_WAIT] = { "probe/close-wait", "wait", "the target closes first",
			 { STEP_OPEN, STEP_SEND, STEP_AWAIT_FIN, STEP_CLOSE } },
	[CLOSE_SIMULTANEOUS] = { "probe/close-simultaneous", "simultaneous", "both FINs cross",
				 { STEP_OPEN, STEP_HOLD_FIN, STEP_SEND, STEP_AWAIT_FIN, STEP_CROSS } },
	[CLOSE_RST] = { "probe/close-rst", "rst", "reset, then a look whether the target obeyed",
			{ STEP_OPEN, STEP_SEND, STEP_READ, STEP_ABORT, STEP_CONFIRM_GONE } },
	[CLOSE_NONE] = { "probe/close-none", "none", "no close is judged, a reset at the end",
			 { STEP_OPEN, STEP_SEND, STEP_READ } },
};
