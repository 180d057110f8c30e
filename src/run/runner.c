/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/runner.h"

/* When an exchange that has not started yet may: INT64_MAX while it must wait for another. */
static int64_t starts_at(const struct run *run, size_t index, int64_t begin_us)
{
	const struct exchange *before = &run->exchanges[index - !!index];

	if (index < run->singles)
		return begin_us + (int64_t)index * run->stagger_us + run->exchanges[index].params.start_us;
	if (run->lanes_end && index >= run->lanes_end)
		return begin_us;
	index -= run->singles;
	if (index % run->lane_length == 0)
		return begin_us + (int64_t)(index / run->lane_length) * run->stagger_us;
	return before->done ? before->start_us + run->interval_us : INT64_MAX;
}

/* Sends what an event has made the exchange want to send. False if that failed, which ends the exchange. */
static bool send_segments(const struct run *run, struct exchange *x, const struct prober_out *out)
{
	const struct segment *segments[PROBER_BURST];
	struct prober_out last = { .count = 0 };

	for (size_t i = 0; i < out->count; i++)
		segments[i] = &out->segments[i];
	if (!out->count || run->link->send(run->link, segments, out->count) == 0)
		return true;
	exchange_stop(x, run->link->why, run->link->now_us(run->link), &last);
	for (size_t i = 0; i < last.count; i++)
		segments[i] = &last.segments[i];
	if (last.count)
		run->link->send(run->link, segments, last.count);
	return false;
}

/* Then it asks the driver, which may want to see on its side what has just been sent. */
static void send_out(const struct run *run, struct exchange *x, const struct prober_out *out)
{
	if (!send_segments(run, x, out) || !x->asking)
		return;
	x->asking = false;
	run->driver->ops->ask(run->driver, &x->request, run->link->now_us(run->link));
}

/* What never left may have found nobody to go to. */
static void ask_unanswered(struct link *link, struct exchange *x)
{
	const char *why = NULL;

	if (x->pending_count && !x->lines_count && link->unanswered)
		why = link->unanswered(link, &x->params.prober.target.addr);
	if (why)
		exchange_unanswered(x, why);
}

/* Everything that is due. Returns when to come again; INT64_MAX if all is done. */
static int64_t serve(const struct run *run, int64_t begin_us)
{
	int64_t next_us = INT64_MAX;

	for (size_t i = 0; i < run->count; i++) {
		struct exchange *x = &run->exchanges[i];
		struct prober_out out = { .count = 0 };
		int64_t now_us = run->link->now_us(run->link), at_us;

		if (x->done)
			continue;
		if (!x->started) {
			at_us = starts_at(run, i, begin_us);
			if (at_us > now_us) {
				next_us = at_us < next_us ? at_us : next_us;
				continue;
			}
			exchange_start(x, now_us, &out);
		} else if (exchange_wakes_at(x) <= now_us) {
			ask_unanswered(run->link, x);
			exchange_tick(x, now_us, &out);
		}
		send_out(run, x, &out);
		at_us = x->done ? now_us : exchange_wakes_at(x);
		next_us = at_us < next_us ? at_us : next_us;
	}
	return next_us;
}

/* Hands over what the driver has to say. */
static void consult(const struct run *run)
{
	const int64_t now_us = run->link->now_us(run->link);
	struct driver_answer a;

	while (run->driver && run->driver->ops->answer(run->driver, now_us, &a)) {
		struct exchange *x = &run->exchanges[a.id];
		struct prober_out out = { .count = 0 };

		exchange_answered(x, &a, now_us, &out);
		send_out(run, x, &out);
	}
}

/* Lets the link wait for the driver, too. Returns when to look at it even so. */
static int64_t watch(const struct run *run)
{
	short waited_for = 0;
	int64_t at_us;
	int fd = -1;

	if (!run->driver)
		return INT64_MAX;
	at_us = run->driver->ops->waits_for(run->driver, &fd, &waited_for);
	if (run->link->watch)
		run->link->watch(run->link, fd, waited_for);
	return at_us;
}

static void deliver(const struct run *run, const struct segment *s)
{
	for (size_t i = 0; i < run->count; i++) {
		struct exchange *x = &run->exchanges[i];
		struct prober_out out = { .count = 0 };

		if (!x->started || x->done || !exchange_owns(x, s))
			continue;
		exchange_captured(x, s, run->link->now_us(run->link), &out);
		send_out(run, x, &out);
		return;
	}
}

static void stop_all(const struct run *run, const char *error)
{
	for (size_t i = 0; i < run->count; i++) {
		struct prober_out out = { .count = 0 };

		exchange_stop(&run->exchanges[i], error, run->link->now_us(run->link), &out);
		send_out(run, &run->exchanges[i], &out);
	}
}

/* Hands over what is done; returns how many are left. */
static size_t report(const struct run *run)
{
	size_t left = 0;

	for (size_t i = 0; i < run->count; i++) {
		struct exchange *x = &run->exchanges[i];

		if (x->done && !x->reported) {
			x->reported = true;
			if (run->driver)
				run->driver->ops->release(run->driver, i, run->link->now_us(run->link));
			run->finished(run->arg, i);
		}
		left += !x->reported;
	}
	return left;
}

enum run_status run_all(const struct run *run)
{
	const int64_t begin_us = run->link->now_us(run->link);
	enum run_status status = RUN_DONE;

	while (report(run)) {
		int64_t next_us, driver_us;
		struct segment s;

		consult(run);
		next_us = serve(run, begin_us);
		driver_us = watch(run);
		next_us = driver_us < next_us ? driver_us : next_us;
		switch (run->link->receive(run->link, next_us, &s)) {
		case LINK_SEGMENT:
			deliver(run, &s);
			break;
		case LINK_TIME:
		case LINK_READY:
			break;
		case LINK_INTERRUPTED:
			status = RUN_INTERRUPTED;
			stop_all(run, NULL);
			break;
		case LINK_ERROR:
			stop_all(run, run->link->why);
			report(run);
			return RUN_LINK_LOST;
		}
	}
	return status;
}
