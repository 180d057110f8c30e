/* SPDX-License-Identifier: BSD-2-Clause */
/* All of a probe but the wire: checks, runner, prober, observer and result, against the peer in virtual
 * time, honest and lying, over good and bad paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "checks/probe.h"
#include "core/random.h"
#include "run/runner.h"
#include "unit/rules_index.h"
#include "unit/sim_target.h"

#define ALL_OPTIONS "mss=1460,sackok,ts,wscale=7"

/* One probe of one port of a peer. */
struct scene {
	enum peer_fault fault;
	enum close_kind close;
	uint16_t port;
	const char *options; /* NULL: all */
	const char *send;
	uint32_t isn;
	uint64_t seed;
	int64_t timeout_us; /* 0: 5 s */
	int family;         /* 0: IPv4 */
	struct sim_config sim;
};

static struct exchange x;
static enum peer_state left_behind;
static enum run_status run_status;

static void finished(void *arg, size_t index)
{
	(void)arg;
	assert_int_equal(index, 0);
}

static void play(const struct scene *scene)
{
	struct exchange_params params = {
		.check = &probe_checks[scene->close],
		.rules = rules_index(),
		.prober = { .isn = scene->isn, .target.port = scene->port },
		.data = (const uint8_t *)scene->send,
		.data_len = scene->send ? strlen(scene->send) : 0,
		.timeout_us = scene->timeout_us ? scene->timeout_us : 5000000,
	};
	struct sim_config config = scene->sim;
	struct peer_params peer_params;
	struct sim_target target;
	struct run run = { .exchanges = &x, .count = 1, .lane_length = 1, .finished = finished };

	peer_defaults(&peer_params);
	peer_params.fault = scene->fault;
	peer_params.seed = scene->seed + 1;
	peer_params.chargen_bytes = 20000;
	if (!config.latency_in_us)
		config.latency_in_us = config.latency_out_us = 200;
	config.seed = scene->seed + 1;
	sim_target_open(&target, &peer_params, &config, &params.prober, scene->family == 6,
			scene->options ? scene->options : ALL_OPTIONS);
	exchange_free(&x);
	assert_true(exchange_init(&x, &params));
	run.link = sim_link_link(target.sim);
	run_status = run_all(&run);
	assert_true(x.done && x.reported);
	left_behind = peer_state(target.peer, &params.prober.target, &params.prober.source);
	sim_target_close(&target);
}

static const struct verdict *failed(enum rule_id id)
{
	for (size_t i = 0; i < x.verdicts_count; i++)
		if (x.verdicts[i].rule == &rules[id])
			return &x.verdicts[i];
	return NULL;
}

static const struct point *point(const char *name)
{
	for (size_t i = 0; i < x.points_count; i++)
		if (!strcmp(x.points[i].name, name))
			return &x.points[i];
	return NULL;
}

static void assert_point(const char *name, enum outcome outcome, const char *text)
{
	assert_non_null(point(name));
	assert_int_equal(point(name)->outcome, outcome);
	if (!strstr(point(name)->text, text))
		fail_msg("'%s' not in '%s'", text, point(name)->text);
}

/* ---- honest targets ------------------------------------------------------------------------------ */

