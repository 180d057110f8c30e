/* SPDX-License-Identifier: BSD-2-Clause */
/* The set of states that the observer keeps of the target: by hand along the figures of RFC 9293, and against
 * a peer whose state is known, over paths that lose, repeat and reorder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "checks/probe.h"
#include "core/random.h"
#include "run/exchange.h"
#include "run/link.h"
#include "unit/observe.h"
#include "unit/sim_target.h"

enum {
	CL = IN(TCP_CLOSED),
	LI = IN(TCP_LISTEN),
	SS = IN(TCP_SYN_SENT),
	SR = IN(TCP_SYN_RECEIVED),
	ES = IN(TCP_ESTABLISHED),
	F1 = IN(TCP_FIN_WAIT_1),
	F2 = IN(TCP_FIN_WAIT_2),
	CW = IN(TCP_CLOSE_WAIT),
	CG = IN(TCP_CLOSING),
	LA = IN(TCP_LAST_ACK),
	TW = IN(TCP_TIME_WAIT),
};

enum { STEPS = 10 };

/* After each segment the target may be in any of `must`, and in none beyond `may`. */
struct story {
	const char *about;
	struct {
		const char *segment;
		tcp_states must, may;
		enum tcp_state assumed; /* TCP_STATES: not looked at */
	} steps[STEPS];
};

#define ONLY(set) (set), (set)
#define HANDSHAKE                                                                                            \
	{"> S 0", ONLY(CL | LI | SR), TCP_SYN_RECEIVED}, {"< S. 0 ack 1", ONLY(SR), TCP_SYN_RECEIVED},       \
	{                                                                                                    \
		"> . 1 ack 1", ONLY(SR | ES), TCP_ESTABLISHED                                                \
	}

