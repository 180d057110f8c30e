/* SPDX-License-Identifier: BSD-2-Clause */
/* The chances are computed in isn_pattern.c; here it is decided what they mean. */
#include "core/isn.h"

#include <stdio.h>
#include <string.h>

#include "core/isn_pattern.h"
#include "core/seq.h"

/* Eight tests look for patterns between 4-tuples: together they err once in 10^6. */
#define BITS_PREDICTABLE 23.26 /* 1 in 10^7 */

#define CLOCK_MIN_HZ 100.0 /* slower than any clock that was used for this; rather a count */

/* Clocks up to this may tick as rarely as twice a second, as those of BSD did. */
#define CLOCK_COMMON_HZ 20e6
#define TICKS_NOISE_US 750e3
#define NOISE_US 200e3 /* four times are wrong by 50 ms each: two of the line, two of the difference */
#define SURE_NO_CLOCK 0.99

enum {
	MAX_PAIRS = 4, /* from as many early and late samples lines are drawn */
	MAX_BASES = 8,
};

/* What the samples of one 4-tuple say about a clock. */
struct clock {
	enum outcome outcome;
	double sure;
	double rate_hz;
	bool several;
	bool even;  /* a count of connections would look the same */
	bool still; /* always the same number */
};

/* The first and the last of a 4-tuple by time. Two with the same time make no line. */
static bool ends(const struct series *s, uint32_t group, unsigned *a, unsigned *b)
{
	bool any = false;

	for (unsigned i = 0; i < s->count; i++) {
		if (s->group[i] != group)
			continue;
		if (!any || s->t_us[i] < s->t_us[*a])
			*a = i;
		if (!any || s->t_us[i] > s->t_us[*b])
			*b = i;
		any = true;
	}
	return any && s->t_us[*a] < s->t_us[*b];
}

/* How many numbers a clock may be off. */
static double allowed_off(double per_us)
{
	return per_us * (per_us * 1e6 <= CLOCK_COMMON_HZ ? TICKS_NOISE_US : NOISE_US) + 1;
}

static bool steady(const struct line *l, double run_us)
{
	double per_us = magnitude(l->slope);

	return per_us * 1e6 >= CLOCK_MIN_HZ && l->off <= allowed_off(per_us) && l->off * 8 <= per_us * run_us;
}

/* ---- between 4-tuples ---------------------------------------------------------------------------- */

struct between {
	enum isn_kind kind; /* ISN_TOO_FEW, ISN_UNPREDICTABLE or one of the predictable kinds */
	enum outcome outcome;
	double sure;
	double bits;
	double rate_hz, off;
	double step;
	const char *what; /* of ISN_LOW_ENTROPY */
};

static void heads_of(const struct series *all, struct series *heads)
{
	heads->count = 0;
	for (unsigned i = 0; i < all->count; i++) {
		unsigned k = 0, n = heads->count;

		while (k < n && heads->group[k] != all->group[i])
			k++;
		if (k < n)
			continue;
		heads->t_us[n] = all->t_us[i];
		heads->place[n] = all->place[i];
		heads->isn[n] = all->isn[i];
		heads->group[n] = all->group[i];
		heads->count++;
	}
}

/* Keeps of several patterns the one that leaves least to guess, if it is one. */
static void consider(struct between *b, const struct pattern *p, enum isn_kind kind, const char *what)
{
	bool predictable = b->outcome == OUTCOME_FAIL;

	if (p->against >= BITS_LIKELY && p->bits < b->bits)
		b->bits = p->bits > 0 ? p->bits : 0;
	if (p->bits >= ISN_MIN_BITS || p->against < BITS_LIKELY)
		return;
	if (p->against < BITS_PREDICTABLE) {
		if (!predictable)
			b->outcome = OUTCOME_INCONCLUSIVE;
		return;
	}
	b->outcome = OUTCOME_FAIL;
	if (isn_surely(p->against) > b->sure)
		b->sure = isn_surely(p->against);
	if (!predictable) { /* the first one names it */
		b->kind = kind;
		b->what = what;
	}
}

