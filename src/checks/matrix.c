/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/matrix.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "checks/drive.h"

enum { NOMINAL_ISS = 1000000, NOMINAL_IRS = 2000000, NOMINAL_WINDOW = 64240 };

/* States in which a FIN of the target waits for its acknowledgment. */
#define FIN_WAITS (IN(TCP_FIN_WAIT_1) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK))
#define NO_WINDOW (IN(TCP_CLOSED) | IN(TCP_LISTEN) | IN(TCP_SYN_SENT))

const struct check matrix_closed_port = {
	"closed-port", NULL, "nobody listens on the port", NULL, IN(TCP_CLOSED),
	{ STEP_CONFIRM_GONE, STEP_STIMULUS, STEP_FOLLOW_UP },
};

/* A target in this state whose connection has carried nothing but SYN and FIN. */
static struct tcb nominal(enum tcp_state state, bool active)
{
	struct tcb t = { .state = state };

	if (state <= TCP_LISTEN)
		return t;
	t.known = TCB_ISS | (active ? TCB_ACTIVE : 0);
	t.iss = t.snd_una = NOMINAL_ISS;
	t.snd_nxt = NOMINAL_ISS + 1;
	if (state == TCP_SYN_SENT)
		return t;
	t.known |= TCB_IRS;
	t.irs = NOMINAL_IRS;
	t.rcv_nxt = NOMINAL_IRS + 1 + !!(IN(state) & TCP_FIN_RECEIVED);
	t.rcv_edge = t.rcv_nxt + NOMINAL_WINDOW;
	if (state != TCP_SYN_RECEIVED)
		t.snd_una = t.snd_nxt;
	if (IN(state) & TCP_FIN_SENT) {
		t.known |= TCB_FIN;
		t.snd_nxt++;
		if (!(IN(state) & FIN_WAITS))
			t.snd_una = t.snd_nxt;
	}
	return t;
}

/* Only a SYN-RECEIVED knows who opened (RFC 9293 3.10.7.4, MUST-11). CLOSED is the port that a connection which
 * we refused had: nobody listens there. */
static bool opens(enum tcp_state state, enum opener opener)
{
	if (state == TCP_SYN_RECEIVED)
		return opener != OPENER_SIMULTANEOUS;
	return opener == (state == TCP_CLOSED || state == TCP_SYN_SENT ? OPENER_ACTIVE : OPENER_PASSIVE);
}

/* Whether the combination can differ from one that is there. */
static bool differs(enum tcp_state state, const struct stimulus *w)
{
	const uint16_t flags = stimulus_forms[w->kind].flags;
	const bool ack = flags & FLAG_ACK;

	if (!(IN(state) & NO_WINDOW) == (w->position == POSITION_ANY))
		return false;
	/* A timestamp is looked at before the number (RFC 7323 5.3), a RST's never. */
	if (stimulus_forms[w->kind].ts != TS_AS_EVER)
		return w->position == POSITION_LEFT_EDGE && w->ack == ACKNOWLEDGES_USUAL;
	if (w->ack == ACKNOWLEDGES_USUAL)
		return true;
	if (!ack || state <= TCP_LISTEN || (w->ack == ACKNOWLEDGES_FIN && !(IN(state) & FIN_WAITS)))
		return false;
	/* SYN-SENT looks at the acknowledgment first; elsewhere it counts in the window only, and not of SYN or RST
	 * (RFC 9293 3.10.7.4). A copy of the FIN may acknowledge ours. */
	if (state == TCP_SYN_SENT)
		return true;
	if (flags & (FLAG_SYN | FLAG_RST))
		return false;
	/* Whether a FIN with an old acknowledgment counts is left open (RFC 5961 5.2, MAY-12). */
	if (flags & FLAG_FIN && w->ack == ACKNOWLEDGES_OLD && state != TCP_SYN_RECEIVED)
		return false;
	return w->position == POSITION_LEFT_EDGE ||
	       (w->position == POSITION_OUTSIDE_LEFT && w->kind == STIMULUS_FIN_ACK && w->ack == ACKNOWLEDGES_FIN);
}

