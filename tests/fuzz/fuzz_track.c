/* SPDX-License-Identifier: BSD-2-Clause */
/* Arbitrary bytes as a capture of a few connections: one byte for how many may be open at a time and for what
 * is said of the capture point, then the segments (segments.h). */
#include <string.h>

#include "fuzz/segments.h"
#include "run/track.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ALARMS = 256 };

/* What has been reported. */
struct reports {
	uint64_t frame; /* the newest */
	uint32_t violations, connections, evicted;
	uint32_t alarms_count;
	struct {
		uint32_t index;
		unsigned end;
		const struct rule *rule;
	} alarms[ALARMS];
};

static bool is_text(const char text[VERDICT_TEXT])
{
	return *text && memchr(text, '\0', VERDICT_TEXT);
}

static void on_violation(void *arg, const struct track_name *name, unsigned end, const struct verdict *v)
{
	struct reports *r = (struct reports *)arg;

	r->violations++;
	segments_assert(end < CONN_ENDS && name->src.addr.family == 4 && name->dst.addr.family == 4);
	segments_assert(v->outcome == OUTCOME_FAIL && v->rule && v->rule->citation && *v->rule->citation);
	segments_assert(v->frame >= 1 && v->frame <= r->frame);
	segments_assert(is_text(v->expected) && is_text(v->observed));
	segments_assert(v->certainty == CERTAIN || is_text(v->reason));
	/* One cause, one alarm. */
	for (uint32_t i = 0; i < r->alarms_count; i++)
		segments_assert(r->alarms[i].index != name->index || r->alarms[i].end != end ||
				r->alarms[i].rule != v->rule);
	if (r->alarms_count == ALARMS)
		return;
	r->alarms[r->alarms_count].index = name->index;
	r->alarms[r->alarms_count].end = end;
	r->alarms[r->alarms_count++].rule = v->rule;
}

static void on_connection(void *arg, const struct track_summary *s)
{
	struct reports *r = (struct reports *)arg;

	r->connections++;
	r->evicted += s->evicted;
	segments_assert(s->handshake < HANDSHAKES && s->ending < ENDINGS && s->segments && s->duration_us >= 0);
	segments_assert(s->closed_first >= -1 && s->closed_first <= 1 && s->reset_by >= -1 && s->reset_by <= 1);
	for (int i = 0; i < CONN_ENDS; i++)
		segments_assert(s->reached[i] && !(s->reached[i] & ~TCP_ANY));
}

static void check_totals(const struct track_totals *totals, const struct reports *r)
{
	uint64_t handshakes = 0, endings = 0, findings = 0;

	for (int i = 0; i < HANDSHAKES; i++)
		handshakes += totals->handshakes[i];
	for (int i = 0; i < ENDINGS; i++)
		endings += totals->endings[i];
	for (int class = 0; class <= CLASS_CHOICE; class++)
		findings += totals->findings[class][CERTAIN] + totals->findings[class][LIKELY];
	segments_assert(totals->segments == r->frame && totals->judged + totals->duplicates <= r->frame);
	segments_assert(totals->connections == r->connections && totals->evicted == r->evicted);
	segments_assert(handshakes == r->connections && endings == r->connections);
	segments_assert(findings == r->violations);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct address ends[2] = {
		{ .family = 4, .bytes = { 198, 18, 0, 1 } },
		{ .family = 4, .bytes = { 198, 18, 0, 2 } },
	};
	static struct rule_index index;
	static bool filled;
	static struct reports reports;
	struct track_params params = { .rules = &index, .only = -1, .violation = on_violation,
				       .connection = on_connection, .arg = &reports };
	struct track *t;
	struct segments g;
	struct segment s;
	unsigned number, from;

	if (!filled)
		rule_index_init(&index);
	filled = true;
	if (!size)
		return 0;
	memset(&reports, 0, sizeof(reports));
	params.max_connections = 1 + (data[0] & 3);
	params.near = ends + (data[0] >> 2 & 1);
	params.near_count = data[0] >> 3 & 1;
	t = track_new(&params);
	if (!t)
		return 0;
	segments_begin(&g, data + 1, size - 1);
	while (segments_next(&g, &s, &number, &from)) {
		reports.frame = s.frame;
		segments_assert(track_segment(t, &s));
		segments_assert(track_count(t) >= 1 && track_count(t) <= SEGMENTS_CONNECTIONS);
	}
	track_finish(t);
	segments_assert(!track_count(t));
	check_totals(track_totals(t), &reports);
	track_free(t);
	return 0;
}
