/* SPDX-License-Identifier: BSD-2-Clause */
/* The honest peer, driven segment by segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer/by_hand.h"

enum { S = FLAG_SYN, A = FLAG_ACK, F = FLAG_FIN, R = FLAG_RST, P = FLAG_PSH };

static const uint32_t isn = 0xfffffffdU; /* data wraps after two bytes */

struct fixture {
	struct by_hand h;
	uint32_t iss; /* the peer's */
};

static enum peer_state state(struct fixture *f)
{
	return peer_state(f->h.peer, &f->h.them, &f->h.us);
}

/* The next answer, whose numbers are relative to the peer's ISS and our ISN. */
static const struct segment *expect(struct fixture *f, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	const struct segment *s = by_hand_next(&f->h);

	assert_non_null(s);
	assert_int_equal(s->flags, flags);
	assert_int_equal(s->seq - f->iss, seq);
	if (flags & A)
		assert_int_equal(s->ack - isn, ack);
	assert_int_equal(s->len, len);
	return s;
}

static void expect_silence(struct fixture *f)
{
	assert_null(by_hand_next(&f->h));
}

/* Relative numbers, as above. */
static void tell(struct fixture *f, uint16_t flags, uint32_t seq, uint32_t ack, const char *text)
{
	by_hand_send(&f->h, flags, isn + seq, f->iss + ack, text);
}

static void start(struct fixture *f, uint16_t port)
{
	struct peer_params params;

	peer_defaults(&params);
	memset(f, 0, sizeof *f);
	by_hand_open(&f->h, &params, port, "mss=1460");
}

static void syn(struct fixture *f)
{
	const struct segment *s;

	by_hand_send(&f->h, S, isn, 0, NULL);
	s = by_hand_next(&f->h);
	assert_non_null(s);
	assert_int_equal(s->flags, S | A);
	assert_int_equal(s->ack, isn + 1);
	f->iss = s->seq;
	assert_int_equal(state(f), PEER_SYN_RECEIVED);
}

static void establish(struct fixture *f, uint16_t port)
{
	start(f, port);
	syn(f);
	tell(f, A, 1, 1, NULL);
}

static void finish(struct fixture *f)
{
	expect_silence(f);
	by_hand_close(&f->h);
}

static void test_handshake_and_echo(void **unused)
{
	struct fixture f;
	const struct segment *s;

	(void)unused;
	establish(&f, 7);
	expect_silence(&f);
	assert_int_equal(state(&f), PEER_ESTABLISHED);
	tell(&f, P | A, 1, 1, "hello");
	s = expect(&f, P | A, 1, 6, 5);
	assert_memory_equal(s->data, "hello", 5);
	tell(&f, A, 6, 6, NULL);
	expect_silence(&f);
	/* passive close: CLOSE-WAIT and LAST-ACK in one step, then CLOSED */
	tell(&f, F | A, 6, 6, NULL);
	expect(&f, F | A, 6, 7, 0);
	assert_int_equal(state(&f), PEER_LAST_ACK);
	tell(&f, A, 7, 7, NULL);
	expect_silence(&f);
	assert_int_equal(state(&f), PEER_LISTEN);
	tell(&f, A, 7, 7, NULL);
	expect(&f, R, 7, 0, 0);
	finish(&f);
}

static void test_active_close_and_time_wait(void **unused)
{
	struct fixture f;
	uint32_t line;

	(void)unused;
	establish(&f, 13);
	line = by_hand_next(&f.h)->len;
	assert_true(line > 20);
	assert_int_equal(state(&f), PEER_FIN_WAIT_1);
	tell(&f, A, 1, 1 + line, NULL);
	assert_int_equal(state(&f), PEER_FIN_WAIT_1);
	tell(&f, A, 1, 2 + line, NULL);
	expect_silence(&f);
	assert_int_equal(state(&f), PEER_FIN_WAIT_2);
	tell(&f, F | A, 1, 2 + line, NULL);
	expect(&f, A, 2 + line, 2, 0);
	assert_int_equal(state(&f), PEER_TIME_WAIT);
	/* a FIN that comes again is acknowledged again and starts the 2 MSL anew */
	by_hand_wait(&f.h, 50000000);
	tell(&f, F | A, 1, 2 + line, NULL);
	expect(&f, A, 2 + line, 2, 0);
	by_hand_wait(&f.h, 59000000);
	assert_int_equal(state(&f), PEER_TIME_WAIT);
	by_hand_wait(&f.h, 2000000);
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);
}

