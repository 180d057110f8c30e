/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "run/exchange.h"
#include "run/reached.h"

void result_add(struct exchange *x, const char *name, enum outcome outcome, const struct rule *rule,
		const char *format, ...)
{
	struct point *p;
	va_list args;

	if (x->points_count == EXCHANGE_POINTS)
		return;
	p = &x->points[x->points_count++];
	*p = (struct point){ .name = name, .outcome = outcome, .rule = rule };
	va_start(args, format);
	vsnprintf(p->text, sizeof p->text, format, args);
	va_end(args);
}

static const struct line *first_with(const struct exchange *x, unsigned notes)
{
	for (size_t i = 0; i < x->lines_count; i++)
		if (!x->lines[i].out && (x->lines[i].notes & notes))
			return &x->lines[i];
	return NULL;
}

static const struct verdict *failure(const struct exchange *x, enum rule_id id)
{
	for (size_t i = 0; i < x->verdicts_count; i++)
		if (x->verdicts[i].rule == &rules[id])
			return &x->verdicts[i];
	return NULL;
}

/* ---- the opening ------------------------------------------------------------------------------- */

static const char *duration(int64_t us, char *text, size_t len)
{
	if (us < 1000)
		snprintf(text, len, "%lld us", (long long)us);
	else if (us < 1000000)
		snprintf(text, len, "%.1f ms", (double)us / 1e3);
	else
		snprintf(text, len, "%.1f s", (double)us / 1e6);
	return text;
}

static void settle_opened(struct exchange *x, int64_t now_us)
{
	char text[32], addr[ADDRESS_TEXT];
	const struct verdict *v;

	if (x->opened || x->prober.syn_ack_held) {
		x->reach = REACH_OPEN;
		if (x->rtt_us)
			result_add(x, "opened", OUTCOME_PASS, &rules[RULE_SYN_ACK_NUMBER],
			    "answer in %s, ACK = ISN+1", duration(x->rtt_us, text, sizeof text));
		else
			result_add(x, "opened", OUTCOME_PASS, &rules[RULE_SYN_ACK_NUMBER],
			    "ACK = ISN+1, after %u SYNs", x->conn.ends[CONN_PROBER].syns_sent);
		return;
	}
	if (first_with(x, NOTE_REFUSED)) {
		x->reach = REACH_CLOSED;
		v = failure(x, RULE_REFUSAL);
		if (v)
			result_add(x, "opened", OUTCOME_FAIL, v->rule, "refused, but with %s", v->observed);
		else
			result_add(x, "opened", OUTCOME_PASS, &rules[RULE_REFUSAL],
			    "closed, refused correctly: RST, SEQ 0, ACK = ISN+1");
		return;
	}
	if (x->bad_checksums && x->bad_checksums == x->judged) {
		result_add(x, "opened", OUTCOME_FAIL, &rules[RULE_CHECKSUM],
		    "no answer with a valid checksum, of %u", x->judged);
		return;
	}
	if (x->verdicts_count) {
		result_add(x, "opened", OUTCOME_FAIL, x->verdicts[0].rule, "the handshake is wrong: %s",
		    x->verdicts[0].observed);
		return;
	}
	if (x->prober.snd_nxt == x->prober.iss && !x->interrupted) {
		result_add(x, "opened", OUTCOME_INCONCLUSIVE, NULL,
			   "nothing was sent: the driver did not say that the target listens within the timeout");
		return;
	}
	x->reach = REACH_SILENT;
	if (x->unanswered[0] && !x->lines_count)
		result_add(x, "opened", OUTCOME_INCONCLUSIVE, NULL, "%s", x->unanswered);
	else if (x->icmp.type)
		result_add(x, "opened", OUTCOME_INCONCLUSIVE, NULL, "ICMP%s type %u code %u from %s",
		    x->icmp.sender.family == 6 ? "v6" : "", x->icmp.type, x->icmp.code,
		    address_text(&x->icmp.sender, addr));
	else if (x->judged)
		result_add(x, "opened", OUTCOME_INCONCLUSIVE, NULL,
		    "no connection: %u answers that did not open one", x->judged);
	else if (x->interrupted)
		result_add(x, "opened", OUTCOME_INCONCLUSIVE, NULL, "interrupted before an answer");
	else
		result_add(x, "opened", OUTCOME_INCONCLUSIVE, NULL, "no answer to %u SYN%s in %s: filtered, "
		    "down, or lost", x->conn.ends[CONN_PROBER].syns_sent, x->conn.ends[CONN_PROBER].syns_sent == 1 ? "" : "s",
		    duration(now_us - x->start_us, text, sizeof text));
}

