/* SPDX-License-Identifier: BSD-2-Clause */
#include "row_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/seq.h"

enum {
	CLOSED_PORT = 1,
	MANUAL_PORT = 11011,
	STALLED_PORT = 11012,
	FAR = ROW_FAR,
	TEXT = ROW_TEXT,
};

static const uint8_t bytes[2048];

static void show(const struct row_driver *d, char dir, const struct segment *s)
{
	char flags[FLAGS_TEXT];

	if (d->verbose)
		printf("# %8.3f %c %s seq %ld len %u ack %ld win %u%s\n", (double)d->now_us / 1e6, dir,
		       flags_text(s->flags, flags), (long)seq_diff(s->seq, dir == '>' ? d->isn : d->iss),
		       s->len,
		       s->flags & FLAG_ACK ? (long)seq_diff(s->ack, dir == '>' ? d->iss : d->isn) : -1,
		       s->window, s->icmp.type ? " icmp" : "");
}

static void put_on_way(const struct row_driver *d, struct row_way *way, const struct segment *s)
{
	if (way->count == ROW_WAY)
		abort(); /* a test that sends more has to say so */
	way->at_us[way->count] = d->now_us + d->delay_us;
	way->s[way->count++] = *s;
}

static bool take_from_way(const struct row_driver *d, struct row_way *way, struct segment *s)
{
	if (!way->count || way->at_us[0] > d->now_us)
		return false;
	*s = way->s[0];
	way->count--;
	memmove(way->at_us, way->at_us + 1, way->count * sizeof *way->at_us);
	memmove(way->s, way->s + 1, way->count * sizeof *way->s);
	return true;
}

static void receive(struct row_driver *d, const struct segment *s);

/* A segment of the peer. */
static void send_back(void *arg, const struct segment *s)
{
	struct row_driver *d = arg;

	if (d->delay_us)
		put_on_way(d, &d->in, s);
	else
		receive(d, s);
}

static void receive(struct row_driver *d, const struct segment *s)
{
	struct segment seen = *s;
	struct peer_status status;

	options_parse(&seen.options, s->options.raw, s->options.raw_len);
	seen.t_us = d->now_us;
	peer_status(d->peer, peer_find(d->peer, &d->them, &d->us), &status);
	if (s->flags & FLAG_SYN && s->seq == status.iss) {
		d->iss = s->seq;
		d->una = s->seq;
		d->nxt = s->seq + 1;
		if (seen.options.present & OPTION_WSCALE)
			d->shift = seen.options.wscale;
	}
	show(d, '<', s);
	if (!(s->flags & FLAG_RST)) {
		uint32_t end = s->seq + segment_len(s);

		d->nxt = seq_diff(end, d->nxt) > 0 && seq_diff(end, d->nxt) < FAR ? end : d->nxt;
		if (s->flags & FLAG_ACK && (s->flags & FLAG_SYN || seq_in(s->ack, d->snd, 3000)))
			d->snd = s->ack;
		if (s->flags & FLAG_ACK)
			d->edge = s->ack + ((uint32_t)s->window << (s->flags & FLAG_SYN ? 0 : d->shift));
	}
	if (seen.options.present & OPTION_TIMESTAMPS)
		d->tsecr = seen.options.tsval;
	if (d->recording && !d->replies++)
		d->first = seen;
	answer_reply(&d->answer, &seen, d->now_us, &d->j);
}

static bool is_one_of(enum event e, const enum event *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == e)
			return true;
	return false;
}

#define ONE_OF(e, ...)                                                                                       \
	is_one_of(e, (const enum event[]){__VA_ARGS__},                                                      \
		  sizeof((const enum event[]){__VA_ARGS__}) / sizeof(enum event))

static bool is_active(const struct row_driver *d)
{
	return d->state == TCP_SYN_SENT ||
	       (d->state == TCP_SYN_RECEIVED &&
		ONE_OF(d->event, EVENT_SYN_ACK, EVENT_SYN_IN_WINDOW_ACTIVE, EVENT_RST_EXACT_ACTIVE,
		       EVENT_USER_CLOSE, EVENT_USER_SHUTDOWN_WR, EVENT_USER_ABORT));
}