static void consider_lines(struct between *b, struct series *heads)
{
	unsigned n = heads->count, first, last;
	struct line step = isn_best_step(heads);
	struct pattern p = {.against = step.against, .bits = isn_log2(2 * step.off + 1)};
	struct line l;
	double run;

	if (!step.off) {
		b->step = around(step.slope);
		consider(b, &p, b->step != 0 ? ISN_CONSTANT_STEP : ISN_CONSTANT, NULL);
	}
	if (ends(heads, 0, &first, &last)) {
		run = heads->t_us[last] - heads->t_us[first];
		l = isn_best_line(heads, first, last, ISN_MAX_RATE_HZ / 1e6, 0, n - 2);
		p = (struct pattern){.against = l.against, .bits = isn_log2(2 * l.off + 1)};
		if (steady(&l, run) && (2 * l.off < step.off || l.off * 64 <= magnitude(l.slope) * run)) {
			b->rate_hz = l.slope * 1e6;
			b->off = l.off;
			consider(b, &p, ISN_TIME_LINEAR, NULL);
		} else {
			consider(b, &p, ISN_LOW_ENTROPY, "little beside a line over time");
		}
	}
	p = (struct pattern){.against = step.against, .bits = isn_log2(2 * step.off + 1)};
	consider(b, &p, ISN_LOW_ENTROPY, "little beside a fixed step");
}

static void look_between(const struct series *all, struct between *b)
{
	struct series heads;
	uint32_t steps[ISN_SAMPLES];
	unsigned n;
	struct pattern p;

	heads_of(all, &heads);
	n = heads.count;
	*b = (struct between){.kind = ISN_TOO_FEW, .outcome = OUTCOME_INCONCLUSIVE, .bits = 32};
	if (n < ISN_MIN_TUPLES_FAIL)
		return;
	b->kind = ISN_UNPREDICTABLE;
	b->outcome = OUTCOME_PASS;
	memset(heads.group, 0, sizeof heads.group); /* one line for all */
	consider_lines(b, &heads);
	p = isn_on_an_arc(heads.isn, n);
	consider(b, &p, ISN_LOW_ENTROPY, "they lie close together");
	p = isn_fixed_bits(heads.isn, n);
	consider(b, &p, ISN_LOW_ENTROPY, "few bits change");
	for (unsigned i = 1; i < n; i++)
		steps[i - 1] = heads.isn[i] - heads.isn[i - 1];
	p = isn_on_an_arc(steps, n - 1);
	consider(b, &p, ISN_LOW_ENTROPY, "the steps from one to the next are alike");
	p = isn_neighbours(heads.isn, n, 0);
	consider(b, &p, ISN_LOW_ENTROPY, "numbers repeat");
	p = isn_neighbours(heads.isn, n, 1u << 10);
	consider(b, &p, ISN_LOW_ENTROPY, "many are near another");
	p = isn_neighbours(heads.isn, n, 1u << 18);
	consider(b, &p, ISN_LOW_ENTROPY, "many are near another");
	if (b->outcome == OUTCOME_PASS && n < ISN_MIN_TUPLES_PASS)
		b->outcome = OUTCOME_INCONCLUSIVE;
	if (b->outcome == OUTCOME_INCONCLUSIVE)
		b->kind = ISN_TOO_FEW;
	else if (b->outcome == OUTCOME_PASS)
		b->sure = isn_surely(n - 1);
}

/* ---- on one 4-tuple ------------------------------------------------------------------------------ */

/* The 4-tuple with most samples. */
static unsigned most_sampled(const struct series *s, uint32_t *group)
{
	unsigned most = 0;

	for (unsigned i = 0; i < s->count; i++) {
		unsigned n = 0;

		for (unsigned k = i; k < s->count; k++)
			n += s->group[k] == s->group[i];
		if (n > most) {
			most = n;
			*group = s->group[i];
		}
	}
	return most;
}

