/* SPDX-License-Identifier: BSD-2-Clause */
/* The specification: what a TCP must do, as one table. A state and an event go in (RFC 9293 3.10), the
 * replies that are acceptable and the states that follow come out, with class, citation and what RFC 793
 * said. Rules that hold for every segment, whatever the event, stand beside them. Verdicts, generated
 * checks, `finwait explain` and reports read this table; none of it is written anywhere else. */
#ifndef FINWAIT_CORE_RULES_H
#define FINWAIT_CORE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tcp_state.h"

/* MUST, SHOULD, MAY: a capital keyword. SPEC: plain text of the specified processing. CHOICE: the
 * documents allow several behaviours. */
enum rule_class { CLASS_MUST, CLASS_SHOULD, CLASS_MAY, CLASS_SPEC, CLASS_CHOICE };

/* "MUST", "SHOULD", "MAY", "spec", "choice". */
const char *rule_class_name(enum rule_class c);

/* ---- events ------------------------------------------------------------------------------------ */

enum event_kind { EVENT_KIND_SEGMENT, EVENT_KIND_USER, EVENT_KIND_TIMEOUT, EVENT_KIND_ICMP };

/* What can happen to a TCP; each is described in rules.c. Unless its name says otherwise a segment has the
 * ACK bit, SEG.SEQ = RCV.NXT, SEG.ACK = SND.UNA, a good checksum, and timestamps as negotiated. */
enum event {
	EVENT_ANY, /* of rules for every segment */
	EVENT_SYN,
	EVENT_SYN_ACK,
	EVENT_ACK_ACCEPTABLE,
	EVENT_ACK_OLD,
	EVENT_ACK_FUTURE,
	EVENT_ACK_OF_OUR_FIN,
	EVENT_ACK_PARTIAL,
	EVENT_ACK_OUT_OF_WINDOW,
	EVENT_ACK_LEFT_OF_WINDOW,
	EVENT_RST_EXACT,
	EVENT_RST_IN_WINDOW,
	EVENT_RST_OUT_OF_WINDOW,
	EVENT_RST_EXACT_ACK_BIT,
	EVENT_RST_EXACT_ACTIVE,
	EVENT_RST_EXACT_ZERO_WINDOW,
	EVENT_RST_AFTER_REOPEN,
	EVENT_RST_DATA,
	EVENT_RST_OLD_TS,
	EVENT_RST_LEFT_OF_EDGE,
	EVENT_RST_LAST_IN_WINDOW,
	EVENT_RST_RIGHT_EDGE,
	EVENT_FIN,
	EVENT_FIN_ACK_OF_OUR_FIN,
	EVENT_RETRANSMITTED_FIN,
	EVENT_FIN_OUT_OF_ORDER,
	EVENT_FIN_NO_ACK,
	EVENT_SYN_IN_WINDOW,
	EVENT_SYN_IN_WINDOW_ACTIVE,
	EVENT_SYN_OUT_OF_WINDOW,
	EVENT_SYN_ACK_IN_WINDOW,
	EVENT_SYN_ACK_PASSIVE,
	EVENT_SYN_ACK_BAD_ACK,
	EVENT_SYN_ACK_DATA,
	EVENT_SYN_ACK_FIN,
	EVENT_SYN_DATA,
	EVENT_SYN_FIN,
	EVENT_SYN_RST,
	EVENT_SYN_PSH,
	EVENT_TIMEWAIT_SYN_NEWER,
	EVENT_TIMEWAIT_SYN_NEWER_TS,
	EVENT_TIMEWAIT_SYN_OLDER,
	EVENT_DATA_IN_WINDOW,
	EVENT_DATA_OUT_OF_WINDOW,
	EVENT_DATA_AFTER_FIN,
	EVENT_DATA_OUT_OF_ORDER,
	EVENT_DATA_FIN,
	EVENT_DATA_ACK_OF_OUR_FIN,
	EVENT_DATA_FIN_ACK_OF_OUR_FIN,
	EVENT_DATA_PARTIAL_OLD,
	EVENT_DATA_PARTIAL_BEYOND,
	EVENT_DATA_ACK_FUTURE,
	EVENT_DATA_ACK_OLD,
	EVENT_DATA_BAD_ACK,
	EVENT_RETRANSMITTED_DATA,
	EVENT_OLD_BYTE,
	EVENT_KEEPALIVE_PROBE,
	EVENT_WINDOW_PROBE,
	EVENT_PAWS_OLD_TS,
	EVENT_TS_MISSING,
	EVENT_URG,
	EVENT_NO_ACK_FLAG,
	EVENT_BAD_CHECKSUM,
	EVENT_USER_PASSIVE_OPEN,
	EVENT_USER_ACTIVE_OPEN,
	EVENT_USER_SEND,
	EVENT_USER_CLOSE,
	EVENT_USER_SHUTDOWN_WR,
	EVENT_USER_ABORT,
	EVENT_TO_RETRANSMISSION,
	EVENT_TO_USER,
	EVENT_TO_2MSL,
	EVENT_TO_FINWAIT2,
	EVENT_TO_PERSIST,
	EVENT_TO_KEEPALIVE,
	EVENT_ICMP_SOFT,
	EVENT_ICMP_HARD,
	EVENT_ICMP_QUENCH,
	EVENTS
};

