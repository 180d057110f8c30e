/* SPDX-License-Identifier: BSD-2-Clause */
/* Every fault changes what the peer sends, in the way its sentence says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/seq.h"
#include "peer/by_hand.h"

enum { S = FLAG_SYN, A = FLAG_ACK, F = FLAG_FIN, R = FLAG_RST, P = FLAG_PSH };

static const uint32_t isn = 5000;

static void start(struct by_hand *h, enum peer_fault fault, uint16_t port, const char *options)
{
	struct peer_params params;

	peer_defaults(&params);
	params.fault = fault;
	by_hand_open(h, &params, port, options);
}

/* What a correct prober does: a handshake. Returns the peer's ISS. */
static uint32_t establish(struct by_hand *h, enum peer_fault fault, uint16_t port, const char *options)
{
	uint32_t iss;

	start(h, fault, port, options);
	by_hand_send(h, S, isn, 0, NULL);
	by_hand_wait(h, 300000); /* some leave late */
	assert_true(h->n > 0);
	iss = h->got[0].seq;
	h->timestamps = h->got[0].options.present & OPTION_TIMESTAMPS;
	by_hand_send(h, A, isn + 1, iss + 1, NULL);
	return iss;
}

/* All that a peer sends in one conversation of each kind, as text. The prober's numbers do not depend on
 * what it gets, except for the ISS. */
struct record {
	char text[32768];
	size_t len;
};

static void write_down(struct record *r, struct by_hand *h, const char *what)
{
	r->len += (size_t)snprintf(r->text + r->len, sizeof r->text - r->len, "%s\n", what);
	for (size_t i = 0; i < h->n; i++) {
		const struct segment *s = &h->got[i];

		r->len += (size_t)snprintf(r->text + r->len, sizeof r->text - r->len,
					   "%lld %x seq %u ack %u len %u ttl %u sum %d options ",
					   (long long)s->t_us, s->flags, s->seq, s->ack, s->len, s->ttl,
					   s->checksum);
		for (int j = 0; j < s->options.raw_len; j++)
			r->len += (size_t)snprintf(r->text + r->len, sizeof r->text - r->len, "%02x",
						   s->options.raw[j]);
		r->text[r->len++] = '\n';
		assert_true(r->len < sizeof r->text - 256);
	}
	by_hand_close(h);
}

static void record_closed(struct record *r, struct by_hand *h, enum peer_fault fault)
{
	start(h, fault, 1, "mss=1460");
	by_hand_send(h, S, isn, 0, NULL);
	by_hand_send(h, F, isn, 0, NULL);
	by_hand_send(h, A, isn, 99, NULL);
	by_hand_send(h, R, isn, 0, NULL);
	write_down(r, h, "closed port");
	start(h, fault, 7, "mss=1460");
	by_hand_send(h, S, isn, 0, NULL);
	by_hand_send(h, S, isn, 0, NULL);
	by_hand_send(h, A, isn + 1, h->n ? h->got[0].seq + 2 : 0, NULL);
	by_hand_wait(h, 10000000);
	write_down(r, h, "half open");
}

static uint32_t data_got(const struct by_hand *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->got[i].len)
			return h->got[i].len;
	return 0;
}

static void record_open(struct record *r, struct by_hand *h, enum peer_fault fault)
{
	uint32_t iss, end;

	iss = establish(h, fault == FAULT_SYN_ACK_LATE || fault == FAULT_CHALLENGE_FIRST ? FAULT_NONE : fault,
			7, "mss=1460,ts,wscale=7,sackok");
	by_hand_send(h, P | A, isn + 1, iss + 1, "hello");
	by_hand_wait(h, 300000);
	by_hand_send(h, F | A, isn + 6, iss + 6, NULL);
	by_hand_wait(h, 10000000);
	by_hand_send(h, A, isn + 7, iss + 7, NULL);
	by_hand_wait(h, 10000000);
	write_down(r, h, "echo");
	iss = establish(h, fault == FAULT_SYN_ACK_LATE || fault == FAULT_CHALLENGE_FIRST ? FAULT_NONE : fault,
			13, "mss=1460");
	by_hand_wait(h, 10000000);
	end = iss + 2 + data_got(h);
	by_hand_send(h, F | A, isn + 1, end, NULL);
	by_hand_wait(h, 300000);
	by_hand_send(h, F | A, isn + 1, end, NULL);
	by_hand_wait(h, 300000);
	write_down(r, h, "daytime");
}

