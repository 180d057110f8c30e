/* SPDX-License-Identifier: BSD-2-Clause */
/* Private networks for tests: after ns_enter() this process has a network of its own, in which it may do
 * everything; what it makes vanishes with it. No test touches the machine's network. */
#ifndef FINWAIT_TESTS_NS_H
#define FINWAIT_TESTS_NS_H

#include <stdbool.h>

/* The two ends of ns_veth(), both families. */
#define NS_NEAR_IF "fwlab0"
#define NS_FAR_IF "fwlab1"
#define NS_NEAR4 "198.18.0.1"
#define NS_FAR4 "198.18.0.2"
#define NS_NEAR6 "2001:db8:793::1"
#define NS_FAR6 "2001:db8:793::2"
#define NS_NEAR_LINK "fe80::1"
#define NS_FAR_LINK "fe80::2"

enum { NS_SKIPPED = 77 }; /* exit status of a test program that could not run */

/* Moves this process into a new network namespace with `lo` up; for an ordinary user into a new user
 * namespace, too, as its root. False, with the reason on standard error, if the machine refuses. */
bool ns_enter(void);

/* ns_enter() for test programs: if it is refused, exits with NS_SKIPPED, or, with FINWAIT_REQUIRE_LAB=1 in
 * the environment, with 1. */
void ns_enter_or_skip(void);

/* Makes a veth pair between this namespace and a second one, with the addresses above, /24 and /64, ready
 * for use, checksum offload left as it is. The second namespace lives as long as this
 * process. A descriptor of it, -1 on failure. */
int ns_veth(void);

/* socket() in the namespace `far` (from ns_veth()); the caller's namespace does not change. */
int ns_socket(int far, int domain, int type, int protocol);

/* Runs a shell command in the namespace `far`, or in this one if `far` is -1. Its exit status. */
int ns_run(int far, const char *command);

/* Number of nftables tables in this namespace; -1 if the kernel does not say. */
int ns_nft_tables(void);

#endif
