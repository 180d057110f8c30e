/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait drive: puts a connection of the target into a state, verifies it there, holds it, and tidies up. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "checks/drive.h"
#include "cmd/commands.h"
#include "cmd/driving.h"
#include "cmd/nearest.h"
#include "cmd/print.h"
#include "cmd/session.h"

enum { TRANSFER_MOST = 8 << 20, WHY = 400 };

struct drive_settings {
	struct plan_settings plan; /* first: the rows of plan.h are about it */
	struct driving_settings driving;
	int opener; /* 0: the first that leads to the state with the driver; else enum opener and one */
	int64_t hold_us, transfer;
};

/* Like tcp_state_name(), but "fin-wait-1", "FIN_WAIT_1" and "FINWAIT1" mean the same. */
static bool is_state(const char *word, const char *name)
{
	while (*word || *name) {
		if (*word == '-' || *word == '_')
			word++;
		else if (*name == '-')
			name++;
		else if (toupper((unsigned char)*word++) != *name++)
			return false;
	}
	return true;
}

/* TCP_STATES after a complaint. */
static enum tcp_state read_state(const char *word)
{
	struct nearest nearest = { .best = NULL };
	char upper[32];
	size_t len = 0;

	for (int state = 0; state < TCP_STATES; state++)
		if (is_state(word, tcp_state_name((enum tcp_state)state)))
			return (enum tcp_state)state;
	for (; word[len] && len < sizeof upper - 1; len++)
		upper[len] = (char)toupper((unsigned char)word[len]);
	upper[len] = '\0';
	for (int state = 0; state < TCP_STATES; state++)
		nearest_try(&nearest, upper, tcp_state_name((enum tcp_state)state));
	complain("'%s' is no state of RFC 9293%s%s; as in: finwait drive FIN-WAIT-2 HOST --service daytime", word,
		 nearest.best ? ": did you mean " : "", nearest.best ? nearest.best : "");
	return TCP_STATES;
}

/* The check for a state, for an application that can do `may`, or NULL after a complaint. */
static const struct check *choose(enum tcp_state state, int opener, unsigned may)
{
	static const char *const words[] = { "passive", "active", "simultaneous" };
	const struct check *c = drive_checks[state];

	if (opener && !c[opener - 1].name) {
		complain("%s is not reached by %s %s open", tcp_state_name(state), opener == 2 ? "an" : "a",
			 words[opener - 1]);
		return NULL;
	}
	if (opener)
		return &c[opener - 1];
	for (int i = 0; i < OPENERS; i++)
		if (c[i].name && !(check_needs(&c[i]) & ~may))
			return &c[i];
	while (!c->name)
		c++;
	return c;
}

/* What moves the pattern asks for more. */
static unsigned transfer_needs(const struct check *c)
{
	unsigned needs = 0;

	for (const enum step *s = c->steps; *s != STEP_END; s++)
		needs |= *s == STEP_TRANSFER_OUT ? 1u << ACTION_RECEIVE :
			 *s == STEP_TRANSFER_IN  ? 1u << ACTION_SEND : 0;
	return needs;
}

/* 0, or an exit status after a complaint. */
static int check_can(const struct drive_settings *s, const struct driving *d, const struct check *c)
{
	unsigned needs = check_needs(c);
	char missing[ACTIONS_TEXT];

	if (s->transfer && !transfer_needs(c)) {
		complain("--transfer needs a state in which data may go: ESTABLISHED, FIN-WAIT-2 or CLOSE-WAIT");
		return EXIT_USAGE;
	}
	if (s->transfer)
		needs |= transfer_needs(c);
	if (!(needs & ~driving_may(d)))
		return 0;
	needs &= ~driving_may(d);
	complain("%s needs an application that can %s, which %s cannot: %s", c->name, actions_text(needs, missing),
		 driving_name(d), driving_advice(d, needs));
	return EXIT_USAGE;
}

static int drive(const void *settings, char *const *arguments, char **words, size_t n)
{
	const struct drive_settings *s = settings;
	struct plan_work work = { .hold_us = s->hold_us, .transfer = (size_t)s->transfer };
	struct driving driving;
	struct session session = { .settings = &s->plan, .work = &work, .driving = &driving, .arguments = arguments,
				   .targets = words + 1, .targets_count = n - 1 };
	char why[WHY];
	enum tcp_state state;
	int status;

	if (n < 2) {
		complain("a state and a target are needed: finwait drive FIN-WAIT-2 HOST --service daytime");
		return EXIT_USAGE;
	}
	status = session_check_words(&s->plan);
	if (status)
		return status;
	state = read_state(words[0]);
	if (state == TCP_STATES)
		return EXIT_USAGE;
	status = driving_choose(&driving, &s->driving, why, sizeof why);
	if (status)
		complain("%s", why);
	else if (!(work.check = choose(state, s->opener, driving_may(&driving))))
		status = EXIT_USAGE;
	else
		status = check_can(s, &driving, work.check);
	if (!status) {
		work.port = driving_port(&driving);
		/* Who is connected to needs a port; who connects, or is told one, does not. */
		work.ports_optional = work.port || driving_tells_port(&driving) ||
				      work.check->steps[0] == STEP_LISTEN;
		status = session_may_craft() ? session_run(&session) : EXIT_NOT_RUN;
	}
	driving_stop(&driving);
	return status;
}

/* ---- options ----------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct drive_settings, member)

static const struct drive_settings defaults = { .plan = PLAN_DEFAULTS };
static const char *const opener_words[] = { "any", "passive", "active", "simultaneous", NULL };

static const struct option_spec options[] = {
	{ .name = "open", .kind = OPTION_CHOICE, .offset = AT(opener), .argument = "HOW", .group = "State",
	  .choices = opener_words,
	  .help = "how the target opens: passive (we connect), active (it does), simultaneous (the SYNs cross), or "
		  "any: the first of these that leads to the state with this driver (default)" },
	{ .name = "hold", .kind = OPTION_SECONDS, .offset = AT(hold_us), .argument = "SECONDS", .group = "State",
	  .max = 86400000000, .help = "keep it there for so long, then verify it again (default: 0)" },
	{ .name = "transfer", .kind = OPTION_NUMBER, .offset = AT(transfer), .argument = "BYTES", .group = "State",
	  .max = TRANSFER_MOST,
	  .help = "once there, move so much data in each direction that is still open and compare every byte; at "
		  "most 8388608 (default: 0)" },
	DRIVING_OPTIONS(struct drive_settings),
	PLAN_OPENING,
	PLAN_STRICT,
	PLAN_RUNNING,
	PLAN_NETWORK,
	PLAN_OUTPUT,
	{ .name = NULL },
};

const struct command cmd_drive = {
	.name = "drive",
	.operands = "STATE TARGET...",
	.summary = "puts a connection of the target into a state and verifies it there",
	.about = "Puts a fresh connection of each TARGET (HOST, HOST:PORT) into STATE (one of the eleven of RFC "
		 "9293, such as FIN-WAIT-2) with the help of a driver that makes the target's application act, "
		 "lets the target show that it really is there, holds it, and tidies up.",
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(struct drive_settings),
	.user_commands = true,
	.run = drive,
};