/* The samples of one 4-tuple, in order. */
static void only(const struct series *s, uint32_t group, struct series *one)
{
	one->count = 0;
	for (unsigned i = 0; i < s->count; i++) {
		unsigned n = one->count;

		if (s->group[i] != group)
			continue;
		one->t_us[n] = s->t_us[i];
		one->place[n] = s->place[i];
		one->isn[n] = s->isn[i];
		one->group[n] = group;
		one->count++;
	}
}

static double smallest_gap(const struct series *one)
{
	double least = -1;

	for (unsigned i = 0; i < one->count; i++)
		for (unsigned k = 0; k < i; k++) {
			double gap = magnitude(one->t_us[i] - one->t_us[k]);

			if (least < 0 || gap < least)
				least = gap;
		}
	return least;
}

/* Of one 4-tuple, as many as one line of this slope meets. */
static unsigned met(const struct series *one, double slope)
{
	unsigned most = 0;
	unsigned stride = one->count / MAX_BASES + 1;

	for (unsigned base = 0; base < one->count; base += stride) {
		unsigned n = 0;

		for (unsigned i = 0; i < one->count; i++)
			n += isn_off_line(one, one->t_us, base, i, slope) <= allowed_off(slope);
		if (n > most)
			most = n;
	}
	return most;
}

/* As many as any clock can explain. Lines are drawn from several early to several late samples, since one of
 * them may be a stray. */
static unsigned most_met(const struct series *one, double steepest, double arc)
{
	unsigned most = 1, n = one->count;
	unsigned ends_n = n / 2 < MAX_PAIRS ? n / 2 : MAX_PAIRS;

	for (unsigned a = 0; a < ends_n; a++)
		for (unsigned b = n - ends_n; b < n; b++) {
			double run = one->t_us[b] - one->t_us[a];
			double rise = (uint32_t)(one->isn[b] - one->isn[a]);
			unsigned wraps = arc < SMALL_ARC ? 1 : MAX_WRAPS;

			if (run <= 0)
				continue;
			if (arc < SMALL_ARC)
				rise = around(rise);
			for (unsigned k = 0; k < wraps; k++, rise += CIRCLE) {
				unsigned m;

				if (rise / run > steepest)
					break;
				if (rise / run * 1e6 < CLOCK_MIN_HZ)
					continue;
				m = met(one, rise / run);
				if (m > most)
					most = m;
			}
		}
	return most;
}

/* It rises each time, and by little: a clock to which something else is added does so too. */
static bool creeps(const struct series *one, double arc)
{
	bool rises = arc < SMALL_ARC;

	for (unsigned i = 1; i < one->count; i++)
		rises = rises && seq_gt(one->isn[i], one->isn[i - 1]);
	return rises;
}

/* How far the times are from even spaces. */
static double unevenness(const struct series *one, unsigned a, unsigned b)
{
	double most = 0;
	double each = (one->t_us[b] - one->t_us[a]) / (one->place[b] - one->place[a]);

	for (unsigned i = 0; i < one->count; i++) {
		double off = magnitude(one->t_us[i] - one->t_us[a] - each * (one->place[i] - one->place[a]));

		if (off > most)
			most = off;
	}
	return most;
}

/* No line over time is steady: by a fixed step, or by what no clock explains. */
static void judge_no_clock(struct clock *c, const struct series *one, const struct line *step,
			   double uneven_us, double steepest, double arc)
{
	double sure;

	if (!step->off && step->slope != 0) { /* a clock shows uneven spaces, even one of rare ticks */
		c->even = uneven_us <= TICKS_NOISE_US;
		if (!c->even) {
			c->outcome = OUTCOME_FAIL;
			c->sure = isn_surely(step->against);
		}
		return;
	}
	if (steepest * 1e6 < CLOCK_COMMON_HZ) /* a common one may have wrapped more often than was tried */
		return;
	if (creeps(one, arc))
		return;
	sure = 1 - isn_strays(one->count, one->count - most_met(one, steepest, arc));
	if (sure < SURE_NO_CLOCK)
		return;
	c->outcome = OUTCOME_FAIL;
	c->sure = sure;
	c->still = arc <= 1;
}