static const struct story stories[] = {
	{"Figure 6: the handshake, then data both ways",
	 {HANDSHAKE,
	  {"> P. 1:6 ack 1", ONLY(SR | ES), TCP_ESTABLISHED},
	  {"< . 1 ack 6", ES, SR | ES, TCP_ESTABLISHED},
	  {"< P. 1:6 ack 6", ONLY(ES), TCP_ESTABLISHED}}},
	{"Figure 7: the SYNs cross",
	 {{"> S 0", ONLY(CL | LI | SR), TCP_SYN_RECEIVED},
	  {"< S 0", ONLY(SS | SR), TCP_SYN_SENT},
	  {"> S. 0 ack 1", ONLY(SS | SR | ES), TCP_STATES},
	  {"< S. 0 ack 1", SR, SS | SR | ES, TCP_STATES},
	  {"> . 1 ack 1", SR | ES, SS | SR | ES, TCP_STATES},
	  {"< P. 1:6 ack 1", ONLY(ES), TCP_ESTABLISHED}}},
	{"Figure 7, upper half: the target opens, we accept",
	 {{"< S 0", SS, SS | SR, TCP_SYN_SENT},
	  {"> S. 0 ack 1", SS | ES, SS | SR | ES, TCP_STATES},
	  {"< . 1 ack 1", ES, SR | ES, TCP_STATES},
	  {"< P. 1:6 ack 1", ONLY(ES), TCP_ESTABLISHED}}},
	{"Figure 9: the target has the ports in an older connection, is reset, and opens",
	 {{"> S 0", ONLY(CL | LI | SR), TCP_SYN_RECEIVED},
	  {"< . 7000 ack 99", LI, CL | LI | SR, TCP_STATES},
	  {"> R 99", LI | CL, CL | LI | SR, TCP_STATES},
	  {"> S 0", CL | LI | SR, CL | LI | SR, TCP_STATES},
	  {"< S. 0 ack 1", ONLY(SR), TCP_SYN_RECEIVED},
	  {"> . 1 ack 1", ONLY(SR | ES), TCP_ESTABLISHED}}},
	{"Figure 12, right side: we close first, four segments",
	 {HANDSHAKE,
	  {"> F. 1 ack 1", ONLY(SR | ES | CW), TCP_CLOSE_WAIT},
	  {"< . 1 ack 2", ONLY(CW), TCP_CLOSE_WAIT},
	  {"< F. 1 ack 2", ONLY(LA), TCP_LAST_ACK},
	  {"> . 2 ack 2", ONLY(LA | CL), TCP_CLOSED}}},
	{"... with ACK and FIN in one; or its first FIN was lost, and the FINs had crossed",
	 {HANDSHAKE,
	  {"> F. 1 ack 1", ONLY(SR | ES | CW), TCP_CLOSE_WAIT},
	  {"< F. 1 ack 2", ONLY(LA | CG), TCP_LAST_ACK},
	  {"> . 2 ack 2", ONLY(LA | CG | CL | TW), TCP_CLOSED}}},
	{"Figure 12, left side: the target closes first",
	 {HANDSHAKE,
	  {"< F. 1 ack 1", ONLY(F1), TCP_FIN_WAIT_1},
	  {"> . 1 ack 2", ONLY(F1 | F2), TCP_FIN_WAIT_2},
	  {"> F. 1 ack 2", F1 | F2 | TW, F1 | F2 | CG | TW, TCP_TIME_WAIT},
	  {"< . 2 ack 2", TW, CG | TW, TCP_TIME_WAIT}}},
	{"... in SYN-RECEIVED already",
	 {{"> S 0", ONLY(CL | LI | SR), TCP_SYN_RECEIVED},
	  {"< S. 0 ack 1", ONLY(SR), TCP_SYN_RECEIVED},
	  {"< F. 1 ack 1", ONLY(F1), TCP_FIN_WAIT_1}}},
	{"Figure 13: the FINs cross",
	 {HANDSHAKE,
	  {"< F. 1 ack 1", ONLY(F1), TCP_FIN_WAIT_1},
	  {"> F. 1 ack 1", ONLY(F1 | CG), TCP_CLOSING},
	  {"> . 2 ack 2", ONLY(F1 | F2 | CG | TW), TCP_TIME_WAIT},
	  {"< . 2 ack 2", ONLY(CG | TW), TCP_TIME_WAIT},
	  {"< F. 1 ack 2", CG, CG | TW, TCP_STATES}}},
	{"half close by us: the target goes on",
	 {HANDSHAKE,
	  {"> F. 1 ack 1", ONLY(SR | ES | CW), TCP_CLOSE_WAIT},
	  {"< P. 1:6 ack 2", ONLY(CW), TCP_CLOSE_WAIT},
	  {"> . 2 ack 6", ONLY(CW), TCP_CLOSE_WAIT},
	  {"< FP. 6:9 ack 2", ONLY(LA), TCP_LAST_ACK},
	  {"> . 2 ack 10", ONLY(LA | CL), TCP_CLOSED}}},
	{"half close by the target: we go on",
	 {HANDSHAKE,
	  {"< F. 1 ack 1", ONLY(F1), TCP_FIN_WAIT_1},
	  {"> P. 1:6 ack 2", ONLY(F1 | F2), TCP_FIN_WAIT_2},
	  {"< . 2 ack 6", F2, F1 | F2, TCP_FIN_WAIT_2},
	  {"> F. 6 ack 2", F2 | TW, F1 | F2 | CG | TW, TCP_TIME_WAIT},
	  {"< . 2 ack 7", TW, CG | TW, TCP_TIME_WAIT}}},
	{"our FIN is lost: the target knows of nothing",
	 {HANDSHAKE,
	  {"> F. 1 ack 1", ONLY(SR | ES | CW), TCP_CLOSE_WAIT},
	  {"< P. 1:6 ack 1", ONLY(ES), TCP_STATES},
	  {"> F. 1 ack 6", ONLY(ES | CW), TCP_CLOSE_WAIT},
	  {"< . 6 ack 2", ONLY(CW), TCP_CLOSE_WAIT}}},
	{"the target's FIN is lost before us, twice; its ACKs are not",
	 {HANDSHAKE,
	  {"> F. 1 ack 1", ONLY(SR | ES | CW), TCP_CLOSE_WAIT},
	  {"< . 2 ack 2", LA | CG, CW | CG | LA | TW, TCP_STATES},
	  {"< . 2 ack 2", LA | CG, CW | CG | LA | TW, TCP_STATES},
	  {"< F. 1 ack 2", ONLY(LA | CG), TCP_LAST_ACK},
	  {"> . 2 ack 2", ONLY(LA | CG | CL | TW), TCP_CLOSED}}},
	{"an overtaken segment changes nothing",
	 {HANDSHAKE,
	  {"> F. 1 ack 1", ONLY(SR | ES | CW), TCP_CLOSE_WAIT},
	  {"< F. 1 ack 2", ONLY(LA | CG), TCP_LAST_ACK},
	  {"< . 1 ack 2", ONLY(LA | CG), TCP_LAST_ACK},
	  {"< . 1 ack 1", ONLY(LA | CG), TCP_LAST_ACK}}},
	{"our reset arrives or does not",
	 {HANDSHAKE,
	  {"< P. 1:6 ack 1", ONLY(ES), TCP_ESTABLISHED},
	  {"> R 1", ONLY(ES | CL), TCP_CLOSED},
	  {"> . 1 ack 6", ONLY(ES | CL), TCP_CLOSED},
	  {"< R 6", ONLY(CL), TCP_CLOSED}}},
	{"the target aborts", {HANDSHAKE, {"< R. 1 ack 1", ONLY(CL), TCP_CLOSED}}},
	{"refused",
	 {{"> S 0", ONLY(CL | LI | SR), TCP_SYN_RECEIVED}, {"< R. =0 ack 1", ONLY(CL), TCP_CLOSED}}},
};

