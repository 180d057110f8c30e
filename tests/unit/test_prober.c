/* SPDX-License-Identifier: BSD-2-Clause */
/* Our own TCP: how it opens, sends and closes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/prober_by_hand.h"

/* ---- opening ------------------------------------------------------------------------------------------ */

static void test_handshake(void **state)
{
	const struct segment *s;
	struct by_hand h;

	(void)state;
	begin(&h, "mss=1460,wscale=2", NULL, 0);
	in_state(&h, TCP_CLOSED);
	no_timer(&h);
	prober_open(&h.p, h.now_us, &h.out);
	s = expect(&h, S, 0, 0, 0);
	assert_int_equal(s->options.present, OPTION_MSS | OPTION_WSCALE);
	assert_int_equal(s->options.mss, 1460);
	assert_int_equal(s->options.wscale, 2);
	assert_int_equal(s->options.raw_len, h.params.syn_options.raw_len);
	assert_memory_equal(s->options.raw, h.params.syn_options.raw, s->options.raw_len);
	silent(&h);
	in_state(&h, TCP_SYN_SENT);
	hear(&h, S | A, 0, 1, NULL);
	s = expect(&h, A, 1, 1, 0);
	assert_int_equal(s->options.raw_len, 0);
	silent(&h);
	in_state(&h, TCP_ESTABLISHED);
	assert_int_equal(h.p.irs, h.iss);
	no_timer(&h);
}

/* RFC 9293 3.10.7.3, first: RST with SEQ = SEG.ACK, and the wait goes on. */
static void test_wrong_syn_ack(void **state)
{
	static const uint32_t wrong[] = {0, 2, 3, 0x80000000, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct by_hand h;

		begin(&h, "none", NULL, 0);
		prober_open(&h.p, h.now_us, &h.out);
		expect(&h, S, 0, 0, 0);
		hear(&h, S | A, 0, wrong[i], NULL);
		expect(&h, R, wrong[i], 0, 0);
		silent(&h);
		in_state(&h, TCP_SYN_SENT);
		hear(&h, A, 77, wrong[i], NULL); /* an older connection, Figure 9 */
		expect(&h, R, wrong[i], 0, 0);
		hear(&h, R | A, 0, wrong[i], NULL);
		silent(&h);
		in_state(&h, TCP_SYN_SENT);
		assert_false(h.p.reset_received);
		hear(&h, S | A, 0, 1, NULL);
		expect(&h, A, 1, 1, 0);
		in_state(&h, TCP_ESTABLISHED);
	}
}

static void test_refused(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", NULL, 0);
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	hear(&h, R, 0, 0, NULL); /* without ACK it proves nothing */
	in_state(&h, TCP_SYN_SENT);
	hear(&h, R | A, 0, 1, NULL);
	silent(&h);
	in_state(&h, TCP_CLOSED);
	assert_true(h.p.reset_received);
	no_timer(&h);
}

static void test_neither_syn_nor_rst(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", NULL, 0);
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	hear(&h, A, 1, 1, NULL);
	hear(&h, F, 1, 0, NULL);
	hear(&h, 0, 1, 0, "data");
	silent(&h);
	in_state(&h, TCP_SYN_SENT);
}

/* RFC 9293 Figure 7, ended by a SYN,ACK or by an ACK alone. */
static void test_simultaneous_open(void **state)
{
	(void)state;
	for (int with_syn = 0; with_syn < 2; with_syn++) {
		struct by_hand h;

		begin(&h, "mss=1000", "x", 1);
		prober_open(&h.p, h.now_us, &h.out);
		expect(&h, S, 0, 0, 0);
		hear(&h, S, 0, 0, NULL);
		assert_int_equal(expect(&h, S | A, 0, 1, 0)->options.mss, 1000);
		silent(&h);
		in_state(&h, TCP_SYN_RECEIVED);
		assert_false(prober_all_acked(&h.p));
		fires_after(&h, 1000);
		expect(&h, S | A, 0, 1, 0);
		fires_after(&h, 2000);
		expect(&h, S | A, 0, 1, 0);
		hear(&h, with_syn ? S | A : A, with_syn ? 0 : 1, 1, NULL);
		in_state(&h, TCP_ESTABLISHED);
		if (with_syn)
			expect(&h, A, 1, 1, 0);
		expect(&h, A | P, 1, 1, 1);
		silent(&h);
	}
}

