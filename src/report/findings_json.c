/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings as JSON Lines; finwait(8) describes the fields. */
#include "report/findings.h"
#include "report/json.h"

static void set_count(json_t *object, const char *key, uint64_t value)
{
	if (value)
		json_out_set_number(object, key, (int64_t)value);
}

static void set_end(json_t *object, const char *key, int end)
{
	if (end >= 0)
		json_out_set_text(object, key, end ? "dst" : "src");
}

static json_t *name_value(const struct track_name *name)
{
	char text[ADDRESS_TEXT];
	json_t *o = json_object();

	json_out_set_number(o, "index", name->index);
	json_out_set_text(o, "src", address_text(&name->src.addr, text));
	json_out_set_number(o, "sport", name->src.port);
	json_out_set_text(o, "dst", address_text(&name->dst.addr, text));
	json_out_set_number(o, "dport", name->dst.port);
	set_count(o, "vlan", name->vlan);
	return o;
}

static void begin(FILE *out, const struct findings_run *run)
{
	json_out_print(out, json_out_run(run->arguments));
}

static void violation(FILE *out, const struct findings_run *run, const struct track_name *name, unsigned end,
		      const struct verdict *v)
{
	json_t *o = json_object();

	json_out_set_text(o, "type", "result");
	json_out_set_text(o, "file", run->file);
	json_out_set_number(o, "frame", v->frame);
	json_out_set(o, "connection", name_value(name));
	json_out_set_text(o, "family", name->src.addr.family == 6 ? "ipv6" : "ipv4");
	set_end(o, "endpoint", (int)end);
	json_out_set_verdict(o, v);
	json_out_print(out, o);
	fflush(out); /* somebody may be waiting behind a pipe */
}

static json_t *end_value(const struct track_summary *s, int end)
{
	json_t *o = json_object();

	json_out_set(o, "states", json_out_states(s->reached[end]));
	if (s->counted[end])
		json_out_set_number(o, "bytes", s->bytes[end]);
	return o;
}

static void connection(FILE *out, const struct findings_run *run, const struct track_summary *s)
{
	json_t *o = json_object();

	json_out_set_text(o, "type", "connection");
	json_out_set_text(o, "file", run->file);
	json_out_set(o, "connection", name_value(&s->name));
	json_out_set_text(o, "handshake", track_handshake_name(s->handshake));
	json_out_set_text(o, "close", track_ending_name(s->ending));
	set_end(o, "closed_first", s->closed_first);
	set_end(o, "reset_by", s->reset_by);
	json_out_set_number(o, "segments", s->segments);
	json_out_set_number(o, "duration_us", s->duration_us);
	json_out_set(o, "from_src", end_value(s, 0));
	json_out_set(o, "from_dst", end_value(s, 1));
	if (s->accused)
		json_out_set(o, "violates", json_true());
	if (s->evicted)
		json_out_set(o, "evicted", json_true());
	json_out_print(out, o);
}

static void ladder(FILE *out, const struct findings_run *run, const struct track_name *name,
		   const struct ladder_picture *picture)
{
	const struct ladder_style plain = {.color = false};
	json_t *o = json_object(), *lines = json_array();

	ladder_draw_picture(picture, &plain, json_out_append_line, lines);
	json_out_set_text(o, "type", "ladder");
	json_out_set_text(o, "file", run->file);
	json_out_set(o, "connection", name_value(name));
	json_out_set(o, "ladder", lines);
	json_out_print(out, o);
}

static void damage(FILE *out, const struct findings_run *run, const char *why)
{
	json_t *o = json_object();

	json_out_set_text(o, "type", "damage");
	json_out_set_text(o, "file", run->file);
	json_out_set_text(o, "reason", why);
	json_out_print(out, o);
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
			json_out_set(o, rule_class_name((enum rule_class) class), of_class);
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
	json_out_set_text(o, "type", "summary");
	json_out_set_number(o, "files", totals->files);
	json_out_set_number(o, "frames", totals->frames);
	json_out_set_number(o, "segments", t->segments);
	json_out_set_number(o, "judged", t->judged);
	json_out_set_number(o, "connections", t->connections);
	json_out_set(o, "handshakes", handshakes);
	json_out_set(o, "closes", endings);
	json_out_set(o, "violations", findings_value(t));
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
		json_out_set(o, "interrupted", json_true());
	json_out_print(out, o);
	fflush(out);
}

const struct findings_format findings_json = {begin, violation, connection, ladder, damage, end};
