/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole captures: which connection a segment is of, what is told of it and how often, and what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run/hosts.h"
#include "run/table.h"
#include "run/track.h"

enum { S = FLAG_SYN, A = FLAG_ACK, F = FLAG_FIN, R = FLAG_RST, SECOND = 1000000, HEARD = 64 };

/* What was told. */
struct heard {
	unsigned violations, connections;
	const struct rule *rules[HEARD];
	enum certainty certainties[HEARD];
	unsigned ends[HEARD];
	uint64_t frames[HEARD];
	struct track_summary summaries[HEARD];
};

struct capture {
	struct rule_index rules;
	struct track *track;
	struct heard heard;
	struct segment s; /* of the next segments: what they have in common */
	uint64_t frame;
	int64_t t_us;
};

static void on_violation(void *arg, const struct track_name *name, unsigned end, const struct verdict *v)
{
	struct heard *h = arg;

	assert_non_null(v->rule);
	assert_true(name->src.port && name->dst.port);
	if (h->violations < HEARD) {
		h->rules[h->violations] = v->rule;
		h->certainties[h->violations] = v->certainty;
		h->ends[h->violations] = end;
		h->frames[h->violations] = v->frame;
	}
	h->violations++;
}

static void on_connection(void *arg, const struct track_summary *s)
{
	struct heard *h = arg;

	if (h->connections < HEARD)
		h->summaries[h->connections] = *s;
	h->connections++;
}

static struct capture *begin_with(struct track_params params)
{
	struct capture *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	rule_index_init(&c->rules);
	params.rules = &c->rules;
	params.only = params.only ? params.only : -1;
	params.watch = -1;
	params.max_connections = params.max_connections ? params.max_connections : 1000000;
	params.violation = on_violation;
	params.connection = on_connection;
	params.arg = &c->heard;
	c->track = track_new(&params);
	assert_non_null(c->track);
	c->t_us = (int64_t)1700000000 * SECOND;
	return c;
}

static struct capture *begin(void)
{
	return begin_with((struct track_params){0});
}

static void end(struct capture *c)
{
	track_free(c->track);
	free(c);
}

static struct endpoint endpoint(uint8_t host, uint16_t port)
{
	return (struct endpoint){{.family = 4, .bytes = {198, 18, 0, host}}, port};
}

static void put(struct capture *c, struct segment *s)
{
	s->frame = ++c->frame;
	s->t_us = c->t_us;
	s->ip_id = s->ip_id ? s->ip_id : (uint16_t)(s->frame % 0xffff + 1);
	assert_true(track_segment(c->track, s));
}

/* From port 40000+`n` of host 1 to port 80 of host 2, or back: 10 ms after the one before. */
static struct segment segment(struct capture *c, int n, bool back, uint16_t flags, uint32_t seq, uint32_t ack,
			      uint32_t len)
{
	struct segment s = c->s;

	c->t_us += 10000;
	s.src = back ? endpoint(2, 80) : endpoint(1, (uint16_t)(40000 + n));
	s.dst = back ? endpoint(1, (uint16_t)(40000 + n)) : endpoint(2, 80);
	s.flags = flags;
	s.seq = seq;
	s.ack = ack;
	s.len = len;
	s.window = 65535;
	s.ttl = 64;
	s.options.malformed = -1;
	return s;
}

static void out(struct capture *c, int n, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct segment s = segment(c, n, false, flags, seq, ack, len);

	put(c, &s);
}

static void in(struct capture *c, int n, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct segment s = segment(c, n, true, flags, seq, ack, len);

	put(c, &s);
}

static void open_one(struct capture *c, int n, uint32_t client, uint32_t server)
{
	out(c, n, S, client, 0, 0);
	in(c, n, S | A, server, client + 1, 0);
	out(c, n, A, client + 1, server + 1, 0);
}

