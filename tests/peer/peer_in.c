/* SPDX-License-Identifier: BSD-2-Clause */
/* SEGMENT ARRIVES (RFC 9293 3.10.7): segments come in, the connection changes and answers. */
#include <string.h>

#include "core/seq.h"
#include "peer_internal.h"

/* What both SYNs carry counts (RFC 7323 2.2, 3.2; RFC 2018 2). */
static void take_options(const struct peer *p, struct peer_conn *c, const struct segment *s)
{
	const struct tcp_options *o = &s->options;
	uint16_t mss = (uint16_t)(p->params.mss - (c->local.addr.family == 6 ? 20 : 0));

	c->options = p->params.options & o->present &
		     (OPTION_MSS | OPTION_WSCALE | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS);
	if (o->present & OPTION_MSS)
		c->snd_mss = o->mss;
	c->snd_mss = c->snd_mss < mss ? c->snd_mss : mss; /* MUST-16 */
	if (c->options & OPTION_TIMESTAMPS)
		c->snd_mss = (uint16_t)(c->snd_mss > 12 + 8 ? c->snd_mss - 12 : 8);
	if (!c->snd_mss)
		c->snd_mss = 8;
	if (c->options & OPTION_WSCALE) {
		c->snd_shift = o->wscale < 14 ? o->wscale : 14; /* RFC 7323 2.3 */
		c->rcv_shift = p->params.wscale;
	}
	if (c->options & OPTION_TIMESTAMPS)
		c->ts_recent = o->tsval;
}

static void take_window(struct peer_conn *c, const struct segment *s)
{
	c->snd_wnd = s->flags & FLAG_SYN ? s->window : (uint32_t)s->window << c->snd_shift;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	if (c->snd_wnd > c->max_snd_wnd)
		c->max_snd_wnd = c->snd_wnd;
}

/* How many SYNs came from there to there, this one included. */
static unsigned count_syn(struct peer *p, const struct segment *s)
{
	struct peer_seen *e;

	for (int i = 0; i < PEER_SEEN; i++) {
		e = &p->seen[i];
		if (e->syns && endpoint_equal(&e->local, &s->dst) && endpoint_equal(&e->remote, &s->src))
			return ++e->syns;
	}
	e = &p->seen[p->seen_next++ % PEER_SEEN];
	*e = (struct peer_seen){ .local = s->dst, .remote = s->src, .syns = 1 };
	return 1;
}

/* The two faults that concern the first SYNs; true if the SYN has been dealt with. */
static bool first_syn_fault(struct peer *p, const struct segment *s)
{
	unsigned n = count_syn(p, s);
	struct peer_conn *c;

	if (peer_has_fault(p, FAULT_SYN_ACK_LATE))
		return n <= 2;
	if (!peer_has_fault(p, FAULT_CHALLENGE_FIRST) || n > 1)
		return false;
	c = peer_conn_new(p, &s->dst, &s->src, NULL);
	if (!c)
		return false;
	c->state = PEER_ESTABLISHED;
	c->app = PEER_MANUAL;
	c->snd_una = c->snd_nxt = c->iss + 1;
	c->irs = s->seq + (uint32_t)peer_random(p) / 2 + 0x20000000;
	c->rcv_nxt = c->rcv_edge = c->irs + 1;
	peer_in_segment(p, c, s);
	return true;
}

/* RFC 9293 3.10.7.2; `old` is the connection in TIME-WAIT that the SYN replaces, or NULL. Data and FIN with
 * the SYN are left to be sent again. */
