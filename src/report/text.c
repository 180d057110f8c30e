/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/text.h"

#include <string.h>

#include "report/findings.h"
#include "report/ladder.h"

enum { NAME = 13, WIDTH = 80 };

static void print_line(void *arg, const char *text)
{
	fprintf(arg, "%s\n", text);
}

static void print_colored(FILE *out, const struct report_run *run, const char *code, const char *name,
			  int width)
{
	if (run->color)
		fprintf(out, "\x1b[%sm%-*s\x1b[0m", code, width, name);
	else
		fprintf(out, "%-*s", width, name);
}

/* How many bytes of `text` fit into `width` columns without cutting a word. */
static size_t fitting(const char *text, size_t width)
{
	size_t n = strlen(text);

	if (n <= width)
		return n;
	for (n = width; n && text[n] != ' '; n--)
		;
	return n ? n : width;
}

/* "name      text ...            citation", wrapped at 80 columns under its name. */
static void print_row(FILE *out, const struct report_run *run, const char *color, const char *name,
		      const char *text, const char *citation)
{
	size_t used = 0, cite = citation ? strlen(citation) : 0;

	print_colored(out, run, color, name, NAME);
	do {
		size_t n = fitting(text, WIDTH - NAME);

		fprintf(out, "%*s%.*s", used ? NAME : 0, "", (int)n, text);
		used = NAME + n;
		text += n;
		while (*text == ' ')
			text++;
		if (!*text && cite) {
			if (used + 2 + cite > WIDTH) {
				fputc('\n', out);
				used = 0;
			}
			fprintf(out, "%*s", (int)(WIDTH - cite - used), "");
			print_colored(out, run, "2", citation, 0);
		}
		fputc('\n', out);
	} while (*text);
}

static const char *outcome_color(enum outcome o)
{
	return o == OUTCOME_PASS ? "32" : o == OUTCOME_FAIL ? "1;31" : "33";
}

static void print_points(FILE *out, const struct report_run *run, const struct exchange *x)
{
	for (size_t i = 0; i < x->points_count; i++) {
		const struct point *p = &x->points[i];

		print_row(out, run, outcome_color(p->outcome), p->name, p->text,
			  p->rule ? p->rule->citation : NULL);
	}
}

/* What an end offers in its SYN, without the values of the moment. */
static const char *offer_text(const struct tcp_options *o, char *text, size_t len)
{
	char mss[16] = "", wscale[16] = "";

	if (o->present & OPTION_MSS)
		snprintf(mss, sizeof mss, " mss %u", o->mss);
	if (o->present & OPTION_WSCALE)
		snprintf(wscale, sizeof wscale, " wscale %u", o->wscale);
	snprintf(text, len, "%s%s%s%s%s", mss, o->present & OPTION_SACK_PERMITTED ? " sackOK" : "",
		 o->present & OPTION_TIMESTAMPS ? " TS" : "", wscale,
		 o->present & OPTION_OTHER ? " others" : "");
	return text[0] ? text + 1 : "none";
}

static void print_target(FILE *out, const struct report_run *run, const struct exchange *x)
{
	char text[300], ours[80], theirs[80];

	if (!x->syn_ack.frame || !x->opened)
		return;
	snprintf(text, sizeof text, "ISN %u, window %u, TTL %u%s", x->syn_ack.seq, x->syn_ack.window,
		 x->syn_ack.ttl, x->unknown_checksums ? ", checksums offloaded: cannot tell" : "");
	print_row(out, run, "0", "target", text, NULL);
	snprintf(text, sizeof text, "offered %s; answered %s",
		 offer_text(&x->params.prober.syn_options, ours, sizeof ours),
		 offer_text(&x->syn_ack.options, theirs, sizeof theirs));
	print_row(out, run, "0", "options", text, NULL);
	snprintf(text, sizeof text, "ours %u, theirs %u", x->params.prober.isn, x->syn_ack.seq);
	if (run->verbosity > 0)
		print_row(out, run, "0", "ISNs", text, NULL);
}

