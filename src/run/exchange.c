/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pattern.h"
#include "core/seq.h"
#include "run/result.h"
#include "run/steps.h"

enum {
	UNSEEN_US = 3000000,    /* a neighbour is looked up for up to three seconds (RFC 4861 10) */
	LINGER_US = 5000,       /* and two round trips, to see what our last segment draws */
	LINGER_MOST_US = 1000000,
	LATE_US = 300000,       /* a busy host may take this long to show what has left */
	ICMP_RETRY_US = 1500000, /* after an ICMP error: time for one more SYN */
};

bool exchange_init(struct exchange *x, const struct exchange_params *params)
{
	*x = (struct exchange){ .params = *params,
				.deadline_us = INT64_MAX,
				.first.said = TCP_STATES,
				.last.said = TCP_STATES };
	x->lines_room = 16;
	x->lines = malloc(x->lines_room * sizeof *x->lines);
	prober_init(&x->prober, &x->params.prober, params->data, params->data_len);
	conn_init(&x->conn, CONN_LIVE);
	x->trial = params->stimulus ? calloc(1, sizeof *x->trial) : NULL;
	return x->lines && (x->trial || !params->stimulus);
}

void exchange_resume(struct exchange *x, const struct exchange *old)
{
	x->params.prober = old->params.prober;
	x->prober = old->prober;
	x->prober.params = &x->params.prober;
	x->conn = old->conn;
	x->opened = old->opened;
}

void exchange_free(struct exchange *x)
{
	free(x->lines);
	free(x->trial);
	x->lines = NULL;
	x->trial = NULL;
}

