/* SPDX-License-Identifier: BSD-2-Clause */
/* The ladder: an exchange comes in, the two-column text picture of it comes out, line by line. */
#ifndef FINWAIT_REPORT_LADDER_H
#define FINWAIT_REPORT_LADDER_H

#include <stdbool.h>
#include <stddef.h>

#include "run/exchange.h"

struct ladder_style {
	bool color, utf8;
	bool verbose; /* options of every segment and the rules it was judged by */
};

/* Calls `line` with each line of the picture, without line end. */
void ladder_draw(const struct exchange *x, const struct ladder_style *style,
		 void (*line)(void *arg, const char *text), void *arg);

/* Copies `len` bytes from the network into `text` with everything but printable ASCII as \xNN, \r, \n,
 * \t; cuts at the end of `text`. Returns `text`. */
const char *ladder_escape(const uint8_t *bytes, size_t len, char *text, size_t text_len);

#endif
