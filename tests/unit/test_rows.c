/* SPDX-License-Identifier: BSD-2-Clause */
/* The proof that every row of the table can be judged: each live row, in each of its states, happens to the
 * simulated peer, once with the honest reaction, which must never be accused, and once with each wrong one,
 * which must be accused by that row. Time is virtual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/row_driver.h"

enum { SETTLE_US = 900000, REST_US = 1200000, KIND = FLAG_SYN | FLAG_FIN | FLAG_RST | FLAG_ACK };

static struct rule_index table;

/* Mutants that no observer can tell from legal behaviour. */
struct excused {
	enum tcp_state state;
	enum event event;
	enum peer_mutation kind;
	const char *why;
};

static const struct excused excused[] = {
	{TCP_CLOSED, EVENT_USER_PASSIVE_OPEN, PEER_WRONG_NEXT_STATE, "a full backlog refuses SYNs as well"},
	{TCP_LISTEN, EVENT_USER_PASSIVE_OPEN, PEER_WRONG_NEXT_STATE, "a full backlog refuses SYNs as well"},
};

/* Rows that nobody sees on the wire of this peer. */
struct unreachable {
	enum tcp_state state;
	enum event event;
	const char *why;
};

static const struct unreachable unreachable[] = {
	{TCP_LISTEN, EVENT_USER_ACTIVE_OPEN, "no interface turns a listener into a caller"},
	{TCP_LISTEN, EVENT_USER_SEND, "no interface sends on a listener"},
	{TCP_LISTEN, EVENT_USER_SHUTDOWN_WR, "whether shutdown closes a listener is the interface's choice"},
};

static const char *why_excused(enum tcp_state state, enum event event, enum peer_mutation kind)
{
	for (size_t i = 0; i < sizeof excused / sizeof *excused; i++)
		if (excused[i].state == state && excused[i].event == event && excused[i].kind == kind)
			return excused[i].why;
	return NULL;
}

static const char *why_unreachable(enum tcp_state state, enum event event)
{
	for (size_t i = 0; i < sizeof unreachable / sizeof *unreachable; i++)
		if (unreachable[i].state == state && unreachable[i].event == event)
			return unreachable[i].why;
	return NULL;
}

static bool lists(const struct rule *r, enum reply reply, bool throttled)
{
	for (unsigned i = 0; i < r->reactions_count; i++)
		if (r->reactions[i].reply == reply && (throttled || r->reactions[i].grade != GRADE_THROTTLED))
			return true;
	return false;
}

static bool lists_kind(const struct rule *r, uint16_t flags)
{
	for (unsigned i = 0; i < r->reactions_count; i++)
		if (r->reactions[i].reply != REPLY_NONE && replies[r->reactions[i].reply].flags == flags)
			return true;
	return false;
}

static tcp_states expected_next(const struct rule *r, enum tcp_state state)
{
	return r->reactions[0].next ? r->reactions[0].next : IN(state);
}

static enum tcp_state first_of(tcp_states set)
{
	for (unsigned state = 0; state < TCP_STATES; state++)
		if (set & IN(state))
			return (enum tcp_state)state;
	return TCP_STATES;
}

/* One run; its verdicts are left in d->j. False if the row cannot be brought about. */
static bool play(struct row_driver *d, enum tcp_state state, enum event event, enum peer_mutation kind,
		 bool told)
{
	const struct rule *r = table.rule[state][event];
	enum tcp_state next = first_of(expected_next(r, state));

	row_open(d, &table, state, event, told, 0);
	d->verbose = getenv("ROWS_VERBOSE");
	if (!row_reach(d) || !row_apply(d, kind))
		return false;
	row_wait(d, SETTLE_US);
	if (kind == PEER_SILENCE && lists(r, REPLY_NONE, true)) {
		row_wait(d, REST_US);
		row_apply(d, kind);
		row_wait(d, SETTLE_US);
	}
	row_ask(d, next);
	row_wait(d, SETTLE_US);
	if (next == TCP_LISTEN || next == TCP_CLOSED)
		return true;
	row_ask(d, next == TCP_SYN_SENT ? TCP_ESTABLISHED : next);
	row_wait(d, SETTLE_US);
	return true;
}

/* Whether the table lets the mutant's next state pass: gone for living, or living for gone. */
static bool next_state_conforms(const struct rule *r, enum tcp_state state, const struct row_driver *honest)
{
	tcp_states gone = IN(TCP_CLOSED) | IN(TCP_LISTEN);
	bool dies = expected_next(r, state) & gone;

	for (unsigned i = 0; i < r->reactions_count; i++) {
		const struct reaction *a = &r->reactions[i];
		tcp_states next = a->next ? a->next : IN(state);
		bool same = honest->replies ? a->reply != REPLY_NONE &&
						      replies[a->reply].flags == (honest->first.flags & KIND)
					    : a->reply == REPLY_NONE;

		if (same && (dies ? next & ~gone : next & gone))
			return true;
	}
	return false;
}

