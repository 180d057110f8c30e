/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules for segments in TIME-WAIT (RFC 9293 3.10.7.4, 3.6.1). Documents disagree about much of it:
 * step 2 and RFC 1337 about RST, step 1 and RFC 6191 about SYN. */
#include "core/rules_table.h"

#define SYN_DROPPED ALSO(REPLY_NONE, 0, "dropped (RFC 6191)")
#define REOPENED(when) ALSO(REPLY_SYN_ACK_FRESH, IN(TCP_SYN_RECEIVED), when)

/* The text expects the peer's FIN here and acknowledges whatever comes. */
#define ACKED_OR_NOT(what, requires, cites, text) \
	{ .states = IN(TCP_TIME_WAIT), .event = what, .class = CLASS_CHOICE, .requirement = requires, \
	  .citation = cites, .sentence = text, \
	  REACT(REQUIRED(REPLY_ACK, 0), ALSO(REPLY_NONE, 0, "taken silently")) }
#define TEXT_IGNORED(what) \
	{ .states = IN(TCP_TIME_WAIT), .event = what, .class = CLASS_CHOICE, \
	  .requirement = "U-3.10.7.4-afterfin", \
	  .citation = "RFC 9293 3.10.7.4(5); RFC 9293 3.10.7.4(7)", \
	  .sentence = "data behind the peer's FIN is ignored: step 7 says nothing, step 5 would acknowledge", \
	  REACT(REQUIRED(REPLY_NONE, 0), ALSO(REPLY_ACK, 0, "ACK that does not move"), LOST_BY_CLOSE) }

