/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules that segments of a target are judged by: one table, from which verdicts take their class,
 * their citation and their words. */
#ifndef FINWAIT_CORE_RULES_H
#define FINWAIT_CORE_RULES_H

#include <stdint.h>

/* MUST, SHOULD, MAY: a capital keyword. SPEC: plain text of the specified processing. CHOICE: the
 * documents allow several behaviours. */
enum rule_class { CLASS_MUST, CLASS_SHOULD, CLASS_MAY, CLASS_SPEC, CLASS_CHOICE };

/* "MUST", "SHOULD", "MAY", "spec", "choice". */
const char *rule_class_name(enum rule_class c);

/* In the order in which a connection meets them; each is described in rules.c. */
enum rule_id {
	RULE_CHECKSUM,
	RULE_FLAGS,
	RULE_RESERVED,
	RULE_ACK_BIT,
	RULE_OPTION_LENGTH,
	RULE_MSS_ON_SYN,
	RULE_WSCALE_ON_SYN,
	RULE_SACK_PERMITTED_ON_SYN,
	RULE_WSCALE_OFFERED,
	RULE_TIMESTAMPS_OFFERED,
	RULE_SACK_OFFERED,
	RULE_TIMESTAMPS_KEPT,
	RULE_SYN_ACK_NUMBER,
	RULE_SYN_ACK_REPEAT,
	RULE_REFUSAL,
	RULE_SYN_COUNTED,
	RULE_ACK_UNSENT,
	RULE_ACK_KEPT,
	RULE_OLDEST_FIRST,
	RULE_FIN_COUNTED,
	RULE_FIN_PLACE,
	RULE_FIN_MOVED,
	RULE_DATA_AFTER_FIN,
	RULE_RST_NUMBER,
	RULE_RST_STATE,
	RULE_RST_FOR_RST,
	RULE_AFTER_RST,
	RULE_STRAY_ANSWER,
	RULE_STATE,
	RULES
};

struct rule {
	const char *name;        /* "fin-counted" */
	enum rule_class class;
	const char *requirement; /* "MUST-2"; NULL where the text has no label */
	const char *citation;    /* "RFC 9293 3.1" */
	const char *sentence;    /* what is required, in our words, without a full stop */
};

extern const struct rule rules[RULES];

#endif
