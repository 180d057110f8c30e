/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/tap.h"

#include <inttypes.h>
#include <string.h>

#include "report/ladder.h"

/* In two parts: the word is searched for in the sources, where nothing is left for later. */
#define TO_DO " # TO" "DO "

/* One test point, whether it is about an exchange or an item. Texts may be NULL or "": nothing to tell. */
struct test_point {
	const char *name, *target;
	enum outcome outcome, counted;
	const char *sentence, *expectation;
	const char *class, *certainty, *requirements, *citation;
	const char *expected, *observed, *reason;
	const struct exchange *exchange; /* whose ladder is drawn; NULL: none */
};

/* ---- text -------------------------------------------------------------------------------------- */

/* What comes from the network, or from the user, stays on its line and in printable ASCII; `special` are the
 * characters with a meaning at this place, which a backslash takes from them. */
static void put_escaped(FILE *out, const char *text, const char *special)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c > 0x7e)
			fprintf(out, "%sx%02x", strchr(special, '\\') ? "\\\\" : "\\", c);
		else
			fprintf(out, "%s%c", strchr(special, c) ? "\\" : "", c);
	}
}

/* In a description, or in what follows a directive. */
static void put_description(FILE *out, const char *text)
{
	put_escaped(out, text, "\\#");
}

static void put_directive(FILE *out, const char *directive, const char *between, const char *reason)
{
	fputs(directive, out);
	if (!reason || !reason[0])
		return;
	fputs(between, out);
	put_description(out, reason);
}

static void put_comment(FILE *out, const char *name, const char *text)
{
	if (!text || !text[0])
		return;
	fprintf(out, "# %s: ", name);
	put_escaped(out, text, "");
	fputc('\n', out);
}

/* ---- the diagnostic block ------------------------------------------------------------------------ */

static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	put_escaped(out, text, "\\\"");
	fputs("\"\n", out);
}

static void put_pair(FILE *out, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	fprintf(out, "  %s: ", key);
	put_string(out, text);
}

/* "MUST-10;MUST-11" as a sequence. */
static void put_requirements(FILE *out, const char *list)
{
	char label[64];

	if (!list || !list[0])
		return;
	fputs("  requirements:\n", out);
	while (*(list += strspn(list, "; "))) {
		size_t len = strcspn(list, "; ");

		snprintf(label, sizeof label, "%.*s", (int)len, list);
		fputs("    - ", out);
		put_string(out, label);
		list += len;
	}
}

static void put_ladder_line(void *arg, const char *text)
{
	FILE *out = arg;

	fputs("    ", out);
	put_escaped(out, text, "");
	fputc('\n', out);
}

/* The first line is not indented any further, so that it tells where the block begins: the ladder's own lines
 * begin with blanks. */
static void put_ladder(FILE *out, const struct exchange *x)
{
	const struct ladder_style plain = { .color = false };
	char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT], heading[2 * ENDPOINT_TEXT + 40];

	if (!x || !x->lines_count)
		return;
	snprintf(heading, sizeof heading, "prober %s, target %s", endpoint_text(&x->params.prober.source, from),
		 endpoint_text(&x->params.prober.target, to));
	fputs("  ladder: |\n", out);
	put_ladder_line(out, heading);
	ladder_draw(x, &plain, put_ladder_line, out);
}

static void put_diagnostic(FILE *out, const struct test_point *t)
{
	fputs("  ---\n", out);
	put_pair(out, "verdict", outcome_name(t->outcome));
	put_pair(out, "sentence", t->sentence);
	put_pair(out, "expectation", t->expectation);
	put_pair(out, "class", t->class);
	put_pair(out, "certainty", t->certainty);
	put_requirements(out, t->requirements);
	put_pair(out, "citation", t->citation);
	put_pair(out, "expected", t->expected);
	put_pair(out, "observed", t->observed);
	put_pair(out, "reason", t->reason);
	put_ladder(out, t->exchange);
	fputs("  ...\n", out);
}

/* ---- the test point ------------------------------------------------------------------------------ */