const struct rule rules_time_wait[] = {
	/* SYN. */
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_SYN, .class = CLASS_CHOICE,
	  .requirement = "RFC6191-2-drop;U-3.10.7.4-oow", .citation = "RFC 9293 3.10.7.4(1); RFC 6191 2",
	  .sentence = "a copy of the opening SYN draws an ACK, or nothing; SYN,ACK only for a newer timestamp",
	  REACT(REQUIRED(REPLY_ACK, 0), SYN_DROPPED,
		ALSO(REPLY_SYN_ACK, IN(TCP_SYN_RECEIVED), "its TSval is newer (RFC 6191)")) },
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_SYN_IN_WINDOW, .class = CLASS_CHOICE,
	  .requirement = "MAY-2;RFC5961-4.2;RFC6191-2-B2",
	  .citation = "RFC 9293 3.10.7.4(4); RFC 9293 3.6.1; RFC 6191 2",
	  .sentence = "a SYN in the window is newer: challenged, dropped, or a new connection above old numbers",
	  .rfc793 = "RST and CLOSED",
	  REACT(REQUIRED(REPLY_ACK, 0), SYN_DROPPED, REOPENED("reopened (MAY-2)"),
		ALSO(REPLY_RST_ANY, IN(TCP_CLOSED) | IN(TCP_TIME_WAIT), "RFC 793 stack")) },
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_SYN_OUT_OF_WINDOW, .class = CLASS_CHOICE,
	  .requirement = "U-3.10.7.4-oow;U-3.5.2-g3;RFC6191-2-drop",
	  .citation = "RFC 9293 3.10.7.4(1); RFC 9293 3.10.7.4(4); RFC 9293 3.5.2(3)",
	  .sentence = "a SYN outside the window draws an ACK, or is dropped, or reopens if it is newer",
	  REACT(REQUIRED(REPLY_ACK, 0), SYN_DROPPED,
		REOPENED("reopened: its SEQ lies above RCV.NXT, or its TSval is newer")) },
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_TIMEWAIT_SYN_NEWER, .class = CLASS_MAY,
	  .requirement = "MAY-2", .citation = "RFC 9293 3.6.1", .rfc793 = "RST and CLOSED",
	  .sentence = "a newer SYN may reopen the connection, if our ISS lies above all numbers used before",
	  REACT(REQUIRED(REPLY_SYN_ACK_FRESH, IN(TCP_SYN_RECEIVED)),
		ALSO(REPLY_ACK, 0, "not reopened: ACK"), ALSO(REPLY_NONE, 0, "not reopened: dropped"),
		ALSO(REPLY_RST_ANY, IN(TCP_CLOSED) | IN(TCP_TIME_WAIT), "RFC 793 stack")) },
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_TIMEWAIT_SYN_NEWER_TS, .class = CLASS_SHOULD,
	  .requirement = "SHLD-4;RFC6191-2-A1", .citation = "RFC 9293 3.6.1; RFC 6191 2",
	  .rfc793 = "no timestamps",
	  .sentence = "a SYN whose timestamp is newer reopens the connection, whatever its SEQ",
	  REACT(REQUIRED(REPLY_SYN_ACK, IN(TCP_SYN_RECEIVED)),
		REPORT(REPLY_ACK, 0, "SHLD-4 is not implemented"),
		REPORT(REPLY_NONE, 0, "SHLD-4 is not implemented"),
		ALSO(REPLY_RST_ANY, IN(TCP_CLOSED) | IN(TCP_TIME_WAIT), "RFC 793 stack")) },
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_TIMEWAIT_SYN_OLDER, .class = CLASS_CHOICE,
	  .requirement = "RFC6191-2-drop", .citation = "RFC 9293 3.10.7.4(1); RFC 6191 2",
	  .sentence = "an older SYN is dropped (RFC 6191) or draws an ACK; it opens nothing",
	  .rfc793 = "ACK",
	  REACT(REQUIRED(REPLY_NONE, 0), ALSO(REPLY_ACK, 0, "step 1: left of the window")) },

	/* RST. */
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_RST_EXACT, .class = CLASS_CHOICE,
	  .requirement = "RFC1337-3-F1", .citation = "RFC 9293 3.10.7.4(2.2); RFC 1337 3",
	  .sentence = "a RST at RCV.NXT ends TIME-WAIT by step 2; RFC 1337 wants it ignored; both will do",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_CLOSED)), ALSO(REPLY_NONE, 0, "ignored (RFC 1337)")) },
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_RST_IN_WINDOW, .class = CLASS_CHOICE,
	  .requirement = "RFC5961-3.2-3", .citation = "RFC 9293 3.10.7.4(2.3); RFC 5961 3.2",
	  .sentence = "a RST in the window but not at RCV.NXT is challenged, ignored (RFC 1337) or obeyed",
	  .rfc793 = "it ends TIME-WAIT",
	  REACT(REQUIRED(REPLY_ACK, 0), ALSO(REPLY_NONE, 0, "ignored (RFC 1337)"),
		ALSO(REPLY_NONE, IN(TCP_CLOSED), "RFC 793 stack")) },

	/* ACK and text. */
	ACKED_OR_NOT(EVENT_ACK_ACCEPTABLE, NULL, "RFC 9293 3.10.7.4(5)",
		"a bare ACK has nothing to say here: acknowledged by the letter, or passed over"),
	ACKED_OR_NOT(EVENT_ACK_OLD, NULL, "RFC 9293 3.10.7.4(5)",
		"an old ACK has nothing to say here: acknowledged by the letter, or passed over"),
	ACKED_OR_NOT(EVENT_ACK_FUTURE, "U-3.5.2-g3", "RFC 9293 3.5.2(3); RFC 9293 3.10.7.4(5)",
		"an ACK of what was not sent draws an ACK; many stacks pass it over"),
	TEXT_IGNORED(EVENT_DATA_IN_WINDOW),
	TEXT_IGNORED(EVENT_DATA_AFTER_FIN),

	/* FIN. */
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_RETRANSMITTED_FIN, .class = CLASS_SPEC,
	  .citation = "RFC 9293 3.10.7.4(1); RFC 9293 3.10.7.4(5); RFC 9293 3.10.7.4(8)",
	  .sentence = "the peer's FIN again is acknowledged again; whether 2 MSL start anew is left open",
	  REACT(REQUIRED(REPLY_ACK, 0)) },
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_FIN_ACK_OF_OUR_FIN, .class = CLASS_SPEC,
	  .requirement = "U-3.10.7.4-oow", .citation = "RFC 9293 3.10.7.4(1)",
	  .sentence = "the peer's FIN again with the ACK of ours is acknowledged again",
	  REACT(REQUIRED(REPLY_ACK, 0)) },
	{ .states = IN(TCP_TIME_WAIT), .event = EVENT_FIN, .class = CLASS_CHOICE,
	  .citation = "RFC 9293 3.10.7.4(5); RFC 9293 3.10.7.4(8)",
	  .sentence = "a second FIN behind the first is no sane peer's: any ACK of it or none; TIME-WAIT stays",
	  REACT(REQUIRED(REPLY_ACK, 0), ALSO(REPLY_NONE, 0, "dropped"),
		ALSO(REPLY_ACK_MORE, 0, "step 8 to the letter: RCV.NXT advances")) },

	/* What cannot come elsewhere. */
	{ .states = IN(TCP_SYN_SENT) | IN(TCP_SYN_RECEIVED) | LIVE, .event = EVENT_TIMEWAIT_SYN_NEWER,
	  .class = CLASS_SPEC, .citation = "RFC 9293 3.6.1",
	  .sentence = "only TIME-WAIT asks whether a SYN is newer",
	  .impossible = "only in TIME-WAIT, or when it is over" },
};
