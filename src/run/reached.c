/* SPDX-License-Identifier: BSD-2-Clause */
#include "run/reached.h"

#include <stdio.h>

#include "run/result.h"
#include "run/steps.h"

static enum tcp_state goal_of(const struct exchange *x)
{
	return (enum tcp_state)__builtin_ctz(x->params.check->goal);
}

/* ---- the opening ------------------------------------------------------------------------------- */

void reached_settle_opened(struct exchange *x)
{
	const struct prober *p = &x->prober;
	char text[ENDPOINT_TEXT];

	if (p->syn_held)
		x->reach = REACH_OPEN;
	if (!p->syn_held)
		result_add(x, "opened", OUTCOME_INCONCLUSIVE, NULL, "no SYN came from the target");
	else if (x->opened)
		result_add(x, "opened", OUTCOME_PASS, NULL, "by the target, from port %u, ISN %u",
			   x->params.prober.target.port, p->irs);
	else
		result_add(x, "opened", OUTCOME_PASS, NULL, "the target's SYN came, from %s",
			   endpoint_text(&x->params.prober.target, text));
}

/* ---- the state --------------------------------------------------------------------------------- */

/* What kept the check from coming to its verification. */
static void settle_missed(struct exchange *x)
{
	const char *goal = tcp_state_name(goal_of(x));

	if (x->interrupted)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL, "interrupted on the way to %s", goal);
	else if (x->reach == REACH_CLOSED)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL, "not %s: nobody listens on port %u", goal,
			   x->params.prober.target.port);
	else if (x->prober.reset_received)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL,
			   "the target reset the connection on the way to %s: its application may have aborted",
			   goal);
	else if (steps_current(x) == STEP_AWAIT_RESET)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL,
			   "the target's application did not abort within the timeout");
	else if (steps_current(x) == STEP_AWAIT_FIN)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL,
			   "the target's application did not close its half within the timeout");
	else if (steps_current(x) == STEP_CLOSE)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL, "no ACK for our FIN, sent %u times",
			   x->conn.ends[CONN_PROBER].fins_sent);
	else if (steps_current(x) == STEP_CONFIRM_GONE)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL,
			   "%s cannot be told: a stray segment drew no RST, because of a firewall, or loss", goal);
	else if (steps_current(x) == STEP_VERIFY && x->params.check->goal & (IN(TCP_SYN_SENT) | IN(TCP_SYN_RECEIVED)))
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL,
			   "%s cannot be told: the target did not repeat its segment within the timeout", goal);
	else if (steps_current(x) == STEP_VERIFY)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL,
			   "%s cannot be told: an old byte, sent twice, drew no answer", goal);
	else
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL, "not %s: what was to happen before did not",
			   goal);
}

static bool without_connection(const struct exchange *x)
{
	return x->params.check->goal & (IN(TCP_CLOSED) | IN(TCP_LISTEN));
}

/* What the wire leaves open, the target's system may tell. */
static void settle_there(struct exchange *x)
{
	const struct verification *v = &x->first;
	enum tcp_state goal = goal_of(x);
	char others[160];

	if (v->states == IN(goal) || (v->states & IN(goal) && v->said == goal)) {
		result_add(x, "reached", OUTCOME_PASS, NULL, "%s: %s", tcp_state_name(goal), v->by);
	} else if (v->states & IN(goal) && v->assumed == goal) {
		x->certainty = LIKELY;
		result_add(x, "reached", OUTCOME_PASS, NULL, "%s: %s; or still %s, should what we sent before be lost",
			   tcp_state_name(goal), v->by,
			   tcp_states_text(v->states & (tcp_states)~IN(goal), others, sizeof others));
	} else {
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL, "%s instead of %s: %s",
			   tcp_states_text(v->states, others, sizeof others), tcp_state_name(goal), v->by);
	}
}

