/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings as text: one line for each violation. */
#include <string.h>

#include "report/findings.h"

enum { PATH = 400, SENTENCE = 500 };

static void print_colored(FILE *out, const struct findings_run *run, const char *code, const char *text)
{
	if (run->color)
		fprintf(out, "\x1b[%sm%s\x1b[0m", code, text);
	else
		fputs(text, out);
}

static const char *file_name(const struct findings_run *run, char text[PATH])
{
	return ladder_escape((const uint8_t *)run->file, strlen(run->file), text, PATH);
}

static void print_file(FILE *out, const struct findings_run *run)
{
	char text[PATH];

	if (run->several)
		fprintf(out, "%s: ", file_name(run, text));
}

/* The accused first. */
static void print_ends(FILE *out, const struct track_name *name, unsigned end)
{
	char first[ENDPOINT_TEXT], second[ENDPOINT_TEXT];

	fprintf(out, "%s > %s (#%u)", endpoint_text(end ? &name->dst : &name->src, first),
		endpoint_text(end ? &name->src : &name->dst, second), name->index);
}

static void begin(FILE *out, const struct findings_run *run)
{
	(void)out;
	(void)run;
}

static void violation(FILE *out, const struct findings_run *run, const struct track_name *name, unsigned end,
		      const struct verdict *v)
{
	char rule[RULE_NAME];

	print_file(out, run);
	fprintf(out, "frame %llu: ", (unsigned long long)v->frame);
	print_ends(out, name, end);
	fputs(": ", out);
	print_colored(out, run, v->certainty == CERTAIN ? "1;31" : "33", "FAIL");
	fprintf(out, " %s %s", rule_class_name(v->rule->class), rule_name(v->rule, v->state, rule));
	if (run->verbosity >= 0)
		fprintf(out, ": expected %s; observed %s", v->expected, v->observed);
	fprintf(out, " (%s), %s", v->rule->citation, certainty_name(v->certainty));
	if (v->reason[0] && run->verbosity >= 0)
		fprintf(out, ": unless %s", v->reason);
	fputc('\n', out);
	fflush(out); /* somebody may be waiting behind a pipe */
}

static const char *end_name(const struct track_name *name, int end, char text[ENDPOINT_TEXT])
{
	return endpoint_text(end ? &name->dst : &name->src, text);
}

/* How a connection was closed, and by whom. */
static const char *ending_text(const struct track_summary *s, char text[SENTENCE])
{
	char first[ENDPOINT_TEXT], reset[ENDPOINT_TEXT];
	const char *name = track_ending_name(s->ending);

	if (s->ending == ENDING_OPEN || s->ending == ENDING_NONE)
		snprintf(text, SENTENCE, "%s", s->ending == ENDING_OPEN ? "still open" : "never open");
	else if (s->ending == ENDING_RESET)
		snprintf(text, SENTENCE, "reset by %s%s%s", end_name(&s->name, s->reset_by, reset),
			 s->closed_first < 0 ? "" : ", closed first by ",
			 s->closed_first < 0 ? "" : end_name(&s->name, s->closed_first, first));
	else
		snprintf(text, SENTENCE, s->ending == ENDING_HALF ? "%s by %s" : "closed: %s, first by %s",
			 name, end_name(&s->name, s->closed_first, first));
	return text;
}

static void print_reached(FILE *out, const struct track_summary *s, int end)
{
	fprintf(out, "    %s:", end ? "dst" : "src");
	for (int state = TCP_CLOSED; state < TCP_STATES; state++)
		if (s->reached[end] & IN(state))
			fprintf(out, " %s", tcp_state_name((enum tcp_state)state));
	if (s->counted[end])
		fprintf(out, "; %u bytes", s->bytes[end]);
	fputc('\n', out);
}

static void connection(FILE *out, const struct findings_run *run, const struct track_summary *s)
{
	char text[SENTENCE];

	if (run->verbosity <= 0)
		return;
	print_file(out, run);
	print_ends(out, &s->name, 0);
	if (s->name.vlan)
		fprintf(out, " VLAN %u", s->name.vlan & 0xfff);
	fprintf(out, ": handshake %s; %s; %u segment%s in %.3f s%s\n", track_handshake_name(s->handshake),
		ending_text(s, text), s->segments, s->segments == 1 ? "" : "s", (double)s->duration_us / 1e6,
		s->evicted ? "; left out from here on for want of room" : "");
	for (int end = 0; end < CONN_ENDS; end++)
		print_reached(out, s, end);
}

