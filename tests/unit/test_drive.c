/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait drive without the wire: each state by each opening, with an application that does what is asked,
 * one that does not, and targets and paths that misbehave, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checks/drive.h"
#include "core/pattern.h"
#include "core/random.h"
#include "drive/service.h"
#include "peer/sim_driver.h"
#include "run/runner.h"
#include "unit/rules_index.h"
#include "unit/sim_target.h"

struct scene {
	enum tcp_state state;
	enum opener opener;
	const char *service; /* NULL: the simulated application */
	enum peer_fault fault;
	int family; /* 0: IPv4 */
	uint32_t isn;
	uint64_t seed;
	int64_t hold_us;
	size_t transfer;
	bool garble; /* byte 3000 from the target is wrong */
	int64_t time_wait_us;
	struct sim_config sim;
	unsigned corrupt_nth; /* this one of the target's segments arrives with a wrong checksum */
	int64_t act_us; /* then the peer does this to its connection */
	void (*act)(struct peer *peer, int id, int64_t now_us);
	unsigned acts; /* so often; 0: once */
	/* What the application does not do. */
	enum action spoiled;
	bool spoil, mute, lies;
	enum answer_kind kind;
	enum tcp_state says;
	unsigned dies; /* when its state is asked for so many times, ... */
	int64_t told_us; /* ... which is told so much later; 0: never */
};

static struct exchange x;
static enum peer_state left_behind;
static enum tcp_state told;
static unsigned released;
static enum run_status run_status;

static struct {
	void (*act)(struct peer *peer, int id, int64_t now_us);
	struct peer *peer;
	unsigned times;
} later;

/* What the peer's application does by itself, once a second. */
static void act_later(void *sim, int64_t now_us)
{
	int id = peer_find(later.peer, &x.params.prober.target, &x.params.prober.source);

	assert_true(id >= 0);
	later.act(later.peer, id, now_us);
	if (--later.times)
		assert_true(sim_link_at(sim, now_us + 1000000, act_later, sim));
}

static struct {
	enum link_status (*receive)(struct link *link, int64_t until_us, struct segment *out);
	unsigned nth;
} corrupt;

static enum link_status receive_corrupted(struct link *link, int64_t until_us, struct segment *out)
{
	enum link_status status = corrupt.receive(link, until_us, out);

	if (status == LINK_SEGMENT && !endpoint_equal(&out->src, &x.params.prober.source) && corrupt.nth &&
	    !--corrupt.nth)
		out->checksum = CHECKSUM_BAD;
	return status;
}

static void finished(void *arg, size_t index)
{
	(void)arg;
	assert_int_equal(index, 0);
}

static struct sim_driver *application(const struct scene *scene, struct peer *peer)
{
	struct sim_driver *s = sim_driver_new(peer);

	assert_non_null(s);
	if (scene->spoil)
		sim_driver_spoil(s, scene->spoiled, scene->kind);
	if (scene->mute)
		sim_driver_mute(s, scene->spoiled);
	if (scene->garble)
		sim_driver_garble(s, 2999);
	if (scene->lies)
		sim_driver_says(s, scene->says);
	sim_driver_dies(s, scene->dies, scene->told_us);
	return s;
}

