/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait explain: what a requirement, a state, a rule, an event or a check means, and the text behind it. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/known_checks.h"
#include "cmd/nearest.h"
#include "cmd/print.h"
#include "report/spec.h"

enum { NAME = 100 };

struct explain_settings {
	bool json;
};

struct explanation {
	const struct spec_format *format;
	bool separate; /* an empty line between two, in text */
	unsigned printed;
	struct spec_check checks[KNOWN_CHECKS + 1];
};

/* ---- names ------------------------------------------------------------------------------------- */

/* Names are compared in lower case and with '-' for '_': rst-in-window, time_wait. */
static const char *fold(const char *name, char folded[NAME])
{
	size_t n = 0;

	for (; name[n] && n + 1 < NAME; n++)
		folded[n] = name[n] == '_' ? '-' : (char)tolower((unsigned char)name[n]);
	folded[n] = '\0';
	return folded;
}

static bool same_name(const char *a, const char *b)
{
	char folded[2][NAME];

	return strlen(a) < NAME && !strcmp(fold(a, folded[0]), fold(b, folded[1]));
}

/* TCP_STATES if there is none of that name. */
static enum tcp_state state_by_name(const char *word)
{
	for (int s = TCP_CLOSED; s < TCP_STATES; s++)
		if (same_name(word, tcp_state_name((enum tcp_state)s)))
			return (enum tcp_state)s;
	return TCP_STATES;
}

/* EVENTS if there is none; EVENT_ANY is no name of users. */
static enum event event_by_word(const char *word)
{
	for (int e = EVENT_ANY + 1; e < EVENTS; e++)
		if (same_name(word, events[e].name))
			return (enum event)e;
	return EVENTS;
}

/* What a user may have meant. */
struct suggestion {
	const char *wrong;
	const char *name; /* NULL while nothing is similar */
	struct nearest nearest;
};

static void try_name(struct suggestion *s, const char *name)
{
	char folded[2][NAME];

	fold(name, folded[0]);
	nearest_try(&s->nearest, fold(s->wrong, folded[1]), folded[0]);
	if (s->nearest.best == folded[0]) {
		s->name = name;
		s->nearest.best = name; /* `folded` does not last */
	}
}

static void try_states(struct suggestion *s)
{
	for (int i = TCP_CLOSED; i < TCP_STATES; i++)
		try_name(s, tcp_state_name((enum tcp_state)i));
}

static void try_events(struct suggestion *s)
{
	for (int e = EVENT_ANY + 1; e < EVENTS; e++)
		try_name(s, events[e].name);
}

/* ---- one name ---------------------------------------------------------------------------------- */

/* Between two explanations there is an empty line. */
static void begin(struct explanation *x)
{
	if (x->printed++ && x->separate)
		putchar('\n');
}

static void print_requirement(struct explanation *x, const struct requirement *r)
{
	begin(x);
	x->format->requirement(stdout, r, x->checks);
}

/* "RFC5961-3.2" stands for all that continue it; a word without a number would stand for half the list. */
static bool explain_group(struct explanation *x, const char *word)
{
	const struct requirement *r;
	size_t len = strlen(word);
	bool found = false;
	char id[NAME];

	if (len >= NAME || !strpbrk(word, "0123456789"))
		return false;
	for (size_t i = 0; (r = requirement_at(i)); i++) {
		snprintf(id, sizeof id, "%.*s", (int)len, r->id);
		if (strlen(r->id) <= len || isalnum((unsigned char)r->id[len]) || !same_name(word, id))
			continue;
		print_requirement(x, r);
		found = true;
	}
	return found;
}

static bool explain_word(struct explanation *x, const char *word)
{
	const struct requirement *r = requirement_by_id(word);
	enum tcp_state state = state_by_name(word);
	enum event event = event_by_word(word);
	unsigned before = x->printed;

	if (r)
		print_requirement(x, r);
	if (state != TCP_STATES) {
		begin(x);
		x->format->state(stdout, state);
	}
	if (event != EVENTS) {
		begin(x);
		x->format->event(stdout, event);
	}
	for (size_t i = 0; i < RULES; i++)
		if (same_name(word, rules[i].name)) {
			begin(x);
			x->format->rule(stdout, &rules[i], TCP_STATES);
		}
	for (const struct spec_check *c = x->checks; c->name; c++)
		if (same_name(word, c->name)) {
			begin(x);
			x->format->check(stdout, c);
		}
	return x->printed > before || explain_group(x, word);
}

/* Both exist; whether the state tells the event apart is another question. */
static bool explain_rule(struct explanation *x, enum tcp_state state, enum event event)
{
	const struct rule *r = rules_find(state, event);

	if (!r) {
		complain("there is no rule of its own for %s in %s; 'finwait explain %s' lists where there is",
			 events[event].name, tcp_state_name(state), events[event].name);
		return false;
	}
	begin(x);
	x->format->rule(stdout, r, state);
	return true;
}

