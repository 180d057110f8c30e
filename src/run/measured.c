/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/measured.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/isn.h"
#include "core/seq.h"

enum {
	COPIES = 32,
	COPIES_LEAST = 3,      /* with the first one: two gaps to compare */
	GROWTH_PERCENT = 105,  /* even where three copies were lost between two, a doubled gap has grown more */
	LONGEST_US = 60000000, /* RFC 6298 2.5: need not grow any more */
	SLIP_US = 20000,
	R2_US = 100000000,     /* RFC 9293 3.8.3 (SHLD-11) ... */
	R2_SYN_US = 180000000, /* ... and (MUST-23) */
};

__attribute__((format(printf, 3, 4))) static void say(struct measured *m, enum outcome outcome,
						     const char *format, ...)
{
	va_list args;

	m->outcome = outcome;
	va_start(args, format);
	vsnprintf(m->text, sizeof m->text, format, args);
	va_end(args);
}

/* An exchange that says why it did not come so far. */
static const char *reason_of(const struct exchange *x)
{
	const char *text = "it was broken off";

	if (x->error[0] || x->refused[0])
		return x->error[0] ? x->error : x->refused;
	for (size_t i = 0; i < x->points_count; i++)
		if (x->points[i].outcome != OUTCOME_PASS)
			text = x->points[i].text;
	return text;
}

static bool failed_to_run(struct measured *m, const struct exchange *x)
{
	if (!x->error[0] && !x->refused[0])
		return false;
	say(m, OUTCOME_ERROR, "%s", reason_of(x));
	return true;
}

/* ---- a reset ------------------------------------------------------------------------------------- */

static void measure_reset(struct measured *m, const struct exchange *x)
{
	const enum step step = x->params.check->steps[x->step];

	if (failed_to_run(m, x))
		return;
	m->expected = "RST";
	if (x->prober.reset_received)
		say(m, OUTCOME_PASS, "RST");
	else if (step != STEP_AWAIT_RESET)
		say(m, OUTCOME_INCONCLUSIVE, "%s", reason_of(x));
	else
		say(m, OUTCOME_FAIL, "no RST");
}

/* ---- repetitions --------------------------------------------------------------------------------- */

struct copies {
	unsigned count;
	int64_t at_us[COPIES];
	bool moved; /* one of them has another number */
};

static bool is_one(const struct line *l, enum measure what)
{
	const uint16_t flags = l->segment.flags & (FLAG_SYN | FLAG_ACK | FLAG_FIN | FLAG_RST);

	if (l->out || l->segment.checksum == CHECKSUM_BAD || l->segment.icmp.type)
		return false;
	return what == MEASURE_SYN || what == MEASURE_SYN_R2 ? flags == FLAG_SYN :
	       what == MEASURE_SYN_ACK ? flags == (FLAG_SYN | FLAG_ACK) : flags & FLAG_FIN;
}

/* What comes within a moment after a segment of ours is an answer, not a timer: a question may draw a copy. */
static bool is_answer(const struct exchange *x, size_t at)
{
	for (size_t i = at; i--;)
		if (x->lines[i].out)
			return x->lines[at].segment.t_us - x->lines[i].segment.t_us < SLIP_US;
	return false;
}

static void count_copies(const struct exchange *x, enum measure what, struct copies *c)
{
	uint32_t seq = 0;

	*c = (struct copies){ 0 };
	for (size_t i = 0; i < x->lines_count && c->count < COPIES; i++) {
		const struct line *l = &x->lines[i];

		if (!is_one(l, what) || (c->count && is_answer(x, i)))
			continue;
		if (c->count && l->segment.seq + l->segment.len != seq)
			c->moved = true;
		seq = l->segment.seq + l->segment.len;
		c->at_us[c->count++] = l->segment.t_us;
	}
}

/* A FIN may be repeated once as a probe, before its timer runs (RFC 8985 7.3). */
static bool grows(const struct copies *c, enum measure what)
{
	for (unsigned i = what == MEASURE_FIN ? 3 : 2; i < c->count; i++) {
		int64_t before = c->at_us[i - 1] - c->at_us[i - 2], gap = c->at_us[i] - c->at_us[i - 1];

		if (before < LONGEST_US && gap * 100 < before * GROWTH_PERCENT)
			return false;
	}
	return true;
}

