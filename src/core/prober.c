/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/prober.h"

#include "core/seq.h"

enum {
	RTO_FIRST_US = 1000000,   /* RFC 6298 2.1, and no less than that later (2.4) */
	RTO_MAX_US = 60000000,    /* RFC 6298 2.5 */
	MSS_DEFAULT_4 = 536,      /* RFC 9293 3.7.1 (MUST-15) */
	MSS_DEFAULT_6 = 1220,
	DATA_MOST = 1200,         /* fits, with all headers, every path for IPv6 (RFC 8200 5) */
	DATA_BURST = 4,           /* segments at once (RFC 6928 allows 10), ... */
	DATA_FLIGHT = 24 * DATA_MOST, /* ... and unacknowledged bytes: gentle to the path */
	REFUSALS = 4,             /* RSTs: a war is not joined */
	NEGOTIATED = OPTION_TIMESTAMPS | OPTION_WSCALE | OPTION_SACK_PERMITTED,
	REPEATS = 100,            /* ACKs a second of what brings nothing new (cf. RFC 5961 7) */
};

void prober_init(struct prober *p, const struct prober_params *params, const uint8_t *data,
		 size_t data_len)
{
	*p = (struct prober){
		.params = params,
		.state = TCP_CLOSED,
		.iss = params->isn,
		.snd_una = params->isn,
		.snd_nxt = params->isn,
		.target_mss = params->target.addr.family == 6 ? MSS_DEFAULT_6 : MSS_DEFAULT_4,
		.data = data,
		.data_len = data_len,
		.data_seq = params->isn + 1,
		.rto_us = RTO_FIRST_US,
		.rto_at_us = INT64_MAX,
	};
}

/* Milliseconds, any origin (RFC 7323 5.4). */
static uint32_t ts_clock(int64_t now_us)
{
	return (uint32_t)(now_us / 1000) | 1;
}

static struct segment *emit(struct prober *p, struct prober_out *out, uint32_t seq, uint16_t flags,
			    int64_t now_us)
{
	struct segment *s = &out->segments[out->count < PROBER_BURST ? out->count++ : PROBER_BURST - 1];

	*s = (struct segment){
		.src = p->params->source,
		.dst = p->params->target,
		.seq = seq,
		.flags = flags,
		.window = p->params->window,
		.ttl = p->params->ttl,
	};
	if (flags & FLAG_ACK)
		s->ack = p->rcv_nxt;
	if (flags & FLAG_SYN) {
		s->options = p->params->syn_options;
		/* A SYN,ACK offers only what the SYN did (RFC 7323 2.2, 3.2; RFC 2018 2). */
		if (flags & FLAG_ACK)
			s->options.present &= p->target_options | (uint8_t)~NEGOTIATED;
	} else if (p->timestamps && !(flags & FLAG_RST)) {
		s->options.present = OPTION_TIMESTAMPS;
	}
	if (s->options.present & OPTION_TIMESTAMPS) {
		s->options.tsval = ts_clock(now_us);
		s->options.tsecr = flags & FLAG_ACK ? p->ts_recent : 0; /* RFC 7323 3.2 */
	}
	options_build(&s->options);
	return s;
}

static void ack_now(struct prober *p, int64_t now_us, struct prober_out *out)
{
	emit(p, out, p->snd_nxt, FLAG_ACK, now_us);
}

static void arm(struct prober *p, int64_t now_us)
{
	p->rto_at_us = p->snd_una == p->snd_nxt ? INT64_MAX : now_us + p->rto_us;
}

static size_t at_most(size_t len, size_t mss)
{
	size_t most = mss < DATA_MOST ? mss : DATA_MOST;

	return len < most ? len : most;
}

static void time_round_trip(struct prober *p, int64_t now_us)
{
	if (p->timed_us)
		return;
	p->timed_seq = p->snd_nxt;
	p->timed_us = now_us;
}

