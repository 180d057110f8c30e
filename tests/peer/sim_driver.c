/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT = 11011, ACTIVE_PORT = 50000, QUEUE = 64, PIECE = 1000 };

struct sim_driver {
	struct driver driver; /* first */
	struct peer *peer;
	struct driver_answer answers[QUEUE];
	size_t count;
	bool spoiled[ACTIONS], muted[ACTIONS];
	enum answer_kind kinds[ACTIONS];
	enum tcp_state says, told;
	unsigned released, dies_at, states_asked;
	int64_t told_after_us; /* that it died */
	struct driver_answer lost; /* to be given at lost_us */
	int64_t lost_us;
	/* ACTION_SEND: what is left to be queued */
	struct request sending;
	uint64_t sent, garbled;
	int64_t now_us;
};

static const enum tcp_state states[PEER_STATES] = {
	[PEER_CLOSED] = TCP_CLOSED,	    [PEER_LISTEN] = TCP_LISTEN,
	[PEER_SYN_SENT] = TCP_SYN_SENT,	    [PEER_SYN_RECEIVED] = TCP_SYN_RECEIVED,
	[PEER_ESTABLISHED] = TCP_ESTABLISHED, [PEER_FIN_WAIT_1] = TCP_FIN_WAIT_1,
	[PEER_FIN_WAIT_2] = TCP_FIN_WAIT_2, [PEER_CLOSE_WAIT] = TCP_CLOSE_WAIT,
	[PEER_CLOSING] = TCP_CLOSING,	    [PEER_LAST_ACK] = TCP_LAST_ACK,
	[PEER_TIME_WAIT] = TCP_TIME_WAIT,
};

static uint8_t mix(uint32_t seed, uint32_t place)
{
	return (uint8_t)((uint32_t)((place ^ seed) * 2654435761u) >> 24);
}

/* As much as the peer takes; the rest when its buffer has room again. */
static void go_on_sending(struct sim_driver *s)
{
	int id = peer_find(s->peer, &s->sending.target, &s->sending.prober);
	uint8_t piece[PIECE];

	while (id >= 0 && s->sent < s->sending.length) {
		uint64_t left = s->sending.length - s->sent;
		size_t n = left < PIECE ? (size_t)left : PIECE, taken;

		for (size_t i = 0; i < n; i++)
			piece[i] = (uint8_t)(mix(s->sending.seed, (uint32_t)(s->sent + i)) ^
					     (s->sent + i == s->garbled));
		taken = peer_send(s->peer, id, piece, n, s->now_us);
		s->sent += taken;
		if (taken < n)
			return;
	}
}

static void act(struct sim_driver *s, const struct request *r, struct driver_answer *a)
{
	struct endpoint local = r->target;
	int id = peer_find(s->peer, &r->target, &r->prober);
	struct peer_status status;

	switch (r->action) {
	case ACTION_LISTEN:
		a->target.addr = r->target.addr;
		a->target.port = PORT;
		break;
	case ACTION_CONNECT:
		local.port = (uint16_t)(ACTIVE_PORT + r->id);
		peer_connect(s->peer, &local, &r->prober, s->now_us);
		break;
	case ACTION_CLOSE_FIRST:
	case ACTION_CLOSE_LAST:
		peer_shutdown(s->peer, id, s->now_us);
		break;
	case ACTION_SEND:
		s->sending = *r;
		s->sent = 0;
		a->length = r->length;
		go_on_sending(s);
		break;
	case ACTION_RECEIVE: /* the peer counts only */
		peer_status(s->peer, id, &status);
		a->length = a->matched = r->length;
		break;
	case ACTION_ABORT:
		peer_abort(s->peer, id, s->now_us);
		break;
	case ACTION_LET_GO:
		peer_close(s->peer, id, s->now_us);
		break;
	case ACTION_STATE:
		s->told = id < 0 ? TCP_CLOSED : states[peer_state(s->peer, &r->target, &r->prober)];
		a->state = s->says < TCP_STATES ? s->says : s->told;
		break;
	default:
		break;
	}
}

static void ask(struct driver *driver, const struct request *r, int64_t now_us)
{
	struct sim_driver *s = (struct sim_driver *)driver;
	struct driver_answer *a = &s->answers[s->count];

	s->now_us = now_us;
	if (s->count == QUEUE || s->muted[r->action])
		return;
	if (r->action == ACTION_STATE && ++s->states_asked == s->dies_at) {
		peer_abort(s->peer, peer_find(s->peer, &r->target, &r->prober), now_us);
		s->muted[ACTION_STATE] = true;
		if (!s->told_after_us)
			return;
		s->lost_us = now_us + s->told_after_us;
		s->lost = (struct driver_answer){ .id = r->id, .action = ACTIONS, .kind = ANSWER_LOST };
		snprintf(s->lost.text, sizeof s->lost.text, "the simulated application has died");
		return;
	}
	s->count++;
	*a = (struct driver_answer){ .id = r->id, .action = r->action, .target = r->target, .state = TCP_STATES };
	if (s->spoiled[r->action]) {
		a->kind = s->kinds[r->action];
		snprintf(a->text, sizeof a->text, "the simulated application says no");
	} else {
		act(s, r, a);
	}
}

static bool answer(struct driver *driver, int64_t now_us, struct driver_answer *out)
{
	struct sim_driver *s = (struct sim_driver *)driver;

	s->now_us = now_us;
	go_on_sending(s);
	if (now_us >= s->lost_us) {
		*out = s->lost;
		s->lost_us = INT64_MAX;
		return true;
	}
	if (!s->count)
		return false;
	*out = s->answers[0];
	memmove(s->answers, s->answers + 1, --s->count * sizeof *s->answers);
	return true;
}

static void release(struct driver *driver, size_t id, int64_t now_us)
{
	(void)id;
	(void)now_us;
	((struct sim_driver *)driver)->released++;
}

static int64_t waits_for(struct driver *driver, int *fd, short *events)
{
	struct sim_driver *s = (struct sim_driver *)driver;

	(void)fd;
	(void)events;
	return s->count ? 0 : s->lost_us;
}

static void close_driver(struct driver *driver)
{
	free(driver);
}

struct sim_driver *sim_driver_new(struct peer *peer)
{
	static const struct driver_ops ops = { ask, answer, release, waits_for, close_driver };
	struct sim_driver *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->driver = (struct driver){ &ops, "simulated", (1u << ACTIONS) - 1 };
	s->peer = peer;
	s->says = TCP_STATES;
	s->garbled = UINT64_MAX;
	s->lost_us = INT64_MAX;
	return s;
}

struct driver *sim_driver_driver(struct sim_driver *s)
{
	return &s->driver;
}

void sim_driver_spoil(struct sim_driver *s, enum action action, enum answer_kind kind)
{
	s->spoiled[action] = true;
	s->kinds[action] = kind;
}

void sim_driver_mute(struct sim_driver *s, enum action action)
{
	s->muted[action] = true;
}

void sim_driver_dies(struct sim_driver *s, unsigned times, int64_t told_after_us)
{
	s->dies_at = times;
	s->told_after_us = told_after_us;
}

void sim_driver_says(struct sim_driver *s, enum tcp_state state)
{
	s->says = state;
}

void sim_driver_garble(struct sim_driver *s, uint64_t place)
{
	s->garbled = place;
}

enum tcp_state sim_driver_told(const struct sim_driver *s)
{
	return s->told;
}

unsigned sim_driver_released(const struct sim_driver *s)
{
	return s->released;
}
