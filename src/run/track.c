/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/track.h"

#include <stdlib.h>
#include <string.h>

#include "core/seq.h"
#include "run/hosts.h"
#include "run/remember.h"
#include "run/summary.h"
#include "run/table.h"

enum {
	OVER_MOST = 16384, /* connections that are over and still remembered */
	TWO_MSL_S = 240,   /* RFC 9293 3.4.2: MSL is 2 minutes */
	COPY_S = 30,       /* later than this, a SYN that was seen before is not a late copy */
	SHORTEST_US = 200, /* handshakes within less do not show where they were captured */
};

struct track {
	struct track_params params;
	struct track_totals totals;
	int64_t base_us;
	bool begun;
	uint32_t next_index;
	struct table table;
	struct hosts hosts;
	struct remember remember;
	struct judgement j; /* of the segment that passes; too large to be made anew each time */
};

/* A segment on its way through. */
struct passage {
	const struct segment *s;
	uint32_t hosts[2]; /* of its source and destination */
	uint32_t number;   /* of the entry */
	struct entry *e;
	unsigned from; /* the end that sent it */
	struct conn c;
};

struct track *track_new(const struct track_params *params)
{
	struct track *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->params = *params;
	if (!hosts_init(&t->hosts, params->seed, params->near, params->near_count) ||
	    !table_init(&t->table, params->seed)) {
		track_free(t);
		return NULL;
	}
	return t;
}

void track_free(struct track *t)
{
	if (!t)
		return;
	table_free(&t->table);
	hosts_free(&t->hosts);
	free(t);
}

const struct track_totals *track_totals(const struct track *t)
{
	return &t->totals;
}

uint32_t track_count(const struct track *t)
{
	return t->table.counts[TABLE_OPEN] + t->table.counts[TABLE_OVER];
}

/* ---- reports ----------------------------------------------------------------------------------- */

static bool is_reported(const struct track *t, uint32_t index)
{
	return t->params.only < 0 || t->params.only == index;
}

static void name_entry(const struct track *t, const struct entry *e, struct track_name *name)
{
	*name = (struct track_name){
		.index = e->index,
		.src = {hosts_address(&t->hosts, e->hosts[0]), e->ports[0]},
		.dst = {hosts_address(&t->hosts, e->hosts[1]), e->ports[1]},
		.vlan = t->hosts.list[e->hosts[0]].vlan,
	};
}

static void tell(struct track *t, const struct track_name *name, unsigned end, const struct verdict *v)
{
	t->totals.findings[v->rule->class][v->certainty]++;
	if (t->params.violation)
		t->params.violation(t->params.arg, name, end, v);
}

/* The connection is summed up; it leaves, or its ports are used again. */
static void sum_up(struct track *t, const struct entry *e, const struct conn *c, bool evicted)
{
	struct track_summary s;

	summarize(e, c, &s);
	t->totals.connections++;
	t->totals.handshakes[s.handshake]++;
	t->totals.endings[s.ending]++;
	t->totals.evicted += evicted;
	if (!t->params.connection || !is_reported(t, e->index))
		return;
	s.evicted = evicted;
	name_entry(t, e, &s.name);
	t->params.connection(t->params.arg, &s);
}

static void leave(struct track *t, uint32_t number, bool evicted)
{
	struct entry *e = table_at(&t->table, number);
	struct conn c;

	entry_read(e, t->base_us, &c);
	sum_up(t, e, &c, evicted);
	table_remove(&t->table, number);
}

static void tell_suspect(struct track *t, struct suspect *s)
{
	struct track_name name = {
		.index = s->connection, .src = s->src, .dst = s->dst, .vlan = t->hosts.list[s->sender].vlan};
	struct verdict v = {
		.outcome = OUTCOME_FAIL,
		.certainty = LIKELY,
		.rule = &rules[RULE_CHECKSUM],
		.state = TCP_STATES,
		.frame = s->frame,
		.expected = "the checksum of the segment",
		.observed = "another one, the first of this address; the segment counts as not received",
		.reason = "the segment was damaged on its way",
	};

	s->told = true;
	if (is_reported(t, s->connection))
		tell(t, &name, s->end, &v);
}

/* ---- which connection it is ---------------------------------------------------------------------- */

/* Those that are over leave after 2 MSL; of those that are open the idlest makes room. */
static void make_room(struct track *t, int64_t now_us)
{
	uint32_t number;

	while ((number = table_oldest(&t->table, TABLE_OVER))) {
		const struct entry *e = table_at(&t->table, number);
		int64_t last_us = entry_start_us(e, t->base_us) + (int64_t)e->last_ms * 1000;

		if (now_us - last_us < (int64_t)TWO_MSL_S * 1000000 &&
		    t->table.counts[TABLE_OVER] < OVER_MOST)
			break;
		leave(t, number, false);
	}
	while (t->table.counts[TABLE_OPEN] >= t->params.max_connections &&
	       (number = table_oldest(&t->table, TABLE_OPEN)))
		leave(t, number, true);
}

