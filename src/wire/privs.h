/* SPDX-License-Identifier: BSD-2-Clause */
/* Privileges: two drops, both failing closed. The first is made before arguments are read, the second
 * before the first packet is decoded. */
#ifndef FINWAIT_WIRE_PRIVS_H
#define FINWAIT_WIRE_PRIVS_H

#include <stdbool.h>
#include <stddef.h>

struct privs {
	bool raw;   /* CAP_NET_RAW: sockets for injection and capture */
	bool admin; /* CAP_NET_ADMIN: guards by filter and nftables */
};

/* First drop: keeps CAP_NET_RAW and CAP_NET_ADMIN of what there is, nothing else, and gives up a
 * set-user-ID. Says in *have what was found. 0, or -1 with a sentence in `why`: the caller must exit. */
int privs_limit(struct privs *have, char *why, size_t why_len);

/* What the process may do now. */
void privs_current(struct privs *have);

/* Second drop: no capability in any set, none to be gained by exec or by user 0 either. Sockets opened
 * earlier keep working. 0, or -1 with a sentence in `why`: the caller must exit. */
int privs_drop(char *why, size_t why_len);

#endif
