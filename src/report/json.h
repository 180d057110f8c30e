/* SPDX-License-Identifier: BSD-2-Clause */
/* What all JSON Lines are made with: texts, numbers, lists and states go in, members of an object and whole
 * lines come out. The prefix is json_out_ because json_ is that of jansson. */
#ifndef FINWAIT_REPORT_JSON_H
#define FINWAIT_REPORT_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "core/tcp_state.h"
#include "core/verdict.h"

/* Writes `object` as one line and releases it. */
void json_out_print(FILE *out, json_t *object);
/* The first line of a run, to which more may be added: its type, the schema, our version and argv. */
json_t *json_out_run(char *const *arguments);

/* What is not UTF-8 is escaped. */
json_t *json_out_text(const char *text);
json_t *json_out_states(tcp_states states);

/* Takes `value` over. */
void json_out_set(json_t *object, const char *key, json_t *value);
/* Nothing for NULL and "". */
void json_out_set_text(json_t *object, const char *key, const char *text);
void json_out_set_number(json_t *object, const char *key, int64_t value);
/* The parts of a list such as "MUST-10;MUST-11"; nothing for NULL. */
void json_out_set_list(json_t *object, const char *key, const char *list);
/* What was judged, by which rule, and how it came out: all fields of a verdict but its frame. */
void json_out_set_verdict(json_t *object, const struct verdict *v);
/* Appends to the array `arg`; for the ladder, which hands out its lines one by one. */
void json_out_append_line(void *arg, const char *line);

#endif