static void test_simultaneous_close(void **unused)
{
	struct fixture f;
	uint32_t end;

	(void)unused;
	establish(&f, 13);
	end = by_hand_next(&f.h)->len + 2;
	tell(&f, F | A, 1, 1, NULL); /* crosses theirs */
	expect(&f, A, end, 2, 0);
	assert_int_equal(state(&f), PEER_CLOSING);
	tell(&f, A, 2, end, NULL);
	expect_silence(&f);
	assert_int_equal(state(&f), PEER_TIME_WAIT);
	finish(&f);
}

static void test_half_close(void **unused)
{
	struct fixture f;
	int id;

	(void)unused;
	establish(&f, 11011);
	tell(&f, F | A, 1, 1, NULL);
	expect(&f, A, 1, 2, 0);
	assert_int_equal(state(&f), PEER_CLOSE_WAIT);
	id = peer_find(f.h.peer, &f.h.them, &f.h.us);
	assert_int_equal(peer_send(f.h.peer, id, "more", 4, f.h.now_us), 4);
	expect(&f, P | A, 1, 2, 4);
	tell(&f, A, 2, 5, NULL);
	peer_shutdown(f.h.peer, id, f.h.now_us);
	expect(&f, F | A, 5, 2, 0);
	assert_int_equal(peer_send(f.h.peer, id, "late", 4, f.h.now_us), 0);
	tell(&f, A, 2, 6, NULL);
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);
}

/* shutdown() keeps reading, close() answers data with a reset (RFC 9293 3.6.1, SHLD-3). */
static void test_data_after_close(void **unused)
{
	struct fixture f;
	int id;

	(void)unused;
	establish(&f, 11011);
	id = peer_find(f.h.peer, &f.h.them, &f.h.us);
	peer_shutdown(f.h.peer, id, f.h.now_us);
	expect(&f, F | A, 1, 1, 0);
	tell(&f, P | A, 1, 2, "data");
	expect(&f, A, 2, 5, 0);
	peer_close(f.h.peer, id, f.h.now_us);
	expect_silence(&f);
	tell(&f, P | A, 5, 2, "data");
	expect(&f, R, 2, 0, 0);
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);
}

static void test_closed_port(void **unused)
{
	struct fixture f;
	const struct segment *s;

	(void)unused;
	start(&f, 1);
	by_hand_send(&f.h, S, 100, 0, NULL);
	s = by_hand_next(&f.h);
	assert_int_equal(s->flags, R | A);
	assert_int_equal(s->seq, 0);
	assert_int_equal(s->ack, 101);
	by_hand_send(&f.h, F | P, 100, 0, "abc");
	s = by_hand_next(&f.h);
	assert_int_equal(s->flags, R | A);
	assert_int_equal(s->ack, 104);
	by_hand_send(&f.h, S | A, 100, 555, NULL);
	s = by_hand_next(&f.h);
	assert_int_equal(s->flags, R);
	assert_int_equal(s->seq, 555);
	by_hand_send(&f.h, R, 100, 0, NULL);
	expect_silence(&f);
	f.h.them.port = 2; /* filtered */
	by_hand_send(&f.h, S, 100, 0, NULL);
	finish(&f);
}

static void test_listen(void **unused)
{
	struct fixture f;

	(void)unused;
	start(&f, 7);
	tell(&f, A, 1, 77, NULL);
	expect(&f, R, 77, 0, 0);
	tell(&f, R, 1, 0, NULL);
	tell(&f, F, 1, 0, NULL);
	tell(&f, 0, 1, 0, "null");
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);
}

