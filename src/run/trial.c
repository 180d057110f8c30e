/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/trial.h"

#include <stdio.h>
#include <string.h>

#include "core/seq.h"
#include "run/exchange.h"
#include "run/result.h"

enum {
	QUIET_US = 50000,     /* and four round trips: a pause that ends an answer, ... */
	SILENCE_US = 200000,  /* ... and the time in which one comes that is not owed */
	AGAIN_US = 1100000,   /* answers may be limited to two a second (RFC 5961 7) */
	LIFE_MS = 3600000,    /* of a connection before its stimulus */
	AGAIN_ISN = 0x2000000, /* between the number spaces of connections of one check */
};

/* ---- what is known of the target ----------------------------------------------------------------- */

static enum tcp_state goal_of(const struct exchange *x)
{
	return (enum tcp_state)__builtin_ctz(x->params.check->goal);
}

static bool was_active(const struct exchange *x)
{
	return x->params.check->steps[0] == STEP_LISTEN;
}

/* What the target echoes is its TS.Recent (RFC 7323 4.3). False if it has echoed nothing. */
static bool last_echo(const struct exchange *x, uint32_t *echo)
{
	const struct conn_end *us = &x->conn.ends[CONN_PROBER];

	for (size_t i = x->lines_count; i--;) {
		const struct segment *s = &x->lines[i].segment;

		if (x->lines[i].out || !(s->options.present & OPTION_TIMESTAMPS) || !(s->flags & FLAG_ACK) ||
		    s->flags & FLAG_RST)
			continue;
		*echo = s->options.tsecr;
		return us->known & CONN_TSVAL && us->ts_max - *echo <= LIFE_MS; /* else it is no echo */
	}
	return false;
}

/* The variables of the target, as its segments have shown them (RFC 9293 3.3.1). */
static struct tcb target_of(const struct exchange *x)
{
	const struct conn_end *us = &x->conn.ends[CONN_PROBER], *them = &x->conn.ends[CONN_TARGET];
	struct tcb t = { .state = goal_of(x) };

	if (t.state <= TCP_LISTEN)
		return t;
	t.known = TCB_ISS | (was_active(x) ? TCB_ACTIVE : 0);
	t.iss = them->iss;
	t.snd_nxt = them->end;
	t.snd_una = us->known & CONN_ACKED ? us->ack : them->iss;
	if (t.state == TCP_SYN_SENT)
		return t;
	t.known |= TCB_IRS | (them->known & CONN_FIN ? TCB_FIN : 0);
	t.irs = us->iss;
	t.rcv_nxt = them->ack;
	t.rcv_edge = t.rcv_nxt + ((uint32_t)them->window
				  << (t.state != TCP_SYN_RECEIVED && us->options & them->options & OPTION_WSCALE ?
					      them->wscale : 0));
	if (us->options & them->options & OPTION_TIMESTAMPS)
		t.known |= TCB_TIMESTAMPS | (last_echo(x, &t.ts_recent) ? TCB_TS_RECENT : 0);
	return t;
}

/* Before a connection is open only what the ladder timed tells, or other connections; 0: nothing does. */
static int64_t rtt_of(const struct exchange *x)
{
	int64_t rtt_us = x->prober.srtt_us ? x->prober.srtt_us : x->params.rtt_us;

	for (size_t i = 0; i < x->lines_count && !x->prober.srtt_us; i++)
		if (x->lines[i].rtt_us > rtt_us)
			rtt_us = x->lines[i].rtt_us;
	return rtt_us;
}

static void begin_judging(struct exchange *x, int64_t now_us)
{
	const struct conn_end *us = &x->conn.ends[CONN_PROBER], *them = &x->conn.ends[CONN_TARGET];
	const struct answer_params params = {
		.near = x->params.lossless,
		.calls_told = x->params.application_waits,
		.rtt_us = x->trial->rtt_us,
	};
	struct trial *t = x->trial;
	struct answer_known known = {
		.tcb = t->target,
		.listens = t->target.state == TCP_LISTEN || (t->target.state != TCP_CLOSED && !was_active(x)),
		.syn_options = { us->options, them->options },
		.target_wscale = them->wscale,
		.sent_before = t->target.state > TCP_SYN_SENT,
		.last_seq = t->target.snd_nxt,
		.last_ack = t->target.rcv_nxt,
		.last_window = t->target.rcv_edge - t->target.rcv_nxt,
	};

	for (size_t i = x->lines_count; i-- && !known.last_stamped;) {
		const struct segment *s = &x->lines[i].segment;

		known.last_stamped = !x->lines[i].out && s->options.present & OPTION_TIMESTAMPS;
		known.last_tsval = s->options.tsval;
	}
	answer_begin(&t->answer, &params, x->params.rules, &known, now_us);
}

/* ---- what is sent -------------------------------------------------------------------------------- */

/* Numbers of ours that no segment of this check has had. */
static uint32_t fresh_isn(const struct exchange *x)
{
	return x->prober.iss + AGAIN_ISN;
}

