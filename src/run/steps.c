/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/steps.h"

#include <stdio.h>

#include "core/seq.h"

enum {
	QUIET_US = 200000,    /* a pause that ends an answer, and four round trips */
	CONFIRM_US = 1000000,
	SOME = 1000, /* bytes */
	REST_US = 50000,
	THROTTLE_US = 1100000, /* answers to what is out of window may be limited to two a second (RFC 5961 7) */
	DRIVER_US = 1000000,   /* how much longer than its own time limit an answer of the driver may take */
};

/* Where the target shows by itself that the connection is there: nothing it must answer leaves the state. */
#define OPENING ((tcp_states)(IN(TCP_SYN_SENT) | IN(TCP_SYN_RECEIVED)))
/* Where the target's FIN has been acknowledged. */
#define FIN_ACKED ((tcp_states)(IN(TCP_FIN_WAIT_2) | IN(TCP_TIME_WAIT)))
#define NO_CONNECTION ((tcp_states)(IN(TCP_CLOSED) | IN(TCP_LISTEN)))

enum step steps_current(const struct exchange *x)
{
	return x->params.check->steps[x->step];
}

static int64_t quiet_us(const struct exchange *x)
{
	return QUIET_US + 4 * x->prober.srtt_us;
}

static bool verifies(const struct exchange *x)
{
	return steps_current(x) == STEP_VERIFY || (steps_current(x) == STEP_HOLD && x->held);
}

static struct verification *verification(struct exchange *x)
{
	return x->held ? &x->last : &x->first;
}

/* ---- beginnings -------------------------------------------------------------------------------- */

static void ask(struct exchange *x, enum action action, int64_t now_us)
{
	x->request = (struct request){
		.id = x->params.id,
		.action = action,
		.prober = x->params.prober.source,
		.target = x->params.prober.target,
		.seed = x->params.pattern_seed,
		.length = x->params.pattern_len,
		.timeout_us = x->params.timeout_us,
	};
	if (action == ACTION_SEND || action == ACTION_RECEIVE)
		x->request.timeout_us *= EXCHANGE_LONGEST;
	x->asking = true;
	x->answered = false;
	x->deadline_us = now_us + x->params.timeout_us + DRIVER_US;
}

static bool tells_state(const struct exchange *x)
{
	return x->params.driver_can & 1u << ACTION_STATE;
}

static void verify(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	x->deadline_us = now_us + x->params.timeout_us;
	if (x->params.check->goal & OPENING) {
		/* It repeats itself after pauses that have grown meanwhile (RFC 6298 5.5). */
		x->deadline_us += 2 * (int64_t)x->conn.ends[CONN_TARGET].repeat_gap * 10000;
		return;
	}
	x->asked_us = now_us;
	x->prober.silent = x->prober.state == TCP_CLOSED; /* a RST would end a TIME-WAIT */
	prober_old_byte(&x->prober, now_us, out);
	if (!x->tried_again && x->params.timeout_us > THROTTLE_US)
		x->deadline_us = now_us + THROTTLE_US;
}

static void confirm_gone(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	prober_stray(&x->prober, now_us, out);
	x->deadline_us = now_us + (x->params.timeout_us < CONFIRM_US ? x->params.timeout_us : CONFIRM_US);
}

static void begin_transfer(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	if (!x->params.pattern)
		return;
	if (steps_current(x) == STEP_TRANSFER_OUT) {
		ask(x, ACTION_RECEIVE, now_us);
		prober_send(&x->prober, x->params.pattern, x->params.pattern_len, now_us, out);
	} else {
		ask(x, ACTION_SEND, now_us);
	}
}

static void open(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	switch (steps_current(x)) {
	case STEP_OPEN_HALF:
		x->prober.hold_syn = true;
		prober_open(&x->prober, now_us, out);
		break;
	case STEP_TRY_SYN:
		x->prober.silent = true;
		prober_open(&x->prober, now_us, out);
		break;
	case STEP_LISTEN:
		x->prober.hold_syn = true;
		prober_listen(&x->prober);
		break;
	case STEP_ANSWER_SYN:
		prober_answer_syn(&x->prober, now_us, out);
		break;
	case STEP_COMPLETE:
		prober_release_syn(&x->prober, now_us, out);
		break;
	default:
		prober_open(&x->prober, now_us, out);
	}
}

