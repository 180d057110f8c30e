/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait test: the conformance suite. Chooses the checks that the driver allows, has all of them played side
 * by side, repeats what did not pass, and reports. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks/drive.h"
#include "checks/matrix.h"
#include "cmd/commands.h"
#include "cmd/driving.h"
#include "cmd/exit_status.h"
#include "cmd/interrupt.h"
#include "cmd/print.h"
#include "cmd/session.h"
#include "core/random.h"
#include "run/runner.h"

enum {
	WHY = 400,
	REPEAT_JOBS = 8,
	REASON = 260,
	REPEATS = 64, /* of checks that did not pass; if more do not, they are not all for the same reason */
};

struct test_settings {
	struct plan_settings plan; /* first: the rows of plan.h are about it */
	struct driving_settings driving;
	int64_t jobs;
	int teardown; /* enum teardown */
	bool list;
};

/* A check, and what came of it. */
struct trial_result {
	struct matrix_cell *cell;
	unsigned missing;          /* actions that it would need; then it is not played */
	struct exchange *exchange; /* the one that counts; NULL: not played */
	struct exchange *first;    /* the one before it, if it was repeated */
};

struct test {
	struct session session; /* first */
	const struct test_settings *settings;
	struct plan_work work;
	struct driving driving;
	struct rule_index rules;
	struct matrix_cell *cells;
	struct trial_result *results;
	size_t count, all, played, done, to_play;
	char heading[DRIVER_TEXT];
};

/* ---- which checks -------------------------------------------------------------------------------- */

static bool is_wanted(const char *name, char **patterns, size_t n)
{
	bool wanted = !n;

	for (size_t i = 0; i < n; i++)
		wanted |= !fnmatch(patterns[i], name, 0);
	return wanted;
}

/* All that match. False after a complaint. */
static bool choose(struct test *t, char **patterns, size_t n)
{
	size_t cells;

	t->cells = calloc(MATRIX_CELLS, sizeof *t->cells);
	t->results = calloc(MATRIX_CELLS, sizeof *t->results);
	if (!t->cells || !t->results) {
		complain("out of memory");
		return false;
	}
	rule_index_init(&t->rules);
	cells = matrix_make(&t->rules, t->cells, &t->all);
	for (size_t i = 0; i < cells; i++)
		if (is_wanted(t->cells[i].name, patterns, n))
			t->results[t->count++].cell = &t->cells[i];
	if (!t->count)
		complain("no check has a name like '%s'; 'finwait test --list' has all", patterns[0]);
	return t->count;
}

/* What the driver does not allow is skipped. */
static void find_missing(struct test *t, unsigned can)
{
	t->to_play = 0;
	for (size_t i = 0; i < t->count; i++) {
		t->results[i].missing = check_needs(&t->results[i].cell->check) & ~can;
		t->to_play += !t->results[i].missing;
	}
}

/* ---- playing ------------------------------------------------------------------------------------- */

static void show_progress(struct test *t)
{
	if (!isatty(STDERR_FILENO) || t->settings->plan.quiet)
		return;
	fprintf(stderr, "\r%zu of %zu checks\x1b[K", t->done, t->to_play);
	fflush(stderr);
}

static void hide_progress(const struct test *t)
{
	if (isatty(STDERR_FILENO) && !t->settings->plan.quiet)
		fprintf(stderr, "\r\x1b[K");
}

static void finished(void *arg, size_t index)
{
	struct test *t = arg;

	(void)index;
	t->done++;
	show_progress(t);
}

/* Makes an exchange of the plan play the check of `r`. */
static bool prepare(struct test *t, struct trial_result *r, struct exchange *x, bool lossless)
{
	struct exchange_params params = x->params;

	params.check = &r->cell->check;
	params.stimulus = &r->cell->stimulus;
	params.teardown = (enum teardown)t->settings->teardown;
	params.lossless = lossless;
	params.application_waits = t->settings->driving.agent;
	/* Every second check counts across 2^32. */
	if (!t->settings->plan.isn_given && (r - t->results) % 2)
		params.prober.isn = (uint32_t)-(1 + params.prober.isn % 16);
	exchange_free(x);
	r->first = r->exchange;
	r->exchange = x;
	return exchange_init(x, &params);
}

