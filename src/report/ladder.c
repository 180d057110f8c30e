/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/ladder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/seq.h"

enum {
	COLUMN_STATE = 13,
	COLUMN_ARROW = 37,
	LINE = 512, /* bytes, with colours and UTF-8 */
};

struct canvas {
	const struct ladder_picture *p;
	const struct ladder_style *style;
	void (*line)(void *arg, const char *text);
	void *arg;
	char text[LINE];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct canvas *c, const char *format, ...)
{
	size_t room = sizeof c->text - c->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(c->text + c->len, room, format, args);
	va_end(args);
	c->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void end_line(struct canvas *c)
{
	while (c->len && c->text[c->len - 1] == ' ')
		c->len--;
	c->text[c->len] = '\0';
	c->line(c->arg, c->text);
	c->len = 0;
}

const char *ladder_escape(const uint8_t *bytes, size_t len, char *text, size_t text_len)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < len && n + 5 < text_len; i++) {
		uint8_t b = bytes[i];

		if (b == '\n' || b == '\r' || b == '\t' || b == '\\')
			n += (size_t)snprintf(text + n, text_len - n, "\\%c",
					      b == '\n' ? 'n' : b == '\r' ? 'r' : b == '\t' ? 't' : '\\');
		else
			n += (size_t)snprintf(text + n, text_len - n, b >= 0x20 && b < 0x7f ? "%c" : "\\x%02x",
					      b);
	}
	return text;
}

/* ---- one segment ------------------------------------------------------------------------------- */

/* "F. 1:1 ack 1", "P. 1:29(28) ack 1": flags in packetdrill's letters, then the numbers, relative to the
 * ISNs: of the sender for SEQ, of the receiver for ACK. Before an ISN is known, and in a RST that answers a
 * SYN (SEQ 0), they stand as they are. */
static void describe(const struct canvas *c, const struct line *l, char *text, size_t len)
{
	const struct segment *s = &l->segment;
	const struct conn_end *from = &c->p->conn->ends[l->out ? CONN_PROBER : CONN_TARGET];
	const struct conn_end *to = &c->p->conn->ends[l->out ? CONN_TARGET : CONN_PROBER];
	/* The form for "no connection, no ACK to go by" (RFC 9293 3.5.2) has the number itself. */
	bool bare = (s->flags & FLAG_RST) && s->seq == 0;
	uint32_t seq = bare ? 0 : conn_relative(from, s->seq);
	char flags[FLAGS_TEXT];
	int n = snprintf(text, len, "%-3s %u", flags_text(s->flags, flags), seq);

	if (s->len)
		n += snprintf(text + n, len - (size_t)n, ":%u(%u)", seq + s->len, s->len);
	if (s->flags & FLAG_ACK)
		n += snprintf(text + n, len - (size_t)n, " ack %u", conn_relative(to, s->ack));
	if ((s->flags & FLAG_SYN) && (s->options.present & OPTION_MSS))
		snprintf(text + n, len - (size_t)n, "  mss %u", s->options.mss);
}

static void put_dashes(struct canvas *c, size_t n)
{
	while (n--)
		put(c, "%s", c->style->utf8 ? "\xe2\x94\x80" : "-");
}

/* "--- S 0 ------->" or "<-- S. 0 ack 1 -----", COLUMN_ARROW columns wide. */
static void put_arrow(struct canvas *c, const struct line *l)
{
	char text[96];
	size_t len, dashes;

	describe(c, l, text, sizeof text);
	len = strlen(text);
	dashes = len + 9 < COLUMN_ARROW ? COLUMN_ARROW - len - 6 : 3;
	if (l->out) {
		put_dashes(c, 3);
		put(c, " %s ", text);
		put_dashes(c, dashes);
		put(c, "%s", c->style->utf8 ? "\xe2\x86\x92" : ">");
	} else {
		put(c, "%s", c->style->utf8 ? "\xe2\x86\x90" : "<");
		put_dashes(c, 2);
		put(c, " %s ", text);
		put_dashes(c, dashes + 1);
	}
}

static void put_color(struct canvas *c, const char *code)
{
	if (c->style->color)
		put(c, "\x1b[%sm", code);
}