static void close_one(struct capture *c, int n, uint32_t client, uint32_t server)
{
	out(c, n, F | A, client, server, 0);
	in(c, n, F | A, server, client + 1, 0);
	out(c, n, A, client + 1, server + 1, 0);
}

static void malform(struct capture *c, int n, bool back, uint32_t seq, uint32_t ack)
{
	struct segment s = segment(c, n, back, A, seq, ack, 10);

	s.options.present = OPTION_MSS;
	s.options.mss = 1460;
	put(c, &s);
}

/* ---- what a connection amounts to -------------------------------------------------------------- */

static void test_summary(void **state)
{
	struct capture *c = begin();
	const struct track_summary *s = c->heard.summaries;

	(void)state;
	open_one(c, 0, 100, 500);
	out(c, 0, A, 101, 501, 50);
	in(c, 0, A, 501, 151, 7);
	in(c, 0, F | A, 508, 151, 0);
	out(c, 0, A, 151, 509, 0);
	out(c, 0, F | A, 151, 509, 0);
	in(c, 0, A, 509, 152, 0);
	out(c, 1, S, 7, 0, 0);
	in(c, 1, R | A, 0, 8, 0);
	out(c, 2, S, 7, 0, 0);
	open_one(c, 3, 7, 9);
	in(c, 3, R, 10, 0, 0);
	open_one(c, 4, 7, 9);
	out(c, 4, F | A, 8, 10, 0);
	in(c, 4, A, 10, 9, 0);
	open_one(c, 5, 7, 9);
	close_one(c, 5, 8, 10);
	open_one(c, 6, 7, 9);
	out(c, 6, F | A, 8, 10, 0);
	in(c, 6, F | A, 10, 8, 0);
	out(c, 6, A, 9, 11, 0);
	in(c, 6, A, 11, 9, 0);
	out(c, 7, A, 700, 900, 20); /* in the middle, one side only */
	out(c, 7, A, 720, 900, 20);
	track_finish(c->track);
	assert_int_equal(c->heard.violations, 0);
	assert_int_equal(c->heard.connections, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(s[i].name.index, i);
	assert_int_equal(s[0].handshake, HANDSHAKE_COMPLETE);
	assert_int_equal(s[0].ending, ENDING_FOUR);
	assert_int_equal(s[0].closed_first, 1);
	assert_int_equal(s[0].reset_by, -1);
	assert_int_equal(s[0].segments, 9);
	assert_int_equal(s[0].bytes[0], 50);
	assert_int_equal(s[0].bytes[1], 7);
	assert_int_equal(s[0].duration_us, 80000);
	assert_true(s[0].reached[1] & IN(TCP_TIME_WAIT));
	assert_true(s[0].reached[0] & IN(TCP_LAST_ACK));
	assert_int_equal(s[1].handshake, HANDSHAKE_REFUSED);
	assert_int_equal(s[2].handshake, HANDSHAKE_UNANSWERED);
	assert_int_equal(s[2].ending, ENDING_NONE);
	assert_int_equal(s[3].ending, ENDING_RESET);
	assert_int_equal(s[3].reset_by, 1);
	assert_int_equal(s[4].ending, ENDING_HALF);
	assert_int_equal(s[4].closed_first, 0);
	assert_int_equal(s[5].ending, ENDING_THREE);
	assert_int_equal(s[6].ending, ENDING_SIMULTANEOUS);
	assert_int_equal(s[7].handshake, HANDSHAKE_MID_STREAM);
	assert_int_equal(s[7].ending, ENDING_OPEN);
	assert_false(s[7].counted[0]);
	end(c);
}

/* ---- which connection it is ---------------------------------------------------------------------- */

static void test_duplicates(void **state)
{
	struct capture *c = begin();
	struct segment s;

	(void)state;
	open_one(c, 0, 0, 0);
	s = segment(c, 0, false, A, 1, 1, 10);
	s.ip_id = 77;
	put(c, &s);
	put(c, &s);
	s.ttl--; /* behind a router */
	put(c, &s);
	assert_int_equal(track_totals(c->track)->duplicates, 2);
	s.ip_id = 78; /* sent again */
	put(c, &s);
	c->t_us += 2 * SECOND;
	put(c, &s);
	assert_int_equal(track_totals(c->track)->duplicates, 2);
	track_finish(c->track);
	assert_int_equal(c->heard.summaries[0].segments, 6);
	end(c);
}

static void test_vlans(void **state)
{
	struct capture *c = begin();

	(void)state;
	for (uint32_t vlan = 10; vlan <= 20; vlan += 10) {
		c->s.vlan = vlan;
		open_one(c, 0, vlan, 9 * vlan);
	}
	track_finish(c->track);
	assert_int_equal(c->heard.connections, 2);
	assert_int_equal(c->heard.violations, 0);
	assert_int_equal(c->heard.summaries[0].name.vlan, 10);
	end(c);
}

static void test_incarnations(void **state)
{
	struct capture *c = begin();

	(void)state;
	open_one(c, 0, 0, 0);
	out(c, 0, A, 1, 1, 5000);
	close_one(c, 0, 5001, 1);
	c->t_us += SECOND;
	open_one(c, 0, 90000, 90000); /* above both */
	out(c, 0, A, 2, 1, 0);        /* a late one */
	close_one(c, 0, 90001, 90001);
	assert_int_equal(c->heard.violations, 0);
	c->t_us += SECOND;
	open_one(c, 0, 180000, 90001); /* the server's is among its old ones */
	assert_int_equal(c->heard.violations, 1);
	assert_ptr_equal(c->heard.rules[0], &rules[RULE_ISN_REUSED]);
	assert_int_equal(c->heard.ends[0], 1);
	assert_int_equal(c->heard.certainties[0], LIKELY);
	close_one(c, 0, 180001, 90002);
	c->t_us += 300 * (int64_t)SECOND; /* more than 2 MSL */
	open_one(c, 0, 180000, 90001);
	track_finish(c->track);
	assert_int_equal(c->heard.violations, 1);
	assert_int_equal(c->heard.connections, 4);
	assert_int_equal(c->heard.summaries[3].name.index, 3);
	end(c);
}

/* The end that was opened opens itself. */
static void test_turned_round(void **state)
{
	struct capture *c = begin();

	(void)state;
	open_one(c, 0, 0, 0);
	close_one(c, 0, 1, 1);
	in(c, 0, S, 70000, 0, 0);
	out(c, 0, S | A, 80000, 70001, 0);
	in(c, 0, A, 70001, 80001, 0);
	track_finish(c->track);
	assert_int_equal(c->heard.violations, 0);
	assert_int_equal(c->heard.connections, 2);
	assert_int_equal(c->heard.summaries[1].name.src.port, 80);
	assert_int_equal(c->heard.summaries[1].handshake, HANDSHAKE_COMPLETE);
	end(c);
}

/* ---- what is told ------------------------------------------------------------------------------ */

static void test_once(void **state)
{
	struct capture *c = begin();

	(void)state;
	open_one(c, 0, 0, 0);
	malform(c, 0, false, 1, 1);
	malform(c, 0, false, 11, 1);
	malform(c, 0, true, 1, 21);
	malform(c, 0, false, 21, 11);
	assert_int_equal(c->heard.violations, 2);
	assert_int_equal(c->heard.frames[0], 4);
	assert_int_equal(c->heard.ends[0], 0);
	assert_int_equal(c->heard.frames[1], 6);
	assert_int_equal(c->heard.ends[1], 1);
	assert_int_equal(track_totals(c->track)->findings[CLASS_MUST][CERTAIN], 2);
	track_finish(c->track);
	assert_true(c->heard.summaries[0].accused);
	end(c);
}

static void test_only(void **state)
{
	struct capture *c = begin_with((struct track_params){.only = 1});

	(void)state;
	for (int n = 0; n < 3; n++) {
		open_one(c, n, 0, 0);
		malform(c, n, false, 1, 1);
	}
	track_finish(c->track);
	assert_int_equal(c->heard.violations, 1);
	assert_int_equal(c->heard.frames[0], 8);
	assert_int_equal(c->heard.connections, 1);
	assert_int_equal(c->heard.summaries[0].name.index, 1);
	end(c);
}

static void test_checksums(void **state)
{
	struct capture *c = begin();

	(void)state;
	/* Everything from the client is wrong: rewritten. */
	for (int n = 0; n < 4; n++) {
		c->s.checksum = CHECKSUM_BAD;
		out(c, n, S, 0, 0, 0);
		c->s.checksum = CHECKSUM_GOOD;
		in(c, n, S | A, 0, 1, 0);
		c->s.checksum = CHECKSUM_BAD;
		out(c, n, A, 1, 1, 0);
		out(c, n, A, 1, 1, 100);
	}
	/* One of many of the server: damaged. */
	in(c, 0, A, 1, 101, 10);
	in(c, 1, A, 1, 101, 10);
	c->s.checksum = CHECKSUM_GOOD;
	in(c, 2, A, 1, 101, 10);
	assert_int_equal(c->heard.violations, 0);
	in(c, 3, A, 1, 101, 10);
	track_finish(c->track);
	assert_int_equal(c->heard.violations, 1);
	assert_ptr_equal(c->heard.rules[0], &rules[RULE_CHECKSUM]);
	assert_int_equal(c->heard.certainties[0], LIKELY);
	assert_int_equal(c->heard.ends[0], 1);
	assert_int_equal(c->heard.frames[0], 17);
	assert_int_equal(c->heard.summaries[3].handshake, HANDSHAKE_COMPLETE);
	assert_int_equal(c->heard.summaries[3].bytes[0], 100);
	end(c);
}

/* ---- where the capture was made ------------------------------------------------------------------ */

/* `share` of the handshake passes before SYN,ACK. */
static unsigned place(double share, unsigned handshakes, bool near_second)
{
	static struct hosts h;
	struct address a = endpoint(1, 0).addr, b = endpoint(2, 0).addr;
	uint32_t first, second;
	unsigned vantage;

	assert_true(hosts_init(&h, 5, &b, near_second));
	first = hosts_number(&h, &a, 0);
	second = hosts_number(&h, &b, 0);
	assert_int_equal(hosts_number(&h, &a, 0), first);
	assert_int_not_equal(hosts_number(&h, &a, 7), first);
	while (handshakes--)
		hosts_handshake(&h, first, second, share);
	vantage = hosts_vantage(&h, first, second);
	/* Seen from the other end it is the other end. */
	assert_int_equal(!!(vantage & CONN_NEAR_0), !!(hosts_vantage(&h, second, first) & CONN_NEAR_1));
	hosts_free(&h);
	return vantage;
}

static void test_vantage(void **state)
{
	(void)state;
	assert_int_equal(place(0.98, 3, false), CONN_NEAR_0);
	assert_int_equal(place(0.98, 2, false), 0);
	assert_int_equal(place(0.5, 9, false), 0);
	assert_int_equal(place(0.02, 20, false), CONN_NEAR_1);
	assert_int_equal(place(0.98, 3, true), CONN_STATED | CONN_NEAR_1);
}

/* ---- what is kept ------------------------------------------------------------------------------ */

static void test_eviction(void **state)
{
	struct capture *c = begin_with((struct track_params){.max_connections = 2});

	(void)state;
	open_one(c, 0, 0, 0);
	open_one(c, 1, 0, 0);
	out(c, 0, A, 1, 1, 10); /* so that 1 is the idlest */
	open_one(c, 2, 0, 0);
	assert_int_equal(track_count(c->track), 2);
	assert_int_equal(track_totals(c->track)->evicted, 1);
	assert_int_equal(c->heard.connections, 1);
	assert_int_equal(c->heard.summaries[0].name.index, 1);
	assert_true(c->heard.summaries[0].evicted);
	in(c, 1, A, 1, 1, 10); /* it goes on: in the middle */
	track_finish(c->track);
	assert_int_equal(track_totals(c->track)->connections, 4);
	assert_int_equal(c->heard.violations, 0);
	end(c);
}

/* Connections that are over leave after 2 MSL, and of many sooner. */
static void test_leaving(void **state)
{
	struct capture *c = begin();

	(void)state;
	for (int n = 0; n < 20000; n++) {
		out(c, n, S, 7, 0, 0);
		in(c, n, R | A, 0, 8, 0);
		c->t_us -= 15000; /* all of them within 2 MSL */
	}
	assert_true(track_count(c->track) <= 16384);
	c->t_us += 241 * (int64_t)SECOND;
	out(c, 20000, S, 7, 0, 0);
	assert_int_equal(track_count(c->track), 1);
	track_finish(c->track);
	assert_int_equal(track_count(c->track), 0);
	assert_int_equal(c->heard.connections, 20001);
	end(c);
}

/* An entry and its part of the index, which may be as empty as two fifths full. */
static void test_size(void **state)
{
	(void)state;
	assert_true(sizeof(struct entry) <= 256 - 10);
}

/* Against an array, with keys that come and go. */
static void test_table(void **state)
{
	enum { KEYS = 5000 };
	static uint32_t numbers[KEYS];
	struct table t;
	uint32_t random = 12345;

	(void)state;
	memset(numbers, 0, sizeof numbers);
	assert_true(table_init(&t, 99));
	for (int i = 0; i < 200000; i++) {
		unsigned key = (random = random * 1664525 + 1013904223) >> 8, k = key % KEYS;
		const uint32_t hosts[2] = {1 + k % 7, 9}, back[2] = {9, 1 + k % 7};
		const uint16_t ports[2] = {(uint16_t)(k / 7), 80}, ports_back[2] = {80, (uint16_t)(k / 7)};

		assert_int_equal(table_find(&t, hosts, ports), numbers[k]);
		assert_int_equal(table_find(&t, back, ports_back), numbers[k]);
		if (!numbers[k]) {
			numbers[k] = table_add(&t, hosts, ports);
			assert_int_not_equal(numbers[k], 0);
		} else if (key & 0x100000) {
			table_remove(&t, numbers[k]);
			numbers[k] = 0;
		} else {
			table_touch(&t, numbers[k], key & 0x200000 ? TABLE_OPEN : TABLE_OVER);
		}
	}
	table_free(&t);
}

/* A capture whose clock jumps, of an endpoint that speaks to itself. */
static void test_oddities(void **state)
{
	struct capture *c = begin();
	struct segment s;

	(void)state;
	out(c, 0, S, 0, 0, 0);
	c->t_us = 0;
	in(c, 0, S | A, 0, 1, 0);
	c->t_us = INT64_MAX / 8;
	out(c, 0, A, 1, 1, 0);
	out(c, 1, S, 0, 0, 0);
	s = segment(c, 2, false, S, 0, 0, 0);
	s.dst = s.src;
	put(c, &s);
	track_finish(c->track);
	assert_int_equal(c->heard.connections, 2); /* what is connected to itself is none */
	end(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summary),      cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_vlans),        cmocka_unit_test(test_incarnations),
		cmocka_unit_test(test_turned_round), cmocka_unit_test(test_once),
		cmocka_unit_test(test_only),         cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_vantage),      cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_leaving),      cmocka_unit_test(test_size),
		cmocka_unit_test(test_table),        cmocka_unit_test(test_oddities),
	};

	return cmocka_run_group_tests_name("track", tests, NULL, NULL);
}
