/* SPDX-License-Identifier: BSD-2-Clause */
/* One way in which a TCP can have come to where it is: a state, its variables, and the answers that it still
 * owes. What happens to the TCP goes in and every way to go on comes out; a segment that it sent goes in and
 * the ways that explain it come out. What leads where is read from core/rules.h. */
#ifndef FINWAIT_CORE_HYPOTHESIS_H
#define FINWAIT_CORE_HYPOTHESIS_H

#include "core/event.h"

enum {
	HYPOTHESES = 32,
	HYPOTHESIS_OWED = 4,
	HYPOTHESIS_PATIENCE_US = 10000000, /* no timer ends a connection sooner, not even 2MSL */
};

/* A reply that is due. SEG.* is of the segment to be answered. */
struct owed {
	const struct rule *rule;
	const struct reaction *reaction; /* this one ... */
	unsigned others;                 /* ... or these, by bits: they lead to the same */
	int64_t deadline_us;
	enum tcp_state state; /* in which the rule applied */
	bool optional;        /* it need not come, or was given with another segment */
	uint32_t seg_ack;
	uint32_t before, snd_nxt;  /* RCV.NXT and SND.NXT when it was asked */
	uint32_t ack_from, ack_to; /* what the reply may acknowledge */
};

/* What the application did, where it is told, and what else there is to remember. */
enum {
	HYPOTHESIS_SENDS = 1 << 0,  /* data is queued, or was */
	HYPOTHESIS_CLOSES = 1 << 1, /* a FIN may follow later */
	HYPOTHESIS_FREE = 1 << 2,   /* no rule knows what happened last: everything goes */
	HYPOTHESIS_HELD = 1 << 3,   /* held_* are valid */
	HYPOTHESIS_HELD_FIN = 1 << 4,
	HYPOTHESIS_SHUT = 1 << 5, /* the peer's window is zero */
};

struct hypothesis {
	struct tcb tcb;
	unsigned seen;                 /* how many segments of the prober have arrived */
	unsigned flags;                /* HYPOTHESIS_SENDS ... */
	enum grade loosest;            /* of the reactions that had to be assumed */
	int64_t since_us;              /* when the state was entered */
	uint32_t held_seq, held_end;   /* text behind a gap, which the TCP may have kept (SHLD-31) */
	uint32_t old_nxt, old_rcv_nxt; /* of the connection in TIME-WAIT that was reopened */
	const struct rule *throttled;  /* the rule whose answer was held back ... */
	int64_t throttled_us;
	unsigned owed_count;
	struct owed owed[HYPOTHESIS_OWED];
};

struct hypotheses {
	unsigned count;
	bool overflow; /* there were more: that nothing fits proves nothing */
	struct hypothesis of[HYPOTHESES];
};

/* Something that happens to the TCP: a segment, or, without one, the call or timer `meant`. For a segment
 * `meant` is what it is meant as, or EVENT_ANY. */
struct occasion {
	int64_t at_us;
	enum event meant;
	bool is_segment;
	struct segment s;
};

/* What is known about the observation as a whole. */
struct circumstances {
	const struct rule_index *index;
	bool calls_told;     /* every call of the application is an occasion */
	bool may_listen;     /* somebody may be listening on the TCP's port */
	bool must_listen;    /* somebody is */
	int64_t patience_us; /* how long after an occasion its answer may be seen, if it is not delayed */
	bool timestamps;     /* both SYNs had them */
	uint8_t rcv_shift;   /* of the windows that the TCP advertises */
	bool sent_before;    /* the TCP sent something, last ... */
	uint32_t last_seq, last_ack; /* ... with these numbers ... */
	bool last_stamped;           /* ... this timestamp, if it had one ... */
	uint32_t last_tsval;
	uint32_t last_window;        /* ... and this window, in bytes */
};

void hypotheses_add(struct hypotheses *set, const struct hypothesis *h);

/* Whether what it owes can still come; what is optional is forgotten in time. */
bool hypothesis_waits(struct hypothesis *h, int64_t now_us);

/* What the occasion is to the hypothesis: *event is set, NULL if no rule knows. */
const struct rule *hypothesis_rule(const struct hypothesis *h, const struct circumstances *c,
				   const struct occasion *o, enum event *event);

/* Adds to *out where the occasion may lead. */
void hypothesis_step(const struct hypothesis *h, const struct circumstances *c, const struct occasion *o,
		     struct hypotheses *out);

/* Adds to *out what explains that the TCP sent `s`. If it was an answer, *answered becomes the one. */
void hypothesis_explain(const struct hypothesis *h, const struct circumstances *c, const struct segment *s,
			struct hypotheses *out, struct owed *answered);

/* The reaction whose form `s` has, or NULL. */
const struct reaction *hypothesis_matches(const struct hypothesis *h, const struct owed *o,
					  const struct segment *s);

/* The answer that would be owed by this reaction. */
struct owed hypothesis_owe(const struct hypothesis *h, const struct circumstances *c,
			   const struct occasion *o, const struct rule *r, const struct reaction *reaction);

#endif
