/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings as JSON Lines; finwait(8) describes the fields. */
#include <jansson.h>
#include <string.h>

#include "config.h"
#include "report/findings.h"

enum { SCHEMA = 1, TEXT = 1000 };

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

/* Names of files may be anything; JSON wants UTF-8. */
static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);
	char escaped[TEXT];

	return value ? value
		     : json_string(
			       ladder_escape((const uint8_t *)text, strlen(text), escaped, sizeof escaped));
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		set(object, key, text_value(text));
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
	set(object, key, json_integer((json_int_t)value));
}

static void set_count(json_t *object, const char *key, uint64_t value)
{
	if (value)
		set_number(object, key, value);
}

/* "MUST-10;MUST-11" */
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

static void set_end(json_t *object, const char *key, int end)
{
	if (end >= 0)
		set_text(object, key, end ? "dst" : "src");
}

static json_t *name_value(const struct track_name *name)
{
	char text[ADDRESS_TEXT];
	json_t *o = json_object();

	set_number(o, "index", name->index);
	set_text(o, "src", address_text(&name->src.addr, text));
	set_number(o, "sport", name->src.port);
	set_text(o, "dst", address_text(&name->dst.addr, text));
	set_number(o, "dport", name->dst.port);
	set_count(o, "vlan", name->vlan);
	return o;
}

static void begin(FILE *out, const struct findings_run *run)
{
	json_t *o = json_object(), *arguments = json_array();

	for (char *const *a = run->arguments; *a; a++)
		json_array_append_new(arguments, text_value(*a));
	set_text(o, "type", "run");
	set_number(o, "schema", SCHEMA);
	set_text(o, "version", PACKAGE_VERSION);
	set(o, "arguments", arguments);
	print(out, o);
}

static void violation(FILE *out, const struct findings_run *run, const struct track_name *name, unsigned end,
		      const struct verdict *v)
{
	json_t *o = json_object();
	char rule[RULE_NAME];

	set_text(o, "type", "result");
	set_text(o, "file", run->file);
	set_number(o, "frame", v->frame);
	set(o, "connection", name_value(name));
	set_text(o, "family", name->src.addr.family == 6 ? "ipv6" : "ipv4");
	set_end(o, "endpoint", (int)end);
	set_text(o, "verdict", outcome_name(v->outcome));
	set_text(o, "rule", rule_name(v->rule, v->state, rule));
	set_text(o, "class", rule_class_name(v->rule->class));
	set_text(o, "certainty", certainty_name(v->certainty));
	set_text(o, "citation", v->rule->citation);
	set_list(o, "requirements", v->rule->requirement);
	set_text(o, "expected", v->expected);
	set_text(o, "observed", v->observed);
	set_text(o, "reason", v->reason);
	print(out, o);
	fflush(out); /* somebody may be waiting behind a pipe */
}

static json_t *end_value(const struct track_summary *s, int end)
{
	json_t *o = json_object(), *states = json_array();

	for (int state = TCP_CLOSED; state < TCP_STATES; state++)
		if (s->reached[end] & IN(state))
			json_array_append_new(states, json_string(tcp_state_name((enum tcp_state)state)));
	set(o, "states", states);
	if (s->counted[end])
		set_number(o, "bytes", s->bytes[end]);
	return o;
}

static void connection(FILE *out, const struct findings_run *run, const struct track_summary *s)
{
	json_t *o = json_object();

	set_text(o, "type", "connection");
	set_text(o, "file", run->file);
	set(o, "connection", name_value(&s->name));
	set_text(o, "handshake", track_handshake_name(s->handshake));
	set_text(o, "close", track_ending_name(s->ending));
	set_end(o, "closed_first", s->closed_first);
	set_end(o, "reset_by", s->reset_by);
	set_number(o, "segments", s->segments);
	set_number(o, "duration_us", (uint64_t)s->duration_us);
	set(o, "from_src", end_value(s, 0));
	set(o, "from_dst", end_value(s, 1));
	if (s->accused)
		set(o, "violates", json_true());
	if (s->evicted)
		set(o, "evicted", json_true());
	print(out, o);
}

static void append_line(void *arg, const char *text)
{
	json_array_append_new(arg, json_string(text));
}

static void ladder(FILE *out, const struct findings_run *run, const struct track_name *name,
		   const struct ladder_picture *picture)
{
	const struct ladder_style plain = {.color = false};
	json_t *o = json_object(), *lines = json_array();

	ladder_draw_picture(picture, &plain, append_line, lines);
	set_text(o, "type", "ladder");
	set_text(o, "file", run->file);
	set(o, "connection", name_value(name));
	set(o, "ladder", lines);
	print(out, o);
}

static void damage(FILE *out, const struct findings_run *run, const char *why)
{
	json_t *o = json_object();

	set_text(o, "type", "damage");
	set_text(o, "file", run->file);
	set_text(o, "reason", why);
	print(out, o);
}

static json_t *findings_value(const struct track_totals *t)
{
	json_t *o = json_object();

	for (int class = CLASS_MUST; class <= CLASS_CHOICE; class ++) {
		json_t *of_class = json_object();

		for (int certainty = CERTAIN; certainty <= LIKELY; certainty++)
			set_count(of_class, certainty_name((enum certainty)certainty),
				  t->findings[class][certainty]);
		if (json_object_size(of_class))
			set(o, rule_class_name((enum rule_class) class), of_class);
		else
			json_decref(of_class);
	}
	return o;
}

static void end(FILE *out, const struct findings_run *run, const struct findings_totals *totals)
{
	const struct track_totals *t = &totals->tracked;
	json_t *o = json_object(), *handshakes = json_object(), *endings = json_object();

	(void)run;
	for (int i = 0; i < HANDSHAKES; i++)
		set_count(handshakes, track_handshake_name((enum track_handshake)i), t->handshakes[i]);
	for (int i = 0; i < ENDINGS; i++)
		set_count(endings, track_ending_name((enum track_ending)i), t->endings[i]);
	set_text(o, "type", "summary");
	set_number(o, "files", totals->files);
	set_number(o, "frames", totals->frames);
	set_number(o, "segments", t->segments);
	set_number(o, "judged", t->judged);
	set_number(o, "connections", t->connections);
	set(o, "handshakes", handshakes);
	set(o, "closes", endings);
	set(o, "violations", findings_value(t));
	set_count(o, "duplicates", t->duplicates);
	set_count(o, "bad_checksums", t->bad_checksums);
	set_count(o, "unknown_checksums", t->unknown_checksums);
	set_count(o, "fragments", totals->fragments);
	set_count(o, "truncated", totals->truncated);
	set_count(o, "contradictory", totals->contradictory);
	set_count(o, "others", totals->others);
	set_count(o, "evicted", t->evicted);
	set_count(o, "damaged", totals->damaged);
	if (totals->interrupted)
		set(o, "interrupted", json_true());
	print(out, o);
	fflush(out);
}

const struct findings_format findings_json = {begin, violation, connection, ladder, damage, end};