/* Sends what is queued, as far as the target's window and one burst reach: data, then FIN. */
static void send_queued(struct prober *p, int64_t now_us, struct prober_out *out)
{
	bool sent = false;

	if (!(IN(p->state) & (IN(TCP_ESTABLISHED) | IN(TCP_CLOSE_WAIT))))
		return;
	for (int burst = 0; burst < DATA_BURST; burst++) {
		size_t at = p->snd_nxt - p->data_seq, left = p->data_len - at;
		uint32_t window = p->snd_una + p->target_window - p->snd_nxt;
		bool fin;

		if (p->snd_nxt - p->snd_una > p->target_window || p->snd_nxt - p->snd_una >= DATA_FLIGHT)
			window = 0;
		left = at_most(left, p->target_mss);
		if (left > window)
			left = window;
		fin = p->fin_wanted && at + left == p->data_len && !p->fin_sent;
		if (!left && !fin)
			break;
		struct segment *s = emit(p, out, p->snd_nxt, FLAG_ACK, now_us);
		if (left) {
			s->flags |= FLAG_PSH;
			s->data = p->data + at;
			s->len = s->data_len = (uint32_t)left;
		}
		if (fin) {
			s->flags |= FLAG_FIN;
			p->fin_sent = true;
			p->state = p->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1;
		}
		p->snd_nxt += segment_len(s);
		sent = true;
		if (fin)
			break;
	}
	if (sent) {
		time_round_trip(p, now_us);
		if (p->rto_at_us == INT64_MAX)
			arm(p, now_us);
	}
}

void prober_open(struct prober *p, int64_t now_us, struct prober_out *out)
{
	emit(p, out, p->iss, FLAG_SYN | p->params->syn_flags, now_us);
	p->snd_una = p->iss;
	p->snd_nxt = p->iss + 1;
	p->state = TCP_SYN_SENT;
	time_round_trip(p, now_us);
	arm(p, now_us);
}

void prober_listen(struct prober *p)
{
	p->state = TCP_LISTEN;
}

void prober_send(struct prober *p, const uint8_t *data, size_t len, int64_t now_us, struct prober_out *out)
{
	p->data = data;
	p->data_len = len;
	p->data_seq = p->snd_nxt;
	send_queued(p, now_us, out);
}

void prober_close(struct prober *p, int64_t now_us, struct prober_out *out)
{
	p->fin_wanted = true;
	send_queued(p, now_us, out);
}

/* The RST carries no ACK bit (embryonic connections of some stacks ignore RST,ACK). What was sent but
 * not acknowledged may have arrived or not, so both numbers are tried. A target that may be in SYN-SENT takes
 * only what acknowledges its SYN (RFC 9293 3.10.7.3). */
static void send_resets(struct prober *p, struct prober_out *out)
{
	if (p->snd_nxt != p->iss)
		emit(p, out, p->snd_nxt, FLAG_RST, 0);
	if (p->snd_una != p->snd_nxt && p->snd_una != p->iss)
		emit(p, out, p->snd_una, FLAG_RST, 0);
	if (p->syn_held && !p->syn_ack_held && p->snd_una == p->iss)
		emit(p, out, 0, FLAG_RST | FLAG_ACK, 0);
}

void prober_abort(struct prober *p, struct prober_out *out)
{
	if (p->state != TCP_CLOSED)
		send_resets(p, out);
	p->hold_syn = false; /* what comes now is refused */
	p->state = TCP_CLOSED;
	p->rto_at_us = INT64_MAX;
}

void prober_abort_again(struct prober *p, struct prober_out *out)
{
	send_resets(p, out);
}

void prober_stray(struct prober *p, int64_t now_us, struct prober_out *out)
{
	ack_now(p, now_us, out);
}

void prober_old_byte(struct prober *p, int64_t now_us, struct prober_out *out)
{
	static const uint8_t byte;
	struct segment *s = emit(p, out, p->snd_nxt - 1, FLAG_ACK, now_us);

	s->data = &byte;
	s->len = s->data_len = 1;
}

struct segment *prober_craft(struct prober *p, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len,
			     int64_t now_us, struct prober_out *out)
{
	static const uint8_t zeros[PROBER_CRAFTED];
	struct segment *s = emit(p, out, seq, flags, now_us);

	if (flags & FLAG_ACK)
		s->ack = ack;
	if (len) {
		s->data = zeros;
		s->len = s->data_len = len < PROBER_CRAFTED ? len : PROBER_CRAFTED;
	}
	return s;
}