enum { STORIES = sizeof stories / sizeof *stories };

static void tell(const struct story *t, const uint32_t isns[2])
{
	char states[160];
	struct observe o;
	const struct conn_end *target = &o.c.ends[CONN_TARGET];

	observe_begin(&o, isns);
	assert_int_equal(target->states, CL | LI);
	assert_int_equal(target->ever, CL | LI);
	for (int i = 0; i < STEPS && t->steps[i].segment; i++) {
		observe(&o, t->steps[i].segment);
		tcp_states_text(target->states, states, sizeof states);
		if ((target->states & t->steps[i].must) != t->steps[i].must ||
		    (target->states & ~t->steps[i].may))
			fail_msg("%s: after %s the target is %s", t->about, t->steps[i].segment, states);
		if (t->steps[i].assumed != TCP_STATES && target->assumed != t->steps[i].assumed)
			fail_msg("%s: after %s %s is assumed", t->about, t->steps[i].segment,
				 tcp_state_name((enum tcp_state)target->assumed));
	}
}

static void test_stories(void **state)
{
	(void)state;
	for (int i = 0; i < STORIES; i++)
		for (int isns = 0; isns < OBSERVE_ISNS; isns++)
			tell(&stories[i], observe_isns[isns]);
}

/* None of them breaks a rule; but a SYN that crosses ours cannot be told from a SYN,ACK without ACK bit. */
static void test_stories_are_legal(void **state)
{
	(void)state;
	for (int i = 0; i < STORIES; i++)
		for (int isns = 0; isns < OBSERVE_ISNS; isns++) {
			const struct story *t = &stories[i];
			struct observe o;

			observe_begin(&o, observe_isns[isns]);
			for (int k = 0; k < STEPS && t->steps[k].segment; k++) {
				bool crosses = k && !strcmp(t->steps[k].segment, "< S 0");

				observe(&o, t->steps[k].segment);
				if (t->steps[k].segment[0] != '<')
					continue;
				if (o.j.count != crosses)
					fail_msg("%s: %s breaks %u rules", t->about, t->steps[k].segment,
						 o.j.count);
				if (crosses)
					assert_int_equal(o.j.failed[0].certainty, LIKELY);
			}
		}
}

