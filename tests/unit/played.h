/* SPDX-License-Identifier: BSD-2-Clause */
/* Finished exchanges for the tests of reports: a check, a port of the peer and a path go in; what the runner
 * made of them comes out. To be included after cmocka.h. */
#ifndef FINWAIT_TESTS_PLAYED_H
#define FINWAIT_TESTS_PLAYED_H

#include <string.h>

#include "checks/probe.h"
#include "peer/peer.h"
#include "peer/sim_link.h"
#include "run/exchange.h"
#include "run/runner.h"
#include "unit/rules_index.h"

/* All zero: close-fin at port 0, which is closed, IPv4, no options, no data, a perfect path. */
struct scene {
	enum close_kind close;
	uint16_t port;
	bool six;
	enum peer_fault fault;
	const char *options; /* NULL: none */
	const void *data;
	size_t data_len;
	uint32_t chargen_bytes;
	struct sim_config path;
};

static inline void played_finished(void *arg, size_t index)
{
	(void)arg;
	(void)index;
}

/* To be given back to exchange_free(). */
static inline void play_scene(struct exchange *x, const struct scene *scene)
{
	struct exchange_params params = {
		.check = &probe_checks[scene->close], .rules = rules_index(), .timeout_us = 5000000};
	struct run run = {.exchanges = x, .count = 1, .lane_length = 1, .finished = played_finished};
	struct peer_params peer_params;
	struct sim_link *sim = sim_link_new(&scene->path);
	struct peer *peer;
	char why[200];

	peer_defaults(&peer_params);
	peer_params.fault = scene->fault;
	if (scene->chargen_bytes)
		peer_params.chargen_bytes = scene->chargen_bytes;
	peer = peer_new(&peer_params);
	assert_true(sim && peer);
	assert_true(address_parse(&params.prober.source.addr, scene->six ? "2001:db8:793::1" : "198.18.0.1"));
	assert_true(address_parse(&params.prober.target.addr, scene->six ? "2001:db8:793::2" : "198.18.0.2"));
	params.prober.source.port = 54321;
	params.prober.target.port = scene->port;
	params.prober.isn = 0xfffffffe;
	params.prober.window = 65535;
	params.prober.ttl = 64;
	params.data = scene->data;
	params.data_len = scene->data_len;
	assert_true(options_from_text(&params.prober.syn_options, scene->options ? scene->options : "none",
				      why, sizeof why));
	assert_true(sim_link_attach(sim, peer, &params.prober.target.addr));
	assert_true(exchange_init(x, &params));
	run.link = sim_link_link(sim);
	run_all(&run);
	assert_true(x->done);
	sim_link_free(sim);
	peer_free(peer);
}

#endif
