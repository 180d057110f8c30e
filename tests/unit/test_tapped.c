/* SPDX-License-Identifier: BSD-2-Clause */
/* Two honest TCPs talk over a path that loses, doubles, reorders and delays; somewhere on it everything is
 * captured and judged, for both ends. Neither may be accused. All in virtual time; the seed decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/conn.h"
#include "core/random.h"
#include "peer/peer.h"
#include "unit/rules_index.h"

enum { EVENTS_ROOM = 4096, DATA_ROOM = 1500, LOG_ROOM = 4096 };

/* A segment on its way to the capture point (leg 0) or from it (leg 1). */
struct flying {
	int64_t at_us;
	unsigned order, from, leg;
	struct segment s;
	uint8_t data[DATA_ROOM];
};

struct path {
	unsigned loss[2], duplicate, reorder; /* percent; loss before and behind the capture point */
	int64_t delay_us[2][2];               /* by sender and leg */
	int64_t late_us;
};

struct world {
	uint64_t random;
	int64_t now_us;
	struct path path;
	struct peer *peers[2];
	struct endpoint ends[2];
	int client;
	struct flying *flying;
	unsigned count, order, vantage, frames;
	struct conn conn;
	struct judgement j;
	unsigned certain, likely;
	uint64_t seen_rules;
	char first[400];
	bool tell;
};

static unsigned chance(struct world *w, unsigned percent)
{
	return random_next(&w->random) % 100 < percent;
}

static void launch(struct world *w, unsigned from, unsigned leg, const struct segment *s)
{
	bool path = w->path.delay_us[from][leg]; /* at an end there is none */
	struct flying *f;

	if (w->count == EVENTS_ROOM || (path && chance(w, w->path.loss[leg])))
		return;
	f = &w->flying[w->count++];
	f->s = *s;
	f->from = from;
	f->leg = leg;
	f->order = w->order++;
	f->at_us = w->now_us + w->path.delay_us[from][leg];
	if (path && chance(w, w->path.reorder))
		f->at_us += (int64_t)(random_next(&w->random) % (uint64_t)(w->path.late_us + 1));
	assert_true(s->data_len <= DATA_ROOM);
	if (s->data_len)
		memcpy(f->data, s->data, s->data_len);
	if (path && chance(w, w->path.duplicate))
		launch(w, from, leg, s);
}

struct port {
	struct world *w;
	unsigned from;
};

static void output(void *arg, const struct segment *s)
{
	const struct port *port = arg;

	launch(port->w, port->from, 0, s);
}

static void captured(struct world *w, unsigned from, struct segment *s)
{
	char flags[FLAGS_TEXT];

	s->t_us = w->now_us;
	s->frame = ++w->frames;
	if (conn_is_reopened(&w->conn, from, s))
		conn_reopen(&w->conn);
	conn_observe(&w->conn, rules_index(), from, s, &w->j);
	if (w->tell)
		print_message("%9.3f %4u %s %s %u:%u ack %u\n", (double)w->now_us / 1e6, w->frames,
			      from ? "<" : ">", flags_text(s->flags, flags),
			      conn_relative(&w->conn.ends[from], s->seq), s->len,
			      conn_relative(&w->conn.ends[1 - from], s->ack));
	for (unsigned i = 0; i < w->j.count; i++) {
		const struct verdict *v = &w->j.failed[i];

		*(v->certainty == CERTAIN ? &w->certain : &w->likely) += 1;
		if (!w->first[0])
			snprintf(w->first, sizeof w->first, "frame %u: %s %s: expected %s; observed %s; %s",
				 w->frames, rule_of(v), certainty_name(v->certainty), v->expected,
				 v->observed, v->reason);
	}
}

static struct flying *next_flying(struct world *w)
{
	struct flying *next = NULL;

	for (unsigned i = 0; i < w->count; i++) {
		struct flying *f = &w->flying[i];

		if (!next || f->at_us < next->at_us || (f->at_us == next->at_us && f->order < next->order))
			next = f;
	}
	return next;
}

/* Lets time pass until `until_us`. */
static void run_until(struct world *w, int64_t until_us)
{
	for (;;) {
		struct flying *f = next_flying(w);
		int64_t timers[2] = { peer_next_timer(w->peers[0]), peer_next_timer(w->peers[1]) };
		int64_t at = timers[0] < timers[1] ? timers[0] : timers[1];

		if (f && f->at_us <= at) {
			struct flying now = *f;

			if (now.at_us > until_us)
				break;
			*f = w->flying[--w->count];
			now.s.data = now.s.data_len ? now.data : NULL;
			w->now_us = now.at_us;
			if (!now.leg) {
				captured(w, now.from, &now.s);
				launch(w, now.from, 1, &now.s);
			} else {
				peer_receive(w->peers[1 - now.from], &now.s, w->now_us);
			}
			continue;
		}
		if (at > until_us)
			break;
		w->now_us = at;
		for (int i = 0; i < 2; i++)
			if (timers[i] <= at)
				peer_timeout(w->peers[i], at);
	}
	w->now_us = until_us;
}

