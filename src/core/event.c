/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/event.h"

#include "core/seq.h"

/* The event that a special one also is. */
static const uint8_t general[EVENTS] = {
	[EVENT_ACK_OF_OUR_FIN] = EVENT_ACK_ACCEPTABLE,
	[EVENT_ACK_PARTIAL] = EVENT_ACK_ACCEPTABLE,
	[EVENT_ACK_OUT_OF_WINDOW] = EVENT_DATA_OUT_OF_WINDOW,
	[EVENT_ACK_LEFT_OF_WINDOW] = EVENT_KEEPALIVE_PROBE,
	[EVENT_RST_EXACT_ACK_BIT] = EVENT_RST_EXACT,
	[EVENT_RST_EXACT_ACTIVE] = EVENT_RST_EXACT,
	[EVENT_RST_EXACT_ZERO_WINDOW] = EVENT_RST_EXACT,
	[EVENT_RST_AFTER_REOPEN] = EVENT_RST_EXACT,
	[EVENT_RST_DATA] = EVENT_RST_EXACT,
	[EVENT_RST_OLD_TS] = EVENT_RST_EXACT,
	[EVENT_RST_LEFT_OF_EDGE] = EVENT_RST_OUT_OF_WINDOW,
	[EVENT_RST_LAST_IN_WINDOW] = EVENT_RST_IN_WINDOW,
	[EVENT_RST_RIGHT_EDGE] = EVENT_RST_OUT_OF_WINDOW,
	[EVENT_FIN_ACK_OF_OUR_FIN] = EVENT_FIN,
	[EVENT_RETRANSMITTED_FIN] = EVENT_DATA_OUT_OF_WINDOW,
	[EVENT_FIN_OUT_OF_ORDER] = EVENT_DATA_OUT_OF_ORDER,
	[EVENT_FIN_NO_ACK] = EVENT_NO_ACK_FLAG,
	[EVENT_SYN_IN_WINDOW_ACTIVE] = EVENT_SYN_IN_WINDOW,
	[EVENT_SYN_ACK_IN_WINDOW] = EVENT_SYN_IN_WINDOW,
	[EVENT_SYN_ACK_PASSIVE] = EVENT_SYN_ACK,
	[EVENT_SYN_ACK_BAD_ACK] = EVENT_SYN_ACK,
	[EVENT_SYN_ACK_DATA] = EVENT_SYN_ACK,
	[EVENT_SYN_ACK_FIN] = EVENT_SYN_ACK,
	[EVENT_SYN_DATA] = EVENT_SYN,
	[EVENT_SYN_FIN] = EVENT_SYN,
	[EVENT_SYN_RST] = EVENT_RST_EXACT,
	[EVENT_SYN_PSH] = EVENT_SYN,
	[EVENT_TIMEWAIT_SYN_NEWER] = EVENT_SYN_OUT_OF_WINDOW,
	[EVENT_TIMEWAIT_SYN_NEWER_TS] = EVENT_SYN,
	[EVENT_TIMEWAIT_SYN_OLDER] = EVENT_SYN_OUT_OF_WINDOW,
	[EVENT_DATA_AFTER_FIN] = EVENT_DATA_IN_WINDOW,
	[EVENT_DATA_OUT_OF_ORDER] = EVENT_DATA_IN_WINDOW,
	[EVENT_DATA_FIN] = EVENT_FIN,
	[EVENT_DATA_ACK_OF_OUR_FIN] = EVENT_DATA_AFTER_FIN,
	[EVENT_DATA_FIN_ACK_OF_OUR_FIN] = EVENT_DATA_FIN,
	[EVENT_DATA_PARTIAL_OLD] = EVENT_DATA_IN_WINDOW,
	[EVENT_DATA_PARTIAL_BEYOND] = EVENT_DATA_IN_WINDOW,
	[EVENT_DATA_ACK_FUTURE] = EVENT_ACK_FUTURE,
	[EVENT_DATA_ACK_OLD] = EVENT_DATA_IN_WINDOW,
	[EVENT_DATA_BAD_ACK] = EVENT_ACK_FUTURE,
	[EVENT_RETRANSMITTED_DATA] = EVENT_DATA_OUT_OF_WINDOW,
	[EVENT_OLD_BYTE] = EVENT_DATA_OUT_OF_WINDOW,
	[EVENT_KEEPALIVE_PROBE] = EVENT_ACK_OUT_OF_WINDOW,
	[EVENT_WINDOW_PROBE] = EVENT_DATA_OUT_OF_WINDOW,
	[EVENT_URG] = EVENT_DATA_IN_WINDOW,
};