/* When nothing more is under way: a stimulus must not be taken for the cause of what comes late. */
static int64_t rests_at(const struct exchange *x)
{
	int64_t last_us = x->lines_count ? x->lines[x->lines_count - 1].segment.t_us : x->step_us;

	return last_us + REST_US + 4 * x->prober.srtt_us;
}

/* Whether the target is where the stimulus shall find it, as far as can be told. */
static bool came_there(const struct exchange *x)
{
	const struct verification *v = &x->first;
	const tcp_states goal = x->params.check->goal;

	if (goal & NO_CONNECTION)
		return v->verified == VERIFIED_GONE || x->conn.ends[CONN_PROBER].known & CONN_GONE;
	/* An application may have gone on meanwhile. */
	return v->verified == VERIFIED_THERE && v->states & goal && (v->said == TCP_STATES || IN(v->said) & goal) &&
	       IN(x->conn.ends[CONN_TARGET].assumed) & goal;
}

void steps_begin(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	const enum step step = steps_current(x);
	size_t from = out->count;

	x->step_us = now_us;
	x->deadline_us = now_us + x->params.timeout_us;
	x->tried_again = x->answered = false;
	switch (step) {
	case STEP_OPEN:
	case STEP_OPEN_HALF:
	case STEP_TRY_SYN:
	case STEP_LISTEN:
	case STEP_ANSWER_SYN:
	case STEP_CROSS_SYN:
	case STEP_COMPLETE:
		open(x, now_us, out);
		break;
	case STEP_HOLD_FIN:
		x->prober.hold_fin = true;
		break;
	case STEP_CLOSE:
		prober_close(&x->prober, now_us, out);
		break;
	case STEP_CROSS:
		prober_close(&x->prober, now_us, out);
		exchange_sent(x, out, from, now_us);
		from = out->count;
		prober_release_fin(&x->prober, now_us, out);
		break;
	case STEP_ABORT:
		prober_abort(&x->prober, out);
		break;
	case STEP_CONFIRM_GONE:
		confirm_gone(x, now_us, out);
		break;
	case STEP_VERIFY:
		verify(x, now_us, out);
		break;
	case STEP_SEND_SOME:
		prober_send(&x->prober, x->params.pattern, SOME, now_us, out);
		break;
	case STEP_TRANSFER_OUT:
	case STEP_TRANSFER_IN:
		begin_transfer(x, now_us, out);
		break;
	case STEP_HOLD:
		x->deadline_us = INT64_MAX;
		break;
	case STEP_STIMULUS:
		x->deadline_us = INT64_MAX; /* the trial knows */
		return;
	case STEP_FOLLOW_UP:
		x->deadline_us = INT64_MAX;
		trial_follow_up(x, now_us, out);
		return;
	default:
		/* Only a wish: who cannot tell the state is not asked, nor again where it was not held. */
		if (step == ASK(STATE) && (!tells_state(x) || (x->first.said < TCP_STATES && !x->held)))
			x->answered = true;
		else if (step >= STEP_ASK)
			ask(x, (enum action)(step - STEP_ASK), now_us);
	}
	exchange_sent(x, out, from, now_us);
}

/* ---- ends -------------------------------------------------------------------------------------- */

static bool is_open(const struct prober *p)
{
	return IN(p->state) & TCP_SYNCHRONIZED & ~IN(TCP_SYN_RECEIVED);
}

/* The state has been held for long enough: it is verified once more. */
static bool hold_done(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	size_t from = out->count;

	if (!x->params.hold_us || x->held)
		return !x->params.hold_us || x->last.verified == VERIFIED_THERE;
	if (now_us < x->step_us + x->params.hold_us)
		return false;
	if (x->params.check->goal & NO_CONNECTION)
		return true;
	x->held = true;
	verify(x, now_us, out);
	exchange_sent(x, out, from, now_us);
	return false;
}

