/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait test: the conformance suite. Chooses the checks that the driver allows, has all of them played side
 * by side, repeats what did not pass, and reports. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks/drive.h"
#include "cmd/commands.h"
#include "cmd/exit_status.h"
#include "cmd/interrupt.h"
#include "cmd/print.h"
#include "cmd/test.h"
#include "core/options.h"
#include "core/random.h"
#include "run/runner.h"

enum {
	WHY = 400,
	TRANSFER = 65536, /* bytes each way, where data may go */
	REST_US = 1000000,
	JOBS = 32,       /* half-open connections that every backlog bears */
	JOBS_AGENT = 64,
	REPEATS = 64, /* of checks that did not pass; if more do not, they are not all for the same reason */
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
	size_t checks;

	t->cells = calloc(MATRIX_CELLS, sizeof *t->cells);
	t->checks = calloc(SUITE_CHECKS, sizeof *t->checks);
	t->results = calloc(SUITE_CHECKS, sizeof *t->results);
	if (!t->cells || !t->checks || !t->results) {
		complain("out of memory");
		return false;
	}
	rule_index_init(&t->rules);
	checks = suite_make(&t->rules, t->cells, t->checks, &t->all);
	for (size_t i = 0; i < checks; i++)
		if (is_wanted(t->checks[i].check.name, patterns, n))
			t->results[t->count++].check = &t->checks[i];
	if (!t->count)
		complain("no check has a name like '%s'; 'finwait test --list' has all", patterns[0]);
	return t->count;
}

/* Who connects to us leaves a port on which nobody listens; else one must be known. */
static bool on_closed_port(const struct test *t, const struct suite_check *c)
{
	return t->settings->closed_port && c->cell && c->cell->state == TCP_CLOSED;
}

/* What the driver or the time does not allow is skipped; the rest needs so many exchanges. */
static void find_missing(struct test *t, unsigned can)
{
	const enum tier tier = t->settings->longer ? TIER_LONG : t->settings->quick ? TIER_QUICK : TIER_DEFAULT;

	t->to_play = 0;
	for (size_t i = 0; i < t->count; i++) {
		struct suite_result *r = &t->results[i];
		const struct suite_check *c = r->check;

		r->missing = on_closed_port(t, c) ? 0 : check_needs(&c->check) & ~can;
		r->too_long = c->tier > tier;
		r->samples = tier == TIER_LONG && c->samples_long ? c->samples_long : c->samples ? c->samples : 1;
		if (!r->missing && !r->too_long)
			t->to_play += r->samples;
	}
}

static bool is_played(const struct suite_result *r)
{
	return !r->missing && !r->too_long;
}

/* Those that wait for long need no lane: they send next to nothing. */
static bool waits(const struct suite_result *r)
{
	return r->check->measure == MEASURE_SPAN || r->check->measure == MEASURE_CLOCK || r->check->hold_us;
}

/* ---- playing ------------------------------------------------------------------------------------- */

static bool shows_progress(const struct test *t)
{
	return isatty(STDERR_FILENO) && !t->settings->plan.quiet;
}

static void set_syn(struct prober_params *p, const struct suite_check *c)
{
	p->syn_flags = c->syn_flags;
	if (!c->syn_options_set)
		return;
	p->syn_options.present = c->syn_options;
	options_build(&p->syn_options);
}

static bool can_transfer(const struct test *t)
{
	const unsigned both = 1u << ACTION_SEND | 1u << ACTION_RECEIVE;

	return (driving_driver(&t->driving)->can & both) == both;
}