const struct rule *event_rule(const struct rule_index *index, enum tcp_state state, enum event *event)
{
	enum event e = *event;

	while (e != EVENT_ANY) {
		const struct rule *r = index->rule[state][e];

		if (r && !r->impossible) {
			*event = e;
			return r;
		}
		e = general[e];
	}
	return NULL;
}

bool event_in_window(const struct tcb *t, const struct segment *s)
{
	uint32_t window = seq_gt(t->rcv_edge, t->rcv_nxt) ? t->rcv_edge - t->rcv_nxt : 0;
	uint32_t len = segment_len(s);

	if (!len && !window)
		return s->seq == t->rcv_nxt;
	if (!len)
		return seq_in(s->seq, t->rcv_nxt, window);
	return window && (seq_in(s->seq, t->rcv_nxt, window) || seq_in(s->seq + len - 1, t->rcv_nxt, window));
}

static bool acks_fin(const struct tcb *t, const struct segment *s)
{
	return s->flags & FLAG_ACK && t->known & TCB_FIN && t->snd_una != t->snd_nxt && s->ack == t->snd_nxt;
}

/* CLOSED and LISTEN have no window: flags decide (3.10.7.1, 3.10.7.2). */
static enum event without_connection(const struct segment *s)
{
	if (s->flags & FLAG_RST)
		return s->flags & FLAG_SYN ? EVENT_SYN_RST : EVENT_RST_EXACT;
	if (s->flags & FLAG_SYN) {
		if (s->flags & FLAG_ACK)
			return EVENT_SYN_ACK;
		if (s->flags & FLAG_FIN)
			return EVENT_SYN_FIN;
		if (s->len)
			return EVENT_SYN_DATA;
		return s->flags & ~FLAG_SYN ? EVENT_SYN_PSH : EVENT_SYN;
	}
	if (!(s->flags & FLAG_ACK))
		return EVENT_NO_ACK_FLAG;
	if (s->flags & FLAG_FIN)
		return EVENT_FIN;
	return s->len ? EVENT_DATA_IN_WINDOW : EVENT_ACK_ACCEPTABLE;
}

/* 3.10.7.3: the ACK field is the first test; with erratum 8167 a RST is judged by it alone. */
static enum event in_syn_sent(const struct tcb *t, const struct segment *s)
{
	bool bad = s->flags & FLAG_ACK && (seq_le(s->ack, t->iss) || seq_gt(s->ack, t->snd_nxt));

	if (s->flags & FLAG_RST) {
		if (!(s->flags & FLAG_ACK))
			return s->flags & FLAG_SYN ? EVENT_SYN_RST : EVENT_RST_IN_WINDOW;
		return bad ? EVENT_RST_OUT_OF_WINDOW : EVENT_RST_EXACT;
	}
	if (bad && s->flags & FLAG_SYN)
		return EVENT_SYN_ACK_BAD_ACK;
	if (bad)
		return seq_le(s->ack, t->iss) ? EVENT_ACK_OLD : EVENT_ACK_FUTURE;
	if (s->flags & FLAG_SYN) {
		bool ack = s->flags & FLAG_ACK;

		if (s->flags & FLAG_FIN)
			return ack ? EVENT_SYN_ACK_FIN : EVENT_SYN_FIN;
		if (s->len)
			return ack ? EVENT_SYN_ACK_DATA : EVENT_SYN_DATA;
		return ack ? EVENT_SYN_ACK : EVENT_SYN;
	}
	return without_connection(s);
}

static bool has_old_timestamp(const struct tcb *t, const struct segment *s)
{
	return t->known & TCB_TIMESTAMPS && t->known & TCB_TS_RECENT &&
	       s->options.present & OPTION_TIMESTAMPS && seq_lt(s->options.tsval, t->ts_recent);
}

static bool has_new_timestamp(const struct tcb *t, const struct segment *s)
{
	return t->known & TCB_TIMESTAMPS && t->known & TCB_TS_RECENT &&
	       s->options.present & OPTION_TIMESTAMPS && seq_gt(s->options.tsval, t->ts_recent);
}

static enum event reset_by_place(const struct tcb *t, const struct segment *s)
{
	uint32_t window = seq_gt(t->rcv_edge, t->rcv_nxt) ? t->rcv_edge - t->rcv_nxt : 0;

