/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/session.h"

#include <stdio.h>

#include "cmd/exit_status.h"
#include "cmd/interrupt.h"
#include "cmd/print.h"
#include "run/runner.h"
#include "wire/privs.h"

enum { WHY = 700 };

/* ---- exit status ------------------------------------------------------------------------------- */

static int status_of(enum outcome counted)
{
	static const int statuses[] = {
		[OUTCOME_PASS] = EXIT_CONFORMS, [OUTCOME_INCONCLUSIVE] = EXIT_NOTHING_JUDGED,
		[OUTCOME_ERROR] = EXIT_NOT_RUN, [OUTCOME_FAIL] = EXIT_VIOLATED,
	};

	return statuses[counted];
}

static enum outcome worse(enum outcome a, enum outcome b)
{
	return a > b ? a : b;
}

/* What an exchange is for the exit status. */
static enum outcome counted_as(const struct session *session, const struct exchange *x)
{
	enum outcome counted = OUTCOME_PASS;

	if (x->error[0] || (x->interrupted && session->expect != REACH_NONE))
		return OUTCOME_ERROR;
	if (session->expect != REACH_NONE)
		return x->reach == session->expect ? OUTCOME_PASS : OUTCOME_FAIL;
	for (size_t i = 0; i < x->points_count; i++)
		if (x->points[i].outcome != OUTCOME_PASS)
			counted = worse(counted, x->points[i].outcome == OUTCOME_ERROR ? OUTCOME_ERROR :
											 OUTCOME_INCONCLUSIVE);
	if (x->interrupted)
		counted = OUTCOME_ERROR;
	for (size_t i = 0; i < x->verdicts_count; i++)
		if (exit_status_counts(session->settings->strict, &x->verdicts[i]))
			counted = OUTCOME_FAIL;
	/* Data that arrived changed rests on no rule for segments. */
	for (size_t i = 0; i < x->points_count && x->params.check->goal; i++)
		if (x->points[i].outcome == OUTCOME_FAIL && !x->points[i].rule)
			counted = OUTCOME_FAIL;
	return counted;
}

static void count(struct session *session, enum outcome outcome)
{
	unsigned *totals[] = {
		[OUTCOME_PASS] = &session->totals.passed,
		[OUTCOME_SKIP] = &session->totals.skipped,
		[OUTCOME_INCONCLUSIVE] = &session->totals.inconclusive,
		[OUTCOME_ERROR] = &session->totals.errors,
		[OUTCOME_FAIL] = &session->totals.failed,
	};

	++*totals[outcome];
}

void session_item(struct session *session, const struct report_item *item, bool counts)
{
	struct report_item told = *item;

	told.counted = item->outcome == OUTCOME_FAIL && !counts ? OUTCOME_PASS : item->outcome;
	for (size_t i = 0; i < session->outputs.count; i++)
		session->outputs.list[i].format->item(session->outputs.list[i].file, &session->run, &told);
	count(session, item->outcome);
	/* That something was skipped says nothing about the rest. */
	if (told.counted != OUTCOME_SKIP)
		session->status = exit_status_worse(session->status, status_of(told.counted));
}

static void finished(void *arg, size_t index)
{
	struct session *session = arg;
	struct exchange *x = &session->plan.exchanges[index];
	static const char *const found[] = { "neither", "open", "closed", "silent" };
	char expected[64];
	const struct report_result result = {
		.target = session->targets[index / session->plan.lane_length],
		.exchange = x,
		.counted = counted_as(session, x),
		.expected = session->expect != REACH_NONE ? expected : NULL,
	};

	snprintf(expected, sizeof expected, "%s, found %s", found[session->expect], found[x->reach]);
	for (size_t i = 0; i < session->outputs.count; i++) {
		struct output *o = &session->outputs.list[i];

		o->format->result(o->file, &session->run, &result);
		if (ferror(o->file)) /* nobody reads on: enough */
			interrupt_stop = 1;
	}
	count(session, x->outcome);
	session->status = exit_status_worse(session->status, status_of(result.counted));
	exchange_free(x);
}

/* ---- the run ----------------------------------------------------------------------------------- */

/* The second drop of privileges; from here on packets may be decoded. */
static int drop(struct session *session, char *why, size_t why_len)
{
	if (privs_drop(why, why_len))
		return EXIT_NOT_RUN;
	for (size_t i = 0; i < session->plan.paths_count; i++) {
		struct wire_path *path = &session->plan.paths[i];

		if (path->spare && spare_claim(path->spare, &path->target, why, why_len))
			return EXIT_NOT_RUN;
	}
	return 0;
}

