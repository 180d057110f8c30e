/* SPDX-License-Identifier: BSD-2-Clause */
/* Our own TCP: how it repeats what is not acknowledged, closes, aborts, and answers when it is closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/prober_by_hand.h"

/* ---- repeating ---------------------------------------------------------------------------------------- */

/* The same number each time, at 1, 2, 4 ... s and never more than 60 (RFC 6298 2.1, 2.5, 5.5). */
static void test_syn_is_repeated(void **state)
{
	static const int64_t gaps_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct by_hand h;

	(void)state;
	begin(&h, "mss=1460", NULL, 0);
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	for (size_t i = 0; i < sizeof gaps_ms / sizeof *gaps_ms; i++) {
		fires_after(&h, gaps_ms[i]);
		assert_int_equal(expect(&h, S, 0, 0, 0)->options.mss, 1460);
		silent(&h);
		assert_int_equal(h.p.repeats, i + 1);
	}
	hear(&h, S | A, 0, 1, NULL);
	expect(&h, A, 1, 1, 0);
	in_state(&h, TCP_ESTABLISHED);
	assert_int_equal(h.p.repeats, 0);
	no_timer(&h);
}

static void test_data_is_repeated(void **state)
{
	const struct segment *s;
	struct by_hand h;

	(void)state;
	begin(&h, "none", "abcdefghij", 10);
	use_options(&h, "mss=4");
	handshake(&h);
	expect(&h, A | P, 1, 1, 4);
	expect(&h, A | P, 5, 1, 4);
	expect(&h, A | P, 9, 1, 2);
	silent(&h);
	for (int64_t ms = 1000; ms < 32000; ms *= 2) {
		fires_after(&h, ms);
		s = expect(&h, A | P, 1, 1, 4); /* the oldest alone (RFC 6298 5.4) */
		assert_memory_equal(s->data, "abcd", 4);
		silent(&h);
	}
	hear(&h, A, 1, 3, NULL); /* half of it: what is left begins there */
	silent(&h);
	fires_after(&h, 32000);
	s = expect(&h, A | P, 3, 1, 4);
	assert_memory_equal(s->data, "cdef", 4);
	hear(&h, A, 1, 11, NULL);
	silent(&h);
	no_timer(&h);
	assert_true(prober_all_acked(&h.p));
}

static void test_fin_is_repeated(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	fires_after(&h, 1000);
	expect(&h, F | A, 1, 1, 0);
	hear(&h, A | P, 1, 1, "news");
	expect(&h, A, 2, 5, 0);
	wait_ms(&h, 0);
	fires_after(&h, 2000);
	expect(&h, F | A, 1, 5, 0); /* its place stays, its ACK does not */
	silent(&h);
	in_state(&h, TCP_FIN_WAIT_1);
	hear(&h, A, 5, 2, NULL);
	in_state(&h, TCP_FIN_WAIT_2);
	no_timer(&h);
}

/* FIN sent with data is repeated with it, alone once the data is acknowledged, and not with older data. */
static void test_fin_with_data_is_repeated(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", "abcdef", 6);
	use_options(&h, "mss=4");
	h.window = 4;
	handshake(&h);
	expect(&h, A | P, 1, 1, 4);
	prober_close(&h.p, h.now_us, &h.out);
	silent(&h); /* the window is full */
	in_state(&h, TCP_ESTABLISHED);
	h.window = 100;
	hear(&h, A, 1, 1, NULL);
	expect(&h, F | A | P, 5, 1, 2);
	in_state(&h, TCP_FIN_WAIT_1);
	fires_after(&h, 1000);
	expect(&h, A | P, 1, 1, 4);
	hear(&h, A, 1, 5, NULL);
	fires_after(&h, 2000);
	expect(&h, F | A | P, 5, 1, 2);
	hear(&h, A, 1, 7, NULL);
	silent(&h);
	in_state(&h, TCP_FIN_WAIT_1);
	fires_after(&h, 4000);
	expect(&h, F | A, 7, 1, 0);
	hear(&h, A, 1, 8, NULL);
	in_state(&h, TCP_FIN_WAIT_2);
	assert_true(prober_all_acked(&h.p));
}

