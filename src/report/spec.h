/* SPDX-License-Identifier: BSD-2-Clause */
/* The specification itself as text or JSON: a requirement, a rule, an event, a state or a check comes in,
 * what is known of it goes out. `finwait explain` and `finwait list` print with it. */
#ifndef FINWAIT_REPORT_SPEC_H
#define FINWAIT_REPORT_SPEC_H

#include <stddef.h>
#include <stdio.h>

#include "core/requirements.h"
#include "core/rules.h"
#include "core/tcp_state.h"
#include "run/exchange.h"

/* A check, without its steps. */
struct spec_check {
	const char *name;
	const char *about;
	const char *requirements; /* those it decides, "MUST-10;MUST-11"; NULL: none */
	unsigned needs;           /* of the target's application: a bit per enum action ... */
	unsigned missing;         /* ... and what of it the driver that was named cannot do */
	const struct rule *rule;  /* that decides it in `state`, beside those for every segment; NULL: none does */
	enum tcp_state state;
};

/* How far the requirements are decided by a rule or a check. */
struct spec_coverage {
	unsigned all, decided, not_observable, open; /* the last three add up to the first */
};

enum spec_status { SPEC_DECIDED, SPEC_NOT_OBSERVABLE, SPEC_OPEN };

/* A format; `checks` is all there are and ends with a NULL name. */
struct spec_format {
	void (*requirement)(FILE *out, const struct requirement *r, const struct spec_check *checks);
	/* TCP_STATES: of no state in particular. */
	void (*rule)(FILE *out, const struct rule *r, enum tcp_state state);
	void (*event)(FILE *out, enum event event);
	void (*state)(FILE *out, enum tcp_state state);
	void (*check)(FILE *out, const struct spec_check *check);
	/* One that a host may run, on `port` (0: on any), and the states it leads to. */
	void (*service)(FILE *out, const char *name, unsigned port, const char *sentence, tcp_states reaches);
	void (*coverage)(FILE *out, const struct spec_coverage *all, const struct spec_coverage *labelled);
};

extern const struct spec_format spec_text;
extern const struct spec_format spec_json;

/* SPEC_DECIDED if a rule or check names it, however it could be observed. */
enum spec_status spec_status(const struct requirement *r, const struct spec_check *checks);
/* "decided", "not observable", "open". */
const char *spec_status_name(enum spec_status status);
/* Adds one requirement. */
void spec_count(struct spec_coverage *coverage, enum spec_status status);

enum { SPEC_TITLE = 200 };

/* "fin-counted", "ESTABLISHED rst_in_window" or, of no state in particular, "CLOSING, LAST-ACK syn". */
const char *spec_rule_title(const struct rule *r, enum tcp_state state, char text[SPEC_TITLE]);
/* "segment", "user call", "timeout", "ICMP error". */
const char *spec_kind_name(enum event_kind kind);
/* "required", "also conforms", ... */
const char *spec_grade_name(enum grade grade);

#endif