/* A segment of the target once more, right after it or later, or a copy in the place of an older one. */
static void test_copies_break_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < STORIES; i++)
		for (int copy = 0; copy < STEPS; copy++)
			for (int later = copy; later < STEPS; later++) {
				const struct story *t = &stories[i];
				struct observe o;

				if (!t->steps[later].segment || t->steps[copy].segment[0] != '<')
					break;
				if (strpbrk(t->steps[copy].segment, "SR") ||
				    strstr(t->steps[copy].segment, "7000"))
					break; /* those begin and end connections, or are of another one */
				observe_begin(&o, observe_isns[later % OBSERVE_ISNS]);
				for (int k = 0; k <= later; k++)
					observe(&o, t->steps[k].segment);
				observe(&o, t->steps[copy].segment);
				if (o.j.count)
					fail_msg("%s: %s again after %s breaks %s", t->about,
						 t->steps[copy].segment, t->steps[later].segment,
						 rule_of(&o.j.failed[0]));
				for (int k = later + 1; k < STEPS && t->steps[k].segment; k++)
					observe(&o, t->steps[k].segment);
				assert_int_equal(o.j.count, 0);
			}
}

static void test_damaged_segment_changes_nothing(void **state)
{
	static const char *const damaged[] = {"< F. 1 ack 2 bad", "< R 1 bad", "< S. 99 ack 1 bad",
					      "< P. 1:6 ack 1 bad"};

	(void)state;
	for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
		struct observe o;
		struct conn before;

		observe_begin(&o, observe_isns[i]);
		observe(&o, "> S 0; < S. 0 ack 1; > . 1 ack 1; > F. 1 ack 1");
		before = o.c;
		observe(&o, damaged[i]);
		assert_int_equal(o.j.notes, NOTE_BAD_CHECKSUM);
		assert_memory_equal(&before, &o.c, sizeof before);
	}
}

/* ---- against a peer whose state is known ------------------------------------------------------------- */

struct world {
	struct exchange x;
	struct sim_target target;
	struct link *link;
};

static const uint16_t ports[] = {7, 9, 13, 19, 80, 11010, 1};

enum { PORTS = sizeof ports / sizeof *ports };

static void world_open(struct world *w, const struct sim_config *config, uint64_t seed, int close,
		       uint16_t port)
{
	static const uint32_t isns[] = {0xfffffffe, 0xfffffff8, 0x7fffffff, 0, 4711};
	struct exchange_params params = {
		.check = &probe_checks[close], .rules = rules_index(), .timeout_us = 5000000};
	struct peer_params peer;

	peer_defaults(&peer);
	peer.seed = seed;
	peer.chargen_bytes = 20000;
	sim_target_open(&w->target, &peer, config, &params.prober, false,
			seed % 2 ? "none" : "mss=1460,sackok,ts,wscale=7");
	params.prober.target.port = port;
	params.prober.isn = isns[seed % (sizeof isns / sizeof *isns)];
	if (seed % 3) {
		params.data = (const uint8_t *)"hello";
		params.data_len = 5;
	}
	w->link = sim_link_link(w->target.sim);
	assert_true(exchange_init(&w->x, &params));
}

static void world_close(struct world *w)
{
	exchange_free(&w->x);
	sim_target_close(&w->target);
}

/* What the peer really is in must be in the set, once all that it sent at this moment was captured. */
static void check_truth(const struct world *w, int64_t now_us)
{
	const struct prober_params *p = &w->x.params.prober;
	enum peer_state truth = peer_state(w->target.peer, &p->target, &p->source);
	tcp_states set = w->x.conn.ends[CONN_TARGET].states;
	char states[160];

	for (int i = 0; i < TCP_STATES; i++)
		if (!strcmp(tcp_state_name((enum tcp_state)i), peer_state_name(truth))) {
			/* A connection that is gone leaves the listener. */
			if ((set & IN(i)) || (i == TCP_LISTEN && (set & CL)))
				return;
			fail_msg("port %u, %s, at %lld us: the peer is in %s, the observer says %s",
				 p->target.port, w->x.params.check->name, (long long)now_us,
				 peer_state_name(truth), tcp_states_text(set, states, sizeof states));
		}
	fail_msg("no such state: %s", peer_state_name(truth));
}