/* Makes an exchange of the plan play one sample of a check. */
static bool prepare(const struct test *t, const struct suite_check *c, unsigned sample, struct exchange *x,
		    bool lossless)
{
	struct exchange_params params = x->params;

	params.check = on_closed_port(t, c) ? &matrix_closed_port : &c->check;
	if (on_closed_port(t, c))
		params.prober.target.port = (uint16_t)t->settings->closed_port;
	params.stimulus = c->cell ? &c->cell->stimulus : NULL;
	params.hold_us = suite_hold_us(c, sample);
	params.teardown = (enum teardown)t->settings->teardown;
	params.rtt_us = t->rtt_us;
	params.lossless = lossless;
	params.application_waits = t->settings->driving.agent;
	if (!c->transfer || (c->measure == MEASURE_NOTHING && !can_transfer(t)))
		params.pattern = NULL;
	set_syn(&params.prober, c);
	/* Every second check counts across 2^32. */
	if (!t->settings->plan.isn_given && (c - t->checks) % 2)
		params.prober.isn = (uint32_t)-(1 + params.prober.isn % 16);
	exchange_free(x);
	return exchange_init(x, &params);
}

/* The checks in an order of chance: those of one state, which take long or short, do not follow each other. */
static void shuffle(struct suite_result **list, size_t n, uint64_t seed)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = random_next(&seed) % i;
		struct suite_result *r = list[k];

		list[k] = list[i - 1];
		list[i - 1] = r;
	}
}

/* They share their ports, and rest in between for times of uneven length: with even ones a clock looks like a
 * count of connections. */
static void follow_each_other(const struct test *t, struct exchange *x, size_t n)
{
	uint64_t random = t->session.plan.seed;
	int64_t at_us = 0;

	for (size_t i = 0; i < n; i++) {
		x[i].params.prober.source = x->params.prober.source;
		x[i].params.start_us = at_us;
		at_us += REST_US + (int64_t)(random_next(&random) % REST_US);
	}
}

/* Gives a check its exchanges, the next of the plan. False without memory. */
static bool assign(struct test *t, struct suite_result *r, bool lossless)
{
	struct exchange *x = &t->session.plan.exchanges[t->played];

	r->first = r->exchange;
	r->exchange = x;
	for (unsigned i = 0; i < r->samples; i++, t->played++) {
		if (!prepare(t, r->check, i, &x[i], lossless))
			return false;
		x[i].params.id = t->played;
		x[i].params.driver_can = driving_driver(&t->driving)->can;
		t->played_by[t->played] = r;
		if (x[i].params.hold_us > t->longest_us)
			t->longest_us = x[i].params.hold_us;
	}
	if (r->check->measure == MEASURE_CLOCK)
		follow_each_other(t, x, r->samples);
	return true;
}

/* Whether no SYN and no FIN of ours had to be sent again. */
static bool lost_nothing(const struct test *t)
{
	struct wire_stats stats;

	wire_link_stats(t->run.link, &stats);
	for (size_t i = 0; i < t->played; i++) {
		const struct conn_end *us = &t->session.plan.exchanges[i].conn.ends[CONN_PROBER];

		if (us->syns_sent > 1 || us->fins_sent > 1)
			return false;
	}
	return !stats.dropped;
}

/* What passed says so once; what did not is asked again, on other ports. */
static void repeat(struct test *t, struct suite_result *r)
{
	enum outcome outcome;

	if (r->first || r->samples > 1 || waits(r) || t->repeats == REPEATS || interrupt_stop)
		return;
	outcome = test_outcome(t, r);
	if (outcome == OUTCOME_PASS || outcome == OUTCOME_ERROR)
		return;
	t->repeats++;
	if (assign(t, r, lost_nothing(t)))
		t->run.count = t->played;
}

/* The time left is that of the longest wait. */
static void show_progress(const struct test *t)
{
	int64_t left_us = t->begin_us + t->longest_us - t->run.link->now_us(t->run.link);

	fprintf(stderr, "\r%zu of %zu connections", t->done, t->played);
	if (left_us > 0)
		fprintf(stderr, ", %lld s left", (long long)(left_us / 1000000 + 1));
	fprintf(stderr, "\x1b[K");
}

static void finished(void *arg, size_t index)
{
	struct test *t = arg;

	t->done++;
	if (t->run.exchanges[index].prober.srtt_us > t->rtt_us)
		t->rtt_us = t->run.exchanges[index].prober.srtt_us;
	repeat(t, t->played_by[index]);
	if (shows_progress(t))
		show_progress(t);
}

