/* SPDX-License-Identifier: BSD-2-Clause */
/* The observer driven by sequences of segments as text: what the prober sent and what the target answered
 * goes in, in relative numbers; the judgement of the last segment and the set of states come out. To be
 * included after cmocka.h, by the tests of the observer only.
 *
 *   "> S 0; < S. 0 ack 1; > P. 1:6 ack 1; +200 < . 1 ack 6 opt ts"
 *
 * '>' is a segment of the prober, '<' one of the target. Then come the flags (packetdrill's letters; r, q, o
 * are the three reserved bits), SEQ or SEQ:END of the data, and what else there is: "ack N", "win N",
 * "opt LIST" as options_from_text() reads it, "sack LEFT:RIGHT" for a block, "malformed KIND", "bad" or "unknown" for
 * the checksum. Numbers are relative to the ISN of the side they belong to; "=N" is the number itself.
 * "+MS" lets time pass before; without it a millisecond does. */
#ifndef FINWAIT_TESTS_OBSERVE_H
#define FINWAIT_TESTS_OBSERVE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/conn.h"
#include "unit/rules_index.h"

struct observe {
	struct conn c;
	struct judgement j; /* of the last segment of the target */
	uint32_t isn, iss;  /* the prober's, the target's */
	int64_t now_us;
	uint64_t frame;
};

static const uint32_t observe_isns[][2] = {
	/* prober, target: usual, then just before and at the wrap, then around the half */
	{1000, 5000},
	{0xffffffff, 0xfffffffe},
	{0xfffffffe, 0xfffffffd},
	{0xfffffffb, 0xfffffff0},
	{0, 0},
	{0x7fffffff, 0x7ffffffd},
	{0x80000000, 0x7fffffff},
	{0x12345678, 0xfffffff7},
	{0xfffffffc, 0x87654321},
};

enum { OBSERVE_ISNS = sizeof observe_isns / sizeof *observe_isns };

static inline void observe_begin(struct observe *o, const uint32_t isns[2])
{
	memset(o, 0xa5, sizeof *o); /* conn_init() has to set everything */
	conn_init(&o->c, CONN_LIVE);
	o->isn = isns[0];
	o->iss = isns[1];
	o->now_us = 1000000;
	o->frame = 0;
}

/* "12", "-1" relative to `isn`, or "=12"; *text moves on. */
static inline uint32_t observe_number(const char **text, uint32_t isn)
{
	bool absolute = **text == '=';
	char *end;
	long long n = strtoll(*text + absolute, &end, 10);

	if (end == *text + absolute)
		fail_msg("no number at '%s'", *text);
	*text = end;
	return (uint32_t)n + (absolute ? 0 : isn);
}

static inline uint16_t observe_flags(const char *word)
{
	static const char letters[] = "FSRP.UEWAroq"; /* by bit */
	uint16_t flags = 0;

	for (; *word; word++) {
		const char *found = strchr(letters, *word);

		if (found)
			flags |= (uint16_t)(1u << (found - letters));
		else if (*word != '-')
			fail_msg("no flags: '%s'", word);
	}
	return flags;
}

/* One attribute behind the sequence number; returns what follows it. */
static inline const char *observe_attribute(struct segment *s, const char *text, uint32_t ack_isn)
{
	char word[16], list[64], why[200];
	int n = 0;

	sscanf(text, " %15s %n", word, &n);
	text += n;
	if (!strcmp(word, "ack")) {
		s->ack = observe_number(&text, ack_isn);
	} else if (!strcmp(word, "win")) {
		s->window = (uint16_t)observe_number(&text, 0);
	} else if (!strcmp(word, "opt")) {
		sscanf(text, "%63s%n", list, &n);
		if (!options_from_text(&s->options, list, why, sizeof why))
			fail_msg("%s", why);
		text += n;
	} else if (!strcmp(word, "sack")) {
		s->options.present |= OPTION_SACK;
		s->options.sack[s->options.sack_count].left = observe_number(&text, ack_isn);
		text++;
		s->options.sack[s->options.sack_count++].right = observe_number(&text, ack_isn);
	} else if (!strcmp(word, "malformed")) {
		s->options.malformed = (int16_t)observe_number(&text, 0);
	} else if (!strcmp(word, "bad")) {
		s->checksum = CHECKSUM_BAD;
	} else if (!strcmp(word, "unknown")) {
		s->checksum = CHECKSUM_UNKNOWN;
	} else {
		fail_msg("what is '%s'?", word);
	}
	return text;
}

