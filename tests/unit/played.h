/* SPDX-License-Identifier: BSD-2-Clause */
/* Finished exchanges for the tests of reports: a check, a port of the peer and a path go in; what the runner
 * made of them comes out. To be included after cmocka.h. */
#ifndef FINWAIT_TESTS_PLAYED_H
#define FINWAIT_TESTS_PLAYED_H

#include <string.h>

#include "checks/probe.h"
#include "run/exchange.h"
#include "run/runner.h"
#include "unit/rules_index.h"
#include "unit/sim_target.h"

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
	struct sim_target target;

	peer_defaults(&peer_params);
	peer_params.fault = scene->fault;
	if (scene->chargen_bytes)
		peer_params.chargen_bytes = scene->chargen_bytes;
	sim_target_open(&target, &peer_params, &scene->path, &params.prober, scene->six,
			scene->options ? scene->options : "none");
	params.prober.source.port = 54321;
	params.prober.target.port = scene->port;
	params.prober.isn = 0xfffffffe;
	params.data = scene->data;
	params.data_len = scene->data_len;
	assert_true(exchange_init(x, &params));
	run.link = sim_link_link(target.sim);
	run_all(&run);
	assert_true(x->done);
	sim_target_close(&target);
}

#endif
