/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/spec.h"

enum spec_status spec_status(const struct requirement *r, const struct spec_check *checks)
{
	size_t position = 0;

	if (requirement_next_rule(r->id, &position))
		return SPEC_DECIDED;
	for (; checks->name; checks++)
		if (requirement_decided_by(checks->requirements, r->id))
			return SPEC_DECIDED;
	return r->observability == NOT_OBSERVABLE ? SPEC_NOT_OBSERVABLE : SPEC_OPEN;
}

const char *spec_status_name(enum spec_status status)
{
	static const char *const names[] = {
		[SPEC_DECIDED] = "decided",
		[SPEC_NOT_OBSERVABLE] = "not observable",
		[SPEC_OPEN] = "open",
	};

	return names[status];
}

void spec_count(struct spec_coverage *coverage, enum spec_status status)
{
	coverage->all++;
	coverage->decided += status == SPEC_DECIDED;
	coverage->not_observable += status == SPEC_NOT_OBSERVABLE;
	coverage->open += status == SPEC_OPEN;
}

const char *spec_rule_title(const struct rule *r, enum tcp_state state, char text[SPEC_TITLE])
{
	size_t n = 0;

	if (r->event == EVENT_ANY) {
		snprintf(text, SPEC_TITLE, "%s", r->name);
		return text;
	}
	for (int s = TCP_CLOSED; s < TCP_STATES && n < SPEC_TITLE; s++)
		if ((r->states & IN(s)) && (state == TCP_STATES || (int)state == s))
			n += (size_t)snprintf(text + n, SPEC_TITLE - n, "%s%s", n ? ", " : "",
					      tcp_state_name((enum tcp_state)s));
	if (n < SPEC_TITLE)
		snprintf(text + n, SPEC_TITLE - n, " %s", events[r->event].name);
	return text;
}

const char *spec_kind_name(enum event_kind kind)
{
	static const char *const names[] = {
		[EVENT_KIND_SEGMENT] = "segment",
		[EVENT_KIND_USER] = "user call",
		[EVENT_KIND_TIMEOUT] = "timeout",
		[EVENT_KIND_ICMP] = "ICMP error",
	};

	return names[kind];
}

const char *spec_grade_name(enum grade grade)
{
	static const char *const names[] = {
		[GRADE_REQUIRED] = "required",
		[GRADE_ALSO] = "also conforms",
		[GRADE_THROTTLED] = "if throttled",
		[GRADE_INCONCLUSIVE] = "inconclusive",
		[GRADE_REPORT] = "reported",
	};

	return names[grade];
}
