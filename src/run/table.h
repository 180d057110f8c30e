/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections of a capture, as small as they can be kept: hosts and ports go in, an entry comes out.
 * Entries stand in two lists by the time of their last segment: those that are open, and those that are over.
 */
#ifndef FINWAIT_RUN_TABLE_H
#define FINWAIT_RUN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/conn.h"

/* Up to its last member: without padding. */
enum { END_SIZE = offsetof(struct conn_end, steady) + sizeof(((struct conn_end *)0)->steady) };

/* What the summary of a connection needs. */
enum {
	ENTRY_OVER = 1 << 0,        /* in which list it is */
	ENTRY_CLOSED_BY_0 = 1 << 1, /* whose FIN came first */
	ENTRY_CLOSED_BY_1 = 1 << 2,
	ENTRY_RESET_BY_0 = 1 << 3, /* whose RST counted */
	ENTRY_RESET_BY_1 = 1 << 4,
	ENTRY_REFUSED = 1 << 5,
	ENTRY_FAST_OPEN = 1 << 6, /* data on the SYN was accepted */
	ENTRY_THREE = 1 << 7,     /* one segment had the ACK of a FIN and the other FIN */
	ENTRY_CROSSED = 1 << 8,   /* the FINs crossed */
	ENTRY_ACCUSED = 1 << 9,   /* at least one violation */
	ENTRY_TIMED = 1 << 10,    /* its handshake is being timed */
	ENTRY_AGAIN = 1 << 11,    /* its ports were used before: the numbers are remembered */
	ENTRY_BEGUN = 1 << 12,    /* a segment was observed */
};

enum { TABLE_OPEN, TABLE_OVER, TABLE_LISTS };

struct entry {
	uint32_t hosts[2]; /* of the ends of the connection: the first sent its first segment */
	uint16_t ports[2];
	uint32_t before, after; /* in its list; TABLE_LISTS and above are entries */
	uint32_t index;         /* of the connection in the capture */
	uint32_t start_s;       /* since the capture began, ... */
	uint32_t last_ms;       /* its last segment, since its first */
	uint32_t segments;
	uint16_t start_ms; /* ... and some of a second */
	uint16_t flags;
	uint8_t ends[CONN_ENDS][END_SIZE];
};

struct table {
	uint64_t seed;
	struct entry **chunks;
	uint32_t chunks_count;
	uint32_t used;                   /* entries that were ever used; the first ones are heads of lists */
	uint32_t free;                   /* the first of those that are free again, linked by `after` */
	uint32_t *slots;                 /* entry and some bits of its hash; 0 free */
	uint32_t slots_size, slots_used; /* those of removed entries are used until the next rebuild */
	uint32_t counts[TABLE_LISTS];
};

enum { TABLE_MOST = (1 << 24) - 16 };

/* False if there is no memory. */
bool table_init(struct table *t, uint64_t seed);
void table_free(struct table *t);

struct entry *table_at(const struct table *t, uint32_t number);

/* The entry of a connection, in either direction, or 0. */
uint32_t table_find(const struct table *t, const uint32_t hosts[2], const uint16_t ports[2]);

/* A new one, among those that are open, all zero but for hosts and ports; 0 if there is no memory. */
uint32_t table_add(struct table *t, const uint32_t hosts[2], const uint16_t ports[2]);
void table_remove(struct table *t, uint32_t number);

/* It is now the latest of this list. */
void table_touch(struct table *t, uint32_t number, unsigned list);

/* The one that has been idle for the longest time, or 0. */
uint32_t table_oldest(const struct table *t, unsigned list);

/* When it began; `base_us` is when the capture did. */
int64_t entry_start_us(const struct entry *e, int64_t base_us);

/* The connection itself. */
void entry_read(const struct entry *e, int64_t base_us, struct conn *c);
void entry_write(struct entry *e, const struct conn *c);

#endif