static void test_each_close_conforms(void **state)
{
	static const struct {
		enum close_kind close;
		uint16_t port;
		const char *point, *text;
		enum tcp_state prober, target;
	} cases[] = {
		{ CLOSE_FIN, 7, "closed", "one segment: legal", TCP_TIME_WAIT, TCP_CLOSED },
		{ CLOSE_FIN, 9, "closed", "keeps its half open", TCP_CLOSED, TCP_CLOSED },
		{ CLOSE_FIN, 80, "closed", "the target had closed first", TCP_CLOSED, TCP_TIME_WAIT },
		{ CLOSE_HALF, 7, "half-closed", "one segment", TCP_TIME_WAIT, TCP_CLOSED },
		{ CLOSE_HALF, 19, "half-closed", "20000 bytes", TCP_TIME_WAIT, TCP_CLOSED },
		{ CLOSE_WAIT, 13, "closed", "the target closed first", TCP_CLOSED, TCP_TIME_WAIT },
		{ CLOSE_SIMULTANEOUS, 13, "closed", "simultaneous close", TCP_TIME_WAIT, TCP_TIME_WAIT },
		{ CLOSE_RST, 7, "reset", "obeyed", TCP_CLOSED, TCP_CLOSED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int family = 4; family <= 6; family += 2) {
			struct scene scene = { .close = cases[i].close, .port = cases[i].port,
					       .family = family, .isn = 0xfffffff0u + (uint32_t)i };

			if (cases[i].port == 80)
				scene.send = "GET / HTTP/1.0\r\n\r\n";
			play(&scene);
			assert_int_equal(run_status, RUN_DONE);
			assert_int_equal(x.outcome, OUTCOME_PASS);
			assert_int_equal(x.reach, REACH_OPEN);
			assert_int_equal(x.verdicts_count, 0);
			assert_point("opened", OUTCOME_PASS, "ACK = ISN+1");
			assert_point(cases[i].point, OUTCOME_PASS, cases[i].text);
			assert_int_equal(x.prober.state, cases[i].prober);
			assert_int_equal(x.conn.ends[CONN_TARGET].assumed, cases[i].target);
			assert_int_equal(x.rtt_us, 400);
		}
}

static void test_four_segments_are_told_from_three(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_FIN, .port = 7, .fault = FAULT_ACK_APART });
	assert_int_equal(x.outcome, OUTCOME_PASS);
	assert_point("closed", OUTCOME_PASS, "four segments");
}

static void test_states_of_the_textbook(void **state)
{
	static const enum tcp_state prober[] = { TCP_SYN_SENT, TCP_ESTABLISHED, TCP_ESTABLISHED,
						 TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_TIME_WAIT,
						 TCP_TIME_WAIT };
	static const enum tcp_state target[] = { TCP_SYN_RECEIVED, TCP_SYN_RECEIVED, TCP_ESTABLISHED,
						 TCP_CLOSE_WAIT, TCP_CLOSE_WAIT, TCP_LAST_ACK,
						 TCP_CLOSED };

	(void)state; /* RFC 9293 Figures 6 and 12 */
	play(&(struct scene){ .close = CLOSE_FIN, .port = 7, .fault = FAULT_ACK_APART });
	assert_int_equal(x.lines_count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(x.lines[i].prober, prober[i]);
		assert_int_equal(x.lines[i].assumed, target[i]);
		assert_true(x.lines[i].target & IN(target[i]));
	}
}

static void test_simultaneous_close_is_figure_13(void **state)
{
	size_t fin = 0;

	(void)state;
	play(&(struct scene){ .close = CLOSE_SIMULTANEOUS, .port = 13 });
	while (fin < x.lines_count && !(x.lines[fin].out && (x.lines[fin].segment.flags & FLAG_FIN)))
		fin++;
	assert_true(fin + 3 == x.lines_count);
	assert_int_equal(x.lines[fin].assumed, TCP_CLOSING);
	assert_int_equal(x.lines[fin].prober, TCP_FIN_WAIT_1);
	/* Our FIN does not know theirs, our ACK does. */
	assert_int_equal(x.lines[fin].segment.ack + 1, x.lines[fin + 1].segment.ack);
	assert_int_equal(x.lines[fin + 1].prober, TCP_CLOSING);
	assert_int_equal(x.lines[fin + 1].assumed, TCP_TIME_WAIT);
	assert_false(x.lines[fin + 2].out);
	assert_true(x.lines[fin + 2].notes & NOTE_ACKS_FIN);
	assert_int_equal(x.lines[fin + 2].prober, TCP_TIME_WAIT);
}

static void test_data_and_answer(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_FIN, .port = 7, .send = "hello\r\n" });
	assert_int_equal(x.outcome, OUTCOME_PASS);
	assert_point("data", OUTCOME_PASS, "7 bytes sent and acknowledged, 7 received");
	assert_int_equal(x.answer_len, 7);
	assert_memory_equal(x.answer, "hello\r\n", 7);
}

