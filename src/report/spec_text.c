/* SPDX-License-Identifier: BSD-2-Clause */
/* The specification as text in 80 columns. */
#include <ctype.h>
#include <string.h>

#include "core/state_meaning.h"
#include "report/spec.h"

enum {
	COLUMNS = 79, /* one less than 80: some terminals wrap after the last */
	INDENT = 2,
	FIELD = 17,   /* where the text of a field begins */
	LINE = 800,
};

/* How many characters of `text` go into a line of `width`: whole words, or as far as a comma. */
static size_t fitting(const char *text, size_t width)
{
	size_t n = strlen(text);

	if (n <= width)
		return n;
	for (n = width; n && text[n] != ' '; n--)
		;
	if (n)
		return n;
	for (n = width; n && text[n - 1] != ','; n--)
		;
	return n ? n : width;
}

static const char *skip_spaces(const char *text)
{
	return text + strspn(text, " ");
}

/* `text` from `column`, which is reached already, to the margin; further lines begin there too. */
static void print_block(FILE *out, size_t column, const char *text)
{
	for (text = skip_spaces(text); *text; text = skip_spaces(text)) {
		size_t n = fitting(text, COLUMNS - column);

		fprintf(out, "%.*s\n", (int)n, text);
		text += n;
		if (*skip_spaces(text))
			fprintf(out, "%*s", (int)column, "");
	}
}

static void print_paragraph(FILE *out, const char *text)
{
	fprintf(out, "%*s", INDENT, "");
	print_block(out, INDENT, text);
}

/* A sentence of the tables, which has no full stop. */
static void print_sentence(FILE *out, const char *sentence)
{
	char text[LINE];

	snprintf(text, sizeof text, "%c%s.", toupper((unsigned char)sentence[0]), sentence + 1);
	print_paragraph(out, text);
}

static void print_field(FILE *out, const char *name, const char *text)
{
	if (!text || !text[0])
		return;
	fprintf(out, "%*s%-*s", INDENT, "", FIELD - INDENT, name);
	print_block(out, FIELD, text);
}

/* Like print_field, with one line for each of several; `name` stands in the first. */
static void print_next(FILE *out, const char **name, const char *text)
{
	print_field(out, *name, text);
	*name = "";
}

/* ---- requirements and checks ------------------------------------------------------------------- */

static void print_deciders(FILE *out, const struct requirement *r, const struct spec_check *checks)
{
	const char *label = "rules";
	const struct rule *by;
	size_t position = 0;
	char title[SPEC_TITLE], text[LINE];

	while ((by = requirement_next_rule(r->id, &position))) {
		snprintf(text, sizeof text, "%s (%s, %s)", spec_rule_title(by, TCP_STATES, title),
			 rule_class_name(by->class), by->citation);
		print_next(out, &label, text);
	}
	label = "checks";
	for (const struct spec_check *c = checks; c->name; c++)
		if (requirement_decided_by(c->requirements, r->id))
			print_next(out, &label, c->name);
	if (spec_status(r, checks) == SPEC_OPEN)
		print_field(out, "decided by", "no rule or check yet");
}

static void requirement(FILE *out, const struct requirement *r, const struct spec_check *checks)
{
	char text[LINE];

	fprintf(out, "%s  %s  %s\n", r->id, r->level, r->section);
	print_sentence(out, r->sentence);
	fputc('\n', out);
	snprintf(text, sizeof text, "%s: %s", observability_name(r->observability), r->how);
	print_field(out, "observed", text);
	print_deciders(out, r, checks);
}

/* "MUST-10;MUST-11" with a space behind each. */
static const char *spaced(const char *list, char *text, size_t len)
{
	size_t n = 0;

	for (; list && *list && n + 3 < len; list++) {
		text[n++] = *list;
		if (*list == ';' && list[1] != ' ')
			text[n++] = ' ';
	}
	text[n] = '\0';
	return text;
}

static void check(FILE *out, const struct spec_check *check)
{
	char text[LINE];

	fprintf(out, "%s\n", check->name);
	print_sentence(out, check->about);
	fputc('\n', out);
	print_field(out, "requirements", spaced(check->requirements, text, sizeof text));
	if (check->needs)
		print_field(out, "needs", actions_text(check->needs, text));
	if (check->rule)
		print_field(out, "rule", spec_rule_title(check->rule, check->state, text));
	else
		print_field(out, "rules", "every segment of the target is judged by all of them");
}

/* ---- one rule ---------------------------------------------------------------------------------- */

/* "ACK(...); then CLOSED (RFC 793 stack)" */
static void print_reaction(FILE *out, const struct reaction *a, enum tcp_state state)
{
	char text[LINE], next[SPEC_TITLE];

	if (!a->next)
		snprintf(next, sizeof next, "%s%s", state == TCP_STATES ? "the state" : tcp_state_name(state),
			 " stays");
	else
		tcp_states_text(a->next, next, sizeof next);
	snprintf(text, sizeof text, "%s; %s%s%s%s%s", replies[a->reply].text, a->next ? "then " : "", next,
		 a->when ? " (" : "", a->when ? a->when : "", a->when ? ")" : "");
	print_field(out, spec_grade_name(a->grade), text);
}

static void print_rule_remarks(FILE *out, const struct rule *r, enum tcp_state state)
{
	tcp_states others = r->states & (tcp_states)~IN(state);
	char text[LINE];

	print_field(out, "text", r->citation);
	print_field(out, "RFC 793", r->rfc793);
	print_field(out, "requirements", spaced(r->requirement, text, sizeof text));
	if (r->application)
		print_field(out, "application", "the target's has to act for this to happen");
	if (r->delayed)
		print_field(out, "delay", "the reply may come up to half a second later, or with data");
	if (state != TCP_STATES && others)
		print_field(out, "the same in", tcp_states_text(others, text, sizeof text));
}

