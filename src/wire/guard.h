/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps the host kernel quiet about connections that finwait makes by hand: a source endpoint comes in,
 * a reservation comes out under which the kernel drops, silently, everything that arrives for it.
 * No firewall rule outlives the process. */
#ifndef FINWAIT_WIRE_GUARD_H
#define FINWAIT_WIRE_GUARD_H

#include <stddef.h>

#include "core/address.h"

enum guard_method {
	GUARD_AUTO,     /* the first of the others that passes its self-test */
	GUARD_FILTER,   /* a listening socket whose classic BPF filter drops everything */
	GUARD_MIN_TTL,  /* a listening socket that wants TTL 255 (RFC 5082): fails for targets that send it */
	GUARD_NFTABLES, /* a table that the kernel removes when its owner, this process, is gone */
	GUARD_SPARE,    /* the source is a spare address on the link: nothing to do, see wire/spare.h */
	GUARD_METHODS
};

/* "auto", "filter", "min-ttl", "nftables", "spare". */
const char *guard_method_name(enum guard_method m);
/* GUARD_METHODS if the name is none. */
enum guard_method guard_method_by_name(const char *name);

struct guards;

/* Prepares a set of guards by `method`, which with GUARD_AUTO is settled by the first guard_take().
 * Raises RLIMIT_NOFILE so that `expected` of them fit. NULL with a sentence in `why`. */
struct guards *guards_new(enum guard_method method, size_t expected, char *why, size_t why_len);

/* Reserves *source; port 0: `pick(arg)` is asked for candidates until one is free (bounded). The first
 * time for each address the method is self-tested: an ordinary connect() to the guarded port must stay
 * unanswered while one to an unguarded closed port of the same address, made after it, is refused.
 * 0, or -1 with a sentence in `why` (port in use, no method works and what each one said). Must be
 * called before privs_drop(). */
int guard_take(struct guards *g, struct endpoint *source, uint16_t (*pick)(void *arg), void *arg, char *why,
	       size_t why_len);

/* The method in use; GUARD_AUTO before the first guard_take(). */
enum guard_method guards_method(const struct guards *g);

/* "", or one clause to show next to the method's name: its self-test could not tell, and why. */
const char *guards_note(const struct guards *g);

/* Gives all ports back. */
void guards_free(struct guards *g);

#endif