static void test_closed_port_is_a_pass_of_its_own(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_FIN, .port = 1 });
	assert_int_equal(x.outcome, OUTCOME_PASS);
	assert_int_equal(x.reach, REACH_CLOSED);
	assert_point("opened", OUTCOME_PASS, "refused correctly");
	assert_int_equal(x.lines[0].assumed, TCP_CLOSED);
}

static void test_silence_is_inconclusive(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_FIN, .port = 2 });
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	assert_int_equal(x.reach, REACH_SILENT);
	assert_point("opened", OUTCOME_INCONCLUSIVE, "no answer to 3 SYNs");
	assert_int_equal(x.lines[0].assumed, TCP_STATES);
	/* The SYN was repeated at 1 s and 3 s, its number unchanged. */
	assert_int_equal(x.lines[1].segment.t_us - x.lines[0].segment.t_us, 1000000);
	assert_int_equal(x.lines[2].segment.t_us - x.lines[0].segment.t_us, 3000000);
	assert_int_equal(x.lines[2].segment.seq, x.lines[0].segment.seq);
	assert_true(x.lines[1].repeated && !x.lines[0].repeated);
}

static void test_icmp_is_inconclusive_with_its_reason(void **state)
{
	struct scene scene = { .close = CLOSE_FIN, .port = 7,
			       .sim.unreachable = { .type = 3, .code = 13 } };

	(void)state;
	assert_true(address_parse(&scene.sim.unreachable.sender, "198.18.0.254"));
	play(&scene);
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	assert_int_equal(x.reach, REACH_SILENT);
	assert_point("opened", OUTCOME_INCONCLUSIVE, "ICMP type 3 code 13 from 198.18.0.254");
}

static void test_target_that_never_closes(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_WAIT, .port = 7 });
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	assert_point("closed", OUTCOME_INCONCLUSIVE, "legal");
	assert_int_equal(left_behind, PEER_LISTEN);
}

static void test_target_that_dies(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_FIN, .port = 7, .fault = FAULT_DIES });
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	assert_point("opened", OUTCOME_PASS, "");
	assert_point("closed", OUTCOME_INCONCLUSIVE, "no ACK for our FIN");
}

static void test_old_connection_is_recovered(void **state)
{
	(void)state; /* RFC 9293 Figure 9 */
	play(&(struct scene){ .close = CLOSE_FIN, .port = 7, .fault = FAULT_CHALLENGE_FIRST });
	assert_int_equal(x.outcome, OUTCOME_PASS);
	assert_true(x.lines[1].notes & NOTE_OLD_CONNECTION);
	assert_int_equal(x.lines[2].segment.flags, FLAG_RST);
	assert_int_equal(x.lines[2].segment.seq, x.lines[1].segment.ack);
}

/* ---- this host ------------------------------------------------------------------------------------ */

static void test_what_never_left_is_no_verdict_on_the_target(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_FIN, .port = 7, .sim.swallow_after = 1 });
	assert_int_equal(x.outcome, OUTCOME_ERROR);
	assert_point("stopped", OUTCOME_ERROR, "not seen leaving");
	play(&(struct scene){ .close = CLOSE_FIN, .port = 7, .sim.swallow = true,
			      .sim.swallow_flags = FLAG_FIN | FLAG_ACK });
	assert_int_equal(x.outcome, OUTCOME_ERROR);
	assert_point("stopped", OUTCOME_ERROR, "F.");
}

static void test_interfering_kernel_is_no_verdict_on_the_target(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_WAIT, .port = 7, .sim.kernel_rst_after = 1 });
	assert_int_equal(x.outcome, OUTCOME_ERROR);
	assert_point("stopped", OUTCOME_ERROR, "the guard does not hold");
}