static void record_all(struct record *r, struct by_hand *h, enum peer_fault fault)
{
	r->len = 0;
	record_closed(r, h, fault);
	record_open(r, h, fault);
	r->text[r->len] = '\0';
}

static void test_every_fault_shows(void **unused)
{
	struct record *honest = malloc(sizeof *honest), *faulty = malloc(sizeof *faulty);
	struct by_hand *h = malloc(sizeof *h);

	(void)unused;
	assert_true(honest && faulty && h);
	record_all(honest, h, FAULT_NONE);
	record_all(faulty, h, FAULT_NONE);
	assert_string_equal(honest->text, faulty->text);
	for (int i = FAULT_NONE + 1; i < FAULTS; i++) {
		if (faults_is_odd((enum peer_fault)i))
			continue;
		record_all(faulty, h, (enum peer_fault)i);
		if (!strcmp(honest->text, faulty->text))
			fail_msg("%s changes nothing", faults_info((enum peer_fault)i)->name);
	}
	free(honest);
	free(faulty);
	free(h);
}

/* ---- what answers to odd segments ------------------------------------------------------------------- */

/* The manual port's connection in this state, by hand; false if the fault keeps it from getting there. */
static bool reach(struct by_hand *h, enum peer_fault fault, enum peer_state state, uint32_t *iss, uint32_t *next)
{
	const bool first = state == PEER_FIN_WAIT_1 || state == PEER_FIN_WAIT_2 || state == PEER_CLOSING;
	const bool last = state == PEER_CLOSE_WAIT || state == PEER_LAST_ACK;

	start(h, fault, state == PEER_CLOSED ? 1 : 11011, "mss=1460");
	*iss = 0;
	*next = isn;
	if (state == PEER_SYN_SENT)
		peer_connect(h->peer, &h->them, &h->us, h->now_us);
	else if (state > PEER_LISTEN)
		by_hand_send(h, S, isn, 0, NULL);
	if (h->n)
		*iss = h->got[0].seq;
	if (state <= PEER_SYN_SENT)
		return true;
	*next = isn + 1;
	if (state > PEER_SYN_RECEIVED)
		by_hand_send(h, A, isn + 1, *iss + 1, NULL);
	if (last)
		by_hand_send(h, F | A, (*next)++, *iss + 1, NULL);
	if (first || state == PEER_LAST_ACK)
		peer_shutdown(h->peer, peer_find(h->peer, &h->them, &h->us), h->now_us);
	if (state == PEER_FIN_WAIT_2)
		by_hand_send(h, A, isn + 1, *iss + 2, NULL);
	if (state == PEER_CLOSING)
		by_hand_send(h, F | A, (*next)++, *iss + 1, NULL);
	return peer_state(h->peer, &h->them, &h->us) == state;
}

/* What the peer says to one odd segment in each state, and to an ordinary one after it. */
static void record_odd(struct record *r, struct by_hand *h, enum peer_fault fault, uint16_t flags, int seq, int ack)
{
	const char *text = flags & P ? "odd" : NULL;
	char what[40];

	r->len = 0;
	for (int state = PEER_CLOSED; state <= PEER_LAST_ACK; state++) {
		uint32_t iss, next;
		bool there = reach(h, fault, (enum peer_state)state, &iss, &next);

		by_hand_send(h, flags, next + (uint32_t)seq, flags & A ? iss + (uint32_t)ack : 0, text);
		by_hand_send(h, A, next, iss + 1, NULL);
		by_hand_wait(h, 4000000);
		snprintf(what, sizeof what, "%s%s", peer_state_name((enum peer_state)state), there ? "" : ", missed");
		write_down(r, h, what);
	}
	r->text[r->len] = '\0';
}