bool steps_done(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	const struct prober *p = &x->prober;

	switch (steps_current(x)) {
	case STEP_OPEN:
	case STEP_ANSWER_SYN:
	case STEP_COMPLETE:
		return is_open(p);
	case STEP_OPEN_HALF:
	case STEP_CROSS_SYN:
		return p->syn_ack_held;
	case STEP_AWAIT_SYN:
		return p->syn_held;
	case STEP_SEND:
		return !p->data_len || prober_all_acked(p);
	case STEP_SEND_SOME:
		return prober_all_acked(p) || p->reset_received;
	case STEP_READ:
		return !p->data_len || p->fin_received || p->received >= EXCHANGE_LARGEST ||
		       (p->received && now_us >= x->last_data_us + quiet_us(x));
	case STEP_AWAIT_FIN:
		return p->fin_received || p->fin_held;
	case STEP_CLOSE:
	case STEP_CROSS:
		return p->fin_sent && p->snd_una == p->snd_nxt;
	case STEP_DRAIN:
		return p->fin_received || p->received >= EXCHANGE_LARGEST;
	case STEP_AWAIT_RESET:
		return p->reset_received;
	case STEP_CONFIRM_GONE:
		return x->conn.ends[CONN_PROBER].known & CONN_GONE || x->first.verified == VERIFIED_GONE;
	case STEP_VERIFY:
		return x->first.verified == VERIFIED_THERE;
	case STEP_TRANSFER_OUT:
		return !x->params.pattern || (x->answered && prober_all_acked(p));
	case STEP_TRANSFER_IN:
		return !x->params.pattern || (x->answered && x->in.received >= x->params.pattern_len);
	case STEP_HOLD:
		return hold_done(x, now_us, out);
	case STEP_STIMULUS:
		if (!x->tried && came_there(x) && now_us >= rests_at(x)) {
			x->tried = true;
			trial_begin(x, now_us, out);
		}
		return x->tried && trial_done(x, now_us, out);
	case STEP_FOLLOW_UP:
		return trial_done(x, now_us, out);
	case STEP_LISTEN:
	case STEP_HOLD_FIN:
	case STEP_ABORT:
		return true;
	case STEP_TRY_SYN: /* ends by its deadline */
	case STEP_END:
		return false;
	default: /* STEP_ASK and its actions */
		return x->answered && (!p->data_len || prober_all_acked(p));
	}
}

/* The target reset the connection, which is not what the check is about; its reset may come before the driver
 * has said that it asked for it. */
static bool reset_unasked(const struct exchange *x)
{
	const enum step *plan = x->params.check->steps;

	for (size_t i = 0; i <= x->step + 1 && plan[i] != STEP_END; i++)
		if (plan[i] == STEP_AWAIT_RESET)
			return false;
	return x->prober.reset_received;
}

/* Whether the check goes on although the prober's connection is over. */
static bool outlasts_connection(const struct exchange *x)
{
	enum step step = steps_current(x);

	if (reset_unasked(x))
		return false;
	return step == STEP_ABORT || step == STEP_AWAIT_RESET || step == STEP_CONFIRM_GONE || step == STEP_VERIFY ||
	       step == STEP_HOLD || step == STEP_STIMULUS || step == STEP_FOLLOW_UP || step >= STEP_ASK;
}

bool steps_broken_off(const struct exchange *x)
{
	const struct conn_end *target = &x->conn.ends[CONN_TARGET];
	enum step step = steps_current(x);
	bool opening = step == STEP_OPEN || step == STEP_OPEN_HALF;

	return x->error[0] || x->refused[0] || x->interrupted || reset_unasked(x) ||
	       (step == STEP_STIMULUS && !x->tried && !came_there(x)) ||
	       (step == STEP_FOLLOW_UP && x->trial->answer.mute) ||
	       (opening && target->known & CONN_RESET) ||
	       (opening && target->known & CONN_SYN && x->verdicts_count && x->prober.state == TCP_SYN_SENT) ||
	       (verifies(x) && (x->held ? x->last : x->first).verified == VERIFIED_GONE) ||
	       (x->prober.state == TCP_CLOSED && x->started && !outlasts_connection(x));
}

bool steps_ask_after_reset(struct exchange *x, int64_t now_us)
{
	if (!reset_unasked(x) || x->interrupted || x->error[0] || x->refused[0] || !tells_state(x))
		return false;
	ask(x, ACTION_STATE, now_us);
	return true;
}

int64_t steps_wake_at(const struct exchange *x)
{
	if (steps_current(x) == STEP_READ && x->prober.received)
		return x->last_data_us + quiet_us(x);
	if (steps_current(x) == STEP_HOLD && !x->held)
		return x->step_us + x->params.hold_us;
	if (steps_current(x) == STEP_STIMULUS && !x->tried)
		return came_there(x) ? rests_at(x) : INT64_MAX;
	if (x->tried && !x->pending_count && (steps_current(x) == STEP_STIMULUS || steps_current(x) == STEP_FOLLOW_UP))
		return trial_wakes_at(x);
	return INT64_MAX;
}