static bool iss_is_free(const struct rule *r, const struct row_driver *honest)
{
	return honest->first.flags & FLAG_SYN &&
	       (lists(r, REPLY_SYN, true) ||
		(lists(r, REPLY_SYN_ACK, true) && honest->state != TCP_SYN_SENT)) &&
	       honest->event != EVENT_TO_RETRANSMISSION;
}

/* Whether the reaction differs from what the row accepts at all. */
static bool applies(const struct rule *r, const struct row_driver *honest, enum peer_mutation kind)
{
	bool replied = honest->replies;

	/* A call that finds no connection has nobody to address, and nothing to change but the port. */
	if (honest->state <= TCP_LISTEN && events[honest->event].kind == EVENT_KIND_USER && !replied &&
	    (kind != PEER_WRONG_NEXT_STATE || honest->event != EVENT_USER_PASSIVE_OPEN))
		return kind == PEER_WRONG_NEXT_STATE && honest->state == TCP_LISTEN &&
		       expected_next(r, honest->state) == IN(TCP_CLOSED);
	switch (kind) {
	case PEER_WRONG_SEQ:
		return replied && !iss_is_free(r, honest);
	case PEER_WRONG_ACK:
		return replied && honest->first.flags & FLAG_ACK;
	case PEER_WRONG_FLAGS:
		return replied;
	case PEER_SILENCE:
		return replied && !lists(r, REPLY_NONE, false);
	case PEER_WRONG_NEXT_STATE:
		return !next_state_conforms(r, honest->state, honest);
	case PEER_UNDUE_ACK:
		return !replied && !lists_kind(r, FLAG_ACK);
	case PEER_UNDUE_RST:
		return !replied && lists_kind(r, FLAG_ACK) && !lists_kind(r, FLAG_RST);
	default:
		return false;
	}
}

struct figures {
	unsigned live, exercised, unseen, mutants, caught, excused, wrong, accused;
	unsigned segments, segments_caught; /* mutants of rows for segments, while nobody tells of calls */
};

static void print_verdict(const struct row_driver *d)
{
	char name[RULE_NAME];

	for (unsigned i = 0; i < d->j.count; i++) {
		const struct verdict *v = &d->j.failed[i];

		print_message("#     %s: expected %s, observed %s%s%s\n", rule_name(v->rule, v->state, name),
			      v->expected, v->observed, v->reason[0] ? "; " : "", v->reason);
	}
}

static void one_mutant(struct figures *f, const struct rule *r, enum tcp_state state, enum event event,
		       enum peer_mutation kind)
{
	static struct row_driver d;
	const char *why = why_excused(state, event, kind);
	char name[RULE_NAME];
	bool caught;

	if (events[event].kind == EVENT_KIND_SEGMENT) {
		play(&d, state, event, kind, false);
		row_close(&d);
		f->segments++;
		f->segments_caught += d.j.count && d.j.failed[0].rule == r;
	}
	play(&d, state, event, kind, true);
	row_close(&d);
	caught = d.j.count && d.j.failed[0].rule == r && d.j.failed[0].outcome == OUTCOME_FAIL &&
		 d.j.failed[0].state == state;
	f->mutants++;
	f->caught += caught;
	if (why) {
		f->excused++;
		print_message("# not told apart: %s, %s: %s\n", rule_name(r, state, name),
			      peer_mutation_name(kind), why);
	}
	if (caught == !why)
		return;
	f->wrong++;
	print_message("# %s, %s: %s\n", rule_name(r, state, name), peer_mutation_name(kind),
		      caught      ? "caught though excused"
		      : d.j.count ? "another verdict"
				  : "not caught");
	print_verdict(&d);
}

/* A call or timer of which nobody told may look wrong, but never for certain. */
static bool is_accused(const struct row_driver *d, enum event event)
{
	return d->j.count &&
	       (events[event].kind == EVENT_KIND_SEGMENT || d->j.failed[0].certainty == CERTAIN);
}

static void one_row(struct figures *f, const struct rule *r, enum tcp_state state, enum event event)
{
	static struct row_driver honest, untold;
	const char *why = why_unreachable(state, event);
	char name[RULE_NAME];
	bool played;

	f->live++;
	played = play(&honest, state, event, PEER_HONEST, true);
	row_close(&honest);
	if (!played) {
		f->unseen++;
		print_message("# not on the wire: %s: %s\n", rule_name(r, state, name),
			      why ? why : "UNEXPLAINED");
		f->wrong += !why;
		return;
	}
	f->exercised++;
	play(&untold, state, event, PEER_HONEST, false);
	row_close(&untold);
	if (honest.j.count || is_accused(&untold, event)) {
		f->accused++;
		print_message("# the honest peer is accused: %s\n", rule_name(r, state, name));
		print_verdict(&honest);
		print_verdict(&untold);
		return;
	}
	for (enum peer_mutation kind = PEER_HONEST + 1; kind < PEER_MUTATIONS; kind++)
		if (applies(r, &honest, kind))
			one_mutant(f, r, state, event, kind);
}