static void send_all(struct world *w, struct prober_out *out)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct segment *s = &out->segments[i];

		assert_int_equal(w->link->send(w->link, &s, 1), 0);
	}
	out->count = 0;
}

/* Plays the exchange. With `truth` the path back has no delay and loses nothing. */
static void play(struct world *w, bool truth)
{
	struct prober_out out = {.count = 0};
	struct segment s;
	bool fresh = false;

	exchange_start(&w->x, w->link->now_us(w->link), &out);
	for (int steps = 0; !w->x.done; steps++) {
		int64_t now = w->link->now_us(w->link);

		assert_true(steps < 100000);
		send_all(w, &out);
		switch (w->link->receive(w->link, fresh ? now : exchange_wakes_at(&w->x), &s)) {
		case LINK_SEGMENT:
			exchange_captured(&w->x, &s, w->link->now_us(w->link), &out);
			fresh = truth && s.src.port == w->x.params.prober.target.port;
			break;
		case LINK_TIME:
			if (fresh)
				check_truth(w, now);
			else
				exchange_tick(&w->x, w->link->now_us(w->link), &out);
			fresh = false;
			break;
		default:
			fail_msg("%s", w->link->why);
		}
	}
}

/* Our segments may be lost, repeated and late. */
static void test_set_holds_the_truth(void **state)
{
	unsigned judged = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		for (int close = 0; close < CLOSE_KINDS; close++)
			for (int port = 0; port < PORTS; port++) {
				struct sim_config config = {.seed = seed, .latency_out_us = 700};
				struct world w;

				config.loss_out = seed % 4 * 12;
				world_open(&w, &config, seed, close, ports[port]);
				play(&w, true);
				assert_int_equal(w.x.verdicts_count, 0);
				judged += w.x.judged;
				world_close(&w);
			}
	assert_true(judged > 5000);
}

/* Whatever the path does to the segments of an honest target, it breaks no rule for certain. Now and then the
 * excuse of a likely violation is what really happened: no more often than that. */
static void test_honest_target_on_a_bad_path(void **state)
{
	unsigned judged = 0, lost = 0, reordered = 0, likely = 0, runs = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 120; seed++)
		for (int close = 0; close < CLOSE_KINDS; close++)
			for (int port = 0; port < PORTS; port++, runs++) {
				uint64_t r = seed * 1000 + (unsigned)close * 10 + (unsigned)port;
				struct sim_config config = {.seed = seed};
				struct sim_stats stats;
				struct world w;

				config.latency_out_us = (int64_t)(random_next(&r) % 100000);
				config.latency_in_us = (int64_t)(random_next(&r) % 100000);
				config.loss_out = (unsigned)(random_next(&r) % 30);
				config.loss_in = (unsigned)(random_next(&r) % 30);
				config.duplicate = (unsigned)(random_next(&r) % 30);
				config.reorder = (unsigned)(random_next(&r) % 30);
				config.reorder_us = (int64_t)(random_next(&r) % 200000);
				world_open(&w, &config, seed, close, ports[port]);
				play(&w, false);
				for (size_t i = 0; i < w.x.verdicts_count; i++) {
					const struct verdict *v = &w.x.verdicts[i];

					if (v->certainty == CERTAIN)
						fail_msg("seed %llu, port %u, %s: %s %s: expected %s; "
							 "observed %s",
							 (unsigned long long)seed, ports[port],
							 probe_checks[close].name, rule_of(v),
							 certainty_name(v->certainty), v->expected,
							 v->observed);
					likely++;
				}
				judged += w.x.judged;
				sim_link_stats(w.target.sim, &stats);
				lost += stats.lost;
				reordered += stats.reordered;
				world_close(&w);
			}
	assert_true(judged > 10000 && lost > 1000 && reordered > 1000);
	assert_true(likely < runs / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_stories_are_legal),
		cmocka_unit_test(test_copies_break_nothing),
		cmocka_unit_test(test_damaged_segment_changes_nothing),
		cmocka_unit_test(test_set_holds_the_truth),
		cmocka_unit_test(test_honest_target_on_a_bad_path),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
