/* SPDX-License-Identifier: BSD-2-Clause */
/* The matrix of finwait test: what the generated checks are called, what they rest on, what they need, and that
 * the segment they send is what their names say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checks/drive.h"
#include "checks/matrix.h"
#include "core/seq.h"
#include "unit/rules_index.h"

/* How many combinations there are and how many can differ: to be changed on purpose only. */
enum { COMBINATIONS = 4472, MADE = 732 };

#define NO_WINDOW (IN(TCP_CLOSED) | IN(TCP_LISTEN) | IN(TCP_SYN_SENT))

static struct matrix_cell cells[MATRIX_CELLS];
static size_t count, all;

static int make(void **state)
{
	(void)state;
	count = matrix_make(rules_index(), cells, &all);
	return 0;
}

static void test_counts(void **state)
{
	size_t by_state[TCP_STATES] = { 0 }, by_kind[STIMULI] = { 0 };

	(void)state;
	assert_int_equal(all, COMBINATIONS);
	assert_int_equal(count, MADE);
	for (size_t i = 0; i < count; i++) {
		by_state[cells[i].state]++;
		by_kind[cells[i].stimulus.kind]++;
		assert_true(!i || cells[i].state >= cells[i - 1].state);
	}
	for (int s = 0; s < TCP_STATES; s++)
		assert_true(by_state[s] >= STIMULI);
	for (int k = 0; k < STIMULI; k++)
		assert_true(by_kind[k] >= TCP_STATES);
	print_message("# %zu checks of %zu combinations\n", count, all);
}

/* "SYN-RECEIVED" -> "syn-received" */
static const char *lower(const char *name)
{
	static char text[24];
	size_t n = strlen(name);

	assert_true(n < sizeof text);
	for (size_t i = 0; i <= n; i++)
		text[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	return text;
}

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct matrix_cell *c = &cells[i];
		const char *position = position_names[c->stimulus.position], *ack = acknowledges_names[c->stimulus.ack];
		char begin[MATRIX_NAME];

		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(c->name, cells[k].name);
		snprintf(begin, sizeof begin, "rcv-%s-%s/", stimulus_forms[c->stimulus.kind].name,
			 lower(tcp_state_name(c->state)));
		assert_memory_equal(c->name, begin, strlen(begin));
		assert_true(strlen(c->name) < MATRIX_NAME - 1); /* so none was cut */
		assert_true(strlen(c->about) < MATRIX_ABOUT - 1);
		assert_true(!(IN(c->state) & NO_WINDOW) == !!strstr(c->name, position) ||
			    c->stimulus.position == POSITION_ANY);
		assert_true(!ack == (c->stimulus.ack == ACKNOWLEDGES_USUAL));
		if (ack)
			assert_true(strstr(c->name, ack) && strstr(c->about, ack));
		if (c->state == TCP_SYN_RECEIVED)
			assert_true(!!strstr(c->name, "/active") != !!strstr(c->name, "/passive"));
		assert_ptr_equal(c->check.name, c->name);
		assert_ptr_equal(c->check.about, c->about);
		assert_true(strstr(c->about, tcp_state_name(c->state)) &&
			    strstr(c->about, stimulus_forms[c->stimulus.kind].about));
	}
}

/* What a check rests on is a rule that is in force in its state, and the very one for its event. */
static void test_events_and_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct matrix_cell *c = &cells[i];
		enum event e = c->event;

		assert_non_null(c->rule);
		assert_true(c->rule->states & IN(c->state));
		assert_int_equal(c->rule->event, c->event);
		assert_ptr_equal(event_rule(rules_index(), c->state, &e), c->rule);
		assert_int_equal(e, c->event);
		assert_int_equal(events[e].kind, EVENT_KIND_SEGMENT);
		assert_null(c->rule->impossible);
		assert_true(c->rule->reactions_count && c->rule->reactions[0].grade == GRADE_REQUIRED);
		assert_ptr_equal(c->check.requirements, c->rule->requirement);
	}
}