static enum run_status play_some(struct test *t, struct link *link, struct exchange *x, size_t n, size_t jobs)
{
	struct run run = {
		.link = link,
		.driver = driving_driver(t->session.driving),
		.exchanges = x,
		.count = n,
		.lane_length = (n + jobs - 1) / jobs,
		.stagger_us = 1000000 / t->settings->plan.rate,
		.interval_us = (int64_t)jobs * 1000000 / t->settings->plan.rate,
		.finished = finished,
		.arg = t,
	};

	for (size_t i = 0; i < n; i++) {
		x[i].params.id = i;
		x[i].params.driver_can = run.driver->can;
	}
	return n ? run_all(&run) : RUN_DONE;
}

/* Whether nothing that was sent had to be sent again. */
static bool lost_nothing(const struct test *t, struct link *link)
{
	struct wire_stats stats;

	wire_link_stats(link, &stats);
	for (size_t i = 0; i < t->count; i++) {
		const struct exchange *x = t->results[i].exchange;

		for (size_t k = 0; x && k < x->lines_count; k++)
			if (x->lines[k].out && x->lines[k].repeated && !x->tried)
				return false;
	}
	return !stats.dropped;
}

/* The checks in an order of chance: those of one state, which take long or short, do not follow each other. */
static void shuffle(struct trial_result **list, size_t n, uint64_t seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = random_next(&seed) % i;
		struct trial_result *r = list[k];

		list[k] = list[i - 1];
		list[i - 1] = r;
	}
}

/* Plays all of the list, on exchanges of the plan that were not used. */
static enum run_status play_list(struct test *t, struct link *link, struct trial_result **list, size_t n, size_t jobs,
				 bool lossless)
{
	struct exchange *x = &t->session.plan.exchanges[t->played];

	shuffle(list, n, t->session.plan.seed);
	for (size_t i = 0; i < n; i++)
		if (!prepare(t, list[i], &x[i], lossless))
			return RUN_LINK_LOST;
	t->played += n;
	t->to_play = t->played;
	return play_some(t, link, x, n, jobs);
}

/* What passed says so once; what did not is asked again, alone and on other ports. */
static enum run_status repeat(struct test *t, struct link *link, struct trial_result **list)
{
	size_t n = 0;

	for (size_t i = 0; i < t->count && n < REPEATS; i++) {
		const struct exchange *x = t->results[i].exchange;

		if (x && x->outcome != OUTCOME_PASS && x->outcome != OUTCOME_ERROR)
			list[n++] = &t->results[i];
	}
	return play_list(t, link, list, n, REPEAT_JOBS, lost_nothing(t, link));
}

/* ---- what to say --------------------------------------------------------------------------------- */

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

static void fail_item(struct report_item *item, const struct exchange *x)
{
	const struct verdict *v = &x->verdicts[0];

	for (size_t i = 0; i < x->verdicts_count; i++)
		if (x->verdicts[i].certainty < v->certainty)
			v = &x->verdicts[i];
	item->class = v->rule->class;
	item->citation = v->rule->citation;
	item->requirement = v->rule->requirement;
	item->certainty = v->certainty;
	item->expected = v->expected;
	item->observed = v->observed;
	item->reason = v->reason;
}

/* Both times the same, or nothing is known. */
static void compare(struct report_item *item, const struct trial_result *r, char *text, size_t len)
{
	const struct exchange *first = r->first, *x = r->exchange;

	if (!first || first->outcome == x->outcome)
		return;
	if (first->outcome == OUTCOME_FAIL && x->outcome == OUTCOME_PASS) {
		item->outcome = OUTCOME_INCONCLUSIVE;
		snprintf(text, len, "it passed when it was repeated, but first: %s", first->verdicts[0].observed);
	} else if (x->outcome == OUTCOME_FAIL && first->outcome == OUTCOME_PASS) {
		item->outcome = OUTCOME_INCONCLUSIVE;
		snprintf(text, len, "it passed first, but when it was repeated: %s", x->verdicts[0].observed);
	} else {
		return;
	}
	item->reason = text;
}

static enum report_cell cell_of(const struct report_item *item, bool counts)
{
	static const enum report_cell cells[] = {
		[OUTCOME_PASS] = CELL_PASS, [OUTCOME_SKIP] = CELL_SKIP, [OUTCOME_INCONCLUSIVE] = CELL_INCONCLUSIVE,
		[OUTCOME_ERROR] = CELL_ERROR, [OUTCOME_FAIL] = CELL_FAIL,
	};

