/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIM_PEERS = 16, SIM_EVENTS = 8192 };

enum event_kind {
	EVENT_FREE,
	EVENT_CAPTURE, /* the prober's capture shows the segment */
	EVENT_DELIVER, /* the segment reaches a peer */
	EVENT_ACT,
};

struct event {
	enum event_kind kind;
	int64_t at_us;
	uint64_t order; /* among events of the same time */
	struct segment s;
	uint8_t *data; /* owned */
	void (*act)(void *arg, int64_t now_us);
	void *arg;
};

struct place {
	struct peer *peer;
	struct address addr;
};

struct sim_link {
	struct link link; /* first: a struct link * is a struct sim_link * */
	struct sim_config config;
	int64_t now_us;
	uint64_t random, order, frame;
	unsigned out, in, captured;
	bool interrupted;
	struct sim_stats stats;
	struct place places[SIM_PEERS];
	size_t n_places;
	uint8_t *last; /* the payload last handed to the prober */
	size_t n_events; /* slots ever used */
	struct event events[SIM_EVENTS];
};

static uint64_t draw(struct sim_link *sim)
{
	uint64_t x = sim->random += 0x9e3779b97f4a7c15U;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

/* Draws also where the chance is nil, so that one setting does not change what another one does. */
static bool chance(struct sim_link *sim, unsigned percent)
{
	return draw(sim) % 100 < percent;
}

static struct event *new_event(struct sim_link *sim, enum event_kind kind, int64_t at_us)
{
	size_t i;

	for (i = 0; i < sim->n_events && sim->events[i].kind != EVENT_FREE; i++)
		;
	if (i == SIM_EVENTS)
		return NULL;
	if (i == sim->n_events)
		sim->n_events++;
	sim->events[i] = (struct event){ .kind = kind, .at_us = at_us, .order = sim->order++ };
	return &sim->events[i];
}

/* A full table drops the segment, as a full queue would. */
static void add_segment(struct sim_link *sim, enum event_kind kind, int64_t at_us, const struct segment *s)
{
	struct event *e = new_event(sim, kind, at_us);

	if (!e)
		return;
	e->s = *s;
	e->s.data = NULL;
	/* What the other side makes of the option bytes is its own business. */
	options_parse(&e->s.options, s->options.raw, s->options.raw_len);
	if (!s->data_len)
		return;
	e->data = malloc(s->data_len);
	if (!e->data) {
		e->kind = EVENT_FREE;
		return;
	}
	memcpy(e->data, s->data, s->data_len);
	e->s.data = e->data;
}

/* Sends a segment over the path: it may be lost, late or twice there. */
static void travel(struct sim_link *sim, enum event_kind kind, const struct segment *s, bool lose)
{
	const struct sim_config *c = &sim->config;
	bool out = kind == EVENT_DELIVER;
	int64_t at = sim->now_us + (out ? c->latency_out_us : c->latency_in_us);

	if (chance(sim, c->reorder)) {
		at += c->reorder_us;
		sim->stats.reordered++;
	}
	if (chance(sim, c->duplicate)) {
		add_segment(sim, kind, at, s);
		sim->stats.duplicated++;
	}
	if (chance(sim, out ? c->loss_out : c->loss_in) || lose)
		sim->stats.lost++;
	else
		add_segment(sim, kind, at, s);
}

static void peer_sends(void *arg, const struct segment *s)
{
	struct sim_link *sim = arg;

	sim->in++;
	travel(sim, EVENT_CAPTURE, s, sim->in == sim->config.lose_in_nth);
}

static struct peer *peer_at(const struct sim_link *sim, const struct address *addr)
{
	for (size_t i = 0; i < sim->n_places; i++)
		if (address_equal(&sim->places[i].addr, addr))
			return sim->places[i].peer;
	return NULL;
}

static void answer_unreachable(struct sim_link *sim, const struct segment *s)
{
	struct segment e = {
		.src = s->src, /* of the quoted segment */
		.dst = s->dst,
		.seq = s->seq,
		.icmp = sim->config.unreachable,
	};

	e.options.malformed = -1;
	travel(sim, EVENT_CAPTURE, &e, false);
}

static bool swallows(const struct sim_link *sim, const struct segment *s)
{
	const struct sim_config *c = &sim->config;

	return (c->swallow_after && sim->out >= c->swallow_after) ||
	       (c->swallow && s->flags == c->swallow_flags);
}

static int send_one(struct sim_link *sim, const struct segment *s)
{
	const struct sim_config *c = &sim->config;

	if (c->error_after && sim->out >= c->error_after) {
		snprintf(sim->link.why, sizeof sim->link.why, "The simulated link is down.");
		return -1;
	}
	sim->out++;
	if (swallows(sim, s)) {
		sim->stats.swallowed++;
		return 0;
	}
	add_segment(sim, EVENT_CAPTURE, sim->now_us, s);
	if (c->unreachable.type && chance(sim, 100))
		answer_unreachable(sim, s);
	else
		travel(sim, EVENT_DELIVER, s, sim->out == c->lose_out_nth);
	return 0;
}

static int sim_send(struct link *link, const struct segment *const *segments, size_t n)
{
	struct sim_link *sim = (struct sim_link *)link;

	for (size_t i = 0; i < n; i++)
		if (send_one(sim, segments[i]) < 0)
			return -1;
	return 0;
}

static int64_t sim_now_us(struct link *link)
{
	return ((struct sim_link *)link)->now_us;
}

static struct event *first_event(struct sim_link *sim)
{
	struct event *first = NULL;

	for (size_t i = 0; i < sim->n_events; i++) {
		struct event *e = &sim->events[i];

		if (e->kind != EVENT_FREE &&
		    (!first || e->at_us < first->at_us ||
		     (e->at_us == first->at_us && e->order < first->order)))
			first = e;
	}
	return first;
}

static struct peer *first_timer(const struct sim_link *sim, int64_t *at_us)
{
	struct peer *first = NULL;

	*at_us = INT64_MAX;
	for (size_t i = 0; i < sim->n_places; i++) {
		int64_t t = peer_next_timer(sim->places[i].peer);

		if (t < *at_us) {
			*at_us = t;
			first = sim->places[i].peer;
		}
	}
	return first;
}

/* Hands the event's segment to the prober. */
static void capture(struct sim_link *sim, struct event *e, struct segment *out)
{
	const struct sim_config *c = &sim->config;
	bool incoming = !e->s.icmp.type && peer_at(sim, &e->s.src.addr);

	free(sim->last);
	sim->last = e->data;
	e->kind = EVENT_FREE;
	*out = e->s;
	out->t_us = sim->now_us;
	out->frame = ++sim->frame;
	sim->captured++;
	if (!incoming) {
		sim->stats.sent += !e->s.icmp.type;
		return;
	}
	sim->stats.received++;
	if (c->kernel_rst_after && sim->stats.received == c->kernel_rst_after) {
		/* What a kernel without a socket answers (RFC 9293 3.10.7.1). */
		struct segment rst = { .src = e->s.dst, .dst = e->s.src, .flags = FLAG_RST, .ttl = 64 };

		rst.seq = e->s.ack;
		rst.options.malformed = -1;
		add_segment(sim, EVENT_CAPTURE, sim->now_us, &rst);
		travel(sim, EVENT_DELIVER, &rst, false);
	}
}

/* Lets one event that the prober does not see happen. */
static void happen(struct sim_link *sim, struct event *e)
{
	struct event copy = *e;
	struct peer *peer;

	e->kind = EVENT_FREE; /* what follows may need the slot */
	if (copy.kind == EVENT_ACT) {
		copy.act(copy.arg, sim->now_us);
		return;
	}
	peer = peer_at(sim, &copy.s.dst.addr);
	if (peer)
		peer_receive(peer, &copy.s, sim->now_us);
	free(copy.data);
}

/* The next segment for the prober that is captured until then, if any. */
static bool run_until(struct sim_link *sim, int64_t until_us, struct segment *out)
{
	for (;;) {
		struct event *e = first_event(sim);
		int64_t timer_us;
		struct peer *peer = first_timer(sim, &timer_us);
		int64_t next = e && e->at_us <= timer_us ? e->at_us : timer_us;

		if (next == INT64_MAX || next > until_us)
			return false;
		sim->now_us = next > sim->now_us ? next : sim->now_us;
		if (!e || e->at_us > timer_us) {
			peer_timeout(peer, sim->now_us);
		} else if (e->kind == EVENT_CAPTURE) {
			capture(sim, e, out);
			return true;
		} else {
			happen(sim, e);
		}
	}
}

static enum link_status sim_receive(struct link *link, int64_t until_us, struct segment *out)
{
	struct sim_link *sim = (struct sim_link *)link;
	const struct sim_config *c = &sim->config;

	if (c->interrupt_after && sim->captured >= c->interrupt_after && !sim->interrupted && until_us > sim->now_us) {
		sim->interrupted = true;
		return LINK_INTERRUPTED;
	}
	if (run_until(sim, until_us, out))
		return LINK_SEGMENT;
	if (c->error_after && sim->out >= c->error_after) {
		snprintf(link->why, sizeof link->why, "The simulated link is down.");
		return LINK_ERROR;
	}
	sim->now_us = until_us > sim->now_us ? until_us : sim->now_us;
	return LINK_TIME;
}

struct sim_link *sim_link_new(const struct sim_config *config)
{
	struct sim_link *sim = calloc(1, sizeof *sim);

	if (!sim)
		return NULL;
	sim->link = (struct link){ .now_us = sim_now_us, .send = sim_send, .receive = sim_receive };
	sim->config = *config;
	sim->now_us = config->start_us;
	sim->random = config->seed;
	return sim;
}

void sim_link_free(struct sim_link *sim)
{
	if (!sim)
		return;
	for (size_t i = 0; i < sim->n_events; i++)
		if (sim->events[i].kind != EVENT_FREE)
			free(sim->events[i].data);
	free(sim->last);
	free(sim);
}

struct link *sim_link_link(struct sim_link *sim)
{
	return &sim->link;
}

bool sim_link_attach(struct sim_link *sim, struct peer *peer, const struct address *addr)
{
	if (sim->n_places == SIM_PEERS)
		return false;
	sim->places[sim->n_places++] = (struct place){ .peer = peer, .addr = *addr };
	peer_set_output(peer, peer_sends, sim);
	return true;
}

bool sim_link_at(struct sim_link *sim, int64_t at_us, void (*act)(void *arg, int64_t now_us), void *arg)
{
	struct event *e = new_event(sim, EVENT_ACT, at_us);

	if (!e)
		return false;
	e->act = act;
	e->arg = arg;
	return true;
}

void sim_link_stats(const struct sim_link *sim, struct sim_stats *stats)
{
	*stats = sim->stats;
}