bool prober_all_acked(const struct prober *p)
{
	return p->state != TCP_SYN_SENT && p->state != TCP_SYN_RECEIVED &&
	       p->snd_una - p->data_seq >= p->data_len;
}

/* ---- arriving segments ------------------------------------------------------------------------- */

/* RFC 6298 2.2, 2.3, and Karn: only segments that were sent once are timed. */
static void measure(struct prober *p, int64_t now_us)
{
	int64_t r = now_us - p->timed_us, d;

	if (!p->timed_us || seq_lt(p->snd_una, p->timed_seq))
		return;
	p->timed_us = 0;
	if (!p->srtt_us) {
		p->srtt_us = r > 0 ? r : 1;
		p->rttvar_us = r / 2;
	} else {
		d = p->srtt_us - r;
		p->rttvar_us += ((d < 0 ? -d : d) - p->rttvar_us) / 4;
		p->srtt_us += (r - p->srtt_us) / 8;
	}
	p->rto_us = p->srtt_us + 4 * p->rttvar_us;
	if (p->rto_us < RTO_FIRST_US)
		p->rto_us = RTO_FIRST_US;
}

/* Takes over what the SYN or SYN,ACK of the target says. */
static void take_syn(struct prober *p, const struct segment *s)
{
	const struct tcp_options *theirs = &s->options, *ours = &p->params->syn_options;

	p->irs = s->seq;
	p->rcv_nxt = s->seq + 1;
	p->target_options = theirs->present;
	if (theirs->present & OPTION_MSS && theirs->mss)
		p->target_mss = theirs->mss;
	if (theirs->present & ours->present & OPTION_WSCALE)
		p->target_wscale = theirs->wscale > 14 ? 14 : theirs->wscale; /* RFC 7323 2.3 */
	p->timestamps = theirs->present & ours->present & OPTION_TIMESTAMPS;
	p->ts_recent = theirs->tsval;
	p->target_window = s->window; /* never scaled on a SYN (RFC 7323 2.2) */
}

/* RFC 9293 3.10.7.2, step 3. */
static void answer_syn(struct prober *p, int64_t now_us, struct prober_out *out)
{
	p->state = TCP_SYN_RECEIVED;
	p->snd_una = p->iss;
	p->snd_nxt = p->iss + 1;
	emit(p, out, p->iss, FLAG_SYN | FLAG_ACK, now_us);
	time_round_trip(p, now_us);
	arm(p, now_us);
}

void prober_answer_syn(struct prober *p, int64_t now_us, struct prober_out *out)
{
	p->hold_syn = false;
	if (p->syn_held && p->state == TCP_LISTEN)
		answer_syn(p, now_us, out);
}

/* RFC 9293 3.10.7.3, step 4, for our SYN acknowledged. */
static void establish(struct prober *p, int64_t now_us, struct prober_out *out)
{
	p->snd_una = p->snd_nxt;
	measure(p, now_us);
	p->repeats = 0;
	p->state = TCP_ESTABLISHED;
	p->rto_at_us = INT64_MAX;
	/* "in several segments" is allowed: the bare ACK shows the handshake, data follows. */
	ack_now(p, now_us, out);
	send_queued(p, now_us, out);
}

void prober_release_syn(struct prober *p, int64_t now_us, struct prober_out *out)
{
	p->hold_syn = false;
	if (p->syn_ack_held && p->state == TCP_SYN_SENT)
		establish(p, now_us, out);
}

/* Notes what is held back of an opening. True if the segment was, and is to count as not arrived. */
static bool held_back(struct prober *p, const struct segment *s)
{
	bool ack_ok = (s->flags & FLAG_ACK) && p->state == TCP_SYN_SENT && s->ack == p->snd_nxt;

	if (!p->hold_syn || (s->flags & FLAG_RST))
		return false;
	if (!(s->flags & FLAG_SYN) || ((s->flags & FLAG_ACK) && !ack_ok))
		return p->syn_held || p->syn_ack_held;
	if (!p->syn_held && !p->syn_ack_held)
		take_syn(p, s);
	p->syn_held = true;
	if (ack_ok) {
		p->syn_ack_held = true;
		p->rto_at_us = INT64_MAX; /* it is answered */
	}
	return true;
}