	if (s->seq == t->rcv_nxt) {
		if (t->state == TCP_SYN_RECEIVED && t->known & TCB_REOPENED)
			return EVENT_RST_AFTER_REOPEN;
		if (s->flags & FLAG_ACK)
			return EVENT_RST_EXACT_ACK_BIT;
		if (t->state == TCP_SYN_RECEIVED)
			return t->known & TCB_ACTIVE ? EVENT_RST_EXACT_ACTIVE : EVENT_RST_EXACT;
		if (!window)
			return EVENT_RST_EXACT_ZERO_WINDOW;
		if (s->len)
			return EVENT_RST_DATA;
		return has_old_timestamp(t, s) ? EVENT_RST_OLD_TS : EVENT_RST_EXACT;
	}
	if (s->seq == t->rcv_nxt - 1)
		return EVENT_RST_LEFT_OF_EDGE;
	if (window && s->seq == t->rcv_nxt + window - 1)
		return EVENT_RST_LAST_IN_WINDOW;
	if (s->seq == t->rcv_nxt + window)
		return EVENT_RST_RIGHT_EDGE;
	return seq_in(s->seq, t->rcv_nxt, window) ? EVENT_RST_IN_WINDOW : EVENT_RST_OUT_OF_WINDOW;
}

/* RFC 6191 2 and RFC 9293 3.6.1. */
static enum event syn_in_time_wait(const struct tcb *t, const struct segment *s)
{
	bool newer = seq_gt(s->seq, t->rcv_nxt);

	if (has_new_timestamp(t, s) ||
	    (!(t->known & TCB_TIMESTAMPS) && s->options.present & OPTION_TIMESTAMPS))
		return EVENT_TIMEWAIT_SYN_NEWER_TS;
	if (s->seq == t->irs)
		return EVENT_SYN;
	if (has_old_timestamp(t, s))
		return EVENT_TIMEWAIT_SYN_OLDER;
	if (s->seq == t->rcv_nxt)
		return EVENT_SYN_IN_WINDOW;
	return newer ? EVENT_TIMEWAIT_SYN_NEWER : EVENT_TIMEWAIT_SYN_OLDER;
}

static enum event syn_by_place(const struct tcb *t, const struct segment *s)
{
	bool inside = event_in_window(t, s);

	if (s->flags & FLAG_ACK) {
		/* the other half of a simultaneous open, whatever comes with it */
		if (t->state == TCP_SYN_RECEIVED && t->known & TCB_ACTIVE && s->seq == t->irs)
			return EVENT_SYN_ACK;
		if (inside)
			return EVENT_SYN_ACK_IN_WINDOW;
		if (t->state == TCP_SYN_RECEIVED && !(t->known & TCB_ACTIVE))
			return EVENT_SYN_ACK_PASSIVE;
		return EVENT_SYN_ACK;
	}
	if (t->state == TCP_TIME_WAIT)
		return syn_in_time_wait(t, s);
	if (!inside)
		return s->seq == t->irs ? EVENT_SYN : EVENT_SYN_OUT_OF_WINDOW;
	return t->state == TCP_SYN_RECEIVED && t->known & TCB_ACTIVE ? EVENT_SYN_IN_WINDOW_ACTIVE
								     : EVENT_SYN_IN_WINDOW;
}

/* Step 1: what does not pass it. */
static enum event outside(const struct tcb *t, const struct segment *s)
{
	uint32_t len = segment_len(s);

	if (!len) {
		if (s->seq != t->rcv_nxt - 1)
			return EVENT_ACK_OUT_OF_WINDOW;
		return t->state == TCP_SYN_RECEIVED ? EVENT_ACK_LEFT_OF_WINDOW : EVENT_KEEPALIVE_PROBE;
	}
	/* Before the peer's FIN was taken, one that lies left of the window is old like any other number. */
	if (s->flags & FLAG_FIN && s->seq + len == t->rcv_nxt && IN(t->state) & TCP_FIN_RECEIVED) {
		/* in TIME-WAIT the FIN was acknowledged long ago */
		return acks_fin(t, s) ? EVENT_FIN_ACK_OF_OUR_FIN : EVENT_RETRANSMITTED_FIN;
	}
	if (s->seq == t->rcv_nxt - 1 && s->len == 1 && len == 1)
		return EVENT_OLD_BYTE;
	if (s->seq == t->rcv_nxt && seq_le(t->rcv_edge, t->rcv_nxt))
		return EVENT_WINDOW_PROBE;
	return seq_le(s->seq + len, t->rcv_nxt) ? EVENT_RETRANSMITTED_DATA : EVENT_DATA_OUT_OF_WINDOW;
}

/* Steps 7 and 8: text and FIN in the window, with a good ACK. */
static enum event text(const struct tcb *t, const struct segment *s)
{
	bool fin = s->flags & FLAG_FIN, ours = acks_fin(t, s);

