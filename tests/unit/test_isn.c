/* SPDX-License-Identifier: BSD-2-Clause */
/* Targets that choose initial sequence numbers in every way that is known, each from many seeds: how often
 * is one taken for another? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/isn.h"
#include "core/random.h"

enum { JITTER_US = 50000, ONE = 1000 }; /* ONE: the 4-tuple that is asked again and again */

struct target {
	uint64_t random;
	uint64_t secret;
	uint64_t calls;
	uint32_t isn;
	double start_us;
};

typedef uint32_t choose(struct target *t, double now_us, uint32_t group);

static double uniform(uint64_t *random)
{
	return (double)(random_next(random) >> 11) / 9007199254740992.0;
}

static uint32_t hash(const struct target *t, uint32_t group)
{
	uint64_t mixed = t->secret ^ (uint64_t)group << 32;

	return (uint32_t)(random_next(&mixed) >> 16);
}

static uint32_t ticks(const struct target *t, double now_us, double hz)
{
	return (uint32_t)(uint64_t)((t->start_us + now_us) * hz / 1e6);
}

/* ---- how targets choose -------------------------------------------------------------------------- */

static uint32_t constant(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	return (uint32_t)t->secret;
}

static uint32_t step_1(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	return (uint32_t)(t->secret + t->calls);
}

static uint32_t step_64000(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	return (uint32_t)(t->secret + 64000 * t->calls);
}

static uint32_t step_down(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	return (uint32_t)(t->secret - 3 * t->calls);
}

/* RFC 793: a clock of 4 us. */
static uint32_t clock_250k(struct target *t, double now_us, uint32_t group)
{
	(void)group;
	return ticks(t, now_us, 250e3);
}

static uint32_t clock_64ns(struct target *t, double now_us, uint32_t group)
{
	(void)group;
	return ticks(t, now_us, 15.625e6);
}

/* 4.4BSD: 64000 twice a second, and with each connection. */
static uint32_t clock_bsd(struct target *t, double now_us, uint32_t group)
{
	(void)group;
	return 64000 * (ticks(t, now_us, 2) + (uint32_t)t->calls);
}

/* lwIP: the ticks of 500 ms since it was started are added with each connection. */
static uint32_t counter_lwip(struct target *t, double now_us, uint32_t group)
{
	(void)group;
	t->isn += ticks(t, now_us, 2) & 0xffffff;
	return t->isn;
}

static uint32_t small_increments(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	t->isn += (uint32_t)(random_next(&t->random) & 0xffff);
	return t->isn;
}

/* Two hosts behind one address, each with its own clock. */
static uint32_t two_clocks(struct target *t, double now_us, uint32_t group)
{
	(void)group;
	return ticks(t, now_us, 10e3) + (random_next(&t->random) & 1 ? (uint32_t)t->secret : 0);
}

static uint32_t random_16(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	return (uint32_t)(random_next(&t->random) & 0xffff);
}

static uint32_t random_16_high(struct target *t, double now_us, uint32_t group)
{
	return random_16(t, now_us, group) << 16;
}

static uint32_t four_values(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	return hash(t, (uint32_t)(random_next(&t->random) & 3));
}

static uint32_t rand_31(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	return (uint32_t)random_next(&t->random) & 0x7fffffff;
}

static uint32_t rand_31_scaled(struct target *t, double now_us, uint32_t group)
{
	return rand_31(t, now_us, group) << 1;
}

static uint32_t xorshift(struct target *t, double now_us, uint32_t group)
{
	(void)now_us, (void)group;
	t->secret ^= t->secret << 13;
	t->secret ^= t->secret >> 7;
	t->secret ^= t->secret << 17;
	return (uint32_t)(t->secret >> 32);
}

static uint32_t hash_only(struct target *t, double now_us, uint32_t group)
{
	(void)now_us;
	return hash(t, group);
}

static uint32_t hash_250k(struct target *t, double now_us, uint32_t group)
{
	return hash(t, group) + ticks(t, now_us, 250e3);
}

/* Linux: 64 ns. */
static uint32_t hash_64ns(struct target *t, double now_us, uint32_t group)
{
	return hash(t, group) + ticks(t, now_us, 15.625e6);
}

