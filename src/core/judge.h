/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts on one segment, for the observer in conn.c: what is known of the connection and the segment go
 * in, broken and kept rules come out. One file per part of a connection's life. */
#ifndef FINWAIT_CORE_JUDGE_H
#define FINWAIT_CORE_JUDGE_H

#include "core/conn.h"

enum {
	REORDER_MS = 1000, /* how long a segment may be overtaken by later ones */
	APART_MS = 150,    /* what comes closer together may be one segment, duplicated on its way */
};

/* The segment being judged, what is known, and where the judgement goes. */
struct judge {
	struct conn *c;
	const struct rule_index *index;
	const struct segment *s;
	struct judgement *j;
	struct conn_end *me, *peer; /* the segment's sender and receiver */
	uint32_t now_ms;
	bool live; /* the peer is our prober: all that it sent is known, and it is honest */
	bool peer_near; /* the capture was made at the peer: all that it sent, and all that it received */
	bool known; /* `live`, or somebody vouches for `peer_near` */
	bool near; /* nothing that `me` sent was lost or reordered before it was captured */
	bool old;  /* the segment was overtaken by a later one */
};

/* The segment breaks a rule. `excuse` is what else could explain it: NULL makes it certain. The verdict
 * returned lacks only what was expected and observed. */
struct verdict *judge_fail(const struct judge *g, enum rule_id id, const char *excuse);
/* ... one of the table, in a state. */
struct verdict *judge_fail_row(const struct judge *g, enum tcp_state state, enum event event,
			       const char *excuse);
__attribute__((format(printf, 2, 3))) void judge_expected(struct verdict *v, const char *format, ...);
__attribute__((format(printf, 2, 3))) void judge_observed(struct verdict *v, const char *format, ...);

/* The segment keeps a rule. */
static inline void judge_pass(const struct judge *g, enum rule_id id)
{
	g->j->passed |= UINT64_C(1) << id;
}

/* Whether sequence numbers of `e` can still be compared with its ISS. */
static inline bool judge_has_iss(const struct conn_end *e)
{
	return (e->known & (CONN_SYN | CONN_BIG)) == CONN_SYN;
}

/* The window that `e` advertised last: the largest that it may have been if its scale is not known. */
static inline uint32_t judge_window(const struct conn_end *e)
{
	return (uint32_t)e->window << (e->known & CONN_SYN ? e->wscale : 14);
}

/* An excuse that lies between the sender and the capture point: none if somebody vouches that the capture
 * was made at the sender. */
static inline const char *judge_on_path(const struct judge *g, const char *excuse)
{
	return g->near && (g->c->vantage & CONN_STATED) ? NULL : excuse;
}

/* Checksum, flags and options. False if nothing else of the segment means anything. */
bool judge_header(const struct judge *g);

/* The functions that follow return false if the segment shows nothing of this connection. */

/* SYN without and with ACK. */
bool judge_syn(const struct judge *g);
bool judge_syn_ack(const struct judge *g);

/* A segment of an open connection: its numbers and its state. */
bool judge_synchronized(const struct judge *g);

/* A RST: refusal, abort, or answer of a closed endpoint. */
bool judge_reset(const struct judge *g);

/* What comes in answer to a SYN and is neither SYN,ACK nor RST. */
void judge_unopened(const struct judge *g);

/* Whether `e` sent this ACK number; only the last CONN_ACKS different ones are known. */
bool judge_acked_before(const struct conn_end *e, uint32_t ack);

/* The repetition of a SYN or FIN: its time. */
void judge_back_off(const struct judge *g, bool repeated);

#endif
