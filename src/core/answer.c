/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/answer.h"

#include <stdio.h>
#include <string.h>

#include "core/answer_text.h"
#include "core/seq.h"

enum { KIND = FLAG_SYN | FLAG_FIN | FLAG_RST | FLAG_ACK };

enum {
	NEAR_SLACK_US = 300000, /* for a busy machine */
	LIVE_SLACK_US = 1000000,
	NEAR_FLIGHT_US = 20000, /* between capture point and TCP */
	LIVE_FLIGHT_US = 100000,
};

static const char lost[] = "the segment or its answer was lost";
static const char repeated[] = "an ACK that repeats the last one exactly";
static const char given_up[] = "the connection was given up without a word";
static const char filtered[] = "a firewall that drops resets";
static const char short_msl[] = "a very short MSL";

void answer_rtt(struct answer *a, int64_t rtt_us)
{
	if (rtt_us > a->params.rtt_us)
		a->params.rtt_us = rtt_us;
	a->around.patience_us = 4 * a->params.rtt_us + (a->params.near ? NEAR_SLACK_US : LIVE_SLACK_US);
	a->flight_us = a->params.rtt_us + (a->params.near ? NEAR_FLIGHT_US : LIVE_FLIGHT_US);
}

void answer_init(struct answer *a, const struct answer_params *params, const struct rule_index *index,
		 tcp_states states)
{
	memset(a, 0, sizeof *a);
	a->params = *params;
	a->around.index = index;
	a->around.calls_told = params->calls_told;
	a->around.may_listen = states & IN(TCP_LISTEN);
	a->around.must_listen = states == IN(TCP_LISTEN);
	answer_rtt(a, params->rtt_us);
	for (unsigned state = 0; state < TCP_STATES; state++) {
		struct hypothesis h;

		memset(&h, 0, sizeof h);
		h.tcb.state = (enum tcp_state)state;
		if (states & IN(state))
			hypotheses_add(&a->base, &h);
	}
}

/* What the SYNs of both have agreed on. */
static void agree(struct answer *a)
{
	a->around.timestamps = a->syn_options[0] & a->syn_options[1] & OPTION_TIMESTAMPS;
	a->around.rcv_shift = a->syn_options[0] & a->syn_options[1] & OPTION_WSCALE ? a->target_wscale : 0;
}

void answer_begin(struct answer *a, const struct answer_params *params, const struct rule_index *index,
		  const struct answer_known *known, int64_t now_us)
{
	answer_init(a, params, index, IN(known->tcb.state));
	a->base.of[0].tcb = known->tcb;
	a->base.of[0].since_us = known->tcb.state > TCP_LISTEN ? now_us : 0;
	a->around.may_listen = a->around.must_listen = known->listens;
	if (known->tcb.state <= TCP_LISTEN)
		return;
	a->syns[CONN_PROBER] = a->syns[CONN_TARGET] = 1;
	a->syn_options[CONN_PROBER] = known->syn_options[CONN_PROBER];
	a->syn_options[CONN_TARGET] = known->syn_options[CONN_TARGET];
	a->target_wscale = known->target_wscale;
	agree(a);
	a->around.sent_before = known->sent_before;
	a->around.last_seq = known->last_seq;
	a->around.last_ack = known->last_ack;
	a->around.last_stamped = known->last_stamped;
	a->around.last_tsval = known->last_tsval;
	a->around.last_window = known->last_window;
}

/* --- what may be on its way --- */

/* Those who have seen less than `number` see what they lack. */
static void catch_up(const struct answer *a, struct hypotheses *set, unsigned number)
{
	for (unsigned k = a->flight_first; k < number; k++) {
		struct hypotheses to = { .count = 0, .overflow = set->overflow };

		for (unsigned i = 0; i < set->count; i++) {
			if (set->of[i].seen == k)
				hypothesis_step(&set->of[i], &a->around, &a->flight[k - a->flight_first],
						&to);
			else
				hypotheses_add(&to, &set->of[i]);
		}
		*set = to;
	}
}

/* The first `n` in flight have reached the target. */
static void arrive(struct answer *a, unsigned n)
{
	catch_up(a, &a->base, a->flight_first + n);
	a->flight_first += n;
	a->flight_count -= n;
	memmove(a->flight, a->flight + n, a->flight_count * sizeof *a->flight);
}

static void arrive_by_now(struct answer *a, int64_t now_us)
{
	unsigned n = 0;

	while (n < a->flight_count && a->flight[n].at_us + a->flight_us < now_us)
		n++;
	arrive(a, n);
}

