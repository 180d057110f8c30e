/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/reuse_syn.h"

#include "run/tried_syn.h"

/* Waits a moment between the two: a timestamp must be newer. */
enum { TICK_US = 20000 };

static void judge(struct session *session, const struct reuse_syn *s, const struct exchange x[2])
{
	const struct rule *row = session->plan.rules.rule[TCP_TIME_WAIT][s->event];
	struct tried_syn tried;
	struct report_item item = {
		.name = s->name, .target = session->targets[0], .what = s->what, .class = row->class,
		.citation = row->citation, .requirement = row->requirement, .expected = row->sentence,
		.family = x[0].params.prober.target.addr.family,
	};

	if (!reuse_came_there(&x[0]) || x[0].last.verified != VERIFIED_THERE || x[0].outcome == OUTCOME_FAIL) {
		item.outcome = x[0].outcome == OUTCOME_ERROR ? OUTCOME_ERROR : OUTCOME_INCONCLUSIVE;
		item.reason = reuse_why(&x[0]);
	} else if (s->timestamps && !x[0].prober.timestamps) {
		item.outcome = OUTCOME_SKIP;
		item.reason = "the target does not use timestamps";
	} else {
		tried_syn_judge(&tried, row, &x[0], &x[1]);
		item.outcome = tried.outcome;
		item.observed = tried.observed;
		item.reason = tried.reason;
	}
	/* The row allows several ways: an answer that is none of them differs from all of the text. */
	session_item(session, &item, true);
}

bool reuse_syn_play(struct session *session, struct link *link, const struct reuse_syn *s, struct exchange x[2])
{
	struct exchange_params params = x[0].params;

	if (!s->timestamps)
		params.prober.syn_options.present &= (uint8_t)~OPTION_TIMESTAMPS;
	options_build(&params.prober.syn_options);
	params.check = &drive_checks[TCP_TIME_WAIT][OPENER_PASSIVE];
	params.hold_us = TICK_US;
	if (!reuse_prepare(&x[0], &params) || !reuse_play(session, link, &x[0]))
		return false;
	exchange_free(&x[1]);
	if (!tried_syn_init(&x[1], &x[0], &reuse_syn_check, s->above))
		return false;
	if (reuse_came_there(&x[0]) && (x[0].prober.timestamps || !s->timestamps) && !reuse_play(session, link, &x[1]))
		return false;
	judge(session, s, x);
	return true;
}