static void test_every_odd_fault_shows(void **unused)
{
	static const struct {
		uint16_t flags;
		int seq, ack;
	} odd[] = {
		{ R, 0, 0 }, { R | A, 0, 1 }, { R, -1, 0 }, { R | A, 7, 99 }, { R, 9000000, 0 }, { A, 0, 1 },
		{ A, 0, 2 }, { A, 0, 99 }, { A, -1, 1 }, { F, 0, 0 }, { 0, 0, 0 }, { F | A, 0, 1 }, { F | A, -1, 1 }, { F | A, 50, 1 },
		{ P | A, 0, 1 }, { P | A, 50, 1 }, { P | A, 9000000, 1 }, { P | A | FLAG_URG, 0, 1 }, { S, 0, 0 },
		{ S, 50, 0 }, { S, -1, 0 }, { S | A, 50, 99 }, { S | R, 0, 0 }, { S, -2, 0 },
	};
	struct record *honest = malloc(sizeof *honest), *faulty = malloc(sizeof *faulty);
	struct by_hand *h = malloc(sizeof *h);
	bool shows[FAULTS] = { false };

	(void)unused;
	assert_true(honest && faulty && h);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		record_odd(honest, h, FAULT_NONE, odd[i].flags, odd[i].seq, odd[i].ack);
		assert_null(strstr(honest->text, "missed"));
		for (int f = FAULT_NONE + 1; f < FAULTS; f++) {
			if (!faults_is_odd((enum peer_fault)f) || shows[f])
				continue;
			record_odd(faulty, h, (enum peer_fault)f, odd[i].flags, odd[i].seq, odd[i].ack);
			shows[f] = strcmp(honest->text, faulty->text);
		}
	}
	for (int f = FAULT_NONE + 1; f < FAULTS; f++)
		if (faults_is_odd((enum peer_fault)f) && !shows[f])
			fail_msg("%s changes nothing", faults_info((enum peer_fault)f)->name);
	free(honest);
	free(faulty);
	free(h);
}

static void test_table(void **unused)
{
	(void)unused;
	for (int i = FAULT_NONE; i < FAULTS; i++) {
		const struct fault *f = faults_info((enum peer_fault)i);

		assert_non_null(f->name);
		assert_non_null(f->citation);
		assert_int_equal(f->does[strlen(f->does) - 1], '.');
		assert_int_equal(faults_by_name(f->name), i); /* so names are unique */
	}
	assert_int_equal(faults_by_name("no-such-fault"), FAULTS);
}

static struct by_hand hand;

/* The answer to a SYN. */
static const struct segment *answer(enum peer_fault fault, uint16_t port)
{
	start(&hand, fault, port, "mss=1460");
	by_hand_send(&hand, S, isn, 0, NULL);
	assert_true(hand.n > 0);
	by_hand_close(&hand);
	return &hand.got[0];
}

static void test_answers_to_syn(void **unused)
{
	const struct segment *s;

	(void)unused;
	assert_int_equal(answer(FAULT_SYN_ACK_WRONG_ACK_ISN, 7)->ack, isn);
	assert_int_equal(answer(FAULT_SYN_ACK_WRONG_ACK_PLUS_TWO, 7)->ack, isn + 2);
	assert_true(abs(seq_diff(answer(FAULT_SYN_ACK_WRONG_ACK_RANDOM, 7)->ack, isn + 1)) > 2);
	assert_true(answer(FAULT_SYN_ACK_OPTION_WSCALE, 7)->options.present & OPTION_WSCALE);
	assert_true(answer(FAULT_SYN_ACK_OPTION_TIMESTAMPS, 7)->options.present & OPTION_TIMESTAMPS);
	assert_int_equal(answer(FAULT_SYN_ACK_NO_ACK, 7)->flags, S);
	assert_int_equal(answer(FAULT_SYN_ACK_FIN, 7)->flags, S | A | F);
	assert_int_equal(answer(FAULT_OPTION_BAD_LENGTH, 7)->options.malformed, 2);
	assert_int_equal(answer(FAULT_OPTION_OVERRUN, 7)->options.malformed, 8);
	assert_int_equal(answer(FAULT_CHECKSUM_BAD, 7)->checksum, CHECKSUM_BAD);
	assert_int_equal(answer(FAULT_CHECKSUM_BAD_ONCE, 7)->checksum, CHECKSUM_BAD);
	assert_int_equal(answer(FAULT_RESERVED_BITS, 7)->flags, S | A | 0x200);
	assert_int_equal(answer(FAULT_TTL_255, 7)->ttl, 255);
	assert_int_equal(answer(FAULT_ISS_CONSTANT, 7)->seq, 1000);
	assert_int_equal(answer(FAULT_ISS_CONSTANT, 9)->seq, 1000);
	s = answer(FAULT_RST_SEQ_NOT_ZERO, 1);
	assert_int_equal(s->flags, R | A);
	assert_true(s->seq != 0 && s->ack == isn + 1);
	assert_int_equal(answer(FAULT_RST_NO_ACK, 1)->flags, R);
	assert_int_equal(answer(FAULT_RST_SYN_NOT_COUNTED, 1)->ack, isn);
}