void peer_in_listen(struct peer *p, const struct segment *s, struct peer_conn *old)
{
	uint32_t old_nxt = old ? old->snd_nxt : 0, old_rcv_nxt = old ? old->rcv_nxt : 0;
	uint32_t old_iss = old ? old->iss : 0, old_irs = old ? old->irs : 0;
	bool reopened = old;
	struct peer_conn *c;

	if (s->flags & FLAG_RST) {
		if (peer_has_fault(p, FAULT_RST_ANSWERS_RST))
			peer_out_refuse(p, s);
		return;
	}
	if (s->flags & FLAG_ACK) {
		if (!peer_has_fault(p, FAULT_BAD_ACK_IGNORED))
			peer_out_refuse(p, s);
		return;
	}
	if (!(s->flags & FLAG_SYN) || (!old && first_syn_fault(p, s)))
		return;
	c = peer_conn_new(p, &s->dst, &s->src, old);
	if (!c)
		return;
	if (reopened && seq_le(c->iss, old_nxt)) { /* MAY-2 (1) */
		c->iss = old_nxt + 1 + (uint32_t)peer_random(p) % 64000;
		c->snd_una = c->iss;
		c->snd_nxt = c->buffer_seq = c->iss + 1;
	}
	c->reopened = reopened;
	c->old_nxt = old_nxt;
	c->old_rcv_nxt = old_rcv_nxt;
	c->old_iss = old_iss;
	c->old_irs = old_irs;
	c->state = PEER_SYN_RECEIVED;
	c->irs = s->seq;
	c->rcv_nxt = c->rcv_edge = s->seq + 1;
	take_options(p, c, s);
	take_window(c, s);
	peer_out_syn(p, c);
	peer_out_start_timer(p, c);
}

/* A SYN that may replace the connection in TIME-WAIT (RFC 6191 2, RFC 9293 3.6.1 MAY-2, SHLD-4). */
static bool may_reopen(const struct peer *p, const struct peer_conn *c, const struct segment *s)
{
	bool had = c->options & OPTION_TIMESTAMPS, has = s->options.present & OPTION_TIMESTAMPS;
	enum peer_app app = peer_behind(p, c->local.port);
	bool newer = seq_gt(s->seq, c->rcv_nxt);

	if (c->state != PEER_TIME_WAIT || app == PEER_REFUSE ||
	    (s->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST)) != FLAG_SYN)
		return false;
	if (had && has)
		return seq_gt(s->options.tsval, c->ts_recent) ||
		       (s->options.tsval == c->ts_recent && newer);
	return (!had && has) || newer;
}

bool peer_in_acceptable(const struct peer_conn *c, const struct segment *s)
{
	uint32_t window = c->rcv_edge - c->rcv_nxt, len = segment_len(s);

	if (!len && !window)
		return s->seq == c->rcv_nxt;
	if (!len)
		return seq_in(s->seq, c->rcv_nxt, window);
	return window && (seq_in(s->seq, c->rcv_nxt, window) || seq_in(s->seq + len - 1, c->rcv_nxt, window));
}

/* RFC 7323 3.2 and 5.3 R1: false if the segment is to be dropped, after an ACK if one is due. */
static bool timestamps_pass(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	if (!(c->options & OPTION_TIMESTAMPS) || s->flags & (FLAG_RST | FLAG_SYN))
		return true;
	if (!(s->options.present & OPTION_TIMESTAMPS))
		return false;
	if (seq_lt(s->options.tsval, c->ts_recent)) {
		peer_out_challenge(p, c);
		return false;
	}
	return true;
}

/* A FIN that our ACK must have missed (RFC 9293 3.10.7.4, fifth, TIME-WAIT). */
static bool repeated_fin(const struct peer_conn *c, const struct segment *s)
{
	return s->flags & FLAG_FIN && s->seq + segment_len(s) == c->rcv_nxt;
}

/* First: sequence number. */
static bool sequence_passes(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	if (!timestamps_pass(p, c, s))
		return false;
	if (peer_in_acceptable(c, s))
		return true;
	if (s->flags & FLAG_RST) /* an exact one counts at a closed window too (MUST-66) */
		return s->seq == c->rcv_nxt;
	if (c->state == PEER_TIME_WAIT && repeated_fin(c, s))
		peer_conn_time_wait(p, c);
	/* Only what occupies no sequence space could be answered in a circle for ever. */
	if (segment_len(s) && !(s->flags & FLAG_SYN))
		peer_out_ack(p, c);
	else
		peer_out_challenge(p, c);
	return false;
}

