/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/drive.h"

/* RFC 9293 Figure 6, 7 and 5 from the prober's side: how the connection comes about ... */
#define PASSIVE ASK(LISTEN), STEP_OPEN, ASK(ACCEPT)
#define ACTIVE STEP_LISTEN, ASK(CONNECT), STEP_AWAIT_SYN, STEP_ANSWER_SYN
#define SIMULTANEOUS STEP_LISTEN, ASK(CONNECT), STEP_AWAIT_SYN, STEP_CROSS_SYN, STEP_COMPLETE
/* ... and what is done once the target is where it shall be. */
#define STAY STEP_VERIFY, ASK(STATE), STEP_HOLD, ASK(STATE)
#define STAY_AND(transfer) STEP_VERIFY, ASK(STATE), transfer, STEP_HOLD, ASK(STATE)
#define BOTH_WAYS STEP_TRANSFER_OUT, STEP_TRANSFER_IN

/* The three openings, and the steps from there. */
#define ALL(STATE, name, about, requirements, ...)                                                             \
	[STATE] = {                                                                                            \
		[OPENER_PASSIVE] = { "drive/" name "/passive", "passive", about, requirements, IN(STATE),      \
				     { PASSIVE, __VA_ARGS__ } },                                               \
		[OPENER_ACTIVE] = { "drive/" name "/active", "active", about, requirements, IN(STATE),         \
				    { ACTIVE, __VA_ARGS__ } },                                                 \
		[OPENER_SIMULTANEOUS] = { "drive/" name "/simultaneous", "simultaneous", about, requirements,  \
					  IN(STATE), { SIMULTANEOUS, __VA_ARGS__ } },                          \
	}

const struct check drive_checks[TCP_STATES][OPENERS] = {
	[TCP_CLOSED] = {
		[OPENER_PASSIVE] = { "drive/closed/passive", "passive", "our reset ends an open connection",
				     "U-3.5.2-g1;U-3.10.7.4-rst2", IN(TCP_CLOSED),
				     { PASSIVE, STEP_ABORT, STEP_CONFIRM_GONE, ASK(STATE), STEP_HOLD } },
		[OPENER_ACTIVE] = { "drive/closed/active", "active", "the target's SYN is refused",
				    "U-3.5.2-g1", IN(TCP_CLOSED),
				    { STEP_LISTEN, ASK(CONNECT), STEP_AWAIT_SYN, STEP_ABORT, STEP_CONFIRM_GONE,
				      ASK(STATE), STEP_HOLD } },
		[OPENER_SIMULTANEOUS] = { "drive/closed/simultaneous", "simultaneous",
					  "the target's application aborts an open connection", "U-3.5.2-g1",
					  IN(TCP_CLOSED),
					  { SIMULTANEOUS, ASK(ABORT), STEP_AWAIT_RESET, STEP_CONFIRM_GONE, ASK(STATE),
					    STEP_HOLD } },
	},
	/* Whoever listens shows it by SYN,ACK only, and a reset puts it back (RFC 9293 3.10.7.4, step 2). */
	[TCP_LISTEN] = {
		[OPENER_PASSIVE] = { "drive/listen/passive", "passive", "a SYN draws SYN,ACK and is taken back",
				     "U-3.5.2-g1", IN(TCP_LISTEN),
				     { ASK(LISTEN), STEP_OPEN_HALF, STEP_ABORT, STEP_CONFIRM_GONE, STEP_HOLD } },
	},
	[TCP_SYN_SENT] = {
		[OPENER_ACTIVE] = { "drive/syn-sent/active", "active", "the target's SYN is left unanswered",
				    NULL, IN(TCP_SYN_SENT),
				    { STEP_LISTEN, ASK(CONNECT), STEP_AWAIT_SYN, STAY } },
	},
	[TCP_SYN_RECEIVED] = {
		[OPENER_PASSIVE] = { "drive/syn-received/passive", "passive", "the target's SYN,ACK is left unanswered",
				     NULL, IN(TCP_SYN_RECEIVED), { ASK(LISTEN), STEP_OPEN_HALF, STAY } },
		[OPENER_ACTIVE] = { "drive/syn-received/active", "active", "the target's SYN is answered by a SYN alone",
				    "MUST-10", IN(TCP_SYN_RECEIVED),
				    { STEP_LISTEN, ASK(CONNECT), STEP_AWAIT_SYN, STEP_CROSS_SYN, STAY } },
	},
	ALL(TCP_ESTABLISHED, "established", "open both ways", NULL, STAY_AND(BOTH_WAYS)),
	ALL(TCP_FIN_WAIT_1, "fin-wait-1", "the target closes first, its FIN is left unacknowledged", NULL,
	    STEP_HOLD_FIN, ASK(CLOSE_FIRST), STEP_AWAIT_FIN, STAY),
	ALL(TCP_FIN_WAIT_2, "fin-wait-2", "the target closes first, its FIN is acknowledged", NULL,
	    ASK(CLOSE_FIRST), STEP_AWAIT_FIN, STAY_AND(STEP_TRANSFER_OUT)),
	ALL(TCP_CLOSE_WAIT, "close-wait", "our FIN first, the target keeps its half open",
	    "U-3.10.7.4-fin;U-3.6-halfclose", STEP_CLOSE, ASK(KEEP_OPEN), STAY_AND(STEP_TRANSFER_IN)),
	ALL(TCP_CLOSING, "closing", "both FINs cross, the target's is left unacknowledged", "U-3.10.7.4-fin",
	    STEP_HOLD_FIN, ASK(CLOSE_FIRST), STEP_AWAIT_FIN, STEP_CLOSE, STAY),
	ALL(TCP_LAST_ACK, "last-ack", "our FIN first, then the target's, which is left unacknowledged",
	    "U-3.10.7.4-fin", STEP_HOLD_FIN, STEP_CLOSE, ASK(CLOSE_LAST), STEP_AWAIT_FIN, STAY),
	ALL(TCP_TIME_WAIT, "time-wait", "the target closes first, then we do", "U-3.10.7.4-fin",
	    ASK(CLOSE_FIRST), STEP_AWAIT_FIN, STEP_CLOSE, STAY),
};

tcp_states drive_reaches(unsigned actions)
{
	tcp_states set = 0;

	for (int state = 0; state < TCP_STATES; state++) {
		const struct check *c = &drive_checks[state][OPENER_PASSIVE];

		if (c->name && !(check_needs(c) & ~actions))
			set |= IN(state);
	}
	return set;
}