static void send_stimulus(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	struct trial *t = x->trial;
	struct segment form, *s;
	size_t from = out->count;

	t->possible = stimulus_make(x->params.stimulus, &t->target, fresh_isn(x), &form);
	t->asked_us = now_us;
	t->replied_us = 0;
	t->answered = false;
	if (!t->possible)
		return;
	s = prober_craft(&x->prober, form.flags, form.seq, form.ack, form.len, now_us, out);
	s->urgent = form.urgent;
	stimulus_stamp(x->params.stimulus, &t->target, s);
	exchange_sent(x, out, from, now_us);
}

void trial_begin(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	struct trial *t = x->trial;

	t->target = target_of(x);
	t->state = t->target.state;
	t->rtt_us = rtt_of(x);
	begin_judging(x, now_us);
	x->prober.rto_at_us = INT64_MAX;
	send_stimulus(x, now_us, out);
}

/* An old byte, which every connection must acknowledge again and which draws RST where none is; a SYN,ACK for a
 * SYN-SENT, which takes nothing else; where none was, a SYN tells whether somebody listens. */
void trial_follow_up(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	struct trial *t = x->trial;
	size_t from = out->count;

	t->asking = true;
	t->asked_us = now_us;
	t->replied_us = 0;
	t->answered = false;
	if (t->state <= TCP_LISTEN && !(t->target.known & TCB_ISS))
		prober_craft(&x->prober, FLAG_SYN, fresh_isn(x) + AGAIN_ISN, 0, 0, now_us, out);
	else if (!(t->target.known & TCB_IRS))
		prober_craft(&x->prober, FLAG_SYN | FLAG_ACK, fresh_isn(x), t->target.snd_nxt, 0, now_us, out);
	else
		prober_craft(&x->prober, FLAG_ACK | FLAG_PSH, t->target.rcv_nxt - 1,
			     t->target.snd_una == t->target.iss ? t->target.iss + 1 : t->target.snd_una, 1, now_us, out);
	exchange_sent(x, out, from, now_us);
}

void trial_tear_down(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	const struct tcb *t = &x->trial->target;
	const bool bare = x->params.teardown == TEARDOWN_RST;
	size_t from = out->count;

	/* A SYN-SENT takes only what acknowledges its SYN (RFC 9293 3.10.7.3). */
	if (t->known & TCB_ISS && !(t->known & TCB_IRS))
		prober_craft(&x->prober, FLAG_RST | FLAG_ACK, 0, t->snd_nxt, 0, now_us, out);
	else if (t->known & TCB_IRS)
		prober_craft(&x->prober, bare ? FLAG_RST : FLAG_RST | FLAG_ACK, t->rcv_nxt, t->snd_nxt, 0, now_us, out);
	x->prober.state = TCP_CLOSED;
	exchange_sent(x, out, from, now_us);
}

/* ---- what comes ---------------------------------------------------------------------------------- */

void trial_sent(struct exchange *x, const struct segment *s, int64_t now_us)
{
	struct trial *t = x->trial;

	answer_stimulus(&t->answer, s, EVENT_ANY, now_us);
	if (t->asking)
		return;
	t->rule = t->answer.last.rule;
	t->event = t->answer.last.event;
}

/* The numbers that a question and the tear-down use from now on. */
static void learn(struct trial *t, const struct segment *s)
{
	struct tcb *target = &t->target;

	if (s->flags & FLAG_RST)
		return;
	if (s->flags & FLAG_SYN && (!(target->known & TCB_ISS) || s->seq != target->iss)) {
		target->state = TCP_SYN_RECEIVED;
		target->known = TCB_ISS;
		target->iss = target->snd_una = s->seq;
		target->snd_nxt = s->seq + 1;
	}
	if (!(s->flags & FLAG_ACK))
		return;
	if (seq_gt(s->seq + segment_len(s), target->snd_nxt))
		target->snd_nxt = s->seq + segment_len(s);
	target->known |= TCB_IRS;
	target->rcv_nxt = s->ack;
}

/* A path may deliver an answer twice. */
static bool is_copy(const struct trial *t, const struct segment *s)
{
	const struct segment *last = &t->last;

	return t->answered && last->flags == s->flags && last->seq == s->seq && last->ack == s->ack &&
	       last->len == s->len && last->window == s->window && last->options.tsval == s->options.tsval &&
	       last->options.present == s->options.present;
}

void trial_received(struct exchange *x, const struct segment *s, int64_t now_us, struct judgement *j)
{
	struct trial *t = x->trial;
	char flags[FLAGS_TEXT];

	memset(j, 0, sizeof *j);
	if (is_copy(t, s))
		return;
	t->answered = true;
	t->last = *s;
	answer_reply(&t->answer, s, now_us, j);
	if (s->icmp.type || s->checksum == CHECKSUM_BAD)
		return;
	learn(t, s);
	/* A segment that it repeats by itself answers nothing. */
	if (!t->answer.match.rule && !j->count)
		return;
	if (!t->rtt_us) {
		t->rtt_us = now_us - t->asked_us;
		answer_rtt(&t->answer, t->rtt_us);
	}
	t->replied_us = now_us;
	if (t->asking)
		return;
	if (!t->replies++) {
		t->match = t->answer.match;
		snprintf(t->drew, sizeof t->drew, "%s", flags_text(s->flags, flags));
	}
}