/* RFC 6298 2.2 and 2.3. */
static void test_round_trips(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", "ab", 2);
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	wait_ms(&h, 800);
	h.window = 1;
	hear(&h, S | A, 0, 1, NULL);
	expect(&h, A, 1, 1, 0);
	assert_int_equal(h.p.srtt_us, 800000);
	assert_int_equal(h.p.rttvar_us, 400000);
	expect(&h, A | P, 1, 1, 1);
	assert_int_equal(h.p.rto_at_us - h.now_us, 2400000);
	wait_ms(&h, 400);
	hear(&h, A, 1, 2, NULL);
	/* RTTVAR = 3/4 * 400 + 1/4 * |800 - 400|, SRTT = 7/8 * 800 + 1/8 * 400 */
	assert_int_equal(h.p.rttvar_us, 400000);
	assert_int_equal(h.p.srtt_us, 750000);
	expect(&h, A | P, 2, 1, 1);
	assert_int_equal(h.p.rto_at_us - h.now_us, 750000 + 4 * 400000);
	wait_ms(&h, 1550);
	hear(&h, A, 1, 3, NULL);
	assert_int_equal(h.p.rttvar_us, 500000);
	assert_int_equal(h.p.srtt_us, 850000);
}

/* RFC 6298 2.4: a fast path does not make the timer nervous. */
static void test_least_timeout(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", "ab", 2);
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	wait_ms(&h, 2);
	hear(&h, S | A, 0, 1, NULL);
	expect(&h, A, 1, 1, 0);
	expect(&h, A | P, 1, 1, 2);
	assert_int_equal(h.p.srtt_us, 2000);
	fires_after(&h, 1000);
	expect(&h, A | P, 1, 1, 2);
}

/* Karn: nobody knows which copy is acknowledged, so nothing is measured, and the back-off stays. */
static void test_karn(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", "ab", 2);
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	fires_after(&h, 1000);
	expect(&h, S, 0, 0, 0);
	wait_ms(&h, 10);
	h.window = 1;
	hear(&h, S | A, 0, 1, NULL);
	expect(&h, A, 1, 1, 0);
	assert_int_equal(h.p.srtt_us, 0);
	expect(&h, A | P, 1, 1, 1);
	fires_after(&h, 2000);
	expect(&h, A | P, 1, 1, 1);
	wait_ms(&h, 10);
	hear(&h, A, 1, 2, NULL);
	assert_int_equal(h.p.srtt_us, 0);
	expect(&h, A | P, 2, 1, 1); /* sent once: measured */
	assert_int_equal(h.p.rto_at_us - h.now_us, 4000000);
	wait_ms(&h, 30);
	hear(&h, A, 1, 3, NULL);
	assert_int_equal(h.p.srtt_us, 30000);
	assert_int_equal(h.p.rto_us, 1000000);
}

/* ---- closing ------------------------------------------------------------------------------------------ */

/* Figure 12, left side; what comes between the FINs is read (half close). */
static void test_we_close_first(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	in_state(&h, TCP_FIN_WAIT_1);
	hear(&h, A, 1, 2, NULL);
	silent(&h);
	in_state(&h, TCP_FIN_WAIT_2);
	hear(&h, A | P, 1, 2, "more");
	expect(&h, A, 2, 5, 0);
	hear(&h, F | A | P, 5, 2, "last");
	expect(&h, A, 2, 10, 0);
	in_state(&h, TCP_TIME_WAIT);
	assert_int_equal(h.p.received, 8);
	assert_true(h.p.fin_received);
	no_timer(&h);
	hear(&h, F | A | P, 5, 2, "last"); /* our last ACK got lost */
	expect(&h, A, 2, 10, 0);
	hear(&h, F | A, 9, 2, NULL);
	expect(&h, A, 2, 10, 0);
	hear(&h, A | P, 10, 2, "after the end"); /* acknowledged as before */
	expect(&h, A, 2, 10, 0);
	assert_int_equal(h.p.received, 8);
	in_state(&h, TCP_TIME_WAIT);
	prober_close(&h.p, h.now_us, &h.out); /* a second CLOSE sends nothing */
	silent(&h);
}

