/* SPDX-License-Identifier: BSD-2-Clause */
/* The observer of one connection: every segment goes in, in the order in which it was captured; out comes
 * what each endpoint can be doing (a set of states) and which rules the segment's sender kept or broke.
 *
 * It may stand anywhere. What one endpoint sent was seen or was lost before the capture point; what was seen
 * has arrived at the other endpoint, or is on its way, or is lost. So an endpoint's set of states is closed
 * under what may have arrived, which is a handful of facts that only grow, and shrinks by what the endpoint
 * itself sends. Where events lead and who can send what is read from core/rules.h. */
#ifndef FINWAIT_CORE_CONN_H
#define FINWAIT_CORE_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rules.h"
#include "core/segment.h"
#include "core/tcp_state.h"
#include "core/verdict.h"

/* The endpoints. Live, ours is the prober and the other one the target; in a recording the first is the one
 * that sent the first segment. */
enum { CONN_PROBER, CONN_TARGET, CONN_ENDS };

/* What is known of the capture point. */
enum {
	CONN_LIVE = 1 << 0,   /* CONN_PROBER is this program: honest, not judged, all of it is known */
	CONN_NEAR_0 = 1 << 1, /* the capture point is at the first endpoint: between them nothing is lost */
	CONN_NEAR_1 = 1 << 2, /* ... at the second one */
	CONN_STATED = 1 << 3, /* somebody who knows has said so: it may make a verdict certain */
	CONN_REUSED = 1 << 4, /* the ports were used before: something of that connection may still come */
};

/* What is known of an endpoint. */
enum {
	CONN_SEEN = 1 << 0,      /* it sent something: its numbers are known */
	CONN_SYN = 1 << 1,       /* its SYN was seen, so its ISS is known */
	CONN_SYN_BARE = 1 << 2,  /* ... without ACK */
	CONN_SYN_ACK = 1 << 3,   /* ... with ACK */
	CONN_FIN = 1 << 4,
	CONN_DATA = 1 << 5,      /* it sent data: no FIN of it went before */
	CONN_ACKED = 1 << 6,     /* it sent an ACK, ... */
	CONN_ACKED_SYN = 1 << 7, /* ... one that the other's SYN needs, ... */
	CONN_ACKED_FIN = 1 << 8, /* ... one that covers the other's FIN */
	CONN_RESET = 1 << 9,     /* it sent a RST that the other has to obey */
	CONN_RESET_OUT = 1 << 10, /* ... that the other has to ignore */
	CONN_STRAY = 1 << 11,    /* after its RST a segment that no connection is there for, ... */
	CONN_GONE = 1 << 12,     /* ... which was answered with RST */
	CONN_LATE = 1 << 13,     /* an ACK was sent to it when it may have been CLOSED */
	CONN_BIG = 1 << 14,      /* it has sent too much to compare with its ISS */
	CONN_ACCUSED = 1 << 15,  /* it broke a rule: its numbers prove nothing against the other end */
	CONN_TSVAL = 1 << 16,    /* ts_max is known */
	CONN_OTHER_SYN = 1 << 17, /* it also sent a SYN with other_iss */
	CONN_FIN_ACKS_FIN = 1 << 18, /* live: each FIN of the prober covers the target's */
	CONN_RESET_EXACT = 1 << 19, /* it sent a RST at just the number that the other was waiting for */
};

enum { CONN_ACKS = 4 };

/* One endpoint, as its segments show it. Sequence numbers are its own, `ack` and `acks` are of the other's;
 * times are milliseconds since the connection was first seen. */
