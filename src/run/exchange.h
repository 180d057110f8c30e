/* SPDX-License-Identifier: BSD-2-Clause */
/* One check played on one connection: captured segments and the time go in; segments to send, and in the
 * end a result with its ladder, come out. The prober (core/prober.h) speaks, the observer (core/conn.h)
 * judges, this file steps through the check. No I/O. */
#ifndef FINWAIT_RUN_EXCHANGE_H
#define FINWAIT_RUN_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checks/check.h"
#include "core/conn.h"
#include "core/prober.h"
#include "core/verdict.h"
#include "run/driver.h"
#include "run/trial.h"

/* One line of the ladder: a segment as it passed the capture point. */
struct line {
	struct segment segment; /* without data */
	bool out;               /* from the prober */
	bool repeated;          /* seen before in this direction */
	bool asks;              /* an old byte, to see whether the target has the connection */
	enum tcp_state prober;  /* after it was sent or had arrived */
	tcp_states target;      /* all that the target may be in then ... */
	enum tcp_state assumed; /* ... and what it is if nothing got lost; TCP_STATES: unknown */
	unsigned notes;         /* enum note */
	uint64_t passed;        /* rules kept */
	unsigned failed;        /* how many verdicts of the exchange rest on it */
	int64_t rtt_us;         /* since the segment that it answers left; 0: none was timed */
	unsigned skipped;       /* segments behind it that are not kept */
};

/* What the probe as a whole says about one thing it looked at. */
struct point {
	const char *name; /* "opened", "data", "closed" */
	enum outcome outcome;
	const struct rule *rule; /* NULL: rests on none */
	char text[VERDICT_TEXT];
};

enum reach { REACH_NONE, REACH_OPEN, REACH_CLOSED, REACH_SILENT }; /* what --expect asks for */

enum {
	EXCHANGE_POINTS = 8,
	EXCHANGE_LINES = 512,  /* at most, and ... */
	EXCHANGE_PLAIN = 64,   /* ... from this on only what is more than data and its ACK */
	EXCHANGE_ANSWER = 2048,
	EXCHANGE_PENDING = 64,
	EXCHANGE_LARGEST = 16 << 20, /* bytes received: a target may send for ever; nor may a step ... */
	EXCHANGE_LONGEST = 10, /* ... take longer than so many times the timeout, however much comes */
};

/* What a verification of the target's state came to. */
enum verified {
	VERIFIED_NOT,    /* not tried, or nothing came */
	VERIFIED_THERE,  /* the target has the connection */
	VERIFIED_GONE,   /* it has none */
};

/* The target's state as it was verified, before the connection was tidied up. */
struct verification {
	enum verified verified;
	tcp_states states;      /* all that it may be in ... */
	enum tcp_state assumed; /* ... and what it is if nothing got lost */
	enum tcp_state said;    /* what its system says; TCP_STATES: it does not */
	const char *by;         /* a sentence part: what has shown it */
};

/* The pattern as received. */
struct received_pattern {
	uint64_t received, matched; /* bytes; from the first on */
	uint64_t unseen;            /* of those, how many the capture had cut off */
};

struct exchange_params {
	const struct check *check;
	struct prober_params prober;
	const struct rule_index *rules; /* borrowed */
	const uint8_t *data; /* to send; borrowed */
	size_t data_len;
	int64_t timeout_us;  /* how long to wait for anything that is due */
	int64_t hold_us;     /* STEP_HOLD */
	size_t id;           /* in requests to the driver */
	unsigned driver_can; /* a bit per action */
	const uint8_t *pattern; /* STEP_TRANSFER_...: made from `pattern_seed`, borrowed; NULL: nothing is transferred */
	size_t pattern_len;
	uint32_t pattern_seed;
	const struct stimulus *stimulus; /* STEP_STIMULUS; borrowed, NULL: none */
	int64_t start_us;                /* begins so much later than its turn comes */
	enum teardown teardown;          /* behind STEP_STIMULUS */
	int64_t rtt_us;                  /* the longest round trip that is known beforehand; 0: none is */
	bool lossless;                   /* nothing gets lost on the way: silence is no answer for certain */
	bool application_waits;          /* the target's application does nothing but what it is asked for */
};