static bool is_stalled(const struct row_driver *d)
{
	return ONE_OF(d->event, EVENT_WINDOW_PROBE, EVENT_RST_EXACT_ZERO_WINDOW, EVENT_DATA_PARTIAL_BEYOND);
}

static bool has_something_outstanding(const struct row_driver *d)
{
	return d->event == EVENT_ACK_PARTIAL || (d->event == EVENT_TO_RETRANSMISSION &&
						 (d->state == TCP_ESTABLISHED || d->state == TCP_CLOSE_WAIT));
}

void row_open(struct row_driver *d, const struct rule_index *index, enum tcp_state state, enum event event,
	      bool told, int64_t delay_us)
{
	struct answer_params answer = { .near = !delay_us, .calls_told = told, .rtt_us = 2 * delay_us };
	struct peer_params params;
	bool closed;

	memset(d, 0, sizeof *d);
	d->state = state;
	d->event = event;
	d->told = told;
	d->delay_us = delay_us;
	d->id = -1;
	d->isn = 0x7fffff00U * (1U + (unsigned)event); /* near and far from the wrap */
	d->snd = d->isn;
	d->window = 65535;
	d->now_us = 1000000;
	d->timestamps = ONE_OF(event, EVENT_PAWS_OLD_TS, EVENT_TS_MISSING, EVENT_RST_OLD_TS,
			       EVENT_TIMEWAIT_SYN_NEWER_TS);
	peer_defaults(&params);
	params.rto_us = 3000000;
	params.challenge_acks = 1000;
	params.seed = 7U + (unsigned)event;
	params.receive_buffer = is_stalled(d) ? ROW_BUFFER : 60000;
	params.options = OPTION_MSS | (d->timestamps ? OPTION_TIMESTAMPS : OPTION_WSCALE);
	if (is_stalled(d))
		params.options = OPTION_MSS;
	d->peer = peer_new(&params);
	if (!d->peer || !address_parse(&d->us.addr, "198.18.0.1") ||
	    !address_parse(&d->them.addr, "198.18.0.66"))
		abort();
	d->us.port = 40000;
	closed = state == TCP_CLOSED || is_active(d);
	d->them.port = closed ? CLOSED_PORT : is_stalled(d) ? STALLED_PORT : MANUAL_PORT;
	peer_set_output(d->peer, send_back, d);
	answer_init(&d->answer, &answer, index, IN(closed ? TCP_CLOSED : TCP_LISTEN));
}

void row_close(struct row_driver *d)
{
	peer_free(d->peer);
}

static void send_segment(struct row_driver *d, struct segment *s, enum event meant)
{
	s->src = d->us;
	s->dst = d->them;
	s->ttl = 64;
	s->data = bytes;
	s->data_len = s->len;
	options_build(&s->options);
	show(d, '>', s);
	answer_stimulus(&d->answer, s, meant, d->now_us);
	if (d->delay_us)
		put_on_way(d, &d->out, s);
	else
		peer_receive(d->peer, s, d->now_us);
	d->id = peer_find(d->peer, &d->them, &d->us);
}

