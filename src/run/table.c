/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/table.h"

#include <stdlib.h>
#include <string.h>

#include "run/hosts.h"

enum {
	CHUNK = 2048, /* entries */
	FIRST_SLOTS = 1024,
	NUMBER_BITS = 24, /* of a slot; the rest is of the hash, so that few entries are looked at in vain */
	NUMBER_MASK = (1 << NUMBER_BITS) - 1,
	REMOVED = NUMBER_MASK, /* a slot whose entry has gone */
};

struct entry *table_at(const struct table *t, uint32_t number)
{
	return &t->chunks[number / CHUNK][number % CHUNK];
}

static bool add_chunk(struct table *t)
{
	struct entry **chunks = realloc(t->chunks, (t->chunks_count + 1) * sizeof(*chunks));

	if (!chunks)
		return false;
	t->chunks = chunks;
	chunks[t->chunks_count] = malloc(CHUNK * sizeof(**chunks));
	if (!chunks[t->chunks_count])
		return false;
	t->chunks_count++;
	return true;
}

bool table_init(struct table *t, uint64_t seed)
{
	*t = (struct table){.seed = seed, .used = TABLE_LISTS};
	t->slots_size = FIRST_SLOTS;
	t->slots = calloc(t->slots_size, sizeof(*t->slots));
	if (!t->slots || !add_chunk(t))
		return false;
	for (uint32_t list = 0; list < TABLE_LISTS; list++)
		*table_at(t, list) = (struct entry){.before = list, .after = list};
	return true;
}

void table_free(struct table *t)
{
	for (uint32_t i = 0; i < t->chunks_count; i++)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->slots);
}

/* ---- finding ----------------------------------------------------------------------------------- */

/* The same for both directions. */
static uint64_t hash(const struct table *t, const uint32_t hosts[2], const uint16_t ports[2])
{
	uint64_t a = (uint64_t)hosts[0] << 16 | ports[0], b = (uint64_t)hosts[1] << 16 | ports[1];

	return hosts_mix((a < b ? a : b) * UINT64_C(0x9e3779b97f4a7c15) + (a < b ? b : a) + t->seed);
}

static bool matches(const struct entry *e, const uint32_t hosts[2], const uint16_t ports[2])
{
	bool same = e->hosts[0] == hosts[0] && e->hosts[1] == hosts[1] && e->ports[0] == ports[0] &&
		    e->ports[1] == ports[1];

	return same || (e->hosts[0] == hosts[1] && e->hosts[1] == hosts[0] && e->ports[0] == ports[1] &&
			e->ports[1] == ports[0]);
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) & ~(uint32_t)NUMBER_MASK;
}

uint32_t table_find(const struct table *t, const uint32_t hosts[2], const uint16_t ports[2])
{
	uint64_t h = hash(t, hosts, ports);
	uint32_t mask = t->slots_size - 1, slot;

	for (uint32_t at = (uint32_t)h & mask; (slot = t->slots[at]); at = (at + 1) & mask)
		if ((slot & ~(uint32_t)NUMBER_MASK) == tag_of(h) && (slot & NUMBER_MASK) != REMOVED &&
		    matches(table_at(t, slot & NUMBER_MASK), hosts, ports))
			return slot & NUMBER_MASK;
	return 0;
}

static void put_slot(struct table *t, uint32_t number)
{
	const struct entry *e = table_at(t, number);
	uint64_t h = hash(t, e->hosts, e->ports);
	uint32_t mask = t->slots_size - 1, at = (uint32_t)h & mask;

	while (t->slots[at])
		at = (at + 1) & mask;
	t->slots[at] = tag_of(h) | number;
	t->slots_used++;
}

