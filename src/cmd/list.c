/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait list: the requirements, rules, events, checks and services that there are, how far the requirements
 * are covered, and which checks a driver enables. */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/driving.h"
#include "cmd/interrupt.h"
#include "cmd/known_checks.h"
#include "cmd/nearest.h"
#include "cmd/print.h"
#include "report/spec.h"
#include "wire/privs.h"

enum { COLUMNS = 79, LINE = 16384 };

struct list_settings {
	struct driving_settings driving;
	bool coverage;
	bool json;
};

struct listing {
	const struct list_settings *settings;
	bool terminal;
	bool driven;  /* a driver was named ... */
	unsigned can; /* ... that can do this */
	struct spec_check checks[KNOWN_CHECKS + 1];
};

/* Cut on a terminal, where the rest would only make the list hard to read; whole for other programs. */
static void print_line(const struct listing *l, const char *line)
{
	if (l->terminal && strlen(line) > COLUMNS)
		printf("%.*s...\n", COLUMNS - 3, line);
	else
		puts(line);
}

/* ---- requirements ------------------------------------------------------------------------------ */

static void add(char *line, size_t len, const char *before, const char *text)
{
	size_t n = strlen(line);

	snprintf(line + n, len - n, "%s%s", before, text);
}

/* "decided: fin-counted; FIN-WAIT-2 fin; probe/close-fin" */
static void describe_coverage(const struct listing *l, const struct requirement *r, char *line, size_t len)
{
	enum spec_status status = spec_status(r, l->checks);
	const char *before = ": ";
	const struct rule *by;
	size_t position = 0;
	char title[SPEC_TITLE];

	snprintf(line, len, "%-19s %-11s %s", r->id, r->level, spec_status_name(status));
	for (; (by = requirement_next_rule(r->id, &position)); before = "; ")
		add(line, len, before, spec_rule_title(by, TCP_STATES, title));
	for (const struct spec_check *c = l->checks; c->name; c++)
		if (requirement_decided_by(c->requirements, r->id)) {
			add(line, len, before, c->name);
			before = "; ";
		}
}

static void list_requirements(const struct listing *l)
{
	struct spec_coverage all = { 0 }, labelled = { 0 };
	const struct requirement *r;
	char line[LINE];

	for (size_t i = 0; (r = requirement_at(i)); i++) {
		enum spec_status status = spec_status(r, l->checks);

		spec_count(&all, status);
		if (requirement_labelled(r))
			spec_count(&labelled, status);
		if (l->settings->json) {
			spec_json.requirement(stdout, r, l->checks);
			continue;
		}
		if (l->settings->coverage)
			describe_coverage(l, r, line, sizeof line);
		else
			snprintf(line, sizeof line, "%-19s %-11s %-14s %s", r->id, r->level, r->section,
				 r->sentence);
		print_line(l, line);
	}
	if (!l->settings->coverage)
		return;
	if (l->settings->json)
		spec_json.coverage(stdout, &all, &labelled);
	else
		spec_text.coverage(stdout, &all, &labelled);
}

/* ---- the others -------------------------------------------------------------------------------- */

static void list_rule(const struct listing *l, const struct rule *r)
{
	char line[LINE], title[SPEC_TITLE];

	if (l->settings->json) {
		spec_json.rule(stdout, r, TCP_STATES);
		return;
	}
	snprintf(line, sizeof line, "%s  %s  %s  %s", spec_rule_title(r, TCP_STATES, title),
		 rule_class_name(r->class), r->citation, r->sentence);
	print_line(l, line);
}

static void list_rules(const struct listing *l)
{
	for (size_t i = 0; i < RULES; i++)
		list_rule(l, &rules[i]);
	for (const struct rule_table *t = rule_tables; t->rows; t++)
		for (size_t i = 0; i < t->count; i++)
			if (!t->rows[i].impossible)
				list_rule(l, &t->rows[i]);
}

static void list_events(const struct listing *l)
{
	char line[LINE];

	for (int e = EVENT_ANY + 1; e < EVENTS; e++) {
		if (l->settings->json) {
			spec_json.event(stdout, (enum event)e);
			continue;
		}
		snprintf(line, sizeof line, "%-24s%-12s%s", events[e].name, spec_kind_name(events[e].kind),
			 events[e].sentence);
		print_line(l, line);
	}
}