/* All that was sent has arrived, in *to. */
static void arrived(const struct answer *a, struct hypotheses *to)
{
	*to = a->base;
	catch_up(a, to, a->flight_first + a->flight_count);
}

static const struct hypothesis *likeliest(const struct hypotheses *set)
{
	const struct hypothesis *best = set->count ? &set->of[0] : NULL;

	for (unsigned i = 1; i < set->count; i++)
		if (set->of[i].loosest < best->loosest ||
		    (set->of[i].loosest == best->loosest && set->of[i].seen > best->seen))
			best = &set->of[i];
	return best;
}

static void expire(const struct hypotheses *from, int64_t now_us, struct hypotheses *to);

/* --- occasions --- */

static void ask(struct answer *a, const struct occasion *o)
{
	struct hypotheses all, now;
	const struct hypothesis *h;

	arrived(a, &all);
	expire(&all, o->at_us, &now);
	h = likeliest(now.count ? &now : &all);
	if (!h)
		return;
	if (a->last.proves)
		a->suspect.rule = NULL;
	else if (a->last.rule)
		a->suspect = a->last;
	a->last = (struct answer_asked){ .before = *h, .occasion = *o };
	a->last.rule = hypothesis_rule(h, &a->around, o, &a->last.event);
	a->last.state = h->tcb.state;
	if (!o->is_segment) {
		struct hypotheses to = { .count = 0, .overflow = a->base.overflow };

		for (unsigned i = 0; i < a->base.count; i++)
			hypothesis_step(&a->base.of[i], &a->around, o, &to);
		a->base = to;
		return;
	}
	if (a->flight_count == ANSWER_FLIGHT)
		arrive(a, 1);
	a->flight[a->flight_count++] = *o;
}

static void note_syn(struct answer *a, unsigned from, const struct segment *s)
{
	if (!(s->flags & FLAG_SYN) || s->icmp.type || s->checksum == CHECKSUM_BAD)
		return;
	/* Of the prober only what opens a connection counts, and that is what the target answers first. */
	if (!a->syns[from] || a->last.state <= TCP_LISTEN || a->last.state == TCP_TIME_WAIT)
		a->syn_options[from] = s->options.present;
	a->syns[from] = 1;
	if (from == CONN_TARGET)
		a->target_wscale = s->options.wscale;
	agree(a);
}

void answer_stimulus(struct answer *a, const struct segment *s, enum event meant, int64_t now_us)
{
	struct occasion o = { .at_us = now_us, .meant = meant, .is_segment = true, .s = *s };

	o.s.data = NULL;
	o.s.data_len = 0;
	arrive_by_now(a, now_us);
	ask(a, &o);
	note_syn(a, CONN_PROBER, s);
}

void answer_call(struct answer *a, enum event e, int64_t now_us)
{
	struct occasion o = { .at_us = now_us, .meant = e };

	arrive(a, a->flight_count);
	ask(a, &o);
	if (e == EVENT_USER_PASSIVE_OPEN)
		a->around.may_listen = a->around.must_listen = true;
	if (a->last.state == TCP_LISTEN && (e == EVENT_USER_CLOSE || e == EVENT_USER_ABORT))
		a->around.may_listen = a->around.must_listen = false;
	if ((a->last.state == TCP_LISTEN && e == EVENT_USER_SHUTDOWN_WR) ||
	    (a->last.state == TCP_CLOSED && (e == EVENT_USER_CLOSE || e == EVENT_USER_ABORT)))
		a->around.must_listen = false;
}

/* --- verdicts --- */

/* NULL if there is no room for more. */
static struct verdict *accuse(struct answer *a, struct judgement *j, const struct rule *r,
			      enum tcp_state state, const char *excuse)
{
	struct verdict *v;

	a->mute = true;
	if (j->count == JUDGEMENT_VERDICTS)
		return NULL;
	v = &j->failed[j->count++];
	memset(v, 0, sizeof *v);
	v->outcome = OUTCOME_FAIL;
	v->certainty = excuse ? LIKELY : CERTAIN;
	v->rule = r ? r : &rules[RULE_STATE];
	v->state = r ? state : TCP_STATES;
	if (excuse)
		snprintf(v->reason, sizeof v->reason, "%s", excuse);
	return v;
}

/* Whether a target in this state would answer the occasion like this. */
static bool answers_in(const struct answer *a, const struct answer_asked *asked, enum tcp_state state,
		       const struct segment *s)
{
	struct hypothesis h = asked->before;
	enum event e;
	const struct rule *r;

	h.tcb.state = state;
	r = hypothesis_rule(&h, &a->around, &asked->occasion, &e);
	for (unsigned i = 0; r && i < r->reactions_count; i++) {
		struct owed o = hypothesis_owe(&h, &a->around, &asked->occasion, r, &r->reactions[i]);

		if (r->reactions[i].grade <= GRADE_ALSO && r->reactions[i].reply != REPLY_NONE) {
			if (state <= TCP_LISTEN)
				h.tcb.known = 0;
			if (hypothesis_matches(&h, &o, s))
				return true;
		}
	}
	return false;
}

