/* SPDX-License-Identifier: BSD-2-Clause */
/* Drives the peer into a state, lets one event of the table happen to it, and has everything judged by
 * core/answer in virtual time. The peer itself knows nothing of the table. */
#ifndef FINWAIT_TESTS_ROW_DRIVER_H
#define FINWAIT_TESTS_ROW_DRIVER_H

#include "core/answer.h"
#include "peer/peer.h"

enum {
	ROW_FAR = 10000000, /* outside every window */
	ROW_TEXT = 10,      /* bytes that the prober sends at first */
	ROW_BUFFER = 1000,  /* of the peer that reads nothing */
	ROW_QUEUED = 100,   /* bytes that the peer sends where something is to be outstanding */
};

enum { ROW_WAY = 64 };

/* Segments on their way. */
struct row_way {
	unsigned count;
	int64_t at_us[ROW_WAY];
	struct segment s[ROW_WAY];
};

struct row_driver {
	struct peer *peer;
	struct answer answer;
	struct judgement j; /* all verdicts so far */
	enum tcp_state state;
	enum event event;
	struct endpoint us, them;
	int64_t now_us;
	int id; /* of the peer's connection, or -1 */
	bool timestamps;
	uint16_t window;              /* ours */
	uint32_t isn, snd;            /* ours; `snd` is the peer's RCV.NXT */
	uint32_t iss, una, nxt, edge; /* the peer's, as its segments show them */
	uint8_t shift;
	uint32_t tsecr;
	bool recording;
	unsigned replies;     /* to the event */
	struct segment first; /* of them */
	bool told;
	bool unnamed; /* the judge has to find out what the event is */
	bool verbose;
	int64_t delay_us; /* each way between the judge and the peer */
	struct row_way out, in;
};

/* `told`: the judge hears of the application's calls and of timers. With a delay it is not near. */
void row_open(struct row_driver *d, const struct rule_index *index, enum tcp_state state, enum event event,
	      bool told, int64_t delay_us);
void row_close(struct row_driver *d);

/* Into the state, by what spec/README.md says; the event decides about timestamps, windows and what is
 * outstanding. False if there is no way. */
bool row_reach(struct row_driver *d);

/* The event happens, with this reaction. False if the peer has no such call. */
bool row_apply(struct row_driver *d, enum peer_mutation kind);

/* Asks which state the peer is in: the answer differs by whether there is a connection. */
void row_ask(struct row_driver *d, enum tcp_state expected);

/* The segment that is the event (row_events.c); false if it is none. */
bool row_make(const struct row_driver *d, struct segment *s);
struct segment row_segment(const struct row_driver *d, uint16_t flags, uint32_t seq, uint32_t ack,
			   uint32_t len);

/* SEG.ACK where the event is not about it: SND.UNA, or in SYN-RECEIVED the good one. */
uint32_t row_usual_ack(const struct row_driver *d);

/* Time passes. */
void row_wait(struct row_driver *d, int64_t us);

#endif