	return item->outcome == OUTCOME_FAIL && !counts ? CELL_MINOR : cells[item->outcome];
}

/* Fills the item; the texts it points to are in `text` or belong to the exchange. Returns whether a failure
 * changes the exit status. */
static bool describe(const struct test *t, const struct trial_result *r, struct report_item *item, char text[REASON])
{
	const struct exchange *x = r->exchange;
	const struct matrix_cell *cell = r->cell;
	const struct point *p;

	*item = (struct report_item){
		.name = cell->name, .target = t->session.targets[0], .what = cell->about,
		.outcome = OUTCOME_SKIP, .class = cell->rule->class, .citation = cell->rule->citation,
		.requirement = cell->rule->requirement, .reason = text,
		.family = t->session.plan.exchanges[0].params.prober.target.addr.family,
	};
	text[0] = '\0';
	if (!x) {
		char actions[ACTIONS_TEXT];

		snprintf(text, REASON, "needs an application that can %s", actions_text(r->missing, actions));
		return false;
	}
	item->outcome = x->outcome;
	if (x->trial && x->trial->rule) {
		item->class = x->trial->rule->class;
		item->citation = x->trial->rule->citation;
		item->requirement = x->trial->rule->requirement;
	}
	p = point_named(x, "answer");
	item->observed = p ? p->text : NULL;
	if (x->outcome == OUTCOME_FAIL && x->verdicts_count) {
		fail_item(item, x);
	} else if ((p = worst_point(x))) {
		item->observed = NULL;
		item->reason = p->text;
	} else if (x->trial && x->trial->match.reaction && x->trial->match.reaction->when) {
		item->choice = x->trial->match.reaction->when;
	}
	compare(item, r, text, REASON);
	if (item->outcome != OUTCOME_PASS && item->outcome != OUTCOME_SKIP)
		item->exchange = x;
	return item->outcome == OUTCOME_FAIL && x->verdicts_count &&
	       (t->settings->plan.strict ||
		(item->certainty == CERTAIN && (item->class == CLASS_MUST || item->class == CLASS_SPEC)));
}

/* The worst first. */
static void report(struct test *t)
{
	static const enum outcome order[] = { OUTCOME_FAIL, OUTCOME_ERROR, OUTCOME_INCONCLUSIVE, OUTCOME_SKIP,
					      OUTCOME_PASS };
	static enum report_cell cells[STIMULI][TCP_STATES];
	static const char *rows[STIMULI + 1];
	const struct report_grid grid = { rows, cells };
	struct report_item item;
	char text[REASON];

	for (size_t o = 0; o < sizeof order / sizeof *order; o++)
		for (size_t i = 0; i < t->count; i++) {
			const struct trial_result *r = &t->results[i];
			enum report_cell *cell = &cells[r->cell->stimulus.kind][r->cell->state];
			bool counts;

			if (r->exchange && !r->exchange->done) {
				t->session.totals.not_begun += order[o] == OUTCOME_FAIL;
				continue;
			}
			counts = describe(t, r, &item, text);
			if (item.outcome != order[o])
				continue;
			session_item(&t->session, &item, counts);
			if (cell_of(&item, counts) > *cell)
				*cell = cell_of(&item, counts);
		}
	for (unsigned kind = 0; kind < STIMULI; kind++)
		rows[kind] = stimulus_forms[kind].name;
	for (size_t i = 0; i < t->session.outputs.count; i++)
		if (t->session.outputs.list[i].format->grid)
			t->session.outputs.list[i].format->grid(t->session.outputs.list[i].file, &t->session.run, &grid);
}

/* ---- the run ------------------------------------------------------------------------------------- */

static void play(struct session *session, struct link *link)
{
	struct test *t = (struct test *)session;
	struct trial_result **list = calloc(t->count + REPEATS, sizeof *list);
	enum run_status status = RUN_LINK_LOST;
	size_t n = 0;

	find_missing(t, driving_driver(&t->driving)->can);
	for (size_t i = 0; list && i < t->count; i++)
		if (!t->results[i].missing)
			list[n++] = &t->results[i];
	if (list)
		status = play_list(t, link, list, n, (size_t)t->settings->jobs, false);
	if (status == RUN_DONE)
		status = repeat(t, link, list);
	free(list);
	hide_progress(t);
	report(t);
	if (status != RUN_DONE)
		session->status = exit_status_worse(session->status, EXIT_NOT_RUN);
}