struct event_info {
	const char *name;     /* "rst_in_window" */
	enum event_kind kind;
	const char *sentence; /* what it is, in our words, without a full stop */
};

extern const struct event_info events[EVENTS];

/* EVENTS if there is none of that name; '-' counts as '_'. */
enum event event_by_name(const char *name);

/* ---- replies ----------------------------------------------------------------------------------- */

/* SEG.* is the segment answered; SND.*, RCV.* are the target's variables before it came. */
enum seq_form {
	SEQ_NONE,
	SEQ_ZERO,
	SEQ_ISS,
	SEQ_SND_UNA,      /* the oldest number not acknowledged */
	SEQ_SND_NXT,
	SEQ_SND_NXT_LESS, /* SND.NXT-1: our FIN again, or a keep-alive */
	SEQ_SEG_ACK,
	SEQ_FRESH,        /* an ISS not below the old connection's SND.NXT */
	SEQ_ANY,
};

enum ack_form {
	ACK_NONE,     /* no ACK bit */
	ACK_RCV_NXT,
	ACK_SEG_END,  /* SEG.SEQ+SEG.LEN: SYN, text and FIN counted */
	ACK_SEG_SYN,  /* SEG.SEQ+1: of a segment with SYN, the SYN alone */
	ACK_SEG_TEXT, /* SEG.SEQ+len: the FIN is left to be sent again */
	ACK_PART,     /* anything from RCV.NXT to SEG.SEQ+SEG.LEN */
	ACK_RCV_NXT_MORE, /* RCV.NXT+1 */
	ACK_ANY,
};

enum reply {
	REPLY_NONE,
	REPLY_SYN,             /* SYN(SEQ=ISS) */
	REPLY_SYN_ACK,         /* SYN+ACK(SEQ=ISS,ACK=SEG.SEQ+1) */
	REPLY_SYN_ACK_PART,    /* ... ACK up to SEG.SEQ+SEG.LEN */
	REPLY_SYN_ACK_AGAIN,   /* SYN+ACK(SEQ=ISS,ACK=RCV.NXT) */
	REPLY_SYN_ACK_FRESH,   /* SYN+ACK(SEQ=ISS >= old SND.NXT,ACK=SEG.SEQ+1) */
	REPLY_ACK,             /* ACK(SEQ=SND.NXT,ACK=RCV.NXT) */
	REPLY_ACK_ALL,         /* ACK(SEQ=SND.NXT,ACK=SEG.SEQ+SEG.LEN) */
	REPLY_ACK_SYN,         /* ACK(SEQ=SND.NXT,ACK=SEG.SEQ+1) */
	REPLY_ACK_TEXT,        /* ACK(SEQ=SND.NXT,ACK=SEG.SEQ+len) */
	REPLY_ACK_PART,        /* ACK(SEQ=SND.NXT,ACK=RCV.NXT..SEG.SEQ+SEG.LEN) */
	REPLY_ACK_MORE,        /* ACK(SEQ=SND.NXT,ACK=RCV.NXT+1) */
	REPLY_FIN,             /* FIN+ACK(SEQ=SND.NXT,ACK=RCV.NXT), after queued data */
	REPLY_FIN_AGAIN,       /* FIN+ACK(SEQ=SND.NXT-1) with any ACK that the same rule accepts */
	REPLY_DATA,            /* data(SEQ=SND.NXT,ACK=RCV.NXT) */
	REPLY_OLDEST_AGAIN,    /* the oldest unacknowledged segment, SEQ=SND.UNA */
	REPLY_KEEPALIVE,       /* ACK(SEQ=SND.NXT-1,ACK=RCV.NXT), no or one byte */
	REPLY_RST,             /* RST(SEQ=SEG.ACK) */
	REPLY_RST_ACK,         /* RST+ACK(SEQ=SEG.ACK): the same in another form */
	REPLY_RST_ZERO,        /* RST+ACK(SEQ=0,ACK=SEG.SEQ+SEG.LEN) */
	REPLY_RST_ABORT,       /* RST(SEQ=SND.NXT) */
	REPLY_RST_ACK_ABORT,   /* RST+ACK(SEQ=SND.NXT,ACK=RCV.NXT) */
	REPLY_RST_ANY,         /* RST with a SEQ that the peer believes */
	REPLIES
};

