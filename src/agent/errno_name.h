/* SPDX-License-Identifier: BSD-2-Clause */
/* Error numbers: one comes in, its name in C goes out. */
#ifndef FINWAIT_AGENT_ERRNO_NAME_H
#define FINWAIT_AGENT_ERRNO_NAME_H

enum { ERRNO_NAME_ROOM = 16 };

/* ECONNREFUSED and the like; a number without a known name is E and the number, written into `room`. */
const char *errno_name(int number, char room[ERRNO_NAME_ROOM]);

#endif
