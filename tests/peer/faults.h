/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways in which the peer can misbehave: a name comes in, a fault comes out. One table describes all. */
#ifndef FINWAIT_TESTS_FAULTS_H
#define FINWAIT_TESTS_FAULTS_H

#include <stdbool.h>

enum peer_fault {
	FAULT_NONE,
	/* opening */
	FAULT_SYN_ACK_WRONG_ACK_ISN,
	FAULT_SYN_ACK_WRONG_ACK_PLUS_TWO,
	FAULT_SYN_ACK_WRONG_ACK_RANDOM,
	FAULT_SYN_ACK_OPTION_WSCALE,
	FAULT_SYN_ACK_OPTION_TIMESTAMPS,
	FAULT_SYN_ACK_NO_ACK,
	FAULT_SYN_ACK_FIN,
	FAULT_SYN_ACK_MOVING_ISS,
	FAULT_ISS_CONSTANT,
	FAULT_BAD_ACK_IGNORED,
	/* the form of segments */
	FAULT_MSS_ON_NON_SYN,
	FAULT_WSCALE_ON_NON_SYN,
	FAULT_OPTION_BAD_LENGTH,
	FAULT_OPTION_OVERRUN,
	FAULT_CHECKSUM_BAD,
	FAULT_CHECKSUM_BAD_ONCE,
	FAULT_RESERVED_BITS,
	FAULT_NO_ACK_BIT,
	FAULT_NULL_FLAGS,
	FAULT_SYN_BIT_LATER,
	FAULT_TIMESTAMPS_MISSING,
	FAULT_TIMESTAMPS_WRONG_ECHO,
	/* resets */
	FAULT_RST_SEQ_NOT_ZERO,
	FAULT_RST_NO_ACK,
	FAULT_RST_SYN_NOT_COUNTED,
	FAULT_RST_FIN_NOT_COUNTED,
	FAULT_RST_WRONG_SEQ,
	FAULT_RST_OUT_OF_WINDOW,
	FAULT_RST_SEQ_LOW,
	FAULT_RST_ANSWERS_RST,
	FAULT_RST_IN_LAST_ACK,
	FAULT_ACTIVITY_AFTER_RST,
	/* data and acknowledgments */
	FAULT_DATA_SEQ_OFF_BY_ONE,
	FAULT_ACK_UNSENT,
	FAULT_ACK_WITHDRAWN,
	FAULT_NO_BACK_OFF,
	/* closing */
	FAULT_FIN_NOT_COUNTED,
	FAULT_FIN_SEQ_HIGH,
	FAULT_FIN_SEQ_LOW,
	FAULT_FIN_MOVES,
	FAULT_FIN_WITHOUT_ACK,
	FAULT_FIN_NOT_REPEATED,
	FAULT_FIN_IGNORED,
	FAULT_DATA_AFTER_FIN,
	FAULT_NO_TIME_WAIT,
	FAULT_TIME_WAIT_SILENT,
	/* legal, or not to be told from what a path or an application may do */
	FAULT_RST_TO_FIN,
	FAULT_RST_AFTER_FIN,
	FAULT_DIES,
	FAULT_DUPLICATES,
	FAULT_REORDERS,
	FAULT_DELAYS,
	FAULT_TTL_255,
	FAULT_CHALLENGE_FIRST,
	FAULT_SYN_ACK_NOT_REPEATED,
	FAULT_SYN_ACK_LATE,
	FAULT_FIN_LOST_ONCE,
	FAULT_ACK_APART,
	FAULTS
};

struct fault {
	const char *name;
	bool legal;           /* nothing that a judge may call a violation */
	const char *citation; /* what it breaks, or what allows it */
	const char *does;     /* one sentence */
};

/* Also for FAULT_NONE, whose name is "none". */
const struct fault *faults_info(enum peer_fault fault);
/* FAULTS if the name is none. */
enum peer_fault faults_by_name(const char *name);

#endif