/* The connection begins now, or begins anew. */
static void begin_entry(struct track *t, struct passage *p)
{
	int64_t since_us = p->s->t_us > t->base_us ? p->s->t_us - t->base_us : 0;

	p->e->index = t->next_index++;
	p->e->start_s = since_us / 1000000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(since_us / 1000000);
	p->e->start_ms = (uint16_t)(since_us % 1000000 / 1000);
	p->e->last_ms = 0;
	p->e->segments = 0;
	p->e->flags &= ENTRY_OVER;
	p->c.start_us = entry_start_us(p->e, t->base_us);
	if ((p->s->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST)) == FLAG_SYN) {
		p->e->flags |= ENTRY_TIMED;
		remember_handshake(&t->remember, p->e->index, p->s->t_us);
	}
}

static bool open_entry(struct track *t, struct passage *p)
{
	const uint16_t ports[2] = {p->s->src.port, p->s->dst.port};

	p->number = table_find(&t->table, p->hosts, ports);
	if (p->number) {
		p->e = table_at(&t->table, p->number);
		p->from = p->e->hosts[0] != p->hosts[0] || p->e->ports[0] != ports[0];
		entry_read(p->e, t->base_us, &p->c);
		return true;
	}
	make_room(t, p->s->t_us);
	p->number = table_add(&t->table, p->hosts, ports);
	if (!p->number)
		return false;
	p->e = table_at(&t->table, p->number);
	p->from = 0;
	conn_init(&p->c, 0);
	begin_entry(t, p);
	return true;
}

static uint32_t now_ms(const struct passage *p)
{
	int64_t us = p->s->t_us - p->c.start_us;

	return us < 0 ? 0 : us / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(us / 1000);
}

/* A SYN with the number of a connection that is over: sent anew, and no copy of the first one. */
static bool is_repeated_anew(const struct passage *p)
{
	const struct conn_end *me = &p->c.ends[p->from];
	const struct tcp_options *o = &p->s->options;

	if ((p->s->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST | FLAG_FIN)) != FLAG_SYN ||
	    !(me->known & CONN_SYN) || me->iss != p->s->seq || !conn_is_over(&p->c) ||
	    !(p->c.ends[0].known & p->c.ends[1].known & CONN_FIN))
		return false;
	return now_ms(p) - p->e->last_ms > COPY_S * 1000 ||
	       ((o->present & OPTION_TIMESTAMPS) && (me->known & CONN_TSVAL) && seq_gt(o->tsval, me->ts_max));
}

/* The first end is the one that opens. */
static void turn_round(struct passage *p)
{
	struct conn_end end = p->c.ends[0];
	uint32_t host = p->e->hosts[0];
	uint16_t port = p->e->ports[0];

	p->c.ends[0] = p->c.ends[1];
	p->c.ends[1] = end;
	p->e->hosts[0] = p->e->hosts[1];
	p->e->hosts[1] = host;
	p->e->ports[0] = p->e->ports[1];
	p->e->ports[1] = port;
	p->from = !p->from;
}

static void reopen(struct track *t, struct passage *p)
{
	if (!conn_is_reopened(&p->c, p->from, p->s) && !is_repeated_anew(p))
		return;
	sum_up(t, p->e, &p->c, false);
	if (p->from == !(p->s->flags & FLAG_ACK))
		turn_round(p);
	remember_numbers(&t->remember, t->next_index, &p->c,
			 p->s->t_us - (int64_t)(now_ms(p) - p->e->last_ms) * 1000);
	conn_reopen(&p->c);
	begin_entry(t, p);
	p->e->flags |= ENTRY_AGAIN;
}

/* ---- judging ----------------------------------------------------------------------------------- */

/* Where the capture was made shows in the first handshakes between two hosts. */
static void time_handshake(struct track *t, struct passage *p)
{
	uint16_t kind = p->s->flags & (FLAG_SYN | FLAG_ACK | FLAG_RST | FLAG_FIN);
	int64_t *times = remember_times(&t->remember, p->e->index);

	if (!(p->e->flags & ENTRY_TIMED) || p->e->segments == 1)
		return;
	if (times && !times[1] && kind == (FLAG_SYN | FLAG_ACK) && p->from == 1) {
		times[1] = p->s->t_us;
		return;
	}
	p->e->flags &= (uint16_t)~ENTRY_TIMED;
	if (times && times[1] && kind == FLAG_ACK && p->from == 0 && p->s->t_us - times[0] >= SHORTEST_US)
		hosts_handshake(&t->hosts, p->e->hosts[0], p->e->hosts[1],
				(double)(times[1] - times[0]) / (double)(p->s->t_us - times[0]));
}