/* The answer to a FIN in ESTABLISHED on the echo port; numbers become relative. */
static struct segment answer_to_fin(enum peer_fault fault, size_t which)
{
	uint32_t iss = establish(&hand, fault, 7, "mss=1460");
	struct segment s;

	by_hand_send(&hand, F | A, isn + 1, iss + 1, NULL);
	by_hand_wait(&hand, 5000000);
	by_hand_close(&hand);
	assert_true(hand.n > which);
	s = hand.got[which];
	s.seq -= iss;
	s.ack -= isn;
	return s;
}

static void test_closing(void **unused)
{
	struct segment s = answer_to_fin(FAULT_NONE, 1);

	(void)unused;
	assert_int_equal(s.flags, F | A);
	assert_int_equal(s.seq, 1);
	assert_int_equal(s.ack, 2);
	assert_int_equal(answer_to_fin(FAULT_FIN_NOT_COUNTED, 1).ack, 1);
	assert_int_equal(answer_to_fin(FAULT_FIN_SEQ_HIGH, 1).seq, 2);
	assert_int_equal(answer_to_fin(FAULT_FIN_SEQ_LOW, 1).seq, 0);
	assert_int_equal(answer_to_fin(FAULT_FIN_MOVES, 1).seq, 1);
	assert_int_equal(answer_to_fin(FAULT_FIN_MOVES, 2).seq, 2);
	assert_int_equal(answer_to_fin(FAULT_FIN_WITHOUT_ACK, 1).flags, F);
	assert_int_equal(answer_to_fin(FAULT_ACK_UNSENT, 1).ack, 1002);
	assert_int_equal(answer_to_fin(FAULT_SYN_BIT_LATER, 1).flags, S | F | A);
	assert_int_equal(answer_to_fin(FAULT_RST_TO_FIN, 1).flags, R);
	assert_int_equal(answer_to_fin(FAULT_RST_OUT_OF_WINDOW, 1).seq, 0x50000001);
	assert_int_equal(answer_to_fin(FAULT_RST_SEQ_LOW, 1).seq, (uint32_t)-2);
	assert_int_equal(answer_to_fin(FAULT_DATA_AFTER_FIN, 2).len, 4);
	assert_int_equal(answer_to_fin(FAULT_DATA_AFTER_FIN, 2).seq, 2);
	assert_int_equal(answer_to_fin(FAULT_RST_AFTER_FIN, 2).flags, R);
	s = answer_to_fin(FAULT_ACTIVITY_AFTER_RST, 2);
	assert_int_equal(s.flags, P | A);
	assert_int_equal(s.t_us - hand.got[1].t_us, 1500000);
	/* the ACK by itself, then the FIN, with an ACK number that goes back or a place that changes */
	assert_int_equal(answer_to_fin(FAULT_ACK_APART, 1).flags, A);
	assert_int_equal(answer_to_fin(FAULT_ACK_APART, 2).flags, F | A);
	assert_int_equal(answer_to_fin(FAULT_ACK_WITHDRAWN, 1).ack, 2);
	assert_int_equal(answer_to_fin(FAULT_ACK_WITHDRAWN, 2).ack, 1);
	assert_int_equal(answer_to_fin(FAULT_REORDERS, 1).flags, F | A);
	assert_int_equal(answer_to_fin(FAULT_REORDERS, 2).flags, A);
	s = answer_to_fin(FAULT_FIN_LOST_ONCE, 1);
	assert_int_equal(s.flags, F | A);
	assert_int_equal(s.t_us - hand.got[0].t_us, 1300000);
	answer_to_fin(FAULT_NO_BACK_OFF, 5); /* five repetitions in five seconds */
	answer_to_fin(FAULT_FIN_NOT_REPEATED, 1);
	assert_int_equal(hand.n, 2);
}