/* How long the target took for each answer that could be timed. */
static void print_round_trips(FILE *out, const struct report_run *run, const struct exchange *x)
{
	char text[200] = "";
	size_t n = 0, timed = 0;

	for (size_t i = 0; i < x->lines_count && n + 24 < sizeof text; i++) {
		const struct line *l = &x->lines[i];
		char flags[FLAGS_TEXT];

		if (l->rtt_us > 0 && timed++ < 6)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %.3f ms", n ? ", " : "",
					      flags_text(l->segment.flags, flags), (double)l->rtt_us / 1e3);
	}
	if (timed > 6)
		n += (size_t)snprintf(text + n, sizeof text - n, " ...");
	if (n)
		print_row(out, run, "0", "round trips", text, NULL);
}

static void print_answer(FILE *out, const struct report_run *run, const struct exchange *x)
{
	char text[200];

	if (!x->answer_len)
		return;
	snprintf(text, sizeof text, "%s",
		 ladder_escape(x->answer, x->answer_len, (char[160]){ 0 }, run->verbosity > 0 ? 160 : 60));
	print_row(out, run, "0", "answer", text, NULL);
}

/* The last line: what all of it amounts to. */
static const char *conclusion(const struct exchange *x)
{
	switch (x->outcome) {
	case OUTCOME_PASS:
		if (x->params.check->goal)
			return x->certainty == CERTAIN ? "reached" : "reached?";
		return x->reach == REACH_CLOSED ? "closed" : "conforms";
	case OUTCOME_FAIL:
		return x->certainty == CERTAIN ? "violates" : "suspicious";
	case OUTCOME_ERROR:
		return "error";
	case OUTCOME_SKIP:
	case OUTCOME_INCONCLUSIVE:
		break;
	}
	return "inconclusive";
}

static void count_text(const struct exchange *x, char *text, size_t len)
{
	snprintf(text, len, "%u answer%s judged, %zu violation%s%s", x->judged, x->judged == 1 ? "" : "s",
		 x->verdicts_count, x->verdicts_count == 1 ? "" : "s",
		 x->outcome == OUTCOME_FAIL && x->certainty == LIKELY ? ", none of them certain" : "");
}

static void print_conclusion(FILE *out, const struct report_run *run, const struct exchange *x)
{
	char text[100];

	count_text(x, text, sizeof text);
	print_row(out, run, outcome_color(x->outcome), conclusion(x), text,
		  x->verdicts_count ? x->verdicts[0].rule->citation : NULL);
}

static void print_quiet(FILE *out, const struct report_run *run, const struct report_result *result)
{
	const struct exchange *x = result->exchange;

	print_colored(out, run, outcome_color(x->outcome), conclusion(x), 13);
	fprintf(out, "%s", result->target);
	for (size_t i = 0; i < x->points_count; i++)
		fprintf(out, "%s %s: %s", i ? ";" : " ", x->points[i].name, x->points[i].text);
	if (result->expected)
		fprintf(out, "; expected: %s", result->expected);
	fputc('\n', out);
	fflush(out);
}

