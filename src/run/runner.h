/* SPDX-License-Identifier: BSD-2-Clause */
/* The only loop: plays exchanges over a link, at their times, many at once. */
#ifndef FINWAIT_RUN_RUNNER_H
#define FINWAIT_RUN_RUNNER_H

#include <stddef.h>
#include <stdint.h>

#include "run/exchange.h"
#include "run/link.h"

/* Exchanges of one run. The first `singles` run by themselves, begun `stagger_us` apart or later; of the others
 * `lane_length` at a time form a lane. Those of a lane follow each other: the next
 * begins when the one before is done, and not before `interval_us` after its beginning. Lanes run side
 * by side; each begins `stagger_us` after the one before. */
struct run {
	struct link *link;
	struct driver *driver; /* NULL if no check asks for anything; the ids are the indices of exchanges */
	struct exchange *exchanges;
	size_t count, singles, lane_length;
	size_t lanes_end; /* the first of those that were put behind; 0: there are none */
	int64_t interval_us, stagger_us;
	/* Called with each exchange as soon as it is finished. May put others behind the last one and raise
	 * `count`: these begin at once. */
	void (*finished)(void *arg, size_t index);
	void *arg;
};

enum run_status { RUN_DONE, RUN_INTERRUPTED, RUN_LINK_LOST };

/* Plays all of them. After an interrupt, connections are reset and what is known is reported; after a
 * loss of the link (link->why says what happened) the rest ends in errors. */
enum run_status run_all(const struct run *run);

#endif