static void test_syn_received(void **unused)
{
	struct fixture f;

	(void)unused;
	start(&f, 7);
	syn(&f);
	tell(&f, A, 1, 0, NULL); /* ISS itself is not acceptable */
	expect(&f, R, 0, 0, 0);
	tell(&f, A, 1, 2, NULL);
	expect(&f, R, 2, 0, 0);
	assert_int_equal(state(&f), PEER_SYN_RECEIVED);
	tell(&f, S, 0, 0, NULL); /* the same SYN: left of the window */
	expect(&f, A, 1, 1, 0);
	tell(&f, R, 100, 0, NULL);
	expect(&f, A, 1, 1, 0);
	tell(&f, R, 0, 0, NULL); /* outside */
	expect_silence(&f);
	tell(&f, R, 1, 0, NULL);
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);
}

static void test_resets_and_challenges(void **unused)
{
	struct fixture f;

	(void)unused;
	establish(&f, 9);
	tell(&f, R, 100, 0, NULL); /* in the window, not exact */
	expect(&f, A, 1, 1, 0);
	tell(&f, R, 0, 0, NULL);
	tell(&f, R, 0x40000000, 0, NULL);
	expect_silence(&f);
	tell(&f, S, 100, 0, NULL);
	expect(&f, A, 1, 1, 0);
	tell(&f, S, 0x40000000, 0, NULL);
	expect(&f, A, 1, 1, 0);
	tell(&f, A, 1, 2, NULL); /* not yet sent */
	expect(&f, A, 1, 1, 0);
	tell(&f, A, 1, 1 - 70000U, NULL); /* below SND.UNA - MAX.SND.WND */
	expect(&f, A, 1, 1, 0);
	tell(&f, A, 0, 1, "o"); /* an old byte */
	expect(&f, A, 1, 1, 0);
	tell(&f, 0, 1, 0, "no ACK bit");
	expect_silence(&f);
	assert_int_equal(state(&f), PEER_ESTABLISHED);
	tell(&f, R, 1, 0, NULL);
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);
}

static void test_challenges_are_throttled(void **unused)
{
	struct fixture f;
	size_t n = 0;

	(void)unused;
	establish(&f, 9);
	for (int i = 0; i < 100; i++)
		tell(&f, S, 100, 0, NULL);
	while (by_hand_next(&f.h))
		n++;
	assert_int_equal(n, 10);
	by_hand_wait(&f.h, 5000000);
	tell(&f, S, 100, 0, NULL);
	expect(&f, A, 1, 1, 0);
	finish(&f);
}

static void test_data_placement(void **unused)
{
	struct fixture f;

	(void)unused;
	establish(&f, 9);
	tell(&f, P | A, 4, 1, "def"); /* a gap before it */
	expect(&f, A, 1, 1, 0);
	tell(&f, F | A, 7, 1, NULL);
	expect(&f, A, 1, 1, 0);
	assert_int_equal(state(&f), PEER_ESTABLISHED);
	tell(&f, P | A, 1, 1, "abc");
	expect(&f, A, 1, 4, 0);
	tell(&f, F | P | A, 2, 1, "bcdef"); /* half of it is old */
	expect(&f, A, 1, 8, 0);
	assert_int_equal(state(&f), PEER_CLOSE_WAIT);
	tell(&f, P | A, 8, 1, "after the FIN");
	expect_silence(&f);
	tell(&f, F | A, 7, 1, NULL);
	expect(&f, A, 1, 8, 0);
	finish(&f);
}