/* Whether it could be the answer of some state to what was asked last: then something sent before may just
 * have been lost. */
static bool answers_somewhere(const struct answer *a, const struct segment *s)
{
	for (unsigned state = 0; state < TCP_STATES; state++)
		if (answers_in(a, &a->last, (enum tcp_state)state, s) ||
		    (a->suspect.rule && answers_in(a, &a->suspect, (enum tcp_state)state, s)))
			return true;
	return false;
}

/* The state that the target shows instead of those expected, where the kind of its answer says so;
 * TCP_STATES if it does not. */
static enum tcp_state shown_state(const struct answer *a, const struct segment *s)
{
	const struct rule *r = a->last.rule;
	tcp_states could, was = IN(a->last.state);

	if (!a->last.occasion.is_segment)
		return TCP_STATES;
	/* The right kind with wrong numbers is an answer to this, not the sign of another state. */
	for (unsigned i = 0; r && i < r->reactions_count; i++)
		if (replies[r->reactions[i].reply].flags == (s->flags & KIND))
			return TCP_STATES;
	if (s->flags & FLAG_RST)
		could = IN(TCP_CLOSED) | IN(TCP_LISTEN);
	else if (s->flags & FLAG_SYN)
		could = IN(TCP_LISTEN) | IN(TCP_SYN_RECEIVED);
	else
		could = (IN(TCP_STATES) - 1) & ~(IN(TCP_CLOSED) | IN(TCP_LISTEN));
	if (could & was)
		return TCP_STATES;
	/* Where there was no connection, the numbers of one are not known. */
	if (was & (IN(TCP_CLOSED) | IN(TCP_LISTEN)) && s->flags == FLAG_ACK)
		return TCP_ESTABLISHED;
	/* From the first connection state on, an ACK does not tell which. */
	for (unsigned state = TCP_STATES; state-- > 0;)
		if (could & IN(state) && answers_in(a, &a->last, (enum tcp_state)state, s))
			return (enum tcp_state)state;
	return TCP_STATES;
}

/* One that was sent later, not a copy of it that came late: its clock has gone on. */
static bool sent_later(const struct answer *a, const struct segment *s)
{
	return a->around.last_stamped && s->options.present & OPTION_TIMESTAMPS &&
	       s->options.tsval != a->around.last_tsval;
}

static bool repeats_last(const struct answer *a, const struct segment *s)
{
	return !sent_later(a, s) && a->around.sent_before && !s->len && (s->flags & KIND) == FLAG_ACK &&
	       s->seq == a->around.last_seq && s->ack == a->around.last_ack;
}

static bool connected(const struct hypotheses *set)
{
	for (unsigned i = 0; i < set->count; i++)
		if (set->of[i].tcb.state >= TCP_SYN_RECEIVED)
			return true;
	return false;
}

/* No hypothesis explains `s`. */
static void unexplained(struct answer *a, const struct segment *s, struct judgement *j)
{
	enum tcp_state shown = a->suspect.rule && !a->last.proves ? shown_state(a, s) : TCP_STATES;
	const struct answer_asked *asked = shown == TCP_STATES ? &a->last : &a->suspect;
	const char *excuse = NULL;
	struct verdict *v;

	if (repeats_last(a, s))
		excuse = repeated;
	else if (s->flags & (FLAG_RST | FLAG_SYN) && a->last.state == TCP_TIME_WAIT)
		excuse = short_msl;
	else if (s->flags & (FLAG_RST | FLAG_SYN) && !a->params.calls_told && connected(&a->base))
		excuse = given_up;
	else if (!a->params.near && (shown != TCP_STATES || answers_somewhere(a, s)))
		excuse = lost;
	v = accuse(a, j, asked->rule, asked->state, excuse);
	if (!v)
		return;
	v->frame = s->frame;
	if (shown == TCP_STATES)
		answer_text_expected(v->expected, sizeof v->expected, a, asked);
	else
		answer_text_next(v->expected, sizeof v->expected, asked);
	answer_text_observed(v->observed, sizeof v->observed, a, s, shown);
}

/* --- answers --- */