/* The two halves of "ESTABLISHED rst_in_window" or "ESTABLISHED/rst-in-window"; of several states, as rules are
 * listed, the first. False if it is one word. */
static bool split(const char *word, char first[NAME], char second[NAME])
{
	size_t len = strcspn(word, ", /");
	const char *rest = word + len;

	if (*rest == ',' && strrchr(rest, ' '))
		rest = strrchr(rest, ' ');

	rest += strspn(rest, " /");
	if (!*rest || len >= NAME || strlen(rest) >= NAME)
		return false;
	snprintf(first, NAME, "%.*s", (int)len, word);
	snprintf(second, NAME, "%s", rest);
	return true;
}

static void try_checks(struct suggestion *s, const struct explanation *x)
{
	for (const struct spec_check *c = x->checks; c->name; c++)
		try_name(s, c->name);
}

/* Complains about two words, together neither a rule nor a check. */
static void unknown_rule(const struct explanation *x, const char *word, const char *first, const char *second)
{
	struct suggestion state = { .wrong = first }, event = { .wrong = second }, check = { .wrong = word };

	try_states(&state);
	try_events(&event);
	try_checks(&check, x);
	if (check.name)
		complain("nothing is called '%s'; did you mean: finwait explain %s", word, check.name);
	else if (state.name && event.name)
		complain("there is no rule '%s'; did you mean: finwait explain %s %s", word, state.name,
			 event.name);
	else if (state.name)
		complain("there is no event '%s'; 'finwait explain %s' lists those of that state", second,
			 state.name);
	else
		complain("there is no '%s'; a rule is named by a state and an event, as in: finwait explain "
			 "ESTABLISHED rst_in_window",
			 word);
}

static void unknown_word(const struct explanation *x, const char *word)
{
	struct suggestion s = { .wrong = word };
	const struct requirement *r;

	try_states(&s);
	for (size_t i = 0; (r = requirement_at(i)); i++)
		try_name(&s, r->id);
	try_events(&s);
	for (size_t i = 0; i < RULES; i++)
		try_name(&s, rules[i].name);
	try_checks(&s, x);
	if (s.name)
		complain("nothing is called '%s'; did you mean: finwait explain %s", word, s.name);
	else
		complain("nothing is called '%s'; 'finwait list' names requirements, rules, events and checks",
			 word);
}

/* One operand, or two that name a rule together; returns how many, 0 after a complaint. */
static size_t explain_next(struct explanation *x, char **operands, size_t n)
{
	enum tcp_state state = state_by_name(operands[0]);
	char first[NAME], second[NAME];

	if (state != TCP_STATES && n > 1 && event_by_word(operands[1]) != EVENTS)
		return explain_rule(x, state, event_by_word(operands[1])) ? 2 : 0;
	if (explain_word(x, operands[0]))
		return 1;
	if (!split(operands[0], first, second)) {
		unknown_word(x, operands[0]);
		return 0;
	}
	state = state_by_name(first);
	if (state != TCP_STATES && event_by_word(second) != EVENTS)
		return explain_rule(x, state, event_by_word(second));
	unknown_rule(x, operands[0], first, second);
	return 0;
}

static int run(const void *settings, char *const *arguments, char **operands, size_t n)
{
	(void)arguments;
	const struct explain_settings *s = settings;
	struct explanation x = { .format = s->json ? &spec_json : &spec_text, .separate = !s->json };

	if (!n) {
		complain("explain what? For example: finwait explain MUST-13, or TIME-WAIT, or ESTABLISHED "
			 "rst_in_window");
		return EXIT_USAGE;
	}
	known_checks(x.checks);
	for (size_t i = 0, used; i < n; i += used) {
		used = explain_next(&x, operands + i, n - i);
		if (!used)
			return EXIT_USAGE;
	}
	return EXIT_CONFORMS;
}

static const struct option_spec options[] = {
	{ .name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct explain_settings, json),
	  .group = "Output", .help = "one JSON object per name" },
	{ .name = NULL },
};

const struct command cmd_explain = {
	.name = "explain",
	.operands = "NAME...",
	.summary = "what a requirement, state, rule, event or check means",
	.about = "Explains each NAME: a requirement (MUST-13, RFC5961-3.2-3), a state (TIME-WAIT), what a state "
		 "owes to an event (ESTABLISHED rst_in_window, or ESTABLISHED/rst-in-window), an event "
		 "(rst_in_window), a rule for every segment (fin-counted) or a check (probe/close-fin): what "
		 "is required, by which text, and what decides it.",
	.options = options,
	.settings_size = sizeof(struct explain_settings),
	.run = run,
};
