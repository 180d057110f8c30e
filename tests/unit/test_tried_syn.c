/* SPDX-License-Identifier: BSD-2-Clause */
/* A SYN on the ports of a connection in TIME-WAIT: every form of answer by hand, then whole exchanges with
 * honest and lying peers, on good and bad paths, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "checks/reuse.h"
#include "peer/sim_driver.h"
#include "run/runner.h"
#include "run/tried_syn.h"
#include "unit/rules_index.h"
#include "unit/sim_target.h"

static struct tried_syn t;

static const struct rule *row_of(enum event event)
{
	return rules_index()->rule[TCP_TIME_WAIT][event];
}

static void assert_tried(enum outcome outcome, const char *observed, const char *reason)
{
	assert_string_equal(t.observed, observed);
	assert_int_equal(t.outcome, outcome);
	if (reason)
		assert_string_equal(t.reason, reason);
	else
		assert_null(t.reason);
}

/* ---- by hand ----------------------------------------------------------------------------------- */

/* The old connection used 5000 to NEXT - 1, and got what is below GOT of ours; the new SYN has ISN. */
enum { NEXT = 5100, GOT = 900, ISN = 70000, LINES = 8 };

static struct line lines[LINES];
static struct exchange old, x;

static void begin(void)
{
	old = (struct exchange){ .prober = { .iss = 800, .snd_una = GOT, .snd_nxt = GOT, .irs = 5000, .rcv_nxt = NEXT } };
	x = (struct exchange){ .prober = { .iss = ISN, .snd_una = ISN, .snd_nxt = ISN + 1 }, .lines = lines };
}

static void syn(void)
{
	assert_true(x.lines_count < LINES);
	lines[x.lines_count++] = (struct line){ .out = true, .segment = { .flags = FLAG_SYN, .seq = ISN } };
}

static void came(uint16_t flags, uint32_t seq, uint32_t ack)
{
	assert_true(x.lines_count < LINES);
	lines[x.lines_count++] = (struct line){ .segment = { .flags = flags, .seq = seq, .ack = ack } };
}

static void judge(enum event event)
{
	tried_syn_judge(&t, row_of(event), &old, &x);
}

/* What one SYN draws at once. */
static void answered(enum event event, uint16_t flags, uint32_t seq, uint32_t ack)
{
	begin();
	syn();
	came(flags, seq, ack);
	judge(event);
}

#define SYN_ACK (FLAG_SYN | FLAG_ACK)
#define NEWER EVENT_TIMEWAIT_SYN_NEWER
#define OLDER EVENT_TIMEWAIT_SYN_OLDER
#define NEWER_TS EVENT_TIMEWAIT_SYN_NEWER_TS

static void test_reopened(void **state)
{
	(void)state;
	answered(NEWER, SYN_ACK, NEXT + 7, ISN + 1);
	assert_tried(OUTCOME_PASS, "SYN,ACK, ISS 7 above the old connection's next number", "as required");
	/* The largest number used is one less. */
	answered(NEWER, SYN_ACK, NEXT, ISN + 1);
	assert_tried(OUTCOME_PASS, "SYN,ACK, ISS the old connection's next number", "as required");
	answered(NEWER, SYN_ACK, NEXT - 1, ISN + 1);
	assert_tried(OUTCOME_FAIL, "SYN,ACK, ISS 1 below the old connection's next number", NULL);
	answered(NEWER, SYN_ACK, NEXT + 0x80000000u, ISN + 1);
	assert_tried(OUTCOME_FAIL, "SYN,ACK, ISS 2147483648 below the old connection's next number", NULL);
	answered(NEWER, SYN_ACK, NEXT + 0x7fffffffu, ISN + 1);
	assert_int_equal(t.outcome, OUTCOME_PASS);
	answered(NEWER, SYN_ACK | FLAG_ECE, NEXT, ISN + 1);
	assert_int_equal(t.outcome, OUTCOME_PASS);
	/* Whatever its ISS, with a newer timestamp; */
	for (uint32_t seq = NEXT - 1; seq <= NEXT + 1; seq++) {
		answered(NEWER_TS, SYN_ACK, seq, ISN + 1);
		assert_int_equal(t.outcome, OUTCOME_PASS);
		assert_string_equal(t.reason, "as required");
		/* never for an older one. */
		answered(OLDER, SYN_ACK, seq, ISN + 1);
		assert_int_equal(t.outcome, OUTCOME_FAIL);
	}
}

