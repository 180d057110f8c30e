/* SPDX-License-Identifier: BSD-2-Clause */
/* One wrong reaction of the peer: what the honest one has done and sends comes in, and is changed. */
#include <string.h>

#include "core/seq.h"
#include "peer_internal.h"

enum { FAR = 1000000000 };

static const char *const names[PEER_MUTATIONS] = {
	[PEER_HONEST] = "honest",       [PEER_WRONG_SEQ] = "wrong SEQ",
	[PEER_WRONG_ACK] = "wrong ACK", [PEER_WRONG_FLAGS] = "wrong flags",
	[PEER_SILENCE] = "silence",     [PEER_WRONG_NEXT_STATE] = "wrong next state",
	[PEER_UNDUE_ACK] = "undue ACK", [PEER_UNDUE_RST] = "undue RST",
};

void peer_mutate(struct peer *p, enum peer_mutation kind)
{
	p->mutant.kind = kind;
}

const char *peer_mutation_name(enum peer_mutation kind)
{
	return names[kind];
}

static int only_connection(const struct peer *p)
{
	for (int i = 0; i < PEER_CONNS; i++)
		if (p->conns[i].state != PEER_CLOSED)
			return i;
	return -1;
}

void mutate_begin(struct peer *p)
{
	struct peer_mutant *m = &p->mutant;

	m->now = m->kind;
	m->kind = PEER_HONEST;
	if (m->now == PEER_HONEST)
		return;
	m->sent = false;
	m->id = only_connection(p);
	m->existed = m->id >= 0;
	if (m->existed)
		m->before = p->conns[m->id];
}

/* The kind of segment becomes another, which no call of the application explains. */
static uint16_t wrong_flags(uint16_t flags)
{
	if (flags & FLAG_RST)
		return FLAG_ACK;
	if (flags & FLAG_SYN)
		return flags & FLAG_ACK ? FLAG_ACK : FLAG_SYN | FLAG_ACK;
	return flags | FLAG_SYN;
}

bool mutate_segment(struct peer *p, struct segment *s)
{
	struct peer_mutant *m = &p->mutant;

	switch (m->now) {
	case PEER_SILENCE:
		return false;
	case PEER_WRONG_SEQ:
		s->seq -= FAR;
		break;
	case PEER_WRONG_ACK:
		s->ack += FAR;
		break;
	case PEER_WRONG_FLAGS:
		s->flags = wrong_flags(s->flags);
		break;
	default:
		break;
	}
	m->sent = true;
	return true;
}

/* A connection where there should be none. */
static void haunt(struct peer *p, const struct segment *cause)
{
	struct peer_conn *c = peer_conn_new(p, &cause->dst, &cause->src, NULL);

	if (!c)
		return;
	c->state = PEER_ESTABLISHED;
	c->app = PEER_MANUAL;
	c->snd_una = c->snd_nxt = c->buffer_seq = cause->ack;
	c->irs = cause->seq - 1;
	c->rcv_nxt = cause->seq + segment_len(cause);
	c->rcv_edge = c->rcv_nxt + 65535;
}

static void wrong_state(struct peer *p, const struct segment *cause)
{
	struct peer_mutant *m = &p->mutant;
	int id = only_connection(p);

	if (id >= 0) {
		peer_conn_free(&p->conns[id]);
	} else if (m->existed) {
		p->conns[m->id] = m->before;
		if (m->before.time_wait_at <= p->now_us)
			p->conns[m->id].time_wait_at = p->now_us + p->params.time_wait_us;
	} else if (cause) {
		haunt(p, cause);
	}
}

/* What nobody asked for. */
static void undue(struct peer *p, const struct segment *cause, bool rst)
{
	const struct peer_conn *c = &p->mutant.before;
	struct segment s = { .flags = rst ? FLAG_RST : FLAG_ACK, .ttl = p->params.ttl, .t_us = p->now_us };

	if (p->mutant.existed) {
		s.src = c->local;
		s.dst = c->remote;
		s.seq = c->snd_nxt;
		s.ack = c->rcv_nxt;
		s.window = (uint16_t)((c->rcv_edge - c->rcv_nxt) >> c->rcv_shift);
	} else if (cause) {
		s.src = cause->icmp.type ? cause->src : cause->dst;
		s.dst = cause->icmp.type ? cause->dst : cause->src;
		s.seq = cause->ack;
		s.ack = cause->seq + segment_len(cause);
	} else {
		return;
	}
	if (rst)
		s.ack = 0;
	s.options.malformed = -1;
	p->output(p->arg, &s);
}

void mutate_end(struct peer *p, const struct segment *cause)
{
	enum peer_mutation now = p->mutant.now;

	p->mutant.now = PEER_HONEST;
	if (now == PEER_WRONG_NEXT_STATE)
		wrong_state(p, cause);
	else if (now == PEER_UNDUE_ACK || now == PEER_UNDUE_RST)
		undue(p, cause, now == PEER_UNDUE_RST);
}
