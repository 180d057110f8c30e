/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of rules is whole, says what RFC 9293 says where it was looked up by hand, and the words of
 * verdicts are those that reports promise. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/conn.h"
#include "core/rules.h"
#include "core/segment.h"
#include "core/verdict.h"

/* The events that every state has a rule for, be it that they cannot happen there. */
static const enum event everywhere[] = {
	EVENT_SYN, EVENT_SYN_ACK, EVENT_ACK_ACCEPTABLE, EVENT_ACK_OLD, EVENT_ACK_FUTURE, EVENT_RST_EXACT,
	EVENT_RST_IN_WINDOW, EVENT_RST_OUT_OF_WINDOW, EVENT_FIN, EVENT_FIN_ACK_OF_OUR_FIN,
	EVENT_SYN_IN_WINDOW, EVENT_SYN_OUT_OF_WINDOW, EVENT_DATA_IN_WINDOW, EVENT_DATA_OUT_OF_WINDOW,
	EVENT_DATA_AFTER_FIN, EVENT_NO_ACK_FLAG, EVENT_RETRANSMITTED_FIN, EVENT_TIMEWAIT_SYN_NEWER,
	EVENT_USER_PASSIVE_OPEN, EVENT_USER_ACTIVE_OPEN, EVENT_USER_SEND, EVENT_USER_CLOSE,
	EVENT_USER_SHUTDOWN_WR, EVENT_USER_ABORT, EVENT_TO_RETRANSMISSION, EVENT_TO_USER, EVENT_TO_2MSL,
};

enum { EVERYWHERE = sizeof everywhere / sizeof everywhere[0] };

/* Rules by state and event, one after the other; NULL behind the last. */
static const struct rule *row(size_t i)
{
	for (const struct rule_table *t = rule_tables; t->rows; t++) {
		if (i < t->count)
			return &t->rows[i];
		i -= t->count;
	}
	return NULL;
}

static unsigned rows_for(enum tcp_state s, enum event e)
{
	unsigned n = 0;

	for (size_t i = 0; row(i); i++)
		n += row(i)->event == e && row(i)->states & IN(s);
	return n;
}

/* ---- form ---- */