static void test_wrong_numbers(void **state)
{
	static const enum event events_here[] = { NEWER, OLDER, NEWER_TS };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		enum event e = events_here[i];

		answered(e, SYN_ACK, NEXT + 7, ISN);
		assert_tried(OUTCOME_FAIL, "SYN,ACK, ISS 7 above the old connection's next number, with a wrong "
					   "acknowledgment number", NULL);
		answered(e, SYN_ACK, NEXT + 7, ISN + 2);
		assert_int_equal(t.outcome, OUTCOME_FAIL);
		answered(e, SYN_ACK, NEXT, GOT);
		assert_int_equal(t.outcome, OUTCOME_FAIL);
		answered(e, SYN_ACK | FLAG_FIN, NEXT, ISN + 1);
		assert_int_equal(t.outcome, OUTCOME_FAIL);
		answered(e, FLAG_SYN, NEXT, 0);
		assert_tried(OUTCOME_FAIL, "S with wrong numbers", NULL);
		answered(e, FLAG_ACK, NEXT + 1, GOT);
		assert_tried(OUTCOME_FAIL, "ACK with wrong numbers", NULL);
		answered(e, FLAG_ACK, NEXT, GOT + 1);
		assert_int_equal(t.outcome, OUTCOME_FAIL);
		answered(e, FLAG_FIN | FLAG_ACK, NEXT, GOT);
		assert_tried(OUTCOME_FAIL, "F. with wrong numbers", NULL);
		answered(e, 0, NEXT, GOT);
		assert_tried(OUTCOME_FAIL, "- with wrong numbers", NULL);
	}
}

/* To a copy of the SYN from SYN-RECEIVED, where an older SYN must not lead. */
static void test_ack_of_the_syn(void **state)
{
	(void)state;
	answered(NEWER, FLAG_ACK, NEXT + 8, ISN + 1);
	assert_tried(OUTCOME_INCONCLUSIVE, "ACK with wrong numbers", "its SYN,ACK may have got lost");
	answered(NEWER_TS, FLAG_ACK, NEXT + 8, ISN + 1);
	assert_int_equal(t.outcome, OUTCOME_INCONCLUSIVE);
	answered(OLDER, FLAG_ACK, NEXT + 8, ISN + 1);
	assert_tried(OUTCOME_FAIL, "ACK with wrong numbers", NULL);
}

static void test_not_reopened(void **state)
{
	(void)state;
	answered(NEWER, FLAG_ACK, NEXT, GOT);
	assert_tried(OUTCOME_PASS, "ACK", "not reopened: ACK");
	answered(OLDER, FLAG_ACK, NEXT, GOT);
	assert_tried(OUTCOME_PASS, "ACK", "step 1: left of the window");
	answered(NEWER_TS, FLAG_ACK, NEXT, GOT);
	assert_tried(OUTCOME_PASS, "ACK", "SHLD-4 is not implemented");
	answered(NEWER, FLAG_RST | FLAG_ACK, 0, ISN + 1);
	assert_tried(OUTCOME_PASS, "RST", "RFC 793 stack");
	answered(NEWER_TS, FLAG_RST, NEXT, 0);
	assert_tried(OUTCOME_PASS, "RST", "RFC 793 stack");
	answered(OLDER, FLAG_RST | FLAG_ACK, 0, ISN + 1);
	assert_tried(OUTCOME_FAIL, "RST", NULL);
}