static enum opener opener_of(const struct matrix_cell *c)
{
	if (c->state == TCP_SYN_RECEIVED)
		return strstr(c->name, "/active") ? OPENER_ACTIVE : OPENER_PASSIVE;
	return c->state == TCP_CLOSED || c->state == TCP_SYN_SENT ? OPENER_ACTIVE : OPENER_PASSIVE;
}

/* The check leads into its state as finwait drive does, without what only moves data, then asks. */
static void test_steps_and_needs(void **state)
{
	const unsigned moves = 1u << ACTION_SEND | 1u << ACTION_RECEIVE;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct matrix_cell *c = &cells[i];
		const struct check *into = &drive_checks[c->state][opener_of(c)];
		size_t n = 0;

		while (c->check.steps[n] != STEP_END) {
			assert_true(n < CHECK_STEPS - 1);
			assert_int_not_equal(c->check.steps[n], STEP_HOLD);
			assert_int_not_equal(c->check.steps[n], STEP_TRANSFER_IN);
			assert_int_not_equal(c->check.steps[n], STEP_TRANSFER_OUT);
			n++;
		}
		assert_true(n > 3);
		assert_int_equal(c->check.steps[n - 2], STEP_STIMULUS);
		assert_int_equal(c->check.steps[n - 1], STEP_FOLLOW_UP);
		assert_int_equal(c->check.goal, IN(c->state));
		assert_string_equal(c->check.word, into->word);
		assert_int_equal(check_needs(&c->check), check_needs(into) & ~moves);
		assert_int_equal(!!(check_needs(&c->check) & 1u << ACTION_CONNECT), opener_of(c) == OPENER_ACTIVE);
		assert_int_equal(!!(check_needs(&c->check) & 1u << ACTION_LISTEN), opener_of(c) == OPENER_PASSIVE);
	}
}

/* ---- the segment ------------------------------------------------------------------------------- */

static const uint32_t numbers[] = { 0, 1, 1000, 0x7fffffff, 0x80000000, 0xffff0000, 0xfffffffe, 0xffffffff };

enum { NUMBERS = sizeof numbers / sizeof *numbers };

static struct tcb target_in(enum tcp_state state, uint32_t iss, uint32_t irs, uint32_t window)
{
	struct tcb t = { .state = state, .known = TCB_ISS | TCB_IRS, .iss = iss, .irs = irs };
	bool fin_out = IN(state) & (IN(TCP_FIN_WAIT_1) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK));

	t.snd_una = state == TCP_SYN_RECEIVED ? iss : iss + 1;
	t.snd_nxt = iss + 1 + !!(IN(state) & TCP_FIN_SENT);
	if (IN(state) & TCP_FIN_SENT) {
		t.known |= TCB_FIN;
		t.snd_una = fin_out ? iss + 1 : t.snd_nxt;
	}
	t.rcv_nxt = irs + 1 + !!(IN(state) & TCP_FIN_RECEIVED);
	t.rcv_edge = t.rcv_nxt + window;
	return t;
}

static void assert_placed(const struct stimulus *w, const struct tcb *t, const struct segment *s)
{
	const uint32_t len = segment_len(s) ? segment_len(s) : 1;
	const bool inside = w->position != POSITION_OUTSIDE_LEFT && w->position != POSITION_OUTSIDE_RIGHT;

	assert_int_equal(event_in_window(t, s), inside);
	switch (w->position) {
	case POSITION_OUTSIDE_LEFT:
		assert_int_equal((uint32_t)(s->seq + len), t->rcv_nxt);
		break;
	case POSITION_LEFT_EDGE:
		assert_int_equal(s->seq, t->rcv_nxt);
		break;
	case POSITION_MIDDLE:
		assert_true(seq_gt(s->seq, t->rcv_nxt) && seq_lt(s->seq + len, t->rcv_edge));
		break;
	case POSITION_RIGHT_EDGE:
		assert_int_equal((uint32_t)(s->seq + len), t->rcv_edge);
		break;
	default:
		assert_true(seq_gt(s->seq, t->rcv_edge));
	}
}