/* Plays all of the list, those that wait beside the others. */
static enum run_status play_list(struct test *t, struct link *link, struct suite_result **list, size_t n)
{
	const int64_t rate = t->settings->plan.rate;
	const int64_t jobs = t->settings->jobs ? t->settings->jobs : t->settings->driving.agent ? JOBS_AGENT : JOBS;

	shuffle(list, n, t->session.plan.seed);
	for (size_t i = 0; i < n; i++)
		if (waits(list[i]) && !assign(t, list[i], false))
			return RUN_LINK_LOST;
	t->run.singles = t->played;
	for (size_t i = 0; i < n; i++)
		if (!waits(list[i]) && !assign(t, list[i], false))
			return RUN_LINK_LOST;
	t->run.link = link;
	t->begin_us = link->now_us(link);
	t->run.driver = driving_driver(&t->driving);
	t->run.exchanges = t->session.plan.exchanges;
	t->run.count = t->run.lanes_end = t->played;
	t->run.lane_length = (t->played - t->run.singles + (size_t)jobs - 1) / (size_t)jobs;
	if (!t->run.lane_length)
		t->run.lane_length = 1;
	t->run.stagger_us = 1000000 / rate;
	t->run.interval_us = jobs * 1000000 / rate;
	t->run.finished = finished;
	t->run.arg = t;
	return t->played ? run_all(&t->run) : RUN_DONE;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static void play(struct session *session, struct link *link)
{
	struct test *t = (struct test *)session;
	struct suite_result **list = calloc(t->count, sizeof *list);
	enum run_status status = RUN_LINK_LOST;
	size_t n = 0;

	find_missing(t, driving_driver(&t->driving)->can);
	t->played_by = calloc(t->to_play + REPEATS, sizeof *t->played_by);
	for (size_t i = 0; list && i < t->count; i++)
		if (is_played(&t->results[i]))
			list[n++] = &t->results[i];
	if (list && t->played_by)
		status = play_list(t, link, list, n);
	free(list);
	if (shows_progress(t))
		fprintf(stderr, "\r\x1b[K");
	test_report(t);
	free(t->played_by);
	if (status != RUN_DONE)
		session->status = exit_status_worse(session->status, EXIT_NOT_RUN);
}

static int list_checks(const struct test *t)
{
	for (size_t i = 0; i < t->count; i++)
		printf("%-44s %s\n", t->results[i].check->check.name, t->results[i].check->check.about);
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
	t->work.transfer = TRANSFER;
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
	if (s->quick && s->longer) {
		complain("--quick and --long exclude each other");
		return EXIT_USAGE;
	}
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
	free(t.checks);
	free(t.results);
	return status;
}

/* ---- options ------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct test_settings, member)

static const struct test_settings defaults = { .plan = PLAN_DEFAULTS_RATE(100) };
static const char *const teardown_words[] = { "rst", "ack-rst", NULL };

static const struct option_spec options[] = {
	{ .name = "quick", .kind = OPTION_FLAG, .offset = AT(quick), .group = "Checks",
	  .help = "leave out what waits and what lies between the edges of a window" },
	{ .name = "long", .kind = OPTION_FLAG, .offset = AT(longer), .group = "Checks",
	  .help = "look on for up to 260 seconds how long connections are kept that are over" },
	{ .name = "closed-port", .kind = OPTION_NUMBER, .offset = AT(closed_port), .argument = "PORT",
	  .group = "Checks", .min = 1, .max = 65535,
	  .help = "a port on which nobody listens, for the checks in CLOSED; an agent needs none" },
	{ .name = "list", .kind = OPTION_FLAG, .offset = AT(list), .group = "Checks",
	  .help = "print the names of the checks that match the patterns, and play none" },
	DRIVING_OPTIONS(struct test_settings),
	PLAN_OPENING,
	PLAN_STRICT,
	{ .name = "jobs", .kind = OPTION_NUMBER, .offset = AT(jobs), .argument = "N", .group = "Running", .min = 1,
	  .max = 512, .help = "checks at a time, and so half-open connections at most (default: 32; 64 with an agent, "
			      "whose backlog is known)" },
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