static void test_lost_link_is_an_error(void **state)
{
	(void)state;
	play(&(struct scene){ .close = CLOSE_FIN, .port = 7, .sim.error_after = 2 });
	assert_int_equal(x.outcome, OUTCOME_ERROR);
	assert_non_null(point("stopped"));
	assert_null(point("opened"));
}

static void test_interrupt_resets(void **state)
{
	(void)state;
	for (unsigned after = 1; after <= 6; after++) {
		play(&(struct scene){ .close = CLOSE_WAIT, .port = 9, .sim.interrupt_after = after });
		if (run_status != RUN_INTERRUPTED)
			continue;
		assert_true(left_behind == PEER_LISTEN || left_behind == PEER_CLOSED);
	}
	play(&(struct scene){ .close = CLOSE_WAIT, .port = 9, .sim.interrupt_after = 3 });
	assert_int_equal(run_status, RUN_INTERRUPTED);
	assert_true(x.interrupted);
	assert_int_equal(x.outcome, OUTCOME_INCONCLUSIVE);
	assert_point("closed", OUTCOME_INCONCLUSIVE, "interrupted");
}

static void test_nothing_is_left_half_open(void **state)
{
	static const uint16_t ports[] = { 7, 9, 13, 19, 80, 11009 };

	(void)state;
	for (int close = 0; close < CLOSE_KINDS; close++)
		for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
			play(&(struct scene){ .close = (enum close_kind)close, .port = ports[i] });
			assert_true(left_behind == PEER_LISTEN || left_behind == PEER_CLOSED ||
				    left_behind == PEER_TIME_WAIT);
		}
}

/* ---- liars ---------------------------------------------------------------------------------------- */

struct lie {
	enum peer_fault fault;
	enum close_kind close;
	uint16_t port;
	enum rule_id rule;
	enum certainty certainty;
	const char *options, *send;
	unsigned lose_out, lose_in;
};

