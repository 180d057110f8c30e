/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer driven by hand in unit tests: segments are given field by field, the answers are collected. */
#ifndef FINWAIT_TESTS_BY_HAND_H
#define FINWAIT_TESTS_BY_HAND_H

#include "peer.h"

enum { BY_HAND_MAX = 256, BY_HAND_DATA = 1500 };

struct by_hand {
	struct peer *peer;
	struct endpoint us, them;
	int64_t now_us;
	bool timestamps; /* negotiated: our segments carry them */
	uint32_t tsecr;
	struct tcp_options syn_options;
	size_t n, read; /* answers collected, answers looked at */
	struct segment got[BY_HAND_MAX];
	uint8_t data[BY_HAND_MAX][BY_HAND_DATA];
};

/* Makes the peer. `options` is what our SYNs carry, as options_from_text() reads it. */
void by_hand_open(struct by_hand *h, const struct peer_params *params, uint16_t port, const char *options);
void by_hand_close(struct by_hand *h);

void by_hand_send(struct by_hand *h, uint16_t flags, uint32_t seq, uint32_t ack, const char *text);
/* As long as the peer's timers want, in virtual time. */
void by_hand_wait(struct by_hand *h, int64_t us);
/* The next answer not looked at, or NULL. */
const struct segment *by_hand_next(struct by_hand *h);

#endif
