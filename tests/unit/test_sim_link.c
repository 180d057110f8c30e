/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated link, and on it two peers of ours talking to each other over a bad path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer/sim_link.h"

enum { STEPS = 200000 }; /* more than any conversation here needs */

struct fixture {
	struct sim_link *sim;
	struct link *link;
	struct peer *far, *near;
	struct endpoint us, them;
	int id; /* of our connection */
	uint64_t digest;
};

/* What the peer on our side sends goes out by the link. */
static void near_sends(void *arg, const struct segment *s)
{
	struct fixture *f = arg;

	assert_int_equal(f->link->send(f->link, &s, 1), 0);
}

static void start(struct fixture *f, const struct sim_config *config, enum peer_fault fault, uint16_t port)
{
	struct peer_params params;

	memset(f, 0, sizeof *f);
	peer_defaults(&params);
	f->sim = sim_link_new(config);
	f->near = peer_new(&params);
	params.seed = 2;
	params.fault = fault;
	f->far = peer_new(&params);
	assert_true(f->sim && f->near && f->far);
	f->link = sim_link_link(f->sim);
	assert_true(address_parse(&f->us.addr, "2001:db8:793::1"));
	assert_true(address_parse(&f->them.addr, "2001:db8:793::66"));
	f->us.port = 40000;
	f->them.port = port;
	assert_true(sim_link_attach(f->sim, f->far, &f->them.addr));
	peer_set_output(f->near, near_sends, f);
}

static void finish(struct fixture *f)
{
	sim_link_free(f->sim);
	peer_free(f->near);
	peer_free(f->far);
}

static void note(struct fixture *f, const struct segment *s)
{
	f->digest = f->digest * 1099511628211U + (uint64_t)s->t_us * 31 + s->seq + s->ack * 3U + s->flags;
	for (uint32_t i = 0; i < s->data_len; i++)
		f->digest = f->digest * 1099511628211U + s->data[i];
}

/* Lets time pass until then; segments from the far side reach ours. */
static void run(struct fixture *f, int64_t until_us)
{
	struct segment s;

	for (int i = 0; i < STEPS; i++) {
		int64_t timer = peer_next_timer(f->near), now;
		enum link_status status =
			f->link->receive(f->link, timer < until_us ? timer : until_us, &s);

		now = f->link->now_us(f->link);
		assert_true(status == LINK_SEGMENT || status == LINK_TIME);
		if (status == LINK_SEGMENT)
			note(f, &s);
		if (status == LINK_SEGMENT && endpoint_equal(&s.dst, &f->us))
			peer_receive(f->near, &s, now);
		else if (status == LINK_TIME && now >= until_us)
			return;
		if (peer_next_timer(f->near) <= now)
			peer_timeout(f->near, now);
	}
	fail_msg("the conversation does not end");
}

static struct peer_status near_status(const struct fixture *f)
{
	struct peer_status status;

	peer_status(f->near, f->id, &status);
	return status;
}

static void connect_near(struct fixture *f)
{
	f->id = peer_connect(f->near, &f->us, &f->them, f->link->now_us(f->link));
	assert_true(f->id >= 0);
}

static const struct sim_config quiet = { .latency_out_us = 1000, .latency_in_us = 2000 };

static void test_latency_and_capture(void **unused)
{
	struct fixture f;
	struct segment s;

	(void)unused;
	start(&f, &quiet, FAULT_NONE, 7);
	connect_near(&f);
	assert_int_equal(f.link->receive(f.link, 10000, &s), LINK_SEGMENT); /* our own, as it leaves */
	assert_int_equal(s.flags, FLAG_SYN);
	assert_int_equal(s.t_us, 0);
	assert_int_equal(s.frame, 1);
	assert_true(endpoint_equal(&s.src, &f.us));
	assert_int_equal(f.link->receive(f.link, 2999, &s), LINK_TIME);
	assert_int_equal(f.link->now_us(f.link), 2999);
	assert_int_equal(f.link->receive(f.link, 10000, &s), LINK_SEGMENT);
	assert_int_equal(s.flags, FLAG_SYN | FLAG_ACK);
	assert_int_equal(s.t_us, 3000);
	assert_int_equal(s.frame, 2);
	assert_true(s.options.present & OPTION_MSS);
	finish(&f);
}

