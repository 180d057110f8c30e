/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

#include "core/seq.h"
#include "peer_internal.h"

static const struct peer_port default_ports[] = {
	{ 2, PEER_SILENT },   { 7, PEER_ECHO },      { 9, PEER_DISCARD },	{ 13, PEER_DAYTIME },
	{ 19, PEER_CHARGEN }, { 80, PEER_HTTP },     { 11009, PEER_SINK }, { 11010, PEER_ABORTER },
	{ 11011, PEER_MANUAL }, { 11012, PEER_STALLED },
};

static const char *const state_names[PEER_STATES] = {
	[PEER_CLOSED] = "CLOSED",
	[PEER_LISTEN] = "LISTEN",
	[PEER_SYN_SENT] = "SYN-SENT",
	[PEER_SYN_RECEIVED] = "SYN-RECEIVED",
	[PEER_ESTABLISHED] = "ESTABLISHED",
	[PEER_FIN_WAIT_1] = "FIN-WAIT-1",
	[PEER_FIN_WAIT_2] = "FIN-WAIT-2",
	[PEER_CLOSE_WAIT] = "CLOSE-WAIT",
	[PEER_CLOSING] = "CLOSING",
	[PEER_LAST_ACK] = "LAST-ACK",
	[PEER_TIME_WAIT] = "TIME-WAIT",
};

void peer_defaults(struct peer_params *params)
{
	*params = (struct peer_params){
		.ports = default_ports,
		.n_ports = sizeof default_ports / sizeof *default_ports,
		.seed = 1,
		.options = OPTION_MSS | OPTION_WSCALE | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS,
		.mss = 1460,
		.wscale = 2,
		.ttl = 64,
		.receive_buffer = 65536,
		.chargen_bytes = 100000,
		.rto_us = 1000000,
		.rto_max_us = 60000000,
		.give_up_us = 180000000,
		.time_wait_us = 60000000,
		.orphan_us = 60000000,
		.challenge_us = 5000000,
		.challenge_acks = 10,
	};
}

struct peer *peer_new(const struct peer_params *params)
{
	struct peer *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->params = *params;
	p->random = params->seed;
	return p;
}

void peer_free(struct peer *p)
{
	free(p);
}

