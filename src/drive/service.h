/* SPDX-License-Identifier: BSD-2-Clause */
/* Services that hosts run anyway, as drivers: what a service does by itself, or when it is asked over the
 * connection, answers the request. The table is at the bottom of service.c. */
#ifndef FINWAIT_DRIVE_SERVICE_H
#define FINWAIT_DRIVE_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "run/driver.h"

enum { SERVICE_BYTES = 512 };

struct service {
	const char *name;
	const char *summary;
	uint16_t port;     /* 0: none of its own */
	unsigned can;      /* beside ACTION_LISTEN and ACTION_ACCEPT, which all can */
	const char *greet; /* what it takes without harm and without closing; NULL: better nothing */
	const char *ask;   /* what makes it close first; NULL: it does so by itself, if at all */
};

/* Ends with a NULL name. */
extern const struct service services[];

/* What the user wrote after --service. */
struct service_choice {
	const struct service *service; /* NULL if it was described instead */
	uint16_t port;                 /* 0: not said, and the service has none of its own */
	unsigned can;
	uint8_t greet[SERVICE_BYTES], ask[SERVICE_BYTES];
	size_t greet_len, ask_len;
};

/* Reads NAME, NAME:PORT, or a description: send="TEXT",then=closes-first|closes-on-eof|keeps-open (`then`
 * is needed). 0, or -1 with a sentence in `why`. */
int service_read(struct service_choice *choice, const char *text, char *why, size_t why_len);

/* All that it can, a bit per action. */
unsigned service_can(const struct service *s);

/* A driver for `choice`, which is borrowed. NULL without memory. */
struct driver *service_driver_new(const struct service_choice *choice);

#endif