static void print_line(void *arg, const char *text)
{
	fprintf(arg, "%s\n", text);
}

static void ladder(FILE *out, const struct findings_run *run, const struct track_name *name,
		   const struct ladder_picture *picture)
{
	const struct ladder_style style = {run->color, run->utf8, run->verbosity > 0};

	fputc('\n', out);
	print_file(out, run);
	print_ends(out, name, 0);
	fputc('\n', out);
	ladder_draw_picture(picture, &style, print_line, out);
	fputc('\n', out);
}

/* ---- totals ------------------------------------------------------------------------------------ */

struct sentence {
	FILE *out;
	const char *begin, *between;
	bool begun;
};

static void add(struct sentence *s, uint64_t n, const char *what)
{
	if (!n)
		return;
	fprintf(s->out, "%s%llu %s", s->begun ? s->between : s->begin, (unsigned long long)n, what);
	s->begun = true;
}

static void finish(struct sentence *s)
{
	if (s->begun)
		fputc('\n', s->out);
}

static void print_connections(FILE *out, const struct track_totals *t)
{
	struct sentence opened = {.out = out, .begin = "handshakes: ", .between = ", "};
	struct sentence closed = {.out = out, .begin = "endings: ", .between = ", "};

	for (int i = 0; i < HANDSHAKES; i++)
		add(&opened, t->handshakes[i], track_handshake_name((enum track_handshake)i));
	finish(&opened);
	for (int i = 0; i < ENDINGS; i++)
		add(&closed, t->endings[i], track_ending_name((enum track_ending)i));
	finish(&closed);
}

static void print_left_out(FILE *out, const struct findings_totals *totals)
{
	struct sentence s = {.out = out, .begin = "not judged: ", .between = ", "};

	add(&s, totals->tracked.duplicates, "duplicate frames");
	add(&s, totals->tracked.bad_checksums, "bad checksums");
	add(&s, totals->fragments, "fragments");
	add(&s, totals->truncated, "cut inside a header");
	add(&s, totals->contradictory, "with contradictory headers");
	add(&s, totals->others, "other packets");
	finish(&s);
	s = (struct sentence){.out = out, .begin = "checksums: ", .between = ", "};
	add(&s, totals->tracked.unknown_checksums, "offloaded or cut, cannot tell");
	finish(&s);
	s = (struct sentence){.out = out, .begin = "evicted: ", .between = ", "};
	add(&s, totals->tracked.evicted, "connections, for want of room (--max-connections)");
	finish(&s);
}

static void print_findings(FILE *out, const struct findings_run *run, const struct track_totals *t)
{
	uint64_t all[2] = {0, 0};
	bool first = true;

	for (int class = CLASS_MUST; class <= CLASS_CHOICE; class ++)
		for (int certainty = CERTAIN; certainty <= LIKELY; certainty++)
			all[certainty] += t->findings[class][certainty];
	if (!all[CERTAIN] && !all[LIKELY])
		print_colored(out, run, t->judged ? "32" : "33",
			      t->judged ? "no violation" : "nothing judged");
	else
		print_colored(out, run, all[CERTAIN] ? "1;31" : "33",
			      all[CERTAIN] ? "violates" : "suspicious");
	for (int class = CLASS_MUST; class <= CLASS_CHOICE; class ++)
		for (int certainty = CERTAIN; certainty <= LIKELY; certainty++) {
			uint64_t n = t->findings[class][certainty];

			if (n)
				fprintf(out, "%s%llu %s %s", first ? ": " : ", ", (unsigned long long)n,
					rule_class_name((enum rule_class) class),
					certainty_name((enum certainty)certainty));
			first &= !n;
		}
	fputc('\n', out);
}

static void end(FILE *out, const struct findings_run *run, const struct findings_totals *totals)
{
	const struct track_totals *t = &totals->tracked;

	if (totals->interrupted)
		fprintf(out, "interrupted: what follows is what was read so far\n");
	if (totals->damaged)
		fprintf(out, "incomplete: %u of %u files could not be read to the end\n", totals->damaged,
			totals->files);
	fprintf(out, "%llu frames, %llu TCP segments, %llu judged; %llu connections\n",
		(unsigned long long)totals->frames, (unsigned long long)t->segments,
		(unsigned long long)t->judged, (unsigned long long)t->connections);
	if (run->verbosity >= 0) {
		print_connections(out, t);
		print_left_out(out, totals);
	}
	print_findings(out, run, t);
	fflush(out);
}

const struct findings_format findings_text = {begin, violation, connection, ladder, NULL, end};