/* FreeBSD: about 1 MB a second in ticks of 10 ms, and a few more with each connection. */
static uint32_t hash_freebsd(struct target *t, double now_us, uint32_t group)
{
	t->isn += (uint32_t)(random_next(&t->random) & 0xfff);
	return hash(t, group) + ticks(t, now_us, 100) * 10486 + t->isn;
}

static uint32_t hash_slow(struct target *t, double now_us, uint32_t group)
{
	return hash(t, group) + ticks(t, now_us, 2) * 64000;
}

/* ---- asking them --------------------------------------------------------------------------------- */

struct plan {
	unsigned tuples; /* asked once each, beside ONE ... */
	unsigned again;  /* ... which is asked so often, in between */
	double gap_us;   /* on average; from a quarter of it to seven */
	double jitter_us;
};

static const struct plan mixed = {12, 10, 1e6, JITTER_US};
static const struct plan quiet = {12, 10, 1e6, 200};

static struct target new_target(uint64_t seed)
{
	struct target t = {.random = seed * 0x9e3779b97f4a7c15u + 1};

	t.secret = random_next(&t.random) | 1;
	t.isn = (uint32_t)random_next(&t.random);
	t.start_us = uniform(&t.random) * 1e11;
	return t;
}

/* The times are those at which it chose, give or take the jitter. */
static unsigned ask(choose *how, const struct plan *p, uint64_t seed, struct isn_sample *samples)
{
	struct target t = new_target(seed);
	uint64_t random = ~seed;
	unsigned total = p->tuples + p->again, again = 0, once = 0;
	double now_us = 0;

	for (unsigned i = 0; i < total; i++) {
		double late_us = (2 * uniform(&random) - 1) * p->jitter_us;
		/* the one that is asked again is spread over all */
		unsigned is_again = again * total < (i + 1) * p->again && again < p->again;
		uint32_t group = once >= p->tuples || is_again ? ONE : once;

		again += group == ONE;
		once += group != ONE;
		samples[i].t_us = (int64_t)(now_us + late_us) + 1000000000;
		samples[i].isn = how(&t, now_us, group);
		samples[i].group = group;
		t.calls++;
		now_us += p->gap_us *
			  (random_next(&random) & 3 ? 0.25 + uniform(&random) / 2 : 1 + 3 * uniform(&random));
	}
	return total;
}

struct tally {
	unsigned kinds[ISN_KINDS];
	unsigned unpredictable[OUTCOME_FAIL + 1], clock_driven[OUTCOME_FAIL + 1];
};

static void check_sound(const struct isn_verdict *v)
{
	assert_in_range(v->kind, 0, ISN_KINDS - 1);
	assert_true(v->bits >= 0 && v->bits <= 32);
	assert_true(strlen(v->text) > 20 && strlen(v->text) < VERDICT_TEXT - 1);
	if (v->unpredictable == OUTCOME_INCONCLUSIVE)
		assert_true(v->unpredictable_sure <= 0);
	else
		assert_true(v->unpredictable_sure > 0.99 && v->unpredictable_sure <= 1);
	if (v->clock_driven == OUTCOME_INCONCLUSIVE)
		assert_true(v->clock_driven_sure <= 0);
	else
		assert_true(v->clock_driven_sure >= 0.99 && v->clock_driven_sure <= 1);
}

static struct tally ask_often(choose *how, const struct plan *p, unsigned runs)
{
	struct tally tally;

	memset(&tally, 0, sizeof tally);
	for (unsigned seed = 0; seed < runs; seed++) {
		struct isn_sample samples[ISN_SAMPLES];
		unsigned n = ask(how, p, seed, samples);
		struct isn_verdict v;

		isn_classify(&v, samples, n);
		check_sound(&v);
		tally.kinds[v.kind]++;
		tally.unpredictable[v.unpredictable]++;
		tally.clock_driven[v.clock_driven]++;
	}
	return tally;
}

/* ---- what they are taken for --------------------------------------------------------------------- */

static const struct plan least = {7, 4, 3e6, JITTER_US}; /* the fewest that suffice for both verdicts */
static const struct plan strangers = {12, 0, 1e6, JITTER_US};
static const struct plan one_alone = {0, 10, 2e6, JITTER_US};

