/* SPDX-License-Identifier: BSD-2-Clause */
/* A link (run/link.h) in virtual time with peers behind it: what the prober sends comes in, what a capture
 * next to the prober would show comes out. Waiting costs nothing: receive() jumps to the next event. All
 * that happens follows from the configuration and its seed. */
#ifndef FINWAIT_TESTS_SIM_LINK_H
#define FINWAIT_TESTS_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "peer.h"
#include "run/link.h"

/* All zero is a perfect path without delay. Chances are per segment and direction, in percent, except that
 * loss_out and loss_in stand apart. A lost segment of ours is captured as it leaves, as on a real host. */
struct sim_config {
	uint64_t seed;
	int64_t latency_out_us; /* prober to peer */
	int64_t latency_in_us;
	unsigned loss_out, loss_in, duplicate, reorder;
	int64_t reorder_us; /* how much later a reordered segment arrives */

	/* Counting from 1; 0: never. */
	unsigned lose_out_nth;  /* this one of our segments is lost */
	unsigned lose_in_nth;   /* this one of the peers' is lost */
	unsigned swallow_after; /* our segments after the first N - 1 never leave: a host firewall */
	uint16_t swallow_flags; /* our segments with exactly these flags never leave, if `swallow` */
	bool swallow;
	unsigned kernel_rst_after; /* after N segments came in, our own kernel resets the connection */
	unsigned error_after;      /* the link is gone once N of our segments were sent */
	unsigned interrupt_after;  /* a signal came once N segments were captured; reported once */

	/* With a type that is not 0: what we send is answered by this, not by a peer. */
	struct icmp_error unreachable;
	int64_t start_us;
};

struct sim_link;

/* NULL without memory. */
struct sim_link *sim_link_new(const struct sim_config *config);
/* Frees the link, not the peers. */
void sim_link_free(struct sim_link *sim);
/* For the runner; valid as long as `sim`. */
struct link *sim_link_link(struct sim_link *sim);

/* Puts a peer at an address (any number of times for one peer); segments to other addresses vanish. The
 * peer's output is taken over; it is borrowed. False if there is no room. */
bool sim_link_attach(struct sim_link *sim, struct peer *peer, const struct address *addr);

/* Calls `act` when the clock reaches `at_us`, for example to let a peer connect or close. False if there is
 * no room. */
bool sim_link_at(struct sim_link *sim, int64_t at_us, void (*act)(void *arg, int64_t now_us), void *arg);

struct sim_stats {
	unsigned sent, received; /* by the prober, as far as captured */
	unsigned swallowed, lost, duplicated, reordered;
};

void sim_link_stats(const struct sim_link *sim, struct sim_stats *stats);

#endif