static void test_retransmission(void **unused)
{
	static const int64_t gaps[] = { 1, 2, 4, 8, 16, 32, 60 };
	struct fixture f;
	int64_t last;

	(void)unused;
	start(&f, 7);
	syn(&f);
	last = f.h.now_us;
	by_hand_wait(&f.h, 400000000);
	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
		const struct segment *s = expect(&f, S | A, 0, 1, 0);

		assert_int_equal(s->t_us - last, gaps[i] * 1000000);
		last = s->t_us;
	}
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);

	establish(&f, 7);
	tell(&f, F | P | A, 1, 1, "12345");
	expect(&f, F | P | A, 1, 7, 5);
	by_hand_wait(&f.h, 1000000);
	expect(&f, F | P | A, 1, 7, 5);
	tell(&f, A, 7, 6, NULL); /* all but the FIN, which follows at once (RFC 5681 3.1) */
	expect(&f, F | A, 6, 7, 0);
	by_hand_wait(&f.h, 3000000);
	expect(&f, F | A, 6, 7, 0);
	expect(&f, F | A, 6, 7, 0);
	tell(&f, A, 7, 7, NULL);
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);
}

static void test_active_open(void **unused)
{
	struct fixture f;
	int id;

	(void)unused;
	start(&f, 5000);
	id = peer_connect(f.h.peer, &f.h.them, &f.h.us, f.h.now_us);
	assert_true(id >= 0);
	assert_int_equal(peer_connect(f.h.peer, &f.h.them, &f.h.us, f.h.now_us), -1);
	f.iss = f.h.got[0].seq;
	expect(&f, S, 0, 0, 0);
	tell(&f, S | A, 0, 2, NULL); /* wrong ACK */
	expect(&f, R, 2, 0, 0);
	tell(&f, R, 0, 0, NULL);     /* a reset without ACK */
	tell(&f, R | A, 0, 2, NULL); /* with a wrong one */
	tell(&f, A, 1, 1, NULL);
	expect_silence(&f);
	assert_int_equal(state(&f), PEER_SYN_SENT);
	by_hand_wait(&f.h, 1500000);
	expect(&f, S, 0, 0, 0);
	tell(&f, S | A, 0, 1, NULL);
	expect(&f, A, 1, 1, 0);
	assert_int_equal(state(&f), PEER_ESTABLISHED);
	peer_abort(f.h.peer, id, f.h.now_us);
	expect(&f, R, 1, 0, 0);
	assert_int_equal(state(&f), PEER_CLOSED);
	id = peer_connect(f.h.peer, &f.h.them, &f.h.us, f.h.now_us);
	assert_true(id >= 0);
	f.iss = by_hand_next(&f.h)->seq;
	tell(&f, R | A, 0, 1, NULL);
	assert_int_equal(state(&f), PEER_CLOSED);
	finish(&f);
}

static void test_simultaneous_open(void **unused)
{
	struct fixture f;

	(void)unused;
	for (int by_syn_ack = 0; by_syn_ack < 2; by_syn_ack++) {
		start(&f, 5000);
		assert_true(peer_connect(f.h.peer, &f.h.them, &f.h.us, f.h.now_us) >= 0);
		f.iss = f.h.got[0].seq;
		expect(&f, S, 0, 0, 0);
		tell(&f, S, 0, 0, NULL);
		expect(&f, S | A, 0, 1, 0);
		assert_int_equal(state(&f), PEER_SYN_RECEIVED);
		if (by_syn_ack)
			tell(&f, S | A, 0, 1, NULL);
		else
			tell(&f, A, 1, 1, NULL);
		expect_silence(&f);
		assert_int_equal(state(&f), PEER_ESTABLISHED);
		finish(&f);
	}
}