static void list_check(const struct listing *l, const struct spec_check *c)
{
	char line[LINE], actions[ACTIONS_TEXT];
	bool tell = c->needs && !l->driven;

	if (c->missing)
		snprintf(line, sizeof line, "%-36s skipped: needs an application that can %s", c->name,
			 actions_text(c->missing, actions));
	else
		snprintf(line, sizeof line, "%-36s %s%s%s%s", c->name, c->about, tell ? " (needs: " : "",
			 tell ? actions_text(c->needs, actions) : "", tell ? ")" : "");
	print_line(l, line);
}

static void list_checks(const struct listing *l)
{
	for (const struct spec_check *c = l->checks; c->name; c++) {
		struct spec_check told = *c;

		told.missing = l->driven ? c->needs & ~l->can : 0;
		if (l->settings->json)
			spec_json.check(stdout, &told);
		else
			list_check(l, &told);
	}
}

static void list_services(const struct listing *l)
{
	const struct spec_format *format = l->settings->json ? &spec_json : &spec_text;

	for (const struct service *s = services; s->name; s++)
		format->service(stdout, s->name, s->port, s->summary, drive_reaches(service_can(s)));
}

static const struct {
	const char *word;
	void (*list)(const struct listing *l);
} lists[] = {
	{ "requirements", list_requirements },
	{ "rules", list_rules },
	{ "events", list_events },
	{ "checks", list_checks },
	{ "services", list_services },
};

enum { LISTS = sizeof lists / sizeof lists[0] };

static void unknown(const char *word)
{
	struct nearest nearest = { 0 };
	char words[100] = "";

	for (size_t i = 0; i < LISTS; i++) {
		nearest_try(&nearest, word, lists[i].word);
		add(words, sizeof words, !i ? "" : i + 1 < LISTS ? ", " : " or ", lists[i].word);
	}
	if (nearest.best)
		complain("there is no list of '%s'; did you mean: finwait list %s", word, nearest.best);
	else
		complain("there is no list of '%s': give %s", word, words);
}

/* What the driver that was named can do. 0, or an exit status after a complaint. */
static int ask_driver(struct listing *l)
{
	struct driving d;
	char why[400];
	int status = driving_choose(&d, &l->settings->driving, why, sizeof why);

	/* What the agent says is read without any privilege. */
	if (!status && (privs_drop(why, sizeof why) || driving_start(&d, &interrupt_stop, why, sizeof why)))
		status = EXIT_NOT_RUN;
	if (status)
		complain("%s", why);
	else
		l->can = driving_driver(&d)->can;
	l->driven = true;
	driving_stop(&d);
	return status;
}

static int run(const void *settings, char *const *arguments, char **operands, size_t n)
{
	(void)arguments;
	struct listing l = { .settings = settings };
	const char *word = n ? operands[0] : l.settings->coverage ? "requirements" : NULL;

	if (!word || n > 1) {
		complain("list what? One of requirements, rules, events, checks and services");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < LISTS; i++) {
		if (strcmp(word, lists[i].word))
			continue;
		if (l.settings->coverage && lists[i].list != list_requirements) {
			complain("--coverage is for requirements: finwait list requirements --coverage");
			return EXIT_USAGE;
		}
		if (driving_wanted(&l.settings->driving) && lists[i].list != list_checks) {
			complain("a driver tells about checks only: finwait list checks");
			return EXIT_USAGE;
		}
		if (driving_wanted(&l.settings->driving)) {
			int status = ask_driver(&l);

			if (status)
				return status;
		}
		known_checks(l.checks);
		l.terminal = isatty(STDOUT_FILENO);
		lists[i].list(&l);
		return EXIT_CONFORMS;
	}
	unknown(word);
	return EXIT_USAGE;
}

static const struct option_spec options[] = {
	{ .name = "coverage", .kind = OPTION_FLAG, .offset = offsetof(struct list_settings, coverage),
	  .group = "Contents", .help = "of requirements: which rules and checks decide each, and totals" },
	DRIVING_OPTIONS(struct list_settings),
	{ .name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct list_settings, json),
	  .group = "Output", .help = "one JSON object per line" },
	{ .name = NULL },
};

const struct command cmd_list = {
	.name = "list",
	.operands = "WHAT",
	.summary = "the requirements, rules, events, checks and services there are",
	.about = "Lists all requirements, rules, events, checks or services, one line each (cut on a terminal), "
		 "and for checks which of them a driver enables; 'finwait explain' tells more about one.",
	.options = options,
	.settings_size = sizeof(struct list_settings),
	.user_commands = true,
	.run = run,
};
