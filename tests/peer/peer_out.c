/* SPDX-License-Identifier: BSD-2-Clause */
/* What leaves: connections come in, segments go out (RFC 9293 3.4, 3.7, 3.8; RFC 7323; RFC 5681). */
#include <string.h>

#include "core/seq.h"
#include "peer_internal.h"

/* RCV.WND in bytes. The right edge never moves left (SHLD-14), so what the window scale cannot express is
 * rounded up where rounding down would move it. */
static uint32_t receive_window(const struct peer *p, const struct peer_conn *c, bool syn)
{
	uint32_t unit = 1U << (syn ? 0 : c->rcv_shift);
	uint32_t window = peer_app_room(p, c);
	uint32_t promised = seq_gt(c->rcv_edge, c->rcv_nxt) ? c->rcv_edge - c->rcv_nxt : 0;

	window -= window % unit;
	if (window < promised)
		window = (promised + unit - 1) / unit * unit;
	return window <= 65535U * unit ? window : 65535U * unit;
}

void peer_out_hold(struct peer *p, const struct segment *s, int64_t at_us)
{
	for (int i = 0; i < PEER_HELD; i++) {
		struct peer_held *h = &p->held[i];

		if (h->at_us || s->data_len > PEER_HELD_DATA)
			continue;
		h->at_us = at_us;
		h->s = *s;
		if (s->data_len)
			memcpy(h->data, s->data, s->data_len);
		h->s.data = h->data;
		return;
	}
	p->output(p->arg, s);
}

/* In the order of their times, which for equal times is the order of the array. */
void peer_out_release(struct peer *p)
{
	for (;;) {
		struct peer_held *first = NULL;

		for (int i = 0; i < PEER_HELD; i++)
			if (p->held[i].at_us && p->held[i].at_us <= p->now_us &&
			    (!first || p->held[i].at_us < first->at_us))
				first = &p->held[i];
		if (!first)
			return;
		p->output(p->arg, &first->s);
		first->at_us = 0;
	}
}

/* The way out of every segment. `c` is NULL for the reset of a closed port. */
static void leave(struct peer *p, struct peer_conn *c, struct segment *s, const struct segment *cause)
{
	bool bare_ack;

	s->ttl = p->params.ttl;
	s->ip_id = s->src.addr.family == 4 ? ++p->ip_id : 0;
	s->t_us = p->now_us;
	bare_ack = s->flags == FLAG_ACK && !s->len;
	if (!faults_apply(p, c, s, cause) || !mutate_segment(p, s))
		return;
	if (peer_has_fault(p, FAULT_DELAYS)) {
		/* One microsecond apart, so that they stay in order. */
		p->delayed_us = p->delayed_us < p->now_us + 200000 ? p->now_us + 200000 : p->delayed_us + 1;
		peer_out_hold(p, s, p->delayed_us);
	} else if (peer_has_fault(p, FAULT_REORDERS) && bare_ack) {
		peer_out_hold(p, s, p->now_us + 20000);
	} else {
		p->output(p->arg, s);
	}
	if (peer_has_fault(p, FAULT_DUPLICATES))
		p->output(p->arg, s);
}

static void put_options(const struct peer *p, const struct peer_conn *c, struct segment *s)
{
	struct tcp_options *o = &s->options;
	/* A SYN offers all we can, a SYN,ACK what was offered to us (RFC 7323 2.2, 3.2). */
	uint8_t offer = c->state == PEER_SYN_SENT ? p->params.options : c->options;

	o->malformed = -1;
	if (s->flags & FLAG_SYN) {
		o->present = offer | (p->params.options & OPTION_MSS);
		o->mss = (uint16_t)(p->params.mss - (s->src.addr.family == 6 ? 20 : 0));
		o->wscale = p->params.wscale;
	} else {
		o->present = c->options & OPTION_TIMESTAMPS;
	}
	o->tsval = (uint32_t)(p->now_us / 1000) + c->ts_offset;
	o->tsecr = s->flags & FLAG_ACK ? c->ts_recent : 0;
	options_build(o);
}

void peer_out_emit(struct peer *p, struct peer_conn *c, uint32_t seq, uint16_t flags, const uint8_t *data,
		   uint32_t len)
{
	struct segment s = {
		.src = c->local,
		.dst = c->remote,
		.seq = seq,
		.flags = flags,
		.len = len,
		.data_len = len,
		.data = data,
	};

	if (flags & FLAG_ACK) {
		s.ack = c->rcv_nxt;
		c->last_ack = s.ack;
		c->acked = true;
		c->ack_owed = false;
	}
	if (!(flags & FLAG_RST)) {
		uint32_t window = receive_window(p, c, flags & FLAG_SYN);

		s.window = (uint16_t)(flags & FLAG_SYN ? window : window >> c->rcv_shift);
		if (flags & FLAG_ACK)
			c->rcv_edge = c->rcv_nxt + window;
	}
	put_options(p, c, &s);
	c->segments++;
	c->syns += !!(flags & FLAG_SYN);
	c->fins += !!(flags & FLAG_FIN);
	leave(p, c, &s, NULL);
}

void peer_out_syn(struct peer *p, struct peer_conn *c)
{
	peer_out_emit(p, c, c->iss, c->state == PEER_SYN_SENT ? FLAG_SYN : FLAG_SYN | FLAG_ACK, NULL, 0);
}

void peer_out_ack(struct peer *p, struct peer_conn *c)
{
	peer_out_emit(p, c, c->snd_nxt, FLAG_ACK, NULL, 0);
}