static void test_options(void **unused)
{
	struct peer_params params;
	struct fixture f;
	const struct segment *s;

	(void)unused;
	peer_defaults(&params);
	memset(&f, 0, sizeof f);
	by_hand_open(&f.h, &params, 7, "mss=1460,sackok,ts,wscale=7");
	by_hand_send(&f.h, S, isn, 0, NULL);
	s = by_hand_next(&f.h);
	assert_int_equal(s->options.present,
			 OPTION_MSS | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS | OPTION_WSCALE);
	assert_int_equal(s->options.tsecr, f.h.now_us / 1000);
	assert_int_equal(s->options.mss, 1460);
	f.iss = s->seq;
	f.h.timestamps = true;
	tell(&f, A, 1, 1, NULL);
	tell(&f, P | A, 1, 1, "x");
	s = expect(&f, P | A, 1, 2, 1);
	assert_int_equal(s->options.present, OPTION_TIMESTAMPS);
	assert_int_equal(s->options.tsecr, f.h.now_us / 1000);
	f.h.now_us -= 100000; /* an older TSval: acknowledged, not taken (RFC 7323 5.3 R1) */
	tell(&f, P | A, 2, 2, "y");
	expect(&f, A, 2, 2, 0);
	tell(&f, R, 2, 0, NULL); /* but no such test for a reset */
	assert_int_equal(state(&f), PEER_LISTEN);
	finish(&f);

	start(&f, 7); /* nothing is answered that was not offered */
	syn(&f);
	assert_int_equal(f.h.got[0].options.present, OPTION_MSS);
	finish(&f);
}

/* A SYN may reopen a connection from TIME-WAIT, and an old duplicate may not end it (MAY-2). */
static void test_reopen_from_time_wait(void **unused)
{
	struct fixture f;
	uint32_t end;
	const struct segment *s;

	(void)unused;
	establish(&f, 13);
	end = by_hand_next(&f.h)->len + 2;
	tell(&f, F | A, 1, end, NULL);
	expect(&f, A, end, 2, 0);
	assert_int_equal(state(&f), PEER_TIME_WAIT);
	tell(&f, S, 1, 0, NULL); /* not newer */
	expect(&f, A, end, 2, 0);
	tell(&f, S, 1000, 0, NULL);
	s = by_hand_next(&f.h);
	assert_int_equal(s->flags, S | A);
	assert_int_equal(s->ack, isn + 1001);
	assert_true((int32_t)(s->seq - f.iss - end) > 0);
	assert_int_equal(state(&f), PEER_SYN_RECEIVED);
	tell(&f, R, 1001, 0, NULL);
	assert_int_equal(state(&f), PEER_TIME_WAIT);
	tell(&f, F | A, 1, end, NULL);
	expect(&f, A, end, 2, 0);
	finish(&f);
}

static void test_zero_window(void **unused)
{
	struct segment s = { 0 };
	struct fixture f;
	int id;

	(void)unused;
	establish(&f, 11011);
	id = peer_find(f.h.peer, &f.h.them, &f.h.us);
	s.src = f.h.us;
	s.dst = f.h.them;
	s.flags = A;
	s.seq = isn + 1;
	s.ack = f.iss + 1;
	peer_receive(f.h.peer, &s, f.h.now_us); /* window 0 */
	peer_send(f.h.peer, id, "data", 4, f.h.now_us);
	expect_silence(&f);
	by_hand_wait(&f.h, 3000000); /* probes, with back-off */
	expect(&f, A, 1, 1, 1);
	expect(&f, A, 1, 1, 1);
	tell(&f, A, 1, 1, NULL); /* it opens, the probe was not taken */
	expect(&f, P | A, 1, 1, 4);
	finish(&f);
}

static void test_iss(void **unused)
{
	struct fixture f;
	uint32_t first;

	(void)unused;
	start(&f, 7);
	syn(&f);
	first = f.iss;
	tell(&f, R, 1, 0, NULL);
	f.h.now_us += 4000000;
	syn(&f); /* the clock of RFC 9293 3.4.1 has gone on by a million */
	assert_int_equal(f.iss - first, 1000000);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake_and_echo),
		cmocka_unit_test(test_active_close_and_time_wait),
		cmocka_unit_test(test_simultaneous_close),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_data_after_close),
		cmocka_unit_test(test_closed_port),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_syn_received),
		cmocka_unit_test(test_resets_and_challenges),
		cmocka_unit_test(test_challenges_are_throttled),
		cmocka_unit_test(test_data_placement),
		cmocka_unit_test(test_retransmission),
		cmocka_unit_test(test_active_open),
		cmocka_unit_test(test_simultaneous_open),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_reopen_from_time_wait),
		cmocka_unit_test(test_zero_window),
		cmocka_unit_test(test_iss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