bool steps_retry(struct exchange *x, int64_t now_us, struct prober_out *out)
{
	const enum step step = steps_current(x);
	size_t from = out->count;

	if (step == ASK(STATE) && !x->answered) {
		x->answered = true; /* it was only a wish */
		return true;
	}
	if (x->tried_again)
		return false;
	x->tried_again = true;
	if (step == STEP_CONFIRM_GONE) {
		prober_abort_again(&x->prober, out); /* a stray segment may complete what was half open */
		confirm_gone(x, now_us, out);
	} else if (verifies(x) && !(x->params.check->goal & OPENING) && x->params.timeout_us > THROTTLE_US) {
		verify(x, now_us, out);
	} else {
		return false;
	}
	exchange_sent(x, out, from, now_us);
	return true;
}

/* ---- what the target and its application say ----------------------------------------------------- */

static void verified(struct exchange *x, enum verified how, const char *by)
{
	const struct conn_end *target = &x->conn.ends[CONN_TARGET];
	struct verification *v = verification(x);

	v->verified = how;
	v->states = target->states;
	v->assumed = (enum tcp_state)target->assumed;
	v->by = by;
}

/* SYN and RST are answers. Anything else may have been on its way before our SYN, and is given time to be
 * overtaken; an ACK of our SYN tells of a SYN,ACK that was lost, and will come again. */
static void tried_syn(struct exchange *x, const struct segment *s)
{
	int64_t until_us = s->flags & (FLAG_SYN | FLAG_RST) ? s->t_us : s->t_us + quiet_us(x);

	if (s->checksum == CHECKSUM_BAD ||
	    ((s->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == FLAG_ACK && s->ack == x->prober.iss + 1))
		return;
	if (until_us < x->deadline_us)
		x->deadline_us = until_us;
}

void steps_captured(struct exchange *x, const struct segment *s)
{
	enum step step = x->phase == PLAYING ? steps_current(x) : STEP_END;
	tcp_states goal = x->params.check->goal;

	if (step == STEP_TRY_SYN)
		tried_syn(x, s);
	if (step == STEP_CONFIRM_GONE && (s->flags & FLAG_RST))
		verified(x, VERIFIED_GONE, "a stray segment drew RST");
	if (step == STEP_END || !verifies(x))
		return;
	if (s->flags & FLAG_RST)
		verified(x, VERIFIED_GONE, "it answered with RST");
	else if (goal & IN(TCP_SYN_SENT) && (s->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN)
		verified(x, VERIFIED_THERE, "its SYN came again");
	else if (goal & IN(TCP_SYN_RECEIVED) && s->flags & FLAG_SYN && s->flags & FLAG_ACK)
		verified(x, VERIFIED_THERE, "its SYN,ACK came again");
	else if (goal & OPENING || s->flags & FLAG_SYN || (s->flags & FLAG_FIN && goal & FIN_ACKED))
		return; /* a copy that left before our ACK of it came: the old byte is still to be answered */
	else if (s->flags & FLAG_FIN && s->t_us < x->asked_us + x->prober.srtt_us)
		return; /* it left before the old byte arrived, whose answer would meet what is done next */
	else if (s->flags & FLAG_FIN)
		verified(x, VERIFIED_THERE, "its FIN came again");
	else
		verified(x, VERIFIED_THERE, s->len ? "it sends data" : "an old byte drew ACK");
}

static void take_done(struct exchange *x, const struct driver_answer *a)
{
	x->answered = true;
	switch (a->action) {
	case ACTION_LISTEN:
		if (a->target.port)
			x->params.prober.target = a->target;
		break;
	case ACTION_STATE:
		verification(x)->said = a->state;
		break;
	case ACTION_RECEIVE:
		x->out = (struct received_pattern){ .received = a->length, .matched = a->matched };
		break;
	default:
		break;
	}
}

void steps_answered(struct exchange *x, const struct driver_answer *a, int64_t now_us, struct prober_out *out)
{
	size_t from = out->count;

	if (a->kind == ANSWER_FAILED || a->kind == ANSWER_LOST) {
		snprintf(x->refused, sizeof x->refused, "%.*s", (int)sizeof x->refused - 1, a->text);
		return;
	}
	if (a->action != x->request.action || x->answered)
		return;
	take_done(x, a);
	if (a->kind == ANSWER_BYTES) {
		prober_send(&x->prober, a->bytes, a->bytes_len, now_us, out);
		exchange_sent(x, out, from, now_us);
	}
}
