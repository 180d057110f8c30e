/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/exit_status.h"
#include "cmd/test.h"
#include "run/measured.h"

enum { REASON = 260 };

/* What is said of one check; the item's texts are here or belong to the exchange. */
struct told {
	struct report_item item;
	struct measured measured;
	char text[REASON];
	bool told;   /* there is something to say */
	bool counts; /* a failure that changes the exit status */
};

/* ---- one play ------------------------------------------------------------------------------------ */

static const struct point *point_named(const struct exchange *x, const char *name)
{
	for (size_t i = 0; i < x->points_count; i++)
		if (!strcmp(x->points[i].name, name))
			return &x->points[i];
	return NULL;
}

static const struct point *worst_point(const struct exchange *x)
{
	const struct point *worst = NULL;

	for (size_t i = 0; i < x->points_count; i++)
		if (x->points[i].outcome != OUTCOME_PASS && (!worst || x->points[i].outcome > worst->outcome))
			worst = &x->points[i];
	return worst;
}

static void tell_verdict(struct report_item *item, const struct exchange *x)
{
	const struct verdict *v = report_leading(x);

	item->outcome = OUTCOME_FAIL;
	item->class = v->rule->class;
	item->citation = v->rule->citation;
	item->requirement = v->rule->requirement;
	item->certainty = v->certainty;
	item->expected = v->expected;
	item->observed = v->observed;
	item->reason = v->reason;
}

static void tell_measured(struct told *t, const struct test *test, const struct suite_result *r,
			  const struct exchange *x)
{
	struct measured *m = &t->measured;
	const bool all = r->check->measure == MEASURE_ISN;

	measured(m, r->check, all ? test->session.plan.exchanges : x, all ? test->played : r->samples);
	t->item.outcome = m->outcome;
	t->item.certainty = m->certainty;
	t->item.expected = m->expected;
	t->item.observed = m->text;
	t->item.reason = m->outcome == OUTCOME_FAIL ? m->excuse : NULL;
	if (m->outcome != OUTCOME_PASS && m->outcome != OUTCOME_FAIL) {
		t->item.observed = NULL;
		t->item.reason = m->text;
	}
}

static void tell_trial(struct report_item *item, const struct exchange *x)
{
	const struct trial *trial = x->trial;
	const struct point *p = point_named(x, "answer");

	item->observed = p ? p->text : NULL;
	if (!trial->rule)
		return;
	item->class = trial->rule->class;
	item->citation = trial->rule->citation;
	item->requirement = trial->rule->requirement;
	if (trial->match.reaction)
		item->choice = trial->match.reaction->when;
}

static void tell_played(struct told *t, const struct test *test, const struct suite_result *r,
			const struct exchange *x)
{
	const struct point *p = worst_point(x);

	t->item.outcome = x->outcome;
	if (x->trial)
		tell_trial(&t->item, x);
	else if (x->points_count)
		t->item.observed = x->points[x->points_count - 1].text;
	if (r->check->measure != MEASURE_NOTHING) {
		tell_measured(t, test, r, x);
	} else if (x->outcome == OUTCOME_FAIL && x->verdicts_count) {
		tell_verdict(&t->item, x);
	} else if (p) {
		t->item.observed = x->outcome == OUTCOME_FAIL ? p->text : NULL;
		t->item.reason = x->outcome == OUTCOME_FAIL ? NULL : p->text;
	}
}

enum outcome test_outcome(const struct test *test, const struct suite_result *r)
{
	struct told t = { .told = false };

	tell_played(&t, test, r, r->exchange);
	return t.item.outcome;
}

/* ---- one check ----------------------------------------------------------------------------------- */

/* Both times the same, or nothing is known. */
static void compare(struct told *t, const struct test *test, const struct suite_result *r)
{
	struct told first = { .told = false };
	const bool failed = t->item.outcome == OUTCOME_FAIL;

	if (!r->first)
		return;
	tell_played(&first, test, r, r->first);
	if (!((failed && first.item.outcome == OUTCOME_PASS) ||
	      (first.item.outcome == OUTCOME_FAIL && t->item.outcome == OUTCOME_PASS)))
		return;
	snprintf(t->text, sizeof t->text, "it passed %s: %s",
		 failed ? "first, but when it was repeated" : "when it was repeated, but first",
		 failed ? t->item.observed : first.item.observed);
	t->item.outcome = OUTCOME_INCONCLUSIVE;
	t->item.observed = NULL;
	t->item.reason = t->text;
}

static void tell_skipped(struct told *t, const struct suite_result *r)
{
	char actions[ACTIONS_TEXT];

	t->item.outcome = OUTCOME_SKIP;
	t->item.reason = t->text;
	if (r->missing)
		snprintf(t->text, sizeof t->text, "needs an application that can %s", actions_text(r->missing, actions));
	else
		snprintf(t->text, sizeof t->text, "needs %s",
			 r->check->tier == TIER_LONG ? "--long" : "more time than --quick");
}

static bool was_interrupted(const struct suite_result *r)
{
	for (size_t i = 0; i < r->samples; i++)
		if (!r->exchange[i].started || !r->exchange[i].done || r->exchange[i].interrupted)
			return true;
	return false;
}