	if (IN(t->state) & TCP_FIN_RECEIVED) {
		if (ours)
			return EVENT_DATA_ACK_OF_OUR_FIN;
		if (!s->len)
			return EVENT_FIN;
		return s->flags & FLAG_URG ? EVENT_URG : EVENT_DATA_AFTER_FIN;
	}
	if (seq_gt(s->seq, t->rcv_nxt))
		return fin ? EVENT_FIN_OUT_OF_ORDER : EVENT_DATA_OUT_OF_ORDER;
	if (seq_gt(s->seq + segment_len(s), t->rcv_edge))
		return EVENT_DATA_PARTIAL_BEYOND;
	if (fin && !s->len)
		return ours ? EVENT_FIN_ACK_OF_OUR_FIN : EVENT_FIN;
	if (fin)
		return ours ? EVENT_DATA_FIN_ACK_OF_OUR_FIN : EVENT_DATA_FIN;
	if (ours)
		return EVENT_DATA_ACK_OF_OUR_FIN;
	if (seq_lt(s->seq, t->rcv_nxt))
		return EVENT_DATA_PARTIAL_OLD;
	return s->flags & FLAG_URG ? EVENT_URG : EVENT_DATA_IN_WINDOW;
}

/* Step 5, of what has passed the steps before. */
static enum event by_acknowledgment(const struct tcb *t, const struct segment *s)
{
	bool something = s->len || s->flags & FLAG_FIN;

	if (t->state == TCP_SYN_RECEIVED && (seq_le(s->ack, t->iss) || seq_gt(s->ack, t->snd_nxt))) {
		if (something)
			return EVENT_DATA_BAD_ACK;
		return seq_le(s->ack, t->iss) ? EVENT_ACK_OLD : EVENT_ACK_FUTURE;
	}
	if (seq_gt(s->ack, t->snd_nxt))
		return something ? EVENT_DATA_ACK_FUTURE : EVENT_ACK_FUTURE;
	if (seq_lt(s->ack, t->snd_una) && !(s->flags & FLAG_FIN) && !(IN(t->state) & TCP_FIN_RECEIVED))
		return something ? EVENT_DATA_ACK_OLD : EVENT_ACK_OLD;
	if (something)
		return text(t, s);
	if (seq_lt(s->ack, t->snd_una))
		return EVENT_ACK_OLD;
	if (acks_fin(t, s))
		return EVENT_ACK_OF_OUR_FIN;
	return seq_gt(s->ack, t->snd_una) && seq_lt(s->ack, t->snd_nxt) ? EVENT_ACK_PARTIAL
									: EVENT_ACK_ACCEPTABLE;
}

/* RFC 9293 3.9.2.2 (MUST-54 ... SHLD-26), RFC 1122 4.2.3.9. */
static enum event icmp(const struct segment *s)
{
	uint8_t type = s->icmp.type, code = s->icmp.code;

	if (s->src.addr.family == 6) {
		if (type == 1)
			return code == 1 || code == 4 ? EVENT_ICMP_HARD : EVENT_ICMP_SOFT;
		return type == 3 || type == 4 ? EVENT_ICMP_SOFT : EVENT_ANY;
	}
	if (type == 4)
		return EVENT_ICMP_QUENCH;
	if (type == 3 && (code == 0 || code == 1 || code == 5))
		return EVENT_ICMP_SOFT;
	if (type == 3 && (code == 2 || code == 3))
		return EVENT_ICMP_HARD;
	return type == 11 || type == 12 ? EVENT_ICMP_SOFT : EVENT_ANY;
}

enum event event_of(const struct tcb *t, const struct segment *s)
{
	if (s->icmp.type)
		return icmp(s);
	if (s->checksum == CHECKSUM_BAD)
		return EVENT_BAD_CHECKSUM;
	if (t->state == TCP_CLOSED || t->state == TCP_LISTEN)
		return without_connection(s);
	if (t->state == TCP_SYN_SENT)
		return in_syn_sent(t, s);
	if (s->flags & FLAG_RST)
		return reset_by_place(t, s);
	if (s->flags & FLAG_SYN)
		return syn_by_place(t, s);
	if (t->known & TCB_TIMESTAMPS && s->flags & FLAG_ACK) {
		/* RFC 7323 3.2 and 5.3 come before the sequence number is looked at */
		if (!(s->options.present & OPTION_TIMESTAMPS) && s->len)
			return EVENT_TS_MISSING;
		if (has_old_timestamp(t, s))
			return EVENT_PAWS_OLD_TS;
	}
	if (!event_in_window(t, s))
		return outside(t, s);
	if (!(s->flags & FLAG_ACK))
		return s->flags & FLAG_FIN ? EVENT_FIN_NO_ACK : EVENT_NO_ACK_FLAG;
	return by_acknowledgment(t, s);
}
