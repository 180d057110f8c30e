/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait reuse: TIME-WAIT and the port it keeps, by the target's socket calls and on the wire; or, without an
 * agent, whether a restarted server comes back on its port. */
#include <stdio.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/interrupt.h"
#include "cmd/print.h"
#include "cmd/reuse.h"
#include "cmd/reuse_restart.h"
#include "cmd/reuse_syn.h"
#include "drive/scripted.h"
#include "run/runner.h"

enum { WHY = 400, SETTLE_US = 100000 };

/* The exchanges of a plan: one per case, two per SYN. */
struct reuse {
	struct session session; /* first */
	const struct reuse_settings *settings;
	struct plan_work work;
	struct driving driving;
	enum api api;
	size_t next; /* exchange not used yet */
	char heading[DRIVER_TEXT];
};

/* ---- one exchange after the other ---------------------------------------------------------------- */

static void finished(void *arg, size_t index)
{
	(void)arg;
	(void)index;
}

bool reuse_play(struct session *session, struct link *link, struct exchange *x)
{
	const struct run run = {
		.link = link,
		.driver = driving_driver(session->driving),
		.exchanges = x,
		.count = 1,
		.lane_length = 1,
		.finished = finished,
	};

	x->params.id = 0;
	return run_all(&run) == RUN_DONE;
}

bool reuse_prepare(struct exchange *x, const struct exchange_params *params)
{
	const struct exchange_params copy = *params;

	exchange_free(x);
	return exchange_init(x, &copy);
}

const char *reuse_why(const struct exchange *x)
{
	for (size_t i = 0; i < x->points_count; i++)
		if (x->points[i].outcome != OUTCOME_PASS)
			return x->points[i].text;
	return x->verdicts_count ? x->verdicts[0].observed : "";
}

bool reuse_came_there(const struct exchange *x)
{
	return x->first.verified == VERIFIED_THERE && x->first.states & x->params.check->goal && !x->refused[0] &&
	       !x->error[0];
}

/* ---- the calls ----------------------------------------------------------------------------------- */

/* A document on TCP wants the calls to succeed, and the connection to stay. */
static void judge_demand(const struct reuse_case *c, const struct exchange *x, const struct scripted_answer *a,
			 struct report_item *item)
{
	item->expected = "ok";
	item->reason = "as required";
	if (strcmp(a->last, "ok")) {
		/* MUST-41 is about connections, and there was no passive open. */
		item->outcome = c->survives ? OUTCOME_INCONCLUSIVE : OUTCOME_FAIL;
		item->reason = c->survives ? "so nothing can be said about the connection" : NULL;
	} else if (c->survives && x->last.verified != VERIFIED_THERE) {
		item->outcome = x->last.verified == VERIFIED_GONE ? OUTCOME_FAIL : OUTCOME_INCONCLUSIVE;
		item->reason = x->last.by ? x->last.by : "the open connection does not answer any more";
	}
}

/* That there was a TIME-WAIT at all. */
static void judge_time_wait(struct reuse *r, const struct exchange *x)
{
	const struct reuse_case *c = &reuse_time_wait_case;
	const bool there = reuse_came_there(x);
	struct report_item item = {
		.name = c->name, .target = r->session.targets[0], .class = CLASS_MUST, .what = c->what,
		.requirement = c->requirement, .citation = c->citation, .expected = "TIME-WAIT",
		.family = x->params.prober.target.addr.family,
		.observed = there ? "TIME-WAIT" : x->first.verified == VERIFIED_GONE ? "no connection is left" : NULL,
		.reason = there ? x->first.by : x->first.verified == VERIFIED_GONE ? NULL : reuse_why(x),
	};

	if (!there)
		item.outcome = x->refused[0] || x->error[0]		? OUTCOME_ERROR :
			       x->first.verified == VERIFIED_GONE ? OUTCOME_FAIL : OUTCOME_INCONCLUSIVE;
	session_item(&r->session, &item, true);
}