static void test_constant(void **state)
{
	struct tally t = ask_often(constant, &mixed, 1000);

	(void)state;
	assert_int_equal(t.kinds[ISN_CONSTANT], 1000);
	assert_int_equal(t.unpredictable[OUTCOME_FAIL], 1000);
	assert_int_equal(t.clock_driven[OUTCOME_FAIL], 1000);
}

static void test_steps(void **state)
{
	static choose *const steps[] = {step_1, step_64000, step_down};
	static const uint32_t size[] = {1, 64000, (uint32_t)-3};

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct tally t = ask_often(steps[i], &mixed, 1000);
		struct isn_sample samples[ISN_SAMPLES];
		struct isn_verdict v;

		assert_int_equal(t.kinds[ISN_CONSTANT_STEP], 1000);
		assert_int_equal(t.clock_driven[OUTCOME_PASS], 0);
		assert_true(t.clock_driven[OUTCOME_FAIL] > 900);
		isn_classify(&v, samples, ask(steps[i], &mixed, 1, samples));
		assert_int_equal(v.step, size[i]);
	}
}

static void test_one_clock_for_all(void **state)
{
	static const struct plan *const plans[] = {&mixed, &least, &strangers};
	struct isn_sample samples[ISN_SAMPLES];
	struct isn_verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
		struct tally slow = ask_often(clock_250k, plans[i], 2000);
		struct tally fast = ask_often(clock_64ns, plans[i], 2000);

		assert_int_equal(slow.kinds[ISN_TIME_LINEAR], 2000);
		assert_int_equal(fast.kinds[ISN_TIME_LINEAR], 2000);
		assert_int_equal(slow.clock_driven[OUTCOME_PASS], 2000);
		assert_int_equal(fast.clock_driven[OUTCOME_PASS], 2000);
	}
	isn_classify(&v, samples, ask(clock_250k, &quiet, 1, samples));
	assert_true(v.rate_hz > 249900 && v.rate_hz < 250100);
	assert_non_null(strstr(v.text, "one clock of 2"));
}

/* Little changes from one to the next, or from any to any: never unpredictable. */
static void test_little_to_guess(void **state)
{
	static choose *const weak[] = {clock_bsd, counter_lwip,   small_increments, two_clocks,
				       random_16, random_16_high, four_values};

	(void)state;
	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
		struct tally t = ask_often(weak[i], &mixed, 2000);

		assert_int_equal(t.unpredictable[OUTCOME_FAIL], 2000);
		if (weak[i] != clock_bsd)
			assert_true(t.kinds[ISN_LOW_ENTROPY] >= 1998);
		t = ask_often(weak[i], &least, 2000);
		assert_int_equal(t.unpredictable[OUTCOME_FAIL], 2000);
	}
}

/* What rises with each connection by whatever amount is not called a clock, and a clock to which something
 * is added is not denied to be one. */
static void test_creeping(void **state)
{
	struct tally t = ask_often(counter_lwip, &mixed, 2000);

	(void)state;
	assert_int_equal(t.clock_driven[OUTCOME_PASS], 0);
	t = ask_often(small_increments, &mixed, 2000);
	assert_true(t.clock_driven[OUTCOME_PASS] <= 10);
	t = ask_often(clock_bsd, &mixed, 2000);
	assert_true(t.clock_driven[OUTCOME_FAIL] <= 2);
	t = ask_often(random_16, &mixed, 2000);
	assert_true(t.clock_driven[OUTCOME_PASS] <= 2);
}

static void test_random(void **state)
{
	static choose *const strong[] = {rand_31, rand_31_scaled, xorshift};

	(void)state;
	for (size_t i = 0; i < sizeof strong / sizeof *strong; i++) {
		struct tally t = ask_often(strong[i], &mixed, 10000);

		assert_int_equal(t.unpredictable[OUTCOME_FAIL], 0);
		assert_int_equal(t.clock_driven[OUTCOME_PASS], 0);
		assert_true(t.kinds[ISN_RANDOM] >= 9980);
		t = ask_often(strong[i], &least, 10000);
		assert_int_equal(t.unpredictable[OUTCOME_FAIL], 0);
		assert_true(t.clock_driven[OUTCOME_PASS] <= 10); /* 1 in 1000 */
		assert_true(t.kinds[ISN_RANDOM] >= 9500);
	}
}

