/* SPDX-License-Identifier: BSD-2-Clause */
/* Words for the verdicts of answer.c: what was owed and what came go in, sentence parts with relative
 * numbers come out. Each writes at most `len` bytes. */
#ifndef FINWAIT_CORE_ANSWER_TEXT_H
#define FINWAIT_CORE_ANSWER_TEXT_H

#include "core/answer.h"

/* All that the rule asked accepts. */
void answer_text_expected(char *text, size_t len, const struct answer *a, const struct answer_asked *asked);

/* This one answer. */
void answer_text_owed(char *text, size_t len, const struct hypothesis *h, const struct owed *o);

/* The state that should have followed. */
void answer_text_next(char *text, size_t len, const struct answer_asked *asked);

/* The segment; `shown` is the state that would have sent it, or TCP_STATES. */
void answer_text_observed(char *text, size_t len, const struct answer *a, const struct segment *s,
			  enum tcp_state shown);

#endif