/* RFC 9293 3.10.7.2. */
static void received_in_listen(struct prober *p, const struct segment *s, int64_t now_us,
			       struct prober_out *out)
{
	if ((s->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST)) != FLAG_SYN)
		return;
	take_syn(p, s);
	p->syn_held = true;
	answer_syn(p, now_us, out);
}

/* RFC 9293 3.10.7.3. */
static void received_in_syn_sent(struct prober *p, const struct segment *s, int64_t now_us,
				 struct prober_out *out)
{
	bool ack_ok = (s->flags & FLAG_ACK) && s->ack == p->snd_nxt;

	if ((s->flags & FLAG_ACK) && !ack_ok) {
		if (!(s->flags & FLAG_RST) && !p->silent && p->refusals++ < REFUSALS)
			emit(p, out, s->ack, FLAG_RST, now_us);
		return;
	}
	if (s->flags & FLAG_RST) {
		if (ack_ok) {
			p->reset_received = true;
			p->state = TCP_CLOSED;
			p->rto_at_us = INT64_MAX;
		}
		return;
	}
	if (!(s->flags & FLAG_SYN))
		return;
	take_syn(p, s);
	if (ack_ok) {
		establish(p, now_us, out);
	} else {
		p->state = TCP_SYN_RECEIVED;
		emit(p, out, p->iss, FLAG_SYN | FLAG_ACK, now_us);
		arm(p, now_us);
	}
}

/* Step 5, the ACK field. */
static void take_ack(struct prober *p, const struct segment *s, int64_t now_us)
{
	if (seq_gt(s->ack, p->snd_nxt) || seq_lt(s->ack, p->snd_una))
		return;
	if (seq_gt(s->ack, p->snd_una)) {
		p->snd_una = s->ack;
		p->repeats = 0;
		measure(p, now_us);
		arm(p, now_us);
	}
	p->target_window = (uint32_t)s->window << p->target_wscale;
	if (p->state == TCP_SYN_RECEIVED && seq_gt(p->snd_una, p->iss))
		p->state = TCP_ESTABLISHED;
	if (p->fin_sent && p->snd_una == p->snd_nxt) {
		if (p->state == TCP_FIN_WAIT_1)
			p->state = TCP_FIN_WAIT_2;
		else if (p->state == TCP_CLOSING)
			p->state = TCP_TIME_WAIT;
		else if (p->state == TCP_LAST_ACK)
			p->state = TCP_CLOSED;
	}
}

/* Step 8: the FIN is the next thing in order. */
static void take_fin(struct prober *p)
{
	p->rcv_nxt++;
	p->fin_received = true;
	if (p->state == TCP_ESTABLISHED)
		p->state = TCP_CLOSE_WAIT;
	else if (p->state == TCP_FIN_WAIT_1)
		p->state = TCP_CLOSING;
	else if (p->state == TCP_FIN_WAIT_2)
		p->state = TCP_TIME_WAIT;
}

/* Steps 7 and 8: data and FIN, as far as they are in order. True if an ACK is owed. */
static bool take_text(struct prober *p, const struct segment *s)
{
	uint32_t skip = p->rcv_nxt - s->seq; /* what is known already */

	if (!segment_len(s))
		return false;
	if (seq_gt(s->seq, p->rcv_nxt) || skip > s->len || p->fin_received)
		return true;
	p->rcv_nxt += s->len - skip;
	p->received += s->len - skip;
	if (s->flags & FLAG_FIN) {
		if (p->hold_fin) {
			bool news = s->len > skip;

			p->fin_held = true;
			return news;
		}
		take_fin(p);
	}
	return true;
}

static bool may_repeat(struct prober *p, int64_t now_us)
{
	if (now_us - p->repeats_us >= 1000000) {
		p->repeats_us = now_us;
		p->repeated_acks = 0;
	}
	return p->repeated_acks++ < REPEATS;
}

/* RFC 9293 3.10.7.4, for a receiver whose window is never full. */
static void received_in_synchronized(struct prober *p, const struct segment *s, int64_t now_us,
				     struct prober_out *out)
{
	const uint32_t window = (uint32_t)p->params->window << p->params->syn_options.wscale;
	const uint32_t known = p->rcv_nxt;
	bool in_window = seq_in(s->seq, p->rcv_nxt, window);