static void assert_acknowledges(const struct stimulus *w, const struct tcb *t, const struct segment *s)
{
	if (!(s->flags & FLAG_ACK)) {
		assert_int_equal(s->ack, 0);
		return;
	}
	switch (w->ack) {
	case ACKNOWLEDGES_OLD:
		assert_true(t->state == TCP_SYN_RECEIVED ? s->ack == t->iss : s->ack == t->snd_una - 1);
		break;
	case ACKNOWLEDGES_FUTURE:
		assert_true(seq_gt(s->ack, t->snd_nxt));
		break;
	case ACKNOWLEDGES_FIN:
		assert_int_equal(s->ack, t->snd_nxt);
		break;
	default:
		assert_int_equal(s->ack, t->state == TCP_SYN_RECEIVED ? t->snd_nxt : t->snd_una);
	}
}

static void test_segments(void **state)
{
	static const uint32_t windows[] = { 40, 536, 65535, 5000000 };

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct matrix_cell *c = &cells[i];
		const struct stimulus_form *form = &stimulus_forms[c->stimulus.kind];

		for (size_t k = 0; k < NUMBERS * NUMBERS * 4 && !(IN(c->state) & NO_WINDOW); k++) {
			const struct tcb t = target_in(c->state, numbers[k % NUMBERS], numbers[k / NUMBERS % NUMBERS],
						       windows[k / NUMBERS / NUMBERS]);
			struct segment s = { .options.malformed = -1 };

			assert_true(stimulus_make(&c->stimulus, &t, 7, &s));
			assert_int_equal(s.flags, form->flags);
			assert_int_equal(s.len, form->len);
			assert_int_equal(!s.urgent, !(form->flags & FLAG_URG));
			assert_placed(&c->stimulus, &t, &s);
			assert_acknowledges(&c->stimulus, &t, &s);
		}
	}
}

/* Where there is no room for positions, none is made up. */
static void test_windows_that_are_too_small(void **state)
{
	static const uint32_t windows[] = { 0, 1, 39, 10000001, 1 << 30 };

	(void)state;
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
		for (int p = POSITION_OUTSIDE_LEFT; p < POSITIONS; p++) {
			const struct stimulus w = { STIMULUS_DATA, (enum position)p, ACKNOWLEDGES_USUAL };
			const struct tcb t = target_in(TCP_ESTABLISHED, 5, 9, windows[i]);
			struct segment s = { .options.malformed = -1 };

			assert_false(stimulus_make(&w, &t, 7, &s));
		}
}

/* Without a connection any number does. */
static void test_without_a_window(void **state)
{
	const struct stimulus any = { STIMULUS_FIN_ACK, POSITION_ANY, ACKNOWLEDGES_USUAL };
	const struct stimulus edge = { STIMULUS_FIN_ACK, POSITION_LEFT_EDGE, ACKNOWLEDGES_USUAL };
	const struct tcb t = { .state = TCP_LISTEN };
	struct segment s = { .options.malformed = -1 };

	(void)state;
	assert_true(stimulus_make(&any, &t, 77, &s));
	assert_int_equal(s.seq, 77);
	assert_true(s.ack);
	assert_false(stimulus_make(&edge, &t, 77, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),	  cmocka_unit_test(test_names),
		cmocka_unit_test(test_events_and_rules), cmocka_unit_test(test_steps_and_needs),
		cmocka_unit_test(test_segments),  cmocka_unit_test(test_windows_that_are_too_small),
		cmocka_unit_test(test_without_a_window),
	};

	return cmocka_run_group_tests(tests, make, NULL);
}