static void test_silence(void **state)
{
	static const struct {
		enum event event;
		const char *reason;
	} rows[] = {
		{ NEWER, "not reopened: dropped" }, { OLDER, "as required" }, { NEWER_TS, "SHLD-4 is not implemented" },
	};
	static const char *const alone = "one SYN alone may have got lost; a longer --timeout leaves time for more";

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin();
		judge(rows[i].event);
		assert_tried(OUTCOME_INCONCLUSIVE, "nothing", alone);
		syn();
		judge(rows[i].event);
		assert_tried(OUTCOME_INCONCLUSIVE, "nothing", alone);
		syn();
		judge(rows[i].event);
		assert_tried(OUTCOME_PASS, "nothing", rows[i].reason);
		x.icmp.type = 3;
		judge(rows[i].event);
		assert_tried(OUTCOME_INCONCLUSIVE, "nothing", "the network says that it did not arrive");
		x.icmp.type = 0;
		strcpy(x.unanswered, "no host there");
		judge(rows[i].event);
		assert_tried(OUTCOME_INCONCLUSIVE, "nothing", "the network says that it did not arrive");
		strcpy(x.error, "a firewall");
		judge(rows[i].event);
		assert_tried(OUTCOME_ERROR, "nothing", "a firewall");
	}
}

/* An answer that is not allowed may be that to a SYN whose first answer was lost. */
static void test_after_a_repeated_syn(void **state)
{
	static const char *const late = "not the first SYN drew it, and an answer to one before may have got lost";

	(void)state;
	begin();
	syn();
	syn();
	came(FLAG_ACK, NEXT + 1000, ISN + 1); /* of SYN-RECEIVED */
	judge(NEWER);
	assert_tried(OUTCOME_INCONCLUSIVE, "ACK with wrong numbers", late);
	came(SYN_ACK, NEXT + 999, ISN + 1);
	judge(NEWER);
	assert_int_equal(t.outcome, OUTCOME_PASS);
	judge(OLDER);
	assert_int_equal(t.outcome, OUTCOME_INCONCLUSIVE);
	assert_string_equal(t.reason, late);
	/* What came before the second is the first one's. */
	begin();
	syn();
	came(SYN_ACK, NEXT + 999, ISN + 1);
	syn();
	judge(OLDER);
	assert_int_equal(t.outcome, OUTCOME_FAIL);
}

/* Late and copied segments of the old connection answer nothing. */
static void test_old_segments(void **state)
{
	static const struct {
		uint16_t flags;
		uint32_t seq, ack, len;
	} late[] = {
		{ SYN_ACK, 5000, 801, 0 },	       /* of its opening */
		{ FLAG_ACK, 5001, 850, 0 },
		{ FLAG_ACK | FLAG_PSH, 5001, 850, 98 },
		{ FLAG_FIN | FLAG_ACK, NEXT - 1, 850, 0 },
		{ FLAG_FIN | FLAG_ACK, NEXT - 1, GOT, 0 }, /* again, meanwhile with the ACK of our FIN */
		{ FLAG_ACK, NEXT, GOT - 1, 0 },	       /* before our FIN */
	};

	(void)state;
	for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
		answered(OLDER, late[i].flags, late[i].seq, late[i].ack);
		lines[1].segment.len = late[i].len;
		judge(OLDER);
		assert_tried(OUTCOME_INCONCLUSIVE, "nothing", "what came may be of the old connection");
		came(FLAG_ACK, NEXT, GOT);
		judge(OLDER);
		assert_tried(OUTCOME_PASS, "ACK", "step 1: left of the window");
		came(SYN_ACK, NEXT + 1, ISN + 1);
		judge(OLDER);
		assert_int_equal(t.outcome, OUTCOME_FAIL);
		judge(NEWER);
		assert_int_equal(t.outcome, OUTCOME_PASS);
	}
	/* Nothing old has numbers beyond. */
	answered(OLDER, FLAG_ACK | FLAG_PSH, NEXT - 10, GOT);
	lines[1].segment.len = 11;
	judge(OLDER);
	assert_int_equal(t.outcome, OUTCOME_FAIL);
}

