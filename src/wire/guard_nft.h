/* SPDX-License-Identifier: BSD-2-Clause */
/* An nftables table of our own that drops TCP segments for given endpoints before the host's TCP sees
 * them. The kernel removes it when this process is gone, however it ends (`flags owner`, Linux 5.12). */
#ifndef FINWAIT_WIRE_GUARD_NFT_H
#define FINWAIT_WIRE_GUARD_NFT_H

#include <stddef.h>

#include "core/address.h"

struct nft_guard;

/* Creates the table, empty. Needs CAP_NET_ADMIN. NULL with a clause in `why`. */
struct nft_guard *nft_guard_open(char *why, size_t why_len);

/* From now on segments to `e` are dropped. 0, or -1 with a clause in `why`. */
int nft_guard_add(struct nft_guard *n, const struct endpoint *e, char *why, size_t why_len);

/* Removes the table; needs no privilege. NULL is allowed. */
void nft_guard_close(struct nft_guard *n);

#endif