static void result(FILE *out, const struct report_run *run, const struct report_result *result)
{
	const struct exchange *x = result->exchange;
	const struct ladder_style style = { run->color, run->utf8, run->verbosity > 0 };
	const tcp_states goal = x->params.check->goal;
	char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];

	if (run->verbosity < 0) {
		print_quiet(out, run, result);
		return;
	}
	endpoint_text(&x->params.prober.target, to);
	fprintf(out, "finwait %s%s %s%s%s%s   from %s\n", goal ? "drive " : "probe",
		goal ? tcp_state_name((enum tcp_state)__builtin_ctz(goal)) : "", result->target,
		strcmp(to, result->target) ? " (" : "", strcmp(to, result->target) ? to : "",
		strcmp(to, result->target) ? ")" : "", endpoint_text(&x->params.prober.source, from));
	fprintf(out, "seed %#llx   isn %u   %s %s   guard: %s\n", (unsigned long long)run->seed,
		x->params.prober.isn, goal ? "open" : "close", x->params.check->word, run->guard);
	if (run->driver)
		print_row(out, run, "0", "driver", run->driver, NULL);
	if (run->guard_note[0])
		print_row(out, run, "33", "guard", run->guard_note, NULL);
	fputc('\n', out);
	if (x->lines_count) {
		ladder_draw(x, &style, print_line, out);
		fputc('\n', out);
	}
	print_points(out, run, x);
	print_round_trips(out, run, x);
	print_target(out, run, x);
	print_answer(out, run, x);
	print_conclusion(out, run, x);
	if (result->expected)
		print_row(out, run, "0", "expected", result->expected, NULL);
	fputc('\n', out);
	fflush(out);
}

/* A check of the suite: its name, what it found, and for what is wrong the exchange. */
static void suite_item(FILE *out, const struct report_run *run, const struct report_item *item)
{
	const struct ladder_style style = { run->color, run->utf8, run->verbosity > 0 };
	const bool fine = item->outcome == OUTCOME_PASS || item->outcome == OUTCOME_SKIP;
	char text[1000];
	int n = snprintf(text, sizeof text, "%s", item->name);

	if ((fine || item->folded) && run->verbosity <= 0)
		return;
	if (item->outcome == OUTCOME_FAIL)
		n += snprintf(text + n, sizeof text - (size_t)n, ": expected %s; observed %s%s%s", item->expected,
			      item->observed, item->certainty == LIKELY ? ", likely: unless " : "",
			      item->certainty == LIKELY ? item->reason : "");
	else if (item->observed && item->observed[0])
		n += snprintf(text + n, sizeof text - (size_t)n, ": %s", item->observed);
	if (item->outcome != OUTCOME_FAIL && item->reason && item->reason[0])
		n += snprintf(text + n, sizeof text - (size_t)n, ": %s", item->reason);
	if (item->others && run->verbosity <= 0)
		snprintf(text + n, sizeof text - (size_t)n, " (and %u more)", item->others);
	print_row(out, run, outcome_color(item->outcome), outcome_name(item->outcome), text, item->citation);
	if (item->exchange && item->outcome == OUTCOME_FAIL && run->verbosity >= 0) {
		fputc('\n', out);
		ladder_draw(item->exchange, &style, print_line, out);
		fputc('\n', out);
	}
}

static bool row_has_checks(const enum report_cell cells[TCP_STATES])
{
	for (int state = 0; state < TCP_STATES; state++)
		if (cells[state] != CELL_NONE)
			return true;
	return false;
}

static void grid(FILE *out, const struct report_run *run, const struct report_grid *grid)
{
	static const char *const signs[] = { [CELL_NONE] = " ", [CELL_PASS] = ".", [CELL_SKIP] = "-",
					     [CELL_INCONCLUSIVE] = "?", [CELL_MINOR] = "f", [CELL_ERROR] = "E",
					     [CELL_FAIL] = "F" };
	static const char *const colors[] = { [CELL_NONE] = "0", [CELL_PASS] = "32", [CELL_SKIP] = "2",
					      [CELL_INCONCLUSIVE] = "33", [CELL_MINOR] = "33",
					      [CELL_ERROR] = "35", [CELL_FAIL] = "1;31" };
	/* As wide as the names of states, shortened. */
	static const char *const states[TCP_STATES] = { "CLOSD", "LISTN", "SYN-S", "SYN-R", "ESTAB", "FIN-1",
							"FIN-2", "CL-WT", "CLSNG", "LSTAC", "TIM-W" };

	if (run->verbosity < 0)
		return;
	fprintf(out, "\n%-10s", "");
	for (int state = 0; state < TCP_STATES; state++)
		fprintf(out, " %s", states[state]);
	fputc('\n', out);
	for (size_t row = 0; grid->rows[row]; row++) {
		if (!row_has_checks(grid->cells[row]))
			continue;
		fprintf(out, "%-10s", grid->rows[row]);
		for (int state = 0; state < TCP_STATES; state++) {
			fputs("   ", out);
			print_colored(out, run, colors[grid->cells[row][state]], signs[grid->cells[row][state]], 3);
		}
		fputc('\n', out);
	}
	for (size_t i = 0; grid->remarks[i]; i++)
		fprintf(out, "%s%s\n", i ? "" : "\n", grid->remarks[i]);
	fputs("\n. as required   F wrong   f wrong, likely or a SHOULD   ? inconclusive   E error   - skipped\n", out);
}

