/* SPDX-License-Identifier: BSD-2-Clause */
/* The specification as JSON Lines; finwait(8) describes the fields. */
#include "core/state_meaning.h"
#include "report/json.h"
#include "report/spec.h"

/* Nothing for no state. */
static void set_states(json_t *object, const char *key, tcp_states states)
{
	if (states)
		json_out_set(object, key, json_out_states(states));
}

static json_t *reaction_value(const struct reaction *a, enum tcp_state state)
{
	json_t *o = json_object();

	json_out_set_text(o, "grade", spec_grade_name(a->grade));
	json_out_set_text(o, "reply", replies[a->reply].text);
	set_states(o, "next", a->next ? a->next : state == TCP_STATES ? 0 : IN(state));
	json_out_set_text(o, "when", a->when);
	return o;
}

static json_t *rule_value(const struct rule *r, enum tcp_state state)
{
	json_t *o = json_object(), *reactions;
	char title[SPEC_TITLE];

	json_out_set_text(o, "type", "rule");
	json_out_set_text(o, "name", spec_rule_title(r, state, title));
	set_states(o, "states", state == TCP_STATES ? r->states : IN(state));
	if (r->event != EVENT_ANY)
		json_out_set_text(o, "event", events[r->event].name);
	json_out_set_text(o, "class", rule_class_name(r->class));
	json_out_set_text(o, "sentence", r->sentence);
	json_out_set_text(o, "citation", r->citation);
	json_out_set_list(o, "requirements", r->requirement);
	json_out_set_text(o, "rfc793", r->rfc793);
	json_out_set_text(o, "impossible", r->impossible);
	if (r->application)
		json_out_set(o, "application", json_true());
	if (r->delayed)
		json_out_set(o, "delayed", json_true());
	if (!r->reactions_count)
		return o;
	reactions = json_array();
	for (unsigned i = 0; i < r->reactions_count; i++)
		json_array_append_new(reactions, reaction_value(&r->reactions[i], state));
	json_out_set(o, "reactions", reactions);
	return o;
}

static void rule(FILE *out, const struct rule *r, enum tcp_state state)
{
	json_out_print(out, rule_value(r, state));
}

static void requirement(FILE *out, const struct requirement *r, const struct spec_check *checks)
{
	json_t *o = json_object(), *by_rules = json_array(), *by_checks = json_array();
	char title[SPEC_TITLE];
	const struct rule *by;
	size_t position = 0;

	json_out_set_text(o, "type", "requirement");
	json_out_set_text(o, "name", r->id);
	json_out_set_text(o, "level", r->level);
	json_out_set_text(o, "citation", r->section);
	json_out_set_text(o, "sentence", r->sentence);
	json_out_set_text(o, "observable", observability_name(r->observability));
	json_out_set_text(o, "how", r->how);
	json_out_set_text(o, "status", spec_status_name(spec_status(r, checks)));
	while ((by = requirement_next_rule(r->id, &position)))
		json_array_append_new(by_rules, json_string(spec_rule_title(by, TCP_STATES, title)));
	json_out_set(o, "rules", by_rules);
	for (; checks->name; checks++)
		if (requirement_decided_by(checks->requirements, r->id))
			json_array_append_new(by_checks, json_string(checks->name));
	json_out_set(o, "checks", by_checks);
	json_out_print(out, o);
}

static void event(FILE *out, enum event event)
{
	json_t *o = json_object(), *list = json_array();

	json_out_set_text(o, "type", "event");
	json_out_set_text(o, "name", events[event].name);
	json_out_set_text(o, "kind", spec_kind_name(events[event].kind));
	json_out_set_text(o, "sentence", events[event].sentence);
	for (int s = TCP_CLOSED; s < TCP_STATES; s++) {
		const struct rule *r = rules_find((enum tcp_state)s, event);

		if (r)
			json_array_append_new(list, rule_value(r, (enum tcp_state)s));
	}
	json_out_set(o, "rules", list);
	json_out_print(out, o);
}

static void state(FILE *out, enum tcp_state state)
{
	json_t *o = json_object(), *list = json_array();

	json_out_set_text(o, "type", "state");
	json_out_set_text(o, "name", tcp_state_name(state));
	json_out_set_text(o, "citation", STATE_MEANING_CITATION);
	json_out_set_text(o, "sentence", state_meaning(state));
	for (int e = EVENT_ANY + 1; e < EVENTS; e++) {
		const struct rule *r = rules_find(state, (enum event)e);

		if (r)
			json_array_append_new(list, rule_value(r, state));
	}
	json_out_set(o, "rules", list);
	json_out_print(out, o);
}

static json_t *actions(unsigned set)
{
	json_t *list = json_array();

	for (int a = 0; a < ACTIONS; a++)
		if (set & 1u << a)
			json_array_append_new(list, json_string(action_name((enum action)a)));
	return list;
}

static void check(FILE *out, const struct spec_check *check)
{
	json_t *o = json_object();
	char title[SPEC_TITLE];

	json_out_set_text(o, "type", "check");
	json_out_set_text(o, "name", check->name);
	json_out_set_text(o, "sentence", check->about);
	json_out_set_list(o, "requirements", check->requirements);
	json_out_set(o, "needs", actions(check->needs));
	if (check->rule)
		json_out_set_text(o, "rule", spec_rule_title(check->rule, check->state, title));
	if (check->missing)
		json_out_set(o, "missing", actions(check->missing));
	json_out_print(out, o);
}

static json_t *coverage_value(const struct spec_coverage *c)
{
	json_t *o = json_object();

	json_out_set_number(o, "all", c->all);
	json_out_set_number(o, "decided", c->decided);
	json_out_set_number(o, "not_observable", c->not_observable);
	json_out_set_number(o, "open", c->open);
	return o;
}

static void coverage(FILE *out, const struct spec_coverage *all, const struct spec_coverage *labelled)
{
	json_t *o = json_object();

	json_out_set_text(o, "type", "coverage");
	json_out_set(o, "requirements", coverage_value(all));
	json_out_set(o, "labels", coverage_value(labelled));
	json_out_print(out, o);
}

static void service(FILE *out, const char *name, unsigned port, const char *sentence, tcp_states reaches)
{
	json_t *o = json_object();

	json_out_set_text(o, "type", "service");
	json_out_set_text(o, "name", name);
	if (port)
		json_out_set_number(o, "port", port);
	json_out_set_text(o, "sentence", sentence);
	json_out_set(o, "reaches", json_out_states(reaches));
	json_out_print(out, o);
}

const struct spec_format spec_json = { requirement, rule, event, state, check, service, coverage };