/* One old byte changes nothing and must be answered: it shows the state in which the target was left. */
static bool asks(const struct answer_asked *asked)
{
	const struct segment *s = &asked->occasion.s;

	return asked->occasion.is_segment && s->len == 1 && s->checksum != CHECKSUM_BAD &&
	       (s->flags & KIND) == FLAG_ACK &&
	       (asked->before.tcb.state <= TCP_LISTEN || s->seq == asked->before.tcb.rcv_nxt - 1);
}

static void matched(struct answer *a, const struct segment *s, const struct owed *answered)
{
	memset(&a->match, 0, sizeof a->match);
	if (answered->rule) {
		a->match.rule = answered->rule;
		a->match.reaction = answered->reaction;
		a->match.state = answered->state;
	}
	if (answered->rule && answered->rule == a->last.rule && asks(&a->last))
		a->last.proves = true;
	a->around.sent_before = true;
	a->around.last_seq = s->seq;
	a->around.last_ack = s->ack;
	a->around.last_stamped = s->options.present & OPTION_TIMESTAMPS;
	a->around.last_tsval = s->options.tsval;
	a->around.last_window = s->flags & FLAG_SYN ? s->window : (uint32_t)s->window << a->around.rcv_shift;
}

/* Hypotheses whose answer is overdue are wrong. */
static void expire(const struct hypotheses *from, int64_t now_us, struct hypotheses *to)
{
	to->count = 0;
	to->overflow = from->overflow;
	for (unsigned i = 0; i < from->count; i++) {
		struct hypothesis h = from->of[i];

		if (hypothesis_waits(&h, now_us))
			hypotheses_add(to, &h);
	}
}

/* All who are left owe an answer that did not come: the likeliest of them speaks for all. */
static void silent(struct answer *a, int64_t now_us, struct judgement *j)
{
	const struct hypothesis *h = likeliest(&a->base);
	const struct owed *o = NULL;
	struct verdict *v;

	for (unsigned k = 0; h && k < h->owed_count; k++)
		if (h->owed[k].deadline_us < now_us && !h->owed[k].optional && !o)
			o = &h->owed[k];
	if (!o)
		return;
	/* Nothing is lost, and yet a host's own filter may keep its resets in. */
	v = accuse(a, j, o->rule, o->state,
		   !a->params.near ? lost : replies[o->reaction->reply].flags & FLAG_RST ? filtered : NULL);
	if (!v)
		return;
	answer_text_owed(v->expected, sizeof v->expected, h, o);
	snprintf(v->observed, sizeof v->observed, "no answer");
}

void answer_time(struct answer *a, int64_t now_us, struct judgement *j)
{
	struct hypotheses left;

	if (a->mute)
		return;
	arrive_by_now(a, now_us);
	expire(&a->base, now_us, &left);
	if (left.count) {
		a->base = left;
		return;
	}
	if (a->base.overflow)
		a->mute = true;
	else
		silent(a, now_us, j);
}

void answer_reply(struct answer *a, const struct segment *s, int64_t now_us, struct judgement *j)
{
	struct hypotheses now, best = { .count = 0 };
	struct owed answered = { .rule = NULL };
	struct segment seen = *s;

	seen.t_us = now_us;
	answer_time(a, now_us, j);
	if (a->mute || s->checksum == CHECKSUM_BAD || s->icmp.type)
		return;
	note_syn(a, CONN_TARGET, s);
	now = a->base;
	for (unsigned k = a->flight_first; k <= a->flight_first + a->flight_count; k++) {
		catch_up(a, &now, k);
		for (unsigned i = 0; i < now.count; i++)
			if (now.of[i].seen == k)
				hypothesis_explain(&now.of[i], &a->around, &seen, &best, &answered);
	}
	best.overflow = best.overflow || now.overflow;
	if (best.count) {
		a->base = best;
		matched(a, s, &answered);
	} else if (now.overflow) {
		a->mute = true;
	} else {
		unexplained(a, s, j);
	}
}

int64_t answer_wakes_at(const struct answer *a)
{
	struct hypotheses all;
	int64_t first = INT64_MAX;

	if (a->mute)
		return INT64_MAX;
	arrived(a, &all);
	for (unsigned i = 0; i < all.count; i++)
		for (unsigned k = 0; k < all.of[i].owed_count; k++)
			if (all.of[i].owed[k].deadline_us < first)
				first = all.of[i].owed[k].deadline_us;
	return first == INT64_MAX ? first : first + 1;
}

tcp_states answer_states(const struct answer *a, int64_t now_us)
{
	struct hypotheses all, now;
	tcp_states states = 0;

	arrived(a, &all);
	expire(&all, now_us, &now);
	for (unsigned i = 0; i < now.count; i++)
		states |= IN(now.of[i].tcb.state);
	return states;
}
