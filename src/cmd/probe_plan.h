/* SPDX-License-Identifier: BSD-2-Clause */
/* From the words of the user to exchanges that can be played: targets are looked up, ways out, sources,
 * ports, numbers and guards are chosen. Everything that needs a privilege happens here. */
#ifndef FINWAIT_CMD_PROBE_PLAN_H
#define FINWAIT_CMD_PROBE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/outputs.h"
#include "run/exchange.h"
#include "run/link.h"
#include "wire/guard.h"
#include "wire/wire_link.h"

enum { PROBE_MOST = 4096 };

struct probe_settings {
	int close;       /* enum close_kind */
	int expect;      /* enum reach */
	int guard;       /* enum guard_method */
	const char *send;
	int64_t isn, seed, window, ttl, count;
	bool isn_given, seed_given, syn_options_given;
	struct tcp_options syn_options;
	int64_t interval_us, timeout_us, rate;
	bool json, ipv4, ipv6, quiet, verbose, no_color, strict;
	struct outputs_wanted reports;
	const char *write, *interface, *source;
};

/* Exchanges in lanes, one lane per target. */
struct probe_plan {
	uint64_t seed;
	struct rule_index rules;
	struct exchange *exchanges;
	size_t count, lane_length;
	struct wire_path *paths; /* one per target */
	size_t paths_count;
	struct guards *guards[2]; /* for own source addresses, for spare ones */
	uint8_t *data;            /* what --send means */
	size_t data_len;
};

/* Plans `n` probes of each target. On failure returns the exit status and a sentence in `why`; 0 is
 * success. What was planned must be freed in both cases. Needs CAP_NET_RAW. */
int probe_plan(struct probe_plan *plan, const struct probe_settings *settings, char **targets, size_t n,
	       char *why, size_t why_len);

/* The method that guards the probes, and a remark on it or "". */
const char *probe_plan_guard(const struct probe_plan *plan, const char **note);

void probe_plan_free(struct probe_plan *plan);

#endif