/* The late ACK of an old byte looks as an answer does: it counts only if nothing else comes. */
static void test_what_tells_more_counts(void **state)
{
	(void)state;
	answered(NEWER, FLAG_ACK, NEXT, GOT);
	came(SYN_ACK, NEXT - 1, ISN + 1);
	judge(NEWER);
	assert_int_equal(t.outcome, OUTCOME_FAIL);
	answered(OLDER, FLAG_ACK, NEXT, GOT);
	came(FLAG_ACK, NEXT + 1, ISN + 1);
	judge(OLDER);
	assert_tried(OUTCOME_FAIL, "ACK with wrong numbers", NULL);
	answered(OLDER, FLAG_ACK, NEXT, GOT);
	came(FLAG_RST, NEXT, 0);
	judge(OLDER);
	assert_tried(OUTCOME_FAIL, "RST", NULL);
	/* Of two of a kind, the first; what is broken or of ICMP is no answer. */
	answered(NEWER, SYN_ACK, NEXT + 1, ISN + 1);
	came(FLAG_RST, NEXT, 0);
	judge(NEWER);
	assert_string_equal(t.observed, "SYN,ACK, ISS 1 above the old connection's next number");
	lines[1].segment.checksum = CHECKSUM_BAD;
	judge(NEWER);
	assert_string_equal(t.observed, "RST");
	lines[2].segment.icmp.type = 3;
	judge(NEWER);
	assert_string_equal(t.observed, "nothing");
}

static void test_wrap(void **state)
{
	(void)state;
	begin();
	old.prober.irs = 0xfffffff0u;
	old.prober.rcv_nxt = 0;
	old.prober.iss = 0xffffffffu;
	old.prober.snd_nxt = 1;
	x.prober.iss = 0x00ffffffu;
	syn();
	came(FLAG_FIN | FLAG_ACK, 0xffffffffu, 1);
	judge(NEWER);
	assert_int_equal(t.outcome, OUTCOME_INCONCLUSIVE);
	came(SYN_ACK, 0xffffffffu, 0x01000000u);
	judge(NEWER);
	assert_tried(OUTCOME_FAIL, "SYN,ACK, ISS 1 below the old connection's next number", NULL);
	lines[2].segment.seq = 0;
	judge(NEWER);
	assert_int_equal(t.outcome, OUTCOME_PASS);
}

/* ---- in virtual time --------------------------------------------------------------------------- */

struct scene {
	const struct reuse_syn *syn;
	struct sim_config path;
	uint8_t no_options;  /* that the peer has not */
	enum peer_mutation mutation; /* of what the SYN draws */
	int64_t timeout_us;  /* 0: 5 s */
	bool six;
	bool late; /* the ACK of an old byte is on its way when the SYN leaves */
};

static struct exchange played[2];
static unsigned syns_sent;

static void finished(void *arg, size_t index)
{
	(void)arg;
	(void)index;
}

static void old_byte(struct peer *peer, const struct exchange *over, int64_t now_us)
{
	const struct segment s = { .src = over->params.prober.source, .dst = over->params.prober.target,
				   .seq = over->prober.snd_nxt - 1, .ack = over->prober.rcv_nxt,
				   .flags = FLAG_ACK, .window = 65535, .len = 1, .data_len = 1,
				   .data = (const uint8_t *)"x" };

	peer_receive(peer, &s, now_us);
}