void trial_time(struct exchange *x, int64_t now_us, struct judgement *j)
{
	memset(j, 0, sizeof *j);
	answer_time(&x->trial->answer, now_us, j);
}

/* ---- when it is over ----------------------------------------------------------------------------- */

static int64_t pause_us(const struct exchange *x)
{
	return QUIET_US + 4 * x->trial->rtt_us;
}

/* When what is asked is over, if nothing more comes. An answer that is owed is waited for until it is overdue,
 * so that its absence is not held against the question behind it. */
static int64_t over_at(const struct exchange *x)
{
	const struct trial *t = x->trial;
	int64_t owed = answer_wakes_at(&t->answer);

	if (!t->possible || t->answer.mute)
		return t->asked_us;
	if (t->replied_us)
		return t->replied_us + pause_us(x);
	if (owed == INT64_MAX)
		return t->asked_us + SILENCE_US + 4 * t->rtt_us;
	return owed;
}

static bool may_be_limited(const struct rule *r)
{
	for (unsigned i = 0; r && i < r->reactions_count; i++)
		if (r->reactions[i].grade == GRADE_THROTTLED)
			return true;
	return false;
}

static bool asks_again(const struct trial *t)
{
	return !t->asking && !t->replied_us && !t->asked_again && t->possible && !t->answer.mute &&
	       may_be_limited(t->rule);
}

int64_t trial_wakes_at(const struct exchange *x)
{
	const struct trial *t = x->trial;
	int64_t at = over_at(x);

	return asks_again(t) && t->asked_us + AGAIN_US > at ? t->asked_us + AGAIN_US : at;
}

bool trial_done(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	struct trial *t = x->trial;

	if (x->pending_count || now_us < trial_wakes_at(x))
		return false;
	if (asks_again(t)) {
		t->asked_again = true;
		send_stimulus(x, now_us, out);
		return false;
	}
	t->after = answer_states(&t->answer, now_us);
	return true;
}

/* ---- what to say --------------------------------------------------------------------------------- */

/* The states that those in `set` have become by the question, and those of a listener that is there again once a
 * connection is not. */
static tcp_states questioned(tcp_states set)
{
	if (set & IN(TCP_SYN_SENT))
		set |= IN(TCP_ESTABLISHED);
	if (set & IN(TCP_LISTEN))
		set |= IN(TCP_SYN_RECEIVED);
	if (set & IN(TCP_CLOSED))
		set |= IN(TCP_LISTEN);
	return set;
}

/* How the target answered, of what its rule allows. NULL: it cannot be told. */
static const struct reaction *reaction_of(const struct trial *t)
{
	if (t->match.reaction)
		return t->match.reaction;
	if (!t->rule || t->replies)
		return NULL;
	/* Silence: the state in which it left the target tells which. */
	for (unsigned i = 0; i < t->rule->reactions_count; i++) {
		const struct reaction *r = &t->rule->reactions[i];

		if (r->reply == REPLY_NONE && questioned(r->next ? r->next : IN(t->state)) & t->after)
			return r;
	}
	return NULL;
}

static void settle_answer(struct exchange *x, const struct reaction *r)
{
	const struct trial *t = x->trial;
	const char *drew = t->replies ? t->drew : "no answer";
	enum outcome outcome = r && r->grade != GRADE_INCONCLUSIVE ? OUTCOME_PASS : OUTCOME_INCONCLUSIVE;

	if (!t->rule)
		result_add(x, "answer", OUTCOME_INCONCLUSIVE, NULL, "no rule knows what this segment is there");
	else if (!r)
		result_add(x, "answer", outcome, t->rule, "%s: which of the permitted answers it is cannot be told", drew);
	else if (r->when)
		result_add(x, "answer", outcome, t->rule, "%s: %s", drew, r->when);
	else
		result_add(x, "answer", outcome, t->rule, "%s, as required", drew);
}

void trial_settle(struct exchange *x)
{
	const struct trial *t = x->trial;
	char states[160];

	if (x->verdicts_count)
		return;
	if (!t->possible) {
		result_add(x, "answer", OUTCOME_INCONCLUSIVE, NULL,
			   "the window that the target advertises is too small for this position, or it has no timestamps");
		return;
	}
	if (!t->asking) {
		result_add(x, "answer", OUTCOME_INCONCLUSIVE, NULL, "broken off before it could be judged");
		return;
	}
	settle_answer(x, reaction_of(t));
	if (t->replied_us)
		result_add(x, "state", OUTCOME_PASS, t->rule, "afterwards %s",
			   tcp_states_text(t->after, states, sizeof states));
	else
		result_add(x, "state", OUTCOME_INCONCLUSIVE, NULL, "no answer to the question afterwards");
}