static void measure_copies(struct measured *m, const struct suite_check *check, const struct exchange *x)
{
	char gaps[100] = "";
	size_t used = 0;
	struct copies c;

	if (failed_to_run(m, x))
		return;
	count_copies(x, check->measure, &c);
	for (unsigned i = 1; i < c.count && used < sizeof gaps; i++)
		used += (size_t)snprintf(gaps + used, sizeof gaps - used, "%s%.2f", i > 1 ? ", " : "",
					 (double)(c.at_us[i] - c.at_us[i - 1]) / 1e6);
	m->expected = "repetitions with the same number, after growing pauses";
	if (!c.count || x->params.check->steps[x->step] == STEP_AWAIT_FIN)
		say(m, OUTCOME_INCONCLUSIVE, "%s", reason_of(x));
	else if (c.moved)
		say(m, OUTCOME_FAIL, "repeated with another number");
	else if (c.count == 1 && x->prober.reset_received)
		say(m, OUTCOME_FAIL, "given up with a RST, without a repetition");
	else if (c.count == 1)
		say(m, OUTCOME_FAIL, "not repeated within %.0f s", (double)check->hold_us / 1e6);
	if (m->text[0])
		return;
	if (c.count < COPIES_LEAST)
		say(m, OUTCOME_PASS, "sent again after %s s; no second time within %.0f s", gaps,
		    (double)check->hold_us / 1e6);
	else if (!grows(&c, check->measure))
		say(m, OUTCOME_FAIL, "sent again after %s s: the pauses do not grow", gaps);
	else
		say(m, OUTCOME_PASS, "sent again after %s s", gaps);
}

/* R2 (RFC 9293 3.8.3). Whether it gave up shows by the copy that was due and did not come. */
static void measure_give_up(struct measured *m, const struct suite_check *check, const struct exchange *x)
{
	const int64_t least_us = check->measure == MEASURE_SYN_R2 ? R2_SYN_US : R2_US;
	struct copies c;
	int64_t gap, due_us;

	if (failed_to_run(m, x))
		return;
	count_copies(x, check->measure, &c);
	m->expected = check->measure == MEASURE_SYN_R2 ? "repetitions for 180 s" : "repetitions for 100 s";
	if (c.count < COPIES_LEAST) {
		say(m, OUTCOME_INCONCLUSIVE, "%u copies are too few to tell", c.count);
		return;
	}
	gap = c.at_us[c.count - 1] - c.at_us[c.count - 2];
	due_us = c.at_us[c.count - 1] + 2 * gap - c.at_us[0];
	if (c.at_us[c.count - 1] - c.at_us[0] >= least_us || due_us >= least_us || due_us + gap >= check->hold_us)
		say(m, OUTCOME_PASS, "the last of %u copies came after %.0f s", c.count,
		    (double)(c.at_us[c.count - 1] - c.at_us[0]) / 1e6);
	else
		say(m, OUTCOME_FAIL, "given up: the last of %u copies came after %.0f s, the next was due after %.0f s",
		    c.count, (double)(c.at_us[c.count - 1] - c.at_us[0]) / 1e6, (double)due_us / 1e6);
}

/* ---- how long a connection is kept --------------------------------------------------------------- */

struct span {
	int64_t alive_us, gone_us; /* the last that was there, the first that was not; 0: none */
	unsigned there, gone;
};

static void add_span(struct span *s, const struct exchange *x)
{
	const int64_t at = x->params.hold_us;

	if (x->last.verified == VERIFIED_THERE) {
		s->there++;
		if (at > s->alive_us)
			s->alive_us = at;
	} else if (x->last.verified == VERIFIED_GONE) {
		s->gone++;
		if (!s->gone_us || at < s->gone_us)
			s->gone_us = at;
	}
}

