/* SPDX-License-Identifier: BSD-2-Clause */
/* One segment sent to a TCP in a known state: which kind, where in its receive window and what it acknowledges
 * come in, and with the TCP's variables (core/event.h) its flags and numbers come out. */
#ifndef FINWAIT_CHECKS_STIMULUS_H
#define FINWAIT_CHECKS_STIMULUS_H

#include <stdbool.h>

#include "core/event.h"

enum stimulus_kind {
	STIMULUS_SYN,
	STIMULUS_SYN_ACK,
	STIMULUS_SYN_FIN,
	STIMULUS_SYN_RST,
	STIMULUS_ACK,
	STIMULUS_FIN, /* without ACK */
	STIMULUS_FIN_ACK,
	STIMULUS_RST,
	STIMULUS_RST_ACK,
	STIMULUS_DATA,
	STIMULUS_DATA_FIN,
	STIMULUS_NULL, /* no flag at all */
	STIMULUS_URG,
	STIMULUS_SYN_DATA,
	STIMULUS_DATA_OLD_TS, /* these want timestamps to have been negotiated */
	STIMULUS_DATA_NO_TS,
	STIMULUS_RST_OLD_TS,
	STIMULI
};

/* Of SEG.SEQ, by the receive window that the target advertised. */
enum position {
	POSITION_ANY,           /* there is no window */
	POSITION_OUTSIDE_LEFT,  /* its last number is RCV.NXT-1 */
	POSITION_LEFT_EDGE,     /* RCV.NXT */
	POSITION_MIDDLE,
	POSITION_RIGHT_EDGE,    /* its last number is the last one in the window */
	POSITION_OUTSIDE_RIGHT, /* far beyond */
	POSITIONS
};

/* Of SEG.ACK. */
enum acknowledges {
	ACKNOWLEDGES_USUAL, /* what the target knows already, but not a FIN that was left unacknowledged */
	ACKNOWLEDGES_OLD,
	ACKNOWLEDGES_FUTURE, /* what was never sent */
	ACKNOWLEDGES_FIN,   /* the FIN that was left unacknowledged */
	ACKNOWLEDGES
};

struct stimulus {
	enum stimulus_kind kind;
	enum position position;
	enum acknowledges ack;
};

/* Flags and payload of a kind. */
struct stimulus_form {
	const char *name;  /* "syn-ack" */
	const char *about; /* "SYN,ACK" */
	uint16_t flags;
	uint32_t len;
	enum stimulus_ts { TS_AS_EVER, TS_OLD, TS_MISSING } ts;
};

extern const struct stimulus_form stimulus_forms[STIMULI];
extern const char *const position_names[POSITIONS]; /* "left-edge" */
extern const char *const acknowledges_names[ACKNOWLEDGES]; /* "ack-old"; the usual: NULL */

/* What the timestamp of the segment becomes, where it is not as ever: its options are built anew. */
void stimulus_stamp(const struct stimulus *what, const struct tcb *target, struct segment *s);

/* Sets flags, seq, ack, len and urgent of *s. `base` is the number to use where the target has none to compare
 * with. False if the window is too small to have such a position, or if timestamps that it wants were not
 * negotiated. */
bool stimulus_make(const struct stimulus *what, const struct tcb *target, uint32_t base, struct segment *s);

#endif