static const struct lie lies[] = {
	{ FAULT_SYN_ACK_WRONG_ACK_ISN, CLOSE_FIN, 7, RULE_SYN_ACK_NUMBER, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_SYN_ACK_WRONG_ACK_PLUS_TWO, CLOSE_FIN, 7, RULE_SYN_ACK_NUMBER, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_SYN_ACK_WRONG_ACK_RANDOM, CLOSE_FIN, 7, RULE_SYN_ACK_NUMBER, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_SYN_ACK_OPTION_WSCALE, CLOSE_FIN, 7, RULE_WSCALE_OFFERED, CERTAIN, "mss=1460", 0, 0, 0 },
	{ FAULT_SYN_ACK_OPTION_TIMESTAMPS, CLOSE_FIN, 7, RULE_TIMESTAMPS_OFFERED, CERTAIN, "none", 0, 0, 0 },
	{ FAULT_SYN_ACK_NO_ACK, CLOSE_FIN, 7, RULE_STATE, LIKELY, 0, 0, 0, 0 },
	{ FAULT_SYN_ACK_FIN, CLOSE_FIN, 7, RULE_FLAGS, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_SYN_ACK_MOVING_ISS, CLOSE_WAIT, 7, RULE_SYN_ACK_REPEAT, LIKELY, 0, 0, 2, 0 },
	{ FAULT_MSS_ON_NON_SYN, CLOSE_FIN, 7, RULE_MSS_ON_SYN, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_WSCALE_ON_NON_SYN, CLOSE_FIN, 7, RULE_WSCALE_ON_SYN, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_OPTION_BAD_LENGTH, CLOSE_FIN, 7, RULE_OPTION_LENGTH, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_OPTION_OVERRUN, CLOSE_FIN, 7, RULE_OPTION_LENGTH, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_CHECKSUM_BAD, CLOSE_FIN, 7, RULE_CHECKSUM, LIKELY, 0, 0, 0, 0 },
	{ FAULT_CHECKSUM_BAD_ONCE, CLOSE_FIN, 7, RULE_CHECKSUM, LIKELY, 0, 0, 0, 0 },
	{ FAULT_RESERVED_BITS, CLOSE_FIN, 7, RULE_RESERVED, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_NO_ACK_BIT, CLOSE_FIN, 7, RULE_ACK_BIT, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_NULL_FLAGS, CLOSE_FIN, 9, RULE_ACK_BIT, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_SYN_BIT_LATER, CLOSE_FIN, 9, RULE_STATE, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_TIMESTAMPS_MISSING, CLOSE_FIN, 7, RULE_TIMESTAMPS_KEPT, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_RST_SEQ_NOT_ZERO, CLOSE_FIN, 1, RULE_REFUSAL, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_RST_NO_ACK, CLOSE_FIN, 1, RULE_REFUSAL, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_RST_SYN_NOT_COUNTED, CLOSE_FIN, 1, RULE_REFUSAL, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_RST_WRONG_SEQ, CLOSE_RST, 7, RULE_STRAY_ANSWER, LIKELY, 0, 0, 0, 0 },
	{ FAULT_RST_OUT_OF_WINDOW, CLOSE_FIN, 7, RULE_RST_NUMBER, CERTAIN, 0, "data", 0, 0 },
	{ FAULT_RST_SEQ_LOW, CLOSE_FIN, 7, RULE_RST_NUMBER, CERTAIN, 0, "data", 0, 0 },
	{ FAULT_RST_ANSWERS_RST, CLOSE_RST, 7, RULE_RST_FOR_RST, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_RST_IN_LAST_ACK, CLOSE_FIN, 7, RULE_RST_STATE, LIKELY, 0, 0, 0, 0 },
	{ FAULT_DATA_SEQ_OFF_BY_ONE, CLOSE_FIN, 7, RULE_OLDEST_FIRST, CERTAIN, 0, "data", 0, 0 },
	{ FAULT_ACK_UNSENT, CLOSE_FIN, 7, RULE_ACK_UNSENT, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_ACK_WITHDRAWN, CLOSE_FIN, 7, RULE_ACK_KEPT, CERTAIN, 0, "data", 0, 0 },
	{ FAULT_FIN_NOT_COUNTED, CLOSE_FIN, 9, RULE_FIN_COUNTED, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_FIN_NOT_COUNTED, CLOSE_FIN, 7, RULE_FIN_COUNTED, LIKELY, 0, 0, 0, 0 },
	{ FAULT_FIN_SEQ_HIGH, CLOSE_FIN, 7, RULE_FIN_PLACE, CERTAIN, 0, "data", 0, 0 },
	{ FAULT_FIN_SEQ_LOW, CLOSE_FIN, 7, RULE_FIN_PLACE, CERTAIN, 0, "data", 0, 0 },
	{ FAULT_FIN_SEQ_LOW, CLOSE_WAIT, 13, RULE_SYN_COUNTED, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_FIN_MOVES, CLOSE_HALF, 19, RULE_FIN_MOVED, CERTAIN, 0, 0, 0, 5 },
	{ FAULT_FIN_WITHOUT_ACK, CLOSE_FIN, 7, RULE_ACK_BIT, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_DATA_AFTER_FIN, CLOSE_FIN, 7, RULE_DATA_AFTER_FIN, CERTAIN, 0, 0, 0, 0 },
	{ FAULT_NO_TIME_WAIT, CLOSE_WAIT, 13, RULE_FIN_COUNTED, LIKELY, 0, 0, 0, 3 },
};

/* What one handshake and close cannot show, and why. */
static const struct {
	enum peer_fault fault;
	const char *why;
} unseen[] = {
	{ FAULT_ISS_CONSTANT, "shows in several connections only" },
	{ FAULT_BAD_ACK_IGNORED, "a probe sends no bad ACK" },
	{ FAULT_TIMESTAMPS_WRONG_ECHO, "the echo is not judged yet" },
	{ FAULT_RST_FIN_NOT_COUNTED, "a probe sends no FIN to a closed port" },
	{ FAULT_ACTIVITY_AFTER_RST, "a reset prober does not provoke what comes after" },
	{ FAULT_NO_BACK_OFF, "times are not judged" },
	{ FAULT_FIN_NOT_REPEATED, "is silence, as of an application that keeps its half open" },
	{ FAULT_FIN_IGNORED, "is silence, as of a host that died" },
	{ FAULT_TIME_WAIT_SILENT, "is silence" },
};

