/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults in how the peer takes what no honest end sends (RFC 9293 3.10.7): a segment comes in and is dealt with
 * wrongly, or is left to the honest rules. */
#include "core/seq.h"
#include "peer_internal.h"

static bool opened(const struct peer_conn *c)
{
	return c->state >= PEER_ESTABLISHED;
}

static bool closes(const struct peer_conn *c)
{
	return c->state == PEER_FIN_WAIT_1 || c->state == PEER_FIN_WAIT_2 || c->state == PEER_CLOSING ||
	       c->state == PEER_LAST_ACK;
}

/* The numbers up to `end` count as received. */
static bool take_up_to(struct peer *p, struct peer_conn *c, uint32_t end)
{
	c->rcv_nxt = end;
	c->rcv_edge = seq_max(c->rcv_edge, end);
	peer_out_ack(p, c);
	return true;
}

static bool ended(struct peer_conn *c, bool really)
{
	if (really)
		peer_conn_free(c);
	return really;
}

/* As if it had this ACK. */
static bool with_ack(struct peer *p, struct peer_conn *c, const struct segment *s, uint32_t ack)
{
	struct segment changed = *s;

	changed.flags |= FLAG_ACK;
	changed.ack = ack;
	peer_in_segment(p, c, &changed);
	return true;
}

static bool rst_arrives(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	const bool exact = s->seq == c->rcv_nxt, outside = !peer_in_acceptable(c, s) && !exact;
	const bool bad_ack = s->flags & FLAG_ACK && (seq_le(s->ack, c->iss) || seq_gt(s->ack, c->snd_nxt));

	switch (p->params.fault) {
	case FAULT_RST_IGNORED_OPENING:
		return exact && c->state == PEER_SYN_RECEIVED;
	case FAULT_RST_IGNORED_OPEN:
		return exact && (c->state == PEER_ESTABLISHED || c->state == PEER_CLOSE_WAIT);
	case FAULT_RST_IGNORED_CLOSING:
		return exact && closes(c);
	case FAULT_RST_ACK_IGNORED:
		return exact && opened(c) && s->flags & FLAG_ACK;
	case FAULT_RST_OUTSIDE_OBEYED:
		return ended(c, outside && opened(c));
	case FAULT_RST_LEFT_OBEYED:
		return ended(c, s->seq == c->rcv_nxt - 1 && c->state == PEER_CLOSE_WAIT);
	case FAULT_RST_OUTSIDE_ANSWERED:
		if (outside && opened(c))
			peer_out_ack(p, c);
		return outside && opened(c);
	case FAULT_SYN_SENT_RST_OBEYED:
		return ended(c, c->state == PEER_SYN_SENT && !(s->flags & FLAG_ACK));
	case FAULT_SYN_SENT_BAD_RST_OBEYED:
		return ended(c, c->state == PEER_SYN_SENT && bad_ack);
	default:
		return false;
	}
}

static bool syn_arrives(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	const bool crossing = c->state == PEER_SYN_SENT && !(s->flags & FLAG_ACK);

	switch (p->params.fault) {
	case FAULT_SYN_COPY_COUNTED:
		return opened(c) && s->seq == c->irs && take_up_to(p, c, c->rcv_nxt + 1);
	case FAULT_SYN_COPY_ACCEPTED:
		if (!opened(c) || s->seq != c->irs)
			return false;
		peer_out_emit(p, c, c->iss, FLAG_SYN | FLAG_ACK, NULL, 0);
		return true;
	case FAULT_SYN_RESTARTS:
		if (c->state != PEER_ESTABLISHED || s->flags & FLAG_ACK || !peer_in_acceptable(c, s))
			return false;
		peer_in_listen(p, s, c);
		return true;
	case FAULT_SYN_SENT_SYN_IGNORED:
		return crossing;
	case FAULT_SYN_SENT_SYN_FRESH:
		if (crossing) {
			c->iss += 1000;
			c->snd_una = c->iss;
			c->snd_nxt = c->buffer_seq = c->iss + 1;
		}
		return false;
	case FAULT_SYN_SENT_BAD_ACK_TAKEN:
		return c->state == PEER_SYN_SENT && s->flags & FLAG_ACK && s->ack != c->snd_nxt &&
		       with_ack(p, c, s, c->snd_nxt);
	default:
		return false;
	}
}