static void test_three_segments(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	hear(&h, F | A, 1, 2, NULL);
	expect(&h, A, 2, 2, 0);
	silent(&h);
	in_state(&h, TCP_TIME_WAIT);
}

/* Figure 12, right side; we go on sending in CLOSE-WAIT. */
static void test_target_closes_first(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", "abc", 3);
	h.window = 2;
	handshake(&h);
	expect(&h, A | P, 1, 1, 2);
	hear(&h, F | A, 1, 3, NULL);
	expect(&h, A, 3, 2, 0);
	expect(&h, A | P, 3, 2, 1);
	silent(&h);
	in_state(&h, TCP_CLOSE_WAIT);
	hear(&h, A, 2, 4, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 4, 2, 0);
	in_state(&h, TCP_LAST_ACK);
	hear(&h, F | A, 1, 4, NULL); /* again */
	expect(&h, A, 5, 2, 0);
	fires_after(&h, 1000);
	expect(&h, F | A, 4, 2, 0);
	hear(&h, A, 2, 5, NULL);
	silent(&h);
	in_state(&h, TCP_CLOSED);
	no_timer(&h);
}

/* Out of order it does not count. */
static void test_fin_behind_a_hole(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	hear(&h, F | A, 6, 1, NULL);
	expect(&h, A, 1, 1, 0);
	assert_false(h.p.fin_received);
	in_state(&h, TCP_ESTABLISHED);
	hear(&h, F | A | P, 1, 1, "hello");
	expect(&h, A, 1, 7, 0);
	in_state(&h, TCP_CLOSE_WAIT);
}

/* Figure 13: without tricks. */
static void test_fins_cross(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	hear(&h, F | A, 1, 1, NULL);
	expect(&h, A, 2, 2, 0);
	in_state(&h, TCP_CLOSING);
	fires_after(&h, 1000);
	expect(&h, F | A, 1, 2, 0);
	hear(&h, A, 2, 2, NULL);
	silent(&h);
	in_state(&h, TCP_TIME_WAIT);
	no_timer(&h);
}

/* ... made to cross: the target's FIN is held back until ours is out. */
static void test_fin_is_held(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	h.p.hold_fin = true;
	hear(&h, A | P, 1, 1, "hi");
	expect(&h, A, 1, 3, 0);
	hear(&h, F | A | P, 3, 1, "ho");
	expect(&h, A, 1, 5, 0); /* the data, not the FIN */
	hear(&h, F | A, 5, 1, NULL);
	silent(&h);
	assert_true(h.p.fin_held);
	assert_false(h.p.fin_received);
	in_state(&h, TCP_ESTABLISHED);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 5, 0); /* as if it had not arrived */
	in_state(&h, TCP_FIN_WAIT_1);
	prober_release_fin(&h.p, h.now_us, &h.out);
	expect(&h, A, 2, 6, 0);
	silent(&h);
	in_state(&h, TCP_CLOSING);
	hear(&h, A, 6, 2, NULL);
	in_state(&h, TCP_TIME_WAIT);
	assert_int_equal(h.p.received, 4);
}

static void test_release_without_fin(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	h.p.hold_fin = true;
	prober_release_fin(&h.p, h.now_us, &h.out);
	silent(&h);
	in_state(&h, TCP_ESTABLISHED);
	hear(&h, F | A, 1, 1, NULL);
	expect(&h, A, 1, 2, 0);
	in_state(&h, TCP_CLOSE_WAIT);
}

/* ---- aborting and being closed ------------------------------------------------------------------------- */

static void abort_now(struct by_hand *h, uint32_t first, uint32_t second)
{
	prober_abort(&h->p, &h->out);
	expect(h, R, first, 0, 0);
	if (second)
		expect(h, R, second, 0, 0);
	silent(h);
	in_state(h, TCP_CLOSED);
	no_timer(h);
	prober_abort(&h->p, &h->out); /* nothing from CLOSED */
	silent(h);
	prober_timeout(&h->p, h->now_us + 1000000000, &h->out);
	silent(h);
}