static void assert_text(const char *text, size_t shortest)
{
	assert_non_null(text);
	assert_true(strlen(text) >= shortest);
	for (const char *p = text; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
	assert_int_not_equal(text[strlen(text) - 1], '.');
	assert_int_not_equal(text[strlen(text) - 1], ' ');
	assert_null(strstr(text, "  "));
}

/* "RFC 9293 3.10.7.4(1); RFC 5961 3.2": number, section, perhaps with a step. */
static void assert_citation(const char *text)
{
	assert_text(text, 9);
	for (;;) {
		assert_int_equal(strncmp(text, "RFC ", 4), 0);
		text += 4;
		assert_true(strspn(text, "0123456789") >= 3);
		text += strspn(text, "0123456789");
		assert_int_equal(*text++, ' ');
		assert_true(isdigit((unsigned char)*text) || *text == 'A');
		text += 1 + strspn(text + 1, "0123456789.");
		assert_true(isdigit((unsigned char)text[-1]));
		while (*text == '(') {
			text++;
			assert_true(strspn(text, "abcdefgh0123456789.") > 0);
			text += strspn(text, "abcdefgh0123456789.");
			assert_int_equal(*text++, ')');
		}
		if (!*text)
			return;
		assert_int_equal(strncmp(text, "; ", 2), 0);
		text += 2;
	}
}

/* "MUST-10;SHLD-2;U-3.5.2-g1;RFC5961-3.2-3", no blanks. */
static void assert_labels(const char *text)
{
	static const char *const kinds[] = { "MUST-", "SHLD-", "MAY-", "REC-", "U-3.", "RFC" };

	while (text) {
		size_t len = strcspn(text, ";"), known = 0;

		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
			known += !strncmp(text, kinds[i], strlen(kinds[i]));
		assert_int_equal(known, 1);
		assert_true(len >= 5 && len < 24);
		for (size_t i = 0; i < len; i++)
			assert_true(isalnum((unsigned char)text[i]) || strchr("-.", text[i]));
		text = text[len] ? text + len + 1 : NULL;
	}
}

static void assert_rule(const struct rule *r)
{
	assert_text(r->sentence, 10);
	assert_citation(r->citation);
	assert_labels(r->requirement);
	assert_true(r->class >= CLASS_MUST && r->class <= CLASS_CHOICE);
	/* A capital word has a label. */
	if (r->class == CLASS_MUST || r->class == CLASS_SHOULD || r->class == CLASS_MAY)
		assert_non_null(r->requirement);
	if (r->rfc793)
		assert_text(r->rfc793, 3);
}

/* The label speaks with the rule's word. */
static void assert_word(const struct rule *r)
{
	if (r->class == CLASS_MUST)
		assert_true(!strncmp(r->requirement, "MUST-", 5) || r->requirement[0] == 'U' ||
			    r->requirement[0] == 'R');
	if (r->class == CLASS_SHOULD)
		assert_true(!strncmp(r->requirement, "SHLD-", 5) || r->requirement[0] == 'R');
	if (r->class == CLASS_MAY)
		assert_int_equal(strncmp(r->requirement, "MAY-", 4), 0);
}

static void test_every_segment(void **state)
{
	(void)state;
	for (int i = 0; i < RULES; i++) {
		const struct rule *r = &rules[i];

		assert_text(r->name, 3);
		assert_int_equal(strspn(r->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(r->name));
		assert_rule(r);
		assert_int_equal(r->states, 0);
		assert_int_equal(r->event, EVENT_ANY);
		assert_int_equal(r->reactions_count, 0);
		assert_null(r->reactions);
		assert_null(r->impossible);
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(rules[i].name, rules[k].name);
			assert_string_not_equal(rules[i].sentence, rules[k].sentence);
		}
	}
}

static void test_every_row(void **state)
{
	size_t rows = 0;

	(void)state;
	for (const struct rule *r; (r = row(rows)); rows++) {
		assert_null(r->name);
		assert_rule(r);
		assert_word(r);
		assert_int_not_equal(r->states, 0);
		assert_true(r->states < IN(TCP_STATES));
		assert_true(r->event > EVENT_ANY && r->event < EVENTS);
		if (r->impossible) {
			assert_text(r->impossible, 5);
			assert_null(r->reactions);
			assert_int_equal(r->reactions_count, 0);
			continue;
		}
		assert_true(r->reactions_count > 0);
		if (r->class != CLASS_CHOICE || r->reactions[0].grade != GRADE_ALSO)
			assert_int_equal(r->reactions[0].grade, GRADE_REQUIRED);
		if (events[r->event].kind == EVENT_KIND_USER)
			assert_true(r->application);
		if (r->delayed)
			assert_int_equal(events[r->event].kind, EVENT_KIND_SEGMENT);
	}
	assert_true(rows < 300); /* states that share a rule share a row */
}

/* ---- reactions ---- */

static bool same_reaction(const struct reaction *a, const struct reaction *b)
{
	return a->reply == b->reply && a->grade == b->grade && a->next == b->next;
}

static void check_reaction(const struct rule *r, const struct reaction *a)
{
	uint16_t flags = replies[a->reply].flags;

	assert_true(a->reply < REPLIES);
	assert_true(a->next < IN(TCP_STATES));
	if (a->grade == GRADE_REQUIRED) {
		assert_ptr_equal(a, r->reactions); /* one, the first */
		assert_null(a->when);
	} else {
		assert_text(a->when, 5);
	}
	/* Rate limits silence, and only where ACK or SYN,ACK is due. */
	if (a->grade == GRADE_THROTTLED) {
		assert_int_equal(a->reply, REPLY_NONE);
		assert_int_equal(a->next, 0);
		assert_int_equal(r->reactions[0].reply, REPLY_ACK);
	}
	if (a->grade == GRADE_INCONCLUSIVE)
		assert_int_equal(a->next, 0);
	/* Our FIN again: only where it is out and not acknowledged. */
	if (a->reply == REPLY_FIN_AGAIN)
		assert_int_equal(r->states & ~(IN(TCP_FIN_WAIT_1) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK)), 0);
	/* RST is never answered with RST, and whoever sends it has no connection afterwards, or never had. */
	if (flags & FLAG_RST) {
		assert_null(strstr(events[r->event].name, "rst"));
		if (r->states & TCP_SYNCHRONIZED)
			assert_true(a->next && !(a->next & ~(IN(TCP_CLOSED) | IN(TCP_TIME_WAIT))));
	}
	/* SYN,ACK leads to SYN-RECEIVED or leaves it. */
	if ((flags & (FLAG_SYN | FLAG_ACK)) == (FLAG_SYN | FLAG_ACK))
		assert_true(a->next == IN(TCP_SYN_RECEIVED) ||
			    (r->states == IN(TCP_SYN_RECEIVED) && !a->next));
}

