/* SPDX-License-Identifier: BSD-2-Clause */
/* Packet sockets go in and can then be closed at once: whoever closes the last copy of a packet socket
 * waits for the kernel, so a short-lived child holds copies and does the waiting. */
#ifndef FINWAIT_WIRE_RELEASE_H
#define FINWAIT_WIRE_RELEASE_H

#include <stddef.h>

/* Starts a child that holds copies of `fds` and no other descriptor. Returns a descriptor to hand to
 * release_end() after all of `fds` have been closed, or -1 if there can be no child: closing is then
 * merely slower. */
int release_begin(const int *fds, size_t n);

/* Lets the child end. Does not wait for it. */
void release_end(int release);

#endif