/* Silence where an answer is due. */
static void test_silence(void **unused)
{
	uint32_t iss;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		iss = establish(&hand, i ? FAULT_DIES : FAULT_FIN_IGNORED, 7, "mss=1460");
		by_hand_send(&hand, F | A, isn + 1, iss + 1, NULL);
		by_hand_wait(&hand, 5000000);
		assert_int_equal(hand.n, 1);
		by_hand_close(&hand);
	}
	start(&hand, FAULT_BAD_ACK_IGNORED, 7, "mss=1460");
	by_hand_send(&hand, A, isn, 7, NULL);
	by_hand_send(&hand, S, isn, 0, NULL);
	by_hand_send(&hand, A, isn + 1, 7, NULL);
	assert_int_equal(hand.n, 1);
	by_hand_close(&hand);
}

/* A repeated FIN in TIME-WAIT, after an active close. */
static void test_time_wait(void **unused)
{
	static const enum peer_fault faults[] = { FAULT_NONE, FAULT_NO_TIME_WAIT, FAULT_TIME_WAIT_SILENT };

	(void)unused;
	for (int i = 0; i < 3; i++) {
		uint32_t iss = establish(&hand, faults[i], 13, "mss=1460"), end = iss + 2 + data_got(&hand);

		by_hand_send(&hand, F | A, isn + 1, end, NULL);
		by_hand_send(&hand, F | A, isn + 1, end, NULL);
		by_hand_close(&hand);
		assert_int_equal(hand.n, faults[i] == FAULT_TIME_WAIT_SILENT ? 3 : 4);
		assert_int_equal(hand.got[2].flags, A);
		if (faults[i] == FAULT_NO_TIME_WAIT)
			assert_int_equal(hand.got[3].flags, R);
		if (faults[i] == FAULT_NONE)
			assert_int_equal(hand.got[3].ack, isn + 2);
	}
}

static void test_first_syns(void **unused)
{
	(void)unused;
	start(&hand, FAULT_SYN_ACK_LATE, 7, "mss=1460");
	by_hand_send(&hand, S, isn, 0, NULL);
	by_hand_send(&hand, S, isn, 0, NULL);
	assert_int_equal(hand.n, 0);
	by_hand_send(&hand, S, isn, 0, NULL);
	assert_int_equal(hand.got[0].flags, S | A);
	by_hand_close(&hand);
	/* RFC 9293 Figure 9 */
	start(&hand, FAULT_CHALLENGE_FIRST, 7, "mss=1460");
	by_hand_send(&hand, S, isn, 0, NULL);
	assert_int_equal(hand.n, 1);
	assert_int_equal(hand.got[0].flags, A);
	assert_true(hand.got[0].ack != isn + 1);
	by_hand_send(&hand, R, hand.got[0].ack, 0, NULL);
	by_hand_send(&hand, S, isn, 0, NULL);
	assert_int_equal(hand.n, 2);
	assert_int_equal(hand.got[1].flags, S | A);
	assert_int_equal(hand.got[1].ack, isn + 1);
	by_hand_close(&hand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	cmocka_unit_test(test_every_fault_shows),
		cmocka_unit_test(test_every_odd_fault_shows),
		cmocka_unit_test(test_answers_to_syn), cmocka_unit_test(test_closing),
		cmocka_unit_test(test_silence),	cmocka_unit_test(test_time_wait),
		cmocka_unit_test(test_first_syns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