/* RFC 9293 3.10.5, from every state; with both numbers that the target may expect. */
static void test_abort(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", NULL, 0);
	prober_abort(&h.p, &h.out);
	silent(&h);
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	abort_now(&h, 1, 0); /* SYN-SENT */
	open_plain(&h, NULL);
	abort_now(&h, 1, 0); /* ESTABLISHED */
	open_plain(&h, "data");
	expect(&h, A | P, 1, 1, 4);
	abort_now(&h, 5, 1); /* ... with data under way */
	open_plain(&h, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	abort_now(&h, 2, 1); /* FIN-WAIT-1 */
	open_plain(&h, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	hear(&h, A, 1, 2, NULL);
	abort_now(&h, 2, 0); /* FIN-WAIT-2 */
	open_plain(&h, NULL);
	hear(&h, F | A, 1, 1, NULL);
	expect(&h, A, 1, 2, 0);
	abort_now(&h, 1, 0); /* CLOSE-WAIT */
	open_plain(&h, NULL);
	hear(&h, F | A, 1, 1, NULL);
	expect(&h, A, 1, 2, 0);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 2, 0);
	abort_now(&h, 2, 1); /* LAST-ACK */
	open_plain(&h, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	hear(&h, F | A, 1, 1, NULL);
	expect(&h, A, 2, 2, 0);
	abort_now(&h, 2, 1); /* CLOSING */
	open_plain(&h, NULL);
	prober_close(&h.p, h.now_us, &h.out);
	expect(&h, F | A, 1, 1, 0);
	hear(&h, F | A, 1, 2, NULL);
	expect(&h, A, 2, 2, 0);
	abort_now(&h, 2, 0); /* TIME-WAIT */
}

/* RFC 9293 3.5.2, group 1: both forms. */
static void test_answers_of_closed(void **state)
{
	const struct segment *s;
	struct by_hand h;

	(void)state;
	begin(&h, "none", NULL, 0);
	hear(&h, A, 50, 20, "text");
	expect(&h, R, 20, 0, 0);
	hear(&h, S, 50, 0, NULL);
	s = next(&h);
	assert_int_equal(s->flags, R | A);
	assert_int_equal(s->seq, 0);
	assert_int_equal(s->ack - h.iss, 51);
	hear(&h, F, 50, 0, "text");
	s = next(&h);
	assert_int_equal(s->flags, R | A);
	assert_int_equal(s->ack - h.iss, 55);
	hear(&h, R, 50, 0, NULL);
	hear(&h, R | A, 50, 20, NULL);
	silent(&h);
	in_state(&h, TCP_CLOSED);
}

/* A target that answers every RST does not draw us into a war. */
static void test_answers_of_closed_are_few(void **state)
{
	struct by_hand h;
	unsigned answers = 0;

	(void)state;
	open_plain(&h, NULL);
	abort_now(&h, 1, 0);
	for (int i = 0; i < 100; i++) {
		hear(&h, A, 1, 1, NULL);
		answers += (unsigned)h.out.count;
		h.out.count = 0;
	}
	assert_true(answers >= 1 && answers <= 10);
}

static void test_stray(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, "data");
	expect(&h, A | P, 1, 1, 4);
	hear(&h, A | P, 1, 5, "back");
	expect(&h, A, 5, 5, 0);
	abort_now(&h, 5, 0);
	prober_stray(&h.p, h.now_us, &h.out);
	expect(&h, A, 5, 5, 0);
	silent(&h);
	in_state(&h, TCP_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syn_is_repeated),
		cmocka_unit_test(test_data_is_repeated),
		cmocka_unit_test(test_fin_is_repeated),
		cmocka_unit_test(test_fin_with_data_is_repeated),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_least_timeout),
		cmocka_unit_test(test_karn),
		cmocka_unit_test(test_we_close_first),
		cmocka_unit_test(test_three_segments),
		cmocka_unit_test(test_target_closes_first),
		cmocka_unit_test(test_fin_behind_a_hole),
		cmocka_unit_test(test_fins_cross),
		cmocka_unit_test(test_fin_is_held),
		cmocka_unit_test(test_release_without_fin),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_answers_of_closed),
		cmocka_unit_test(test_answers_of_closed_are_few),
		cmocka_unit_test(test_stray),
	};

	return cmocka_run_group_tests_name("prober_close", tests, NULL, NULL);
}