static void test_reactions(void **state)
{
	(void)state;
	for (size_t i = 0; row(i); i++)
		for (unsigned k = 0; k < row(i)->reactions_count; k++) {
			check_reaction(row(i), &row(i)->reactions[k]);
			for (unsigned m = 0; m < k; m++)
				assert_false(same_reaction(&row(i)->reactions[k], &row(i)->reactions[m]));
		}
}

/* The arrows that a state may have, as in Figure 5 and 3.10, resets and deletions included. */
static const struct {
	enum tcp_state from;
	tcp_states to;
} arrows[] = {
	{ TCP_CLOSED, IN(TCP_LISTEN) | IN(TCP_SYN_SENT) },
	{ TCP_LISTEN, IN(TCP_CLOSED) | IN(TCP_SYN_SENT) | IN(TCP_SYN_RECEIVED) | IN(TCP_ESTABLISHED) },
	{ TCP_SYN_SENT, IN(TCP_CLOSED) | IN(TCP_SYN_RECEIVED) | IN(TCP_ESTABLISHED) | IN(TCP_CLOSE_WAIT) },
	{ TCP_SYN_RECEIVED, IN(TCP_CLOSED) | IN(TCP_LISTEN) | IN(TCP_ESTABLISHED) | IN(TCP_FIN_WAIT_1) |
				    IN(TCP_CLOSE_WAIT) | IN(TCP_TIME_WAIT) },
	{ TCP_ESTABLISHED, IN(TCP_CLOSED) | IN(TCP_FIN_WAIT_1) | IN(TCP_CLOSE_WAIT) | IN(TCP_TIME_WAIT) },
	{ TCP_FIN_WAIT_1, IN(TCP_CLOSED) | IN(TCP_FIN_WAIT_2) | IN(TCP_CLOSING) | IN(TCP_TIME_WAIT) },
	{ TCP_FIN_WAIT_2, IN(TCP_CLOSED) | IN(TCP_TIME_WAIT) },
	{ TCP_CLOSE_WAIT, IN(TCP_CLOSED) | IN(TCP_LAST_ACK) | IN(TCP_TIME_WAIT) },
	{ TCP_CLOSING, IN(TCP_CLOSED) | IN(TCP_TIME_WAIT) },
	{ TCP_LAST_ACK, IN(TCP_CLOSED) },
	{ TCP_TIME_WAIT, IN(TCP_CLOSED) | IN(TCP_SYN_RECEIVED) | IN(TCP_SYN_SENT) },
};

static void test_arrows(void **state)
{
	static struct rule_index index;

	(void)state;
	rule_index_init(&index);
	for (size_t i = 0; i < TCP_STATES; i++) {
		enum tcp_state from = arrows[i].from;
		tcp_states to = 0;

		assert_int_equal(from, i);
		for (int e = 0; e < EVENTS; e++)
			to |= index.next[e][from];
		assert_int_equal(to, arrows[i].to | IN(from));
	}
}

/* ---- whole ---- */

