/* SPDX-License-Identifier: BSD-2-Clause */
/* What a connection amounts to: its segments come in one by one, and in the end how it was opened and closed,
 * by whom, comes out. */
#ifndef FINWAIT_RUN_SUMMARY_H
#define FINWAIT_RUN_SUMMARY_H

#include "run/table.h"
#include "run/track.h"

/* The end `from` sent `s`, which was judged; `known` is what was known of both ends before. */
void summary_note(struct entry *e, const struct conn *c, unsigned from, const struct segment *s,
		  const struct judgement *j, const uint32_t known[CONN_ENDS]);

/* Everything but name and `evicted`. */
void summarize(const struct entry *e, const struct conn *c, struct track_summary *s);

#endif
