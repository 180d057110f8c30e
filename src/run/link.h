/* SPDX-License-Identifier: BSD-2-Clause */
/* The way to a target, as the runner sees it: segments go out, captured segments of both directions
 * come back, time is read. wire/wire_link.h is the real one; the tests have one in virtual time. */
#ifndef FINWAIT_RUN_LINK_H
#define FINWAIT_RUN_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/segment.h"

enum { LINK_WHY = 256 };

enum link_status {
	LINK_SEGMENT,     /* one segment is in *out */
	LINK_TIME,        /* `until_us` was reached */
	LINK_READY,       /* the watched descriptor has something to say */
	LINK_INTERRUPTED, /* a signal asked to stop */
	LINK_ERROR,       /* the link is gone; link->why says how, in one sentence */
};

/* The first member of every kind of link. */
struct link {
	/* The clock that until_us and segment.t_us are in: microseconds, never going back. */
	int64_t (*now_us)(struct link *);
	/* Sends `n` segments in order. 0, or -1 with a sentence in `why`. That a segment really left is
	 * known only when receive() hands it back. */
	int (*send)(struct link *, const struct segment *const *segments, size_t n);
	/* Waits for the next captured segment, the link's own included (src is ours), until `until_us`. */
	enum link_status (*receive)(struct link *, int64_t until_us, struct segment *out);
	/* Why nothing that was sent to `target` leaves, if it is the network's fault: a sentence part in
	 * `why`; else NULL, as for links that have no such member. */
	const char *(*unanswered)(struct link *, const struct address *target);
	/* receive() also returns when poll() sees one of `events` or an error on `fd` (-1: none; one at a
	 * time). NULL for links that have no descriptors. */
	void (*watch)(struct link *, int fd, short events);
	char why[LINK_WHY];
};

#endif