static void test_covered(void **state)
{
	unsigned live = 0, impossible = 0;

	(void)state;
	assert_int_equal(EVERYWHERE, 27);
	for (enum tcp_state s = 0; s < TCP_STATES; s++) {
		for (int i = 0; i < EVERYWHERE; i++) {
			assert_int_equal(rows_for(s, everywhere[i]), 1);
			if (rules_find(s, everywhere[i])->impossible)
				impossible++;
			else
				live++;
		}
		for (int e = 0; e < EVENTS; e++)
			assert_true(rows_for(s, e) <= 1);
		assert_null(rules_find(s, EVENT_ANY));
	}
	assert_int_equal(live + impossible, 297);
	assert_int_equal(impossible, 39);
	/* No event stands idle. */
	for (int e = EVENT_ANY + 1; e < EVENTS; e++) {
		unsigned n = 0;

		for (enum tcp_state s = 0; s < TCP_STATES; s++)
			n += rows_for(s, e);
		assert_true(n > 0);
	}
}

static void test_events(void **state)
{
	(void)state;
	for (int i = 0; i < EVENTS; i++) {
		char dashed[64];

		assert_text(events[i].name, 3);
		assert_int_equal(strspn(events[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(events[i].name));
		assert_text(events[i].sentence, 8);
		assert_int_equal(event_by_name(events[i].name), i);
		strncpy(dashed, events[i].name, sizeof dashed - 1);
		dashed[sizeof dashed - 1] = 0;
		for (char *p = dashed; *p; p++)
			if (*p == '_')
				*p = '-';
		assert_int_equal(event_by_name(dashed), i);
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(events[i].name, events[k].name);
			assert_string_not_equal(events[i].sentence, events[k].sentence);
		}
	}
	assert_int_equal(event_by_name("rst_in_windo"), EVENTS);
	assert_int_equal(event_by_name("rst_in_window_"), EVENTS);
	assert_int_equal(event_by_name("rst in window"), EVENTS);
	assert_int_equal(event_by_name(""), EVENTS);
	assert_int_equal(events[EVENT_SYN_PSH].kind, EVENT_KIND_SEGMENT);
	assert_int_equal(events[EVENT_USER_ABORT].kind, EVENT_KIND_USER);
	assert_int_equal(events[EVENT_TO_KEEPALIVE].kind, EVENT_KIND_TIMEOUT);
	assert_int_equal(events[EVENT_ICMP_QUENCH].kind, EVENT_KIND_ICMP);
}

/* The formula of a reply says what its fields say. */
static void test_replies(void **state)
{
	(void)state;
	for (int i = 0; i < REPLIES; i++) {
		const struct reply_form *f = &replies[i];

		assert_text(f->text, 7);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(f->text, replies[k].text);
		if (i == REPLY_NONE) {
			assert_int_equal(f->flags | f->seq | f->ack, 0);
			continue;
		}
		assert_int_not_equal(f->flags, 0);
		assert_int_not_equal(f->seq, SEQ_NONE);
		assert_int_equal(!strncmp(f->text, "SYN", 3), (f->flags & FLAG_SYN) != 0);
		assert_int_equal(!strncmp(f->text, "FIN", 3), (f->flags & FLAG_FIN) != 0);
		assert_int_equal(!strncmp(f->text, "RST", 3), (f->flags & FLAG_RST) != 0);
		if (strstr(f->text, "+ACK("))
			assert_true(f->flags & FLAG_ACK);
		if (strstr(f->text, "SEQ=ISS)") || strstr(f->text, "SEQ=ISS,"))
			assert_int_equal(f->seq, SEQ_ISS);
		assert_int_equal(strstr(f->text, "SEQ=SEG.ACK") != NULL, f->seq == SEQ_SEG_ACK);
		assert_int_equal(strstr(f->text, "SEQ=SND.NXT-1") != NULL, f->seq == SEQ_SND_NXT_LESS);
		assert_int_equal(strstr(f->text, "SEQ=SND.UNA") != NULL, f->seq == SEQ_SND_UNA);
		assert_int_equal(strstr(f->text, "SEQ=0") != NULL, f->seq == SEQ_ZERO);
		assert_int_equal(strstr(f->text, "ACK=RCV.NXT)") != NULL, f->ack == ACK_RCV_NXT);
		assert_int_equal(strstr(f->text, "ACK=SEG.SEQ+SEG.LEN)") != NULL, f->ack == ACK_SEG_END);
		assert_int_equal(strstr(f->text, "ACK=SEG.SEQ+1)") != NULL, f->ack == ACK_SEG_SYN);
		assert_int_equal(strstr(f->text, "..") != NULL, f->ack == ACK_PART);
		/* A RST without ACK bit acknowledges nothing. */
		if (f->flags == FLAG_RST)
			assert_true(f->ack == ACK_NONE || f->ack == ACK_ANY);
	}
}

/* ---- index ---- */

static tcp_states union_of(const struct rule *r, enum tcp_state s)
{
	tcp_states next = 0;

	for (unsigned i = 0; i < r->reactions_count; i++)
		if (r->reactions[i].grade != GRADE_INCONCLUSIVE)
			next |= r->reactions[i].next ? r->reactions[i].next : IN(s);
	return next;
}

static void test_index(void **state)
{
	static struct rule_index index;
	tcp_states senders[REPLIES] = { 0 };

	(void)state;
	memset(&index, 0xff, sizeof index);
	rule_index_init(&index);
	for (enum tcp_state s = 0; s < TCP_STATES; s++)
		for (int e = 0; e < EVENTS; e++) {
			const struct rule *r = rules_find(s, e);

			assert_ptr_equal(index.rule[s][e], r);
			assert_int_equal(index.next[e][s], r ? union_of(r, s) : 0);
			for (unsigned i = 0; r && i < r->reactions_count; i++)
				senders[r->reactions[i].reply] |= IN(s);
		}
	assert_memory_equal(senders, index.senders, sizeof senders);
	for (int i = 0; i < REPLIES; i++)
		assert_int_not_equal(senders[i], 0);
	assert_int_equal(senders[REPLY_NONE], IN(TCP_STATES) - 1);
	assert_int_equal(senders[REPLY_RST_ZERO], IN(TCP_CLOSED) | IN(TCP_LISTEN));
	assert_int_equal(senders[REPLY_DATA], IN(TCP_ESTABLISHED) | IN(TCP_FIN_WAIT_1) | IN(TCP_CLOSE_WAIT));
	assert_int_equal(senders[REPLY_SYN], IN(TCP_CLOSED) | IN(TCP_LISTEN) | IN(TCP_SYN_SENT) |
						     IN(TCP_TIME_WAIT));
}

static void test_names(void **state)
{
	char text[RULE_NAME];

	(void)state;
	assert_string_equal(rule_name(&rules[RULE_FIN_COUNTED], TCP_CLOSED, text), "fin-counted");
	assert_string_equal(rule_name(rules_find(TCP_FIN_WAIT_1, EVENT_RST_IN_WINDOW), TCP_FIN_WAIT_1, text),
			    "FIN-WAIT-1 rst_in_window");
	for (enum tcp_state s = 0; s < TCP_STATES; s++)
		for (int e = 0; e < EVENTS; e++)
			if (rules_find(s, e))
				assert_true(strlen(rule_name(rules_find(s, e), s, text)) < RULE_NAME - 1);
}

/* ---- by hand from the text of RFC 9293 ---- */

static const struct by_hand {
	enum tcp_state state;
	enum event event;
	enum rule_class class;
	const char *section; /* is cited */
	enum reply reply;    /* required */
	tcp_states next;     /* and where it leads */
} by_hand[] = {
	/* A SYN to a closed port: 3.10.7.1. */
	{ TCP_CLOSED, EVENT_SYN, CLASS_SPEC, "3.10.7.1", REPLY_RST_ZERO, IN(TCP_CLOSED) },
	{ TCP_CLOSED, EVENT_DATA_IN_WINDOW, CLASS_SPEC, "3.10.7.1", REPLY_RST, IN(TCP_CLOSED) },
	{ TCP_CLOSED, EVENT_RST_EXACT, CLASS_SPEC, "3.10.7.1", REPLY_NONE, IN(TCP_CLOSED) },
	/* A listener: RST dropped, ACK reset, SYN answered, the rest dropped. */
	{ TCP_LISTEN, EVENT_RST_EXACT, CLASS_SPEC, "3.10.7.2(1)", REPLY_NONE, IN(TCP_LISTEN) },
	{ TCP_LISTEN, EVENT_FIN, CLASS_SPEC, "3.10.7.2(2)", REPLY_RST, IN(TCP_LISTEN) },
	{ TCP_LISTEN, EVENT_SYN, CLASS_SPEC, "3.10.7.2(3)", REPLY_SYN_ACK, IN(TCP_SYN_RECEIVED) },
	{ TCP_LISTEN, EVENT_NO_ACK_FLAG, CLASS_SPEC, "3.10.7.2(4)", REPLY_NONE, IN(TCP_LISTEN) },
	/* Figure 6, line 3; Figure 7, line 4; a refused connection. */
	{ TCP_SYN_SENT, EVENT_SYN_ACK, CLASS_SPEC, "3.10.7.3(4)", REPLY_ACK_SYN, IN(TCP_ESTABLISHED) },
	{ TCP_SYN_SENT, EVENT_SYN, CLASS_MUST, "3.10.7.3(4)", REPLY_SYN_ACK, IN(TCP_SYN_RECEIVED) },
	{ TCP_SYN_SENT, EVENT_ACK_FUTURE, CLASS_SPEC, "3.10.7.3(1)", REPLY_RST, IN(TCP_SYN_SENT) },
	{ TCP_SYN_SENT, EVENT_RST_EXACT, CLASS_SPEC, "3.10.7.3(2)", REPLY_NONE, IN(TCP_CLOSED) },
	{ TCP_SYN_RECEIVED, EVENT_RST_EXACT, CLASS_MUST, "3.10.7.4(2)", REPLY_NONE, IN(TCP_LISTEN) },
	{ TCP_SYN_RECEIVED, EVENT_ACK_FUTURE, CLASS_SPEC, "3.10.7.4(5)", REPLY_RST, IN(TCP_SYN_RECEIVED) },
	{ TCP_SYN_RECEIVED, EVENT_FIN, CLASS_SPEC, "3.10.7.4(8)", REPLY_ACK_ALL, IN(TCP_CLOSE_WAIT) },
	{ TCP_ESTABLISHED, EVENT_RST_IN_WINDOW, CLASS_CHOICE, "3.10.7.4(2.3)", REPLY_ACK,
	  IN(TCP_ESTABLISHED) },
	{ TCP_ESTABLISHED, EVENT_DATA_IN_WINDOW, CLASS_MUST, "3.10.7.4(7)", REPLY_ACK_ALL,
	  IN(TCP_ESTABLISHED) },
	{ TCP_ESTABLISHED, EVENT_USER_ABORT, CLASS_SPEC, "3.10.5", REPLY_RST_ABORT, IN(TCP_CLOSED) },
	/* Figure 12, line 2, and Figure 13. */
	{ TCP_ESTABLISHED, EVENT_USER_CLOSE, CLASS_SPEC, "3.10.4", REPLY_FIN, IN(TCP_FIN_WAIT_1) },
	{ TCP_FIN_WAIT_1, EVENT_FIN, CLASS_SPEC, "3.10.7.4(8)", REPLY_ACK_ALL, IN(TCP_CLOSING) },
	{ TCP_FIN_WAIT_1, EVENT_ACK_OF_OUR_FIN, CLASS_SPEC, "3.10.7.4(5)", REPLY_NONE, IN(TCP_FIN_WAIT_2) },
	{ TCP_FIN_WAIT_1, EVENT_FIN_ACK_OF_OUR_FIN, CLASS_SPEC, "3.10.7.4(8)", REPLY_ACK_ALL,
	  IN(TCP_TIME_WAIT) },
	{ TCP_FIN_WAIT_2, EVENT_FIN, CLASS_SPEC, "3.10.7.4(8)", REPLY_ACK_ALL, IN(TCP_TIME_WAIT) },
	{ TCP_FIN_WAIT_2, EVENT_DATA_OUT_OF_WINDOW, CLASS_SPEC, "3.10.7.4(1)", REPLY_ACK,
	  IN(TCP_FIN_WAIT_2) },
	{ TCP_CLOSE_WAIT, EVENT_USER_CLOSE, CLASS_SPEC, "3.10.4", REPLY_FIN, IN(TCP_LAST_ACK) },
	{ TCP_CLOSE_WAIT, EVENT_DATA_AFTER_FIN, CLASS_SPEC, "3.10.7.4(7)", REPLY_NONE, IN(TCP_CLOSE_WAIT) },
	{ TCP_CLOSING, EVENT_ACK_OF_OUR_FIN, CLASS_SPEC, "3.10.7.4(5)", REPLY_NONE, IN(TCP_TIME_WAIT) },
	{ TCP_CLOSING, EVENT_USER_ABORT, CLASS_SPEC, "3.10.5", REPLY_NONE, IN(TCP_CLOSED) },
	{ TCP_LAST_ACK, EVENT_ACK_OF_OUR_FIN, CLASS_SPEC, "3.10.7.4(5)", REPLY_NONE, IN(TCP_CLOSED) },
	{ TCP_LAST_ACK, EVENT_RST_EXACT, CLASS_MUST, "3.10.7.4(2.2)", REPLY_NONE, IN(TCP_CLOSED) },
	{ TCP_TIME_WAIT, EVENT_RETRANSMITTED_FIN, CLASS_SPEC, "3.10.7.4(8)", REPLY_ACK, IN(TCP_TIME_WAIT) },
	{ TCP_TIME_WAIT, EVENT_TO_2MSL, CLASS_MUST, "3.10.8", REPLY_NONE, IN(TCP_CLOSED) },
	{ TCP_TIME_WAIT, EVENT_TIMEWAIT_SYN_NEWER, CLASS_MAY, "3.6.1", REPLY_SYN_ACK_FRESH,
	  IN(TCP_SYN_RECEIVED) },
};

static void test_by_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof by_hand / sizeof by_hand[0]; i++) {
		const struct by_hand *h = &by_hand[i];
		const struct rule *r = rules_find(h->state, h->event);

		assert_non_null(r);
		assert_null(r->impossible);
		assert_int_equal(r->class, h->class);
		assert_non_null(strstr(r->citation, h->section));
		assert_int_equal(r->reactions[0].grade, GRADE_REQUIRED);
		assert_int_equal(r->reactions[0].reply, h->reply);
		assert_int_equal(r->reactions[0].next ? r->reactions[0].next : IN(h->state), h->next);
	}
}