/* ---- the data ---------------------------------------------------------------------------------- */

static void settle_data(struct exchange *x)
{
	const struct prober *p = &x->prober;

	if (!p->data_len)
		return;
	if (prober_all_acked(p))
		result_add(x, "data", OUTCOME_PASS, &rules[RULE_ACK_UNSENT],
		    "%zu bytes sent and acknowledged, %llu received", p->data_len,
		    (unsigned long long)p->received);
	else
		result_add(x, "data", OUTCOME_INCONCLUSIVE, NULL, "not all of %zu bytes were acknowledged",
		    p->data_len);
}

/* ---- the close --------------------------------------------------------------------------------- */

static bool plays(const struct exchange *x, enum step step)
{
	for (size_t i = 0; i < CHECK_STEPS && x->params.check->steps[i] != STEP_END; i++)
		if (x->params.check->steps[i] == step)
			return true;
	return false;
}

/* Whether the target's FIN came before ours left. */
static bool target_closed_first(const struct exchange *x)
{
	for (size_t i = 0; i < x->lines_count; i++) {
		if (x->lines[i].out && (x->lines[i].segment.flags & FLAG_FIN))
			return false;
		if (x->lines[i].notes & NOTE_FIN)
			return true;
	}
	return false;
}

static bool our_fin_acked(const struct exchange *x)
{
	return x->prober.fin_sent && x->prober.snd_una == x->prober.snd_nxt;
}

/* Whether the target's first FIN came with the first ACK of ours. */
static bool merged(const struct exchange *x)
{
	return first_with(x, NOTE_ACKS_FIN) && first_with(x, NOTE_ACKS_FIN) == first_with(x, NOTE_FIN);
}

/* Why the close could not be seen to its end; false if it could. */
static bool cut_short(struct exchange *x)
{
	if (x->interrupted)
		result_add(x, "closed", OUTCOME_INCONCLUSIVE, NULL, "interrupted; our half was reset");
	else if (failure(x, RULE_FIN_COUNTED))
		result_add(x, "closed", OUTCOME_FAIL, &rules[RULE_FIN_COUNTED], "our FIN is not counted: %s",
		    failure(x, RULE_FIN_COUNTED)->observed);
	else if (failure(x, RULE_FIN_PLACE))
		result_add(x, "closed", OUTCOME_FAIL, &rules[RULE_FIN_PLACE], "the target's FIN is misplaced: %s",
		    failure(x, RULE_FIN_PLACE)->observed);
	else if (our_fin_acked(x) && (x->prober.fin_received || !x->prober.reset_received))
		return false;
	else if (x->prober.reset_received && our_fin_acked(x))
		result_add(x, "closed", OUTCOME_INCONCLUSIVE, NULL,
		    "our FIN was acknowledged, then the target reset: its application may have aborted");
	else if (x->prober.reset_received)
		result_add(x, "closed", OUTCOME_INCONCLUSIVE, NULL,
		    "the target reset the connection: its application may have aborted");
	else
		return false;
	return true;
}

static void settle_first(struct exchange *x)
{
	const struct rule *fin = &rules[RULE_FIN_COUNTED];
	const char *word = plays(x, STEP_READ) ? "closed" : "half-closed";

	if (!our_fin_acked(x) && x->prober.target_window == 0)
		result_add(x, word, OUTCOME_INCONCLUSIVE, NULL, "no ACK for our FIN: the target's window is 0");
	else if (!our_fin_acked(x))
		result_add(x, word, OUTCOME_INCONCLUSIVE, NULL, "no ACK for our FIN, sent %u time%s",
		    x->conn.ends[CONN_PROBER].fins_sent, x->conn.ends[CONN_PROBER].fins_sent == 1 ? "" : "s");
	else if (!x->prober.fin_received && x->prober.received)
		result_add(x, word, OUTCOME_PASS, fin,
		    "FIN counted; the target still sends (%llu bytes so far): legal; reset",
		    (unsigned long long)x->prober.received);
	else if (!x->prober.fin_received)
		result_add(x, word, OUTCOME_PASS, fin,
		    "FIN counted; the target keeps its half open: legal, no time limit; reset");
	else if (target_closed_first(x))
		result_add(x, word, OUTCOME_PASS, fin, "FIN counted; the target had closed first");
	else if (merged(x))
		result_add(x, word, OUTCOME_PASS, fin,
		    "FIN counted; ACK and FIN in one segment: legal");
	else if (!plays(x, STEP_READ))
		result_add(x, word, OUTCOME_PASS, fin, "FIN counted; %llu bytes received until the target's FIN",
		    (unsigned long long)x->prober.received);
	else
		result_add(x, word, OUTCOME_PASS, fin, "FIN counted, ACK and FIN apart: four segments");
}