static void tell(struct told *t, const struct test *test, const struct suite_result *r)
{
	const struct suite_check *c = r->check;

	t->item = (struct report_item){
		.name = c->check.name, .target = test->session.targets[0], .what = c->check.about, .class = c->class,
		.citation = c->citation, .requirement = c->check.requirements,
		.family = test->session.plan.exchanges[0].params.prober.target.addr.family,
	};
	if (!r->exchange) {
		t->told = r->missing || r->too_long;
		tell_skipped(t, r);
		return;
	}
	t->told = r->exchange->started;
	if (!t->told)
		return;
	if (was_interrupted(r)) {
		t->item.outcome = OUTCOME_ERROR;
		t->item.reason = "interrupted";
		return;
	}
	tell_played(t, test, r, r->exchange);
	compare(t, test, r);
	if (t->item.outcome != OUTCOME_PASS && r->samples == 1)
		t->item.exchange = r->exchange;
	t->counts = test->settings->plan.strict ||
		    (t->item.certainty == CERTAIN && (t->item.class == CLASS_MUST || t->item.class == CLASS_SPEC));
}

/* ---- all of them --------------------------------------------------------------------------------- */

static enum report_cell cell_of(const struct told *t)
{
	static const enum report_cell cells[] = {
		[OUTCOME_PASS] = CELL_PASS, [OUTCOME_SKIP] = CELL_SKIP, [OUTCOME_INCONCLUSIVE] = CELL_INCONCLUSIVE,
		[OUTCOME_ERROR] = CELL_ERROR, [OUTCOME_FAIL] = CELL_FAIL,
	};

	return t->item.outcome == OUTCOME_FAIL && !t->counts ? CELL_MINOR : cells[t->item.outcome];
}

/* "RST in the window: challenged (RFC 5961) in 7 states, obeyed (RFC 793) in none". False if none was tried. */
static bool remark_class(const struct test *t, const struct told *told, enum stimulus_kind kind,
			 char text[REASON])
{
	unsigned challenged = 0, obeyed = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct matrix_cell *m = t->results[i].check->cell;

		if (!m || m->stimulus.kind != kind || m->stimulus.position != POSITION_MIDDLE ||
		    !(IN(m->state) & TCP_SYNCHRONIZED) || m->state == TCP_TIME_WAIT || !told[i].told ||
		    !t->results[i].exchange || told[i].item.outcome != OUTCOME_PASS)
			continue;
		if (told[i].item.choice && !strcmp(told[i].item.choice, "RFC 793 stack"))
			obeyed++;
		else
			challenged++;
	}
	snprintf(text, REASON, "%s in the window: challenged (RFC 5961) in %u states, obeyed (RFC 793) in %u%s",
		 stimulus_forms[kind].about, challenged, obeyed, challenged && obeyed ? ": mixed" : "");
	return challenged || obeyed;
}

static void show_grid(struct test *t, const struct told *told)
{
	static enum report_cell cells[STIMULI][TCP_STATES];
	static const char *rows[STIMULI + 1];
	static const enum stimulus_kind tried[] = { STIMULUS_RST, STIMULUS_SYN };
	static char texts[2][REASON];
	const char *remarks[3] = { NULL };
	const struct report_grid grid = { rows, cells, remarks };
	size_t n = 0;
	bool any = false;

	for (size_t i = 0; i < t->count; i++) {
		const struct matrix_cell *m = t->results[i].check->cell;
		enum report_cell *cell = m ? &cells[m->stimulus.kind][m->state] : NULL;

		any |= m != NULL;
		if (m && told[i].told && cell_of(&told[i]) > *cell)
			*cell = cell_of(&told[i]);
	}
	for (unsigned kind = 0; kind < STIMULI; kind++)
		rows[kind] = stimulus_forms[kind].name;
	for (size_t i = 0; i < sizeof tried / sizeof *tried; i++)
		if (remark_class(t, told, tried[i], texts[n])) {
			remarks[n] = texts[n];
			n++;
		}
	for (size_t i = 0; any && i < t->session.outputs.count; i++)
		if (t->session.outputs.list[i].format->grid)
			t->session.outputs.list[i].format->grid(t->session.outputs.list[i].file, &t->session.run, &grid);
}

/* Of those that say nothing about the target the first of each reason speaks for all. */
static void fold(struct told *told, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct report_item *first = &told[i].item;

		if (!told[i].told || first->folded || !first->reason ||
		    (first->outcome != OUTCOME_ERROR && first->outcome != OUTCOME_INCONCLUSIVE))
			continue;
		for (size_t k = i + 1; k < n; k++) {
			struct report_item *other = &told[k].item;

			if (told[k].told && other->outcome == first->outcome && other->reason &&
			    !strcmp(other->reason, first->reason)) {
				other->folded = true;
				first->others++;
			}
		}
	}
}

void test_report(struct test *t)
{
	static const enum outcome order[] = { OUTCOME_FAIL, OUTCOME_ERROR, OUTCOME_INCONCLUSIVE, OUTCOME_SKIP,
					      OUTCOME_PASS };
	struct told *told = calloc(t->count, sizeof *told);

	if (!told) {
		t->session.status = EXIT_NOT_RUN;
		return;
	}
	for (size_t i = 0; i < t->count; i++) {
		tell(&told[i], t, &t->results[i]);
		t->session.totals.not_begun += !told[i].told;
	}
	fold(told, t->count);
	for (size_t o = 0; o < sizeof order / sizeof *order; o++)
		for (size_t i = 0; i < t->count; i++)
			if (told[i].told && told[i].item.outcome == order[o])
				session_item(&t->session, &told[i].item, told[i].counts);
	show_grid(t, told);
	free(told);
}
