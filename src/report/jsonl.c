/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/jsonl.h"

#include <jansson.h>
#include <string.h>

#include "config.h"
#include "report/findings.h"
#include "report/ladder.h"

enum { SCHEMA = 1 };

/* Writes and releases `object`. */
static void print(FILE *out, json_t *object)
{
	json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', out);
	fflush(out);
	json_decref(object);
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

/* Text of the user may be anything; JSON wants UTF-8. */
static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);
	char escaped[400];

	if (!value)
		value = json_string(ladder_escape((const uint8_t *)text, strlen(text), escaped,
						  sizeof escaped));
	return value;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && text[0])
		set(object, key, text_value(text));
}

static void set_number(json_t *object, const char *key, int64_t value)
{
	set(object, key, json_integer(value));
}

static void begin(FILE *out, const struct report_run *run)
{
	json_t *o = json_object(), *arguments = json_array();

	for (char *const *a = run->arguments; *a; a++)
		json_array_append_new(arguments, text_value(*a));
	set_text(o, "type", "run");
	set_number(o, "schema", SCHEMA);
	set_text(o, "version", PACKAGE_VERSION);
	set(o, "arguments", arguments);
	set_number(o, "seed", (int64_t)run->seed);
	set_text(o, "guard", run->guard);
	set_text(o, "guard_note", run->guard_note);
	print(out, o);
}

static const char *reach_name(enum reach r)
{
	static const char *const names[] = {
		[REACH_NONE] = NULL, [REACH_OPEN] = "open", [REACH_CLOSED] = "closed",
		[REACH_SILENT] = "silent",
	};

	return names[r];
}

static json_t *verdict_value(const struct verdict *v)
{
	json_t *o = json_object();
	char name[RULE_NAME];

	set_text(o, "verdict", outcome_name(v->outcome));
	set_text(o, "rule", rule_name(v->rule, v->state, name));
	set_text(o, "class", rule_class_name(v->rule->class));
	set_text(o, "certainty", certainty_name(v->certainty));
	set_text(o, "citation", v->rule->citation);
	set_text(o, "requirement", v->rule->requirement);
	set_text(o, "expected", v->expected);
	set_text(o, "observed", v->observed);
	set_text(o, "reason", v->reason);
	if (v->frame)
		set_number(o, "frame", (int64_t)v->frame);
	return o;
}

static json_t *point_value(const struct point *p)
{
	json_t *o = json_object();

	set_text(o, "name", p->name);
	set_text(o, "verdict", outcome_name(p->outcome));
	if (p->rule) {
		set_text(o, "class", rule_class_name(p->rule->class));
		set_text(o, "citation", p->rule->citation);
	}
	set_text(o, "text", p->text);
	return o;
}

static void append_line(void *arg, const char *text)
{
	json_array_append_new(arg, json_string(text));
}

static json_t *ladder_value(const struct exchange *x)
{
	const struct ladder_style plain = { .color = false };
	json_t *lines = json_array();

	ladder_draw(x, &plain, append_line, lines);
	return lines;
}

/* The verdict that speaks for the result: the first certain failure, or else the first. */
static const struct verdict *leading(const struct exchange *x)
{
	for (size_t i = 0; i < x->verdicts_count; i++)
		if (x->verdicts[i].certainty == CERTAIN)
			return &x->verdicts[i];
	return x->verdicts_count ? &x->verdicts[0] : NULL;
}

static void set_leading(json_t *o, const struct exchange *x)
{
	const struct verdict *v = leading(x);

	if (v) {
		set_text(o, "class", rule_class_name(v->rule->class));
		set_text(o, "certainty", certainty_name(v->certainty));
		set_text(o, "citation", v->rule->citation);
		set_text(o, "expected", v->expected);
		set_text(o, "observed", v->observed);
		set_text(o, "reason", v->reason);
		if (v->rule->requirement)
			set(o, "requirements", json_pack("[s]", v->rule->requirement));
		return;
	}
	for (size_t i = 0; i < x->points_count; i++)
		if (x->points[i].outcome == x->outcome) {
			set_text(o, "reason", x->points[i].text);
			return;
		}
}

static void set_target(json_t *o, const struct exchange *x)
{
	char text[4 * EXCHANGE_ANSWER];

	if (x->opened) {
		set_number(o, "target_isn", x->syn_ack.seq);
		set_number(o, "target_window", x->syn_ack.window);
		set_number(o, "target_ttl", x->syn_ack.ttl);
		options_text(&x->syn_ack.options, text, sizeof text);
		set(o, "target_options", json_string(text));
		set_number(o, "received", (int64_t)x->prober.received);
	}
	if (x->answer_len)
		set_text(o, "answer", ladder_escape(x->answer, x->answer_len, text, sizeof text));
}

