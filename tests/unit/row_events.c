/* SPDX-License-Identifier: BSD-2-Clause */
/* The segments that are the events of the table, from the numbers of the driver. */
#include "row_driver.h"

enum { FAR = ROW_FAR, TEXT = ROW_TEXT };

static void put_options(const struct row_driver *d, struct segment *s)
{
	struct tcp_options *o = &s->options;

	o->malformed = -1;
	if (s->flags & FLAG_SYN && !(s->flags & FLAG_RST))
		o->present = OPTION_MSS | (d->timestamps ? OPTION_TIMESTAMPS : OPTION_WSCALE);
	else
		o->present = d->timestamps ? OPTION_TIMESTAMPS : 0;
	o->mss = 1460;
	o->tsval = (uint32_t)(d->now_us / 1000);
	o->tsecr = s->flags & FLAG_ACK ? d->tsecr : 0;
}

struct segment row_segment(const struct row_driver *d, uint16_t flags, uint32_t seq, uint32_t ack,
			   uint32_t len)
{
	struct segment s = {.flags = flags,
			    .seq = seq,
			    .ack = flags & FLAG_ACK ? ack : 0,
			    .len = len,
			    .window = d->window};

	put_options(d, &s);
	return s;
}

/* Each of these is false if the event is none of its kind. */
static bool make_opening(const struct row_driver *d, struct segment *s)
{
	uint32_t rcv = d->snd, nxt = d->nxt;
	bool early = d->state <= TCP_SYN_SENT, waits = d->state == TCP_TIME_WAIT;

	switch (d->event) {
	case EVENT_SYN:
		*s = row_segment(d, FLAG_SYN, d->isn, 0, 0);
		return true;
	case EVENT_SYN_IN_WINDOW:
	case EVENT_SYN_IN_WINDOW_ACTIVE:
		*s = row_segment(d, FLAG_SYN, waits ? rcv : rcv + 100, 0, 0);
		return true;
	case EVENT_SYN_OUT_OF_WINDOW:
		*s = row_segment(d, FLAG_SYN, waits ? rcv - FAR : rcv + FAR, 0, 0);
		return true;
	case EVENT_TIMEWAIT_SYN_NEWER:
		*s = row_segment(d, FLAG_SYN, rcv + FAR, 0, 0);
		return true;
	case EVENT_TIMEWAIT_SYN_NEWER_TS:
	case EVENT_TIMEWAIT_SYN_OLDER:
		*s = row_segment(d, FLAG_SYN, rcv - FAR, 0, 0);
		return true;
	case EVENT_SYN_ACK:
	case EVENT_SYN_ACK_PASSIVE:
		*s = row_segment(d, FLAG_SYN | FLAG_ACK, d->isn,
				 early || d->state == TCP_SYN_RECEIVED ? nxt : d->una, 0);
		return true;
	case EVENT_SYN_ACK_BAD_ACK:
		*s = row_segment(d, FLAG_SYN | FLAG_ACK, d->isn, nxt + 1000, 0);
		return true;
	case EVENT_SYN_ACK_IN_WINDOW:
		*s = row_segment(d, FLAG_SYN | FLAG_ACK, rcv + 100, d->una, 0);
		return true;
	case EVENT_SYN_ACK_DATA:
		*s = row_segment(d, FLAG_SYN | FLAG_ACK, d->isn, nxt, TEXT);
		return true;
	case EVENT_SYN_ACK_FIN:
		*s = row_segment(d, FLAG_SYN | FLAG_ACK | FLAG_FIN, d->isn, nxt, 0);
		return true;
	case EVENT_SYN_DATA:
		*s = row_segment(d, FLAG_SYN, d->isn, 0, TEXT);
		return true;
	case EVENT_SYN_FIN:
		*s = row_segment(d, FLAG_SYN | FLAG_FIN, d->isn, 0, 0);
		return true;
	case EVENT_SYN_RST:
		*s = row_segment(d, FLAG_SYN | FLAG_RST, d->isn, 0, 0);
		return true;
	case EVENT_SYN_PSH:
		*s = row_segment(d, FLAG_SYN | FLAG_PSH | FLAG_URG, d->isn, 0, 0);
		return true;
	default:
		return false;
	}
}

