/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/summary.h"

#include "core/seq.h"

const char *track_handshake_name(enum track_handshake h)
{
	static const char *const names[] = {
		[HANDSHAKE_COMPLETE] = "complete",        [HANDSHAKE_SIMULTANEOUS] = "simultaneous",
		[HANDSHAKE_FAST_OPEN] = "fast open",      [HANDSHAKE_REFUSED] = "refused",
		[HANDSHAKE_UNANSWERED] = "unanswered",    [HANDSHAKE_UNFINISHED] = "unfinished",
		[HANDSHAKE_IN_PART] = "captured in part", [HANDSHAKE_MID_STREAM] = "mid-stream",
	};

	return names[h];
}

const char *track_ending_name(enum track_ending e)
{
	static const char *const names[] = {
		[ENDING_FOUR] = "four segments",
		[ENDING_THREE] = "three segments",
		[ENDING_SIMULTANEOUS] = "simultaneous",
		[ENDING_HALF] = "half-closed",
		[ENDING_RESET] = "reset",
		[ENDING_OPEN] = "open",
		[ENDING_NONE] = "none",
	};

	return names[e];
}

/* The first FIN says who closes first, the other one how. */
static void note_fin(struct entry *e, const struct conn_end *peer, unsigned from, const struct segment *s,
		     const uint32_t known[CONN_ENDS])
{
	if (!(e->flags & (ENTRY_CLOSED_BY_0 | ENTRY_CLOSED_BY_1))) {
		e->flags |= from ? ENTRY_CLOSED_BY_1 : ENTRY_CLOSED_BY_0;
		return;
	}
	if (!(peer->known & CONN_FIN) || !(s->flags & FLAG_ACK))
		return;
	if (!(known[from] & CONN_ACKED_FIN) && seq_gt(s->ack, peer->fin_seq))
		e->flags |= ENTRY_THREE;
	else if (seq_le(s->ack, peer->fin_seq))
		e->flags |= ENTRY_CROSSED;
}

void summary_note(struct entry *e, const struct conn *c, unsigned from, const struct segment *s,
		  const struct judgement *j, const uint32_t known[CONN_ENDS])
{
	const struct conn_end *me = &c->ends[from], *peer = &c->ends[1 - from];

	if ((me->known & ~known[from]) & CONN_FIN)
		note_fin(e, peer, from, s, known);
	if (((me->known & ~known[from]) & CONN_RESET) && !(e->flags & (ENTRY_RESET_BY_0 | ENTRY_RESET_BY_1)))
		e->flags |= from ? ENTRY_RESET_BY_1 : ENTRY_RESET_BY_0;
	if (j->notes & NOTE_REFUSED)
		e->flags |= ENTRY_REFUSED;
	if ((s->flags & (FLAG_SYN | FLAG_ACK)) == (FLAG_SYN | FLAG_ACK) && (peer->known & CONN_SYN) &&
	    seq_gt(s->ack, peer->iss + 1) && seq_le(s->ack, peer->end))
		e->flags |= ENTRY_FAST_OPEN;
}

static enum track_handshake handshake_of(const struct entry *e, const struct conn *c)
{
	const uint32_t a = c->ends[0].known, b = c->ends[1].known;
	bool confirmed = a & b & CONN_ACKED_SYN;

	if (!((a | b) & CONN_SYN))
		return HANDSHAKE_MID_STREAM;
	if (a & b & CONN_SYN_BARE)
		return HANDSHAKE_SIMULTANEOUS;
	if ((e->flags & ENTRY_REFUSED) && !(a & b & CONN_SYN))
		return HANDSHAKE_REFUSED;
	if (!(a & b & CONN_SYN)) /* what would a SYN alone send but itself? */
		return ((a | b) & (CONN_SYN_ACK | CONN_ACKED)) || (a & b & CONN_SEEN) ? HANDSHAKE_IN_PART
										      : HANDSHAKE_UNANSWERED;
	if (!confirmed)
		return HANDSHAKE_UNFINISHED;
	return e->flags & ENTRY_FAST_OPEN ? HANDSHAKE_FAST_OPEN : HANDSHAKE_COMPLETE;
}

static enum track_ending ending_of(const struct entry *e, const struct conn *c,
				   enum track_handshake handshake)
{
	const uint32_t a = c->ends[0].known, b = c->ends[1].known;

	if (handshake == HANDSHAKE_REFUSED || handshake == HANDSHAKE_UNANSWERED)
		return ENDING_NONE;
	if ((e->flags & (ENTRY_RESET_BY_0 | ENTRY_RESET_BY_1)) && !(a & b & CONN_ACKED_FIN))
		return ENDING_RESET;
	if (!(a & b & CONN_FIN))
		return (a | b) & CONN_FIN ? ENDING_HALF : ENDING_OPEN;
	return e->flags & ENTRY_CROSSED ? ENDING_SIMULTANEOUS
	       : e->flags & ENTRY_THREE ? ENDING_THREE
					: ENDING_FOUR;
}

void summarize(const struct entry *e, const struct conn *c, struct track_summary *s)
{
	*s = (struct track_summary){
		.handshake = handshake_of(e, c),
		.closed_first = e->flags & ENTRY_CLOSED_BY_0   ? 0
				: e->flags & ENTRY_CLOSED_BY_1 ? 1
							       : -1,
		.reset_by = e->flags & ENTRY_RESET_BY_0   ? 0
			    : e->flags & ENTRY_RESET_BY_1 ? 1
							  : -1,
		.segments = e->segments,
		.duration_us = (int64_t)e->last_ms * 1000,
		.accused = e->flags & ENTRY_ACCUSED,
	};
	s->ending = ending_of(e, c, s->handshake);
	for (int i = 0; i < CONN_ENDS; i++) {
		const struct conn_end *end = &c->ends[i];

		s->reached[i] = end->passed;
		s->counted[i] = end->known & CONN_SYN;
		s->bytes[i] = s->counted[i] ? end->data_end - end->iss - 1 : 0;
	}
}
