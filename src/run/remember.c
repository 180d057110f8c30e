/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/remember.h"

#include <stdio.h>
#include <string.h>

#include "core/seq.h"
#include "run/hosts.h"

enum {
	SAME_ID_US = 1000000, /* with an IP identification of its own, a frame is not sent twice */
	NO_ID_US = 10000,     /* without it may be; soon only what is sent without any need */
};

/* ---- handshakes -------------------------------------------------------------------------------- */

void remember_handshake(struct remember *r, uint32_t index, int64_t syn_us)
{
	r->handshakes[index % REMEMBER_HANDSHAKES].index = index + 1;
	r->handshakes[index % REMEMBER_HANDSHAKES].times_us[0] = syn_us;
	r->handshakes[index % REMEMBER_HANDSHAKES].times_us[1] = 0;
}

int64_t *remember_times(struct remember *r, uint32_t index)
{
	uint32_t at = index % REMEMBER_HANDSHAKES;

	return r->handshakes[at].index == index + 1 ? r->handshakes[at].times_us : NULL;
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static bool has_ended(const struct conn *c, unsigned end)
{
	return (c->ends[1 - end].known & CONN_ACKED_SYN) &&
	       !((c->ends[0].known | c->ends[1].known) & CONN_RESET);
}

void remember_numbers(struct remember *r, uint32_t index, const struct conn *old, int64_t last_us)
{
	uint32_t at = index % REMEMBER_NUMBERS;

	r->numbers[at].index = index + 1;
	for (unsigned i = 0; i < CONN_ENDS; i++)
		r->numbers[at].ends[i] = (struct numbers){
			.first = old->ends[i].iss,
			.next = old->ends[i].end,
			.ts_max = old->ends[i].ts_max,
			.known = (old->ends[i].known & (CONN_SYN | CONN_BIG)) == CONN_SYN,
			.ended = has_ended(old, i),
			.timestamps = old->ends[i].known & CONN_TSVAL,
			.last_us = last_us,
		};
}

const struct numbers *remember_find_numbers(const struct remember *r, uint32_t index, unsigned end)
{
	uint32_t at = index % REMEMBER_NUMBERS;

	return r->numbers[at].index == index + 1 ? &r->numbers[at].ends[end] : NULL;
}

/* Numbers before the first are as far away as those behind the last, and random ones (SYN cookies) are
 * somewhere; what lies between has been used for certain. A later timestamp keeps them apart (RFC 6191). */
bool remember_is_reused(const struct numbers *old, const struct segment *syn, int64_t within_us,
			struct verdict *v)
{
	if (!old->known || !old->ended || syn->t_us - old->last_us >= within_us ||
	    !seq_in(syn->seq, old->first, old->next - old->first))
		return false;
	if (old->timestamps && (syn->options.present & OPTION_TIMESTAMPS) &&
	    seq_gt(syn->options.tsval, old->ts_max))
		return false;
	*v = (struct verdict){
		.outcome = OUTCOME_FAIL,
		.certainty = LIKELY,
		.rule = &rules[RULE_ISN_REUSED],
		.state = TCP_STATES,
		.frame = syn->frame,
		.reason = "its sender waited for two maximum segment lifetimes that are shorter",
	};
	snprintf(v->expected, sizeof v->expected, "an ISN not among the %u numbers from %u on",
		 old->next - old->first, old->first);
	snprintf(v->observed, sizeof v->observed, "ISN %u, %lld s after they were used", syn->seq,
		 (long long)((syn->t_us - old->last_us) / 1000000));
	return true;
}

static bool is_among(const struct numbers *old, uint32_t number)
{
	return old->known && seq_in(number, old->first, old->next - old->first + 1);
}

/* Those that the connection has used itself are its own. */
static bool is_own(const struct conn_end *e, uint32_t number)
{
	uint32_t first = e->known & CONN_SYN ? e->iss : e->data_end - 1;

	return (e->known & CONN_SEEN) && seq_in(number, first, e->end - first + 1);
}

bool remember_is_late(const struct remember *r, uint32_t index, unsigned end, const struct segment *s,
		      const struct conn *c)
{
	const struct numbers *old = remember_find_numbers(r, index, 0);
	bool ack = s->flags & FLAG_ACK;

	if (!old || (s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN || !is_among(&old[end], s->seq) ||
	    is_own(&c->ends[end], s->seq))
		return false;
	return !ack || (is_among(&old[1 - end], s->ack) && !is_own(&c->ends[1 - end], s->ack));
}

/* ---- alarms ------------------------------------------------------------------------------------ */

bool remember_alarm(struct remember *r, uint32_t index, unsigned end, unsigned rule)
{
	uint32_t at = index % REMEMBER_ALARMS;
	uint64_t bit = UINT64_C(1) << rule;

	if (r->alarms[at].index != index + 1)
		memset(&r->alarms[at], 0, sizeof r->alarms[at]);
	r->alarms[at].index = index + 1;
	if (r->alarms[at].told[end] & bit)
		return false;
	r->alarms[at].told[end] |= bit;
	return true;
}

/* ---- frames ------------------------------------------------------------------------------------ */

static uint64_t fold(uint64_t print, uint64_t word)
{
	print = (print ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return print ^ print >> 32;
}

static uint64_t fingerprint(const uint32_t hosts[2], const struct segment *s)
{
	uint64_t print = fold((uint64_t)hosts[0] << 32 | hosts[1], (uint64_t)s->seq << 32 | s->ack), word;

	print = fold(print, (uint64_t)s->src.port << 48 | (uint64_t)s->dst.port << 32 |
				    (uint32_t)s->flags << 16 | s->window);
	print = fold(print, (uint64_t)s->len << 34 | (uint64_t)s->checksum << 32 | (uint32_t)s->ip_id << 16 |
				    s->urgent);
	for (size_t i = 0; i < s->options.raw_len; i += 8) { /* zeros follow */
		memcpy(&word, s->options.raw + i, 8);
		print = fold(print, word);
	}
	return print;
}

/* The TTL may differ: both sides of a router are one capture. */
bool remember_is_duplicate(struct remember *r, const uint32_t hosts[2], const struct segment *s)
{
	uint64_t print = fingerprint(hosts, s);
	uint32_t at = (uint32_t)print % REMEMBER_FRAMES;
	int64_t since_us = s->t_us - r->frames[at].t_us;

	if (r->frames[at].print == print && since_us >= 0 && since_us < (s->ip_id ? SAME_ID_US : NO_ID_US))
		return true;
	r->frames[at].print = print;
	r->frames[at].t_us = s->t_us;
	return false;
}