static void test_abort_of_a_half_open_target(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "none", NULL, 0);
	prober_open(&h.p, h.now_us, &h.out);
	expect(&h, S, 0, 0, 0);
	hear(&h, S, 0, 0, NULL);
	expect(&h, S | A, 0, 1, 0);
	prober_abort(&h.p, &h.out);
	expect(&h, R, 1, 0, 0);
	silent(&h);
	in_state(&h, TCP_CLOSED);
}

/* ---- data --------------------------------------------------------------------------------------------- */

static char pattern[1001];

static void fill_pattern(void)
{
	for (size_t i = 0; i < sizeof pattern - 1; i++)
		pattern[i] = (char)('a' + i % 23);
}

/* The segments in `out` continue the pattern at `*at`, within MSS and window. Returns how many there are. */
static unsigned take_flight(struct by_hand *h, size_t *at, uint32_t mss, uint32_t right_edge)
{
	unsigned n = 0;

	for (; h->out.count; n++) {
		const struct segment *s = next(h);

		assert_int_equal(s->flags, A | P);
		assert_int_equal(s->seq - h->isn, 1 + *at);
		assert_true(s->len > 0 && s->len <= mss);
		assert_memory_equal(s->data, pattern + *at, s->len);
		*at += s->len;
		assert_true(1 + *at <= right_edge);
	}
	return n;
}

static void test_small_mss_and_window(void **state)
{
	size_t at = 0;
	struct by_hand h;

	(void)state;
	fill_pattern();
	begin(&h, "none", pattern, 1000);
	use_options(&h, "mss=100");
	h.window = 250;
	handshake(&h);
	assert_int_equal(take_flight(&h, &at, 100, 251), 3);
	assert_int_equal(at, 250);
	while (at < 1000) {
		uint32_t una = 1 + (uint32_t)at;

		assert_false(prober_all_acked(&h.p));
		hear(&h, A, 1, una, NULL);
		assert_int_equal(take_flight(&h, &at, 100, una + 250), 3);
		assert_int_equal(at, una + 249);
	}
	assert_false(prober_all_acked(&h.p));
	hear(&h, A, 1, 1001, NULL);
	silent(&h);
	assert_true(prober_all_acked(&h.p));
	no_timer(&h);
}

/* A closed window stops data; what reopens it is any ACK. */
static void test_window_closes(void **state)
{
	size_t at = 0;
	struct by_hand h;

	(void)state;
	fill_pattern();
	begin(&h, "none", pattern, 1000);
	h.window = 0;
	handshake(&h);
	silent(&h);
	no_timer(&h);
	h.window = 10;
	hear(&h, A, 1, 1, NULL);
	assert_int_equal(take_flight(&h, &at, 536, 11), 1);
	h.window = 4; /* shrunk below what is on its way: nothing more, and no wrap */
	hear(&h, A, 1, 1, NULL);
	silent(&h);
	h.window = 1;
	hear(&h, A, 1, 11, NULL);
	assert_int_equal(take_flight(&h, &at, 536, 12), 1);
}

/* Not everything leaves at once, however wide the window. */
static void test_burst(void **state)
{
	size_t at = 0;
	struct by_hand h;

	(void)state;
	fill_pattern();
	begin(&h, "none", pattern, 1000);
	use_options(&h, "mss=10");
	handshake(&h);
	assert_true(take_flight(&h, &at, 10, 1001) <= 10); /* RFC 6928 */
	assert_true(at >= 10);
}

/* MUST-15, and RFC 8200: without the option. */
static void test_default_mss(void **state)
{
	size_t at = 0;
	struct by_hand h;

	(void)state;
	fill_pattern();
	begin(&h, "none", pattern, 1000);
	handshake(&h);
	take_flight(&h, &at, 536, 1001);
	begin(&h, "none", pattern, 1000);
	use_options(&h, "mss=0"); /* would send nothing for ever */
	handshake(&h);
	assert_int_equal(next(&h)->len, 536);
	begin(&h, "none", pattern, 1000);
	assert_true(address_parse(&h.params.target.addr, "2001:db8::2"));
	prober_init(&h.p, &h.params, (const uint8_t *)pattern, 1000);
	assert_int_equal(h.p.target_mss, 1220);
}