static void say_span(struct measured *m, const struct span *s, size_t n)
{
	const double alive = (double)s->alive_us / 1e6, gone = (double)s->gone_us / 1e6;

	if (!s->gone)
		say(m, OUTCOME_PASS, "kept for %.1f s at least; how much longer was not looked at", alive);
	else if (!s->there)
		say(m, OUTCOME_PASS, "gone after %.1f s", gone);
	else if (s->alive_us < s->gone_us)
		say(m, OUTCOME_PASS, "last seen alive at %.1f s, first gone at %.1f s (%u of %zu connections answered)", alive,
		    gone, s->there + s->gone, n);
	else
		say(m, OUTCOME_PASS, "first gone at %.1f s, last seen alive at %.1f s (%u of %zu connections answered)", gone,
		    alive, s->there + s->gone, n);
}

static void measure_span(struct measured *m, const struct suite_check *c, const struct exchange *x, size_t n)
{
	struct span span = { 0 };

	for (size_t i = 0; i < n; i++)
		if (x[i].done)
			add_span(&span, &x[i]);
	if (!span.there && !span.gone) {
		if (!failed_to_run(m, x))
			say(m, OUTCOME_INCONCLUSIVE, "%s", reason_of(x));
		return;
	}
	say_span(m, &span, n);
	/* A duration is the implementer's; none at all is not TIME-WAIT (RFC 9293 3.6.1, MUST-13). */
	if (c->check.goal & IN(TCP_TIME_WAIT) && !span.there) {
		m->outcome = OUTCOME_FAIL;
		m->certainty = LIKELY;
		m->expected = "TIME-WAIT for 2MSL";
		m->excuse = "a very short MSL";
	}
}

/* ---- the numbers that connections begin with ------------------------------------------------------ */

static const struct line *first_syn(const struct exchange *x, bool out)
{
	for (size_t i = 0; i < x->lines_count; i++)
		if (x->lines[i].out == out && x->lines[i].segment.flags & FLAG_SYN)
			return &x->lines[i];
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	const struct isn_sample *x = a, *y = b;

	return (x->t_us > y->t_us) - (x->t_us < y->t_us);
}

/* The target has chosen its number when our SYN came, or for its own. */
static size_t collect(const struct exchange *x, size_t n, struct isn_sample samples[ISN_SAMPLES])
{
	size_t count = 0;

	for (size_t i = 0; i < n && count < ISN_SAMPLES; i++) {
		const struct line *ours = first_syn(&x[i], true), *theirs = first_syn(&x[i], false);
		const struct prober_params *p = &x[i].params.prober;

		if (!theirs || !(x[i].conn.ends[CONN_TARGET].known & CONN_SYN))
			continue;
		if (ours && ours->segment.t_us < theirs->segment.t_us)
			theirs = ours;
		samples[count++] = (struct isn_sample){ theirs->segment.t_us, x[i].conn.ends[CONN_TARGET].iss,
							(uint32_t)p->source.port << 16 | p->target.port };
	}
	qsort(samples, count, sizeof *samples, by_time);
	return count;
}

static void measure_isn(struct measured *m, enum measure what, const struct exchange *x, size_t n)
{
	struct isn_sample samples[ISN_SAMPLES];
	struct isn_verdict v;

	isn_classify(&v, samples, collect(x, n, samples));
	say(m, what == MEASURE_ISN ? v.unpredictable : v.clock_driven, "%s", v.text);
	m->expected = what == MEASURE_ISN ? "numbers that cannot be guessed" : "a clock";
}

void measured(struct measured *m, const struct suite_check *c, const struct exchange *exchanges, size_t n)
{
	*m = (struct measured){ .outcome = OUTCOME_INCONCLUSIVE };
	switch (c->measure) {
	case MEASURE_RESET:
		measure_reset(m, exchanges);
		break;
	case MEASURE_SPAN:
		measure_span(m, c, exchanges, n);
		break;
	case MEASURE_SYN:
	case MEASURE_SYN_ACK:
	case MEASURE_FIN:
		measure_copies(m, c, exchanges);
		break;
	case MEASURE_SYN_R2:
	case MEASURE_FIN_R2:
		measure_give_up(m, c, exchanges);
		break;
	case MEASURE_ISN:
	case MEASURE_CLOCK:
		measure_isn(m, c->measure, exchanges, n);
		break;
	case MEASURE_NOTHING:
		break;
	}
}