/* A segment handed to the link that was not seen leaving yet. */
struct pending {
	uint32_t seq, ack, len;
	uint16_t flags;
	enum tcp_state state; /* of the prober when it was sent, ... */
	unsigned serial;      /* ... and which of its states that was */
};

struct exchange {
	struct exchange_params params;
	struct prober prober;
	struct conn conn;
	/* where in the check */
	size_t step;
	bool started, done;
	bool tried_again;       /* the current step had its deadline once before */
	bool answered;          /* by the driver, in the current step */
	bool held;              /* STEP_HOLD has waited and verifies */
	struct trial *trial;    /* owned; NULL without a stimulus */
	bool tried;             /* the stimulus was sent: from then on the trial judges */
	bool asking;            /* `request` waits to be handed to the driver */
	struct request request;
	bool reported; /* by the runner */
	bool opened;
	int64_t start_us, step_us, deadline_us, last_data_us;
	int64_t asked_us;       /* when the last old byte of a verification left */
	enum { PLAYING, LINGERING, FINISHED } phase;
	/* the prober's states, numbered; the last one that stands in the ladder */
	unsigned serial, shown_serial;
	enum tcp_state serial_state, shown_state;
	/* on their way out */
	struct pending pending[EXCHANGE_PENDING];
	size_t pending_count;
	int64_t pending_us; /* since when the oldest waits */
	/* the outcome */
	enum reach reach;
	bool interrupted;
	struct icmp_error icmp;     /* the first one; type 0: none */
	char unanswered[VERDICT_TEXT]; /* why nobody was there to send to; "" if there was */
	char error[VERDICT_TEXT];   /* why the exchange says nothing about the target; "" if it does */
	char refused[VERDICT_TEXT]; /* why the target's application did not do its part; "" if it did */
	struct verification first, last; /* before and after STEP_HOLD */
	struct received_pattern in, out;  /* by us, by the target's application */
	struct point points[EXCHANGE_POINTS];
	size_t points_count;
	struct verdict verdicts[RULES]; /* the failures, one per rule */
	size_t verdicts_count;
	enum outcome outcome;
	enum certainty certainty;
	unsigned judged;            /* segments of the target */
	unsigned unknown_checksums, bad_checksums;
	struct line *lines;         /* owned */
	size_t lines_count, lines_room;
	struct segment syn_ack;     /* the first segment of the target; `frame` 0: none */
	int64_t rtt_us;             /* of the handshake; 0: not measured */
	uint8_t answer[EXCHANGE_ANSWER]; /* the first bytes of data received in order */
	size_t answer_len;
};

/* Copies *params; nothing is sent yet. False if there is no memory. */
bool exchange_init(struct exchange *x, const struct exchange_params *params);

/* Makes `x`, which has just been initialized, go on with the connection of `old`, which is finished: to look
 * for it again. */
void exchange_resume(struct exchange *x, const struct exchange *old);

/* Begins, or goes on at the time that exchange_wakes_at() gave. */
void exchange_start(struct exchange *x, int64_t now_us, struct prober_out *out);
void exchange_tick(struct exchange *x, int64_t now_us, struct prober_out *out);

/* Whether the segment belongs to this connection, in either direction. The target's port may be unknown
 * until its SYN is there. */
bool exchange_owns(const struct exchange *x, const struct segment *s);

/* The driver's answer to the exchange's request. */
void exchange_answered(struct exchange *x, const struct driver_answer *a, int64_t now_us, struct prober_out *out);

/* To be called by the steps whenever they made the prober send: what is in `out` behind `from` is waited for
 * until it is seen leaving. */
void exchange_sent(struct exchange *x, const struct prober_out *out, size_t from, int64_t now_us);

/* A captured segment of this connection. */
void exchange_captured(struct exchange *x, const struct segment *s, int64_t now_us,
		       struct prober_out *out);

/* Gives up: a sentence for the user when the link is gone (nothing can be sent any more), or NULL after
 * a signal (the connection is reset). */
void exchange_stop(struct exchange *x, const char *error, int64_t now_us, struct prober_out *out);

/* Nothing of the exchange has left, and it is not this host's fault: `why` is a sentence part. */
void exchange_unanswered(struct exchange *x, const char *why);

/* When exchange_tick() wants to be called; INT64_MAX once the exchange is finished. */
int64_t exchange_wakes_at(const struct exchange *x);

void exchange_free(struct exchange *x);

#endif