static bool make_reset(const struct row_driver *d, struct segment *s)
{
	uint32_t rcv = d->snd;
	bool opening = d->state == TCP_SYN_SENT;

	switch (d->event) {
	case EVENT_RST_EXACT:
		*s = opening ? row_segment(d, FLAG_RST | FLAG_ACK, 0, d->nxt, 0)
			     : row_segment(d, FLAG_RST, rcv, 0, 0);
		return true;
	case EVENT_RST_EXACT_ACTIVE:
	case EVENT_RST_EXACT_ZERO_WINDOW:
	case EVENT_RST_AFTER_REOPEN:
		*s = row_segment(d, FLAG_RST, rcv, 0, 0);
		return true;
	case EVENT_RST_IN_WINDOW:
		*s = opening ? row_segment(d, FLAG_RST, rcv, 0, 0)
			     : row_segment(d, FLAG_RST, rcv + 100, 0, 0);
		return true;
	case EVENT_RST_OUT_OF_WINDOW:
		*s = opening ? row_segment(d, FLAG_RST | FLAG_ACK, 0, d->nxt + 1000, 0)
			     : row_segment(d, FLAG_RST, rcv + FAR, 0, 0);
		return true;
	case EVENT_RST_EXACT_ACK_BIT:
		*s = row_segment(d, FLAG_RST | FLAG_ACK, rcv, d->nxt + 77, 0);
		return true;
	case EVENT_RST_DATA:
		*s = row_segment(d, FLAG_RST, rcv, 0, TEXT);
		return true;
	case EVENT_RST_OLD_TS:
		*s = row_segment(d, FLAG_RST, rcv, 0, 0);
		s->options.tsval -= FAR;
		return true;
	case EVENT_RST_LEFT_OF_EDGE:
		*s = row_segment(d, FLAG_RST, rcv - 1, 0, 0);
		return true;
	case EVENT_RST_LAST_IN_WINDOW:
		*s = row_segment(d, FLAG_RST, d->edge - 1, 0, 0);
		return true;
	case EVENT_RST_RIGHT_EDGE:
		*s = row_segment(d, FLAG_RST, d->edge, 0, 0);
		return true;
	default:
		return false;
	}
}

uint32_t row_usual_ack(const struct row_driver *d)
{
	return d->state == TCP_SYN_RECEIVED || d->state == TCP_SYN_SENT ? d->nxt : d->una;
}

static bool make_ack(const struct row_driver *d, struct segment *s)
{
	uint32_t rcv = d->snd, ack = row_usual_ack(d);
	bool opening = d->state == TCP_SYN_RECEIVED || d->state == TCP_SYN_SENT;

	switch (d->event) {
	case EVENT_ACK_ACCEPTABLE:
		*s = row_segment(d, FLAG_ACK, rcv, ack, 0);
		return true;
	case EVENT_ACK_OLD:
		*s = row_segment(d, FLAG_ACK, rcv, opening ? d->iss : d->una - 1, 0);
		return true;
	case EVENT_ACK_FUTURE:
		*s = row_segment(d, FLAG_ACK, rcv, d->nxt + 1000, 0);
		return true;
	case EVENT_ACK_OF_OUR_FIN:
		*s = row_segment(d, FLAG_ACK, rcv, d->nxt, 0);
		return true;
	case EVENT_ACK_PARTIAL:
		*s = row_segment(d, FLAG_ACK, rcv, d->una + ROW_QUEUED / 2, 0);
		return true;
	case EVENT_ACK_OUT_OF_WINDOW:
		*s = row_segment(d, FLAG_ACK, rcv + FAR, ack, 0);
		return true;
	case EVENT_ACK_LEFT_OF_WINDOW:
	case EVENT_KEEPALIVE_PROBE:
		*s = row_segment(d, FLAG_ACK, rcv - 1, ack, 0);
		return true;
	case EVENT_NO_ACK_FLAG:
		*s = row_segment(d, 0, rcv, 0, 0);
		return true;
	case EVENT_FIN_NO_ACK:
		*s = row_segment(d, FLAG_FIN, rcv, 0, 0);
		return true;
	case EVENT_BAD_CHECKSUM:
		*s = d->state == TCP_LISTEN ? row_segment(d, FLAG_SYN, d->isn, 0, 0)
					    : row_segment(d, FLAG_ACK, rcv - 1, ack, 1);
		s->checksum = CHECKSUM_BAD;
		return true;
	default:
		return false;
	}
}

