/* SPDX-License-Identifier: BSD-2-Clause */
/* One run of exchanges from the command line: settings, targets and what to do with them come in, reports are
 * written, an exit status comes out. Opens what needs privileges, gives them up, plays, tidies up. */
#ifndef FINWAIT_CMD_SESSION_H
#define FINWAIT_CMD_SESSION_H

#include <stddef.h>

#include "cmd/driving.h"
#include "cmd/outputs.h"
#include "cmd/plan.h"
#include "report/report.h"

struct session {
	/* Set by the command; borrowed. */
	const struct plan_settings *settings;
	const struct plan_work *work;
	struct driving *driving;  /* NULL: no driver is needed */
	char *const *arguments;   /* all words of the command line */
	char **targets;
	size_t targets_count;
	enum reach expect;        /* --expect; REACH_NONE: not asked */
	/* What to do instead of playing all exchanges at once: with privileges gone and reports begun. */
	void (*play)(struct session *session, struct link *link);
	/* How the driver is made; NULL: driving_start(). 0, or an exit status with a sentence. */
	int (*start)(struct session *session, char *why, size_t why_len);
	/* Its own. */
	struct plan plan;
	struct report_run run;
	struct report_totals totals;
	struct outputs outputs;
	int status; /* EXIT_UNDECIDED until something was judged */
};

/* Checks the words that all commands share. 0, or EXIT_USAGE after a complaint. */
int session_check_words(const struct plan_settings *s);

/* Whether segments can be crafted; false after a complaint. */
bool session_may_craft(void);

/* Counts and reports one answer that is no exchange. `counts`: whether a failure is one of the exit status. */
void session_item(struct session *session, const struct report_item *item, bool counts);

/* Does all of it. Returns the exit status, after a complaint where something went wrong. */
int session_run(struct session *session);

#endif
