/* SPDX-License-Identifier: BSD-2-Clause */
/* The specification as JSON Lines; finwait(8) describes the fields. */
#include <jansson.h>
#include <string.h>

#include "core/state_meaning.h"
#include "report/spec.h"

static void print(FILE *out, json_t *object)
{
	json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(object);
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		set(object, key, json_string(text));
}

/* A list such as "MUST-10;MUST-11". */
static void set_list(json_t *object, const char *key, const char *list)
{
	json_t *array;

	if (!list)
		return;
	array = json_array();
	while (*(list += strspn(list, "; "))) {
		size_t len = strcspn(list, "; ");

		json_array_append_new(array, json_stringn(list, len));
		list += len;
	}
	set(object, key, array);
}

static void set_states(json_t *object, const char *key, tcp_states states)
{
	json_t *array;

	if (!states)
		return;
	array = json_array();
	for (int s = TCP_CLOSED; s < TCP_STATES; s++)
		if (states & IN(s))
			json_array_append_new(array, json_string(tcp_state_name((enum tcp_state)s)));
	set(object, key, array);
}

static json_t *reaction_value(const struct reaction *a, enum tcp_state state)
{
	json_t *o = json_object();

	set_text(o, "grade", spec_grade_name(a->grade));
	set_text(o, "reply", replies[a->reply].text);
	set_states(o, "next", a->next ? a->next : state == TCP_STATES ? 0 : IN(state));
	set_text(o, "when", a->when);
	return o;
}

static json_t *rule_value(const struct rule *r, enum tcp_state state)
{
	json_t *o = json_object(), *reactions;
	char title[SPEC_TITLE];

	set_text(o, "type", "rule");
	set_text(o, "name", spec_rule_title(r, state, title));
	set_states(o, "states", state == TCP_STATES ? r->states : IN(state));
	if (r->event != EVENT_ANY)
		set_text(o, "event", events[r->event].name);
	set_text(o, "class", rule_class_name(r->class));
	set_text(o, "sentence", r->sentence);
	set_text(o, "citation", r->citation);
	set_list(o, "requirements", r->requirement);
	set_text(o, "rfc793", r->rfc793);
	set_text(o, "impossible", r->impossible);
	if (r->application)
		set(o, "application", json_true());
	if (r->delayed)
		set(o, "delayed", json_true());
	if (!r->reactions_count)
		return o;
	reactions = json_array();
	for (unsigned i = 0; i < r->reactions_count; i++)
		json_array_append_new(reactions, reaction_value(&r->reactions[i], state));
	set(o, "reactions", reactions);
	return o;
}

static void rule(FILE *out, const struct rule *r, enum tcp_state state)
{
	print(out, rule_value(r, state));
}

static void requirement(FILE *out, const struct requirement *r, const struct spec_check *checks)
{
	json_t *o = json_object(), *by_rules = json_array(), *by_checks = json_array();
	char title[SPEC_TITLE];
	const struct rule *by;
	size_t position = 0;

	set_text(o, "type", "requirement");
	set_text(o, "name", r->id);
	set_text(o, "level", r->level);
	set_text(o, "citation", r->section);
	set_text(o, "sentence", r->sentence);
	set_text(o, "observable", observability_name(r->observability));
	set_text(o, "how", r->how);
	set_text(o, "status", spec_status_name(spec_status(r, checks)));
	while ((by = requirement_next_rule(r->id, &position)))
		json_array_append_new(by_rules, json_string(spec_rule_title(by, TCP_STATES, title)));
	set(o, "rules", by_rules);
	for (; checks->name; checks++)
		if (requirement_decided_by(checks->requirements, r->id))
			json_array_append_new(by_checks, json_string(checks->name));
	set(o, "checks", by_checks);
	print(out, o);
}

static void event(FILE *out, enum event event)
{
	json_t *o = json_object(), *list = json_array();

	set_text(o, "type", "event");
	set_text(o, "name", events[event].name);
	set_text(o, "kind", spec_kind_name(events[event].kind));
	set_text(o, "sentence", events[event].sentence);
	for (int s = TCP_CLOSED; s < TCP_STATES; s++) {
		const struct rule *r = rules_find((enum tcp_state)s, event);

		if (r)
			json_array_append_new(list, rule_value(r, (enum tcp_state)s));
	}
	set(o, "rules", list);
	print(out, o);
}

static void state(FILE *out, enum tcp_state state)
{
	json_t *o = json_object(), *list = json_array();

	set_text(o, "type", "state");
	set_text(o, "name", tcp_state_name(state));
	set_text(o, "citation", STATE_MEANING_CITATION);
	set_text(o, "sentence", state_meaning(state));
	for (int e = EVENT_ANY + 1; e < EVENTS; e++) {
		const struct rule *r = rules_find(state, (enum event)e);

		if (r)
			json_array_append_new(list, rule_value(r, state));
	}
	set(o, "rules", list);
	print(out, o);
}

static void check(FILE *out, const struct spec_check *check)
{
	json_t *o = json_object();

	set_text(o, "type", "check");
	set_text(o, "name", check->name);
	set_text(o, "sentence", check->about);
	set_list(o, "requirements", check->requirements);
	print(out, o);
}

static json_t *coverage_value(const struct spec_coverage *c)
{
	json_t *o = json_object();

	set(o, "all", json_integer(c->all));
	set(o, "decided", json_integer(c->decided));
	set(o, "not_observable", json_integer(c->not_observable));
	set(o, "open", json_integer(c->open));
	return o;
}

static void coverage(FILE *out, const struct spec_coverage *all, const struct spec_coverage *labelled)
{
	json_t *o = json_object();

	set_text(o, "type", "coverage");
	set(o, "requirements", coverage_value(all));
	set(o, "labels", coverage_value(labelled));
	print(out, o);
}

const struct spec_format spec_json = { requirement, rule, event, state, check, coverage };