/* Second: RST, by RFC 5961 3.2. */
static void reset_arrives(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	if (s->seq != c->rcv_nxt) {
		peer_out_challenge(p, c);
		return;
	}
	if (peer_has_fault(p, FAULT_RST_ANSWERS_RST))
		peer_out_refuse(p, s);
	if (c->state == PEER_SYN_RECEIVED && c->reopened) { /* MAY-2 (2) */
		c->iss = c->old_iss;
		c->irs = c->old_irs;
		c->snd_una = c->snd_nxt = c->old_nxt;
		c->rcv_nxt = c->rcv_edge = c->old_rcv_nxt;
		c->fin_sent = c->fin_queued = c->fin_received = true;
		peer_conn_time_wait(p, c);
		return;
	}
	peer_conn_free(c);
}

/* Fourth: SYN. */
static void syn_arrives(struct peer *p, struct peer_conn *c)
{
	if (c->state == PEER_SYN_RECEIVED && !c->active)
		peer_conn_free(c); /* back to LISTEN */
	else
		peer_out_challenge(p, c);
}

static bool fin_acked(const struct peer_conn *c)
{
	return c->fin_sent && c->snd_una == c->snd_nxt;
}

/* Takes what is acknowledged off the retransmission queue. */
static void advance(struct peer *p, struct peer_conn *c, uint32_t ack)
{
	uint32_t acked = ack - c->snd_una, bytes = ack - c->buffer_seq;

	if (bytes > c->buffer_len)
		bytes = c->buffer_len; /* the rest is the FIN */
	memmove(c->buffer, c->buffer + bytes, c->buffer_len - bytes);
	c->buffer_len -= bytes;
	c->buffer_seq += bytes;
	c->snd_una = ack;
	c->tries = 0;
	c->rto_us = p->params.rto_us;
	c->rto_at = PEER_NEVER;
	if (c->snd_una != c->snd_nxt)
		peer_out_start_timer(p, c);
	/* RFC 5681 3.1 */
	if (c->cwnd < c->ssthresh)
		c->cwnd += acked < c->snd_mss ? acked : c->snd_mss;
	else
		c->cwnd += (uint32_t)c->snd_mss * c->snd_mss / c->cwnd + 1;
	if (c->recovering && seq_lt(ack, c->recover))
		peer_out_again(p, c);
	else
		c->recovering = false;
}

/* The part of the fifth step that all states after SYN-RECEIVED share; false if the segment is dropped. */
static bool ack_arrives(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	bool was_closed = !c->snd_wnd;

	/* RFC 5961 5.2 (MAY-12) and "acks something not yet sent" have the same answer. */
	if (seq_gt(s->ack, c->snd_nxt) || seq_lt(s->ack, c->snd_una - c->max_snd_wnd)) {
		peer_out_challenge(p, c);
		return false;
	}
	if (seq_gt(s->ack, c->snd_una))
		advance(p, c, s->ack);
	if (c->state == PEER_CLOSED || seq_lt(s->ack, c->snd_una))
		return c->state != PEER_CLOSED;
	if (seq_lt(c->snd_wl1, s->seq) || (c->snd_wl1 == s->seq && seq_le(c->snd_wl2, s->ack)))
		take_window(c, s);
	if (!c->snd_wnd)
		c->rto_first = p->now_us; /* probes that are answered go on for ever (MUST-37) */
	else if (was_closed && c->snd_una != c->snd_nxt)
		peer_out_again(p, c); /* the probe was not taken */
	return c->state != PEER_CLOSED;
}