static void rule(FILE *out, const struct rule *r, enum tcp_state state)
{
	char title[SPEC_TITLE];

	fprintf(out, "%s  %s\n", spec_rule_title(r, state, title), rule_class_name(r->class));
	print_sentence(out, r->sentence);
	fputc('\n', out);
	if (r->event == EVENT_ANY) {
		print_field(out, "event", "every segment that is sent");
	} else {
		print_field(out, "event", events[r->event].sentence);
		print_field(out, "impossible", r->impossible);
	}
	for (unsigned i = 0; i < r->reactions_count; i++)
		print_reaction(out, &r->reactions[i], state);
	print_rule_remarks(out, r, state);
}

/* ---- tables of rules --------------------------------------------------------------------------- */

struct cell {
	size_t width;
	const char *text;
};

/* One row of a table, as many lines as its longest cell needs. */
static void print_cells(FILE *out, struct cell *cells, size_t count)
{
	bool more = true;

	while (more) {
		size_t pending = 0; /* spaces owed: none at the end of a line */

		more = false;
		for (size_t i = 0; i < count; i++) {
			size_t n = fitting(cells[i].text, cells[i].width);

			if (n) {
				fprintf(out, "%*s%.*s", (int)pending, "", (int)n, cells[i].text);
				pending = 0;
			}
			pending += cells[i].width - n + 1;
			cells[i].text = skip_spaces(cells[i].text + n);
			more = more || *cells[i].text;
		}
		fputc('\n', out);
	}
}

enum { KEY = 23, REPLY = 34, NEXT = 13, CLASS = 6 };

static void print_row(FILE *out, const char *key, const char *reply, const char *next, const char *class)
{
	struct cell cells[] = { { KEY, key }, { REPLY, reply }, { NEXT, next }, { CLASS, class } };

	print_cells(out, cells, sizeof cells / sizeof cells[0]);
}

/* What a rule calls for: the required replies, and those that conform as well. */
static void print_rule_row(FILE *out, const char *key, const struct rule *r, enum tcp_state state)
{
	const char *class = rule_class_name(r->class);
	char reply[SPEC_TITLE], next[SPEC_TITLE];

	if (r->impossible) {
		struct cell cells[] = { { KEY, key }, { COLUMNS - KEY - 1, reply } };

		snprintf(reply, sizeof reply, "cannot happen: %s", r->impossible);
		print_cells(out, cells, 2);
		return;
	}
	for (unsigned i = 0; i < r->reactions_count; i++) {
		const struct reaction *a = &r->reactions[i];

		if (a->grade != GRADE_REQUIRED && a->grade != GRADE_ALSO)
			continue;
		snprintf(reply, sizeof reply, "%s%s", i ? "or " : "", replies[a->reply].text);
		tcp_states_text(a->next ? a->next : IN(state), next, sizeof next);
		print_row(out, key, reply, next, class);
		key = class = "";
	}
}

static void event(FILE *out, enum event event)
{
	char header[LINE];

	fprintf(out, "%s  %s\n", events[event].name, spec_kind_name(events[event].kind));
	print_sentence(out, events[event].sentence);
	fputc('\n', out);
	print_row(out, "state", "reply", "next state", "class");
	for (int s = TCP_CLOSED; s < TCP_STATES; s++) {
		const struct rule *r = rules_find((enum tcp_state)s, event);

		if (r)
			print_rule_row(out, tcp_state_name((enum tcp_state)s), r, (enum tcp_state)s);
	}
	snprintf(header, sizeof header, "'finwait explain STATE %s' tells all about one row.",
		 events[event].name);
	fputc('\n', out);
	print_paragraph(out, header);
}

static void state(FILE *out, enum tcp_state state)
{
	char footer[LINE];

	fprintf(out, "%s  %s\n", tcp_state_name(state), STATE_MEANING_CITATION);
	print_paragraph(out, state_meaning(state));
	fputc('\n', out);
	print_row(out, "event", "reply", "next state", "class");
	for (int e = EVENT_ANY + 1; e < EVENTS; e++) {
		const struct rule *r = rules_find(state, (enum event)e);

		if (r)
			print_rule_row(out, events[e].name, r, state);
	}
	snprintf(footer, sizeof footer, "'finwait explain %s EVENT' tells all about one row.",
		 tcp_state_name(state));
	fputc('\n', out);
	print_paragraph(out, footer);
}

/* ---- coverage ---------------------------------------------------------------------------------- */

static void print_coverage(FILE *out, const char *what, const struct spec_coverage *c)
{
	fprintf(out, "%u %s: %u with a rule or check, %u not observable, %u open\n", c->all, what,
		c->decided, c->not_observable, c->open);
}

static void coverage(FILE *out, const struct spec_coverage *all, const struct spec_coverage *labelled)
{
	print_coverage(out, "requirements", all);
	print_coverage(out, "labels of RFC 9293", labelled);
}

static void service(FILE *out, const char *name, unsigned port, const char *sentence, tcp_states reaches)
{
	char text[16];

	snprintf(text, sizeof text, port ? "%u" : "-", port);
	fprintf(out, "%-14s%5s  %s\n%21sreaches", name, text, sentence, "");
	for (int state = 0; state < TCP_STATES; state++)
		if (reaches & IN(state))
			fprintf(out, " %s", tcp_state_name((enum tcp_state)state));
	fprintf(out, "\n");
}

const struct spec_format spec_text = { requirement, rule, event, state, check, service, coverage };
