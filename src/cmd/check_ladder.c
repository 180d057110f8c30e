/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/check_ladder.h"

/* Whether a line may be left out: data, or nothing but an ACK, as there were many. */
static bool is_plain(const struct segment *s, const struct judgement *j)
{
	return !(s->flags & (FLAG_SYN | FLAG_FIN | FLAG_RST)) && !j->count && !(j->notes & NOTE_ACKS_FIN);
}

void check_ladder_add(struct check_ladder *l, const struct track_name *name, unsigned end,
		      const struct segment *s, const struct judgement *j, const struct conn *c)
{
	struct line *line;

	l->begun = true;
	l->name = *name;
	l->conn = *c;
	for (unsigned i = 0; i < j->count && l->verdicts_count < CHECK_LADDER_VERDICTS; i++)
		l->verdicts[l->verdicts_count++] = j->failed[i];
	if (l->lines_count == EXCHANGE_LINES || (l->lines_count >= EXCHANGE_PLAIN && is_plain(s, j))) {
		l->lines[l->lines_count - 1].skipped++;
		return;
	}
	line = &l->lines[l->lines_count++];
	*line = (struct line){
		.segment = *s,
		.out = end == 0,
		.repeated = j->notes & NOTE_REPEATED,
		.prober = (enum tcp_state)c->ends[0].assumed,
		.target = c->ends[1].states,
		.assumed = (enum tcp_state)c->ends[1].assumed,
		.notes = j->notes,
		.passed = j->passed,
		.failed = j->count,
	};
	line->segment.data = NULL;
}

struct ladder_picture check_ladder_picture(const struct check_ladder *l)
{
	bool whole = l->lines_count && (l->lines[0].segment.flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;

	return (struct ladder_picture){
		.left = "src",
		.right = "dst",
		.left_first = whole ? tcp_state_name(TCP_CLOSED) : "?",
		.right_first =
			whole && l->conn.ends[1].known & CONN_SYN_ACK ? tcp_state_name(TCP_LISTEN) : "?",
		.conn = &l->conn,
		.lines = l->lines,
		.lines_count = l->lines_count,
		.verdicts = l->verdicts,
		.verdicts_count = l->verdicts_count,
		.recorded = true,
	};
}