/* RFC 9293 3.6.1 (MAY-2), 3.4.1: within 2 MSL a new connection begins above the numbers of the old one. */
static void judge_isn(struct track *t, struct passage *p)
{
	const struct numbers *old = remember_find_numbers(&t->remember, p->e->index, p->from);
	struct track_name name;
	struct verdict v;

	if (!old || !remember_is_reused(old, p->s, (int64_t)TWO_MSL_S * 1000000, &v) ||
	    !is_reported(t, p->e->index))
		return;
	p->e->flags |= ENTRY_ACCUSED;
	name_entry(t, p->e, &name);
	tell(t, &name, p->from, &v);
}

/* One cause is told once: of each end each rule, and no state once its numbers are wrong. A number that
 * contradicts those of an end that is accused already is that end's fault. */
static bool is_told(struct track *t, const struct passage *p, const struct verdict *v,
		    const uint32_t known[2])
{
	static const uint64_t by_state = UINT64_C(1) << RULE_STATE | UINT64_C(1) << RULE_RST_STATE |
					 UINT64_C(1) << RULE_AFTER_RST | UINT64_C(1) << RULE_ACK_KEPT |
					 UINT64_C(1) << REMEMBER_ROW;
	static const uint64_t by_number = UINT64_C(1) << RULE_ACK_UNSENT | UINT64_C(1) << RULE_FIN_COUNTED |
					  UINT64_C(1) << RULE_RST_NUMBER | UINT64_C(1) << RULE_ACK_KEPT;
	bool general = v->rule >= rules && v->rule < rules + RULES;
	unsigned rule = general ? (unsigned)(v->rule - rules) : REMEMBER_ROW;

	if ((known[p->from] & CONN_ACCUSED) && by_state & UINT64_C(1) << rule)
		return true;
	if ((known[1 - p->from] & CONN_ACCUSED) && by_number & UINT64_C(1) << rule)
		return true;
	return !remember_alarm(&t->remember, p->e->index, p->from, rule);
}

static void tell_verdicts(struct track *t, struct passage *p, const uint32_t known[2])
{
	struct track_name name;
	unsigned kept = 0;

	if (t->j.count)
		name_entry(t, p->e, &name);
	for (unsigned i = 0; i < t->j.count; i++) {
		struct verdict *v = &t->j.failed[i];

		if (is_told(t, p, v, known) || !is_reported(t, p->e->index))
			continue;
		p->e->flags |= ENTRY_ACCUSED;
		tell(t, &name, p->from, v);
		t->j.failed[kept++] = *v;
	}
	t->j.count = kept;
}

/* More than the form of a header: how the segment goes with what was seen before. */
static bool was_judged(const struct track *t, uint32_t known)
{
	static const uint64_t answers = UINT64_C(1) << RULE_SYN_ACK_NUMBER | UINT64_C(1) << RULE_REFUSAL;
	static const uint64_t header = (UINT64_C(1) << RULE_SYN_ACK_NUMBER) - 1;
	uint64_t counts = known & CONN_SEEN ? ~(header | UINT64_C(1) << RULE_BACK_OFF) : answers;

	return (t->j.passed & counts) || t->j.count;
}

static void observe(struct track *t, struct passage *p)
{
	const uint32_t known[2] = {p->c.ends[0].known, p->c.ends[1].known};
	int64_t start_us = p->c.start_us;

	p->c.vantage = (uint8_t)(hosts_vantage(&t->hosts, p->e->hosts[0], p->e->hosts[1]) |
				 (p->e->flags & ENTRY_AGAIN ? CONN_REUSED : 0));
	if ((p->e->flags & ENTRY_AGAIN) && (p->s->flags & FLAG_SYN) && !(known[p->from] & CONN_SYN))
		judge_isn(t, p);
	conn_observe(&p->c, t->params.rules, p->from, p->s, &t->j);
	p->c.start_us = start_us; /* as the entry keeps it, to the millisecond */
	p->e->flags |= ENTRY_BEGUN;
	t->totals.judged += was_judged(t, known[p->from]);
	summary_note(p->e, &p->c, p->from, p->s, &t->j, known);
	time_handshake(t, p);
	tell_verdicts(t, p, known);
}

