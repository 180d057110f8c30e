/* SPDX-License-Identifier: BSD-2-Clause */
/* A simulated target at the end of a simulated path: what both are like comes in, both and the parameters of
 * a prober that talks to them come out. To be included after cmocka.h. */
#ifndef FINWAIT_TESTS_SIM_TARGET_H
#define FINWAIT_TESTS_SIM_TARGET_H

#include "core/prober.h"
#include "peer/peer.h"
#include "peer/sim_link.h"

struct sim_target {
	struct peer *peer;
	struct sim_link *sim;
};

/* In *prober the target's port and the ISN are left as they are. */
static inline void sim_target_open(struct sim_target *t, const struct peer_params *peer,
				   const struct sim_config *path, struct prober_params *prober, bool six,
				   const char *options)
{
	char why[200];

	t->peer = peer_new(peer);
	t->sim = sim_link_new(path);
	assert_true(t->peer && t->sim);
	assert_true(address_parse(&prober->source.addr, six ? "2001:db8:793::1" : "198.18.0.1"));
	assert_true(address_parse(&prober->target.addr, six ? "2001:db8:793::2" : "198.18.0.2"));
	prober->source.port = 40000;
	prober->window = 65535;
	prober->ttl = 64;
	if (!options_from_text(&prober->syn_options, options, why, sizeof why))
		fail_msg("%s", why);
	assert_true(sim_link_attach(t->sim, t->peer, &prober->target.addr));
}

static inline void sim_target_close(struct sim_target *t)
{
	sim_link_free(t->sim);
	peer_free(t->peer);
}

#endif