/* An ACK that a stranger could ask for again and again is limited (RFC 5961 7). */
void peer_out_challenge(struct peer *p, struct peer_conn *c)
{
	if (!c->challenges || p->now_us - c->challenge_since >= p->params.challenge_us) {
		c->challenge_since = p->now_us;
		c->challenges = 0;
	}
	if (c->challenges >= p->params.challenge_acks)
		return;
	c->challenges++;
	peer_out_ack(p, c);
}

void peer_out_rst(struct peer *p, struct peer_conn *c, uint32_t seq)
{
	peer_out_emit(p, c, seq, FLAG_RST, NULL, 0);
	if (peer_has_fault(p, FAULT_ACTIVITY_AFTER_RST)) {
		static const uint8_t late[] = "late";
		struct segment s = {
			.src = c->local,
			.dst = c->remote,
			.seq = seq,
			.ack = c->rcv_nxt,
			.flags = FLAG_PSH | FLAG_ACK,
			.window = 1000,
			.ttl = p->params.ttl,
			.len = sizeof late - 1,
			.data_len = sizeof late - 1,
			.data = late,
		};

		put_options(p, c, &s);
		peer_out_hold(p, &s, p->now_us + 1500000);
	}
}

void peer_out_refuse(struct peer *p, const struct segment *cause)
{
	struct segment s = { .src = cause->dst, .dst = cause->src, .flags = FLAG_RST };

	if (cause->flags & FLAG_ACK) {
		s.seq = cause->ack;
	} else {
		s.flags |= FLAG_ACK;
		s.ack = cause->seq + segment_len(cause);
	}
	s.options.malformed = -1;
	leave(p, NULL, &s, cause);
}

void peer_out_start_timer(struct peer *p, struct peer_conn *c)
{
	if (c->rto_at != PEER_NEVER)
		return;
	c->rto_first = p->now_us;
	c->rto_at = p->now_us + c->rto_us;
}

/* After the first transmission of our FIN. */
static void fin_left(struct peer *p, struct peer_conn *c)
{
	static const uint8_t late[] = "late";

	if (peer_has_fault(p, FAULT_DATA_AFTER_FIN))
		peer_out_emit(p, c, c->snd_nxt, FLAG_PSH | FLAG_ACK, late, sizeof late - 1);
	if (peer_has_fault(p, FAULT_RST_AFTER_FIN)) {
		peer_out_rst(p, c, c->snd_nxt);
		peer_conn_free(c);
	}
}

/* One segment of up to `len` bytes from `seq`, with PSH if the buffer ends with it and with the FIN if
 * that is due and `fin` allows it. */
static void send_data(struct peer *p, struct peer_conn *c, uint32_t seq, uint32_t len, bool fin)
{
	uint32_t offset = seq - c->buffer_seq;
	uint16_t flags = FLAG_ACK;
	bool first = !c->fin_sent;
	uint32_t end;

	if (len && offset + len == c->buffer_len)
		flags |= FLAG_PSH;
	fin = fin && c->fin_queued && offset + len == c->buffer_len;
	if (fin) {
		flags |= FLAG_FIN;
		c->fin_sent = true;
	}
	end = seq + len + fin;
	c->snd_nxt = seq_max(c->snd_nxt, end);
	peer_out_emit(p, c, seq, flags, c->buffer + offset, len);
	if (fin && first)
		fin_left(p, c);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Sends one new segment if windows allow; true if it did. Silly windows are avoided (RFC 9293 3.8.6.2.1,
 * MUST-38). */
static bool send_next(struct peer *p, struct peer_conn *c)
{
	uint32_t offset = c->snd_nxt - c->buffer_seq;
	uint32_t flight = c->snd_nxt - c->snd_una;
	uint32_t window = smaller(c->snd_wnd, c->cwnd);
	uint32_t room = window > flight ? window - flight : 0;
	uint32_t waiting = c->buffer_len - offset;
	uint32_t len = smaller(smaller(waiting, room), c->snd_mss);
	bool fin = c->fin_queued && len == waiting && room > len;

	if (c->fin_sent || (!waiting && !fin))
		return false;
	if (!fin && (!len || (len < c->snd_mss && len < waiting && len < c->max_snd_wnd / 2)))
		return false;
	send_data(p, c, c->snd_nxt, len, fin);
	return c->state != PEER_CLOSED;
}

void peer_out_flush(struct peer *p, struct peer_conn *c)
{
	bool can_send = c->state == PEER_ESTABLISHED || c->state == PEER_CLOSE_WAIT ||
			c->state == PEER_FIN_WAIT_1 || c->state == PEER_CLOSING ||
			c->state == PEER_LAST_ACK;

	while (can_send && send_next(p, c))
		;
	if (c->state == PEER_CLOSED)
		return;
	/* The timer also serves as the persist timer when nothing is outstanding but the window is closed
	 * (RFC 9293 3.8.6.1, MUST-36). */
	if (can_send && (c->snd_nxt != c->snd_una || c->buffer_len || (c->fin_queued && !c->fin_sent)))
		peer_out_start_timer(p, c);
	if (c->ack_owed)
		peer_out_ack(p, c);
}

void peer_out_again(struct peer *p, struct peer_conn *c)
{
	uint32_t len, window;

	if (c->state == PEER_SYN_SENT || c->state == PEER_SYN_RECEIVED) {
		peer_out_syn(p, c);
		return;
	}
	window = c->snd_wnd ? c->snd_wnd : 1;
	len = smaller(smaller(c->buffer_len, window), c->snd_mss);
	send_data(p, c, c->snd_una, len, window > len);
}