/* RFC 7323 2.2, 2.3: only if both offer it, not on the SYN itself, at most 14. */
static void test_window_scale(void **state)
{
	static const struct {
		const char *ours, *theirs;
		uint8_t wscale; /* instead of theirs, if not 0 */
		uint32_t after;
	} cases[] = {
		{"wscale=0", "wscale=3", 0, 8 * 40},
		{"none", "wscale=3", 0, 40},
		{"wscale=3", "none", 0, 40},
		{"wscale=3", "wscale=0", 0, 40},
		{"wscale=0", "wscale=14", 200, 40 << 14},
	};

	(void)state;
	fill_pattern();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct by_hand h;

		begin(&h, cases[i].ours, pattern, 1000);
		use_options(&h, cases[i].theirs);
		if (cases[i].wscale)
			h.options.wscale = cases[i].wscale;
		h.window = 40;
		handshake(&h);
		assert_int_equal(h.p.target_window, 40);
		assert_int_equal(next(&h)->len, 40);
		hear(&h, A, 1, 41, NULL);
		assert_int_equal(h.p.target_window, cases[i].after);
	}
}

static void test_received_data(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	hear(&h, A | P, 1, 1, "hello");
	expect(&h, A, 1, 6, 0);
	hear(&h, A | P, 1, 1, "hello"); /* again: acknowledged again */
	expect(&h, A, 1, 6, 0);
	hear(&h, A | P, 4, 1, "lo, w"); /* partly new */
	expect(&h, A, 1, 9, 0);
	hear(&h, A | P, 12, 1, "later"); /* out of order: not taken, acknowledged as before */
	expect(&h, A, 1, 9, 0);
	hear(&h, A | P, 9, 1, "orl");
	expect(&h, A, 1, 12, 0);
	silent(&h);
	assert_int_equal(h.p.received, 11);
	hear(&h, A, 12, 1, NULL); /* a bare ACK needs none */
	silent(&h);
	hear(&h, A, 11, 1, NULL); /* keep-alive */
	expect(&h, A, 1, 12, 0);
	hear(&h, P, 12, 0, "no ACK bit"); /* dropped (3.10.7.4, fifth) */
	silent(&h);
	assert_int_equal(h.p.received, 11);
}

static void test_strange_acks(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, "hello");
	expect(&h, A | P, 1, 1, 5);
	h.window = 1;
	hear(&h, A, 1, 7, NULL); /* more than was sent */
	assert_int_equal(h.p.snd_una, h.isn + 1);
	assert_int_equal(h.p.target_window, 65535);
	hear(&h, A, 1, 0, NULL); /* less than was acknowledged */
	assert_int_equal(h.p.snd_una, h.isn + 1);
	assert_int_equal(h.p.target_window, 65535);
	assert_false(prober_all_acked(&h.p));
	hear(&h, A, 1, 3, NULL);
	assert_int_equal(h.p.snd_una, h.isn + 3);
	assert_false(prober_all_acked(&h.p));
	hear(&h, A, 1, 6, NULL);
	assert_true(prober_all_acked(&h.p));
	no_timer(&h);
}

/* RFC 9293 3.10.7.4, fourth, and RFC 5961 4.2: a SYN is answered by an ACK and changes nothing. */
static void test_syn_when_open(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	hear(&h, S | A, 0, 1, NULL);
	expect(&h, A, 1, 1, 0);
	hear(&h, S, 1, 0, NULL);
	expect(&h, A, 1, 1, 0);
	silent(&h);
	in_state(&h, TCP_ESTABLISHED);
}

static void test_reset(void **state)
{
	static const struct {
		uint32_t seq;
		bool counts;
	} cases[] = {{1, true}, {2, true}, {4000, true}, {4001, false}, {0, true}, {0xffffffff, false}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct by_hand h;

		open_plain(&h, "x");
		expect(&h, A | P, 1, 1, 1);
		hear(&h, R, cases[i].seq, 0, NULL);
		silent(&h);
		in_state(&h, cases[i].counts ? TCP_CLOSED : TCP_ESTABLISHED);
		assert_int_equal(h.p.reset_received, cases[i].counts);
		assert_int_equal(h.p.rto_at_us == INT64_MAX, cases[i].counts);
	}
}

/* ---- options ------------------------------------------------------------------------------------------ */