/* A failure has all that a report needs, and the set of states is sane. */
static inline void observe_check(const struct observe *o, const char *text)
{
	const struct conn_end *t = &o->c.ends[CONN_TARGET];
	char states[160];

	assert_true(o->j.count < JUDGEMENT_VERDICTS);
	for (unsigned i = 0; i < o->j.count; i++) {
		const struct verdict *v = &o->j.failed[i];

		assert_int_equal(v->outcome, OUTCOME_FAIL);
		assert_true((v->rule >= rules && v->rule < rules + RULES) == (v->state == TCP_STATES));
		assert_int_equal(v->frame, o->frame);
		assert_true(v->expected[0] && v->observed[0]);
		assert_int_equal(v->certainty == LIKELY, v->reason[0] != '\0');
	}
	assert_int_equal(o->j.passed >> RULES, 0);
	assert_int_not_equal(t->states, 0);
	assert_int_equal(t->states & ~t->ever, 0);
	if (o->c.vantage & CONN_LIVE && !o->j.count && !(t->states & IN(t->assumed)))
		fail_msg("%s: %s is assumed, but it is %s", text,
			 tcp_state_name((enum tcp_state)t->assumed),
			 tcp_states_text(t->states, states, sizeof states));
}

/* One segment. */
static inline void observe_one(struct observe *o, const char *text)
{
	struct segment s = {.window = 65535, .ttl = 64, .options.malformed = -1};
	char direction, flags[16];
	const char *whole = text;
	uint32_t seq_isn, ack_isn;
	int n = 0;

	o->now_us += 1000;
	text += strspn(text, " ");
	if (*text == '+') {
		text++;
		o->now_us += 1000 * (int64_t)observe_number(&text, 0) - 1000;
	}
	if (sscanf(text, " %c %15s %n", &direction, flags, &n) != 2)
		fail_msg("no segment: '%s'", text);
	text += n;
	seq_isn = direction == '>' ? o->isn : o->iss;
	ack_isn = direction == '>' ? o->iss : o->isn;
	s.t_us = o->now_us;
	s.frame = ++o->frame;
	s.flags = observe_flags(flags);
	s.seq = observe_number(&text, seq_isn);
	if (*text == ':') {
		text++;
		s.len = observe_number(&text, seq_isn) - s.seq;
	}
	while (text += strspn(text, " "), *text)
		text = observe_attribute(&s, text, ack_isn);
	memset(&o->j, 0xa5, sizeof o->j);
	if (conn_is_reopened(&o->c, direction == '<', &s))
		conn_reopen(&o->c);
	conn_observe(&o->c, rules_index(), direction == '<', &s, &o->j);
	observe_check(o, whole);
}

/* All of them. Those before the last one must break no rule. */
static inline void observe(struct observe *o, const char *text)
{
	char one[120];
	size_t n;

	for (; text; text = text[n] ? text + n + 1 : NULL) {
		n = strcspn(text, ";");
		assert_true(n < sizeof one);
		memcpy(one, text, n);
		one[n] = '\0';
		if (!one[strspn(one, " ")])
			continue; /* behind the last semicolon */
		observe_one(o, one);
		if (text[n] && o->j.count && strchr(text + n, '<') && strchr(one, '<'))
			fail_msg("'%s' breaks %s: expected %s; observed %s", one,
				 rule_of(&o->j.failed[0]),
				 o->j.failed[0].expected, o->j.failed[0].observed);
	}
}

#endif