/* All of chargen arrives in order, however bad the path, and both ends come to CLOSED. */
static void test_bad_paths(void **unused)
{
	(void)unused;
	for (unsigned seed = 1; seed <= 40; seed++) {
		struct sim_config config = quiet;
		struct sim_stats stats;
		struct fixture f;

		config.seed = seed;
		config.loss_in = config.loss_out = 5 + seed % 10;
		config.duplicate = config.reorder = 5;
		config.reorder_us = 15000;
		start(&f, &config, FAULT_NONE, 19);
		connect_near(&f);
		run(&f, 170000000);
		assert_int_equal(near_status(&f).received, 100000);
		assert_int_equal(near_status(&f).state, PEER_CLOSE_WAIT);
		peer_shutdown(f.near, f.id, f.link->now_us(f.link));
		run(&f, 600000000);
		assert_int_equal(near_status(&f).state, PEER_CLOSED);
		assert_int_equal(peer_find(f.far, &f.them, &f.us), -1);
		sim_link_stats(f.sim, &stats);
		assert_true(stats.lost > 0 && stats.reordered > 0 && stats.duplicated > 0);
		finish(&f);
	}
}

static uint64_t digest_of(uint64_t seed)
{
	struct sim_config config = quiet;
	struct fixture f;
	uint64_t digest;

	config.seed = seed;
	config.loss_in = config.loss_out = config.reorder = config.duplicate = 10;
	config.reorder_us = 5000;
	start(&f, &config, FAULT_NONE, 19);
	connect_near(&f);
	run(&f, 100000000);
	digest = f.digest;
	finish(&f);
	return digest;
}

static void test_seed_decides(void **unused)
{
	(void)unused;
	assert_true(digest_of(5) == digest_of(5));
	assert_true(digest_of(5) != digest_of(6));
}

/* What is legal does not keep an honest client from its echo. */
static void test_legal_faults_work(void **unused)
{
	(void)unused;
	for (int i = FAULT_NONE; i < FAULTS; i++) {
		struct fixture f;

		if (!faults_info((enum peer_fault)i)->legal || i == FAULT_DIES || i == FAULT_RST_TO_FIN ||
		    i == FAULT_RST_AFTER_FIN)
			continue;
		start(&f, &quiet, (enum peer_fault)i, 7);
		connect_near(&f);
		peer_send(f.near, f.id, "hello", 5, 0);
		run(&f, 10000000); /* some need three SYNs */
		if (near_status(&f).received != 5)
			fail_msg("with %s the echo fails", faults_info((enum peer_fault)i)->name);
		peer_shutdown(f.near, f.id, f.link->now_us(f.link));
		run(&f, 30000000);
		/* What comes late or twice makes us send a last ACK to a closed port, whose reset ends our
		 * TIME-WAIT (RFC 1337 1). */
		if (peer_find(f.far, &f.them, &f.us) >= 0 ||
		    (near_status(&f).state != PEER_TIME_WAIT && near_status(&f).state != PEER_CLOSED))
			fail_msg("with %s the close fails", faults_info((enum peer_fault)i)->name);
		finish(&f);
	}
}

static void cross_connect(void *arg, int64_t now_us)
{
	struct fixture *f = arg;

	assert_true(peer_connect(f->far, &f->them, &f->us, now_us) >= 0);
	connect_near(f);
}

static void cross_close(void *arg, int64_t now_us)
{
	struct fixture *f = arg;

	peer_shutdown(f->far, peer_find(f->far, &f->them, &f->us), now_us);
	peer_shutdown(f->near, f->id, now_us);
}

static void test_simultaneous_open_and_close(void **unused)
{
	struct fixture f;

	(void)unused;
	start(&f, &quiet, FAULT_NONE, 5000);
	assert_true(sim_link_at(f.sim, 5000, cross_connect, &f));
	assert_true(sim_link_at(f.sim, 500000, cross_close, &f));
	run(&f, 400000);
	assert_int_equal(near_status(&f).state, PEER_ESTABLISHED);
	assert_int_equal(peer_state(f.far, &f.them, &f.us), PEER_ESTABLISHED);
	run(&f, 1000000);
	assert_int_equal(near_status(&f).state, PEER_TIME_WAIT);
	assert_int_equal(peer_state(f.far, &f.them, &f.us), PEER_TIME_WAIT);
	run(&f, 200000000);
	assert_int_equal(near_status(&f).state, PEER_CLOSED);
	finish(&f);
}