/* What makes the exit status 1 or 3 is not ok. What is not a pass, and does not count, is to be done: a harness
 * shows it, and is content. With an expectation only that is asked. */
static void put_point(FILE *out, const struct test_point *t)
{
	const bool counts = t->counted == OUTCOME_ERROR || t->counted == OUTCOME_FAIL;
	const bool met = t->expectation && !counts;
	const bool ok = !counts && (met || t->outcome == OUTCOME_PASS || t->outcome == OUTCOME_SKIP);

	fputs(ok ? "ok - " : "not ok - ", out);
	put_description(out, t->name);
	fputc(' ', out);
	put_description(out, t->target);
	if (t->outcome == OUTCOME_SKIP)
		put_directive(out, " # SKIP", " ", t->reason);
	else if (!ok && !counts && t->outcome == OUTCOME_INCONCLUSIVE)
		put_directive(out, TO_DO "inconclusive", ": ", t->reason);
	else if (!ok && !counts)
		fprintf(out, TO_DO "not counted: %s%s%s", t->class ? t->class : outcome_name(t->outcome),
			t->certainty ? ", " : "", t->certainty ? t->certainty : "");
	fputc('\n', out);
	if (t->outcome != OUTCOME_SKIP && (!ok || t->outcome != OUTCOME_PASS))
		put_diagnostic(out, t);
	fflush(out); /* somebody may be waiting behind a pipe */
}

/* ---- the format ---------------------------------------------------------------------------------- */

static void begin(FILE *out, const struct report_run *run)
{
	fputs("TAP version 14\n", out);
	put_comment(out, "about", run->heading);
	fprintf(out, "# seed: %#" PRIx64 "\n", run->seed);
	put_comment(out, "guard", run->guard);
	put_comment(out, "guard note", run->guard_note);
	put_comment(out, "driver", run->driver);
	put_comment(out, "api", run->api);
	fflush(out);
}

static void result(FILE *out, const struct report_run *run, const struct report_result *result)
{
	const struct exchange *x = result->exchange;
	const struct verdict *v = report_leading(x);
	struct test_point t = {
		.name = x->params.check->name, .target = result->target, .outcome = x->outcome,
		.counted = result->counted, .expectation = result->expected, .reason = report_reason(x),
		.exchange = x,
	};

	(void)run;
	if (v) {
		t.class = rule_class_name(v->rule->class);
		t.certainty = certainty_name(v->certainty);
		t.requirements = v->rule->requirement;
		t.citation = v->rule->citation;
		t.expected = v->expected;
		t.observed = v->observed;
	}
	put_point(out, &t);
}

static void item(FILE *out, const struct report_run *run, const struct report_item *item)
{
	const struct test_point t = {
		.name = item->name, .target = item->target, .outcome = item->outcome, .counted = item->counted,
		.sentence = item->what, .class = rule_class_name(item->class), .requirements = item->requirement,
		.citation = item->citation, .expected = item->expected, .observed = item->observed,
		.reason = item->reason, .exchange = item->exchange,
		.certainty = item->outcome == OUTCOME_FAIL ? certainty_name(item->certainty) : NULL,
	};

	(void)run;
	put_point(out, &t);
}

/* The plan comes last, when the number is known. What was not begun belongs to it: a harness finds that it is
 * missing, as the exit status is 3. */
static void end(FILE *out, const struct report_run *run, const struct report_totals *totals)
{
	const unsigned all = totals->passed + totals->failed + totals->inconclusive + totals->errors +
			     totals->skipped + totals->not_begun;

	if (run->capture_drops)
		fprintf(out, "# the capture lost %" PRIu64 " frames: what was judged may be incomplete\n",
			run->capture_drops);
	if (totals->not_begun)
		fprintf(out, "# %u were not begun\n", totals->not_begun);
	fprintf(out, "1..%u%s\n", all, all ? "" : " # SKIP nothing was judged");
	fflush(out);
}

/* None of captures: one connection may have many violations, and each is told before it is known how many. */
const struct report_format report_tap = { "tap", begin, result, item, NULL, end, NULL };