/* Of 31 bits this is seen when there are enough numbers. */
static void test_bits_are_counted(void **state)
{
	static const struct plan many = {60, 0, 1e6, 0};
	struct isn_sample samples[ISN_SAMPLES];
	struct isn_verdict v;

	(void)state;
	isn_classify(&v, samples, ask(rand_31_scaled, &many, 1, samples));
	assert_int_equal(v.unpredictable, OUTCOME_PASS);
	assert_true(v.bits > 30.9 && v.bits < 31.1);
	isn_classify(&v, samples, ask(random_16_high, &many, 1, samples));
	assert_int_equal(v.unpredictable, OUTCOME_FAIL);
	assert_true(v.bits < 16.1);
}

static void test_clock_and_hash(void **state)
{
	static choose *const good[] = {hash_250k, hash_64ns, hash_freebsd};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct tally t = ask_often(good[i], &mixed, 20000);

		assert_int_equal(t.unpredictable[OUTCOME_FAIL], 0);
		assert_int_equal(t.clock_driven[OUTCOME_FAIL], 0);
		assert_true(t.kinds[ISN_CLOCK_AND_HASH] >= 19980);
		t = ask_often(good[i], &quiet, 2000);
		assert_true(t.kinds[ISN_CLOCK_AND_HASH] >= 1998);
		t = ask_often(good[i], &least, 20000);
		assert_int_equal(t.unpredictable[OUTCOME_FAIL], 0);
		assert_int_equal(t.clock_driven[OUTCOME_FAIL], 0);
		assert_true(t.kinds[ISN_CLOCK_AND_HASH] >= 17000);
	}
}

/* A clock that ticks twice a second is steady, if one waits. */
static void test_rare_ticks(void **state)
{
	static const struct plan patient = {12, 10, 5e6, JITTER_US};
	struct tally t = ask_often(hash_slow, &patient, 2000);

	(void)state;
	assert_true(t.kinds[ISN_CLOCK_AND_HASH] >= 1998);
	t = ask_often(hash_slow, &least, 10000);
	assert_true(t.clock_driven[OUTCOME_FAIL] <= 2);
	assert_int_equal(t.unpredictable[OUTCOME_FAIL], 0);
}

static void test_hash_only(void **state)
{
	struct tally t = ask_often(hash_only, &mixed, 2000);

	(void)state;
	assert_true(t.kinds[ISN_HASH] >= 1998);
	assert_int_equal(t.clock_driven[OUTCOME_FAIL], 2000);
}

static void test_one_half_known(void **state)
{
	(void)state;
	assert_true(ask_often(hash_64ns, &one_alone, 2000).kinds[ISN_CLOCK] >= 1998);
	assert_true(ask_often(xorshift, &one_alone, 2000).kinds[ISN_NO_CLOCK] >= 1998);
	assert_true(ask_often(hash_64ns, &strangers, 2000).kinds[ISN_UNPREDICTABLE] >= 1998);
	assert_true(ask_often(xorshift, &strangers, 2000).kinds[ISN_UNPREDICTABLE] >= 1998);
}

static void test_wrap_around(void **state)
{
	(void)state;
	for (uint32_t before = 0; before < 16; before++) {
		struct isn_sample samples[16];
		struct isn_verdict v;

		for (uint32_t i = 0; i < 16; i++) { /* each time another one wraps */
			int64_t t_us = i * 1000000 + i * i * 70000;

			samples[i] = (struct isn_sample){.t_us = t_us, .group = i};
			samples[i].isn = (uint32_t)(t_us / 4) - before * 250000;
		}
		isn_classify(&v, samples, 16);
		assert_int_equal(v.kind, ISN_TIME_LINEAR);
		assert_int_equal(v.clock_driven, OUTCOME_PASS);
		for (uint32_t i = 0; i < 16; i++) {
			samples[i].isn = (i - before) * 64000;
			samples[i].group = i % 8;
		}
		isn_classify(&v, samples, 16);
		assert_int_equal(v.kind, ISN_CONSTANT_STEP);
		assert_int_equal(v.step, 64000);
	}
}