static void put_colored(struct canvas *c, const char *code, const char *text)
{
	put_color(c, code);
	put(c, "%s", text);
	put_color(c, "0");
}

/* Whether nothing came back after this segment of ours, so that it may not have arrived. */
static bool unconfirmed(const struct canvas *c, size_t index)
{
	if (c->p->recorded)
		return false;
	for (size_t i = index; i < c->p->lines_count; i++)
		if (!c->p->lines[i].out && !c->p->lines[i].segment.icmp.type)
			return false;
	return !tcp_states_single(c->p->lines[index].target) &&
	       c->p->lines[index].assumed < TCP_STATES;
}

static void put_target(struct canvas *c, size_t index)
{
	const struct line *l = &c->p->lines[index];
	char text[32];

	snprintf(text, sizeof text, "%s%s", l->assumed < TCP_STATES ? tcp_state_name(l->assumed) : "?",
		 unconfirmed(c, index) ? " ?" : "");
	put(c, "  %-*s", COLUMN_STATE, text);
}

static void put_mark(struct canvas *c, const struct line *l)
{
	if ((l->out && !c->p->recorded) || l->segment.icmp.type)
		return;
	put(c, " ");
	if (l->failed)
		put_colored(c, "1;31", "FAIL");
	else if (l->notes & NOTE_BAD_CHECKSUM)
		put(c, "bad");
	else
		put_colored(c, "32", "ok");
}

/* ---- what stands below a segment ----------------------------------------------------------------- */

/* A remark, wrapped at 80 columns. */
static void remark(struct canvas *c, const char *color, const char *text)
{
	const size_t indent = 10, width = 80 - indent;

	while (*text) {
		size_t n = strlen(text);

		if (n > width) {
			for (n = width; n && text[n] != ' '; n--)
				;
			if (!n)
				n = width;
		}
		put(c, "%*s", (int)indent, "");
		put_color(c, color);
		put(c, "%.*s", (int)n, text);
		put_color(c, "0");
		end_line(c);
		text += n;
		while (*text == ' ')
			text++;
	}
}

/* What the target still is if it did not get what we sent last. */
static void remark_unconfirmed(struct canvas *c)
{
	size_t i = c->p->lines_count;
	char text[120];

	while (i && c->p->lines[i - 1].out)
		i--;
	if (!i || i == c->p->lines_count || !unconfirmed(c, i))
		return;
	snprintf(text, sizeof text, "? or still %s, should what we sent last be lost",
		 tcp_state_name(c->p->lines[i - 1].assumed));
	remark(c, "2", text);
}

static void remark_failures(struct canvas *c, const struct line *l)
{
	char text[4 * VERDICT_TEXT], name[RULE_NAME];

	for (size_t i = 0; i < c->p->verdicts_count; i++) {
		const struct verdict *v = &c->p->verdicts[i];

		if ((l->out && !c->p->recorded) || !l->failed || v->frame != l->segment.frame)
			continue;
		snprintf(text, sizeof text, "%s%s: %s (%s %s). Expected %s; observed %s.%s%s%s",
			 rule_name(v->rule, v->state, name), v->certainty == LIKELY ? ", likely" : "", v->rule->sentence,
			 v->rule->citation, rule_class_name(v->rule->class), v->expected, v->observed,
			 v->reason[0] ? " Unless " : "", v->reason, v->reason[0] ? "." : "");
		remark(c, "31", text);
	}
}

static void remark_rules(struct canvas *c, const struct line *l)
{
	char text[600];
	size_t n = 0;

	for (int id = 0; id < RULES && n < sizeof text; id++)
		if (l->passed & UINT64_C(1) << id)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "kept: ",
					      rules[id].name);
	if (n)
		remark(c, "2", text);
}

static void remark_verbose(struct canvas *c, const struct line *l)
{
	char options[160], states[160], text[400];

	if (l->segment.options.raw_len) {
		snprintf(text, sizeof text, "<%s>",
			 options_text(&l->segment.options, options, sizeof options));
		remark(c, "2", text);
	}
	if (!tcp_states_single(l->target)) {
		snprintf(text, sizeof text, "%s: %s", c->p->right,
			 tcp_states_text(l->target, states, sizeof states));
		remark(c, "2", text);
	}
	remark_rules(c, l);
}