static void look_at_one(const struct series *s, struct clock *c)
{
	uint32_t group = 0;
	struct series one;
	unsigned a = 0, b = 0, tuples = 0, others;
	double run, arc, steepest = ISN_MAX_RATE_HZ / 1e6, gap;
	struct line over_time, step;

	*c = (struct clock){.outcome = OUTCOME_INCONCLUSIVE};
	if (most_sampled(s, &group) < ISN_MIN_SAME)
		return;
	only(s, group, &one);
	if (!ends(&one, group, &a, &b) || one.t_us[b] - one.t_us[a] < ISN_MIN_SPAN_US)
		return;
	run = one.t_us[b] - one.t_us[a];
	arc = isn_arc_of(one.isn, one.count);
	gap = smallest_gap(&one);
	if (gap > ISN_MAX_GAP_US)
		return; /* a clock may have wrapped between any two samples */
	if (gap > 0)
		steepest = smaller(steepest, 0.9 * CIRCLE / gap);
	steepest = smaller(steepest, (MAX_WRAPS - 1) * CIRCLE / run);

	for (unsigned i = 0; i < s->count; i++) {
		unsigned k = 0;

		while (s->group[k] != s->group[i])
			k++;
		tuples += k == i;
	}
	others = s->count - tuples - 1; /* all but the first of each, and the one that the line is drawn to */
	step = isn_best_step(&one);
	/* the same two, among all: there a sample stands at its place */
	over_time = isn_best_line(s, (unsigned)one.place[a], (unsigned)one.place[b], steepest, arc, others);
	if (over_time.slope > 0 && over_time.against >= BITS_LIKELY && steady(&over_time, run)) {
		c->even = 2 * over_time.off >= step.off;
		if (!c->even) {
			c->outcome = OUTCOME_PASS;
			c->sure = isn_surely(over_time.against);
			c->rate_hz = over_time.slope * 1e6;
			c->several = over_time.several;
			return;
		}
	}
	judge_no_clock(c, &one, &step, unevenness(&one, 0, one.count - 1), steepest, arc);
}

/* ---- the verdict --------------------------------------------------------------------------------- */

static enum isn_kind kind_of(const struct between *b, const struct clock *c)
{
	if (b->outcome == OUTCOME_FAIL)
		return b->kind;
	if (b->outcome == OUTCOME_PASS) {
		if (c->outcome == OUTCOME_PASS)
			return ISN_CLOCK_AND_HASH;
		if (c->outcome == OUTCOME_FAIL)
			return c->still ? ISN_HASH : ISN_RANDOM;
		return ISN_UNPREDICTABLE;
	}
	if (c->outcome == OUTCOME_PASS)
		return ISN_CLOCK;
	return c->outcome == OUTCOME_FAIL ? ISN_NO_CLOCK : ISN_TOO_FEW;
}

const char *isn_kind_name(enum isn_kind k)
{
	static const char *const names[ISN_KINDS] = {
		[ISN_TOO_FEW] = "too-few",
		[ISN_CONSTANT] = "constant",
		[ISN_CONSTANT_STEP] = "constant-step",
		[ISN_TIME_LINEAR] = "time-linear",
		[ISN_LOW_ENTROPY] = "low-entropy",
		[ISN_CLOCK_AND_HASH] = "clock-and-hash",
		[ISN_RANDOM] = "random",
		[ISN_HASH] = "hash",
		[ISN_UNPREDICTABLE] = "unpredictable",
		[ISN_CLOCK] = "clock",
		[ISN_NO_CLOCK] = "no-clock",
	};

	return names[k];
}

