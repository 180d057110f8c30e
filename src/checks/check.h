/* SPDX-License-Identifier: BSD-2-Clause */
/* A check is data: what the prober does with one connection, step by step. The runner plays it. */
#ifndef FINWAIT_CHECKS_CHECK_H
#define FINWAIT_CHECKS_CHECK_H

#include "core/tcp_state.h"

/* What the target's application can be asked for; a driver does it. */
enum action {
	ACTION_LISTEN,      /* be there to be connected to */
	ACTION_CONNECT,     /* open a connection to the prober */
	ACTION_ACCEPT,      /* take the connection that the prober opened */
	ACTION_CLOSE_FIRST, /* close its half of the connection before the prober does */
	ACTION_CLOSE_LAST,  /* close its half after the prober did */
	ACTION_KEEP_OPEN,   /* not close its half when the prober does */
	ACTION_SEND,        /* send a pattern */
	ACTION_RECEIVE,     /* read a pattern, and compare */
	ACTION_ABORT,       /* reset the connection */
	ACTION_LET_GO,      /* close its socket: it reads no more either, and nobody holds the connection */
	ACTION_STATE,       /* say in which state the connection is */
	ACTION_CALLS,       /* make the socket calls it is told to */
	ACTIONS
};

enum step {
	STEP_END,
	STEP_OPEN,         /* three-way handshake */
	STEP_OPEN_HALF,    /* our SYN, until SYN,ACK is there, which is left unanswered */
	STEP_TRY_SYN,      /* our SYN, until SYN or RST comes, or a moment after anything; left unanswered */
	STEP_LISTEN,       /* be there for the target to connect to; its SYN will be left unanswered */
	STEP_AWAIT_SYN,    /* until the target's SYN is there */
	STEP_ANSWER_SYN,   /* SYN,ACK, until it is acknowledged */
	STEP_CROSS_SYN,    /* our SYN as if it had crossed the target's, until SYN,ACK is there */
	STEP_COMPLETE,     /* the ACK of that SYN,ACK */
	STEP_SEND,         /* the data, if any, until all is acknowledged */
	STEP_SEND_SOME,    /* the beginning of the pattern, until it is acknowledged or draws a reset */
	STEP_READ,         /* only after data: the answer, until it pauses */
	STEP_HOLD_FIN,     /* from now on act as if the target's FIN had not arrived */
	STEP_AWAIT_FIN,    /* until the target closes its half */
	STEP_CLOSE,        /* our FIN, until it is acknowledged */
	STEP_CROSS,        /* our FIN as if it had crossed the target's, until it is acknowledged */
	STEP_DRAIN,        /* everything the target sends, until its FIN */
	STEP_ABORT,        /* RST; a SYN that was left unanswered is refused */
	STEP_AWAIT_RESET,  /* until the target resets the connection */
	STEP_CONFIRM_GONE, /* a stray segment, which must draw RST */
	STEP_VERIFY,       /* until the target has shown that its connection is there, and nothing has changed */
	STEP_TRANSFER_OUT, /* the pattern, until the target's application has read and compared it */
	STEP_TRANSFER_IN,  /* the pattern from the target, until all of it is there */
	STEP_HOLD,         /* leave all as it is for as long as the user likes, then verify again */
	STEP_STIMULUS,     /* the segment of a check of the matrix, until all that it can draw is there */
	STEP_FOLLOW_UP,    /* a question that must be answered, whatever state the target is in now */
	STEP_ASK,          /* STEP_ASK + ACTION_...: ask the target's application */
	STEP_ASK_LAST = STEP_ASK + ACTIONS - 1,
};

#define ASK(action) ((enum step)(STEP_ASK + ACTION_##action))

enum { CHECK_STEPS = 20 };

struct check {
	const char *name;  /* TOPIC/CASE */
	const char *word;  /* how users choose it: probe --close=WORD, drive --open=WORD */
	const char *about; /* one sentence part */
	const char *requirements; /* what its steps decide beside the rules, "MUST-10;MUST-11"; NULL: nothing */
	tcp_states goal;   /* the state in which it verifies the target; 0: none */
	enum step steps[CHECK_STEPS];
};

/* What it asks of the target's application, a bit per action. ACTION_STATE is asked of who can tell. */
unsigned check_needs(const struct check *c);

/* "connect", "close first": for people. */
const char *action_name(enum action action);

enum { ACTIONS_TEXT = 120 };

/* "connect, close first", for a bit per action; returns `text`. */
const char *actions_text(unsigned actions, char text[ACTIONS_TEXT]);

#endif
