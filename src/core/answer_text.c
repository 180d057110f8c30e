/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/answer_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/seq.h"

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t len, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, len - used, format, args);
	va_end(args);
}

/* The target's own numbers count from its ISS, the other ones from the prober's. */
static long relative(uint32_t n, uint32_t from, bool known)
{
	return known ? (long)seq_diff(n, from) : (long)n;
}

static long target_number(const struct tcb *t, uint32_t n)
{
	return relative(n, t->iss, t->known & TCB_ISS);
}

static long prober_number(const struct tcb *t, uint32_t n)
{
	return relative(n, t->irs, t->known & TCB_IRS);
}

static void one(char *text, size_t len, const struct hypothesis *h, const struct owed *o)
{
	const struct reply_form *form = &replies[o->reaction->reply];
	const struct tcb *t = &h->tcb;

	append(text, len, "%s", form->text);
	if (o->reaction->reply == REPLY_NONE)
		return;
	if (form->seq == SEQ_SND_NXT)
		append(text, len, ", SEQ %ld", target_number(t, t->snd_nxt));
	else if (form->seq == SEQ_SEG_ACK)
		append(text, len, ", SEQ %ld", target_number(t, o->seg_ack));
	if (form->flags & FLAG_ACK && form->ack != ACK_ANY && form->ack != ACK_NONE) {
		append(text, len, ", ACK %ld", prober_number(t, o->ack_from));
		if (o->ack_to != o->ack_from)
			append(text, len, " to %ld", prober_number(t, o->ack_to));
	}
}

void answer_text_owed(char *text, size_t len, const struct hypothesis *h, const struct owed *o)
{
	text[0] = '\0';
	one(text, len, h, o);
}

void answer_text_expected(char *text, size_t len, const struct answer *a, const struct answer_asked *asked)
{
	text[0] = '\0';
	if (!asked->rule) {
		append(text, len, "nothing but what the application or a timer may send");
		return;
	}
	for (unsigned i = 0; i < asked->rule->reactions_count; i++) {
		const struct reaction *reaction = &asked->rule->reactions[i];
		struct owed o =
			hypothesis_owe(&asked->before, &a->around, &asked->occasion, asked->rule, reaction);

		if (reaction->grade > GRADE_ALSO)
			continue;
		if (text[0])
			append(text, len, " or ");
		if (reaction->reply == REPLY_NONE)
			append(text, len, "no answer");
		else
			one(text, len, &asked->before, &o);
	}
}

void answer_text_next(char *text, size_t len, const struct answer_asked *asked)
{
	tcp_states next = 0;
	char states[120];

	for (unsigned i = 0; asked->rule && i < asked->rule->reactions_count; i++) {
		const struct reaction *reaction = &asked->rule->reactions[i];

		if (reaction->grade <= GRADE_ALSO)
			next |= reaction->next ? reaction->next : IN(asked->state);
	}
	snprintf(text, len, "next state %s", tcp_states_text(next, states, sizeof states));
}

void answer_text_observed(char *text, size_t len, const struct answer *a, const struct segment *s,
			  enum tcp_state shown)
{
	const struct tcb *t = &a->last.before.tcb;
	char flags[FLAGS_TEXT];

	snprintf(text, len, "%s SEQ %ld", flags_text(s->flags, flags), target_number(t, s->seq));
	if (s->len)
		append(text, len, ", %u bytes", (unsigned)s->len);
	if (s->flags & FLAG_ACK)
		append(text, len, ", ACK %ld", prober_number(t, s->ack));
	if (shown != TCP_STATES)
		append(text, len, ": the answer of %s", tcp_state_name(shown));
}