/* "pass         bind() to the port in TIME-WAIT, ...: EADDRINUSE, as linux documents". */
static void item(FILE *out, const struct report_run *run, const struct report_item *item)
{
	const char *reason = item->reason && item->reason[0] ? item->reason : NULL;
	char text[1000];
	int n = snprintf(text, sizeof text, "%s", item->what);

	if (run->suite) {
		suite_item(out, run, item);
		return;
	}
	if (item->observed && item->observed[0])
		n += snprintf(text + n, sizeof text - (size_t)n, ": %s", item->observed);
	if (item->outcome == OUTCOME_PASS && reason)
		snprintf(text + n, sizeof text - (size_t)n, ", %s", reason);
	else if (item->outcome == OUTCOME_FAIL && item->expected)
		snprintf(text + n, sizeof text - (size_t)n, "; expected: %s%s%s", item->expected, reason ? ", " : "",
			 reason ? reason : "");
	else if (reason)
		snprintf(text + n, sizeof text - (size_t)n, ": %s", reason);
	print_row(out, run, outcome_color(item->outcome), outcome_name(item->outcome), text, item->citation);
	fflush(out);
}

static void begin(FILE *out, const struct report_run *run)
{
	if (!run->heading || run->verbosity < 0)
		return;
	fprintf(out, "%s\nseed %#llx   guard: %s%s%s\n", run->heading, (unsigned long long)run->seed, run->guard,
		run->api ? "   api: " : "", run->api ? run->api : "");
	print_row(out, run, "0", "driver", run->driver, NULL);
	fputc('\n', out);
}

static void end(FILE *out, const struct report_run *run, const struct report_totals *totals)
{
	unsigned all = totals->passed + totals->failed + totals->inconclusive + totals->errors;

	if (run->capture_drops)
		fprintf(out, "the capture lost %llu frames: what was judged may be incomplete\n",
			(unsigned long long)run->capture_drops);
	if (totals->not_begun)
		fprintf(out, "%u were not begun\n", totals->not_begun);
	if (run->suite)
		fprintf(out, "\n%u checks: %u pass, %u fail, %u inconclusive, %u errors, %u skipped\n",
			all + totals->skipped, totals->passed, totals->failed, totals->inconclusive, totals->errors,
			totals->skipped);
	else if (run->heading)
		fprintf(out, "%s%u answer%s: %u as expected, %u not, %u inconclusive, %u errors, %u skipped\n",
			run->verbosity < 0 ? "" : "\n", all + totals->skipped, all + totals->skipped == 1 ? "" : "s",
			totals->passed, totals->failed, totals->inconclusive, totals->errors, totals->skipped);
	else if (all > 1)
		fprintf(out, "%u %s: %u %s, %u violate, %u inconclusive, %u errors\n", all,
			run->driver ? "connections" : "probes", totals->passed, run->driver ? "reached" : "conform",
			totals->failed, totals->inconclusive, totals->errors);
	fflush(out);
}

const struct report_format report_text = { "text", begin, result, item, grid, end, &findings_text };