static void play(const struct scene *scene)
{
	static uint8_t pattern[1 << 20];
	struct exchange_params params = {
		.check = &drive_checks[scene->state][scene->opener],
		.rules = rules_index(),
		.prober.isn = scene->isn,
		.timeout_us = 5000000,
		.hold_us = scene->hold_us,
		.pattern = scene->transfer ? pattern : NULL,
		.pattern_len = scene->transfer,
		.pattern_seed = 7,
	};
	struct run run = { .exchanges = &x, .count = 1, .lane_length = 1, .finished = finished };
	struct sim_config config = scene->sim;
	struct service_choice choice;
	struct peer_params peer_params;
	struct sim_driver *s = NULL;
	struct sim_target target;
	char why[200];

	assert_non_null(params.check->name);
	pattern_fill(pattern, scene->transfer, 7);
	peer_defaults(&peer_params);
	peer_params.fault = scene->fault;
	peer_params.seed = scene->seed + 1;
	peer_params.chargen_bytes = 20000;
	if (scene->time_wait_us)
		peer_params.time_wait_us = scene->time_wait_us;
	if (!config.latency_in_us)
		config.latency_in_us = config.latency_out_us = 200;
	config.seed = scene->seed + 1;
	sim_target_open(&target, &peer_params, &config, &params.prober, scene->family == 6,
			"mss=1460,sackok,ts,wscale=7");
	later.act = scene->act;
	later.peer = target.peer;
	later.times = scene->acts ? scene->acts : 1;
	if (scene->act)
		assert_true(sim_link_at(target.sim, scene->act_us, act_later, target.sim));
	if (scene->service) {
		if (service_read(&choice, scene->service, why, sizeof why))
			fail_msg("%s", why);
		params.prober.target.port = choice.port;
		run.driver = service_driver_new(&choice);
	} else {
		s = application(scene, target.peer);
		run.driver = sim_driver_driver(s);
	}
	params.driver_can = run.driver->can;
	exchange_free(&x);
	assert_true(exchange_init(&x, &params));
	run.link = sim_link_link(target.sim);
	corrupt.receive = run.link->receive;
	corrupt.nth = scene->corrupt_nth;
	run.link->receive = receive_corrupted;
	run_status = run_all(&run);
	assert_true(x.done && x.reported);
	left_behind = peer_state(target.peer, &x.params.prober.target, &x.params.prober.source);
	told = s ? sim_driver_told(s) : TCP_STATES;
	released = s ? sim_driver_released(s) : 1;
	run.driver->ops->close(run.driver);
	sim_target_close(&target);
}

static const struct point *point(const char *name)
{
	for (size_t i = 0; i < x.points_count; i++)
		if (!strcmp(x.points[i].name, name))
			return &x.points[i];
	return NULL;
}

static void show(void)
{
	for (size_t i = 0; i < x.points_count; i++)
		print_message("%s %s: %s\n", outcome_name(x.points[i].outcome), x.points[i].name, x.points[i].text);
	for (size_t i = 0; i < x.verdicts_count; i++)
		print_message("%s: expected %s, observed %s\n", x.verdicts[i].rule->name, x.verdicts[i].expected,
			      x.verdicts[i].observed);
}

static void assert_point(const char *name, enum outcome outcome, const char *text)
{
	const struct point *p = point(name);

	if (!p || p->outcome != outcome || !strstr(p->text, text)) {
		show();
		fail_msg("%s: no %s with '%s' in point '%s'", x.params.check->name, outcome_name(outcome), text, name);
	}
}

/* No connection that waits for something is left with the target. */
static void assert_tidy(void)
{
	if (left_behind != PEER_CLOSED && left_behind != PEER_LISTEN && left_behind != PEER_TIME_WAIT)
		fail_msg("%s leaves %s behind", x.params.check->name, peer_state_name(left_behind));
	assert_int_equal(released, 1);
}

static void for_each(void (*test)(struct scene *scene))
{
	for (int state = 0; state < TCP_STATES; state++)
		for (int opener = 0; opener < OPENERS; opener++) {
			struct scene scene = { .state = (enum tcp_state)state, .opener = (enum opener)opener };

			if (drive_checks[state][opener].name)
				test(&scene);
		}
}

/* ---- an application that does its part --------------------------------------------------------- */

static void reach(struct scene *scene)
{
	for (int i = 0; i < 6; i++) {
		scene->family = i & 1 ? 6 : 4;
		scene->isn = 0xfffffffdu + (uint32_t)i;
		scene->seed = (uint64_t)i;
		play(scene);
		assert_int_equal(run_status, RUN_DONE);
		assert_point("reached", OUTCOME_PASS, tcp_state_name(scene->state));
		assert_int_equal(x.outcome, OUTCOME_PASS);
		assert_int_equal(x.certainty, CERTAIN);
		assert_int_equal(x.verdicts_count, 0);
		if (scene->state != TCP_LISTEN) {
			assert_int_equal(told, scene->state);
			assert_point("system", OUTCOME_PASS, tcp_state_name(scene->state));
		}
		assert_tidy();
	}
}

