/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/reuse_restart.h"

#include <poll.h>
#include <stdio.h>

#include "cmd/interrupt.h"
#include "cmd/print.h"
#include "drive/agent_wait.h"
#include "drive/helper.h"

enum {
	WHY = 400,
	TRIES = 64,            /* to open, ... */
	FIRST_PAUSE_US = 100000, /* ... after pauses that grow by a quarter */
	LOOKS = 2,             /* exchanges beside those: the one that makes the TIME-WAIT, and one that looks for it */
};

struct restart {
	struct session session; /* first */
	const struct reuse_settings *settings;
	struct plan_work work;
	struct driving driving;
	size_t command;
	bool interrupted; /* by a signal, which is told but once, or the link is gone */
	char heading[DRIVER_TEXT], observed[160];
};

/* Sleeps; false if a signal came. */
static bool pause_us(int64_t us, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	poll(&p, 1, (int)(us / 1000));
	return !interrupt_stop;
}

/* Runs the command to its end. False, with a sentence part in `why`, unless it ends with 0 in time. */
static bool run_command(struct restart *r, const struct endpoint *server, char *why, size_t why_len)
{
	const int64_t until_us = agent_wait_now() + r->settings->wait_us;
	struct helper_end end;
	unsigned number;
	char text[120];
	bool ended;

	if (helper_start(r->command, server, NULL, &number, why, why_len))
		return false;
	while (!(ended = helper_ended(number, &end)) && agent_wait_now() < until_us &&
	       pause_us(until_us - agent_wait_now(), helper_fd()))
		helper_look();
	if (!ended)
		snprintf(why, why_len, "the command for --on-restart has not ended");
	else
		snprintf(why, why_len, "the command for --on-restart %s", helper_end_text(&end, text, sizeof text));
	ended = ended && end.how == HELPER_EXITED && end.value == 0;
	if (ended)
		helper_leave(number); /* what it left in the background may be the server itself */
	else
		helper_stop(number);
	return ended;
}

/* Tries to open until somebody answers; the time it took since `begin_us`, or -1: not in time, or interrupted. */
static int64_t await_server(struct restart *r, struct link *link, int64_t begin_us)
{
	int64_t pause = FIRST_PAUSE_US;

	for (size_t i = LOOKS; i < LOOKS + TRIES && agent_wait_now() < begin_us + r->settings->wait_us; i++) {
		struct exchange *x = &r->session.plan.exchanges[i];
		struct exchange_params params = x->params;

		params.check = &reuse_open_check;
		params.prober.target = r->session.plan.exchanges[0].params.prober.target;
		if (!reuse_prepare(x, &params) || !reuse_play(&r->session, link, x))
			r->interrupted = true;
		else if (x->opened)
			return agent_wait_now() - begin_us;
		if (r->interrupted || !pause_us(pause, -1)) {
			r->interrupted = true;
			return -1;
		}
		pause += pause / 4;
	}
	return -1;
}

/* Whether the target still has the connection in TIME-WAIT. */
static enum verified look_again(struct restart *r, struct link *link)
{
	struct exchange *x = &r->session.plan.exchanges[1];
	struct exchange_params params = r->session.plan.exchanges[0].params;

	params.check = &reuse_look_check;
	params.hold_us = 0;
	if (!reuse_prepare(x, &params))
		return VERIFIED_NOT;
	exchange_resume(x, &r->session.plan.exchanges[0]);
	reuse_play(&r->session, link, x);
	return x->first.verified;
}

static void judge(struct restart *r, struct link *link, int64_t took_us, struct report_item *item)
{
	enum verified left = r->interrupted ? VERIFIED_NOT : look_again(r, link);
	char *observed = r->observed;

	if (r->interrupted) {
		item->outcome = OUTCOME_ERROR;
		item->reason = link->why[0] ? link->why : "interrupted";
		return;
	}
	item->observed = observed;
	if (took_us < 0) {
		item->outcome = left == VERIFIED_THERE ? OUTCOME_FAIL : OUTCOME_INCONCLUSIVE;
		item->reason = left == VERIFIED_THERE ? NULL :
			       left == VERIFIED_GONE  ? "TIME-WAIT is over and keeps it from nothing" :
							"and whether TIME-WAIT is over cannot be told";
		snprintf(observed, sizeof r->observed, "the server did not come back within %g s",
			 (double)r->settings->wait_us / 1e6);
		return;
	}
	snprintf(observed, sizeof r->observed, "the server was back %.1f s after the command, %s", (double)took_us / 1e6,
		 left == VERIFIED_THERE ? "with its old connection still in TIME-WAIT" :
		 left == VERIFIED_GONE	? "when TIME-WAIT was over" :
					  "and whether TIME-WAIT was over cannot be told");
	item->outcome = left == VERIFIED_THERE ? OUTCOME_PASS :
			left == VERIFIED_GONE  ? OUTCOME_FAIL : OUTCOME_INCONCLUSIVE;
}

static void play(struct session *session, struct link *link)
{
	struct restart *r = (struct restart *)session;
	struct exchange *first = &session->plan.exchanges[0];
	struct exchange_params params = first->params;
	char why[WHY] = "";
	struct report_item item = {
		.name = "reuse/restart", .target = session->targets[0], .class = CLASS_CHOICE,
		.what = "a server that is restarted while its port is in TIME-WAIT",
		.expected = "back before TIME-WAIT is over, as with SO_REUSEADDR",
		.family = params.prober.target.addr.family,
	};
	int64_t begin_us;

	if (!reuse_prepare(first, &params) || !reuse_play(session, link, first) ||
	    first->first.verified != VERIFIED_THERE) {
		item.outcome = first->outcome == OUTCOME_ERROR ? OUTCOME_ERROR : OUTCOME_INCONCLUSIVE;
		item.reason = reuse_why(first)[0] ? reuse_why(first) : "interrupted";
	} else {
		begin_us = agent_wait_now();
		if (run_command(r, &first->params.prober.target, why, sizeof why)) {
			judge(r, link, await_server(r, link, begin_us), &item);
		} else {
			item.outcome = OUTCOME_ERROR;
			item.reason = why;
		}
	}
	session_item(session, &item, r->settings->plan.strict);
}

int reuse_restart(const struct reuse_settings *s, char *const *arguments, char **targets)
{
	struct plan_settings plan = s->plan;
	struct restart r = {
		.session = { .settings = &plan, .arguments = arguments, .targets = targets, .targets_count = 1,
			     .play = play },
		.settings = s,
		.work = { .check = &drive_checks[TCP_TIME_WAIT][OPENER_PASSIVE], .ports_optional = true },
	};
	char why[WHY];
	int status = helper_register(s->on_restart, false, &r.command, why, sizeof why) ? EXIT_USAGE : 0;

	if (!status)
		status = driving_choose(&r.driving, &s->driving, why, sizeof why);
	if (status) {
		complain("%s", why);
		return status;
	}
	if (check_needs(r.work.check) & ~driving_may(&r.driving)) {
		complain("%s does not close first, so its port is never in TIME-WAIT", driving_name(&r.driving));
		return EXIT_USAGE;
	}
	plan.count = LOOKS + TRIES;
	snprintf(r.heading, sizeof r.heading, "finwait reuse %.150s", targets[0]);
	r.session.run.heading = r.heading;
	r.work.port = driving_port(&r.driving);
	r.work.ports_optional = r.work.port;
	r.session.work = &r.work;
	r.session.driving = &r.driving;
	status = session_may_craft() ? session_run(&r.session) : EXIT_NOT_RUN;
	driving_stop(&r.driving);
	return status;
}
