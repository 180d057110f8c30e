/* SPDX-License-Identifier: BSD-2-Clause */
/* Our own TCP as the other end of an opening by the target: what it answers, what it holds back, and what it
 * sends to see whether a connection is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/prober_by_hand.h"

static void listen_and_hold(struct by_hand *h, const char *ours, const char *theirs)
{
	begin(h, ours, NULL, 0);
	h->p.hold_syn = true;
	prober_listen(&h->p);
	in_state(h, TCP_LISTEN);
	no_timer(h);
	use_options(h, theirs);
	hear(h, S, 0, 0, NULL);
	silent(h);
	in_state(h, TCP_LISTEN);
	assert_true(h->p.syn_held);
}

static void test_answer(void **state)
{
	struct by_hand h;

	(void)state;
	listen_and_hold(&h, "mss=1460,sackok,ts,wscale=2", "mss=1400,sackok,ts,wscale=3");
	hear(&h, S, 0, 0, NULL); /* again */
	silent(&h);
	prober_answer_syn(&h.p, h.now_us, &h.out);
	expect(&h, S | A, 0, 1, 0);
	in_state(&h, TCP_SYN_RECEIVED);
	fires_after(&h, 1000);
	expect(&h, S | A, 0, 1, 0);
	hear(&h, A, 1, 1, NULL);
	silent(&h);
	in_state(&h, TCP_ESTABLISHED);
	no_timer(&h);
	assert_int_equal(h.p.target_mss, 1400);
	assert_int_equal(h.p.target_wscale, 3);
	assert_true(h.p.timestamps);
}

