/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of the matrix played in virtual time: a cell and what the peer and the path are like go in; the
 * finished exchange comes out. To be included after cmocka.h. */
#ifndef FINWAIT_TESTS_PLAYED_CELL_H
#define FINWAIT_TESTS_PLAYED_CELL_H

#include <stdlib.h>
#include <string.h>

#include "checks/matrix.h"
#include "peer/sim_driver.h"
#include "run/runner.h"
#include "unit/rules_index.h"
#include "unit/sim_target.h"

/* All zero: the correct peer, IPv4, a perfect path, the options that finwait test offers. */
struct cell_scene {
	enum peer_fault fault;
	bool six;
	uint32_t isn;
	uint64_t seed;
	const char *options; /* NULL: the usual */
	int64_t rtt_us;      /* what other checks have measured */
	bool lossless;       /* what the suite knows when it repeats a check */
	bool waits;          /* the application does nothing by itself, and that is known */
	enum teardown teardown;
	int64_t latency_us;
	uint8_t wscale;      /* of the peer; 0: its default */
};

struct played_cell {
	struct exchange x;           /* to be given back to exchange_free() */
	enum peer_state left_behind; /* once the exchange is over */
};

static inline const struct matrix_cell *all_cells(size_t *count)
{
	static struct matrix_cell cells[MATRIX_CELLS];
	static size_t n, all;

	if (!n)
		n = matrix_make(rules_index(), cells, &all);
	*count = n;
	return cells;
}

static inline void cell_finished(void *arg, size_t index)
{
	(void)arg;
	(void)index;
}

static inline void play_cell(struct played_cell *p, const struct matrix_cell *cell, const struct cell_scene *scene)
{
	struct exchange_params params = {
		.check = &cell->check, .stimulus = &cell->stimulus, .rules = rules_index(), .timeout_us = 5000000,
		.prober.isn = scene->isn, .pattern_seed = 7, .teardown = scene->teardown,
		.rtt_us = scene->rtt_us, .lossless = scene->lossless, .application_waits = scene->waits,
	};
	struct run run = { .exchanges = &p->x, .count = 1, .lane_length = 1, .finished = cell_finished };
	const int64_t latency_us = scene->latency_us ? scene->latency_us : 200;
	/* No clock begins at 0, which would mean that nothing is timed. */
	const struct sim_config path = { .seed = scene->seed + 1, .latency_in_us = latency_us,
					 .latency_out_us = latency_us, .start_us = 1000000 };
	struct peer_params peer_params;
	struct sim_driver *driver;
	struct sim_target target;

	peer_defaults(&peer_params);
	peer_params.fault = scene->fault;
	peer_params.seed = scene->seed + 1;
	if (scene->wscale)
		peer_params.wscale = scene->wscale;
	sim_target_open(&target, &peer_params, &path, &params.prober, scene->six,
			scene->options ? scene->options : "mss=1460,sackok,ts,wscale=7");
	driver = sim_driver_new(target.peer);
	assert_non_null(driver);
	run.driver = sim_driver_driver(driver);
	params.driver_can = run.driver->can;
	assert_true(exchange_init(&p->x, &params));
	run.link = sim_link_link(target.sim);
	run_all(&run);
	assert_true(p->x.done && p->x.reported);
	p->left_behind = peer_state(target.peer, &p->x.params.prober.target, &p->x.params.prober.source);
	run.driver->ops->close(run.driver);
	sim_target_close(&target);
}

/* Everything that the exchange has to say, and its segments. */
static inline void show_cell(const struct played_cell *p)
{
	const struct exchange *x = &p->x;
	char flags[FLAGS_TEXT];

	for (size_t i = 0; i < x->lines_count; i++) {
		const struct segment *s = &x->lines[i].segment;

		print_message("# %lld %s %s seq %u ack %u len %u\n", (long long)s->t_us, x->lines[i].out ? ">" : "<",
			      flags_text(s->flags, flags), s->seq, s->ack, s->len);
	}
	for (size_t i = 0; i < x->points_count; i++)
		print_message("# %s %s: %s\n", outcome_name(x->points[i].outcome), x->points[i].name,
			      x->points[i].text);
	for (size_t i = 0; i < x->verdicts_count; i++)
		print_message("# %s, %s: expected %s; observed %s %s\n", rule_of(&x->verdicts[i]),
			      x->verdicts[i].rule->citation, x->verdicts[i].expected, x->verdicts[i].observed,
			      x->verdicts[i].reason);
	if (x->error[0] || x->refused[0])
		print_message("# %s%s\n", x->error, x->refused);
}

#endif
