/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts on one segment of the target, for the observer in conn.c: rules that hold for every segment,
 * whatever the connection is doing, and the words with which any rule is judged. */
#ifndef FINWAIT_CORE_JUDGE_H
#define FINWAIT_CORE_JUDGE_H

#include "core/conn.h"

/* The segment being judged, what is known of its connection, and where the judgement goes. */
struct judge {
	struct conn *c;
	const struct segment *s;
	struct judgement *j;
};

/* A sequence number of `side` relative to its ISN, as everywhere in finwait's output. */
unsigned judge_relative(const struct conn_side *side, uint32_t seq);

/* The segment breaks a rule. `excuse` is what else could explain it (NULL when certain). The verdict
 * returned lacks only what was expected and observed. */
struct verdict *judge_fail(const struct judge *g, enum rule_id id, enum certainty certainty,
			   const char *excuse);
__attribute__((format(printf, 2, 3))) void judge_expected(struct verdict *v, const char *format, ...);
__attribute__((format(printf, 2, 3))) void judge_observed(struct verdict *v, const char *format, ...);

/* The segment keeps a rule. */
void judge_pass(const struct judge *g, enum rule_id id);

/* Checksum, flags and options. False if nothing else of the segment means anything. */
bool judge_header(const struct judge *g);

/* Whether the prober sent this ACK number; only the last CONN_ACKS different ones are known. */
bool judge_acked_before(const struct conn *c, uint32_t ack);

/* A RST of the target: refusal, abort, or answer of a closed endpoint. The connection is gone. */
void judge_reset(const struct judge *g);

#endif