static void write_text(struct isn_verdict *v, const struct between *b, const struct clock *c, uint32_t any)
{
	char clock[80] = "", from[64];
	size_t size = sizeof v->text;

	if (c->outcome == OUTCOME_PASS)
		snprintf(clock, sizeof clock, "one 4-tuple follows a clock of %.0f Hz%s", c->rate_hz,
			 c->several ? " or another rate" : "");
	else if (c->outcome == OUTCOME_FAIL)
		snprintf(clock, sizeof clock, "one 4-tuple %s",
			 c->still ? "has always the same" : "follows no clock");
	else if (c->even)
		snprintf(clock, sizeof clock, "a clock and a count look alike in even spaces");
	else
		snprintf(clock, sizeof clock, "of a clock too little is seen");
	snprintf(from, sizeof from, "(%u numbers, %u 4-tuples, at most %u of one)", v->samples, v->tuples,
		 v->same);
	switch (v->kind) {
	case ISN_CONSTANT:
		snprintf(v->text, size, "every number is %u: 0 bits to guess %s", (unsigned)any, from);
		break;
	case ISN_CONSTANT_STEP:
		snprintf(v->text, size,
			 "each number is the last one %c %u, whatever the time: 0 bits to guess %s",
			 b->step < 0 ? '-' : '+', (unsigned)(magnitude(b->step) + 0.5), from);
		break;
	case ISN_TIME_LINEAR:
		snprintf(v->text, size,
			 "all 4-tuples follow one clock of %.0f Hz within %.0f: %.1f bits to guess %s",
			 b->rate_hz, b->off, v->bits, from);
		break;
	case ISN_LOW_ENTROPY:
		snprintf(v->text, size, "%s: %.1f bits to guess; %s %s", b->what, v->bits, clock, from);
		break;
	case ISN_CLOCK_AND_HASH:
	case ISN_RANDOM:
	case ISN_HASH:
	case ISN_UNPREDICTABLE:
		snprintf(v->text, size, "up to %.0f bits to guess between 4-tuples; %s %s", v->bits, clock,
			 from);
		break;
	default:
		snprintf(v->text, size, "too few different 4-tuples or no clear pattern; %s %s", clock, from);
	}
}

/* A time out of all reason must not overflow anything. */
static double since(double us)
{
	const double week = 604800e6;

	return us < -week ? -week : us > week ? week : us;
}

void isn_classify(struct isn_verdict *v, const struct isn_sample *samples, size_t count)
{
	struct series s;
	struct between b;
	struct clock c;
	uint32_t group = 0;

	*v = (struct isn_verdict){.kind = ISN_TOO_FEW};
	s.count = count < ISN_SAMPLES ? (unsigned)count : ISN_SAMPLES;
	for (unsigned i = 0; i < s.count; i++) {
		s.t_us[i] = since((double)samples[i].t_us - (double)samples[0].t_us);
		s.place[i] = i;
		s.isn[i] = samples[i].isn;
		s.group[i] = samples[i].group;
		v->tuples += 1;
		for (unsigned k = 0; k < i; k++)
			if (s.group[k] == s.group[i]) {
				v->tuples -= 1;
				break;
			}
	}
	v->samples = s.count;
	v->same = most_sampled(&s, &group);
	look_between(&s, &b);
	if (b.outcome == OUTCOME_FAIL && b.kind != ISN_LOW_ENTROPY) /* the 4-tuple adds nothing */
		memset(s.group, 0, sizeof s.group);
	look_at_one(&s, &c);
	v->kind = kind_of(&b, &c);
	v->unpredictable = b.outcome;
	v->clock_driven = c.outcome;
	v->unpredictable_sure = b.sure;
	v->clock_driven_sure = c.sure;
	v->bits = b.bits;
	v->rate_hz = c.outcome == OUTCOME_PASS ? c.rate_hz : v->kind == ISN_TIME_LINEAR ? b.rate_hz : 0;
	v->step = v->kind == ISN_CONSTANT_STEP ? (uint32_t)(int64_t)(b.step + (b.step < 0 ? -0.5 : 0.5)) : 0;
	write_text(v, &b, &c, count ? samples[0].isn : 0);
}
