/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/json.h"

#include <string.h>

#include "config.h"
#include "report/ladder.h"

enum { SCHEMA = 1, ESCAPED = 1000 };

void json_out_print(FILE *out, json_t *object)
{
	json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(object);
}

json_t *json_out_run(char *const *arguments)
{
	json_t *o = json_object(), *list = json_array();

	for (char *const *a = arguments; *a; a++)
		json_array_append_new(list, json_out_text(*a));
	json_out_set_text(o, "type", "run");
	json_out_set_number(o, "schema", SCHEMA);
	json_out_set_text(o, "version", PACKAGE_VERSION);
	json_out_set(o, "arguments", list);
	return o;
}

/* Arguments and names of files may be anything; JSON wants UTF-8. */
json_t *json_out_text(const char *text)
{
	json_t *value = json_string(text);
	char escaped[ESCAPED];

	if (!value)
		value = json_string(
			ladder_escape((const uint8_t *)text, strlen(text), escaped, sizeof escaped));
	return value;
}

json_t *json_out_states(tcp_states states)
{
	json_t *array = json_array();

	for (int s = TCP_CLOSED; s < TCP_STATES; s++)
		if (states & IN(s))
			json_array_append_new(array, json_string(tcp_state_name((enum tcp_state)s)));
	return array;
}

void json_out_set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

void json_out_set_text(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		json_out_set(object, key, json_out_text(text));
}

void json_out_set_number(json_t *object, const char *key, int64_t value)
{
	json_out_set(object, key, json_integer(value));
}

void json_out_set_list(json_t *object, const char *key, const char *list)
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
	json_out_set(object, key, array);
}

void json_out_set_verdict(json_t *object, const struct verdict *v)
{
	char name[RULE_NAME];

	json_out_set_text(object, "verdict", outcome_name(v->outcome));
	json_out_set_text(object, "rule", rule_name(v->rule, v->state, name));
	json_out_set_text(object, "class", rule_class_name(v->rule->class));
	json_out_set_text(object, "certainty", certainty_name(v->certainty));
	json_out_set_text(object, "citation", v->rule->citation);
	json_out_set_list(object, "requirements", v->rule->requirement);
	json_out_set_text(object, "expected", v->expected);
	json_out_set_text(object, "observed", v->observed);
	json_out_set_text(object, "reason", v->reason);
}

void json_out_append_line(void *arg, const char *line)
{
	json_array_append_new(arg, json_string(line));
}