static int list_checks(const struct test *t)
{
	for (size_t i = 0; i < t->count; i++)
		printf("%-44s %s\n", t->results[i].cell->name, t->results[i].cell->about);
	return EXIT_CONFORMS;
}

static int run(struct test *t)
{
	const struct test_settings *s = t->settings;
	struct plan_settings plan = s->plan;
	char why[WHY];
	int status = driving_choose_any(&t->driving, &s->driving, why, sizeof why);

	if (status) {
		complain("%s", why);
		return status;
	}
	find_missing(t, driving_may(&t->driving));
	/* The least of all that is asked for: what more is needed is asked of each check. */
	t->work.check = &drive_checks[TCP_LISTEN][OPENER_PASSIVE];
	t->work.port = driving_port(&t->driving);
	t->work.ports_optional = t->work.port || driving_tells_port(&t->driving);
	plan.count = (int64_t)(t->to_play + REPEATS);
	t->session.settings = &plan;
	t->session.work = &t->work;
	t->session.driving = &t->driving;
	t->session.play = play;
	snprintf(t->heading, sizeof t->heading, "finwait test %.150s   %zu checks, of %zu combinations",
		 t->session.targets[0], t->count, t->all);
	t->session.run.heading = t->heading;
	t->session.run.suite = true;
	return session_may_craft() ? session_run(&t->session) : EXIT_NOT_RUN;
}

static int test(const void *settings, char *const *arguments, char **words, size_t n)
{
	const struct test_settings *s = settings;
	struct test t = { .settings = s };
	int status = session_check_words(&s->plan);

	t.session.arguments = arguments;
	t.session.targets = words;
	t.session.targets_count = 1;
	if (status)
		return status;
	if (!n && !s->list) {
		complain("a target is needed: finwait test HOST --agent URI, finwait test HOST:PORT");
		return EXIT_USAGE;
	}
	if (!choose(&t, words + !s->list, n - !s->list))
		status = EXIT_USAGE;
	else
		status = s->list ? list_checks(&t) : run(&t);
	driving_stop(&t.driving);
	free(t.cells);
	free(t.results);
	return status;
}

/* ---- options ------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct test_settings, member)

static const struct test_settings defaults = { .plan = PLAN_DEFAULTS_RATE(100), .jobs = 32 };
static const char *const teardown_words[] = { "rst", "ack-rst", NULL };

static const struct option_spec options[] = {
	{ .name = "list", .kind = OPTION_FLAG, .offset = AT(list), .group = "Checks",
	  .help = "print the names of the checks that match the patterns, and play none" },
	DRIVING_OPTIONS(struct test_settings),
	PLAN_OPENING,
	PLAN_STRICT,
	{ .name = "jobs", .kind = OPTION_NUMBER, .offset = AT(jobs), .argument = "N", .group = "Running", .min = 1,
	  .max = 512, .help = "checks at a time, and so half-open connections at most (default: 32)" },
	{ .name = "rate", .kind = OPTION_NUMBER, .offset = offsetof(struct plan_settings, rate), .argument = "N",
	  .group = "Running", .min = 1, .max = 100000, .help = "checks to begin with per second (default: 100)" },
	{ .name = "teardown", .kind = OPTION_CHOICE, .offset = AT(teardown), .argument = "HOW", .group = "Running",
	  .choices = teardown_words,
	  .help = "how connections are taken down in the end: rst, or ack-rst, a RST with the ACK bit (default: rst)" },
	PLAN_TIME,
	PLAN_NETWORK,
	PLAN_OUTPUT,
	{ .name = NULL },
};

const struct command cmd_test = {
	.name = "test",
	.operands = "TARGET [PATTERN...]",
	.summary = "the conformance suite: every state, every segment, judged by the specification",
	.about = "Puts connections of TARGET (HOST, HOST:PORT) into every state that the driver allows, sends each of "
		 "them one segment, judges what comes by the rules of RFC 9293, and asks in which state it was left: "
		 "all checks, or those whose names match a PATTERN such as 'rcv-rst-*'.",
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(struct test_settings),
	.user_commands = true,
	.run = test,
};