static bool syn_received_ack(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	if (seq_le(s->ack, c->snd_una) || seq_gt(s->ack, c->snd_nxt)) {
		if (!peer_has_fault(p, FAULT_BAD_ACK_IGNORED))
			peer_out_rst(p, c, s->ack);
		return false;
	}
	c->snd_una = s->ack;
	c->rto_at = PEER_NEVER;
	take_window(c, s);
	peer_conn_established(p, c);
	return c->state != PEER_CLOSED;
}

/* Fifth: ACK; false if the segment ends here. */
static bool ack_passes(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	bool go_on;

	if (c->state == PEER_SYN_RECEIVED)
		return syn_received_ack(p, c, s);
	go_on = ack_arrives(p, c, s);
	if (!go_on)
		return false;
	peer_app_space(p, c);
	switch (c->state) {
	case PEER_FIN_WAIT_1:
		if (!fin_acked(c))
			break;
		c->state = PEER_FIN_WAIT_2;
		if (c->full_close && p->params.orphan_us)
			c->time_wait_at = p->now_us + p->params.orphan_us;
		break;
	case PEER_CLOSING:
		if (fin_acked(c))
			peer_conn_time_wait(p, c);
		break;
	case PEER_LAST_ACK:
		if (!fin_acked(c))
			break;
		if (peer_has_fault(p, FAULT_RST_IN_LAST_ACK))
			peer_out_rst(p, c, c->snd_nxt);
		peer_conn_free(c);
		break;
	default:
		break;
	}
	return c->state != PEER_CLOSED;
}

static bool ack_goes_alone(const struct peer *p)
{
	return peer_has_fault(p, FAULT_ACK_APART) || peer_has_fault(p, FAULT_ACK_WITHDRAWN) ||
	       peer_has_fault(p, FAULT_REORDERS);
}

/* The faults whose reset wants an occasion take the first data or FIN for it. */
static bool abort_fault(const struct peer *p, const struct peer_conn *c, bool fin)
{
	if (c->state != PEER_ESTABLISHED && c->state != PEER_CLOSE_WAIT)
		return false;
	return peer_has_fault(p, FAULT_RST_OUT_OF_WINDOW) || peer_has_fault(p, FAULT_RST_SEQ_LOW) ||
	       peer_has_fault(p, FAULT_ACTIVITY_AFTER_RST) || (fin && peer_has_fault(p, FAULT_RST_TO_FIN));
}

/* Eighth: FIN, which stands at RCV.NXT. */
static void fin_arrives(struct peer *p, struct peer_conn *c)
{
	c->rcv_nxt++;
	c->fin_received = true;
	c->ack_owed = true;
	if (ack_goes_alone(p))
		peer_out_ack(p, c);
	switch (c->state) {
	case PEER_ESTABLISHED:
		c->state = PEER_CLOSE_WAIT;
		peer_app_eof(p, c);
		break;
	case PEER_FIN_WAIT_1: /* with our FIN acknowledged it would be FIN-WAIT-2 by now */
		c->state = PEER_CLOSING;
		break;
	case PEER_FIN_WAIT_2:
		peer_conn_time_wait(p, c);
		break;
	default:
		break;
	}
}

