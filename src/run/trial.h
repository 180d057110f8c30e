/* SPDX-License-Identifier: BSD-2-Clause */
/* A check of the matrix, from where the target is known to be in its state: the segment that is tried goes out,
 * every answer is judged by the rows of core/rules.h (core/answer.h), then a question shows the state in which
 * the target was left. From the first segment on the prober speaks no more by itself. Used by run/exchange.c
 * and run/steps.c. */
#ifndef FINWAIT_RUN_TRIAL_H
#define FINWAIT_RUN_TRIAL_H

#include "checks/stimulus.h"
#include "core/answer.h"
#include "core/prober.h"

struct exchange;

/* How the connection is taken down in the end. */
enum teardown { TEARDOWN_RST, TEARDOWN_RST_ACK };

struct trial {
	struct answer answer;
	struct tcb target;       /* as its segments show it, before and after the stimulus */
	enum event event;        /* what the stimulus is there ... */
	const struct rule *rule; /* ... and its rule; NULL: none */
	enum tcp_state state;    /* in which it came */
	struct answer_match match; /* what explained the answer to it; rule NULL: nothing came */
	int64_t asked_us, replied_us; /* the last stimulus or question left, an answer to it came; 0: none did */
	int64_t rtt_us;          /* 0: nothing has shown it yet */
	unsigned replies;        /* to the stimulus */
	char drew[48];           /* the first of them */
	struct segment last;     /* that came since then, without data, ... */
	bool answered;           /* ... if one did */
	bool asking;             /* the question is out */
	bool asked_again;        /* the stimulus was repeated: answers may be limited in their rate */
	bool possible;           /* the stimulus could be made */
	tcp_states after;        /* the states that the target may be in at the end */
};

/* Begins with what the exchange knows of the target; the stimulus is added to `out`. */
void trial_begin(struct exchange *x, int64_t now_us, struct prober_out *out);
/* The question. */
void trial_follow_up(struct exchange *x, int64_t now_us, struct prober_out *out);

/* Whether all that the stimulus, or the question, can draw is there. A stimulus whose answer may have been held
 * back by a limit is repeated once. */
bool trial_done(struct exchange *x, int64_t now_us, struct prober_out *out);
/* When it may be, without anything having arrived. */
int64_t trial_wakes_at(const struct exchange *x);

/* A segment of the prober was seen leaving; one of the target arrived; time has passed. What the rules say is
 * added to *j. */
void trial_sent(struct exchange *x, const struct segment *s, int64_t now_us);
void trial_received(struct exchange *x, const struct segment *s, int64_t now_us, struct judgement *j);
void trial_time(struct exchange *x, int64_t now_us, struct judgement *j);

/* Resets what may be left of the connection. */
void trial_tear_down(struct exchange *x, int64_t now_us, struct prober_out *out);

/* Adds what came of it to the points of a finished exchange. */
void trial_settle(struct exchange *x);

#endif