/* The driver, which is told who connects: it talks to others, so nothing is privileged any more. */
static int start_driver(struct session *session, char *why, size_t why_len)
{
	struct driving *d = session->driving;
	char text[ACTIONS_TEXT];
	unsigned missing;
	int status = 0;

	if (!d)
		return 0;
	for (size_t i = 0; i < session->plan.paths_count; i++)
		driving_allow(d, &session->plan.paths[i].route.source);
	if (session->start)
		status = session->start(session, why, why_len);
	else if (driving_start(d, &interrupt_stop, why, why_len))
		status = EXIT_NOT_RUN;
	if (status)
		return status;
	/* What an agent can is known only now. */
	missing = check_needs(session->work->check) & ~driving_driver(d)->can;
	if (missing) {
		snprintf(why, why_len, "%s needs an application that can %s, which %.200s cannot on its system",
			 session->work->check->name, actions_text(missing, text), driving_name(d));
		return EXIT_NOT_RUN;
	}
	for (size_t i = 0; i < session->plan.count; i++)
		session->plan.exchanges[i].params.driver_can = driving_driver(d)->can;
	session->run.driver = driving_name(d);
	return 0;
}

/* All exchanges, at their times. */
static void play_all(struct session *session, struct link *link)
{
	const struct run run = {
		.link = link,
		.driver = session->driving ? driving_driver(session->driving) : NULL,
		.exchanges = session->plan.exchanges,
		.count = session->plan.count,
		.lane_length = session->plan.lane_length,
		.interval_us = session->settings->interval_us,
		.stagger_us = 1000000 / session->settings->rate,
		.finished = finished,
		.arg = session,
	};

	if (run_all(&run) != RUN_DONE)
		session->status = exit_status_worse(session->status, EXIT_NOT_RUN);
	for (size_t i = 0; i < run.count; i++)
		session->totals.not_begun += !run.exchanges[i].started;
}

static void play(struct session *session, struct link *link)
{
	struct wire_stats stats;

	session->run.seed = session->plan.seed;
	session->run.guard = plan_guard(&session->plan, &session->run.guard_note);
	for (size_t i = 0; i < session->outputs.count; i++)
		session->outputs.list[i].format->begin(session->outputs.list[i].file, &session->run);
	if (session->play)
		session->play(session, link);
	else
		play_all(session, link);
	wire_link_stats(link, &stats);
	session->run.capture_drops = stats.dropped;
	if (stats.dropped)
		session->status = exit_status_worse(session->status, EXIT_NOTHING_JUDGED);
	for (size_t i = 0; i < session->outputs.count; i++)
		session->outputs.list[i].format->end(session->outputs.list[i].file, &session->run,
						&session->totals);
}

static int run_planned(struct session *session)
{
	const struct plan_settings *s = session->settings;
	struct link *link = NULL;
	char why[WHY] = "";
	int status;

	interrupt_catch();
	status = plan_make(&session->plan, s, session->work, session->targets, session->targets_count, why,
			   sizeof why);
	if (!status) {
		link = wire_link_open(session->plan.paths, session->plan.paths_count, s->write,
				      &interrupt_stop, why, sizeof why);
		status = link ? drop(session, why, sizeof why) : EXIT_NOT_RUN;
	}
	if (!status)
		status = start_driver(session, why, sizeof why);
	if (status)
		complain("%s", why);
	else
		play(session, link);
	if (session->driving)
		driving_stop(session->driving);
	if (link && wire_link_close(link, why, sizeof why)) {
		complain("%s", why);
		status = EXIT_NOT_RUN;
	}
	plan_free(&session->plan);
	return status ? status : session->status;
}

int session_check_words(const struct plan_settings *s)
{
	if (s->ipv4 && s->ipv6)
		complain("-4 and -6 exclude each other");
	else if (s->interface && !s->interface[0])
		complain("-i wants the name of an interface");
	else if (s->quiet && s->verbose)
		complain("-q and -v exclude each other");
	else
		return 0;
	return EXIT_USAGE;
}

bool session_may_craft(void)
{
	struct privs have;

	privs_current(&have);
	if (!have.raw)
		complain("no privilege to craft segments (CAP_NET_RAW): run 'setcap "
			 "cap_net_raw,cap_net_admin+ep' on this program as root, or try it in finwait-lab");
	return have.raw;
}

int session_run(struct session *session)
{
	const struct plan_settings *s = session->settings;
	int status;

	session->status = EXIT_UNDECIDED;
	session->run.arguments = session->arguments;
	status = outputs_open(&session->outputs, &s->reports, s->json, s->no_color);
	session->run.color = session->outputs.color;
	session->run.utf8 = session->outputs.utf8;
	session->run.verbosity = s->quiet ? -1 : s->verbose;
	if (!status)
		status = run_planned(session);
	if (status == EXIT_UNDECIDED)
		status = EXIT_NOTHING_JUDGED;
	return outputs_close(&session->outputs) ? status : exit_status_worse(status, EXIT_NOT_RUN);
}