static unsigned captured(struct fixture *f, int64_t until_us, struct segment *last)
{
	struct segment s;
	unsigned n = 0;

	for (; n < 100 && f->link->receive(f->link, until_us, &s) == LINK_SEGMENT; n++)
		*last = s;
	return n;
}

static void test_firewall_and_loss(void **unused)
{
	struct sim_config config = quiet;
	struct segment s;
	struct sim_stats stats;
	struct fixture f;

	(void)unused;
	config.swallow_after = 1;
	start(&f, &config, FAULT_NONE, 7);
	connect_near(&f);
	assert_int_equal(captured(&f, 10000, &s), 0);
	sim_link_stats(f.sim, &stats);
	assert_int_equal(stats.swallowed, 1);
	finish(&f);

	config = quiet;
	config.swallow = true;
	config.swallow_flags = FLAG_SYN;
	start(&f, &config, FAULT_NONE, 7);
	connect_near(&f);
	assert_int_equal(captured(&f, 10000, &s), 0);
	finish(&f);

	config = quiet;
	config.lose_out_nth = 1;
	start(&f, &config, FAULT_NONE, 7);
	connect_near(&f);
	assert_int_equal(captured(&f, 10000, &s), 1); /* it left, nothing came back */
	finish(&f);
}

static void test_unreachable(void **unused)
{
	struct sim_config config = quiet;
	struct segment s;
	struct fixture f;

	(void)unused;
	config.unreachable = (struct icmp_error){ .type = 1, .code = 4 };
	assert_true(address_parse(&config.unreachable.sender, "2001:db8:793::fe"));
	start(&f, &config, FAULT_NONE, 7);
	connect_near(&f);
	assert_int_equal(captured(&f, 10000, &s), 2);
	assert_int_equal(s.icmp.type, 1);
	assert_int_equal(s.icmp.code, 4);
	assert_true(address_equal(&s.icmp.sender, &config.unreachable.sender));
	assert_true(endpoint_equal(&s.src, &f.us) && endpoint_equal(&s.dst, &f.them));
	assert_int_equal(s.seq, near_status(&f).iss);
	finish(&f);
}

static void test_kernel_reset(void **unused)
{
	struct sim_config config = quiet;
	struct segment s;
	struct fixture f;

	(void)unused;
	config.kernel_rst_after = 1;
	start(&f, &config, FAULT_NONE, 7);
	connect_near(&f);
	assert_int_equal(captured(&f, 10000, &s), 3);
	assert_int_equal(s.flags, FLAG_RST);
	assert_true(endpoint_equal(&s.src, &f.us));
	assert_int_equal(s.seq, near_status(&f).iss + 1);
	assert_int_equal(peer_state(f.far, &f.them, &f.us), PEER_LISTEN); /* it took effect */
	finish(&f);
}

static void test_error_and_interrupt(void **unused)
{
	struct sim_config config = quiet;
	struct segment s, again;
	const struct segment *one = &again;
	struct fixture f;

	(void)unused;
	config.error_after = 1;
	config.interrupt_after = 1;
	start(&f, &config, FAULT_NONE, 7);
	connect_near(&f);
	assert_int_equal(f.link->receive(f.link, 10000, &s), LINK_SEGMENT);
	assert_int_equal(f.link->receive(f.link, 10000, &again), LINK_INTERRUPTED);
	assert_int_equal(f.link->receive(f.link, 10000, &again), LINK_SEGMENT);
	again = s;
	assert_int_equal(f.link->send(f.link, &one, 1), -1);
	assert_true(strlen(f.link->why) > 0);
	assert_int_equal(f.link->receive(f.link, 10000, &s), LINK_ERROR);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_latency_and_capture),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_seed_decides),
		cmocka_unit_test(test_legal_faults_work),
		cmocka_unit_test(test_simultaneous_open_and_close),
		cmocka_unit_test(test_firewall_and_loss),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_kernel_reset),
		cmocka_unit_test(test_error_and_interrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