static void test_each_lie_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		const struct lie *l = &lies[i];
		const struct scene scene = {
			.fault = l->fault, .close = l->close, .port = l->port, .options = l->options,
			.send = l->send, .sim.lose_out_nth = l->lose_out, .sim.lose_in_nth = l->lose_in,
		};
		const struct verdict *v;

		play(&scene);
		v = failed(l->rule);
		if (!v)
			fail_msg("%s is not found as %s", faults_info(l->fault)->name, rules[l->rule].name);
		assert_int_equal(x.outcome, OUTCOME_FAIL);
		assert_int_equal(v->outcome, OUTCOME_FAIL);
		if (v->certainty != l->certainty)
			fail_msg("%s: %s", faults_info(l->fault)->name, certainty_name(v->certainty));
		assert_true(v->expected[0] && v->observed[0] && v->frame);
		assert_int_equal(!v->reason[0], v->certainty == CERTAIN);
	}
}

static void test_the_same_scene_without_the_lie_is_clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		const struct lie *l = &lies[i];

		play(&(struct scene){ .close = l->close, .port = l->port, .options = l->options,
				      .send = l->send, .sim.lose_out_nth = l->lose_out,
				      .sim.lose_in_nth = l->lose_in });
		assert_int_equal(x.verdicts_count, 0);
	}
}

static void test_every_fault_is_found_or_accounted_for(void **state)
{
	unsigned found = 0, faults = 0;

	(void)state;
	for (int f = FAULT_NONE + 1; f < FAULTS; f++) {
		bool listed = false, seen = false;

		if (faults_info((enum peer_fault)f)->legal)
			continue;
		for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
			seen |= lies[i].fault == (enum peer_fault)f;
		for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
			listed |= unseen[i].fault == (enum peer_fault)f && unseen[i].why[0];
		listed |= faults_is_odd((enum peer_fault)f); /* a probe is an honest end */
		faults++;
		found += seen;
		if (seen == listed)
			fail_msg("%s must stand in exactly one of the two lists",
				 faults_info((enum peer_fault)f)->name);
	}
	print_message("# %u of %u faults found by a probe, the rest is accounted for\n", found, faults);
}

static void test_legal_oddities_break_no_rule(void **state)
{
	static const uint16_t ports[] = { 1, 7, 9, 13, 19, 80 };

	(void)state;
	for (int f = FAULT_NONE; f < FAULTS; f++)
		for (int close = 0; close < CLOSE_KINDS && faults_info((enum peer_fault)f)->legal; close++)
			for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
				play(&(struct scene){ .fault = (enum peer_fault)f, .port = ports[i],
						      .close = (enum close_kind)close,
						      .send = i & 1 ? "data" : NULL });
				if (x.verdicts_count)
					fail_msg("%s, close %s, port %u: %s", faults_info((enum peer_fault)f)->name,
						 probe_checks[close].word, ports[i], rule_of(&x.verdicts[0]));
			}
}

/* ---- bad paths ------------------------------------------------------------------------------------ */

static unsigned below(uint64_t *random, unsigned n)
{
	return (unsigned)(random_next(random) % n);
}

/* What a path can make look wrong, by doubling our segments and losing theirs: our last ACK, so that the
 * second one draws RST; our SYN, so that a second connection, or an answer without SYN, comes of it. */
static bool path_may_explain(const struct verdict *v)
{
	return v->certainty == LIKELY &&
	       (v->rule == &rules[RULE_RST_STATE] || v->rule == &rules[RULE_SYN_ACK_REPEAT] ||
		(v->rule == &rules[RULE_STATE] && strstr(v->observed, "without SYN")));
}