/* A segment on the way into a state, which is waited for. */
static void send(struct row_driver *d, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct segment s = row_segment(d, flags, seq, ack, len);

	if (flags & FLAG_ACK && !(flags & FLAG_RST))
		d->una = ack;
	send_segment(d, &s, EVENT_ANY);
	if (d->delay_us)
		row_wait(d, 2 * d->delay_us);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void row_wait(struct row_driver *d, int64_t us)
{
	int64_t until = d->now_us + us;
	struct segment s;

	for (;;) {
		int64_t timer = peer_next_timer(d->peer), judge = answer_wakes_at(&d->answer);
		int64_t next = sooner(sooner(timer, judge), sooner(d->out.count ? d->out.at_us[0] : INT64_MAX,
								   d->in.count ? d->in.at_us[0] : INT64_MAX));

		if (next > until)
			break;
		d->now_us = next > d->now_us ? next : d->now_us;
		if (take_from_way(d, &d->in, &s))
			receive(d, &s);
		else if (take_from_way(d, &d->out, &s))
			peer_receive(d->peer, &s, d->now_us);
		else if (timer <= d->now_us)
			peer_timeout(d->peer, d->now_us);
		else
			answer_time(&d->answer, d->now_us, &d->j);
		d->id = peer_find(d->peer, &d->them, &d->us);
	}
	d->now_us = until;
	answer_time(&d->answer, d->now_us, &d->j);
}

/* --- into a state --- */

static void call(struct row_driver *d, enum event e)
{
	if (d->told)
		answer_call(&d->answer, e, d->now_us);
	switch (e) {
	case EVENT_USER_SEND:
		peer_send(d->peer, d->id, bytes, ROW_QUEUED, d->now_us);
		break;
	case EVENT_USER_SHUTDOWN_WR:
		peer_shutdown(d->peer, d->id, d->now_us);
		break;
	case EVENT_USER_CLOSE:
		if (d->id >= 0)
			peer_close(d->peer, d->id, d->now_us);
		else
			peer_listen(d->peer, d->them.port, false, d->now_us);
		break;
	case EVENT_USER_ABORT:
		if (d->id >= 0)
			peer_abort(d->peer, d->id, d->now_us);
		else
			peer_listen(d->peer, d->them.port, false, d->now_us);
		break;
	case EVENT_USER_ACTIVE_OPEN: {
		int id = peer_connect(d->peer, &d->them, &d->us, d->now_us);

		d->id = id >= 0 ? id : d->id;
		break;
	}
	case EVENT_USER_PASSIVE_OPEN:
		peer_listen(d->peer, d->them.port, true, d->now_us);
		break;
	case EVENT_TO_USER:
		peer_user_timeout(d->peer, d->id, d->now_us);
		break;
	case EVENT_TO_KEEPALIVE:
		peer_keepalive(d->peer, d->id, d->now_us);
		break;
	default: /* a timer that the peer keeps itself */
		peer_timeout(d->peer, d->now_us);
		break;
	}
}

static void handshake(struct row_driver *d)
{
	send(d, FLAG_SYN, d->isn, 0, 0);
	if (d->state == TCP_SYN_RECEIVED)
		return;
	send(d, FLAG_ACK, d->snd, d->nxt, 0);
	send(d, FLAG_ACK | FLAG_PSH, d->snd, d->nxt, TEXT);
	if (d->event == EVENT_WINDOW_PROBE || d->event == EVENT_RST_EXACT_ZERO_WINDOW)
		send(d, FLAG_ACK | FLAG_PSH, d->snd, d->nxt, ROW_BUFFER - TEXT);
}

/* What the event wants to find. */
static void prepare(struct row_driver *d)
{
	if (d->event == EVENT_TO_PERSIST) {
		d->window = 0;
		send(d, FLAG_ACK, d->snd, d->nxt, 0);
		call(d, EVENT_USER_SEND);
	}
	if (has_something_outstanding(d))
		call(d, EVENT_USER_SEND);
}

static void close_in_turn(struct row_driver *d)
{
	enum tcp_state state = d->state;
	uint32_t una = d->una;

	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK)
		send(d, FLAG_FIN | FLAG_ACK, d->snd, una, 0);
	prepare(d);
	if (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT)
		return;
	call(d, EVENT_USER_SHUTDOWN_WR);
	if (state == TCP_FIN_WAIT_1 || state == TCP_LAST_ACK)
		return;
	if (state == TCP_CLOSING) {
		send(d, FLAG_FIN | FLAG_ACK, d->snd, una, 0);
		return;
	}
	send(d, FLAG_ACK, d->snd, d->nxt, 0);
	if (state == TCP_TIME_WAIT)
		send(d, FLAG_FIN | FLAG_ACK, d->snd, d->nxt, 0);
}

/* SYN-RECEIVED out of TIME-WAIT. */
static void reopen(struct row_driver *d)
{
	d->state = TCP_TIME_WAIT;
	handshake(d);
	close_in_turn(d);
	send(d, FLAG_SYN, d->snd + FAR, 0, 0);
	d->state = TCP_SYN_RECEIVED;
}