/* RFC 7323 2.2, 3.2; RFC 2018 2: nothing in a SYN,ACK that the SYN has not offered. */
static void test_answer_offers_no_more(void **state)
{
	static const struct {
		const char *theirs;
		uint8_t present;
	} cases[] = {
		{ "none", OPTION_MSS },
		{ "mss=1400,ts", OPTION_MSS | OPTION_TIMESTAMPS },
		{ "wscale=0", OPTION_MSS | OPTION_WSCALE },
		{ "sackok", OPTION_MSS | OPTION_SACK_PERMITTED },
		{ "mss=536,sackok,ts,wscale=1",
		  OPTION_MSS | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS | OPTION_WSCALE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct by_hand h;

		listen_and_hold(&h, "mss=1460,sackok,ts,wscale=2", cases[i].theirs);
		prober_answer_syn(&h.p, h.now_us, &h.out);
		assert_int_equal(expect(&h, S | A, 0, 1, 0)->options.present, cases[i].present);
	}
}

static void test_without_holding(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", "hello", 5);
	prober_listen(&h.p);
	hear(&h, A, 7, 7, NULL);
	hear(&h, S | A, 0, 1, NULL);
	hear(&h, R, 0, 0, NULL);
	silent(&h);
	hear(&h, S, 0, 0, NULL);
	expect(&h, S | A, 0, 1, 0);
	hear(&h, A, 1, 1, NULL);
	expect(&h, A | P, 1, 1, 5);
	in_state(&h, TCP_ESTABLISHED);
}

/* RFC 9293 3.10.7.1, for a SYN: what a closed port answers. */
static void test_refuse(void **state)
{
	struct by_hand h;

	(void)state;
	listen_and_hold(&h, "none", "none");
	prober_abort(&h.p, &h.out);
	in_state(&h, TCP_CLOSED);
	assert_int_equal(h.out.count, 1);
	assert_int_equal(h.out.segments[0].flags, R | A);
	assert_int_equal(h.out.segments[0].seq, 0);
	assert_int_equal(h.out.segments[0].ack, h.iss + 1);
	/* Without a SYN there is nothing to refuse. */
	begin(&h, "none", NULL, 0);
	prober_listen(&h.p);
	prober_abort(&h.p, &h.out);
	silent(&h);
	in_state(&h, TCP_CLOSED);
}

/* RFC 9293 Figure 7, as if the SYNs had crossed. */
static void test_cross(void **state)
{
	struct by_hand h;
	const struct segment *s;

	(void)state;
	listen_and_hold(&h, "mss=1460,ts", "mss=1400,ts");
	prober_open(&h.p, h.now_us, &h.out);
	s = expect(&h, S, 0, 0, 0);
	assert_int_equal(s->options.tsecr, 0); /* RFC 7323 3.2: valid with ACK only */
	in_state(&h, TCP_SYN_SENT);
	hear(&h, S, 0, 0, NULL);
	silent(&h);
	assert_false(h.p.syn_ack_held);
	hear(&h, S | A, 0, 0, NULL); /* of another SYN */
	silent(&h);
	assert_false(h.p.syn_ack_held);
	hear(&h, S | A, 0, 1, NULL);
	silent(&h);
	assert_true(h.p.syn_ack_held);
	no_timer(&h);
	prober_release_syn(&h.p, h.now_us, &h.out);
	expect(&h, A, 1, 1, 0);
	in_state(&h, TCP_ESTABLISHED);
	silent(&h);
}

static void test_half_open(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", NULL, 0);
	h.p.hold_syn = true;
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	fires_after(&h, 1000);
	expect(&h, S, 0, 0, 0);
	hear(&h, S | A, 0, 1, NULL);
	hear(&h, S | A, 0, 1, NULL);
	hear(&h, A, 1, 1, NULL);
	silent(&h);
	in_state(&h, TCP_SYN_SENT);
	no_timer(&h);
	prober_abort(&h.p, &h.out);
	expect(&h, R, 1, 0, 0); /* what the target expects next */
	in_state(&h, TCP_CLOSED);
	/* A refusal is none of what is held back. */
	begin(&h, "none", NULL, 0);
	h.p.hold_syn = true;
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	hear(&h, R | A, 0, 1, NULL);
	assert_true(h.p.reset_received);
	in_state(&h, TCP_CLOSED);
}

static void test_old_byte(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	prober_old_byte(&h.p, h.now_us, &h.out);
	expect(&h, A, 0, 1, 1);
	hear(&h, A, 1, 1, NULL);
	silent(&h);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	hear(&h, A, 1, 2, NULL);
	hear(&h, F | A, 1, 2, NULL);
	expect(&h, A, 2, 2, 0);
	prober_old_byte(&h.p, h.now_us, &h.out);
	expect(&h, A, 1, 2, 1);
	assert_int_equal(h.p.snd_nxt - h.isn, 2);
}

static void test_silent(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", NULL, 0);
	h.p.silent = true;
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	hear(&h, A, 55, 44, NULL); /* a TIME-WAIT's answer */
	silent(&h);
	in_state(&h, TCP_SYN_SENT);
	h.p.state = TCP_CLOSED;
	hear(&h, A, 55, 44, NULL);
	silent(&h);
	h.p.silent = false;
	hear(&h, A, 55, 44, NULL);
	expect(&h, R, 44, 0, 0);
}

static void test_send_twice(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	prober_send(&h.p, (const uint8_t *)"abc", 3, h.now_us, &h.out);
	expect(&h, A | P, 1, 1, 3);
	assert_false(prober_all_acked(&h.p));
	hear(&h, A, 1, 4, NULL);
	assert_true(prober_all_acked(&h.p));
	prober_send(&h.p, (const uint8_t *)"defg", 4, h.now_us, &h.out);
	assert_memory_equal(expect(&h, A | P, 4, 1, 4)->data, "defg", 4);
	fires_after(&h, 1000);
	assert_memory_equal(expect(&h, A | P, 4, 1, 4)->data, "defg", 4);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 8, 1, 0);
}

/* No more is on its way at a time than is gentle to the path, however wide the window. */
static void test_flight(void **state)
{
	static uint8_t much[100000];
	struct by_hand h;
	uint32_t sent = 0;

	(void)state;
	open_plain(&h, NULL);
	h.p.target_window = 1 << 24;
	prober_send(&h.p, much, sizeof much, h.now_us, &h.out);
	for (int turn = 0; turn < 100; turn++) {
		while (h.read < h.out.count)
			sent += next(&h)->len;
		hear(&h, A, 1, 1, NULL);
		h.p.target_window = 1 << 24;
	}
	assert_in_range(sent, 10000, 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),		cmocka_unit_test(test_answer_offers_no_more),
		cmocka_unit_test(test_without_holding), cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_cross),		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_old_byte),	cmocka_unit_test(test_silent),
		cmocka_unit_test(test_send_twice),	cmocka_unit_test(test_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