static json_t *result_value(const struct report_result *result)
{
	const struct exchange *x = result->exchange;
	const struct endpoint *target = &x->params.prober.target;
	json_t *o = json_object(), *points = json_array(), *failures = json_array();
	char text[ENDPOINT_TEXT];
	const struct conn_end *ours = &x->conn.ends[CONN_PROBER];
	unsigned retries = ours->syns_sent + ours->fins_sent;

	retries -= !!ours->syns_sent + !!ours->fins_sent;
	set_text(o, "type", "result");
	set_text(o, "name", x->params.check->name);
	set_text(o, "target", result->target);
	set_text(o, "address", address_text(&target->addr, text));
	set_number(o, "port", target->port);
	set_text(o, "family", target->addr.family == 6 ? "ipv6" : "ipv4");
	set_text(o, "source", endpoint_text(&x->params.prober.source, text));
	set_number(o, "isn", x->params.prober.isn);
	set_text(o, "verdict", outcome_name(x->outcome));
	set_text(o, "reach", reach_name(x->reach));
	set_text(o, "expectation", result->expected);
	set_leading(o, x);
	for (size_t i = 0; i < x->points_count; i++)
		json_array_append_new(points, point_value(&x->points[i]));
	set(o, "points", points);
	for (size_t i = 0; i < x->verdicts_count; i++)
		json_array_append_new(failures, verdict_value(&x->verdicts[i]));
	set(o, "failures", failures);
	set_number(o, "judged", x->judged);
	set_number(o, "retries", retries);
	if (x->rtt_us)
		set_number(o, "rtt_us", x->rtt_us);
	if (x->lines_count)
		set_number(o, "duration_us",
			   x->lines[x->lines_count - 1].segment.t_us - x->lines[0].segment.t_us);
	set_text(o, "state_after", tcp_state_name((enum tcp_state)x->conn.ends[CONN_TARGET].assumed));
	set_target(o, x);
	set(o, "ladder", ladder_value(x));
	return o;
}

static json_t *segment_value(const struct exchange *x, const struct line *l)
{
	const struct segment *s = &l->segment;
	const struct conn_end *from = &x->conn.ends[l->out ? CONN_PROBER : CONN_TARGET];
	const struct conn_end *to = &x->conn.ends[l->out ? CONN_TARGET : CONN_PROBER];
	json_t *o = json_object(), *states = json_array();
	char text[160];

	set_text(o, "type", "segment");
	set_number(o, "frame", (int64_t)s->frame);
	set_number(o, "t_us", s->t_us - x->lines[0].segment.t_us);
	set_text(o, "dir", l->out ? "out" : "in");
	set_text(o, "flags", flags_text(s->flags, text));
	set_number(o, "seq", s->seq);
	if (from->known & CONN_SYN)
		set_number(o, "rel_seq", (uint32_t)(s->seq - from->iss));
	if (s->flags & FLAG_ACK) {
		set_number(o, "ack", s->ack);
		if (to->known & CONN_SYN)
			set_number(o, "rel_ack", (uint32_t)(s->ack - to->iss));
	}
	set_number(o, "len", s->len);
	set_number(o, "win", s->window);
	set_text(o, "options", options_text(&s->options, text, sizeof text));
	set_text(o, "prober_state", tcp_state_name(l->prober));
	for (int i = TCP_CLOSED; i < TCP_STATES; i++)
		if (l->target & IN(i))
			json_array_append_new(states, json_string(tcp_state_name((enum tcp_state)i)));
	set(o, "target_states", states);
	if (l->rtt_us)
		set_number(o, "rtt_us", l->rtt_us);
	if (!l->out) {
		json_t *judged = json_array();

		for (int i = 0; i < RULES; i++)
			if (l->passed & UINT64_C(1) << i)
				json_array_append_new(judged, json_string(rules[i].name));
		set(o, "judged_by", judged);
	}
	return o;
}

static void result(FILE *out, const struct report_run *run, const struct report_result *result)
{
	const struct exchange *x = result->exchange;

	print(out, result_value(result));
	for (size_t i = 0; run->verbosity > 0 && i < x->lines_count; i++)
		if (!x->lines[i].segment.icmp.type)
			print(out, segment_value(x, &x->lines[i]));
}

static void end(FILE *out, const struct report_run *run, const struct report_totals *totals)
{
	json_t *o = json_object();

	set_text(o, "type", "summary");
	set_number(o, "pass", totals->passed);
	set_number(o, "fail", totals->failed);
	set_number(o, "inconclusive", totals->inconclusive);
	set_number(o, "error", totals->errors);
	set_number(o, "not_begun", totals->not_begun);
	set_number(o, "capture_drops", (int64_t)run->capture_drops);
	print(out, o);
}

const struct report_format report_jsonl = { "jsonl", begin, result, end, &findings_json };
