/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection of a capture, kept for its ladder: judged segments come in, a picture comes out. Of a long
 * connection what is more than data and ACKs is kept. */
#ifndef FINWAIT_CMD_CHECK_LADDER_H
#define FINWAIT_CMD_CHECK_LADDER_H

#include "report/ladder.h"
#include "run/track.h"

enum { CHECK_LADDER_VERDICTS = 64 };

struct check_ladder {
	bool begun;
	struct track_name name;
	struct conn conn;
	struct line lines[EXCHANGE_LINES];
	size_t lines_count;
	struct verdict verdicts[CHECK_LADDER_VERDICTS];
	size_t verdicts_count;
};

void check_ladder_add(struct check_ladder *l, const struct track_name *name, unsigned end,
		      const struct segment *s, const struct judgement *j, const struct conn *c);

struct ladder_picture check_ladder_picture(const struct check_ladder *l);

#endif