bool row_reach(struct row_driver *d)
{
	if (d->state == TCP_CLOSED || d->state == TCP_LISTEN)
		return true;
	if (is_active(d)) {
		call(d, EVENT_USER_ACTIVE_OPEN);
		if (d->state == TCP_SYN_SENT)
			return d->id >= 0;
		send(d, FLAG_SYN, d->isn, 0, 0);
	} else if (d->event == EVENT_RST_AFTER_REOPEN) {
		reopen(d);
	} else {
		handshake(d);
		if (d->state != TCP_SYN_RECEIVED)
			close_in_turn(d);
	}
	row_ask(d, d->state);
	row_wait(d, 900000);
	return d->id >= 0;
}

/* --- the event --- */

/* An ICMP error that quotes what the peer has outstanding, or would have. */
static void icmp(struct row_driver *d, uint8_t type, uint8_t code)
{
	struct segment s = { .src = d->them, .dst = d->us, .seq = d->una };

	s.icmp.type = type;
	s.icmp.code = code;
	s.options.malformed = -1;
	show(d, '>', &s);
	answer_stimulus(&d->answer, &s, EVENT_ANY, d->now_us);
	if (d->delay_us)
		put_on_way(d, &d->out, &s);
	else
		peer_receive(d->peer, &s, d->now_us);
}

static bool call_or_timer(struct row_driver *d)
{
	if (d->event == EVENT_TO_RETRANSMISSION || d->event == EVENT_TO_PERSIST ||
	    d->event == EVENT_TO_2MSL) {
		int64_t timer = peer_next_timer(d->peer);

		if (timer == INT64_MAX)
			return false;
		if (d->delay_us && timer > d->now_us)
			row_wait(d, timer - d->now_us - 1);
		d->now_us = timer;
	}
	if (d->event == EVENT_TO_FINWAIT2) {
		if (d->delay_us)
			row_wait(d, 700000000);
		d->now_us += 700000000;
	}
	/* the peer has no such calls: a listener does not connect or send, and shutdown is not for it */
	if (d->state == TCP_LISTEN && (d->event == EVENT_USER_ACTIVE_OPEN || d->event == EVENT_USER_SEND ||
				       d->event == EVENT_USER_SHUTDOWN_WR))
		return false;
	if (d->state == TCP_CLOSED && (d->event == EVENT_USER_CLOSE || d->event == EVENT_USER_ABORT))
		d->id = 0; /* no connection has that number */
	call(d, d->event);
	return true;
}

bool row_apply(struct row_driver *d, enum peer_mutation kind)
{
	struct segment s;
	bool done = true;

	d->recording = true;
	d->replies = 0;
	peer_mutate(d->peer, kind);
	if (d->event == EVENT_ICMP_SOFT)
		icmp(d, 3, 1);
	else if (d->event == EVENT_ICMP_HARD)
		icmp(d, 3, 3);
	else if (d->event == EVENT_ICMP_QUENCH)
		icmp(d, 4, 0);
	else if (events[d->event].kind != EVENT_KIND_SEGMENT)
		done = call_or_timer(d);
	else if (row_make(d, &s))
		send_segment(d, &s, d->unnamed ? EVENT_ANY : d->event);
	else
		done = false;
	d->recording = false;
	return done;
}

void row_ask(struct row_driver *d, enum tcp_state expected)
{
	struct segment s;

	if (expected == TCP_SYN_SENT || (d->state == TCP_SYN_SENT && expected == TCP_CLOSED))
		s = row_segment(d, FLAG_SYN | FLAG_ACK, d->isn, d->nxt, 0);
	else if (expected == TCP_LISTEN || (expected == TCP_CLOSED && d->state == TCP_LISTEN))
		s = row_segment(d, FLAG_SYN, d->isn + 2 * FAR, 0, 0);
	else
		s = row_segment(d, FLAG_ACK | FLAG_PSH, d->snd - 1, row_usual_ack(d), 1);
	send_segment(d, &s, EVENT_ANY);
}