static void test_timestamps(void **state)
{
	const struct segment *s;
	struct by_hand h;

	(void)state;
	begin(&h, "ts", NULL, 0);
	prober_open(&h.p, h.now_us, &h.out);
	s = expect(&h, S, 0, 0, 0);
	assert_int_equal(s->options.present, OPTION_TIMESTAMPS);
	assert_int_equal(s->options.tsval, 5001); /* milliseconds */
	assert_int_equal(s->options.tsecr, 0);
	use_options(&h, "ts");
	h.options.tsval = 0xffffffff;
	wait_ms(&h, 100);
	hear(&h, S | A, 0, 1, NULL);
	s = expect(&h, A, 1, 1, 0);
	assert_int_equal(s->options.present, OPTION_TIMESTAMPS);
	assert_int_equal(s->options.tsval, 5101);
	assert_int_equal(s->options.tsecr, 0xffffffff);
	assert_int_equal(s->options.raw_len, 12); /* on the wire, too */
	h.options.tsval = 3;                      /* newer */
	hear(&h, A | P, 1, 1, "hi");
	assert_int_equal(expect(&h, A, 1, 3, 0)->options.tsecr, 3);
	h.options.tsval = 9; /* from behind a hole: not echoed (RFC 7323 4.3) */
	hear(&h, A | P, 7, 1, "hi");
	assert_int_equal(expect(&h, A, 1, 3, 0)->options.tsecr, 3);
	h.options.tsval = 2; /* older */
	hear(&h, A | P, 1, 1, "hi");
	assert_int_equal(expect(&h, A, 1, 3, 0)->options.tsecr, 3);
	prober_abort(&h.p, &h.out);
	s = expect(&h, R, 1, 0, 0);
	assert_int_equal(s->options.present, 0);
	assert_int_equal(s->options.raw_len, 0);
}

static void test_timestamps_not_agreed(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h, "ts", NULL, 0);
	handshake(&h); /* theirs has none */
	hear(&h, A | P, 1, 1, "hi");
	assert_int_equal(expect(&h, A, 1, 3, 0)->options.raw_len, 0);
	begin(&h, "none", NULL, 0);
	use_options(&h, "ts"); /* not ours to answer */
	handshake(&h);
	hear(&h, A | P, 1, 1, "hi");
	assert_int_equal(expect(&h, A, 1, 3, 0)->options.raw_len, 0);
}

/* A SYN,ACK of ours offers timestamps only if their SYN did. */
static void test_timestamps_in_our_syn_ack(void **state)
{
	(void)state;
	for (int offered = 0; offered < 2; offered++) {
		struct by_hand h;

		begin(&h, "mss=1000,ts", NULL, 0);
		prober_open(&h.p, h.now_us, &h.out);
		expect(&h, S, 0, 0, 0);
		use_options(&h, offered ? "ts" : "none");
		hear(&h, S, 0, 0, NULL);
		assert_int_equal(expect(&h, S | A, 0, 1, 0)->options.present,
				 OPTION_MSS | (offered ? OPTION_TIMESTAMPS : 0));
	}
}

/* More segments than one event may cause do no harm. */
static void test_too_many_events(void **state)
{
	struct by_hand h;

	(void)state;
	open_plain(&h, NULL);
	for (int i = 0; i < 3 * PROBER_BURST; i++)
		hear(&h, A | P, 1, 1, "again");
	assert_int_equal(h.out.count, PROBER_BURST);
	assert_int_equal(h.p.received, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_wrong_syn_ack),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_neither_syn_nor_rst),
		cmocka_unit_test(test_simultaneous_open),
		cmocka_unit_test(test_abort_of_a_half_open_target),
		cmocka_unit_test(test_small_mss_and_window),
		cmocka_unit_test(test_window_closes),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_default_mss),
		cmocka_unit_test(test_window_scale),
		cmocka_unit_test(test_received_data),
		cmocka_unit_test(test_strange_acks),
		cmocka_unit_test(test_syn_when_open),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_timestamps),
		cmocka_unit_test(test_timestamps_not_agreed),
		cmocka_unit_test(test_timestamps_in_our_syn_ack),
		cmocka_unit_test(test_too_many_events),
	};

	return cmocka_run_group_tests_name("prober", tests, NULL, NULL);
}