/* "SYN-RECEIVED" -> "syn-received" */
static void lower(char *text, const char *name, size_t len)
{
	size_t i = 0;

	for (; name[i] && i < len - 1; i++)
		text[i] = (char)tolower((unsigned char)name[i]);
	text[i] = '\0';
}

/* The steps that lead into the state, then the segment and the question afterwards. */
static void put_steps(struct check *c, const struct check *into)
{
	size_t n = 0;

	for (const enum step *s = into->steps; *s != STEP_END && *s != STEP_HOLD; s++)
		if (*s != STEP_TRANSFER_OUT && *s != STEP_TRANSFER_IN)
			c->steps[n++] = *s;
	c->steps[n++] = STEP_STIMULUS;
	c->steps[n++] = STEP_FOLLOW_UP;
	c->steps[n] = STEP_END;
}

static void describe(struct matrix_cell *cell, enum opener opener)
{
	const struct stimulus *w = &cell->stimulus;
	const char *ack = acknowledges_names[w->ack];
	const bool window = w->position != POSITION_ANY;
	char state[24];

	lower(state, tcp_state_name(cell->state), sizeof state);
	snprintf(cell->name, sizeof cell->name, "rcv-%s-%s/%s%s%s%s", stimulus_forms[w->kind].name, state,
		 window || !ack ? position_names[w->position] : "", window && ack ? "-" : "", ack ? ack : "",
		 cell->state != TCP_SYN_RECEIVED ? "" : opener == OPENER_ACTIVE ? "/active" : "/passive");
	snprintf(cell->about, sizeof cell->about, "%s%s%s%s%s in %s", stimulus_forms[w->kind].about,
		 window ? ", " : "", window ? position_names[w->position] : "", ack ? ", " : "", ack ? ack : "",
		 tcp_state_name(cell->state));
}

/* False if no rule knows what the segment is. */
static bool make_cell(const struct rule_index *index, struct matrix_cell *cell, enum opener opener)
{
	const struct check *into = &drive_checks[cell->state][opener];
	struct tcb target = nominal(cell->state, opener == OPENER_ACTIVE);
	struct segment s = { .options.malformed = -1 };

	if (stimulus_forms[cell->stimulus.kind].ts != TS_AS_EVER && target.known & TCB_IRS)
		target.known |= TCB_TIMESTAMPS | TCB_TS_RECENT;
	if (!stimulus_make(&cell->stimulus, &target, NOMINAL_IRS, &s))
		return false;
	stimulus_stamp(&cell->stimulus, &target, &s);
	cell->event = event_of(&target, &s);
	cell->rule = event_rule(index, cell->state, &cell->event);
	if (!cell->rule || !cell->rule->reactions_count)
		return false;
	describe(cell, opener);
	cell->check = (struct check){ .name = cell->name, .word = into->word, .about = cell->about,
				      .requirements = cell->rule->requirement, .goal = into->goal };
	put_steps(&cell->check, into);
	return true;
}

size_t matrix_make(const struct rule_index *index, struct matrix_cell cells[MATRIX_CELLS], size_t *all)
{
	size_t n = 0;

	*all = 0;
	for (unsigned i = 0; i < TCP_STATES * OPENERS * STIMULI * POSITIONS * ACKNOWLEDGES; i++) {
		struct matrix_cell *cell = &cells[n];
		unsigned rest = i;
		enum opener opener;

		cell->stimulus.ack = (enum acknowledges)(rest % ACKNOWLEDGES);
		rest /= ACKNOWLEDGES;
		cell->stimulus.position = (enum position)(rest % POSITIONS);
		rest /= POSITIONS;
		cell->stimulus.kind = (enum stimulus_kind)(rest % STIMULI);
		rest /= STIMULI;
		opener = (enum opener)(rest % OPENERS);
		cell->state = (enum tcp_state)(rest / OPENERS);
		if (opener == OPENER_SIMULTANEOUS ||
		    !(IN(cell->state) & NO_WINDOW) == (cell->stimulus.position == POSITION_ANY))
			continue;
		++*all;
		if (!opens(cell->state, opener) || !differs(cell->state, &cell->stimulus) ||
		    !make_cell(index, cell, opener))
			continue;
		if (++n == MATRIX_CELLS)
			break;
	}
	return n;
}