bool exchange_owns(const struct exchange *x, const struct segment *s)
{
	const struct prober_params *p = &x->params.prober;

	if (!p->target.port)
		return (s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN && !s->icmp.type &&
		       address_equal(&s->src.addr, &p->target.addr) && endpoint_equal(&s->dst, &p->source);
	return (endpoint_equal(&s->src, &p->source) && endpoint_equal(&s->dst, &p->target)) ||
	       (endpoint_equal(&s->src, &p->target) && endpoint_equal(&s->dst, &p->source));
}

/* Once a segment is tried that no honest end would send, the observer of honest ends has nothing to say. */
static void observe(struct exchange *x, unsigned from, const struct segment *s, int64_t now_us,
		    struct judgement *j)
{
	if (x->tried && from == CONN_PROBER)
		trial_sent(x, s, now_us);
	else if (x->tried)
		trial_received(x, s, now_us, j);
	else
		conn_observe(&x->conn, x->params.rules, from, s, j);
}

/* ---- what leaves ------------------------------------------------------------------------------- */

static void forget_pending(struct exchange *x, size_t index)
{
	x->pending_count--;
	memmove(x->pending + index, x->pending + index + 1,
		(x->pending_count - index) * sizeof *x->pending);
}

/* The number of the prober's present state. */
static unsigned state_serial(struct exchange *x)
{
	if (x->serial_state != x->prober.state)
		x->serial++;
	x->serial_state = x->prober.state;
	return x->serial;
}

/* Remembers the segments that a call of the prober added to `out`, until they are seen leaving. The
 * oldest give way: in a long transfer captured segments are read faster than they come round. */
void exchange_sent(struct exchange *x, const struct prober_out *out, size_t from, int64_t now_us)
{
	for (size_t i = from; i < out->count; i++) {
		if (!x->pending_count)
			x->pending_us = now_us;
		if (x->pending_count == EXCHANGE_PENDING)
			forget_pending(x, 0);
		x->pending[x->pending_count++] = (struct pending){
			.seq = out->segments[i].seq,
			.ack = out->segments[i].ack,
			.len = out->segments[i].len,
			.flags = out->segments[i].flags,
			.state = x->prober.state,
			.serial = state_serial(x),
		};
	}
}

static void fail_exchange(struct exchange *x, const char *error)
{
	if (!x->error[0])
		snprintf(x->error, sizeof x->error, "%s", error);
}

/* Takes the segment from those on their way out. Returns false if it is none of them. */
static bool seen_leaving(struct exchange *x, const struct segment *s, int64_t now_us,
			 struct pending *seen)
{
	for (size_t i = 0; i < x->pending_count; i++)
		if (x->pending[i].seq == s->seq && x->pending[i].ack == s->ack &&
		    x->pending[i].flags == s->flags && x->pending[i].len == s->len) {
			*seen = x->pending[i];
			forget_pending(x, i);
			x->pending_us = now_us;
			return true;
		}
	return false;
}

static void play_abort(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	size_t from = out->count;

	prober_abort(&x->prober, out);
	exchange_sent(x, out, from, now_us);
}

/* ---- the check --------------------------------------------------------------------------------- */

static int64_t linger_us(const struct exchange *x)
{
	int64_t us = LINGER_US + 2 * x->prober.srtt_us;

	return us > LINGER_MOST_US ? LINGER_MOST_US : us;
}

/* Nothing more is played: what is still open is reset, then we listen a moment longer. */
static void finish(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	if (x->phase != PLAYING)
		return;
	if (x->tried)
		trial_tear_down(x, now_us, out);
	else if (x->prober.state != TCP_CLOSED && x->prober.state != TCP_TIME_WAIT && x->started)
		play_abort(x, now_us, out);
	x->phase = LINGERING;
	if (!steps_ask_after_reset(x, now_us))
		x->deadline_us = now_us + linger_us(x);
}

static void advance(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	while (x->phase == PLAYING && steps_done(x, now_us, out)) {
		enum step over = steps_current(x);

		x->opened |= over == STEP_OPEN || over == STEP_ANSWER_SYN || over == STEP_COMPLETE;
		x->step++;
		if (steps_current(x) == STEP_END)
			finish(x, now_us, out);
		else
			steps_begin(x, now_us, out);
	}
	if (x->phase == PLAYING && steps_broken_off(x))
		finish(x, now_us, out);
}

void exchange_start(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	x->started = true;
	x->start_us = now_us;
	steps_begin(x, now_us, out);
	advance(x, now_us, out);
}

/* One verdict per rule, the first; a certain one takes the place of a likely one. */
static void keep_verdicts(struct exchange *x, const struct judgement *j)
{
	for (unsigned i = 0; i < j->count; i++) {
		const struct verdict *v = &j->failed[i];
		size_t at = 0;

		while (at < x->verdicts_count && x->verdicts[at].rule != v->rule)
			at++;
		if (at == x->verdicts_count)
			x->verdicts_count++;
		else if (x->verdicts[at].certainty <= v->certainty)
			continue;
		x->verdicts[at] = *v;
	}
}

/* ---- time -------------------------------------------------------------------------------------- */

static int64_t min_us(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t exchange_wakes_at(const struct exchange *x)
{
	int64_t at = x->deadline_us;

	if (x->phase == FINISHED || !x->started)
		return INT64_MAX;
	if (x->phase == LINGERING && x->pending_count)
		at += LATE_US;
	if (x->phase == PLAYING) {
		at = min_us(at, min_us(x->prober.rto_at_us, steps_wake_at(x)));
		if (x->pending_count && !x->unanswered[0])
			at = min_us(at, x->pending_us + UNSEEN_US);
	}
	return at;
}

/* Whatever waits for the wire in vain was stopped on this host. */
static void check_unseen(struct exchange *x, int64_t now_us, int64_t limit_us)
{
	char flags[FLAGS_TEXT], error[VERDICT_TEXT];

	if (!x->pending_count || x->unanswered[0] || now_us - x->pending_us < limit_us)
		return;
	snprintf(error, sizeof error,
		 "our segment %s was not seen leaving: a firewall of this host dropped it, or the capture lost it",
		 flags_text(x->pending[0].flags, flags));
	fail_exchange(x, error);
}

static void settle(struct exchange *x, int64_t now_us)
{
	x->phase = FINISHED;
	x->done = true;
	result_settle(x, now_us);
}

void exchange_tick(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	size_t from = out->count;

	if (x->phase == FINISHED || !x->started)
		return;
	if (x->phase == LINGERING) {
		if (now_us < exchange_wakes_at(x))
			return;
		if (!x->prober.srtt_us)
			check_unseen(x, now_us, LATE_US);
		settle(x, now_us);
		return;
	}
	check_unseen(x, now_us, UNSEEN_US);
	prober_timeout(&x->prober, now_us, out);
	exchange_sent(x, out, from, now_us);
	if (x->tried) {
		struct judgement j;

		trial_time(x, now_us, &j);
		keep_verdicts(x, &j);
	}
	if (now_us >= x->deadline_us && !steps_retry(x, now_us, out)) {
		check_unseen(x, now_us, LATE_US);
		finish(x, now_us, out);
	}
	advance(x, now_us, out);
}

void exchange_answered(struct exchange *x, const struct driver_answer *a, int64_t now_us, struct prober_out *out)
{
	if (!x->started || x->phase == FINISHED)
		return;
	/* An application that has died may be told of later than its connection ends. */
	if (x->phase == LINGERING) {
		if (a->kind == ANSWER_LOST && steps_current(x) != STEP_END)
			steps_answered(x, a, now_us, out);
		x->deadline_us = min_us(x->deadline_us, now_us + linger_us(x));
		return;
	}
	steps_answered(x, a, now_us, out);
	advance(x, now_us, out);
}

void exchange_unanswered(struct exchange *x, const char *why)
{
	snprintf(x->unanswered, sizeof x->unanswered, "%s", why);
}

void exchange_stop(struct exchange *x, const char *error, int64_t now_us, struct prober_out *out)
{
	if (x->phase == FINISHED)
		return;
	if (!x->started) { /* nothing to tell */
		x->phase = FINISHED;
		x->done = x->reported = true;
		return;
	}
	if (error) {
		fail_exchange(x, error);
		prober_abort(&x->prober, out); /* best effort: one segment alone may have failed */
		settle(x, now_us);
		return;
	}
	x->interrupted = true;
	finish(x, now_us, out);
}

/* ---- what arrives ------------------------------------------------------------------------------ */

/* Data and its ACKs; what makes a long transfer long. */
static bool plain(const struct segment *s, unsigned notes, unsigned failed)
{
	return !s->icmp.type && !notes && !failed &&
	       !(s->flags & (FLAG_SYN | FLAG_FIN | FLAG_RST | FLAG_URG));
}

/* A new line, or NULL if the segment is not kept. */
static struct line *add_line(struct exchange *x, const struct segment *s, bool out,
			     const struct judgement *j)
{
	struct line *l;

	if (x->lines_count == x->lines_room && x->lines_room < EXCHANGE_LINES) {
		l = realloc(x->lines, 2 * x->lines_room * sizeof *l);
		if (l) {
			x->lines = l;
			x->lines_room *= 2;
		}
	}
	if (x->lines_count == x->lines_room ||
	    (x->lines_count >= EXCHANGE_PLAIN && plain(s, j ? j->notes : 0, j ? j->count : 0))) {
		x->lines[x->lines_count - 1].skipped++;
		return NULL;
	}
	l = &x->lines[x->lines_count++];
	*l = (struct line){ .segment = *s,
			    .out = out,
			    .prober = x->prober.state,
			    .target = x->conn.ends[CONN_TARGET].states,
			    .assumed = (enum tcp_state)x->conn.ends[CONN_TARGET].assumed };
	if (x->tried) {
		l->target = answer_states(&x->trial->answer, s->t_us);
		l->assumed = tcp_states_single(l->target) ? (enum tcp_state)__builtin_ctz(l->target) : TCP_STATES;
	}
	l->segment.data = NULL;
	l->segment.data_len = 0;
	return l;
}

/* What came in while a segment was on its way out has changed our state already: the ladder does not go
 * back. */
static void show_state(struct exchange *x, struct line *l, enum tcp_state state, unsigned serial)
{
	if (serial >= x->shown_serial) {
		x->shown_serial = serial;
		x->shown_state = state;
	}
	l->prober = x->shown_state;
}

/* A segment from our own address that we did not send. A frame may be captured twice, and ACKs may be
 * more than are remembered; what a kernel without a connection sends is RST, and SYN,ACK if it listens. */
static bool is_foreign(const struct exchange *x, const struct segment *s)
{
	if (!(s->flags & (FLAG_RST | FLAG_SYN)))
		return false;
	for (size_t i = 0; i < x->lines_count; i++) {
		const struct segment *seen = &x->lines[i].segment;

		if (x->lines[i].out && seen->seq == s->seq && seen->flags == s->flags)
			return false;
	}
	return true;
}

static void captured_out(struct exchange *x, const struct segment *s, int64_t now_us)
{
	const struct conn_end *ours = &x->conn.ends[CONN_PROBER];
	bool repeated = (ours->known & CONN_SEEN) && segment_len(s) && seq_lt(s->seq, ours->end);
	struct pending seen = { .state = x->prober.state, .serial = state_serial(x) };
	char flags[FLAGS_TEXT], error[VERDICT_TEXT];
	struct judgement j;
	struct line *l;

	if (!seen_leaving(x, s, now_us, &seen)) {
		if (is_foreign(x, s)) {
			snprintf(error, sizeof error,
				 "this host's kernel sent %s in our connection: the guard does not hold here",
				 flags_text(s->flags, flags));
			fail_exchange(x, error);
		} else if (!(ours->known & CONN_SEEN) || seq_le(s->seq + segment_len(s), ours->end)) {
			return; /* captured twice; anything newer was forgotten */
		}
	}
	observe(x, CONN_PROBER, s, now_us, &j);
	l = add_line(x, s, true, NULL);
	if (!l)
		return;
	show_state(x, l, seen.state, seen.serial);
	l->asks = repeated && s->len == 1 && s->seq + 1 == ours->end && x->params.check->goal;
	l->repeated = repeated && !l->asks;
}

/* The time since the segment left whose end is acknowledged here for the first time; not if that one
 * was sent twice (Karn). */
static int64_t round_trip(const struct exchange *x, const struct segment *s)
{
	if (!(s->flags & FLAG_ACK))
		return 0;
	for (size_t i = x->lines_count; i--;) {
		const struct line *l = &x->lines[i];

		if (!l->out && (l->segment.flags & FLAG_ACK) && seq_ge(l->segment.ack, s->ack))
			return 0;
		if (l->out && segment_len(&l->segment) &&
		    l->segment.seq + segment_len(&l->segment) == s->ack)
			return l->repeated ? 0 : s->t_us - l->segment.t_us;
	}
	return 0;
}

/* Compares what STEP_TRANSFER_IN waits for. */
static void compare(struct exchange *x, const struct segment *s, uint32_t skip, uint64_t news)
{
	struct received_pattern *in = &x->in;

	for (uint64_t i = 0; i < news; i++, in->received++) {
		if (skip + i >= s->data_len)
			in->unseen++;
		else if (s->data[skip + i] != pattern_byte(x->params.pattern_seed, (uint32_t)in->received))
			continue;
		if (in->matched == in->received)
			in->matched++;
	}
}

/* Keeps the first bytes of the answer, in order. */
static void keep_answer(struct exchange *x, const struct segment *s, uint32_t expected, uint64_t news)
{
	uint32_t skip = expected - s->seq;
	size_t n = (size_t)news, room = sizeof x->answer - x->answer_len;

	if (x->phase == PLAYING && steps_current(x) == STEP_TRANSFER_IN) {
		compare(x, s, skip, news);
		return;
	}
	if (!news || skip >= s->data_len)
		return;
	if (n > s->data_len - skip)
		n = s->data_len - skip;
	if (n > room)
		n = room;
	memcpy(x->answer + x->answer_len, s->data + skip, n);
	x->answer_len += n;
}

/* What the target acknowledges has left, although the capture lost it. */
static void take_as_left(struct exchange *x, const struct segment *s)
{
	const struct conn_end *them = &x->conn.ends[CONN_TARGET];
	struct judgement j;

	for (size_t i = 0; i < x->pending_count && (s->flags & FLAG_ACK);) {
		const struct pending *p = &x->pending[i];
		struct segment left = { .t_us = s->t_us, .seq = p->seq, .ack = p->ack, .len = p->len,
					.flags = p->flags, .window = x->params.prober.window };

		if (p->flags & FLAG_SYN)
			left.options = x->params.prober.syn_options;
		/* What was acknowledged before says nothing of a copy. */
		if (!segment_len(&left) || s->ack != p->seq + segment_len(&left) ||
		    (them->known & CONN_ACKED && seq_le(s->ack, them->ack))) {
			i++;
			continue;
		}
		observe(x, CONN_PROBER, &left, s->t_us, &j);
		forget_pending(x, i);
	}
}

/* Who sends may go on, though not for ever, and so may a transfer to it that gets on. How long a state is
 * held is up to the user alone. */
static void give_time(struct exchange *x, bool sends, bool takes, int64_t now_us)
{
	const enum step step = steps_current(x);

	if (x->phase != PLAYING || step == STEP_HOLD || !(sends || (takes && step == STEP_TRANSFER_OUT)))
		return;
	if (x->prober.received >= EXCHANGE_LARGEST)
		x->deadline_us = now_us;
	else if (now_us - x->step_us < EXCHANGE_LONGEST * x->params.timeout_us)
		x->deadline_us = now_us + x->params.timeout_us;
}

static void captured_in(struct exchange *x, const struct segment *s, int64_t now_us,
			struct prober_out *out)
{
	int64_t rtt = round_trip(x, s);
	uint64_t received = x->prober.received;
	uint32_t expected = x->prober.rcv_nxt, acked = x->prober.snd_una;
	size_t from = out->count;
	struct judgement j;
	struct line *l;

	if (!x->tried) /* what is tried may end where the target's ACK stands */
		take_as_left(x, s);
	/* Its application may connect anew from where a connection is over. */
	if (!x->tried && x->prober.state == TCP_CLOSED && conn_is_reopened(&x->conn, CONN_TARGET, s))
		conn_reopen(&x->conn);
	observe(x, CONN_TARGET, s, now_us, &j);
	x->judged++;
	x->unknown_checksums += !!(j.notes & NOTE_CHECKSUM_UNKNOWN);
	x->bad_checksums += !!(j.notes & NOTE_BAD_CHECKSUM);
	keep_verdicts(x, &j);
	if (!(j.notes & NOTE_BAD_CHECKSUM) && !x->tried) {
		prober_received(&x->prober, s, now_us, out);
		exchange_sent(x, out, from, now_us);
	}
	/* A goal is about this connection; where a SYN is tried, an older one answers. */
	if (!(j.notes & NOTE_BAD_CHECKSUM) && !(j.notes & NOTE_OLD_CONNECTION && x->params.check->goal))
		steps_captured(x, s);
	give_time(x, x->prober.received != received, x->prober.snd_una != acked, now_us);
	if (x->prober.received != received) {
		keep_answer(x, s, expected, x->prober.received - received);
		x->last_data_us = now_us;
	}
	if (!x->syn_ack.frame && (s->flags & (FLAG_SYN | FLAG_RST))) {
		x->syn_ack = *s;
		x->syn_ack.data = NULL;
		x->rtt_us = rtt;
	}
	l = add_line(x, s, false, &j);
	if (!l)
		return;
	show_state(x, l, x->prober.state, state_serial(x));
	l->notes = j.notes;
	l->passed = j.passed;
	l->failed = j.count;
	l->repeated = j.notes & NOTE_REPEATED;
	l->rtt_us = rtt;
}

/* Only an error about something that we sent counts (RFC 5927 4.1). */
static void captured_icmp(struct exchange *x, const struct segment *s, int64_t now_us)
{
	const struct conn_end *ours = &x->conn.ends[CONN_PROBER];

	if (!endpoint_equal(&s->src, &x->params.prober.source) || !(ours->known & CONN_SYN) ||
	    s->seq - ours->iss > ours->end - ours->iss)
		return;
	if (!x->icmp.type)
		x->icmp = s->icmp;
	if (x->phase == PLAYING && steps_current(x) == STEP_OPEN)
		x->deadline_us = min_us(x->deadline_us, now_us + ICMP_RETRY_US);
	add_line(x, s, false, NULL);
}

void exchange_captured(struct exchange *x, const struct segment *s, int64_t now_us,
		       struct prober_out *out)
{
	if (x->phase == FINISHED || !x->started)
		return;
	/* A damaged SYN may be of any port. */
	if (!x->params.prober.target.port && s->checksum == CHECKSUM_BAD)
		return;
	if (!x->params.prober.target.port)
		x->params.prober.target.port = s->src.port;
	if (s->icmp.type) {
		captured_icmp(x, s, now_us);
		return;
	}
	if (endpoint_equal(&s->src, &x->params.prober.source))
		captured_out(x, s, now_us);
	else
		captured_in(x, s, now_us, out);
	advance(x, now_us, out);
}
