/* SPDX-License-Identifier: BSD-2-Clause */
/* The conformance suite: the matrix of states and segments, the ways into every state, and the checks on the
 * life of a connection, as one list. */
#ifndef FINWAIT_CHECKS_SUITE_H
#define FINWAIT_CHECKS_SUITE_H

#include "checks/matrix.h"

/* How much is asked: each tier has all of the one before. */
enum tier { TIER_QUICK, TIER_DEFAULT, TIER_LONG };

/* What a check's exchanges are measured for, beside what judges every segment. */
enum measure {
	MEASURE_NOTHING,
	MEASURE_RESET,   /* the connection ends by a RST of the target */
	MEASURE_SPAN,    /* how long the target keeps a connection that is over: one exchange per time */
	MEASURE_SYN,     /* how it repeats its SYN, ... */
	MEASURE_SYN_ACK, /* ... its SYN,ACK, ... */
	MEASURE_FIN,     /* ... its FIN */
	MEASURE_SYN_R2,  /* how long it goes on doing so with a SYN, ... */
	MEASURE_FIN_R2,  /* ... with a FIN */
	MEASURE_ISN,     /* the numbers that it begins with, whether they can be guessed, ... */
	MEASURE_CLOCK,   /* ... and whether on one 4-tuple they follow a clock: played one after the other */
};

struct suite_check {
	struct check check;              /* name, about and requirements are in here */
	const struct matrix_cell *cell;  /* the stimulus; NULL: none */
	enum rule_class class;
	const char *citation;
	enum tier tier;
	enum measure measure;
	int64_t hold_us;
	unsigned samples;                /* exchanges that it takes; MEASURE_SPAN: until --long, and with it */
	unsigned samples_long;
	bool transfer;                   /* data goes over the connection, and is compared */
	bool syn_options_set;            /* our SYN has just these options, bits of enum in core/options.h ... */
	uint8_t syn_options;
	uint16_t syn_flags;              /* ... and these flags as well */
};

enum { SUITE_CHECKS = MATRIX_CELLS + 128 };

/* Fills `checks`, of which the matrix is in `cells`, which must live as long. Returns how many there are; *all
 * is that of matrix_make(). */
size_t suite_make(const struct rule_index *index, struct matrix_cell cells[MATRIX_CELLS],
		  struct suite_check checks[SUITE_CHECKS], size_t *all);

/* How long the exchange of this number holds its connection. */
int64_t suite_hold_us(const struct suite_check *c, unsigned sample);

#endif