static void test_every_row(void **state)
{
	struct figures f = {0};
	const char *only_state = getenv("ROWS_STATE"), *only_event = getenv("ROWS_EVENT");

	(void)state;
	rule_index_init(&table);
	for (unsigned s = 0; s < TCP_STATES; s++) {
		for (unsigned e = EVENT_ANY + 1; e < EVENTS; e++) {
			const struct rule *r = table.rule[s][e];

			if (!r || r->impossible)
				continue;
			if ((only_state && strcmp(only_state, tcp_state_name((enum tcp_state)s))) ||
			    (only_event && strcmp(only_event, events[e].name)))
				continue;
			one_row(&f, r, (enum tcp_state)s, (enum event)e);
		}
	}
	print_message("# rows exercised: %u of %u live ones (%u not on the wire)\n", f.exercised, f.live,
		      f.unseen);
	print_message("# honest peer accused: %u\n", f.accused);
	print_message("# mutants caught: %u of %u, %u listed as not told apart\n", f.caught, f.mutants,
		      f.excused);
	print_message("# with an application that tells nothing, of segments: %u of %u\n", f.segments_caught,
		      f.segments);
	assert_int_equal(f.accused, 0);
	assert_int_equal(f.wrong, 0);
	assert_int_equal(f.exercised + f.unseen, f.live);
	if (only_state || only_event)
		return;
	assert_true(f.excused * 10 < f.mutants);
	/* what nobody told of excuses some, but no more than these */
	assert_true(f.segments_caught * 100 >= f.segments * 85);
}

struct walks {
	unsigned count, accused, mute;
};

/* A walk of random events, honest throughout. */
static void walk(struct walks *w, unsigned seed, bool told, int64_t delay_us)
{
	static const enum tcp_state begin[] = {TCP_LISTEN,     TCP_SYN_SENT,   TCP_ESTABLISHED,
					       TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT,
					       TCP_TIME_WAIT};
	static struct row_driver d;
	enum tcp_state state = begin[seed % (sizeof begin / sizeof *begin)];

	srandom(seed);
	row_open(&d, &table, state, seed % 3 ? EVENT_SYN : EVENT_PAWS_OLD_TS, told, delay_us);
	d.verbose = getenv("ROWS_VERBOSE");
	d.unnamed = true;
	row_reach(&d);
	for (int i = 0; i < 12 && !d.j.count; i++) {
		d.event = (enum event)(1 + random() % (EVENTS - 1));
		/* the peer has no such timer in TIME-WAIT; without a connection the call is the listener's */
		if (d.event == EVENT_TO_USER && peer_state(d.peer, &d.them, &d.us) == PEER_TIME_WAIT)
			continue;
		if (d.id < 0 && (d.event == EVENT_USER_CLOSE || d.event == EVENT_USER_ABORT))
			continue;
		row_apply(&d, PEER_HONEST);
		if (random() % 2)
			row_wait(&d, random() % SETTLE_US);
		if (!(random() % 4))
			row_ask(&d, TCP_ESTABLISHED);
	}
	row_wait(&d, 2 * SETTLE_US);
	row_close(&d);
	w->count++;
	/* of what nobody told the judge may be mistaken, if it says so */
	if (d.j.count && (told || d.j.failed[0].certainty == CERTAIN)) {
		w->accused++;
		print_message("# walk %u accuses (%s)\n", seed, delay_us ? "far" : told ? "told" : "untold");
		print_verdict(&d);
	} else {
		w->mute += d.answer.mute;
	}
}

static void walks(struct walks *w, unsigned count, bool told, int64_t delay_us)
{
	const char *only = getenv("ROWS_WALK");

	rule_index_init(&table);
	for (unsigned seed = 1; seed <= count; seed++)
		if (!only || (unsigned)atoi(only) == seed)
			walk(w, seed, told, delay_us);
	print_message("# honest walks: %u, verdicts: %u, given up: %u\n", w->count, w->accused, w->mute);
	assert_int_equal(w->accused, 0);
	if (only)
		return;
	assert_int_equal(w->count, count);
	assert_true(w->mute * 10 < w->count); /* a judge that gives up accuses nobody */
}

static void test_honest_walks_told(void **state)
{
	struct walks w = {0};

	(void)state;
	walks(&w, 2000, true, 0);
}

static void test_honest_walks_untold(void **state)
{
	struct walks w = {0};

	(void)state;
	walks(&w, 2000, false, 0);
}

static void test_honest_walks_far_away(void **state)
{
	struct walks w = {0};

	(void)state;
	walks(&w, 1000, false, 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_honest_walks_told),
		cmocka_unit_test(test_honest_walks_untold),
		cmocka_unit_test(test_honest_walks_far_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
