/* SPDX-License-Identifier: BSD-2-Clause */
/* The observer of one endpoint, the target: every segment of a connection goes in, in the order in which
 * it was captured; out comes what the target can be doing (a set of states) and which rules a segment of
 * the target kept or broke. It stands beside the prober: all segments sent to the target are known, each
 * may be lost on the way; segments of the target may be lost or reordered before they are seen. */
#ifndef FINWAIT_CORE_CONN_H
#define FINWAIT_CORE_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/segment.h"
#include "core/tcp_state.h"
#include "core/verdict.h"

/* What one side has shown; sequence numbers are the side's own, `ack` is of the other's. */
struct conn_side {
	bool syn, fin, acked;
	uint8_t options;   /* of all its SYNs, bits of enum in core/options.h */
	uint8_t wscale;    /* its shift, if it sent one */
	uint16_t window;   /* the last one, as on the wire */
	uint32_t iss;      /* valid with syn */
	uint32_t end;      /* highest SEQ + LEN: SND.NXT; valid with syn */
	uint32_t fin_seq;  /* valid with fin */
	uint32_t ack;      /* highest acknowledged; valid with acked */
};

enum { CONN_ACKS = 8 };

struct conn {
	struct conn_side prober, target;
	int64_t acked_us;       /* when target.ack last rose */
	tcp_states states;      /* of the target, now */
	tcp_states ever;        /* all it may have been in */
	enum tcp_state assumed; /* of the target, if nothing sent to it was lost */
	uint32_t acks[CONN_ACKS]; /* the last different ACK numbers sent to the target: a ring */
	uint8_t acks_count;    /* CONN_ACKS and more: older ones are forgotten */
	uint8_t unopened;      /* answers to our SYN that acknowledge it without SYN */
	uint8_t syns_sent;     /* how often the prober's SYN left */
	bool acked_closed;     /* an ACK was sent to what may have been CLOSED already */
	uint8_t fins_sent;     /* how often the prober's FIN left */
	uint8_t fins_refused;  /* ... was answered as if it did not count */
	uint8_t fins_refused_last; /* value of fins_sent at the last such answer */
	uint32_t data_end;     /* behind the last byte of data seen; valid with target.syn */
	uint32_t contiguous;   /* where the target's data has its first hole; valid with target.syn */
	uint32_t beyond_seq;   /* the last segment behind that hole, ... */
	int64_t beyond_us;     /* ... when it came, ... */
	uint8_t beyond;        /* ... and how often it alone was sent again */
	bool was_reset;        /* the target sent a RST ... */
	int64_t was_reset_us;
	bool reset_sent;       /* the prober sent a RST ... */
	uint32_t reset_seq;
	bool stray_sent;       /* ... and then a segment that no connection is there for */
	uint32_t stray_ack;
	bool gone;             /* ... which was answered with RST */
};

/* What is worth telling about a segment of the target beside verdicts. */
enum note {
	NOTE_REPEATED = 1 << 0,        /* a retransmission */
	NOTE_OLD = 1 << 1,             /* overtaken by a later segment */
	NOTE_ACKS_FIN = 1 << 2,        /* the first that acknowledges our FIN */
	NOTE_FIN = 1 << 3,             /* the target's FIN, for the first time */
	NOTE_REFUSED = 1 << 4,         /* RST in answer to SYN */
	NOTE_RESET = 1 << 5,           /* any other RST */
	NOTE_OLD_CONNECTION = 1 << 6,  /* answer of an older connection with the same ports */
	NOTE_BAD_CHECKSUM = 1 << 7,    /* counts as not received */
	NOTE_GONE = 1 << 8,            /* RST that proves: no connection is left */
	NOTE_OPENED = 1 << 9,          /* the first SYN,ACK with the right number */
	NOTE_CHECKSUM_UNKNOWN = 1 << 10,
};

enum { JUDGEMENT_VERDICTS = 8 };

/* One segment of the target, judged. `passed` has a bit per rule that was decided and kept. */
struct judgement {
	uint32_t passed;
	unsigned notes;
	unsigned count;
	struct verdict failed[JUDGEMENT_VERDICTS];
};

/* A target that nothing is known of, but that it is not connected with the prober. */
void conn_init(struct conn *c);

/* A segment of the prober left. */
void conn_sent(struct conn *c, const struct segment *s);

/* A segment of the target arrived; *j is filled. */
void conn_received(struct conn *c, const struct segment *s, struct judgement *j);

#endif