/* True if the SYN was sent and judged. */
static bool play(const struct scene *scene)
{
	struct exchange_params params = {
		.check = &drive_checks[TCP_TIME_WAIT][OPENER_PASSIVE],
		.rules = rules_index(),
		.prober.isn = 0xff000000u,
		.timeout_us = 5000000,
		.hold_us = 20000,
	};
	struct run run = { .exchanges = played, .count = 1, .lane_length = 1, .finished = finished };
	struct sim_config path = scene->path;
	struct peer_params peer_params;
	struct sim_driver *driver;
	struct sim_target target;
	bool judged;

	peer_defaults(&peer_params);
	peer_params.seed = path.seed + 1;
	peer_params.options &= (uint8_t)~scene->no_options;
	if (!path.latency_in_us)
		path.latency_in_us = path.latency_out_us = 200;
	sim_target_open(&target, &peer_params, &path, &params.prober, scene->six,
			scene->syn->timestamps ? "mss=1460,ts" : "mss=1460");
	driver = sim_driver_new(target.peer);
	assert_non_null(driver);
	run.driver = sim_driver_driver(driver);
	params.driver_can = run.driver->can;
	assert_true(exchange_init(&played[0], &params));
	run.link = sim_link_link(target.sim);
	run_all(&run);
	judged = played[0].first.verified == VERIFIED_THERE && played[0].first.states & IN(TCP_TIME_WAIT) &&
		 played[0].last.verified == VERIFIED_THERE;
	if (judged) {
		assert_true(tried_syn_init(&played[1], &played[0], &reuse_syn_check, scene->syn->above));
		played[1].params.timeout_us = scene->timeout_us ? scene->timeout_us : 5000000;
		run.exchanges = &played[1];
		if (scene->late)
			old_byte(target.peer, &played[0], run.link->now_us(run.link));
		peer_mutate(target.peer, scene->mutation);
		run_all(&run);
		tried_syn_judge(&t, row_of(scene->syn->event), &played[0], &played[1]);
		syns_sent = 0;
		for (size_t i = 0; i < played[1].lines_count; i++)
			syns_sent += played[1].lines[i].out && played[1].lines[i].segment.flags == FLAG_SYN;
		exchange_free(&played[1]);
	}
	exchange_free(&played[0]);
	run.driver->ops->close(run.driver);
	sim_target_close(&target);
	return judged;
}

static const struct reuse_syn *syn_of(enum event event)
{
	for (const struct reuse_syn *s = reuse_syns; s->name; s++)
		if (s->event == event)
			return s;
	fail();
	return NULL;
}

static void test_an_honest_peer(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct scene scene = { .syn = syn_of(NEWER), .path = { .seed = seed }, .six = seed & 1 };

		assert_true(play(&scene));
		assert_int_equal(t.outcome, OUTCOME_PASS);
		assert_non_null(strstr(t.observed, " above the old connection's next number"));
		scene.syn = syn_of(NEWER_TS);
		assert_true(play(&scene));
		assert_int_equal(t.outcome, OUTCOME_PASS);
		assert_string_equal(t.reason, "as required");
		scene.syn = syn_of(OLDER);
		assert_true(play(&scene));
		assert_tried(OUTCOME_PASS, "ACK", "step 1: left of the window");
	}
}

