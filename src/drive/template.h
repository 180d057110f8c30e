/* SPDX-License-Identifier: BSD-2-Clause */
/* A command as the user wrote it comes in; the line for the shell goes out, with %h and %p filled in. */
#ifndef FINWAIT_DRIVE_TEMPLATE_H
#define FINWAIT_DRIVE_TEMPLATE_H

#include <stddef.h>

#include "core/address.h"

enum { TEMPLATE_MAX = 8192 }; /* bytes of a line, before and after filling in, with the final NUL */

/* %h is an address in numbers, %p a port, %% a percent sign; nothing else may follow a %. 0, or -1 with a
 * sentence in `why`. */
int template_check(const char *text, char *why, size_t why_len);

/* Fills in `fill`, in digits, letters, ".", ":" and "%" alone, so that the shell sees one word whatever the
 * numbers are. 0, or -1 with a sentence in `why`: the address or port that the text wants is not known. */
int template_fill(const char *text, const struct endpoint *fill, char line[TEMPLATE_MAX], char *why,
		  size_t why_len);

#endif
