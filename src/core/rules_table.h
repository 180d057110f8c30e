/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the table of rules share: how a row lists its reactions, and the sets of states that
 * rows have in common. Only rules_*.c include it.
 *
 * `application` of a row: to bring about its event takes the application even where the state does not. What
 * it takes to be in a state is not repeated in every row: SYN-SENT, FIN-WAIT-1, FIN-WAIT-2, CLOSING, LAST-ACK
 * and TIME-WAIT are reached only by a call of the application. */
#ifndef FINWAIT_CORE_RULES_TABLE_H
#define FINWAIT_CORE_RULES_TABLE_H

#include "core/rules.h"

#define REACT(...) \
	.reactions = (const struct reaction[]) { __VA_ARGS__ }, \
	.reactions_count = sizeof((const struct reaction[]) { __VA_ARGS__ }) / sizeof(struct reaction)

/* Reactions, by grade. */
#define REQUIRED(reply, next) { reply, GRADE_REQUIRED, next, NULL }
#define ALSO(reply, next, when) { reply, GRADE_ALSO, next, when }
#define REPORT(reply, next, when) { reply, GRADE_REPORT, next, when }
#define INCONCLUSIVE(reply, when) { reply, GRADE_INCONCLUSIVE, 0, when }
#define THROTTLED { REPLY_NONE, GRADE_THROTTLED, 0, "answers are rate limited" }

/* The same refusal in the form that most stacks use. */
#define RST_FORM ALSO(REPLY_RST_ACK, 0, "RST with the ACK bit, a variant of form")

/* While our FIN is not acknowledged, what is owed may come with it once more; `next` as of the reply. */
#define FIN_AGAIN_TO(next) ALSO(REPLY_FIN_AGAIN, next, "our FIN again, with the same ACK")
#define FIN_AGAIN FIN_AGAIN_TO(0)

/* Data that nobody will read any more (RFC 9293 3.6.1). */
#define LOST_BY_CLOSE \
	ALSO(REPLY_RST, IN(TCP_CLOSED), "after a full close(), never after shutdown (SHLD-3)"), \
	ALSO(REPLY_RST_ACK, IN(TCP_CLOSED), "after a full close(), never after shutdown (SHLD-3)")

enum {
	/* Our FIN is sent and not acknowledged. */
	FIN_OUT = IN(TCP_FIN_WAIT_1) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK),
	/* It is not sent, or acknowledged; TIME-WAIT stands for itself. */
	FIN_NOT_OUT = IN(TCP_ESTABLISHED) | IN(TCP_FIN_WAIT_2) | IN(TCP_CLOSE_WAIT),
	/* Synchronized, without TIME-WAIT. */
	LIVE = FIN_OUT | FIN_NOT_OUT,
	/* The peer's FIN has not come, or has. */
	PEER_OPEN = IN(TCP_ESTABLISHED) | IN(TCP_FIN_WAIT_1) | IN(TCP_FIN_WAIT_2),
	PEER_DONE = IN(TCP_CLOSE_WAIT) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK),
};

/* The tables, one per file. Their lengths stand here since rule_tables needs them; a compiler that finds
 * another length in the file says so. */
enum {
	ROWS_UNSYNCHRONIZED = 64,
	ROWS_SYN_RECEIVED = 25,
	ROWS_SYNCHRONIZED = 95,
	ROWS_TIME_WAIT = 17,
	ROWS_CALLS = 40,
};

extern const struct rule rules_unsynchronized[ROWS_UNSYNCHRONIZED];
extern const struct rule rules_syn_received[ROWS_SYN_RECEIVED];
extern const struct rule rules_synchronized[ROWS_SYNCHRONIZED];
extern const struct rule rules_time_wait[ROWS_TIME_WAIT];
extern const struct rule rules_calls[ROWS_CALLS];

#endif