static bool make_fin(const struct row_driver *d, struct segment *s)
{
	uint32_t rcv = d->snd, ack = row_usual_ack(d);
	bool taken = d->state == TCP_CLOSING || d->state == TCP_LAST_ACK || d->state == TCP_TIME_WAIT;

	switch (d->event) {
	case EVENT_FIN:
		*s = row_segment(d, FLAG_FIN | FLAG_ACK, rcv, ack, 0);
		return true;
	case EVENT_FIN_ACK_OF_OUR_FIN:
		*s = row_segment(d, FLAG_FIN | FLAG_ACK, taken ? rcv - 1 : rcv, d->nxt, 0);
		return true;
	case EVENT_RETRANSMITTED_FIN:
		*s = row_segment(d, FLAG_FIN | FLAG_ACK, rcv - 1, ack, 0);
		return true;
	case EVENT_FIN_OUT_OF_ORDER:
		*s = row_segment(d, FLAG_FIN | FLAG_ACK, rcv + TEXT, ack, 0);
		return true;
	case EVENT_DATA_FIN:
		*s = row_segment(d, FLAG_FIN | FLAG_ACK, rcv, ack, TEXT);
		return true;
	case EVENT_DATA_FIN_ACK_OF_OUR_FIN:
		*s = row_segment(d, FLAG_FIN | FLAG_ACK, rcv, d->nxt, TEXT);
		return true;
	default:
		return false;
	}
}

static bool make_text(const struct row_driver *d, struct segment *s)
{
	uint32_t rcv = d->snd, ack = row_usual_ack(d), len = TEXT;

	switch (d->event) {
	case EVENT_DATA_IN_WINDOW:
	case EVENT_DATA_AFTER_FIN:
	case EVENT_TS_MISSING:
	case EVENT_PAWS_OLD_TS:
	case EVENT_URG:
		break;
	case EVENT_DATA_OUT_OF_WINDOW:
		rcv += FAR;
		break;
	case EVENT_DATA_OUT_OF_ORDER:
		rcv += TEXT;
		break;
	case EVENT_DATA_ACK_OF_OUR_FIN:
		ack = d->nxt;
		break;
	case EVENT_DATA_PARTIAL_OLD:
		rcv -= TEXT / 2;
		break;
	case EVENT_DATA_PARTIAL_BEYOND:
		len = ROW_BUFFER + TEXT;
		break;
	case EVENT_DATA_ACK_FUTURE:
	case EVENT_DATA_BAD_ACK:
		ack = d->nxt + 1000;
		break;
	case EVENT_DATA_ACK_OLD:
		ack = d->una - 1;
		break;
	case EVENT_RETRANSMITTED_DATA:
		rcv -= TEXT;
		break;
	case EVENT_OLD_BYTE:
		rcv--;
		len = 1;
		break;
	case EVENT_WINDOW_PROBE:
		len = 1;
		break;
	default:
		return false;
	}
	*s = row_segment(d, FLAG_ACK | FLAG_PSH, rcv, ack, len);
	if (d->event == EVENT_PAWS_OLD_TS)
		s->options.tsval -= FAR;
	if (d->event == EVENT_TS_MISSING)
		s->options.present = 0;
	if (d->event == EVENT_URG) {
		s->flags |= FLAG_URG;
		s->urgent = 1;
	}
	return true;
}

bool row_make(const struct row_driver *d, struct segment *s)
{
	return make_opening(d, s) || make_reset(d, s) || make_ack(d, s) || make_fin(d, s) || make_text(d, s);
}