static bool may(enum tcp_state s, enum event e, enum grade grade, enum reply reply, tcp_states next)
{
	const struct rule *r = rules_find(s, e);

	for (unsigned i = 0; i < r->reactions_count; i++)
		if (same_reaction(&r->reactions[i], &(struct reaction) { reply, grade, next, NULL }))
			return true;
	return false;
}

/* Where documents allow more than one reaction, and where they do not. */
static void test_choices(void **state)
{
	static struct rule_index index;

	(void)state;
	rule_index_init(&index);
	/* RFC 793 and RFC 5961, from ESTABLISHED on. */
	for (enum tcp_state s = TCP_ESTABLISHED; s < TCP_STATES; s++) {
		assert_true(may(s, EVENT_RST_IN_WINDOW, GRADE_REQUIRED, REPLY_ACK, 0));
		assert_true(may(s, EVENT_RST_IN_WINDOW, GRADE_ALSO, REPLY_NONE, IN(TCP_CLOSED)));
		assert_true(index.next[EVENT_SYN_IN_WINDOW][s] & IN(TCP_CLOSED));
		/* A RST outside the window moves no state. */
		assert_int_equal(index.next[EVENT_RST_OUT_OF_WINDOW][s], IN(s));
		/* An old byte is always answered, by everybody. */
		assert_int_equal(rules_find(s, EVENT_OLD_BYTE)->reactions[0].reply, REPLY_ACK);
		assert_int_equal(index.next[EVENT_OLD_BYTE][s], IN(s));
	}
	assert_true(may(TCP_SYN_RECEIVED, EVENT_RST_IN_WINDOW, GRADE_ALSO, REPLY_NONE,
			IN(TCP_LISTEN) | IN(TCP_CLOSED)));
	/* Data for a reader who is gone: only after close(), so not in ESTABLISHED and CLOSE-WAIT. */
	assert_true(may(TCP_FIN_WAIT_2, EVENT_DATA_IN_WINDOW, GRADE_ALSO, REPLY_RST, IN(TCP_CLOSED)));
	assert_false(may(TCP_ESTABLISHED, EVENT_DATA_IN_WINDOW, GRADE_ALSO, REPLY_RST, IN(TCP_CLOSED)));
	assert_int_equal(index.senders[REPLY_RST] & (IN(TCP_ESTABLISHED) | IN(TCP_CLOSE_WAIT)), 0);
	/* Shutdown never resets, close does if data was not read. */
	assert_int_equal(rules_find(TCP_ESTABLISHED, EVENT_USER_SHUTDOWN_WR)->reactions_count, 1);
	assert_true(may(TCP_ESTABLISHED, EVENT_USER_CLOSE, GRADE_ALSO, REPLY_RST_ABORT, IN(TCP_CLOSED)));
	/* Silence of a closed port says nothing, of a listener that is sent an ACK it does. */
	assert_true(may(TCP_CLOSED, EVENT_FIN, GRADE_INCONCLUSIVE, REPLY_NONE, 0));
	assert_false(may(TCP_LISTEN, EVENT_FIN, GRADE_INCONCLUSIVE, REPLY_NONE, 0));
	/* Our FIN in place of the ACK that is due. */
	assert_true(may(TCP_FIN_WAIT_1, EVENT_FIN, GRADE_ALSO, REPLY_FIN_AGAIN, IN(TCP_CLOSING)));
	assert_true(may(TCP_LAST_ACK, EVENT_OLD_BYTE, GRADE_ALSO, REPLY_FIN_AGAIN, 0));
	/* TIME-WAIT: RFC 1337 and 9293, MAY-2, SHLD-4. */
	assert_int_equal(index.next[EVENT_RST_EXACT][TCP_TIME_WAIT], IN(TCP_CLOSED) | IN(TCP_TIME_WAIT));
	assert_true(may(TCP_TIME_WAIT, EVENT_TIMEWAIT_SYN_NEWER, GRADE_ALSO, REPLY_NONE, 0));
	assert_true(may(TCP_TIME_WAIT, EVENT_TIMEWAIT_SYN_NEWER_TS, GRADE_REPORT, REPLY_ACK, 0));
	assert_int_equal(index.next[EVENT_TIMEWAIT_SYN_OLDER][TCP_TIME_WAIT], IN(TCP_TIME_WAIT));
	/* The 2 MSL timer is TIME-WAIT's. */
	assert_non_null(rules_find(TCP_FIN_WAIT_2, EVENT_TO_2MSL)->impossible);
	assert_int_equal(index.next[EVENT_TO_2MSL][TCP_FIN_WAIT_2], 0);
}

