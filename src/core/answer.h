/* SPDX-License-Identifier: BSD-2-Clause */
/* The exact judge of one TCP, the target, to which everything that happens is known: segments sent to it,
 * calls and timers that somebody told, and the segments it sent go in; out come verdicts on the answers it
 * owed, row by row of core/rules.h. It keeps every way in which the target can have come to where it is
 * (hypothesis.h). A segment that none of them explains is a violation, and so is the silence of all of them
 * when an answer is due. What the application does freely (data, close, abort, window) accuses nobody. */
#ifndef FINWAIT_CORE_ANSWER_H
#define FINWAIT_CORE_ANSWER_H

#include "core/conn.h"
#include "core/hypothesis.h"

enum { ANSWER_FLIGHT = 8 };

/* `near`: nothing is lost between here and the target, so what it fails to do is certain. Otherwise an
 * answer may be lost. `calls_told`: every call of the application comes by answer_call(). `rtt_us`: the
 * longest that an answer has taken so far. */
struct answer_params {
	bool near;
	bool calls_told;
	int64_t rtt_us;
};

/* An occasion, and the rule that holds for it in the likeliest state. */
struct answer_asked {
	const struct rule *rule; /* NULL: none */
	enum tcp_state state;
	enum event event;
	bool proves; /* the answer has shown the state in which it left the target */
	struct hypothesis before;
	struct occasion occasion;
};

/* What explained the last segment: the rule of the answer that it was, or NULL. */
struct answer_match {
	const struct rule *rule;
	const struct reaction *reaction;
	enum tcp_state state;
};

struct answer {
	struct answer_params params;
	struct circumstances around;
	int64_t flight_us;               /* how long a segment may be on its way to the target */
	bool mute;                       /* after a violation all else would be its consequence */
	uint8_t syn_options[2], syns[2]; /* of the prober, of the target; how many were seen */
	uint8_t target_wscale;
	unsigned flight_first, flight_count;   /* the number of the first, counted from the beginning */
	struct occasion flight[ANSWER_FLIGHT]; /* may not have reached the target yet */
	struct hypotheses base;                /* each of which has seen some of these */
	struct answer_asked last, suspect;     /* `suspect`: the one before, if its next state is unproven */
	struct answer_match match;
};

/* The target is in one of these states, with no connection to the prober: CLOSED, LISTEN, both. */
void answer_init(struct answer *a, const struct answer_params *params, const struct rule_index *index,
		 tcp_states states);

/* The target has this connection, in this state, and owes nothing. */
struct answer_known {
	struct tcb tcb;
	bool listens;            /* on the target's port somebody listens as well */
	uint8_t syn_options[2];  /* of the prober, of the target: bits of enum in core/options.h */
	uint8_t target_wscale;
	bool last_stamped;       /* its last segment had this timestamp, if it had one, ... */
	uint32_t last_tsval;
	bool sent_before;        /* ... these numbers, and this window in bytes */
	uint32_t last_seq, last_ack, last_window;
};

/* Instead of answer_init(): the observation begins in the middle, where all of that is known. */
void answer_begin(struct answer *a, const struct answer_params *params, const struct rule_index *index,
		  const struct answer_known *known, int64_t now_us);

/* A segment of the prober, which is meant as this event (EVENT_ANY: as what it looks like). An ICMP error
 * counts as a segment. Time does not go back from call to call. */
void answer_stimulus(struct answer *a, const struct segment *s, enum event meant, int64_t now_us);

/* The application made this call, or this timer has expired by now. */
void answer_call(struct answer *a, enum event e, int64_t now_us);

/* A segment of the target. Violations are added to *j. */
void answer_reply(struct answer *a, const struct segment *s, int64_t now_us, struct judgement *j);

/* Time has passed: answers that have not come are added to *j. */
void answer_time(struct answer *a, int64_t now_us, struct judgement *j);

/* When answer_time() will know more; INT64_MAX for never. */
int64_t answer_wakes_at(const struct answer *a);

/* A longer way than was known. */
void answer_rtt(struct answer *a, int64_t rtt_us);

/* The states in which the target can be. */
tcp_states answer_states(const struct answer *a, int64_t now_us);

#endif
