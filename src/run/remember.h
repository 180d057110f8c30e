/* SPDX-License-Identifier: BSD-2-Clause */
/* What a few connections need for a while, kept beside all of them: when their handshake began, which numbers
 * their ports have used before, what they were accused of, and which frames came just now. Each in a place
 * that a later one may take, so that the memory is fixed; what is displaced is forgotten. */
#ifndef FINWAIT_RUN_REMEMBER_H
#define FINWAIT_RUN_REMEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/conn.h"

enum {
	REMEMBER_HANDSHAKES = 2048,
	REMEMBER_NUMBERS = 4096,
	REMEMBER_ALARMS = 4096,
	REMEMBER_FRAMES = 1024,
	REMEMBER_ROW = 63, /* stands for all rules by state and event */
};

/* What one end of the connection before has used, from `first` to before `next`. */
struct numbers {
	uint32_t first, next, ts_max;
	bool known, timestamps;
	bool ended;      /* the connection was open and was closed, not reset */
	int64_t last_us; /* when the connection was last seen */
};

struct remember {
	struct {
		uint32_t index;      /* of the connection, and 1; also below */
		int64_t times_us[2]; /* of SYN and SYN,ACK */
	} handshakes[REMEMBER_HANDSHAKES];
	struct {
		uint32_t index;
		struct numbers ends[CONN_ENDS];
	} numbers[REMEMBER_NUMBERS];
	struct {
		uint32_t index;
		uint64_t told[CONN_ENDS];
	} alarms[REMEMBER_ALARMS];
	struct {
		uint64_t print;
		int64_t t_us;
	} frames[REMEMBER_FRAMES];
};

/* A SYN that was sent at that time; its times, those that are not known 0, or NULL. */
void remember_handshake(struct remember *r, uint32_t index, int64_t syn_us);
int64_t *remember_times(struct remember *r, uint32_t index);

/* The connection `index` takes the place of `old`. */
void remember_numbers(struct remember *r, uint32_t index, const struct conn *old, int64_t last_us);
const struct numbers *remember_find_numbers(const struct remember *r, uint32_t index, unsigned end);
/* Whether a SYN begins among these numbers, sooner than `within_us` after them; then *v says so. */
bool remember_is_reused(const struct numbers *old, const struct segment *syn, int64_t within_us,
			struct verdict *v);
/* Whether a segment of connection `index`, from that end, is a late one of the connection before. */
bool remember_is_late(const struct remember *r, uint32_t index, unsigned end, const struct segment *s,
		      const struct conn *c);

/* False if that was told before: `rule` is enum rule_id or REMEMBER_ROW. */
bool remember_alarm(struct remember *r, uint32_t index, unsigned end, unsigned rule);

/* Whether the same frame was captured just before, as by a mirror port. */
bool remember_is_duplicate(struct remember *r, const uint32_t hosts[2], const struct segment *s);

#endif
