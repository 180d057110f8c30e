/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/jsonl.h"

#include "report/findings.h"
#include "report/json.h"
#include "report/ladder.h"

static void begin(FILE *out, const struct report_run *run)
{
	json_t *o = json_out_run(run->arguments);

	json_out_set_number(o, "seed", (int64_t)run->seed);
	json_out_set_text(o, "guard", run->guard);
	json_out_set_text(o, "guard_note", run->guard_note);
	json_out_set_text(o, "driver", run->driver);
	json_out_set_text(o, "api", run->api);
	json_out_print(out, o);
	fflush(out); /* somebody may be waiting behind a pipe */
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

	json_out_set_verdict(o, v);
	if (v->frame)
		json_out_set_number(o, "frame", (int64_t)v->frame);
	return o;
}

static json_t *point_value(const struct point *p)
{
	json_t *o = json_object();

	json_out_set_text(o, "name", p->name);
	json_out_set_text(o, "verdict", outcome_name(p->outcome));
	if (p->rule) {
		json_out_set_text(o, "class", rule_class_name(p->rule->class));
		json_out_set_text(o, "citation", p->rule->citation);
	}
	json_out_set_text(o, "text", p->text);
	return o;
}

static json_t *ladder_value(const struct exchange *x)
{
	const struct ladder_style plain = { .color = false };
	json_t *lines = json_array();

	ladder_draw(x, &plain, json_out_append_line, lines);
	return lines;
}

static void set_leading(json_t *o, const struct exchange *x)
{
	const struct verdict *v = report_leading(x);

	if (v) {
		json_out_set_text(o, "class", rule_class_name(v->rule->class));
		json_out_set_text(o, "certainty", certainty_name(v->certainty));
		json_out_set_text(o, "citation", v->rule->citation);
		json_out_set_text(o, "expected", v->expected);
		json_out_set_text(o, "observed", v->observed);
		json_out_set_list(o, "requirements", v->rule->requirement);
	}
	json_out_set_text(o, "reason", report_reason(x));
}

static void set_target(json_t *o, const struct exchange *x)
{
	char text[4 * EXCHANGE_ANSWER];

	if (x->opened) {
		json_out_set_number(o, "target_isn", x->syn_ack.seq);
		json_out_set_number(o, "target_window", x->syn_ack.window);
		json_out_set_number(o, "target_ttl", x->syn_ack.ttl);
		options_text(&x->syn_ack.options, text, sizeof text);
		json_out_set(o, "target_options", json_string(text));
		json_out_set_number(o, "received", (int64_t)x->prober.received);
	}
	if (x->answer_len)
		json_out_set_text(o, "answer", ladder_escape(x->answer, x->answer_len, text, sizeof text));
}

/* What a check with a goal verified. */
static void set_verified(json_t *o, const struct exchange *x)
{
	const struct verification *v = &x->first;

	if (!x->params.check->goal)
		return;
	json_out_set_text(o, "goal", tcp_state_name((enum tcp_state)__builtin_ctz(x->params.check->goal)));
	if (x->outcome == OUTCOME_PASS)
		json_out_set_text(o, "certainty", certainty_name(x->certainty));
	if (v->verified == VERIFIED_THERE)
		json_out_set(o, "verified_states", json_out_states(v->states));
	if (v->said < TCP_STATES)
		json_out_set_text(o, "system_state", tcp_state_name(v->said));
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
	json_out_set_text(o, "type", "result");
	json_out_set_text(o, "name", x->params.check->name);
	json_out_set_text(o, "target", result->target);
	json_out_set_text(o, "address", address_text(&target->addr, text));
	json_out_set_number(o, "port", target->port);
	json_out_set_text(o, "family", target->addr.family == 6 ? "ipv6" : "ipv4");
	json_out_set_text(o, "source", endpoint_text(&x->params.prober.source, text));
	json_out_set_number(o, "isn", x->params.prober.isn);
	json_out_set_text(o, "verdict", outcome_name(x->outcome));
	json_out_set_text(o, "reach", reach_name(x->reach));
	json_out_set_text(o, "expectation", result->expected);
	set_leading(o, x);
	for (size_t i = 0; i < x->points_count; i++)
		json_array_append_new(points, point_value(&x->points[i]));
	json_out_set(o, "points", points);
	for (size_t i = 0; i < x->verdicts_count; i++)
		json_array_append_new(failures, verdict_value(&x->verdicts[i]));
	json_out_set(o, "failures", failures);
	json_out_set_number(o, "judged", x->judged);
	json_out_set_number(o, "retries", retries);
	if (x->rtt_us)
		json_out_set_number(o, "rtt_us", x->rtt_us);
	if (x->lines_count)
		json_out_set_number(o, "duration_us",
				    x->lines[x->lines_count - 1].segment.t_us - x->lines[0].segment.t_us);
	json_out_set_text(o, "state_after",
			  tcp_state_name((enum tcp_state)x->conn.ends[CONN_TARGET].assumed));
	set_verified(o, x);
	set_target(o, x);
	json_out_set(o, "ladder", ladder_value(x));
	return o;
}