static void judge_case(struct reuse *r, const struct reuse_case *c, const struct exchange *x)
{
	const struct scripted_answer *a = scripted_result(driving_driver(&r->driving));
	const char *documented = c->documented[r->api];
	char source[80];
	struct report_item item = {
		.name = c->name, .target = r->session.targets[0], .what = c->what,
		.class = c->requirement ? CLASS_MUST : CLASS_CHOICE, .requirement = c->requirement,
		.citation = c->citation,
		.family = x->params.prober.target.addr.family,
	};

	snprintf(source, sizeof source, "as %s documents", reuse_api_name(r->api));
	if (!reuse_came_there(x) || !a->made) {
		bool error = x->refused[0] || x->error[0];

		item.outcome = error ? OUTCOME_ERROR : OUTCOME_INCONCLUSIVE;
		item.reason = reuse_came_there(x) && a->text[0] ? a->text : reuse_why(x);
	} else if (c->requirement) {
		item.observed = a->last;
		judge_demand(c, x, a, &item);
	} else {
		item.observed = a->last;
		item.expected = documented;
		item.reason = documented ? source : "nothing is documented about that";
		item.outcome = !documented			      ? OUTCOME_SKIP :
			       reuse_documented(documented, a->last) ? OUTCOME_PASS : OUTCOME_FAIL;
	}
	session_item(&r->session, &item, r->settings->plan.strict || item.class == CLASS_MUST);
}

static bool can_play(const struct reuse *r, const struct reuse_case *c)
{
	/* What is demanded may be had without. */
	return !c->reuseport || c->requirement || agent_client_can(r->driving.client, "reuseport");
}