/* Loss, duplication, reordering and delay of the path are never the target's fault for certain. */
static void test_bad_paths_break_no_rule(void **state)
{
	static const enum peer_fault legal[] = { FAULT_NONE, FAULT_NONE, FAULT_DUPLICATES, FAULT_ACK_APART,
						 FAULT_REORDERS, FAULT_FIN_LOST_ONCE, FAULT_DELAYS };
	static const uint16_t ports[] = { 1, 7, 9, 13, 19, 80, 11010 };
	uint64_t random = 793;
	unsigned outcomes[OUTCOME_FAIL + 1] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 6000; i++) {
		struct scene scene = {
			.fault = legal[below(&random, sizeof legal / sizeof *legal)],
			.close = (enum close_kind)below(&random, CLOSE_KINDS),
			.port = ports[below(&random, sizeof ports / sizeof *ports)],
			.options = below(&random, 2) ? "none" : NULL,
			.send = below(&random, 2) ? "hello" : NULL,
			.isn = below(&random, 2) ? 0xfffffff8u : (uint32_t)random_next(&random),
			.seed = i,
			.sim = { .latency_in_us = 1 + below(&random, 100000),
				 .latency_out_us = 1 + below(&random, 100000),
				 .loss_in = below(&random, 3) ? below(&random, 30) : 0,
				 .loss_out = below(&random, 3) ? below(&random, 30) : 0,
				 .duplicate = below(&random, 2) ? below(&random, 30) : 0,
				 .reorder = below(&random, 2) ? below(&random, 30) : 0,
				 .reorder_us = below(&random, 200000) },
		};

		play(&scene);
		outcomes[x.outcome]++;
		assert_int_not_equal(x.outcome, OUTCOME_ERROR);
		for (size_t v = 0; v < x.verdicts_count; v++)
			if (!path_may_explain(&x.verdicts[v]))
				fail_msg("scene %u: %s, %s; observed %s", i, rule_of(&x.verdicts[v]),
					 certainty_name(x.verdicts[v].certainty), x.verdicts[v].observed);
	}
	/* The paths were bad, yet not so bad that nothing was judged. */
	assert_true(outcomes[OUTCOME_PASS] > 2000 && outcomes[OUTCOME_INCONCLUSIVE] > 500);
	assert_true(outcomes[OUTCOME_FAIL] < 120);
	print_message("# pass %u, inconclusive %u, likely failures %u\n", outcomes[OUTCOME_PASS],
		      outcomes[OUTCOME_INCONCLUSIVE], outcomes[OUTCOME_FAIL]);
}

static int teardown(void **state)
{
	(void)state;
	exchange_free(&x);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_close_conforms),
		cmocka_unit_test(test_four_segments_are_told_from_three),
		cmocka_unit_test(test_states_of_the_textbook),
		cmocka_unit_test(test_simultaneous_close_is_figure_13),
		cmocka_unit_test(test_data_and_answer),
		cmocka_unit_test(test_closed_port_is_a_pass_of_its_own),
		cmocka_unit_test(test_silence_is_inconclusive),
		cmocka_unit_test(test_icmp_is_inconclusive_with_its_reason),
		cmocka_unit_test(test_target_that_never_closes),
		cmocka_unit_test(test_target_that_dies),
		cmocka_unit_test(test_old_connection_is_recovered),
		cmocka_unit_test(test_what_never_left_is_no_verdict_on_the_target),
		cmocka_unit_test(test_interfering_kernel_is_no_verdict_on_the_target),
		cmocka_unit_test(test_lost_link_is_an_error),
		cmocka_unit_test(test_interrupt_resets),
		cmocka_unit_test(test_nothing_is_left_half_open),
		cmocka_unit_test(test_each_lie_is_found),
		cmocka_unit_test(test_the_same_scene_without_the_lie_is_clean),
		cmocka_unit_test(test_every_fault_is_found_or_accounted_for),
		cmocka_unit_test(test_legal_oddities_break_no_rule),
		cmocka_unit_test(test_bad_paths_break_no_rule),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