	if (s->flags & FLAG_RST) {
		if (in_window || s->seq + 1 == p->rcv_nxt) {
			p->reset_received = true;
			p->state = TCP_CLOSED;
			p->rto_at_us = INT64_MAX;
		}
		return;
	}
	if (s->flags & FLAG_SYN) {
		/* In SYN-RECEIVED it is the other half of a simultaneous open (Figure 7). */
		if (p->state == TCP_SYN_RECEIVED && (s->flags & FLAG_ACK) && s->seq == p->irs)
			take_ack(p, s, now_us);
		if (may_repeat(p, now_us))
			ack_now(p, now_us, out);
		send_queued(p, now_us, out);
		return;
	}
	if (!(s->flags & FLAG_ACK))
		return;
	if (p->timestamps && (s->options.present & OPTION_TIMESTAMPS) && seq_le(s->seq, p->rcv_nxt) &&
	    seq_diff(s->options.tsval, p->ts_recent) > 0)
		p->ts_recent = s->options.tsval;
	take_ack(p, s, now_us);
	if (p->state == TCP_CLOSED)
		return;
	if ((take_text(p, s) || (!segment_len(s) && seq_lt(s->seq, p->rcv_nxt))) &&
	    (p->rcv_nxt != known || may_repeat(p, now_us)))
		ack_now(p, now_us, out);
	send_queued(p, now_us, out);
}

/* RFC 9293 3.10.7.1: a challenge ACK after our RST is answered like this, too (RFC 5961 3.2). */
static void received_in_closed(struct prober *p, const struct segment *s, struct prober_out *out)
{
	struct segment *rst;

	if ((s->flags & FLAG_RST) || p->silent || p->refusals++ >= REFUSALS)
		return;
	if (s->flags & FLAG_ACK) {
		emit(p, out, s->ack, FLAG_RST, 0);
		return;
	}
	rst = emit(p, out, 0, FLAG_RST | FLAG_ACK, 0);
	rst->ack = s->seq + segment_len(s);
}

void prober_received(struct prober *p, const struct segment *s, int64_t now_us,
		     struct prober_out *out)
{
	if (held_back(p, s))
		return;
	if (p->state == TCP_LISTEN)
		received_in_listen(p, s, now_us, out);
	else if (p->state == TCP_SYN_SENT)
		received_in_syn_sent(p, s, now_us, out);
	else if (p->state == TCP_CLOSED)
		received_in_closed(p, s, out);
	else
		received_in_synchronized(p, s, now_us, out);
}

void prober_release_fin(struct prober *p, int64_t now_us, struct prober_out *out)
{
	p->hold_fin = false;
	if (!p->fin_held || p->state == TCP_CLOSED)
		return;
	take_fin(p);
	ack_now(p, now_us, out);
}

/* Repeats the oldest outstanding segment (RFC 6298 5.4), its sequence number unchanged. */
void prober_timeout(struct prober *p, int64_t now_us, struct prober_out *out)
{
	struct segment *s;

	if (now_us < p->rto_at_us)
		return;
	p->timed_us = 0;
	p->repeats++;
	p->rto_us = p->rto_us * 2 > RTO_MAX_US ? RTO_MAX_US : p->rto_us * 2;
	p->rto_at_us = now_us + p->rto_us;
	if (p->state == TCP_SYN_SENT) {
		emit(p, out, p->iss, FLAG_SYN | p->params->syn_flags, now_us);
		return;
	}
	if (p->state == TCP_SYN_RECEIVED) {
		emit(p, out, p->iss, FLAG_SYN | FLAG_ACK, now_us);
		return;
	}
	s = emit(p, out, p->snd_una, FLAG_ACK, now_us);
	if (p->snd_una - p->data_seq < p->data_len) {
		size_t at = p->snd_una - p->data_seq, left = p->data_len - at;

		left = at_most(left, p->target_mss);
		if (left > p->snd_nxt - p->snd_una)
			left = p->snd_nxt - p->snd_una;
		s->flags |= FLAG_PSH;
		s->data = p->data + at;
		s->len = s->data_len = (uint32_t)left;
	}
	if (p->fin_sent && s->seq + s->len + 1 == p->snd_nxt)
		s->flags |= FLAG_FIN;
}