static void test_lying_peers(void **state)
{
	static const struct {
		enum event event;
		enum peer_mutation mutation;
		const char *observed;
	} lies[] = {
		{ NEWER, PEER_WRONG_SEQ, " below the old connection's next number" },
		{ NEWER, PEER_WRONG_ACK, "with a wrong acknowledgment number" },
		{ NEWER_TS, PEER_WRONG_ACK, "with a wrong acknowledgment number" },
		{ OLDER, PEER_WRONG_ACK, "ACK with wrong numbers" },
		{ OLDER, PEER_WRONG_FLAGS, "with a wrong acknowledgment number" },
		{ OLDER, PEER_UNDUE_RST, "RST" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		struct scene scene = { .syn = syn_of(lies[i].event), .mutation = lies[i].mutation };

		assert_true(play(&scene));
		if (t.outcome != OUTCOME_FAIL || !strstr(t.observed, lies[i].observed))
			fail_msg("%s, %s: %s, %s", scene.syn->name, peer_mutation_name(scene.mutation),
				 outcome_name(t.outcome), t.observed);
	}
}

/* A SYN that the peer takes for a newer one, and is not. */
static void test_an_older_syn_that_opens(void **state)
{
	struct reuse_syn older = *syn_of(OLDER);
	struct scene scene = { .syn = &older };

	(void)state;
	older.above = 1 << 20;
	assert_true(play(&scene));
	assert_int_equal(t.outcome, OUTCOME_FAIL);
	assert_non_null(strstr(t.observed, "SYN,ACK, ISS "));
}

/* A late ACK does not pass for the answer, however long the way is. */
static void test_a_late_ack(void **state)
{
	struct scene scene = { .syn = syn_of(NEWER), .late = true };

	(void)state;
	for (int64_t us = 100; us <= 400000; us = us * 3 / 2 + 1) {
		scene.path.latency_in_us = scene.path.latency_out_us = us;
		scene.mutation = PEER_HONEST;
		assert_true(play(&scene));
		assert_int_equal(t.outcome, OUTCOME_PASS);
		assert_string_equal(t.reason, "as required");
		scene.mutation = PEER_WRONG_SEQ;
		assert_true(play(&scene));
		assert_int_equal(t.outcome, OUTCOME_FAIL);
		assert_non_null(strstr(t.observed, " below the old"));
	}
}

/* Without timestamps the peer is right to answer as to an older one. */
static void test_no_timestamps(void **state)
{
	struct scene scene = { .syn = syn_of(NEWER_TS), .no_options = OPTION_TIMESTAMPS };

	(void)state;
	assert_true(play(&scene));
	assert_false(played[0].prober.timestamps);
}

static void test_silence_takes_more_than_one_syn(void **state)
{
	struct scene scene = { .syn = syn_of(OLDER), .path = { .seed = 3 }, .mutation = PEER_SILENCE };

	(void)state;
	/* The peer answers the second. */
	assert_true(play(&scene));
	assert_int_equal(syns_sent, 2);
	assert_tried(OUTCOME_PASS, "ACK", "step 1: left of the window");
	scene.timeout_us = 500000;
	assert_true(play(&scene));
	assert_int_equal(syns_sent, 1);
	assert_tried(OUTCOME_INCONCLUSIVE, "nothing",
		     "one SYN alone may have got lost; a longer --timeout leaves time for more");
}

/* Nothing that a path does is blamed on an honest peer. */
static void test_bad_paths(void **state)
{
	static const struct sim_config paths[] = {
		{ .loss_in = 30 },
		{ .loss_out = 30 },
		{ .loss_in = 20, .loss_out = 20, .duplicate = 20 },
		{ .duplicate = 60, .reorder = 50, .reorder_us = 30000 },
		{ .duplicate = 40, .reorder = 40, .reorder_us = 900000 },
		{ .latency_in_us = 200000, .latency_out_us = 200000, .duplicate = 40, .reorder = 40, .reorder_us = 300000,
		  .loss_in = 10 },
	};
	unsigned judged = 0, passed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		for (const struct reuse_syn *s = reuse_syns; s->name; s++)
			for (uint64_t seed = 0; seed < 150; seed++) {
				struct scene scene = { .syn = s, .path = paths[i] };

				scene.path.seed = seed;
				if (!play(&scene))
					continue;
				judged++;
				passed += t.outcome == OUTCOME_PASS;
				if (t.outcome == OUTCOME_FAIL || t.outcome == OUTCOME_ERROR)
					fail_msg("%s on path %zu, seed %d: %s, %s", s->name, i, (int)seed, t.observed,
						 t.reason ? t.reason : "");
			}
	/* It does say something: of most. */
	assert_true(judged > 1000);
	assert_true(passed > judged * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reopened),
		cmocka_unit_test(test_wrong_numbers),
		cmocka_unit_test(test_ack_of_the_syn),
		cmocka_unit_test(test_not_reopened),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_after_a_repeated_syn),
		cmocka_unit_test(test_old_segments),
		cmocka_unit_test(test_what_tells_more_counts),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_an_honest_peer),
		cmocka_unit_test(test_lying_peers),
		cmocka_unit_test(test_an_older_syn_that_opens),
		cmocka_unit_test(test_a_late_ack),
		cmocka_unit_test(test_no_timestamps),
		cmocka_unit_test(test_silence_takes_more_than_one_syn),
		cmocka_unit_test(test_bad_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