static void test_every_state_is_reached(void **state)
{
	(void)state;
	for_each(reach);
}

static void hold(struct scene *scene)
{
	scene->hold_us = 20000000;
	play(scene);
	assert_point("held", OUTCOME_PASS, "20 s");
	assert_int_equal(x.outcome, OUTCOME_PASS);
	assert_int_equal(x.verdicts_count, 0);
	assert_tidy();
}

static void test_every_state_is_held(void **state)
{
	(void)state;
	for_each(hold);
}

static void test_time_wait_ends(void **state)
{
	struct scene scene = { .state = TCP_TIME_WAIT, .hold_us = 70000000 };

	(void)state;
	play(&scene);
	assert_point("held", OUTCOME_PASS, "TIME-WAIT is over: it answered with RST");
	scene.fault = FAULT_NO_TIME_WAIT;
	play(&scene);
	assert_point("reached", OUTCOME_INCONCLUSIVE, "no connection is left");
	scene.fault = FAULT_TIME_WAIT_SILENT;
	play(&scene);
	assert_point("reached", OUTCOME_INCONCLUSIVE, "drew no answer");
}

static void test_transfers(void **state)
{
	static const struct {
		enum tcp_state state;
		bool out, in;
	} cases[] = {
		{ TCP_ESTABLISHED, true, true },
		{ TCP_FIN_WAIT_2, true, false },
		{ TCP_CLOSE_WAIT, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int opener = 0; opener < OPENERS; opener++) {
			struct scene scene = { .state = cases[i].state, .opener = (enum opener)opener,
					       .transfer = 1 << 20, .isn = 0xfff00000u };

			play(&scene);
			if (cases[i].out)
				assert_point("to target", OUTCOME_PASS, "1048576 bytes arrived, every one compared");
			if (cases[i].in)
				assert_point("from target", OUTCOME_PASS, "1048576 bytes arrived, every one compared");
			assert_int_equal(!point("to target"), !cases[i].out);
			assert_int_equal(!point("from target"), !cases[i].in);
			assert_int_equal(x.outcome, OUTCOME_PASS);
			assert_tidy();
		}
}

static void test_a_wrong_byte_is_found(void **state)
{
	struct scene scene = { .state = TCP_CLOSE_WAIT, .transfer = 5000, .garble = true };

	(void)state;
	play(&scene);
	assert_int_equal(x.outcome, OUTCOME_FAIL);
	assert_point("from target", OUTCOME_FAIL, "byte 3000 of 5000");
}

/* ---- services ---------------------------------------------------------------------------------- */

static void test_services(void **state)
{
	static const struct {
		enum tcp_state state;
		const char *service;
	} cases[] = {
		{ TCP_CLOSED, "echo" },	       { TCP_LISTEN, "echo" },
		{ TCP_SYN_RECEIVED, "echo" },  { TCP_ESTABLISHED, "echo" },
		{ TCP_LAST_ACK, "echo" },      { TCP_ESTABLISHED, "discard" },
		{ TCP_CLOSE_WAIT, "discard" }, { TCP_CLOSE_WAIT, "sink:11009" },
		{ TCP_FIN_WAIT_1, "daytime" }, { TCP_FIN_WAIT_2, "daytime" },
		{ TCP_CLOSING, "daytime" },    { TCP_TIME_WAIT, "daytime:13" },
		{ TCP_FIN_WAIT_1, "http" },    { TCP_FIN_WAIT_2, "http:80" },
		{ TCP_CLOSING, "http" },       { TCP_TIME_WAIT, "http" },
		{ TCP_LAST_ACK, "close-on-eof:7" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene = { .state = cases[i].state, .service = cases[i].service };

		play(&scene);
		assert_point("reached", OUTCOME_PASS, tcp_state_name(cases[i].state));
		assert_int_equal(x.outcome, OUTCOME_PASS);
		assert_int_equal(x.verdicts_count, 0);
		assert_tidy();
	}
}

/* A service that does not do what is said of it. */
static void test_services_that_differ(void **state)
{
	static const struct {
		enum tcp_state state;
		const char *service, *text;
	} cases[] = {
		{ TCP_CLOSE_WAIT, "sink:7", "not CLOSE-WAIT, no connection is left" },
		{ TCP_LAST_ACK, "close-on-eof:9", "did not close its half" },
		{ TCP_FIN_WAIT_1, "daytime:7", "did not close its half" },
		{ TCP_ESTABLISHED, "echo:11010", "reset the connection" },
		{ TCP_ESTABLISHED, "echo:1", "nobody listens on port 1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene = { .state = cases[i].state, .service = cases[i].service };

		play(&scene);
		assert_point("reached", OUTCOME_INCONCLUSIVE, cases[i].text);
		assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
		assert_tidy();
	}
}

static void test_a_closed_port(void **state)
{
	struct scene scene = { .state = TCP_CLOSED, .service = "close-on-eof:1" };

	(void)state;
	play(&scene);
	assert_point("reached", OUTCOME_PASS, "it refused our SYN");
	assert_int_equal(x.outcome, OUTCOME_PASS);
	scene.state = TCP_LAST_ACK;
	play(&scene);
	assert_point("reached", OUTCOME_INCONCLUSIVE, "nobody listens on port 1");
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	scene.service = "close-on-eof:2";
	play(&scene);
	assert_point("opened", OUTCOME_INCONCLUSIVE, "no answer");
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
}

/* ---- an application that does not do its part -------------------------------------------------- */

static void spoil(struct scene *scene)
{
	const unsigned needs = check_needs(&drive_checks[scene->state][scene->opener]);

	for (int action = 0; action < ACTIONS; action++) {
		if (!(needs & 1u << action))
			continue;
		scene->spoiled = (enum action)action;
		for (int kind = ANSWER_FAILED; kind <= ANSWER_LOST; kind++) {
			scene->spoil = true;
			scene->kind = (enum answer_kind)kind;
			play(scene);
			assert_point("stopped", OUTCOME_ERROR, "says no");
			assert_int_equal(x.outcome, OUTCOME_ERROR);
			assert_tidy();
		}
		scene->spoil = false;
		scene->mute = true;
		play(scene);
		assert_int_not_equal(x.outcome, OUTCOME_PASS);
		assert_int_equal(x.verdicts_count, 0);
		assert_tidy();
		scene->mute = false;
	}
}

static void test_refusal_and_loss_are_errors(void **state)
{
	(void)state;
	for_each(spoil);
}

static void test_nobody_says_that_it_listens(void **state)
{
	struct scene scene = { .state = TCP_ESTABLISHED, .mute = true, .spoiled = ACTION_LISTEN };

	(void)state;
	play(&scene);
	assert_point("opened", OUTCOME_INCONCLUSIVE, "the driver did not say that the target listens");
	assert_int_equal(x.reach, REACH_NONE);
}

static void test_what_is_only_said_to_be_done(void **state)
{
	struct scene scene = { .state = TCP_FIN_WAIT_1, .spoil = true, .spoiled = ACTION_CLOSE_FIRST,
			       .kind = ANSWER_DONE };

	(void)state;
	play(&scene);
	assert_point("reached", OUTCOME_INCONCLUSIVE, "did not close its half");
	assert_tidy();
	scene = (struct scene){ .state = TCP_SYN_SENT, .opener = OPENER_ACTIVE, .spoil = true,
				.spoiled = ACTION_CONNECT, .kind = ANSWER_DONE };
	play(&scene);
	assert_point("opened", OUTCOME_INCONCLUSIVE, "no SYN came");
	assert_tidy();
}

/* Who tells of its end may come late, or not at all. */
static void test_an_application_that_dies(void **state)
{
	struct scene scene = { .state = TCP_FIN_WAIT_2, .dies = 1, .hold_us = 1000000 };

	(void)state;
	play(&scene);
	assert_point("reached", OUTCOME_PASS, "FIN-WAIT-2");
	assert_point("kept", OUTCOME_INCONCLUSIVE, "reset the connection at once");
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	assert_tidy();
	scene.dies = 2;
	play(&scene);
	assert_point("held", OUTCOME_INCONCLUSIVE, "reset the connection after 1 s");
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	assert_tidy();
	scene.told_us = 700000;
	for (scene.dies = 1; scene.dies <= 2; scene.dies++) {
		play(&scene);
		assert_point("stopped", OUTCOME_ERROR, "has died");
		assert_int_equal(x.outcome, OUTCOME_ERROR);
		assert_tidy();
	}
}

/* ... and one that aborts and lives on is no error. */
static void test_an_application_that_aborts(void **state)
{
	struct scene scene = { .state = TCP_FIN_WAIT_2, .hold_us = 1000000, .act = peer_abort, .act_us = 500000 };

	(void)state;
	play(&scene);
	assert_point("held", OUTCOME_INCONCLUSIVE, "gone before 1 s were over");
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	assert_tidy();
}

static void lie(struct scene *scene)
{
	if (scene->state == TCP_LISTEN)
		return;
	scene->lies = true;
	scene->says = scene->state == TCP_ESTABLISHED ? TCP_CLOSING : TCP_ESTABLISHED;
	play(scene);
	assert_point("reached", OUTCOME_INCONCLUSIVE, tcp_state_name(scene->says));
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
}

static void test_a_system_that_says_another_state(void **state)
{
	(void)state;
	for_each(lie);
}

/* ---- bad targets and bad paths ------------------------------------------------------------------ */

static void test_violations_on_the_way(void **state)
{
	static const struct {
		enum tcp_state state;
		enum opener opener;
		enum peer_fault fault;
		enum rule_id rule;
	} cases[] = {
		{ TCP_ESTABLISHED, OPENER_PASSIVE, FAULT_SYN_ACK_WRONG_ACK_PLUS_TWO, RULE_SYN_ACK_NUMBER },
		{ TCP_ESTABLISHED, OPENER_ACTIVE, FAULT_WSCALE_ON_NON_SYN, RULE_WSCALE_ON_SYN },
		{ TCP_FIN_WAIT_1, OPENER_ACTIVE, FAULT_FIN_WITHOUT_ACK, RULE_ACK_BIT },
		{ TCP_CLOSING, OPENER_PASSIVE, FAULT_FIN_MOVES, RULE_FIN_MOVED },
		{ TCP_LAST_ACK, OPENER_ACTIVE, FAULT_FIN_SEQ_HIGH, RULE_FIN_PLACE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene = { .state = cases[i].state, .opener = cases[i].opener, .fault = cases[i].fault,
				       .hold_us = 5000000 };
		bool found = false;

		play(&scene);
		for (size_t v = 0; v < x.verdicts_count; v++)
			found |= x.verdicts[v].rule == &rules[cases[i].rule];
		if (!found) {
			show();
			fail_msg("%s: fault %zu is not found", x.params.check->name, i);
		}
		assert_int_equal(x.outcome, OUTCOME_FAIL);
	}
}

/* The second copy of its FIN is no answer to anything. */
static void duplicate(struct scene *scene)
{
	scene->fault = FAULT_DUPLICATES;
	play(scene);
	assert_point("reached", OUTCOME_PASS, tcp_state_name(scene->state));
	assert_int_equal(x.outcome, OUTCOME_PASS);
	assert_tidy();
}

static void test_each_segment_twice(void **state)
{
	(void)state;
	for_each(duplicate);
}

/* On whatever path: nobody is accused for certain, nothing is called reached that is not. */
static void lose(struct scene *scene)
{
	const char *wanted = getenv("FINWAIT_DRIVES");
	uint64_t turns = wanted ? strtoull(wanted, NULL, 10) : 25;

	for (uint64_t seed = 1; seed <= turns; seed++) {
		uint64_t random = seed * 1000 + (uint64_t)scene->state * 10 + scene->opener;

		scene->seed = random;
		scene->isn = (uint32_t)random_next(&random);
		scene->hold_us = random_next(&random) % 3 ? 0 : 3000000;
		scene->sim = (struct sim_config){
			.latency_out_us = 1000, .latency_in_us = 1000,
			.loss_out = (unsigned)(random_next(&random) % 30),
			.loss_in = (unsigned)(random_next(&random) % 30),
			.duplicate = (unsigned)(random_next(&random) % 20),
			.reorder = (unsigned)(random_next(&random) % 20),
			.reorder_us = 3000,
		};
		play(scene);
		if (x.outcome == OUTCOME_FAIL && x.certainty == CERTAIN) {
			show();
			fail_msg("%s, seed %llu: an honest target is accused", x.params.check->name,
				 (unsigned long long)seed);
		}
		if (point("reached") && point("reached")->outcome == OUTCOME_PASS && x.certainty == CERTAIN &&
		    scene->state != TCP_LISTEN && told != scene->state) {
			show();
			fail_msg("%s, seed %llu: the target was in %s", x.params.check->name,
				 (unsigned long long)seed, tcp_state_name(told));
		}
	}
}

static void test_bad_paths(void **state)
{
	(void)state;
	for_each(lose);
}

static void interrupt(struct scene *scene)
{
	for (unsigned after = 1; after < 8; after++) {
		scene->sim.interrupt_after = after;
		scene->hold_us = 10000000;
		play(scene);
		assert_tidy();
	}
}

static void test_nothing_is_left_after_an_interrupt(void **state)
{
	(void)state;
	for_each(interrupt);
}

/* ---- what goes wrong on the way ----------------------------------------------------------------- */

static void send_line(struct peer *peer, int id, int64_t now_us)
{
	assert_int_equal(peer_send(peer, id, "late\r\n", 6, now_us), 6);
}

/* Data while a state is held is no reason to hold it any shorter. */
static void test_data_during_a_hold(void **state)
{
	struct scene scene = { .state = TCP_ESTABLISHED, .hold_us = 20000000, .act_us = 3000000, .act = send_line };

	(void)state;
	play(&scene);
	assert_point("held", OUTCOME_PASS, "20 s");
	scene.state = TCP_CLOSE_WAIT;
	play(&scene);
	assert_point("held", OUTCOME_PASS, "20 s");
	assert_true(x.lines[x.lines_count - 1].segment.t_us > 20000000);
	assert_tidy();
}

/* A port where nobody listens is no way to a state. */
static void test_a_refusal_reaches_nothing(void **state)
{
	struct scene scene = { .state = TCP_ESTABLISHED, .service = "echo:1" };

	(void)state;
	play(&scene);
	assert_point("reached", OUTCOME_INCONCLUSIVE, "not ESTABLISHED");
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
}

/* Nobody has waited for what was interrupted. */
static void test_an_interrupted_hold(void **state)
{
	struct scene scene = { .state = TCP_CLOSED, .hold_us = 20000000, .sim.interrupt_after = 6 };

	(void)state;
	play(&scene);
	assert_int_equal(run_status, RUN_INTERRUPTED);
	assert_point("held", OUTCOME_INCONCLUSIVE, "interrupted");
}

/* To know what the system says is only a wish. */
static void test_a_state_that_nobody_tells(void **state)
{
	struct scene scene = { .state = TCP_ESTABLISHED, .hold_us = 20000000, .mute = true,
			       .spoiled = ACTION_STATE };

	(void)state;
	play(&scene);
	assert_point("reached", OUTCOME_PASS, "ESTABLISHED");
	assert_point("held", OUTCOME_PASS, "20 s");
}

/* Its SYN comes again because ours was lost; or ours comes again when its application has given up. Both are
 * as it should be. */
static void test_syns_that_do_not_meet(void **state)
{
	struct scene scene = { .state = TCP_ESTABLISHED, .opener = OPENER_SIMULTANEOUS, .sim.lose_out_nth = 1 };

	(void)state;
	play(&scene);
	assert_int_equal(x.verdicts_count, 0);
	assert_int_equal(x.outcome, OUTCOME_PASS);
	scene = (struct scene){ .state = TCP_ESTABLISHED, .opener = OPENER_SIMULTANEOUS, .sim.lose_in_nth = 2,
				.fault = FAULT_SYN_ACK_NOT_REPEATED, .act_us = 1500000, .act = peer_abort };
	play(&scene);
	assert_int_equal(x.verdicts_count, 0);
	assert_point("reached", OUTCOME_INCONCLUSIVE, "reset the connection on the way");
}

/* A reset that was lost is repeated, and so is one that nobody has confirmed. */
static void lose_reset(struct scene *scene)
{
	for (unsigned n = 1; n < 10; n++) {
		scene->sim.lose_out_nth = n;
		play(scene);
		assert_tidy();
		assert_point("reached", OUTCOME_PASS, tcp_state_name(scene->state));
		assert_int_equal(x.verdicts_count, 0);
	}
}

/* A transfer takes its time, but only while it gets on, however much else comes. */
static void test_a_transfer_that_does_not_end(void **state)
{
	struct scene scene = { .state = TCP_ESTABLISHED, .transfer = 5000, .mute = true,
			       .spoiled = ACTION_RECEIVE, .act_us = 1000000, .act = peer_keepalive, .acts = 100 };

	(void)state;
	play(&scene);
	assert_int_not_equal(later.times, 0);
	assert_point("to target", OUTCOME_INCONCLUSIVE, "within the timeout");
	assert_true(x.request.timeout_us > x.params.timeout_us);
	assert_tidy();
}

/* What has a wrong checksum has not arrived, and verifies nothing. */
static void test_a_bad_checksum_verifies_nothing(void **state)
{
	struct scene scene = { .state = TCP_ESTABLISHED, .corrupt_nth = 2 };
	unsigned asked = 0;

	(void)state;
	play(&scene);
	assert_int_equal(x.bad_checksums, 1);
	for (size_t i = 0; i < x.lines_count; i++)
		asked += x.lines[i].asks;
	assert_int_equal(asked, 2);
	assert_point("reached", OUTCOME_PASS, "ESTABLISHED");
}

/* A damaged SYN says nothing, not even where from: the next one opens. */
static void test_a_damaged_syn_is_none(void **state)
{
	struct scene scene = { .state = TCP_ESTABLISHED, .opener = OPENER_ACTIVE, .corrupt_nth = 1 };

	(void)state;
	play(&scene);
	assert_int_equal(x.bad_checksums, 0);
	assert_point("reached", OUTCOME_PASS, "ESTABLISHED");
	assert_int_equal(x.outcome, OUTCOME_PASS);
	assert_tidy();
}

/* Our answer to the target's SYN was lost: it takes nothing but a refusal. */
static void test_who_is_in_syn_sent_is_refused(void **state)
{
	(void)state;
	for (int opener = OPENER_ACTIVE; opener <= OPENER_SIMULTANEOUS; opener++) {
		struct scene scene = { .state = TCP_ESTABLISHED, .opener = (enum opener)opener,
				       .sim = { .lose_out_nth = 1, .interrupt_after = 2 } };

		play(&scene);
		assert_int_equal(run_status, RUN_INTERRUPTED);
		assert_tidy();
	}
}

static void test_a_lost_reset_is_repeated(void **state)
{
	struct scene scene = { .state = TCP_CLOSED };

	(void)state;
	lose_reset(&scene);
	scene.opener = OPENER_ACTIVE;
	lose_reset(&scene);
	scene = (struct scene){ .state = TCP_LISTEN };
	lose_reset(&scene);
}

/* ---- what users write --------------------------------------------------------------------------- */

static void test_service_words(void **state)
{
	static const struct {
		const char *text, *why; /* NULL: fine */
		uint16_t port;
		enum action can;
		const char *ask;
	} cases[] = {
		{ "echo", NULL, 7, ACTION_CLOSE_LAST, "" },
		{ "echo:4007", NULL, 4007, ACTION_CLOSE_LAST, "" },
		{ "close-on-eof", NULL, 0, ACTION_CLOSE_LAST, "" },
		{ "then=closes-first", NULL, 0, ACTION_CLOSE_FIRST, "" },
		{ "send=\"QUIT\\r\\n\",then=closes-first", NULL, 0, ACTION_CLOSE_FIRST, "QUIT\r\n" },
		{ "send=\"a,b=\\\"c\",then=keeps-open", NULL, 0, ACTION_KEEP_OPEN, "a,b=\"c" },
		{ "send=QUIT,then=closes-on-eof", NULL, 0, ACTION_CLOSE_LAST, "QUIT" },
		{ "", "is no service", 0, 0, NULL },
		{ "ecko", "'ecko' is no service", 0, 0, NULL },
		{ "echo:", "'' is no port", 0, 0, NULL },
		{ "echo:0", "'0' is no port", 0, 0, NULL },
		{ "echo:65536", "'65536' is no port", 0, 0, NULL },
		{ "echo:7x", "'7x' is no port", 0, 0, NULL },
		{ "send=\"QUIT\"", "say what it does then", 0, 0, NULL },
		{ "then=dies", "'then=dies' is none of", 0, 0, NULL },
		{ "when=now,then=closes-first", "only send= and then=", 0, 0, NULL },
		{ "then=closes-first,x", "is not of the form NAME=VALUE", 0, 0, NULL },
		{ "send=\"a\"b,then=keeps-open", "behind a value", 0, 0, NULL },
		{ "send=\"\\q\",then=keeps-open", "'\\q' is no escape", 0, 0, NULL },
		{ "send=\"\\x4g\",then=keeps-open", "'\\x' is no escape", 0, 0, NULL },
		{ "send=\"\\x\x14\x11\",then=keeps-open", "'\\x' is no escape", 0, 0, NULL },
		{ "send=\"\\", "'\\' is no escape", 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct service_choice c;
		char why[200] = "";
		int result = service_read(&c, cases[i].text, why, sizeof why);

		if (cases[i].why) {
			assert_int_equal(result, -1);
			if (!strstr(why, cases[i].why))
				fail_msg("'%s': %s", cases[i].text, why);
			continue;
		}
		if (result)
			fail_msg("'%s': %s", cases[i].text, why);
		assert_int_equal(c.port, cases[i].port);
		assert_true(c.can & 1u << cases[i].can);
		/* What does not make it close first is said at the beginning. */
		if (cases[i].can != ACTION_CLOSE_FIRST && !c.service) {
			memcpy(c.ask, c.greet, sizeof c.ask);
			c.ask_len = c.greet_len;
		}
		assert_int_equal(c.ask_len, strlen(cases[i].ask));
		assert_memory_equal(c.ask, cases[i].ask, c.ask_len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_state_is_reached),
		cmocka_unit_test(test_every_state_is_held),
		cmocka_unit_test(test_time_wait_ends),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_a_wrong_byte_is_found),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_services_that_differ),
		cmocka_unit_test(test_a_closed_port),
		cmocka_unit_test(test_refusal_and_loss_are_errors),
		cmocka_unit_test(test_nobody_says_that_it_listens),
		cmocka_unit_test(test_what_is_only_said_to_be_done),
		cmocka_unit_test(test_a_system_that_says_another_state),
		cmocka_unit_test(test_an_application_that_dies),
		cmocka_unit_test(test_an_application_that_aborts),
		cmocka_unit_test(test_violations_on_the_way),
		cmocka_unit_test(test_each_segment_twice),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_nothing_is_left_after_an_interrupt),
		cmocka_unit_test(test_data_during_a_hold),
		cmocka_unit_test(test_a_refusal_reaches_nothing),
		cmocka_unit_test(test_an_interrupted_hold),
		cmocka_unit_test(test_a_state_that_nobody_tells),
		cmocka_unit_test(test_a_lost_reset_is_repeated),
		cmocka_unit_test(test_who_is_in_syn_sent_is_refused),
		cmocka_unit_test(test_a_bad_checksum_verifies_nothing),
		cmocka_unit_test(test_a_damaged_syn_is_none),
		cmocka_unit_test(test_a_transfer_that_does_not_end),
		cmocka_unit_test(test_syns_that_do_not_meet),
		cmocka_unit_test(test_service_words),
	};
	int result = cmocka_run_group_tests(tests, NULL, NULL);

	exchange_free(&x);
	return result;
}