static void judge(struct track *t, struct passage *p)
{
	struct track_name name;

	p->e->segments += p->e->segments < UINT32_MAX;
	p->e->last_ms = now_ms(p) > p->e->last_ms ? now_ms(p) : p->e->last_ms;
	t->j.passed = 0;
	t->j.count = 0;
	if (p->s->checksum == CHECKSUM_BAD)
		t->j.notes = NOTE_BAD_CHECKSUM;
	else if ((p->e->flags & ENTRY_AGAIN) &&
		 remember_is_late(&t->remember, p->e->index, p->from, p->s, &p->c))
		t->j.notes = NOTE_OLD_CONNECTION;
	else
		observe(t, p);
	if (t->params.segment && t->params.watch == p->e->index) {
		name_entry(t, p->e, &name);
		t->params.segment(t->params.arg, &name, p->from, p->s, &t->j, &p->c);
	}
}

/* A segment that nobody has received; its sender is accused later, if at all. */
static void suspect(struct track *t, const struct passage *p)
{
	struct suspect s = {.frame = p->s->frame,
			    .sender = p->hosts[0],
			    .connection = p->e->index,
			    .end = (uint8_t)p->from};
	struct track_name name;

	name_entry(t, p->e, &name);
	s.src = name.src;
	s.dst = name.dst;
	hosts_suspect(&t->hosts, &s);
}

static void check_suspect(struct track *t, uint32_t sender)
{
	const struct host *h = &t->hosts.list[sender];

	if (h->suspect && !t->hosts.suspects[h->suspect].told && hosts_checksums_count(h))
		tell_suspect(t, &t->hosts.suspects[h->suspect]);
}

bool track_segment(struct track *t, const struct segment *s)
{
	struct segment unknown;
	struct passage p; /* not all of it is needed each time */

	if (!t->begun)
		t->base_us = s->t_us;
	t->begun = true;
	t->totals.segments++;
	p.s = s;
	p.hosts[0] = hosts_number(&t->hosts, &s->src.addr, s->vlan);
	p.hosts[1] = hosts_number(&t->hosts, &s->dst.addr, s->vlan);
	if (!p.hosts[0] || !p.hosts[1])
		return false;
	if (p.hosts[0] == p.hosts[1] && s->src.port == s->dst.port)
		return true; /* connected to itself: one end cannot be told from the other */
	if (remember_is_duplicate(&t->remember, p.hosts, s)) {
		t->totals.duplicates++;
		return true;
	}
	t->totals.bad_checksums += s->checksum == CHECKSUM_BAD;
	t->totals.unknown_checksums += s->checksum == CHECKSUM_UNKNOWN;
	if (!open_entry(t, &p))
		return false;
	if (s->checksum == CHECKSUM_BAD)
		suspect(t, &p);
	if (hosts_checksum(&t->hosts, p.hosts[0], s->checksum) != s->checksum) {
		unknown = *s;
		unknown.checksum = CHECKSUM_UNKNOWN;
		p.s = &unknown;
	}
	check_suspect(t, p.hosts[0]);
	if (p.s->checksum != CHECKSUM_BAD)
		reopen(t, &p);
	judge(t, &p);
	entry_write(p.e, &p.c);
	table_touch(&t->table, p.number, conn_is_over(&p.c) ? TABLE_OVER : TABLE_OPEN);
	return true;
}

/* ---- the end ----------------------------------------------------------------------------------- */

static int by_index(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return x[1] < y[1] ? -1 : x[1] > y[1];
}

/* In the order of their first segments, if anybody looks and there is memory for it. */
static void leave_in_order(struct track *t)
{
	uint32_t count = track_count(t), n = 0;
	uint32_t *order = t->params.connection ? malloc(2 * sizeof(*order) * (count ? count : 1)) : NULL;

	if (!order)
		return;
	for (uint32_t list = 0; list < TABLE_LISTS; list++)
		for (uint32_t i = table_at(&t->table, list)->after; i != list;
		     i = table_at(&t->table, i)->after) {
			order[2 * n] = i;
			order[2 * n++ + 1] = table_at(&t->table, i)->index;
		}
	qsort(order, n, 2 * sizeof(*order), by_index);
	for (uint32_t i = 0; i < n; i++)
		leave(t, order[2 * i], false);
	free(order);
}

void track_finish(struct track *t)
{
	uint32_t number;

	for (uint32_t i = 1; i <= t->hosts.suspects_count; i++) {
		const struct host *h = &t->hosts.list[t->hosts.suspects[i].sender];

		if (!t->hosts.suspects[i].told && h->bad <= 9 * (uint64_t)h->good)
			tell_suspect(t, &t->hosts.suspects[i]);
	}
	leave_in_order(t);
	for (unsigned list = 0; list < TABLE_LISTS; list++)
		while ((number = table_oldest(&t->table, list)))
			leave(t, number, false);
}
