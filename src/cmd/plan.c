/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cmd/option.h"
#include "core/pattern.h"
#include "core/random.h"
#include "wire/resolve.h"
#include "wire/route.h"

enum { PORT_FIRST = 32768, PORTS = 28232 }; /* 32768 to 60999, as many systems choose them */

/* What the words of one target lead to. */
struct destination {
	struct endpoint target, source; /* source port 0: any */
};

static uint16_t pick_port(void *state)
{
	return (uint16_t)(PORT_FIRST + random_next(state) % PORTS);
}

static int refused(bool usage)
{
	return usage ? EXIT_USAGE : EXIT_NOT_RUN;
}

/* Finds target, source and way out of one lane. */
static int find_way(struct destination *d, struct wire_path *path, const struct plan_settings *s,
		    const struct plan_work *work, const char *text, char *why, size_t why_len)
{
	const int family = s->ipv4 ? 4 : s->ipv6 ? 6 : 0;
	bool usage;

	*d = (struct destination){ 0 };
	if (s->source && resolve_source(&d->source, s->source, why, why_len))
		return EXIT_USAGE;
	if (s->source && family && family != d->source.addr.family) {
		snprintf(why, why_len, "--source %s is not an IPv%d address", s->source, family);
		return EXIT_USAGE;
	}
	d->target.port = work->port;
	if (resolve_target(&d->target, text, d->source.addr.family ? d->source.addr.family : family,
			   work->ports_optional, &usage, why, why_len)) {
		if (!family && d->source.addr.family)
			snprintf(why, why_len, "%s has no IPv%d address, which --source %s asks for", text,
				 d->source.addr.family, s->source);
		return refused(usage);
	}
	if (route_find(&path->route, &d->target.addr, s->interface, &d->source.addr, &usage, why,
		       why_len))
		return refused(usage);
	if (address_is_link_local(&d->target.addr) && !d->target.addr.scope)
		d->target.addr.scope = path->route.source.scope;
	path->target = d->target.addr;
	d->source.addr = path->route.source;
	if (d->source.port && endpoint_equal(&d->source, &d->target)) {
		snprintf(why, why_len, "source and target are both %s: choose another source port", text);
		return EXIT_USAGE;
	}
	if (path->route.source_ours && s->guard != GUARD_SPARE)
		return 0;
	if (path->route.source_ours) {
		snprintf(why, why_len, "guard 'spare' needs --source with an unused address of the link");
		return EXIT_USAGE;
	}
	path->spare = spare_open(&path->route, why, why_len);
	return path->spare ? 0 : EXIT_NOT_RUN;
}

/* The guards for sources of one kind, made when the first of them is needed. */
static struct guards *guards_for(struct plan *plan, const struct plan_settings *s, bool spare,
				 char *why, size_t why_len)
{
	struct guards **g = &plan->guards[spare];

	if (!*g)
		*g = guards_new(spare ? GUARD_SPARE : (enum guard_method)s->guard, plan->count, why,
				why_len);
	return *g;
}

/* Reserves the source port of one exchange. A port that the user fixed is reserved once and then
 * shared: its exchanges follow each other, or go to different targets. */
static int reserve(struct plan *plan, const struct plan_settings *s, struct endpoint *source,
		   size_t lane, const struct endpoint *target, uint64_t *random, char *why,
		   size_t why_len)
{
	struct guards *g = guards_for(plan, s, plan->paths[lane].spare, why, why_len);

	if (!g)
		return EXIT_NOT_RUN;
	if (source->port)
		for (struct exchange *x = plan->exchanges; x->params.check; x++)
			if (endpoint_equal(&x->params.prober.source, source))
				return 0;
	do {
		struct endpoint wanted = *source;

		if (guard_take(g, &wanted, pick_port, random, why, why_len))
			return EXIT_NOT_RUN;
		if (!endpoint_equal(&wanted, target)) {
			*source = wanted;
			return 0;
		}
	} while (!source->port);
	snprintf(why, why_len, "source and target are the same");
	return EXIT_USAGE;
}

/* Ethernet's maximum, less the headers; a smaller path only means smaller segments. */
static void default_options(struct tcp_options *o, uint8_t family)
{
	*o = (struct tcp_options){
		.present = OPTION_MSS | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS | OPTION_WSCALE,
		.malformed = -1,
		.mss = family == 6 ? 1440 : 1460,
		.wscale = 7,
	};
	options_build(o);
}

