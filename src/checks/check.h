/* SPDX-License-Identifier: BSD-2-Clause */
/* A check is data: what the prober does with one connection, step by step. The runner plays it. */
#ifndef FINWAIT_CHECKS_CHECK_H
#define FINWAIT_CHECKS_CHECK_H

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
	ACTION_STATE,       /* say in which state the connection is */
	ACTIONS
};

enum step {
	STEP_END,
	STEP_OPEN,         /* three-way handshake */
	STEP_SEND,         /* the data, if any, until all is acknowledged */
	STEP_READ,         /* only after data: the answer, until it pauses */
	STEP_HOLD_FIN,     /* from now on act as if the target's FIN had not arrived */
	STEP_AWAIT_FIN,    /* until the target closes its half */
	STEP_CLOSE,        /* our FIN, until it is acknowledged */
	STEP_CROSS,        /* our FIN as if it had crossed the target's, until it is acknowledged */
	STEP_DRAIN,        /* everything the target sends, until its FIN */
	STEP_ABORT,        /* RST */
	STEP_CONFIRM_GONE, /* a stray segment, which must draw RST */
};

enum { CHECK_STEPS = 8 };

struct check {
	const char *name;  /* TOPIC/CASE */
	const char *word;  /* how users choose it: probe --close=WORD */
	const char *about; /* one sentence part */
	const char *requirements; /* what its steps decide beside the rules, "MUST-10;MUST-11"; NULL: nothing */
	enum step steps[CHECK_STEPS];
};

#endif
