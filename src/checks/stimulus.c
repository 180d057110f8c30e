/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/stimulus.h"

#include "core/options.h"

enum {
	TEXT = 10,           /* bytes of data */
	FAR = 10000000,      /* less than 2^31 away, and more than any target takes that is generous with its window */
	ROOM = 4 * TEXT,     /* a window in which the positions differ */
	NEVER_SENT = 100000, /* beyond SND.NXT */
};

const struct stimulus_form stimulus_forms[STIMULI] = {
	[STIMULUS_SYN] = { "syn", "SYN", FLAG_SYN, 0, TS_AS_EVER },
	[STIMULUS_SYN_ACK] = { "syn-ack", "SYN,ACK", FLAG_SYN | FLAG_ACK, 0, TS_AS_EVER },
	[STIMULUS_SYN_FIN] = { "syn-fin", "SYN,FIN", FLAG_SYN | FLAG_FIN, 0, TS_AS_EVER },
	[STIMULUS_SYN_RST] = { "syn-rst", "SYN,RST", FLAG_SYN | FLAG_RST, 0, TS_AS_EVER },
	[STIMULUS_ACK] = { "ack", "ACK", FLAG_ACK, 0, TS_AS_EVER },
	[STIMULUS_FIN] = { "fin", "FIN without ACK", FLAG_FIN, 0, TS_AS_EVER },
	[STIMULUS_FIN_ACK] = { "fin-ack", "FIN,ACK", FLAG_FIN | FLAG_ACK, 0, TS_AS_EVER },
	[STIMULUS_RST] = { "rst", "RST", FLAG_RST, 0, TS_AS_EVER },
	[STIMULUS_RST_ACK] = { "rst-ack", "RST,ACK", FLAG_RST | FLAG_ACK, 0, TS_AS_EVER },
	[STIMULUS_DATA] = { "data", "data", FLAG_ACK | FLAG_PSH, TEXT, TS_AS_EVER },
	[STIMULUS_DATA_FIN] = { "data-fin", "data with FIN", FLAG_ACK | FLAG_PSH | FLAG_FIN, TEXT, TS_AS_EVER },
	[STIMULUS_NULL] = { "null", "no flags", 0, 0, TS_AS_EVER },
	[STIMULUS_URG] = { "urg", "urgent data", FLAG_ACK | FLAG_PSH | FLAG_URG, TEXT, TS_AS_EVER },
	[STIMULUS_SYN_DATA] = { "syn-data", "SYN with data", FLAG_SYN, TEXT, TS_AS_EVER },
	[STIMULUS_DATA_OLD_TS] = { "data-old-ts", "data with an old timestamp", FLAG_ACK | FLAG_PSH, TEXT, TS_OLD },
	[STIMULUS_DATA_NO_TS] = { "data-no-ts", "data without timestamp", FLAG_ACK | FLAG_PSH, TEXT, TS_MISSING },
	[STIMULUS_RST_OLD_TS] = { "rst-old-ts", "RST with an old timestamp", FLAG_RST, 0, TS_OLD },
};

const char *const position_names[POSITIONS] = {
	[POSITION_ANY] = "any",		      [POSITION_OUTSIDE_LEFT] = "outside-left",
	[POSITION_LEFT_EDGE] = "left-edge",   [POSITION_MIDDLE] = "middle",
	[POSITION_RIGHT_EDGE] = "right-edge", [POSITION_OUTSIDE_RIGHT] = "outside-right",
};

const char *const acknowledges_names[ACKNOWLEDGES] = {
	[ACKNOWLEDGES_OLD] = "ack-old",
	[ACKNOWLEDGES_FUTURE] = "ack-future",
	[ACKNOWLEDGES_FIN] = "ack-of-fin",
};

void stimulus_stamp(const struct stimulus *what, const struct tcb *target, struct segment *s)
{
	const struct stimulus_form *form = &stimulus_forms[what->kind];

	switch (form->ts) {
	case TS_AS_EVER:
		/* In TIME-WAIT the number of a SYN alone shall tell whether it is newer, not that our clock ticked. */
		if (target->state != TCP_TIME_WAIT || !(form->flags & FLAG_SYN) || !(target->known & TCB_TS_RECENT))
			return;
		s->options.tsval = target->ts_recent;
		break;
	case TS_OLD:
		s->options.present |= OPTION_TIMESTAMPS;
		s->options.tsval = target->ts_recent - FAR;
		break;
	case TS_MISSING:
		s->options.present &= (uint8_t)~OPTION_TIMESTAMPS;
		break;
	}
	options_build(&s->options);
}

static bool place(enum position position, const struct tcb *t, uint32_t base, struct segment *s)
{
	uint32_t window = t->rcv_edge - t->rcv_nxt, len = segment_len(s) ? segment_len(s) : 1;

	if (position == POSITION_ANY || !(t->known & TCB_IRS)) {
		s->seq = base;
		return position == POSITION_ANY;
	}
	if (window < ROOM || window > FAR)
		return false;
	s->seq = position == POSITION_OUTSIDE_LEFT ? t->rcv_nxt - len :
		 position == POSITION_MIDDLE	   ? t->rcv_nxt + window / 2 :
		 position == POSITION_RIGHT_EDGE   ? t->rcv_edge - len :
		 position == POSITION_OUTSIDE_RIGHT ? t->rcv_edge + FAR : t->rcv_nxt;
	return true;
}

/* What is usual covers a SYN, which nothing can follow before that, and no FIN. */
static uint32_t usual_ack(const struct tcb *t)
{
	return t->state == TCP_SYN_SENT || t->state == TCP_SYN_RECEIVED ? t->snd_nxt : t->snd_una;
}

bool stimulus_make(const struct stimulus *what, const struct tcb *target, uint32_t base, struct segment *s)
{
	const struct stimulus_form *form = &stimulus_forms[what->kind];

	if (form->ts != TS_AS_EVER && !(target->known & TCB_TS_RECENT))
		return false;
	s->flags = form->flags;
	s->len = form->len;
	s->urgent = form->flags & FLAG_URG ? 1 : 0;
	s->ack = 0;
	if (form->flags & FLAG_ACK) {
		s->ack = !(target->known & TCB_ISS)	     ? base + NEVER_SENT :
			 what->ack == ACKNOWLEDGES_OLD	     ? target->snd_una - 1 :
			 what->ack == ACKNOWLEDGES_FUTURE ? target->snd_nxt + NEVER_SENT :
			 what->ack == ACKNOWLEDGES_FIN	     ? target->snd_nxt : usual_ack(target);
		/* Where the SYN is the oldest number, its own is the one below what it needs. */
		if (what->ack == ACKNOWLEDGES_OLD && usual_ack(target) != target->snd_una)
			s->ack = target->iss;
	}
	return place(what->position, target, base, s);
}
