/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "core/conn.h"

enum {
	FIRST_ROOM = 64,
	ENOUGH_CHECKSUMS = 8, /* to tell a rewritten trace from damage */
	ENOUGH_HANDSHAKES = 3,
	AT_FIRST = 10, /* per cent of the way: */
	AT_SECOND = 90,
	UNPLACED = 50,
};

uint64_t hosts_mix(uint64_t value)
{
	value ^= value >> 33;
	value *= UINT64_C(0xff51afd7ed558ccd);
	value ^= value >> 33;
	value *= UINT64_C(0xc4ceb9fe1a85ec53);
	return value ^ value >> 33;
}

bool hosts_init(struct hosts *h, uint64_t seed, const struct address *near, uint32_t near_count)
{
	*h = (struct hosts){.seed = seed, .near = near, .near_count = near_count};
	h->room = FIRST_ROOM;
	h->index_size = 2 * FIRST_ROOM;
	h->list = malloc(h->room * sizeof(*h->list));
	h->index = calloc(h->index_size, sizeof(*h->index));
	h->count = 1; /* 0 is none */
	return h->list && h->index;
}

void hosts_free(struct hosts *h)
{
	free(h->list);
	free(h->index);
	free(h->suspects);
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static uint64_t hash(const struct hosts *h, const uint8_t bytes[16], uint32_t vlan)
{
	uint64_t halves[2];

	memcpy(halves, bytes, 16);
	halves[0] = (halves[0] ^ h->seed) * UINT64_C(0x9e3779b97f4a7c15);
	return hosts_mix(halves[0] ^ halves[0] >> 32 ^ halves[1] ^ vlan);
}

/* Where the host stands in the index, or the free place where it would. */
static uint32_t *place(const struct hosts *h, const struct address *a, uint32_t vlan)
{
	uint32_t mask = h->index_size - 1, at = (uint32_t)hash(h, a->bytes, vlan) & mask;

	for (; h->index[at]; at = (at + 1) & mask) {
		const struct host *host = &h->list[h->index[at]];

		if (host->vlan == vlan && host->family == a->family && !memcmp(host->bytes, a->bytes, 16))
			break;
	}
	return &h->index[at];
}

static bool grow(struct hosts *h)
{
	struct host *list = realloc(h->list, 2 * (size_t)h->room * sizeof(*list));
	uint32_t *index;

	if (!list)
		return false;
	h->list = list;
	index = calloc(2 * (size_t)h->index_size, sizeof(*index));
	if (!index)
		return false;
	free(h->index);
	h->index = index;
	h->room *= 2;
	h->index_size *= 2;
	for (uint32_t i = 1; i < h->count; i++) {
		struct address a = hosts_address(h, i);

		*place(h, &a, h->list[i].vlan) = i;
	}
	return true;
}

uint32_t hosts_number(struct hosts *h, const struct address *a, uint32_t vlan)
{
	uint32_t *at = place(h, a, vlan);
	struct host *host;

	if (*at)
		return *at;
	if (h->count == h->room) {
		if (!grow(h))
			return 0;
		at = place(h, a, vlan);
	}
	host = &h->list[h->count];
	*host = (struct host){.vlan = vlan, .family = a->family};
	memcpy(host->bytes, a->bytes, 16);
	for (uint32_t i = 0; i < h->near_count; i++)
		host->near |= address_equal(&h->near[i], a);
	return *at = h->count++;
}

struct address hosts_address(const struct hosts *h, uint32_t number)
{
	struct address a = {.family = h->list[number].family};

	memcpy(a.bytes, h->list[number].bytes, 16);
	return a;
}

/* ---- checksums --------------------------------------------------------------------------------- */

/* Bad ones only: rewritten as long as nothing else is known. */
static bool is_rewritten(const struct host *host)
{
	return host->bad > 9 * (uint64_t)host->good;
}

bool hosts_checksums_count(const struct host *host)
{
	return host->good + host->bad >= ENOUGH_CHECKSUMS && !is_rewritten(host);
}

enum checksum hosts_checksum(struct hosts *h, uint32_t sender, enum checksum checksum)
{
	struct host *host = &h->list[sender];

	if (checksum == CHECKSUM_GOOD)
		host->good += host->good < UINT32_MAX / 2;
	if (checksum != CHECKSUM_BAD)
		return checksum;
	host->bad += host->bad < UINT32_MAX / 2;
	return is_rewritten(host) ? CHECKSUM_UNKNOWN : CHECKSUM_BAD;
}

void hosts_suspect(struct hosts *h, const struct suspect *s)
{
	if (h->list[s->sender].suspect)
		return;
	if (h->suspects_count + 1 >= h->suspects_room) {
		uint32_t room = h->suspects_room ? 2 * h->suspects_room : FIRST_ROOM;
		struct suspect *more = realloc(h->suspects, room * sizeof(*more));

		if (!more)
			return; /* one report less */
		h->suspects = more;
		h->suspects_room = room;
	}
	h->suspects[++h->suspects_count] = *s;
	h->list[s->sender].suspect = h->suspects_count;
}

/* ---- the place of the capture ------------------------------------------------------------------ */

static uint32_t pair_index(const struct hosts *h, const uint32_t hosts[2])
{
	return (uint32_t)hosts_mix(h->seed ^ ((uint64_t)hosts[0] << 32 | hosts[1])) % PAIRS;
}

static int ascending(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

static uint8_t median(const struct pair *p)
{
	uint8_t sorted[SAMPLES];
	unsigned n = p->count;

	memcpy(sorted, p->samples, n);
	qsort(sorted, n, 1, ascending);
	return sorted[n / 2];
}

void hosts_handshake(struct hosts *h, uint32_t client, uint32_t server, double share)
{
	uint32_t hosts[2] = {client < server ? client : server, client < server ? server : client};
	struct pair *p = &h->pairs[pair_index(h, hosts)];
	/* At the client all of the time passes before SYN,ACK comes, at the server nothing. */
	double at = client < server ? 1 - share : share;

	if (client == server || !(share >= 0 && share <= 1))
		return;
	if (p->hosts[0] != hosts[0] || p->hosts[1] != hosts[1])
		*p = (struct pair){.hosts = {hosts[0], hosts[1]}, .place = UNPLACED};
	p->samples[p->next] = (uint8_t)(at * 100 + 0.5);
	p->next = (uint8_t)((p->next + 1) % SAMPLES);
	p->count += p->count < SAMPLES;
	p->place = p->count < ENOUGH_HANDSHAKES ? UNPLACED : median(p);
	h->placed |= p->place < AT_FIRST || p->place > AT_SECOND;
}

unsigned hosts_vantage(const struct hosts *h, uint32_t first, uint32_t second)
{
	uint32_t hosts[2] = {first < second ? first : second, first < second ? second : first};
	const struct pair *p;
	bool lower, higher;

	if (h->list[first].near || h->list[second].near)
		return (unsigned)CONN_STATED | (h->list[first].near ? CONN_NEAR_0 : 0) |
		       (h->list[second].near ? CONN_NEAR_1 : 0);
	if (!h->placed)
		return 0;
	p = &h->pairs[pair_index(h, hosts)];
	if (p->hosts[0] != hosts[0] || p->hosts[1] != hosts[1])
		return 0;
	lower = p->place < AT_FIRST;
	higher = p->place > AT_SECOND;
	if (first > second)
		return (lower ? CONN_NEAR_1 : 0) | (higher ? CONN_NEAR_0 : 0);
	return (lower ? CONN_NEAR_0 : 0) | (higher ? CONN_NEAR_1 : 0);
}