/* Farther apart than the clock of 64 ns needs for a round, some line fits or none: nothing is said. */
static void test_too_far_apart(void **state)
{
	static const struct plan hours = {12, 10, 4e9, 0};
	static const struct plan minutes = {0, 10, 100e6, JITTER_US};
	struct tally t = ask_often(hash_64ns, &hours, 500);

	(void)state;
	assert_int_equal(t.clock_driven[OUTCOME_INCONCLUSIVE], 500);
	assert_int_equal(t.unpredictable[OUTCOME_FAIL], 0);
	t = ask_often(hash_64ns, &minutes, 500); /* some of the spaces are shorter than a round, others not */
	assert_int_equal(t.clock_driven[OUTCOME_FAIL], 0);
	t = ask_often(xorshift, &minutes, 500);
	assert_int_equal(t.clock_driven[OUTCOME_PASS], 0);
}

/* In even spaces a count of connections and a clock are the same. */
static void test_even_spaces(void **state)
{
	struct isn_sample samples[20];
	struct isn_verdict v;

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		samples[i] = (struct isn_sample){.t_us = i * 1000000, .isn = i * 250000, .group = i % 10};
	isn_classify(&v, samples, 20);
	assert_int_equal(v.unpredictable, OUTCOME_FAIL);
	assert_int_equal(v.clock_driven, OUTCOME_INCONCLUSIVE);
}

static void test_too_few(void **state)
{
	static choose *const any[] = {constant, step_1, clock_250k, random_16, xorshift, hash_64ns};
	struct isn_sample samples[ISN_SAMPLES];
	struct isn_verdict v;

	(void)state;
	isn_classify(&v, NULL, 0);
	check_sound(&v);
	assert_int_equal(v.kind, ISN_TOO_FEW);
	for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
		for (unsigned seed = 0; seed < 100; seed++)
			for (unsigned n = 1; n < 6; n++) { /* at most three 4-tuples, three of one */
				struct plan p = {n / 2, n - n / 2, 3e6, JITTER_US};

				isn_classify(&v, samples, ask(any[i], &p, seed, samples));
				check_sound(&v);
				assert_int_equal(v.samples, n);
				assert_int_equal(v.kind, ISN_TOO_FEW);
				assert_int_equal(v.unpredictable, OUTCOME_INCONCLUSIVE);
				assert_int_equal(v.clock_driven, OUTCOME_INCONCLUSIVE);
			}
		/* four at the same time: no clock can be seen */
		isn_classify(&v, samples, ask(any[i], &(struct plan){0, 8, 0, 0}, 1, samples));
		assert_int_equal(v.clock_driven, OUTCOME_INCONCLUSIVE);
	}
}

/* Whatever comes in: too many samples, times without reason. */
static void test_nonsense(void **state)
{
	static struct isn_sample samples[2 * ISN_SAMPLES];
	uint64_t random = 1;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		unsigned n = (unsigned)(random_next(&random) % (round < 10 ? 2 * ISN_SAMPLES : 24));
		struct isn_verdict v;

		for (unsigned i = 0; i < n; i++) {
			samples[i].t_us = (int64_t)(random_next(&random) >> random_next(&random) % 64);
			samples[i].isn = (uint32_t)(random_next(&random) >> random_next(&random) % 64);
			samples[i].group = (uint32_t)random_next(&random) % (round % 20 + 1);
			if (round % 3 == 0)
				samples[i].t_us = i % 2 ? INT64_MAX : INT64_MIN;
		}
		isn_classify(&v, samples, n);
		assert_in_range(v.kind, 0, ISN_KINDS - 1);
		assert_true(v.samples <= ISN_SAMPLES);
		assert_true(v.bits >= 0 && v.bits <= 32);
		assert_true(strlen(v.text) < VERDICT_TEXT - 1);
	}
}

static void test_names(void **state)
{
	(void)state;
	for (int a = 0; a < ISN_KINDS; a++)
		for (int b = 0; b < a; b++)
			assert_string_not_equal(isn_kind_name((enum isn_kind)a),
						isn_kind_name((enum isn_kind)b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_one_clock_for_all),
		cmocka_unit_test(test_little_to_guess),
		cmocka_unit_test(test_creeping),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bits_are_counted),
		cmocka_unit_test(test_clock_and_hash),
		cmocka_unit_test(test_rare_ticks),
		cmocka_unit_test(test_hash_only),
		cmocka_unit_test(test_one_half_known),
		cmocka_unit_test(test_wrap_around),
		cmocka_unit_test(test_too_far_apart),
		cmocka_unit_test(test_even_spaces),
		cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("isn", tests, NULL, NULL);
}