/* ---- words ---- */

/* judgement.passed and line.passed have one bit per rule. */
static void test_fit_into_a_mask(void **state)
{
	struct judgement j;

	(void)state;
	assert_true(RULES <= 8 * sizeof j.passed);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(rule_class_name(CLASS_MUST), "MUST");
	assert_string_equal(rule_class_name(CLASS_SHOULD), "SHOULD");
	assert_string_equal(rule_class_name(CLASS_MAY), "MAY");
	assert_string_equal(rule_class_name(CLASS_SPEC), "spec");
	assert_string_equal(rule_class_name(CLASS_CHOICE), "choice");
	assert_string_equal(outcome_name(OUTCOME_PASS), "pass");
	assert_string_equal(outcome_name(OUTCOME_SKIP), "skip");
	assert_string_equal(outcome_name(OUTCOME_INCONCLUSIVE), "inconclusive");
	assert_string_equal(outcome_name(OUTCOME_ERROR), "error");
	assert_string_equal(outcome_name(OUTCOME_FAIL), "fail");
	assert_string_equal(certainty_name(CERTAIN), "certain");
	assert_string_equal(certainty_name(LIKELY), "likely");
	assert_true(OUTCOME_PASS < OUTCOME_SKIP && OUTCOME_SKIP < OUTCOME_INCONCLUSIVE &&
		    OUTCOME_INCONCLUSIVE < OUTCOME_ERROR && OUTCOME_ERROR < OUTCOME_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_segment),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_reactions),
		cmocka_unit_test(test_arrows),
		cmocka_unit_test(test_covered),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_fit_into_a_mask),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
