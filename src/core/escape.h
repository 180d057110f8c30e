/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes written by users: text with \r, \n, \t, \0, \\, \" and \xNN comes in, bytes come out. */
#ifndef FINWAIT_CORE_ESCAPE_H
#define FINWAIT_CORE_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

/* Reads `len` characters of `text` into `bytes`, which has room for as many. The number of bytes, or -1 with
 * a sentence part in `why`. */
long escape_read(uint8_t *bytes, const char *text, size_t len, char *why, size_t why_len);

/* The value of a hexadecimal digit, -1 for any other character. */
int escape_digit(char c);

#endif
