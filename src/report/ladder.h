/* SPDX-License-Identifier: BSD-2-Clause */
/* The ladder: an exchange, or any connection, comes in, the two-column text picture of it comes out, line by
 * line. */
#ifndef FINWAIT_REPORT_LADDER_H
#define FINWAIT_REPORT_LADDER_H

#include <stdbool.h>
#include <stddef.h>

#include "run/exchange.h"

struct ladder_style {
	bool color, utf8;
	bool verbose; /* options of every segment and the rules it was judged by */
};

/* What is drawn; all borrowed. In struct line the left end is "prober" and what it sends is `out`. */
struct ladder_picture {
	const char *left, *right;             /* headings */
	const char *left_first, *right_first; /* states before the first segment */
	const struct conn *conn;
	const struct line *lines;
	size_t lines_count;
	const struct verdict *verdicts;
	size_t verdicts_count;
	bool recorded; /* neither end is ours: both are judged, and what was sent has arrived or not */
};

/* Calls `line` with each line of the picture, without line end. */
void ladder_draw_picture(const struct ladder_picture *picture, const struct ladder_style *style,
			 void (*line)(void *arg, const char *text), void *arg);

/* The same for an exchange. */
void ladder_draw(const struct exchange *x, const struct ladder_style *style,
		 void (*line)(void *arg, const char *text), void *arg);

/* Copies `len` bytes from the network into `text` with everything but printable ASCII as \xNN, \r, \n,
 * \t; cuts at the end of `text`. Returns `text`. */
const char *ladder_escape(const uint8_t *bytes, size_t len, char *text, size_t text_len);

#endif
