/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/check.h"

#include <stdio.h>

static const char *const names[ACTIONS] = {
	[ACTION_LISTEN] = "listen",
	[ACTION_CONNECT] = "connect",
	[ACTION_ACCEPT] = "accept",
	[ACTION_CLOSE_FIRST] = "close first",
	[ACTION_CLOSE_LAST] = "close last",
	[ACTION_KEEP_OPEN] = "keep its half open",
	[ACTION_SEND] = "send",
	[ACTION_RECEIVE] = "receive",
	[ACTION_ABORT] = "abort",
	[ACTION_LET_GO] = "close its socket",
	[ACTION_STATE] = "tell its state",
	[ACTION_CALLS] = "make socket calls",
};

unsigned check_needs(const struct check *c)
{
	unsigned needs = 0;

	for (const enum step *s = c->steps; *s != STEP_END; s++)
		if (*s >= STEP_ASK)
			needs |= 1u << (*s - STEP_ASK);
	return needs & ~(1u << ACTION_STATE);
}

const char *action_name(enum action action)
{
	return names[action];
}

const char *actions_text(unsigned actions, char text[ACTIONS_TEXT])
{
	size_t n = 0;

	text[0] = '\0';
	for (int a = 0; a < ACTIONS && n < ACTIONS_TEXT; a++)
		if (actions & 1u << a)
			n += (size_t)snprintf(text + n, ACTIONS_TEXT - n, "%s%s", n ? ", " : "",
					      action_name((enum action)a));
	return text;
}