/* Seventh and eighth: text and FIN. Out of order they are dropped (SHLD-31 is a SHOULD). */
static void text_arrives(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	uint32_t skip = c->rcv_nxt - s->seq, take, room;
	bool fin = s->flags & FLAG_FIN;

	if (!s->len && !fin)
		return;
	if (c->fin_received) { /* text is ignored, a second FIN is answered */
		if (fin)
			peer_out_ack(p, c);
		return;
	}
	if (seq_gt(s->seq, c->rcv_nxt) || s->data_len != s->len) {
		peer_out_ack(p, c);
		return;
	}
	if (abort_fault(p, c, fin)) {
		peer_conn_abort(p, c);
		return;
	}
	if (c->full_close && s->len > skip) { /* nobody will ever read it (3.6.1, SHLD-3) */
		peer_conn_abort(p, c);
		return;
	}
	room = peer_app_room(p, c);
	take = s->len - skip < c->rcv_edge - c->rcv_nxt ? s->len - skip : c->rcv_edge - c->rcv_nxt;
	if (c->app == PEER_ECHO && take > room)
		take = room;
	fin = fin && take == s->len - skip && seq_lt(c->rcv_nxt + take, c->rcv_edge);
	c->rcv_nxt += take;
	c->ack_owed = true;
	if (ack_goes_alone(p) && take)
		peer_out_ack(p, c);
	if (take)
		peer_app_data(p, c, s->data + skip, take);
	if (fin && c->state != PEER_CLOSED)
		fin_arrives(p, c);
}

/* Figure 7 of RFC 9293 3.5 and MUST-10: the SYN,ACK of a simultaneous open lies left of the window, its
 * acknowledgment counts all the same (Appendix A.2). */
static bool crossing_syn_ack(const struct peer_conn *c, const struct segment *s)
{
	return c->state == PEER_SYN_RECEIVED && c->active && s->seq == c->irs &&
	       (s->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST)) == (FLAG_SYN | FLAG_ACK) &&
	       s->ack == c->snd_nxt;
}

/* RFC 9293 3.10.7.3. */
static void syn_sent(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	struct segment rest = *s;

	if (s->flags & FLAG_ACK && (seq_le(s->ack, c->iss) || seq_gt(s->ack, c->snd_nxt))) {
		if (!(s->flags & FLAG_RST))
			peer_out_refuse(p, s);
		return;
	}
	if (s->flags & FLAG_RST) {
		if (s->flags & FLAG_ACK)
			peer_conn_free(c);
		return;
	}
	if (!(s->flags & FLAG_SYN))
		return;
	c->irs = s->seq;
	c->rcv_nxt = c->rcv_edge = s->seq + 1;
	take_options(p, c, s);
	take_window(c, s);
	if (!(s->flags & FLAG_ACK)) {
		c->state = PEER_SYN_RECEIVED;
		peer_out_syn(p, c);
		return;
	}
	c->snd_una = s->ack;
	c->rto_at = PEER_NEVER;
	c->ack_owed = true;
	c->rcv_edge = c->rcv_nxt + peer_app_room(p, c);
	peer_conn_established(p, c);
	rest.seq++;
	rest.flags &= (uint16_t)~FLAG_SYN;
	text_arrives(p, c, &rest);
	if (c->state != PEER_CLOSED)
		peer_out_flush(p, c);
}

void peer_in_segment(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	if (peer_wrong_segment(p, c, s))
		return;
	if (c->state == PEER_SYN_SENT) {
		syn_sent(p, c, s);
		return;
	}
	if (c->state == PEER_TIME_WAIT && peer_has_fault(p, FAULT_TIME_WAIT_SILENT))
		return;
	if (may_reopen(p, c, s)) {
		peer_in_listen(p, s, c);
		return;
	}
	if (crossing_syn_ack(c, s)) {
		if (syn_received_ack(p, c, s))
			peer_out_flush(p, c);
		return;
	}
	if (!sequence_passes(p, c, s))
		return;
	if (s->flags & FLAG_RST) {
		reset_arrives(p, c, s);
		return;
	}
	if (s->flags & FLAG_SYN) {
		syn_arrives(p, c);
		return;
	}
	if (!(s->flags & FLAG_ACK))
		return;
	/* RFC 7323 4.3: from the segment that the last ACK asked for. */
	if (c->options & OPTION_TIMESTAMPS && c->acked && seq_le(s->seq, c->last_ack))
		c->ts_recent = s->options.tsval;
	if (!ack_passes(p, c, s))
		return;
	text_arrives(p, c, s);
	if (c->state != PEER_CLOSED)
		peer_out_flush(p, c);
}
