/* SPDX-License-Identifier: BSD-2-Clause */
/* A prober driven by hand: what the target says is given field by field, in relative numbers; what the prober
 * sends is looked at segment by segment. To be included after cmocka.h, by the tests of the prober only. */
#ifndef FINWAIT_TESTS_PROBER_BY_HAND_H
#define FINWAIT_TESTS_PROBER_BY_HAND_H

#include <string.h>

#include "core/prober.h"

enum { S = FLAG_SYN, A = FLAG_ACK, F = FLAG_FIN, R = FLAG_RST, P = FLAG_PSH };

struct by_hand {
	struct prober_params params;
	struct prober p;
	struct prober_out out;
	size_t read; /* of `out` */
	int64_t now_us;
	uint32_t isn, iss;          /* ours, the target's */
	uint16_t window;            /* of the target's next segments */
	struct tcp_options options; /* ... and their options */
};

static inline void begin(struct by_hand *h, const char *options, const void *data, size_t len)
{
	char why[200];

	memset(h, 0, sizeof *h);
	h->isn = 0xfffffffd; /* data wraps after two bytes, as does what the target sends */
	h->iss = 0xfffffffc;
	h->window = 65535;
	h->now_us = 5000000;
	h->options.malformed = -1;
	assert_true(address_parse(&h->params.source.addr, "198.18.0.1"));
	assert_true(address_parse(&h->params.target.addr, "198.18.0.2"));
	h->params.source.port = 40000;
	h->params.target.port = 7;
	h->params.isn = h->isn;
	h->params.window = 4000;
	h->params.ttl = 61;
	assert_true(options_from_text(&h->params.syn_options, options, why, sizeof why));
	memset(&h->p, 0xa5, sizeof h->p);
	prober_init(&h->p, &h->params, data, len);
}

/* The target's next segments have these options. */
static inline void use_options(struct by_hand *h, const char *options)
{
	char why[200];

	assert_true(options_from_text(&h->options, options, why, sizeof why));
}

static inline void hear(struct by_hand *h, uint16_t flags, uint32_t seq, uint32_t ack, const char *text)
{
	struct segment s = {.src = h->params.target, .dst = h->params.source, .ttl = 64};

	s.seq = h->iss + seq;
	s.ack = flags & A ? h->isn + ack : 0;
	s.flags = flags;
	s.window = h->window;
	s.options = h->options;
	s.data = (const uint8_t *)text;
	s.len = s.data_len = text ? (uint32_t)strlen(text) : 0;
	prober_received(&h->p, &s, h->now_us, &h->out);
}

/* The next segment of the prober. */
static inline const struct segment *next(struct by_hand *h)
{
	const struct segment *s;

	if (h->read == h->out.count)
		fail_msg("the prober sends nothing");
	s = &h->out.segments[h->read++];
	if (h->read == h->out.count)
		h->read = h->out.count = 0; /* room for what is next; *s stays until then */
	assert_true(endpoint_equal(&s->src, &h->params.source));
	assert_true(endpoint_equal(&s->dst, &h->params.target));
	assert_int_equal(s->ttl, 61);
	assert_int_equal(s->window, 4000);
	assert_int_equal(s->len, s->data_len);
	return s;
}

static inline const struct segment *expect(struct by_hand *h, uint16_t flags, uint32_t seq, uint32_t ack,
					   uint32_t len)
{
	const struct segment *s = next(h);

	assert_int_equal(s->flags, flags);
	assert_int_equal(s->seq - h->isn, seq);
	if (flags & A)
		assert_int_equal(s->ack - h->iss, ack);
	else
		assert_int_equal(s->ack, 0);
	assert_int_equal(s->len, len);
	return s;
}

static inline void silent(struct by_hand *h)
{
	if (h->read != h->out.count)
		fail_msg("flags %#x are sent, nothing is expected", h->out.segments[h->read].flags);
}

static inline void in_state(struct by_hand *h, enum tcp_state state)
{
	assert_string_equal(tcp_state_name(h->p.state), tcp_state_name(state));
}

static inline void wait_ms(struct by_hand *h, int64_t ms)
{
	h->now_us += 1000 * ms;
}

/* SYN, SYN,ACK, ACK; the first flight of data is left in `out`. */
static inline void handshake(struct by_hand *h)
{
	prober_open(&h->p, h->now_us, &h->out);
	expect(h, S, 0, 0, 0);
	hear(h, S | A, 0, 1, NULL);
	expect(h, A, 1, 1, 0);
	in_state(h, TCP_ESTABLISHED);
	h->options = (struct tcp_options){.malformed = -1};
}

static inline void open_plain(struct by_hand *h, const char *data)
{
	begin(h, "none", data, data ? strlen(data) : 0);
	handshake(h);
}

/* The timer fires, not a moment before `ms` have passed. */
static inline void fires_after(struct by_hand *h, int64_t ms)
{
	assert_int_equal(h->p.rto_at_us, h->now_us + 1000 * ms);
	h->now_us += 1000 * ms - 1;
	prober_timeout(&h->p, h->now_us, &h->out);
	silent(h);
	h->now_us++;
	prober_timeout(&h->p, h->now_us, &h->out);
}

static inline void no_timer(struct by_hand *h)
{
	assert_true(h->p.rto_at_us == INT64_MAX);
}

#endif