static bool ack_arrives(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	const bool ack = s->flags & FLAG_ACK, inside = peer_in_acceptable(c, s), bare = !segment_len(s);

	switch (p->params.fault) {
	case FAULT_SYN_RECEIVED_BAD_ACK_TAKEN:
		return c->state == PEER_SYN_RECEIVED && inside && ack && s->ack != c->snd_nxt &&
		       with_ack(p, c, s, c->snd_nxt);
	case FAULT_ACK_FUTURE_SILENT:
		return opened(c) && inside && ack && seq_gt(s->ack, c->snd_nxt);
	case FAULT_NO_ACK_TAKEN:
		return opened(c) && inside && !ack && !bare && with_ack(p, c, s, c->snd_una);
	case FAULT_ACK_OUTSIDE_SILENT:
		return opened(c) && !inside && bare;
	case FAULT_LAST_ACK_STAYS:
		return c->state == PEER_LAST_ACK && inside && ack && s->ack == c->snd_nxt;
	case FAULT_CLOSE_WAIT_ACK_RESET:
		if (c->state != PEER_CLOSE_WAIT || !inside || !bare || s->ack != c->snd_nxt)
			return false;
		peer_out_rst(p, c, s->ack);
		return ended(c, true);
	default:
		return false;
	}
}

/* The peer's FIN crosses ours. */
static bool crossing_fin(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	if (c->state != PEER_FIN_WAIT_1 || s->seq != c->rcv_nxt || s->ack != c->snd_una || s->len)
		return false;
	c->fin_received = true;
	peer_conn_time_wait(p, c);
	return take_up_to(p, c, c->rcv_nxt + 1);
}

static bool text_arrives(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	const bool fin = s->flags & FLAG_FIN, inside = peer_in_acceptable(c, s), beyond = seq_gt(s->seq, c->rcv_nxt);
	const uint32_t end = s->seq + segment_len(s);

	if (!opened(c) || !(s->flags & FLAG_ACK))
		return false;
	switch (p->params.fault) {
	case FAULT_OUTSIDE_DATA_TAKEN:
		return !inside && beyond && s->len && take_up_to(p, c, end);
	case FAULT_GAP_TAKEN:
		return inside && beyond && s->len && !c->fin_received && take_up_to(p, c, end);
	case FAULT_DATA_BEHIND_FIN_TAKEN:
		return inside && s->len && c->fin_received && take_up_to(p, c, end);
	case FAULT_GAP_FIN_TAKEN:
		if (inside && beyond && fin && !s->len && !c->fin_received)
			c->rcv_nxt = s->seq;
		return false;
	case FAULT_FIN_COPY_IGNORED:
		return c->fin_received && fin && end == c->rcv_nxt;
	case FAULT_FIN_WAIT_2_FIN_IGNORED:
		return fin && c->state == PEER_FIN_WAIT_2;
	case FAULT_FIN_WAIT_2_DATA_IGNORED:
		return inside && s->len && !fin && c->state == PEER_FIN_WAIT_2;
	case FAULT_FIN_WAIT_1_TIME_WAIT:
		return fin && crossing_fin(p, c, s);
	case FAULT_URG_IGNORED:
		return s->flags & FLAG_URG;
	default:
		return false;
	}
}

bool peer_wrong_segment(struct peer *p, struct peer_conn *c, const struct segment *s)
{
	if (s->flags & FLAG_RST)
		return rst_arrives(p, c, s);
	if (s->flags & FLAG_SYN)
		return syn_arrives(p, c, s);
	return ack_arrives(p, c, s) || text_arrives(p, c, s);
}

bool peer_wrong_stray(struct peer *p, const struct segment *s, bool listens)
{
	struct segment changed = *s;

	switch (p->params.fault) {
	case FAULT_CLOSED_SILENT:
		return !listens;
	case FAULT_LISTEN_SYN_RST_TAKEN:
		if (!listens || (s->flags & (FLAG_SYN | FLAG_RST)) != (FLAG_SYN | FLAG_RST))
			return false;
		changed.flags &= (uint16_t)~FLAG_RST;
		peer_in_listen(p, &changed, NULL);
		return true;
	case FAULT_LISTEN_NULL_REFUSED:
		if (!listens || s->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST))
			return false;
		peer_out_refuse(p, s);
		return true;
	case FAULT_LISTEN_ACK_IGNORED:
		return listens && (s->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST)) == FLAG_ACK && !segment_len(s);
	default:
		return false;
	}
}