struct reply_form {
	const char *text;
	uint16_t flags; /* FLAG_SYN, FLAG_ACK, FLAG_FIN, FLAG_RST as they must be */
	enum seq_form seq;
	enum ack_form ack;
};

extern const struct reply_form replies[REPLIES];

/* ---- rules ------------------------------------------------------------------------------------- */

enum grade {
	GRADE_REQUIRED,     /* what the text wants */
	GRADE_ALSO,         /* conforms as well; `when` names it in reports */
	GRADE_THROTTLED,    /* silence, if answers are rate limited: asked again, it must be REQUIRED */
	GRADE_INCONCLUSIVE, /* says nothing: a shortage, a filter */
	GRADE_REPORT,       /* a named shortfall, no failure */
};

/* One way to react, and the states that can follow. What the application or a timer may add at the same
 * moment (data, FIN, a repetition, an abort) stands in the rules of those events, not here. */
struct reaction {
	enum reply reply;
	enum grade grade;
	tcp_states next;  /* 0: the state stays as it is */
	const char *when; /* remark on it, "RFC 793 stack"; NULL */
};

struct rule {
	const char *name;        /* of a rule for every segment, "fin-counted"; NULL: by state and event */
	tcp_states states;       /* in which it applies; 0 for every segment */
	enum event event;        /* EVENT_ANY for every segment */
	enum rule_class class;
	const char *requirement; /* labels as in requirements.h, "MUST-10;MUST-11"; NULL: none */
	const char *citation;    /* "RFC 9293 3.10.7.4(8)", several apart by ';' */
	const char *sentence;    /* what is required, in our words, without a full stop */
	const char *rfc793;      /* what RFC 793 said instead; NULL: the same */
	const char *impossible;  /* why the event cannot happen in these states; NULL: it can */
	bool application;        /* the event takes a call of the target's application; to be in SYN-SENT,
				    FIN-WAIT-1, ... takes one in any case */
	bool delayed;            /* the reply may be held back for less than 0.5 s (MUST-40) or ride on data */
	const struct reaction *reactions; /* the required one first */
	unsigned reactions_count;         /* 0 where `impossible`, and for every segment */
};

/* The rules for every segment, in the order in which a connection meets them; each is described in
 * rules_segment.c. */
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
	RULE_SACK_BLOCKS,
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
	RULE_ISN_REUSED,
	RULE_BACK_OFF,
	RULES
};

extern const struct rule rules[RULES];

/* The rules by state and event: one table per file rules_*.c. */
struct rule_table {
	const struct rule *rows;
	size_t count;
};

extern const struct rule_table rule_tables[]; /* ends with NULL rows */

/* The rule of a state for an event, or NULL: the event is not told apart there. A search; those who ask
 * often keep a struct rule_index. */
const struct rule *rules_find(enum tcp_state state, enum event event);

enum { RULE_NAME = 64 };

/* "fin-counted", or "FIN-WAIT-1 rst_in_window" of a rule that several states share. */
const char *rule_name(const struct rule *r, enum tcp_state state, char text[RULE_NAME]);

/* The table turned round for those who judge many segments. */
struct rule_index {
	const struct rule *rule[TCP_STATES][EVENTS];
	tcp_states next[EVENTS][TCP_STATES]; /* where an event may lead: by all grades but INCONCLUSIVE */
	tcp_states senders[REPLIES];         /* states in which some event draws this reply */
};

void rule_index_init(struct rule_index *index);

#endif
