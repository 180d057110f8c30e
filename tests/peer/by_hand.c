/* SPDX-License-Identifier: BSD-2-Clause */
#include "by_hand.h"

#include <stdlib.h>
#include <string.h>

static void collect(void *arg, const struct segment *s)
{
	struct by_hand *h = arg;

	if (h->n == BY_HAND_MAX || s->data_len > BY_HAND_DATA)
		abort(); /* a test that needs more has to say so here */
	h->got[h->n] = *s;
	h->got[h->n].t_us = h->now_us;
	if (s->data_len)
		memcpy(h->data[h->n], s->data, s->data_len);
	h->got[h->n].data = h->data[h->n];
	/* As a receiver would, from the bytes. */
	options_parse(&h->got[h->n].options, s->options.raw, s->options.raw_len);
	if (s->options.present & OPTION_TIMESTAMPS)
		h->tsecr = s->options.tsval;
	h->n++;
}

void by_hand_open(struct by_hand *h, const struct peer_params *params, uint16_t port, const char *options)
{
	char why[128];

	memset(h, 0, sizeof *h);
	h->peer = peer_new(params);
	if (!h->peer || !options_from_text(&h->syn_options, options, why, sizeof why) ||
	    !address_parse(&h->us.addr, "198.18.0.1") || !address_parse(&h->them.addr, "198.18.0.66"))
		abort();
	h->us.port = 40000;
	h->them.port = port;
	h->now_us = 1000000;
	peer_set_output(h->peer, collect, h);
}

void by_hand_close(struct by_hand *h)
{
	peer_free(h->peer);
}

void by_hand_send(struct by_hand *h, uint16_t flags, uint32_t seq, uint32_t ack, const char *text)
{
	struct segment s = {
		.src = h->us,
		.dst = h->them,
		.seq = seq,
		.ack = ack,
		.flags = flags,
		.window = 65535,
		.ttl = 64,
		.data = (const uint8_t *)text,
		.len = text ? (uint32_t)strlen(text) : 0,
	};

	s.data_len = s.len;
	s.options.malformed = -1;
	if (flags & FLAG_SYN)
		s.options = h->syn_options;
	else if (h->timestamps)
		s.options.present = OPTION_TIMESTAMPS;
	s.options.tsval = (uint32_t)(h->now_us / 1000);
	s.options.tsecr = flags & FLAG_ACK ? h->tsecr : 0;
	options_build(&s.options);
	peer_receive(h->peer, &s, h->now_us);
}

void by_hand_wait(struct by_hand *h, int64_t us)
{
	int64_t until = h->now_us + us;

	while (peer_next_timer(h->peer) <= until) {
		if (peer_next_timer(h->peer) > h->now_us)
			h->now_us = peer_next_timer(h->peer);
		peer_timeout(h->peer, h->now_us);
	}
	h->now_us = until;
}

const struct segment *by_hand_next(struct by_hand *h)
{
	return h->read < h->n ? &h->got[h->read++] : NULL;
}
