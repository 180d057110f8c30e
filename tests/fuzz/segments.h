/* SPDX-License-Identifier: BSD-2-Clause */
/* Arbitrary bytes come in, the segments of a few connections come out, most of whose numbers lie close to
 * those that matter. Four bytes make a segment, up to two more say what is unusual:
 *
 *   who    0x01 the other end sends, 0x06 connection, 0x38 time since the segment before, 0x40 a byte about
 *          the payload follows, 0x80 a byte about options and checksum follows
 *   flags  FIN, SYN, RST, PSH, ACK, URG, ECE, CWR
 *   seq    0x0f offset from -8 to 7, 0x70 from which number, 0x80 offset in halves of the number space
 *   ack    the same
 *   text   0x1f payload, 0xe0 window
 *   more   0x3f bits of struct tcp_options.present, 0xc0 checksum (good, bad, unknown) or malformed option
 *
 * A bare segment has no payload (with PSH: 10 bytes) and a window of 1000. */
#ifndef FINWAIT_FUZZ_SEGMENTS_H
#define FINWAIT_FUZZ_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/segment.h"

enum { SEGMENTS_CONNECTIONS = 4 };

struct segments_end {
	uint32_t first, next, last, acked; /* ISS, SND.NXT, last SEQ, highest number that the peer acknowledged */
	uint32_t tsval;
	uint16_t window;
};

struct segments {
	const uint8_t *at, *end;
	int64_t t_us;
	uint64_t frame;
	struct segments_end ends[SEGMENTS_CONNECTIONS][2];
};

static inline void segments_begin(struct segments *g, const uint8_t *data, size_t size)
{
	/* One connection wraps soon, one reaches the middle. */
	static const uint32_t first[SEGMENTS_CONNECTIONS] = { 1000, 0xfffffff8, 0x7ffffff8, 0 };

	*g = (struct segments){ .at = data, .end = data + size };
	for (int i = 0; i < SEGMENTS_CONNECTIONS; i++)
		for (int e = 0; e < 2; e++) {
			uint32_t iss = first[i] + 0x10000u * (uint32_t)e;

			g->ends[i][e] = (struct segments_end){ iss, iss, iss, iss, 1, 1000 };
		}
}

/* The number that a byte stands for: of `e`, whose peer is `p`. */
static inline uint32_t segments_number(const struct segments_end *e, const struct segments_end *p, uint8_t byte)
{
	uint32_t base = 0, offset = (uint32_t)(byte & 0x0f) - 8;

	switch (byte >> 4 & 7) {
	case 0:
		base = e->next;
		break;
	case 1:
		base = e->first;
		break;
	case 2:
		base = e->last;
		break;
	case 3:
		base = e->acked;
		break;
	case 4:
		base = e->acked + p->window;
		break;
	case 5:
		base = e->next + 100000;
		break;
	case 6:
		base = p->next;
		break;
	case 7:
		base = 0;
		break;
	}
	return base + (byte & 0x80 ? offset << 28 : offset);
}

static inline void segments_options(struct tcp_options *o, uint8_t byte, bool syn, struct segments_end *e,
				    const struct segments_end *p)
{
	o->present = byte & 0x3f;
	o->malformed = byte >> 6 == 3 ? 2 : -1;
	o->mss = 1460;
	o->wscale = syn ? 7 : 15;
	o->tsval = ++e->tsval;
	o->tsecr = p->tsval;
	if (o->present & OPTION_SACK) {
		o->sack_count = 1;
		o->sack[0].left = p->next - 20;
		o->sack[0].right = p->next - (uint32_t)(byte & 1) * 40;
	}
}

/* The next segment, of `*from` (0 or 1) in connection `*number`. Its payload has a length and no bytes. */
static inline bool segments_next(struct segments *g, struct segment *s, unsigned *number, unsigned *from)
{
	static const int64_t pauses_us[] = { 0, 1000, 40000, 200000, 1000000, 3000000, 61000000, 250000000 };
	static const uint32_t lengths[] = { 0, 1, 2, 10, 100, 536, 1460, 65495 };
	static const uint16_t windows[] = { 1000, 0, 1, 10, 100, 65535, 8192, 512 };
	struct segments_end *e, *p;
	uint8_t who, text = 0, more = 0;
	uint32_t high;

	if (g->end - g->at < 4)
		return false;
	who = g->at[0];
	*from = who & 1;
	*number = who >> 1 & 3;
	e = &g->ends[*number][*from];
	p = &g->ends[*number][!*from];
	g->t_us += pauses_us[who >> 3 & 7];
	*s = (struct segment){
		.t_us = g->t_us,
		.frame = ++g->frame,
		.flags = g->at[1],
		.seq = segments_number(e, p, g->at[2]),
		.ack = segments_number(p, e, g->at[3]),
		.ttl = 64,
		.ip_id = (uint16_t)g->frame,
		.options.malformed = -1,
	};
	g->at += 4;
	text = who & 0x40 && g->at < g->end ? *g->at++ : s->flags & FLAG_PSH ? 3 : 0;
	more = who & 0x80 && g->at < g->end ? *g->at++ : 0;
	s->src = s->dst = (struct endpoint){ { .family = 4, .bytes = { 198, 18, 0 } }, 80 };
	s->src.addr.bytes[3] = (uint8_t)(1 + *from);
	s->dst.addr.bytes[3] = (uint8_t)(1 + !*from);
	*(*from ? &s->dst.port : &s->src.port) = (uint16_t)(40000 + *number);
	s->len = lengths[text & 7] + (text >> 3 & 3);
	s->window = windows[text >> 5];
	s->checksum = more >> 6 == 1 ? CHECKSUM_BAD : more >> 6 == 2 ? CHECKSUM_UNKNOWN : CHECKSUM_GOOD;
	segments_options(&s->options, more, s->flags & FLAG_SYN, e, p);
	high = s->seq + segment_len(s);
	if (s->flags & FLAG_SYN)
		e->first = s->seq;
	/* One that lies far away does not become the middle of what follows. */
	if (s->flags & FLAG_SYN || (!(s->flags & FLAG_RST) && high - e->next < 1u << 16))
		e->next = high;
	if (s->flags & FLAG_ACK && s->ack - p->acked < 1u << 16)
		p->acked = s->ack;
	e->last = s->seq;
	e->window = s->window;
	return true;
}

/* What fuzz targets check. */
static inline void segments_assert(bool holds)
{
	if (!holds)
		abort();
}

#endif