static void settle_state(struct exchange *x)
{
	const struct verification *v = &x->first;
	enum tcp_state goal = goal_of(x);

	if (v->verified == VERIFIED_NOT)
		settle_missed(x);
	else if (v->verified == VERIFIED_GONE && !without_connection(x))
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL, "not %s, no connection is left: %s",
			   tcp_state_name(goal), v->by);
	else if (v->said != TCP_STATES && v->said != goal)
		result_add(x, "reached", OUTCOME_INCONCLUSIVE, NULL, "%s by the wire: %s; but its system says %s",
			   tcp_state_name(v->verified == VERIFIED_GONE ? goal : v->assumed), v->by,
			   tcp_state_name(v->said));
	else if (goal == TCP_LISTEN)
		result_add(x, "reached", OUTCOME_PASS, NULL, "LISTEN: a SYN drew SYN,ACK; after our reset %s", v->by);
	else if (without_connection(x))
		result_add(x, "reached", OUTCOME_PASS, NULL, "%s: %s", tcp_state_name(goal), v->by);
	else
		settle_there(x);
	if (v->said == goal)
		result_add(x, "system", OUTCOME_PASS, NULL, "the target's system says %s", tcp_state_name(goal));
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static void settle_transfer(struct exchange *x, const char *name, const struct received_pattern *r)
{
	unsigned long long all = x->params.pattern_len;

	if (r->received > r->matched)
		result_add(x, name, OUTCOME_FAIL, NULL, "byte %llu of %llu arrived with another value",
			   (unsigned long long)r->matched + 1, all);
	else if (r->received < all)
		result_add(x, name, OUTCOME_INCONCLUSIVE, NULL, "%llu of %llu bytes arrived within the timeout",
			   (unsigned long long)r->received, all);
	else if (r->unseen)
		result_add(x, name, OUTCOME_INCONCLUSIVE, NULL,
			   "%llu bytes arrived; this host had merged %llu of them into frames too long to compare: "
			   "try --syn-options mss=1400 --window 1400",
			   all, (unsigned long long)r->unseen);
	else
		result_add(x, name, OUTCOME_PASS, NULL, "%llu bytes arrived, every one compared", all);
}

static void settle_held(struct exchange *x)
{
	const double seconds = (double)x->params.hold_us / 1e6;
	const struct verification *v = &x->last;
	enum tcp_state goal = goal_of(x);
	char states[160];

	if (v->verified == VERIFIED_THERE && (!(v->states & IN(goal)) || (v->said < TCP_STATES && v->said != goal)))
		result_add(x, "held", OUTCOME_INCONCLUSIVE, NULL, "after %g s the target is in %s: its application may "
			   "have closed", seconds,
			   v->states & IN(goal) ? tcp_state_name(v->said) :
						  tcp_states_text(v->states, states, sizeof states));
	else if (x->interrupted && v->verified == VERIFIED_NOT)
		result_add(x, "held", OUTCOME_INCONCLUSIVE, NULL, "interrupted before %g s were over", seconds);
	else if (v->verified == VERIFIED_THERE && x->prober.reset_received)
		result_add(x, "held", OUTCOME_INCONCLUSIVE, NULL,
			   "the target reset the connection after %g s: its application may have aborted", seconds);
	else if (without_connection(x) || v->verified == VERIFIED_THERE)
		result_add(x, "held", OUTCOME_PASS, NULL, "%g s%s%s", seconds, v->by ? ", then " : "",
			   v->by ? v->by : "");
	else if (v->verified == VERIFIED_GONE && goal == TCP_TIME_WAIT)
		result_add(x, "held", OUTCOME_PASS, NULL, "after %g s TIME-WAIT is over: %s", seconds, v->by);
	else if (v->verified == VERIFIED_GONE || x->prober.reset_received)
		result_add(x, "held", OUTCOME_INCONCLUSIVE, NULL, "the connection was gone before %g s were over",
			   seconds);
	else
		result_add(x, "held", OUTCOME_INCONCLUSIVE, NULL, "no answer after %g s", seconds);
}

/* Whether the check is at `step`, or past it. */
static bool came_to(const struct exchange *x, enum step step)
{
	const enum step *plan = x->params.check->steps;

	for (size_t i = 0; i <= x->step && plan[i] != STEP_END; i++)
		if (plan[i] == step)
			return true;
	return false;
}

void reached_settle(struct exchange *x)
{
	if (x->reach == REACH_CLOSED && goal_of(x) == TCP_CLOSED)
		result_add(x, "reached", OUTCOME_PASS, NULL, "CLOSED: it refused our SYN");
	else if (x->reach == REACH_CLOSED)
		settle_missed(x);
	if (x->reach != REACH_OPEN)
		return;
	settle_state(x);
	if (x->tried)
		trial_settle(x);
	else if (x->params.stimulus)
		result_add(x, "answer", OUTCOME_INCONCLUSIVE, NULL, "the target did not stay in %s",
			   tcp_state_name(goal_of(x)));
	if (x->params.pattern && came_to(x, STEP_TRANSFER_OUT))
		settle_transfer(x, "to target", &x->out);
	if (x->params.pattern && came_to(x, STEP_TRANSFER_IN))
		settle_transfer(x, "from target", &x->in);
	if (x->params.hold_us && came_to(x, STEP_HOLD))
		settle_held(x);
	else if (x->first.verified == VERIFIED_THERE && x->prober.reset_received && !came_to(x, STEP_HOLD))
		result_add(x, "kept", OUTCOME_INCONCLUSIVE, NULL,
			   "the target reset the connection at once: its application may have aborted");
}