struct conn_end {
	uint32_t iss;         /* valid with CONN_SYN */
	uint32_t end;         /* highest SEQ + LEN: SND.NXT; valid with CONN_SEEN */
	uint32_t data_end;    /* behind the last byte of data seen; valid with CONN_SEEN */
	uint32_t contiguous;  /* where its data has the first hole; valid with CONN_SEEN */
	uint32_t fin_seq;     /* valid with CONN_FIN */
	uint32_t ack;         /* highest acknowledged; valid with CONN_ACKED */
	uint32_t acks[CONN_ACKS]; /* the last different ACK numbers it sent: a ring */
	uint32_t reset_seq;   /* valid with CONN_RESET or CONN_RESET_OUT */
	uint32_t stray_ack;   /* valid with CONN_STRAY */
	uint32_t other_iss;   /* valid with CONN_OTHER_SYN */
	uint32_t beyond_seq;  /* live: the last segment behind its hole; at the other end: the last that is not
				 acknowledged there, ... */
	uint32_t beyond_ms;   /* ... when it came, ... */
	uint32_t acked_ms;    /* when `ack` last rose */
	uint32_t reset_ms;    /* when it sent its last RST */
	uint32_t repeat_ms;   /* when it last sent its SYN or FIN ... */
	uint32_t ts_max;      /* its highest TSval; valid with CONN_TSVAL */
	uint32_t known;       /* CONN_SEEN ... */
	uint16_t repeat_gap;  /* ... and how many hundredths of a second after the time before */
	uint16_t window;      /* the last one, as on the wire */
	tcp_states states;    /* now */
	tcp_states ever;      /* all it may have been in */
	tcp_states passed;    /* all that were assumed so far */
	uint8_t assumed;      /* enum tcp_state, if nothing sent to it was lost */
	uint8_t options;      /* of any of its SYNs, bits of enum in core/options.h */
	uint8_t options_all;  /* of all of them */
	uint8_t wscale;       /* its shift, if it sent one */
	uint8_t acks_count;   /* CONN_ACKS and more: older ones are forgotten */
	uint8_t syns_sent;    /* how often its SYN was seen, ... */
	uint8_t fins_sent;    /* ... its FIN, ... */
	uint8_t unopened;     /* ... an answer to a SYN that acknowledges it without SYN, ... */
	uint8_t fins_refused; /* ... an answer as if the other's FIN did not count ... */
	uint8_t fins_refused_last; /* ... and the other's fins_sent at the last such answer */
	uint8_t beyond;       /* ... and how often it was sent again */
	uint8_t steady;       /* how many gaps of its repetitions did not grow */
};

struct conn {
	int64_t start_us;
	struct conn_end ends[CONN_ENDS];
	uint8_t vantage; /* CONN_LIVE ... CONN_REUSED */
	bool begun;
};

/* What is worth telling about a segment beside verdicts. */
enum note {
	NOTE_REPEATED = 1 << 0,        /* a retransmission */
	NOTE_OLD = 1 << 1,             /* overtaken by a later segment */
	NOTE_ACKS_FIN = 1 << 2,        /* the first that acknowledges the other's FIN */
	NOTE_FIN = 1 << 3,             /* the sender's FIN, for the first time */
	NOTE_REFUSED = 1 << 4,         /* RST in answer to SYN */
	NOTE_OLD_CONNECTION = 1 << 6,  /* answer of an older connection with the same ports */
	NOTE_BAD_CHECKSUM = 1 << 7,    /* counts as not received */
	NOTE_GONE = 1 << 8,            /* RST that proves: no connection is left */
	NOTE_OPENED = 1 << 9,          /* the first SYN,ACK with the right number */
	NOTE_CHECKSUM_UNKNOWN = 1 << 10,
};

enum { JUDGEMENT_VERDICTS = 8 };

/* One segment, judged. `passed` has a bit per rule (enum rule_id) that was decided and kept. */
struct judgement {
	uint64_t passed;
	unsigned notes;
	unsigned count;
	struct verdict failed[JUDGEMENT_VERDICTS];
};

/* Two endpoints of which nothing is known. Live: the target is not connected with the prober. */
void conn_init(struct conn *c, unsigned vantage);

/* A segment of the endpoint `from` was captured. *j is filled, and nothing is held against the prober of a
 * live connection. */
void conn_observe(struct conn *c, const struct rule_index *index, unsigned from, const struct segment *s,
		  struct judgement *j);

/* Whether this SYN or SYN,ACK opens a new connection with the ports of this one, which is over or was
 * forgotten by the sender: ask before conn_observe(), and call conn_reopen() then. */
bool conn_is_reopened(const struct conn *c, unsigned from, const struct segment *s);

/* Begins anew, with the same vantage and CONN_REUSED; a SYN that was not answered is remembered. */
void conn_reopen(struct conn *c);

/* Whether nothing more belongs to it but late copies: both ends are done, or one has reset. */
bool conn_is_over(const struct conn *c);

/* A sequence number of an endpoint relative to its ISN, as everywhere in finwait's output. */
uint32_t conn_relative(const struct conn_end *e, uint32_t seq);

#endif