static json_t *segment_value(const struct exchange *x, const struct line *l)
{
	const struct segment *s = &l->segment;
	const struct conn_end *from = &x->conn.ends[l->out ? CONN_PROBER : CONN_TARGET];
	const struct conn_end *to = &x->conn.ends[l->out ? CONN_TARGET : CONN_PROBER];
	json_t *o = json_object();
	char text[160];

	json_out_set_text(o, "type", "segment");
	json_out_set_number(o, "frame", (int64_t)s->frame);
	json_out_set_number(o, "t_us", s->t_us - x->lines[0].segment.t_us);
	json_out_set_text(o, "dir", l->out ? "out" : "in");
	json_out_set_text(o, "flags", flags_text(s->flags, text));
	json_out_set_number(o, "seq", s->seq);
	if (from->known & CONN_SYN)
		json_out_set_number(o, "rel_seq", (uint32_t)(s->seq - from->iss));
	if (s->flags & FLAG_ACK) {
		json_out_set_number(o, "ack", s->ack);
		if (to->known & CONN_SYN)
			json_out_set_number(o, "rel_ack", (uint32_t)(s->ack - to->iss));
	}
	json_out_set_number(o, "len", s->len);
	json_out_set_number(o, "win", s->window);
	json_out_set_text(o, "options", options_text(&s->options, text, sizeof text));
	json_out_set_text(o, "prober_state", tcp_state_name(l->prober));
	json_out_set(o, "target_states", json_out_states(l->target));
	if (l->rtt_us)
		json_out_set_number(o, "rtt_us", l->rtt_us);
	if (!l->out) {
		json_t *judged = json_array();

		for (int i = 0; i < RULES; i++)
			if (l->passed & UINT64_C(1) << i)
				json_array_append_new(judged, json_string(rules[i].name));
		json_out_set(o, "judged_by", judged);
	}
	return o;
}

static void result(FILE *out, const struct report_run *run, const struct report_result *result)
{
	const struct exchange *x = result->exchange;

	json_out_print(out, result_value(result));
	for (size_t i = 0; run->verbosity > 0 && i < x->lines_count; i++)
		if (!x->lines[i].segment.icmp.type)
			json_out_print(out, segment_value(x, &x->lines[i]));
	fflush(out);
}

static void item(FILE *out, const struct report_run *run, const struct report_item *item)
{
	json_t *o = json_object();

	(void)run;
	json_out_set_text(o, "type", "result");
	json_out_set_text(o, "name", item->name);
	json_out_set_text(o, "target", item->target);
	json_out_set_text(o, "family", item->family == 6 ? "ipv6" : "ipv4");
	json_out_set_text(o, "sentence", item->what);
	json_out_set_text(o, "verdict", outcome_name(item->outcome));
	json_out_set_text(o, "class", rule_class_name(item->class));
	if (item->outcome == OUTCOME_FAIL)
		json_out_set_text(o, "certainty", certainty_name(item->certainty));
	json_out_set_text(o, "choice", item->choice);
	json_out_set_list(o, "requirements", item->requirement);
	json_out_set_text(o, "citation", item->citation);
	json_out_set_text(o, "expected", item->expected);
	json_out_set_text(o, "observed", item->observed);
	if (item->outcome != OUTCOME_PASS)
		json_out_set_text(o, "reason", item->reason);
	if (item->exchange)
		json_out_set(o, "ladder", ladder_value(item->exchange));
	json_out_print(out, o);
	fflush(out);
}

static void end(FILE *out, const struct report_run *run, const struct report_totals *totals)
{
	json_t *o = json_object();

	json_out_set_text(o, "type", "summary");
	json_out_set_number(o, "pass", totals->passed);
	json_out_set_number(o, "fail", totals->failed);
	json_out_set_number(o, "inconclusive", totals->inconclusive);
	if (totals->skipped)
		json_out_set_number(o, "skip", totals->skipped);
	json_out_set_number(o, "error", totals->errors);
	json_out_set_number(o, "not_begun", totals->not_begun);
	json_out_set_number(o, "capture_drops", (int64_t)run->capture_drops);
	json_out_print(out, o);
	fflush(out);
}

const struct report_format report_jsonl = { "jsonl", begin, result, item, NULL, end, &findings_json };
