/* SPDX-License-Identifier: BSD-2-Clause */
/* The target's application, as a check sees it: requests go out, answers come back, when they are there. A
 * driver is any way to make that application act; src/drive has one file for each. */
#ifndef FINWAIT_RUN_DRIVER_H
#define FINWAIT_RUN_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checks/check.h"
#include "core/address.h"
#include "core/tcp_state.h"

enum { DRIVER_TEXT = 256 };

/* What is asked of the application for one connection, which is between `prober` and `target`. */
struct request {
	size_t id;         /* of the exchange; answers and driver_ops.release() name it */
	enum action action;
	struct endpoint prober;
	struct endpoint target; /* port 0 until it is known */
	uint32_t seed;     /* of the pattern; ACTION_SEND, ACTION_RECEIVE */
	uint64_t length;   /* bytes of it */
	int64_t timeout_us; /* how long the answer may take */
};

enum answer_kind {
	ANSWER_DONE,   /* the action has been done, or will be by itself */
	ANSWER_BYTES,  /* it is done once the prober sends these bytes over the connection */
	ANSWER_FAILED, /* the application, or its system, refused: `text` says what */
	ANSWER_LOST,   /* nobody can tell any more: the driver is gone or does not answer; `text` says how */
};

struct driver_answer {
	size_t id;
	enum action action;      /* that was asked for; ACTIONS if none was, with ANSWER_LOST */
	enum answer_kind kind;
	struct endpoint target;  /* ACTION_LISTEN: where to connect to */
	enum tcp_state state;    /* ACTION_STATE; TCP_STATES if the system does not say */
	uint64_t length;         /* ACTION_SEND, ACTION_RECEIVE: bytes done, ... */
	uint64_t matched;        /* ... of those received, how many from the first on are right */
	const uint8_t *bytes;    /* ANSWER_BYTES: borrowed from the driver */
	size_t bytes_len;
	char text[DRIVER_TEXT];  /* a sentence part */
};

struct driver;

struct driver_ops {
	/* Begins an action; never blocks. What cannot be done is an answer, too. */
	void (*ask)(struct driver *d, const struct request *request, int64_t now_us);
	/* The next answer that is there; never blocks. False: none. */
	bool (*answer)(struct driver *d, int64_t now_us, struct driver_answer *answer);
	/* The exchange is over: whatever the application still holds of it is closed. */
	void (*release)(struct driver *d, size_t id, int64_t now_us);
	/* What to poll for, and when to look even so: in *fd (-1: nothing) and *events, for poll(); returns the
	 * time, INT64_MAX for none. */
	int64_t (*waits_for)(struct driver *d, int *fd, short *events);
	/* Closes everything and frees the driver. */
	void (*close)(struct driver *d);
};

/* The first member of every driver. */
struct driver {
	const struct driver_ops *ops;
	const char *name;  /* "agent", "service echo", "commands" */
	unsigned can;      /* a bit per action: 1u << ACTION_CONNECT */
};

#endif