void peer_set_output(struct peer *p, peer_output *output, void *arg)
{
	p->output = output;
	p->arg = arg;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

uint64_t peer_random(struct peer *p)
{
	p->random += 0x9e3779b97f4a7c15U;
	return mix(p->random);
}

bool peer_has_fault(const struct peer *p, enum peer_fault fault)
{
	return p->params.fault == fault;
}

enum peer_app peer_behind(const struct peer *p, uint16_t port)
{
	if (port && port == p->listen_port)
		return PEER_MANUAL;
	if (port && port == p->mute_port)
		return PEER_REFUSE;
	for (size_t i = 0; i < p->params.n_ports; i++)
		if (p->params.ports[i].port == port)
			return p->params.ports[i].app;
	return PEER_REFUSE;
}

static uint64_t mix_endpoint(uint64_t key, const struct endpoint *e)
{
	for (size_t i = 0; i < address_len(&e->addr); i++)
		key = mix(key ^ e->addr.bytes[i]);
	return mix(key ^ e->port);
}

/* ISN = M + F(localip, localport, remoteip, remoteport, secretkey), M ticking every 4 us (RFC 9293 3.4.1,
 * MUST-8, SHLD-1). F only has to look random to tests. */
static uint32_t choose_iss(const struct peer *p, const struct endpoint *local, const struct endpoint *remote)
{
	if (peer_has_fault(p, FAULT_ISS_CONSTANT))
		return 1000;
	return (uint32_t)(p->now_us / 4) +
	       (uint32_t)mix_endpoint(mix_endpoint(mix(p->params.seed + 1), local), remote);
}

int peer_find(const struct peer *p, const struct endpoint *local, const struct endpoint *remote)
{
	for (int i = 0; i < PEER_CONNS; i++) {
		const struct peer_conn *c = &p->conns[i];

		if (c->state != PEER_CLOSED && c->remote.port == remote->port &&
		    endpoint_equal(&c->local, local) && endpoint_equal(&c->remote, remote))
			return i;
	}
	return -1;
}

static struct peer_conn *free_slot(struct peer *p)
{
	for (int i = 0; i < PEER_CONNS; i++)
		if (p->conns[i].state == PEER_CLOSED)
			return &p->conns[i];
	return NULL;
}

struct peer_conn *peer_conn_new(struct peer *p, const struct endpoint *local,
				const struct endpoint *remote, struct peer_conn *reuse)
{
	struct endpoint l = *local, r = *remote; /* may lie in `reuse` */
	struct peer_conn *c = reuse ? reuse : free_slot(p);

	if (!c)
		return NULL;
	memset(c, 0, sizeof *c);
	c->local = l;
	c->remote = r;
	c->app = peer_behind(p, l.port);
	c->iss = choose_iss(p, &l, &r);
	c->snd_una = c->iss;
	c->snd_nxt = c->iss + 1;
	c->buffer_seq = c->iss + 1;
	c->ts_offset = (uint32_t)peer_random(p);
	c->snd_mss = l.addr.family == 6 ? 1220 : 536; /* MUST-15 */
	c->cwnd = c->snd_mss;
	c->ssthresh = UINT32_MAX;
	c->rto_us = p->params.rto_us;
	c->rto_at = PEER_NEVER;
	c->time_wait_at = PEER_NEVER;
	return c;
}

void peer_conn_free(struct peer_conn *c)
{
	c->state = PEER_CLOSED;
	c->rto_at = PEER_NEVER;
	c->time_wait_at = PEER_NEVER;
}

void peer_conn_established(struct peer *p, struct peer_conn *c)
{
	c->state = c->fin_queued ? PEER_FIN_WAIT_1 : PEER_ESTABLISHED;
	c->tries = 0;
	/* RFC 6298 5.7: 3 s if the SYN had to be repeated. */
	c->rto_us = c->syn_repeated ? 3 * p->params.rto_us : p->params.rto_us;
	c->cwnd = 10U * c->snd_mss; /* RFC 6928 2; RFC 5681 3.1 after a lost SYN */
	if (c->syn_repeated)
		c->cwnd = c->snd_mss;
	peer_app_opened(p, c);
}

void peer_conn_time_wait(struct peer *p, struct peer_conn *c)
{
	if (peer_has_fault(p, FAULT_NO_TIME_WAIT)) {
		if (c->ack_owed)
			peer_out_ack(p, c);
		peer_conn_free(c);
		return;
	}
	c->state = PEER_TIME_WAIT;
	c->rto_at = PEER_NEVER;
	c->time_wait_at = p->now_us + p->params.time_wait_us; /* MUST-13 */
}

/* RFC 9293 3.10.4. In SYN-RECEIVED the FIN waits for ESTABLISHED, which the text allows where data is
 * queued and most systems do always. */
void peer_conn_close(struct peer *p, struct peer_conn *c, bool full)
{
	c->full_close = c->full_close || full;
	switch (c->state) {
	case PEER_SYN_SENT:
		peer_conn_free(c);
		return;
	case PEER_SYN_RECEIVED:
		c->fin_queued = true;
		return;
	case PEER_ESTABLISHED:
		c->state = PEER_FIN_WAIT_1;
		break;
	case PEER_CLOSE_WAIT:
		c->state = PEER_LAST_ACK;
		break;
	default:
		return;
	}
	c->fin_queued = true;
	peer_out_flush(p, c);
}

/* RFC 9293 3.10.5. */
void peer_conn_abort(struct peer *p, struct peer_conn *c)
{
	switch (c->state) {
	case PEER_SYN_RECEIVED:
	case PEER_ESTABLISHED:
	case PEER_FIN_WAIT_1:
	case PEER_FIN_WAIT_2:
	case PEER_CLOSE_WAIT:
		peer_out_rst(p, c, c->snd_nxt);
		break;
	default:
		break;
	}
	peer_conn_free(c);
}

static bool receivable(const struct segment *s)
{
	/* MUST-3 for the checksum; MUST-57, MUST-63 for the addresses. */
	return s->checksum != CHECKSUM_BAD && !address_is_multicast(&s->dst.addr) &&
	       !address_is_multicast(&s->src.addr) && !address_is_unspecified(&s->src.addr);
}

/* RFC 9293 3.9.2.2 (SHLD-26): protocol or port unreachable about what is outstanding ends the connection;
 * the other errors change nothing (MUST-55, MUST-56). */
static void icmp_arrives(struct peer *p, const struct segment *s)
{
	int id = peer_find(p, &s->src, &s->dst);
	struct peer_conn *c = id >= 0 ? &p->conns[id] : NULL;

	if (c && c->state != PEER_TIME_WAIT && s->icmp.type == 3 &&
	    (s->icmp.code == 2 || s->icmp.code == 3) && s->src.addr.family == 4 &&
	    seq_ge(s->seq, c->snd_una) && seq_le(s->seq, c->snd_nxt))
		peer_conn_free(c);
}

static void receive(struct peer *p, const struct segment *s)
{
	struct segment changed;
	int id;

	if (s->icmp.type) {
		icmp_arrives(p, s);
		return;
	}
	if (!receivable(s) || peer_behind(p, s->dst.port) == PEER_SILENT)
		return;
	if (peer_has_fault(p, FAULT_FIN_IGNORED) && s->flags & FLAG_FIN) {
		changed = *s;
		changed.flags &= (uint16_t)~FLAG_FIN;
		s = &changed;
	}
	id = peer_find(p, &s->dst, &s->src);
	if (id >= 0)
		peer_in_segment(p, &p->conns[id], s);
	else if (peer_wrong_stray(p, s, peer_behind(p, s->dst.port) != PEER_REFUSE))
		return;
	else if (peer_behind(p, s->dst.port) != PEER_REFUSE)
		peer_in_listen(p, s, NULL);
	else if (!(s->flags & FLAG_RST) || peer_has_fault(p, FAULT_RST_ANSWERS_RST))
		peer_out_refuse(p, s);
}

void peer_receive(struct peer *p, const struct segment *s, int64_t now_us)
{
	p->now_us = now_us;
	mutate_begin(p);
	receive(p, s);
	mutate_end(p, s);
}

int64_t peer_next_timer(const struct peer *p)
{
	int64_t next = PEER_NEVER;

	for (int i = 0; i < PEER_CONNS; i++) {
		const struct peer_conn *c = &p->conns[i];

		if (c->state == PEER_CLOSED)
			continue;
		next = c->rto_at < next ? c->rto_at : next;
		next = c->time_wait_at < next ? c->time_wait_at : next;
	}
	for (int i = 0; i < PEER_HELD; i++)
		if (p->held[i].at_us && p->held[i].at_us < next)
			next = p->held[i].at_us;
	return next;
}

/* RFC 9293 3.10.8 with RFC 6298 5.4 to 5.6; the end of patience (R2) is silent. */
static void retransmission_timeout(struct peer *p, struct peer_conn *c)
{
	bool opening = c->state == PEER_SYN_SENT || c->state == PEER_SYN_RECEIVED;
	bool only_fin = c->fin_sent && !c->buffer_len;
	uint32_t flight = c->snd_nxt - c->snd_una;

	if (p->now_us - c->rto_first >= p->params.give_up_us) {
		peer_conn_free(c);
		return;
	}
	if ((peer_has_fault(p, FAULT_SYN_ACK_NOT_REPEATED) && c->state == PEER_SYN_RECEIVED) ||
	    (peer_has_fault(p, FAULT_FIN_NOT_REPEATED) && only_fin)) {
		c->rto_at = c->rto_first + p->params.give_up_us;
		return;
	}
	c->tries++;
	c->syn_repeated = c->syn_repeated || opening;
	if (!peer_has_fault(p, FAULT_NO_BACK_OFF))
		c->rto_us = 2 * c->rto_us < p->params.rto_max_us ? 2 * c->rto_us : p->params.rto_max_us;
	c->rto_at = p->now_us + c->rto_us;
	if (!opening && flight) {
		if (c->tries == 1)
			c->ssthresh = flight / 2 > 2U * c->snd_mss ? flight / 2 : 2U * c->snd_mss;
		c->cwnd = c->snd_mss;
		c->recovering = true;
		c->recover = c->snd_nxt;
	}
	peer_out_again(p, c);
}

void peer_timeout(struct peer *p, int64_t now_us)
{
	p->now_us = now_us;
	mutate_begin(p);
	for (int i = 0; i < PEER_CONNS; i++) {
		struct peer_conn *c = &p->conns[i];

		if (c->state != PEER_CLOSED && c->time_wait_at <= now_us)
			peer_conn_free(c);
		if (c->state != PEER_CLOSED && c->rto_at <= now_us)
			retransmission_timeout(p, c);
	}
	peer_out_release(p);
	mutate_end(p, NULL);
}

int peer_connect(struct peer *p, const struct endpoint *local, const struct endpoint *remote,
		 int64_t now_us)
{
	struct peer_conn *c;

	p->now_us = now_us;
	mutate_begin(p);
	c = peer_find(p, local, remote) >= 0 ? NULL : peer_conn_new(p, local, remote, NULL);
	if (c) {
		c->app = PEER_MANUAL;
		c->active = true;
		c->state = PEER_SYN_SENT;
		peer_out_syn(p, c);
		peer_out_start_timer(p, c);
	}
	mutate_end(p, NULL);
	return c ? (int)(c - p->conns) : -1;
}

static struct peer_conn *by_id(struct peer *p, int id)
{
	return id >= 0 && id < PEER_CONNS && p->conns[id].state != PEER_CLOSED ? &p->conns[id] : NULL;
}

size_t peer_send(struct peer *p, int id, const void *data, size_t len, int64_t now_us)
{
	struct peer_conn *c = by_id(p, id);

	p->now_us = now_us;
	mutate_begin(p);
	if (!c || c->fin_queued || c->state == PEER_TIME_WAIT)
		len = 0;
	if (len && len > PEER_BUFFER - c->buffer_len)
		len = PEER_BUFFER - c->buffer_len;
	if (len) {
		memcpy(c->buffer + c->buffer_len, data, len);
		c->buffer_len += (uint32_t)len;
		peer_out_flush(p, c);
	}
	mutate_end(p, NULL);
	return len;
}

void peer_shutdown(struct peer *p, int id, int64_t now_us)
{
	struct peer_conn *c = by_id(p, id);

	p->now_us = now_us;
	mutate_begin(p);
	if (c)
		peer_conn_close(p, c, false);
	mutate_end(p, NULL);
}

void peer_close(struct peer *p, int id, int64_t now_us)
{
	struct peer_conn *c = by_id(p, id);

	p->now_us = now_us;
	mutate_begin(p);
	if (c)
		peer_conn_close(p, c, true);
	mutate_end(p, NULL);
}

void peer_abort(struct peer *p, int id, int64_t now_us)
{
	struct peer_conn *c = by_id(p, id);

	p->now_us = now_us;
	mutate_begin(p);
	if (c)
		peer_conn_abort(p, c);
	mutate_end(p, NULL);
}

void peer_listen(struct peer *p, uint16_t port, bool listen, int64_t now_us)
{
	p->now_us = now_us;
	mutate_begin(p);
	if (p->mutant.now == PEER_WRONG_NEXT_STATE)
		listen = !listen;
	p->listen_port = 0;
	p->mute_port = 0;
	if (!listen)
		p->mute_port = port;
	else if (peer_behind(p, port) == PEER_REFUSE)
		p->listen_port = port;
	mutate_end(p, NULL);
}

void peer_user_timeout(struct peer *p, int id, int64_t now_us)
{
	struct peer_conn *c = by_id(p, id);

	p->now_us = now_us;
	mutate_begin(p);
	if (c)
		peer_conn_free(c);
	mutate_end(p, NULL);
}

void peer_keepalive(struct peer *p, int id, int64_t now_us)
{
	struct peer_conn *c = by_id(p, id);

	p->now_us = now_us;
	mutate_begin(p);
	if (c && c->state == PEER_ESTABLISHED)
		peer_out_emit(p, c, c->snd_nxt - 1, FLAG_ACK, NULL, 0);
	mutate_end(p, NULL);
}

void peer_status(const struct peer *p, int id, struct peer_status *status)
{
	memset(status, 0, sizeof *status);
	if (id < 0 || id >= PEER_CONNS || p->conns[id].state == PEER_CLOSED)
		return;
	*status = (struct peer_status){
		.state = p->conns[id].state,
		.iss = p->conns[id].iss,
		.irs = p->conns[id].irs,
		.snd_una = p->conns[id].snd_una,
		.snd_nxt = p->conns[id].snd_nxt,
		.rcv_nxt = p->conns[id].rcv_nxt,
		.received = p->conns[id].received,
		.options = p->conns[id].options,
	};
}

enum peer_state peer_state(const struct peer *p, const struct endpoint *local,
			   const struct endpoint *remote)
{
	int id = peer_find(p, local, remote);
	enum peer_app app = peer_behind(p, local->port);

	if (id >= 0)
		return p->conns[id].state;
	return app == PEER_REFUSE || app == PEER_SILENT ? PEER_CLOSED : PEER_LISTEN;
}

const char *peer_state_name(enum peer_state state)
{
	return state_names[state];
}