static void settle_second(struct exchange *x)
{
	if (!x->prober.fin_received && !x->prober.fin_held)
		result_add(x, "closed", OUTCOME_INCONCLUSIVE, NULL,
		    "the target did not close first within the timeout: legal; reset%s",
		    plays(x, STEP_CROSS) ? "; try a service that does, as daytime or http" : "");
	else if (!our_fin_acked(x))
		result_add(x, "closed", OUTCOME_INCONCLUSIVE, NULL, "the target's FIN came, but no ACK for ours");
	else if (plays(x, STEP_CROSS))
		result_add(x, "closed", OUTCOME_PASS, &rules[RULE_FIN_COUNTED],
		    "the FINs crossed and each was acknowledged: simultaneous close");
	else
		result_add(x, "closed", OUTCOME_PASS, &rules[RULE_FIN_COUNTED],
		    "the target closed first; our FIN counted");
}

static void settle_reset(struct exchange *x)
{
	const struct verdict *v = failure(x, RULE_STRAY_ANSWER);

	if (x->prober.reset_received)
		result_add(x, "reset", OUTCOME_INCONCLUSIVE, NULL, "the target reset the connection before us");
	else if (v)
		result_add(x, "reset", OUTCOME_FAIL, v->rule, "a stray segment drew %s", v->observed);
	else if (first_with(x, NOTE_GONE))
		result_add(x, "reset", OUTCOME_PASS, &rules[RULE_STRAY_ANSWER],
		    "obeyed: a stray segment afterwards drew RST, SEQ = its ACK");
	else
		result_add(x, "reset", OUTCOME_INCONCLUSIVE, NULL,
		    "sent; a stray segment afterwards drew no RST: a firewall, or loss");
}

static void settle_closed(struct exchange *x)
{
	if (x->params.check->steps[x->step] != STEP_END && plays(x, STEP_SEND) && x->prober.data_len &&
	    !prober_all_acked(&x->prober) && !x->interrupted && !x->prober.reset_received)
		return; /* the data has said it */
	if (plays(x, STEP_ABORT)) {
		settle_reset(x);
		return;
	}
	if (!plays(x, STEP_CLOSE) && !plays(x, STEP_CROSS)) {
		if (x->prober.reset_received)
			result_add(x, "closed", OUTCOME_INCONCLUSIVE, NULL, "the target reset the connection");
		return;
	}
	if (cut_short(x))
		return;
	if (plays(x, STEP_DRAIN))
		settle_first(x);
	else
		settle_second(x);
}

/* ---- the ladder -------------------------------------------------------------------------------- */

/* Before the target answered, only its answer tells what it was: refused, it had no connection;
 * silent, nothing is known. */
static void settle_states(struct exchange *x)
{
	const struct line *first = first_with(x, NOTE_OPENED);
	bool refused = first_with(x, NOTE_REFUSED);

	for (size_t i = 0; i < x->lines_count; i++) {
		struct line *l = &x->lines[i];

		if (first && l == first)
			return;
		if (refused)
			l->assumed = TCP_CLOSED;
		else if (!x->judged)
			l->assumed = TCP_STATES;
	}
}

static void settle_points(struct exchange *x, int64_t now_us)
{
	bool goal = x->params.check->goal;

	if (plays(x, STEP_LISTEN))
		reached_settle_opened(x);
	else if (plays(x, STEP_OPEN) || plays(x, STEP_OPEN_HALF) || plays(x, STEP_TRY_SYN))
		settle_opened(x, now_us);
	else
		x->reach = REACH_OPEN; /* it is not about a connection */
	if (goal)
		reached_settle(x);
	else if (x->opened) {
		settle_data(x);
		settle_closed(x);
	}
}

void result_settle(struct exchange *x, int64_t now_us)
{
	bool sure = false;

	settle_states(x);
	if (x->error[0] || x->refused[0])
		result_add(x, "stopped", OUTCOME_ERROR, NULL, "%s", x->error[0] ? x->error : x->refused);
	else
		settle_points(x, now_us);
	for (size_t i = 0; i < x->points_count; i++)
		if (x->points[i].outcome > x->outcome)
			x->outcome = x->points[i].outcome;
	for (size_t i = 0; i < x->verdicts_count; i++)
		sure |= x->verdicts[i].certainty == CERTAIN;
	/* What an interfering kernel provoked is not the target's fault. */
	if (x->verdicts_count && !x->error[0]) {
		x->outcome = OUTCOME_FAIL;
		x->certainty = sure ? CERTAIN : LIKELY;
	}
}