/* What the applications of both sides do, at random. */
static void act(struct world *w)
{
	static const char text[1400] = "data";
	unsigned side = chance(w, 50), what = random_next(&w->random) % 100;
	struct peer *p = w->peers[side];
	int id = peer_find(p, &w->ends[side], &w->ends[1 - side]);
	enum peer_state state = peer_state(p, &w->ends[side], &w->ends[1 - side]);

	if (id < 0)
		return;
	if (what < 60)
		peer_send(p, id, text, 1 + random_next(&w->random) % sizeof text, w->now_us);
	else if (what < 80)
		peer_shutdown(p, id, w->now_us);
	else if (what < 90)
		peer_close(p, id, w->now_us);
	else if (what < 94 && state >= PEER_ESTABLISHED && state <= PEER_CLOSE_WAIT)
		peer_abort(p, id, w->now_us); /* the application has the connection, and has not closed it */
}

static void choose_path(struct world *w, unsigned place)
{
	unsigned bad = random_next(&w->random) % 3;

	w->path.late_us = 50000 + (int64_t)(random_next(&w->random) % 200000);
	if (bad) {
		w->path.duplicate = random_next(&w->random) % 10;
		w->path.reorder = random_next(&w->random) % 20;
	}
	for (int from = 0; from < 2; from++)
		for (int leg = 0; leg < 2; leg++)
			w->path.delay_us[from][leg] = 1000 + (int64_t)(random_next(&w->random) % 60000);
	if (place < 2) {
		w->path.delay_us[place][0] = 0;
		w->path.delay_us[1 - place][1] = 0;
	}
	w->path.loss[0] = w->path.loss[1] = bad ? random_next(&w->random) % 15 : 0;
}

/* One connection. `place`: 0, 1 at an end, 2 between. */
static void live_one(struct world *w, uint64_t seed, unsigned place, bool tell)
{
	static const uint16_t ports[] = { 7, 9, 13, 19, 80, 11009, 11011, 11011, 1 };
	struct peer_params params;
	struct port output_ports[2] = { { w, 0 }, { w, 1 } };

	*w = (struct world){ .random = seed * 7919 + place, .flying = w->flying, .tell = tell };
	assert_true(address_parse(&w->ends[0].addr, "198.18.0.1"));
	assert_true(address_parse(&w->ends[1].addr, "198.18.0.2"));
	w->ends[0].port = 40000;
	w->ends[1].port = ports[random_next(&w->random) % (sizeof ports / sizeof *ports)];
	choose_path(w, place);
	conn_init(&w->conn, place == 0 ? CONN_NEAR_0 | CONN_STATED : place == 1 ? CONN_NEAR_1 | CONN_STATED : 0);
	for (int i = 0; i < 2; i++) {
		peer_defaults(&params);
		params.seed = random_next(&w->random);
		params.chargen_bytes = 20000;
		if (chance(w, 30))
			params.options = 0;
		w->peers[i] = peer_new(&params);
		assert_non_null(w->peers[i]);
		peer_set_output(w->peers[i], output, &output_ports[i]);
	}
	peer_connect(w->peers[0], &w->ends[0], &w->ends[1], w->now_us);
	if (w->ends[1].port == 1 && chance(w, 50)) {
		run_until(w, w->now_us + (int64_t)(random_next(&w->random) % 30000));
		peer_connect(w->peers[1], &w->ends[1], &w->ends[0], w->now_us);
	}
	for (int i = 0; i < 12; i++) {
		run_until(w, w->now_us + (int64_t)(random_next(&w->random) % 300000));
		act(w);
	}
	run_until(w, w->now_us + 400000000);
	peer_free(w->peers[0]);
	peer_free(w->peers[1]);
}

static void test_nobody_is_accused(void **state)
{
	const char *asked = getenv("FINWAIT_TAPPED"), *told = getenv("FINWAIT_TAPPED_SEED");
	unsigned seeds = asked ? (unsigned)atoi(asked) : 600, certain = 0, likely = 0, frames = 0;
	struct world w = { .flying = calloc(EVENTS_ROOM, sizeof *w.flying) };

	(void)state;
	assert_non_null(w.flying);
	for (unsigned place = 0; place < 3; place++)
		for (unsigned seed = told ? (unsigned)atoi(told) : 0; seed < (told ? (unsigned)atoi(told) + 1 : seeds);
		     seed++) {
			live_one(&w, seed, place, told);
			certain += w.certain;
			likely += w.likely;
			frames += w.frames;
			if (w.first[0])
				print_message("seed %u, place %u: %s\n", seed, place, w.first);
		}
	print_message("# %u segments, accused for certain %u, likely %u\n", frames, certain, likely);
	free(w.flying);
	assert_int_equal(certain, 0);
	assert_int_equal(likely, 0);
	assert_true(told || frames > 20 * seeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_is_accused),
	};

	return cmocka_run_group_tests_name("tapped", tests, NULL, NULL);
}