static int plan_exchange(struct plan *plan, const struct plan_settings *s, const struct plan_work *work,
			 size_t index, const struct destination *d, char *why, size_t why_len)
{
	uint64_t random = plan->seed ^ (uint64_t)index << 32;
	struct exchange_params params = {
		.check = work->check,
		.prober = { .target = d->target,
			    .source = d->source,
			    .isn = (uint32_t)random_next(&random),
			    .syn_options = s->syn_options,
			    .window = (uint16_t)s->window,
			    .ttl = (uint8_t)s->ttl },
		.rules = &plan->rules,
		.data = work->data,
		.data_len = work->data_len,
		.timeout_us = s->timeout_us,
		.hold_us = work->hold_us,
		.id = index,
		.pattern = plan->pattern,
		.pattern_len = work->transfer,
		.pattern_seed = (uint32_t)plan->seed,
	};
	int status;

	if (s->isn_given)
		params.prober.isn = (uint32_t)s->isn;
	if (!s->syn_options_given)
		default_options(&params.prober.syn_options, d->target.addr.family);
	status = reserve(plan, s, &params.prober.source, index / plan->lane_length, &d->target, &random,
			 why, why_len);
	if (status)
		return status;
	plan->ports[index] = params.prober.source.port;
	if (!exchange_init(&plan->exchanges[index], &params)) {
		snprintf(why, why_len, "out of memory");
		return EXIT_NOT_RUN;
	}
	return 0;
}

static int allocate(struct plan *plan, const struct plan_settings *s, const struct plan_work *work, size_t n,
		    char *why, size_t why_len)
{
	*plan = (struct plan){ .lane_length = (size_t)s->count };
	if (n > PLAN_MOST || n * plan->lane_length > PLAN_MOST) {
		snprintf(why, why_len, "at most %d connections fit into one run: fewer targets, or a smaller "
			 "--count", PLAN_MOST);
		return EXIT_USAGE;
	}
	rule_index_init(&plan->rules);
	plan->seed = (uint64_t)s->seed;
	if (!s->seed_given) {
		uint32_t seed;

		if (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
			snprintf(why, why_len, "no random numbers: choose a --seed");
			return EXIT_NOT_RUN;
		}
		plan->seed = seed;
	}
	plan->paths = calloc(n, sizeof *plan->paths);
	/* One more, all zero: its missing check marks the end. */
	plan->exchanges = calloc(n * plan->lane_length + 1, sizeof *plan->exchanges);
	plan->ports = calloc(n * plan->lane_length, sizeof *plan->ports);
	if (work->transfer)
		plan->pattern = malloc(work->transfer);
	if (plan->paths && plan->exchanges && plan->ports && (plan->pattern || !work->transfer)) {
		pattern_fill(plan->pattern, work->transfer, (uint32_t)plan->seed);
		return 0;
	}
	snprintf(why, why_len, "out of memory");
	return EXIT_NOT_RUN;
}

int plan_make(struct plan *plan, const struct plan_settings *s, const struct plan_work *work, char **targets,
	      size_t n, char *why, size_t why_len)
{
	int status = allocate(plan, s, work, n, why, why_len);

	for (size_t lane = 0; lane < n && !status; lane++) {
		struct destination d;

		plan->paths_count = lane + 1;
		plan->count = n * plan->lane_length;
		status = find_way(&d, &plan->paths[lane], s, work, targets[lane], why, why_len);
		plan->paths[lane].ports = plan->ports + lane * plan->lane_length;
		plan->paths[lane].ports_count = plan->lane_length;
		for (size_t i = 0; i < plan->lane_length && !status; i++)
			status = plan_exchange(plan, s, work, lane * plan->lane_length + i, &d, why, why_len);
	}
	return status;
}

const char *plan_guard(const struct plan *plan, const char **note)
{
	const struct guards *g = plan->guards[0] ? plan->guards[0] : plan->guards[1];

	*note = guards_note(g);
	return guard_method_name(guards_method(g));
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < 2; i++)
		if (plan->guards[i])
			guards_free(plan->guards[i]);
	for (size_t i = 0; i < plan->paths_count; i++)
		if (plan->paths[i].spare)
			spare_close(plan->paths[i].spare);
	for (size_t i = 0; plan->exchanges && i < plan->count; i++)
		exchange_free(&plan->exchanges[i]);
	free(plan->pattern);
	free(plan->ports);
	free(plan->paths);
	free(plan->exchanges);
}

/* ---- options ----------------------------------------------------------------------------------- */

const char *const plan_guard_words[] = { "auto", "filter", "min-ttl", "nftables", "spare", NULL };

int plan_read_syn_options(void *settings, const char *text, char *why, size_t why_len)
{
	struct plan_settings *s = settings;

	return options_from_text(&s->syn_options, text, why, why_len) ? 0 : -1;
}