/* Without the removed ones, and larger if they are few. */
static bool rebuild(struct table *t)
{
	uint32_t live = t->counts[TABLE_OPEN] + t->counts[TABLE_OVER];
	uint32_t size = live > t->slots_size / 2 ? 2 * t->slots_size : t->slots_size;
	uint32_t *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return false;
	free(t->slots);
	t->slots = slots;
	t->slots_size = size;
	t->slots_used = 0;
	for (uint32_t list = 0; list < TABLE_LISTS; list++)
		for (uint32_t i = table_at(t, list)->after; i != list; i = table_at(t, i)->after)
			put_slot(t, i);
	return true;
}

/* ---- lists ------------------------------------------------------------------------------------- */

static void leave_list(const struct table *t, struct entry *e)
{
	table_at(t, e->before)->after = e->after;
	table_at(t, e->after)->before = e->before;
}

static void enter_list(const struct table *t, uint32_t number, unsigned list)
{
	struct entry *e = table_at(t, number), *head = table_at(t, list);

	e->before = head->before;
	e->after = list;
	table_at(t, head->before)->after = number;
	head->before = number;
}

void table_touch(struct table *t, uint32_t number, unsigned list)
{
	struct entry *e = table_at(t, number);
	unsigned was = e->flags & ENTRY_OVER ? TABLE_OVER : TABLE_OPEN;

	leave_list(t, e);
	enter_list(t, number, list);
	t->counts[was]--;
	t->counts[list]++;
	e->flags = (uint16_t)(list == TABLE_OVER ? e->flags | ENTRY_OVER : e->flags & ~ENTRY_OVER);
}

uint32_t table_oldest(const struct table *t, unsigned list)
{
	uint32_t number = table_at(t, list)->after;

	return number == list ? 0 : number;
}

/* ---- coming and going -------------------------------------------------------------------------- */

static uint32_t free_entry(struct table *t)
{
	uint32_t number = t->free;

	if (number) {
		t->free = table_at(t, number)->after;
		return number;
	}
	if (t->used == TABLE_MOST || (t->used == t->chunks_count * CHUNK && !add_chunk(t)))
		return 0;
	return t->used++;
}

uint32_t table_add(struct table *t, const uint32_t hosts[2], const uint16_t ports[2])
{
	uint32_t number;

	/* Four fifths full. */
	if (t->slots_used >= t->slots_size / 5 * 4 && !rebuild(t))
		return 0;
	number = free_entry(t);
	if (!number)
		return 0;
	*table_at(t, number) = (struct entry){.hosts = {hosts[0], hosts[1]}, .ports = {ports[0], ports[1]}};
	put_slot(t, number);
	enter_list(t, number, TABLE_OPEN);
	t->counts[TABLE_OPEN]++;
	return number;
}

void table_remove(struct table *t, uint32_t number)
{
	struct entry *e = table_at(t, number);
	uint32_t mask = t->slots_size - 1, at = (uint32_t)hash(t, e->hosts, e->ports) & mask;

	while ((t->slots[at] & NUMBER_MASK) != number)
		at = (at + 1) & mask;
	t->slots[at] = REMOVED;
	leave_list(t, e);
	t->counts[e->flags & ENTRY_OVER ? TABLE_OVER : TABLE_OPEN]--;
	e->after = t->free;
	t->free = number;
}

/* ---- entries ----------------------------------------------------------------------------------- */

int64_t entry_start_us(const struct entry *e, int64_t base_us)
{
	return base_us + (int64_t)e->start_s * 1000000 + (int64_t)e->start_ms * 1000;
}

void entry_read(const struct entry *e, int64_t base_us, struct conn *c)
{
	c->start_us = entry_start_us(e, base_us);
	c->vantage = 0;
	c->begun = e->flags & ENTRY_BEGUN;
	for (int i = 0; i < CONN_ENDS; i++)
		memcpy(&c->ends[i], e->ends[i], END_SIZE);
}

void entry_write(struct entry *e, const struct conn *c)
{
	for (int i = 0; i < CONN_ENDS; i++)
		memcpy(e->ends[i], &c->ends[i], END_SIZE);
}
