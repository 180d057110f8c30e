/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole capture, judged: segments of any connections come in, in their order; violations come out as soon
 * as they are found, and a summary of each connection when it leaves. What is kept is bounded: connections
 * that are over leave after 2 MSL, and of too many that are open those leave that have been idle for the
 * longest time. No I/O. */
#ifndef FINWAIT_RUN_TRACK_H
#define FINWAIT_RUN_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/conn.h"

/* `src` sent the first segment that was seen, and is end 0. */
struct track_name {
	uint32_t index; /* from 0, by first segments */
	struct endpoint src, dst;
	uint32_t vlan;
};

enum track_handshake {
	HANDSHAKE_COMPLETE,
	HANDSHAKE_SIMULTANEOUS,
	HANDSHAKE_FAST_OPEN, /* data on the SYN was accepted */
	HANDSHAKE_REFUSED,
	HANDSHAKE_UNANSWERED,
	HANDSHAKE_UNFINISHED, /* no right ACK of the SYN,ACK was seen */
	HANDSHAKE_IN_PART,    /* some of its segments were not captured */
	HANDSHAKE_MID_STREAM, /* no SYN was seen */
	HANDSHAKES
};

enum track_ending {
	ENDING_FOUR,         /* FIN, ACK, FIN, ACK */
	ENDING_THREE,        /* FIN, FIN with ACK, ACK */
	ENDING_SIMULTANEOUS, /* neither FIN acknowledges the other */
	ENDING_HALF,         /* one FIN only */
	ENDING_RESET,
	ENDING_OPEN, /* to the end of the capture, or until it was evicted */
	ENDING_NONE, /* it was never open */
	ENDINGS
};

/* "complete", "fast open"; "four segments", "half-closed". */
const char *track_handshake_name(enum track_handshake h);
const char *track_ending_name(enum track_ending e);

struct track_summary {
	struct track_name name;
	enum track_handshake handshake;
	enum track_ending ending;
	int closed_first, reset_by;    /* 0 or 1, -1 nobody */
	tcp_states reached[CONN_ENDS]; /* unless something sent to them was lost */
	uint32_t segments;
	bool counted[CONN_ENDS];   /* whether `bytes` are known, ... */
	uint32_t bytes[CONN_ENDS]; /* ... modulo 2^32 */
	int64_t duration_us;       /* to the millisecond */
	bool accused, evicted;
};

struct track_totals {
	uint64_t segments, judged, duplicates, bad_checksums, unknown_checksums;
	uint64_t connections, evicted;
	uint64_t handshakes[HANDSHAKES], endings[ENDINGS];
	uint64_t findings[CLASS_CHOICE + 1][LIKELY + 1];
};

struct track_params {
	const struct rule_index *rules; /* borrowed */
	uint64_t seed;                  /* anything; so that no capture can slow the tables down */
	uint32_t max_connections;       /* open at the same time */
	const struct address *near;     /* at which the capture is said to have been made; borrowed */
	uint32_t near_count;
	int64_t only;  /* index of the one connection that is reported, -1: all */
	int64_t watch; /* ... whose segments are handed out, -1: none */
	/* Each may be NULL. `end` broke a rule. */
	void (*violation)(void *arg, const struct track_name *name, unsigned end, const struct verdict *v);
	void (*connection)(void *arg, const struct track_summary *s);
	/* A segment of the one that is watched, after it was judged. `c` is the connection then; *j has what
	 * was told only. */
	void (*segment)(void *arg, const struct track_name *name, unsigned end, const struct segment *s,
			const struct judgement *j, const struct conn *c);
	void *arg;
};

struct track;

/* Copies *params. NULL if there is no memory. */
struct track *track_new(const struct track_params *params);

/* The next segment. False if there is no memory: nothing more can be judged. */
bool track_segment(struct track *t, const struct segment *s);

/* The capture is over: every connection leaves. */
void track_finish(struct track *t);

const struct track_totals *track_totals(const struct track *t);
/* How many connections are kept, open or over. */
uint32_t track_count(const struct track *t);

void track_free(struct track *t);

#endif