static void remark_notes(struct canvas *c, const struct line *l)
{
	static const struct {
		unsigned note;
		const char *text;
	} notes[] = {
		{ NOTE_OLD, "(overtaken by a later segment)" },
		{ NOTE_OLD_CONNECTION, "(knows these ports from an older connection: RFC 9293 Figure 9)" },
		{ NOTE_BAD_CHECKSUM, "(bad checksum: counts as not received)" },
	};

	if (l->repeated)
		remark(c, "33", "(repeated)");
	if (l->asks)
		remark(c, "2", "(an old byte: who has the connection must acknowledge it again)");
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		if (l->notes & notes[i].note)
			remark(c, "33", notes[i].text);
	if ((l->notes & NOTE_ACKS_FIN) && (l->notes & NOTE_FIN))
		remark(c, "2", "(ACK and FIN in one segment: three instead of four, legal)");
}

/* ---- the picture --------------------------------------------------------------------------------- */

static void draw_icmp(struct canvas *c, const struct line *l)
{
	char addr[ADDRESS_TEXT], text[160];

	snprintf(text, sizeof text, "ICMP%s type %u code %u from %s",
		 l->segment.icmp.sender.family == 6 ? "v6" : "", l->segment.icmp.type,
		 l->segment.icmp.code, address_text(&l->segment.icmp.sender, addr));
	put(c, "%-*s%s", COLUMN_STATE, tcp_state_name(l->prober), text);
	end_line(c);
}

static void draw_ends(struct canvas *c)
{
	put(c, "%8s  %-*s%*s  %s", "", COLUMN_STATE, c->p->left_first, COLUMN_ARROW, "", c->p->right_first);
	end_line(c);
}

void ladder_draw_picture(const struct ladder_picture *p, const struct ladder_style *style,
			 void (*line)(void *arg, const char *text), void *arg)
{
	struct canvas c = { .p = p, .style = style, .line = line, .arg = arg };
	char text[80];

	put(&c, "%8s  %-*s%*s  %s", "ms", COLUMN_STATE, p->left, COLUMN_ARROW, "", p->right);
	end_line(&c);
	draw_ends(&c);
	for (size_t i = 0; i < p->lines_count; i++) {
		const struct line *l = &p->lines[i];
		int64_t us = l->segment.t_us - p->lines[0].segment.t_us;

		put(&c, "%8.2f  ", (double)us / 1e3);
		if (l->segment.icmp.type) {
			draw_icmp(&c, l);
			continue;
		}
		put(&c, "%-*s", COLUMN_STATE, tcp_state_name(l->prober));
		put_arrow(&c, l);
		put_target(&c, i);
		put_mark(&c, l);
		end_line(&c);
		remark_notes(&c, l);
		remark_failures(&c, l);
		if (style->verbose)
			remark_verbose(&c, l);
		if (l->skipped) {
			snprintf(text, sizeof text, "(%u more segments of data and ACKs)", l->skipped);
			remark(&c, "2", text);
		}
	}
	remark_unconfirmed(&c);
}

void ladder_draw(const struct exchange *x, const struct ladder_style *style,
		 void (*line)(void *arg, const char *text), void *arg)
{
	const bool by_target = x->params.check->steps[0] == STEP_LISTEN;
	enum tcp_state first = x->reach == REACH_CLOSED || by_target ? TCP_CLOSED : TCP_LISTEN;
	const struct ladder_picture picture = {
		.left = "prober",
		.right = "target",
		.left_first = tcp_state_name(by_target ? TCP_LISTEN : TCP_CLOSED),
		.right_first = x->reach == REACH_OPEN || x->reach == REACH_CLOSED ? tcp_state_name(first) : "?",
		.conn = &x->conn,
		.lines = x->lines,
		.lines_count = x->lines_count,
		.verdicts = x->verdicts,
		.verdicts_count = x->verdicts_count,
	};

	ladder_draw_picture(&picture, style, line, arg);
}
