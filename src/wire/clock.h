/* SPDX-License-Identifier: BSD-2-Clause */
/* The time, for deadlines: milliseconds since some moment in the past come out, also while the date is set. */
#ifndef FINWAIT_WIRE_CLOCK_H
#define FINWAIT_WIRE_CLOCK_H

#include <stdint.h>

int64_t clock_ms(void);

#endif