static bool play_case(struct reuse *r, const struct reuse_case *c, struct link *link)
{
	struct exchange *x = &r->session.plan.exchanges[r->next++];
	struct exchange_params params = x->params;

	if (!can_play(r, c)) {
		const struct report_item item = {
			.name = c->name, .target = r->session.targets[0], .what = c->what,
			.outcome = OUTCOME_SKIP, .class = CLASS_CHOICE,
			.reason = "the target has no SO_REUSEPORT", .family = params.prober.target.addr.family,
		};

		session_item(&r->session, &item, false);
		return true;
	}
	params.check = &drive_checks[c->state][c->opener];
	params.hold_us = c->survives ? SETTLE_US : 0;
	scripted_begin(driving_driver(&r->driving), c);
	if (!reuse_prepare(x, &params) || !reuse_play(&r->session, link, x))
		return false;
	if (c == reuse_cases)
		judge_time_wait(r, x);
	judge_case(r, c, x);
	return true;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static void play(struct session *session, struct link *link)
{
	struct reuse *r = (struct reuse *)session;
	bool going = true;

	for (const struct reuse_case *c = reuse_cases; c->name; c++) {
		going = going && play_case(r, c, link);
		session->totals.not_begun += !going;
	}
	scripted_begin(driving_driver(&r->driving), NULL);
	for (const struct reuse_syn *s = reuse_syns; s->name; s++, r->next += 2) {
		going = going && reuse_syn_play(session, link, s, &session->plan.exchanges[r->next]);
		session->totals.not_begun += !going;
	}
	if (!going)
		session->status = EXIT_NOT_RUN;
}

/* The agent, of whose system the documents are. */
static int start(struct session *session, char *why, size_t why_len)
{
	struct reuse *r = (struct reuse *)session;
	const char *system;

	if (session->plan.exchanges[0].params.prober.target.port) {
		snprintf(why, why_len, "the agent chooses the ports: leave out the port of %.200s", session->targets[0]);
		return EXIT_USAGE;
	}
	if (driving_connect(&r->driving, &interrupt_stop, why, why_len))
		return EXIT_NOT_RUN;
	system = agent_client_system(r->driving.client);
	r->api = r->settings->api ? (enum api)(r->settings->api - 1) : reuse_api_of(system);
	session->run.api = reuse_api_name(r->api);
	snprintf(r->driving.name, sizeof r->driving.name, "agent on %.100s",
		 system[0] ? system : "an unnamed system");
	snprintf(r->heading, sizeof r->heading, "finwait reuse %.150s", session->targets[0]);
	session->run.heading = r->heading;
	snprintf(why, why_len, "out of memory");
	r->driving.driver = scripted_driver_new(r->driving.client, &interrupt_stop);
	return r->driving.driver ? 0 : EXIT_NOT_RUN;
}

static int by_agent(const struct reuse_settings *s, char *const *arguments, char **targets)
{
	struct plan_settings plan = s->plan;
	struct reuse r = {
		.session = { .settings = &plan, .arguments = arguments, .targets = targets, .targets_count = 1,
			     .play = play, .start = start },
		.settings = s,
		.work = { .check = &drive_checks[TCP_TIME_WAIT][OPENER_PASSIVE], .ports_optional = true },
	};
	char why[WHY];
	int status = driving_choose(&r.driving, &s->driving, why, sizeof why);

	if (status)
		complain("%s", why);
	plan.count = REUSE_CASES + 2 * REUSE_SYNS;
	r.session.work = &r.work;
	r.session.driving = &r.driving;
	if (!status)
		status = session_may_craft() ? session_run(&r.session) : EXIT_NOT_RUN;
	driving_stop(&r.driving);
	return status;
}

static int reuse(const void *settings, char *const *arguments, char **targets, size_t n)
{
	const struct reuse_settings *s = settings;
	int status = session_check_words(&s->plan);

	if (status)
		return status;
	if (n != 1)
		complain("one target is needed: finwait reuse HOST --agent URI");
	else if (!s->driving.agent == !s->driving.service)
		complain("give either --agent, or --service with --on-restart");
	else if (!s->driving.service != !s->on_restart)
		complain("--service and --on-restart go together");
	else if (s->plan.count != 1)
		complain("--count has no meaning here");
	else
		return s->driving.agent ? by_agent(s, arguments, targets) : reuse_restart(s, arguments, targets);
	return EXIT_USAGE;
}

/* ---- options ------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct reuse_settings, member)

static const struct reuse_settings defaults = { .plan = PLAN_DEFAULTS, .wait_us = 300000000 };
static const char *const api_words[] = { "auto", "linux", "bsd", "windows", "posix", NULL };

static const struct option_spec options[] = {
	DRIVING_AGENT_OPTIONS(struct reuse_settings),
	{ .name = "api", .kind = OPTION_CHOICE, .offset = AT(api), .argument = "SYSTEM", .group = "Driver",
	  .choices = api_words,
	  .help = "whose documents the answers are compared with: linux, bsd, windows, posix (default: auto, by what "
		  "the agent says it runs on)" },
	DRIVING_SERVICE_OPTION(struct reuse_settings),
	{ .name = "on-restart", .kind = OPTION_STRING, .offset = AT(on_restart), .argument = "COMMAND",
	  .group = "Driver",
	  .help = "a command that restarts the server at address %h and port %p, and returns" },
	{ .name = "wait", .kind = OPTION_SECONDS, .offset = AT(wait_us), .argument = "SECONDS", .group = "Driver",
	  .min = 1000000, .max = 3600000000,
	  .help = "how long to wait for the server to come back (default: 300)" },
	PLAN_OPENING,
	PLAN_STRICT,
	PLAN_TIME,
	PLAN_NETWORK,
	PLAN_OUTPUT,
	{ .name = NULL },
};

const struct command cmd_reuse = {
	.name = "reuse",
	.operands = "TARGET",
	.summary = "what a port in TIME-WAIT allows, by socket calls and on the wire",
	.about = "Makes TARGET (HOST) close first, so that its ports are in TIME-WAIT, and reports what bind(), "
		 "listen() and connect() answer there with and without SO_REUSEADDR and SO_REUSEPORT, and what a "
		 "new SYN draws; or, with --service and --on-restart, whether the server at TARGET (HOST:PORT) "
		 "comes back on its port before TIME-WAIT is over.",
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(struct reuse_settings),
	.user_commands = true,
	.run = reuse,
};
