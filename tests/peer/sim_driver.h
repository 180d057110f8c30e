/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver (run/driver.h) in virtual time: what is asked of the application is done to a peer, at once. It
 * can be told to lie, to refuse, and to die. */
#ifndef FINWAIT_TESTS_SIM_DRIVER_H
#define FINWAIT_TESTS_SIM_DRIVER_H

#include "peer.h"
#include "run/driver.h"

struct sim_driver;

/* NULL without memory. The peer is borrowed and listens on port 11011. */
struct sim_driver *sim_driver_new(struct peer *peer);
struct driver *sim_driver_driver(struct sim_driver *s);

/* From the next request for `action` on: it is answered like this; with ANSWER_DONE it is called done and
 * not done. */
void sim_driver_spoil(struct sim_driver *s, enum action action, enum answer_kind kind);
/* ... it is never answered. */
void sim_driver_mute(struct sim_driver *s, enum action action);
/* When the state is asked for so many times, the application dies, its connection with it; that it did is told
 * so much later, 0: never. */
void sim_driver_dies(struct sim_driver *s, unsigned times, int64_t told_after_us);
/* The byte that stands there in what it sends has another value. */
void sim_driver_garble(struct sim_driver *s, uint64_t place);
/* What it says of every state; TCP_STATES: the truth. */
void sim_driver_says(struct sim_driver *s, enum tcp_state state);

/* The state of the peer's connection when it was last asked for, and how often things were released. */
enum tcp_state sim_driver_told(const struct sim_driver *s);
unsigned sim_driver_released(const struct sim_driver *s);

#endif
