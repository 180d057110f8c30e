/* SPDX-License-Identifier: BSD-2-Clause */
/* Arbitrary bytes as the segments of a few connections, for the judge: one byte for what is known of the
 * capture point, then the segments (segments.h). */
#include <string.h>

#include "core/conn.h"
#include "fuzz/segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rule_index *index_of_rules(void)
{
	static struct rule_index index;
	static bool filled;

	if (!filled)
		rule_index_init(&index);
	filled = true;
	return &index;
}

static bool is_text(const char text[VERDICT_TEXT])
{
	return *text && memchr(text, '\0', VERDICT_TEXT);
}

static void check_verdict(const struct verdict *v, const struct segment *s, uint64_t passed)
{
	segments_assert(v->outcome == OUTCOME_FAIL);
	segments_assert(v->certainty == CERTAIN || v->certainty == LIKELY);
	segments_assert(v->rule && v->rule->citation && *v->rule->citation && v->rule->sentence);
	segments_assert(v->frame == s->frame);
	segments_assert(is_text(v->expected) && is_text(v->observed));
	segments_assert(memchr(v->reason, '\0', VERDICT_TEXT));
	segments_assert(v->certainty == CERTAIN || *v->reason);
	for (unsigned i = 0; i < RULES; i++)
		segments_assert(v->rule != &rules[i] || !(passed >> i & 1));
}

static void check(const struct conn *c, unsigned from, const struct segment *s, const struct judgement *j)
{
	for (int i = 0; i < CONN_ENDS; i++) {
		const struct conn_end *e = &c->ends[i];

		segments_assert(e->states && !(e->states & ~e->ever) && !(e->ever & ~TCP_ANY));
		segments_assert(e->assumed < TCP_STATES);
	}
	segments_assert(c->begun && j->count <= JUDGEMENT_VERDICTS && !(j->passed >> RULES));
	segments_assert(!(c->vantage & CONN_LIVE) || from != CONN_PROBER || !j->count);
	for (unsigned i = 0; i < j->count; i++)
		check_verdict(&j->failed[i], s, j->passed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rule_index *index = index_of_rules();
	static struct judgement j;
	struct conn conns[SEGMENTS_CONNECTIONS];
	struct segments g;
	struct segment s;
	unsigned number, from;

	if (!size)
		return 0;
	for (int i = 0; i < SEGMENTS_CONNECTIONS; i++)
		conn_init(&conns[i], data[0] & 15);
	segments_begin(&g, data + 1, size - 1);
	while (segments_next(&g, &s, &number, &from)) {
		struct conn *c = &conns[number];

		if (conn_is_reopened(c, from, &s))
			conn_reopen(c);
		/* Whatever the caller left there. */
		memset(&j, 0xa5, sizeof(j));
		conn_observe(c, index, from, &s, &j);
		check(c, from, &s, &j);
		conn_is_over(c);
		conn_relative(&c->ends[from], s.seq);
	}
	return 0;
}
