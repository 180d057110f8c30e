/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules for segments and ICMP errors in CLOSED, LISTEN and SYN-SENT (RFC 9293 3.10.7.1 to 3.10.7.3). */
#include "core/rules_table.h"

#define SILENT_FILTER INCONCLUSIVE(REPLY_NONE, "a filter on the way or a blackhole setting")

/* A segment with ACK that belongs to no connection. */
#define STRAY(what) \
	{ .states = IN(TCP_CLOSED), .event = what, .class = CLASS_SPEC, .requirement = "U-3.5.2-g1", \
	  .citation = "RFC 9293 3.10.7.1; RFC 9293 3.5.2(1)", \
	  .sentence = "a segment with ACK finds no connection: RST whose SEQ is the segment's ACK", \
	  REACT(REQUIRED(REPLY_RST, 0), RST_FORM, SILENT_FILTER) }
#define STRAY_AT_LISTENER(what, ...) \
	{ .states = IN(TCP_LISTEN), .event = what, .class = CLASS_SPEC, .requirement = "U-3.5.2-g2", \
	  .citation = "RFC 9293 3.10.7.2(2)", \
	  .sentence = "an ACK cannot be good where nothing was sent: RST whose SEQ is the segment's ACK", \
	  REACT(REQUIRED(REPLY_RST, 0), RST_FORM __VA_ARGS__) }

/* A segment without ACK and RST for a port where nobody listens. */
#define REFUSED(what) \
	{ .states = IN(TCP_CLOSED), .event = what, .class = CLASS_SPEC, .requirement = "U-3.5.2-g1", \
	  .citation = "RFC 9293 3.10.7.1; RFC 9293 3.5.2(1)", \
	  .sentence = "a segment without ACK is refused: RST with SEQ 0 that acknowledges all of it, " \
		      "SYN and FIN counting one each", \
	  REACT(REQUIRED(REPLY_RST_ZERO, 0), SILENT_FILTER) }

#define RST_DROPPED(what) \
	{ .states = IN(TCP_CLOSED) | IN(TCP_LISTEN), .event = what, .class = CLASS_SPEC, \
	  .requirement = "U-3.5.2-g1", \
	  .citation = "RFC 9293 3.10.7.1; RFC 9293 3.10.7.2(1); RFC 9293 3.5.2(1); RFC 9293 3.5.3", \
	  .sentence = "a RST for no connection is dropped, before anything else of it is looked at", \
	  REACT(REQUIRED(REPLY_NONE, 0)) }

#define SHORTAGE \
	INCONCLUSIVE(REPLY_NONE, "the backlog is full"), INCONCLUSIVE(REPLY_RST_ZERO, "the backlog is full")
#define ACCEPTED(what, text, ...) \
	{ .states = IN(TCP_LISTEN), .event = what, .class = CLASS_SPEC, \
	  .citation = "RFC 9293 3.10.7.2(3); RFC 9293 3.5", .sentence = text, \
	  REACT(REQUIRED(REPLY_SYN_ACK, IN(TCP_SYN_RECEIVED)), __VA_ARGS__ SHORTAGE) }

/* Simultaneous open. */
#define CROSSED(what, text, ...) \
	{ .states = IN(TCP_SYN_SENT), .event = what, .class = CLASS_MUST, \
	  .requirement = "MUST-10", .citation = "RFC 9293 3.10.7.3(4); RFC 9293 3.5", \
	  .sentence = text, REACT(REQUIRED(REPLY_SYN_ACK, IN(TCP_SYN_RECEIVED)), __VA_ARGS__) }
#define TEXT_TAKEN ALSO(REPLY_SYN_ACK_PART, IN(TCP_SYN_RECEIVED), "what came with the SYN is taken")

/* The ACK that is no answer to our SYN. */
#define BAD_ACK(what) \
	{ .states = IN(TCP_SYN_SENT), .event = what, .class = CLASS_SPEC, .requirement = "U-3.5.2-g2", \
	  .citation = "RFC 9293 3.10.7.3(1); RFC 9293 3.5.2(2)", \
	  .sentence = "an ACK of anything but our SYN is reset with SEQ = SEG.ACK; the attempt goes on", \
	  REACT(REQUIRED(REPLY_RST, 0), RST_FORM) }
#define NO_SYN(what) \
	{ .states = IN(TCP_SYN_SENT), .event = what, .class = CLASS_SPEC, .requirement = "U-3.5.2-g2", \
	  .citation = "RFC 9293 3.10.7.3(1); RFC 9293 3.10.7.3(5); RFC 9293 3.10.7.4(8)", \
	  .sentence = "without SYN neither data nor FIN can be placed: dropped, unless a bad ACK draws RST", \
	  REACT(REQUIRED(REPLY_NONE, 0), \
		ALSO(REPLY_RST, 0, "SEG.ACK is unacceptable: that test comes first"), \
		ALSO(REPLY_RST_ACK, 0, "SEG.ACK is unacceptable: that test comes first")) }

const struct rule rules_unsynchronized[] = {
	/* CLOSED and LISTEN: whatever belongs to no connection. */
	STRAY(EVENT_SYN_ACK), STRAY(EVENT_ACK_ACCEPTABLE), STRAY(EVENT_ACK_OLD), STRAY(EVENT_ACK_FUTURE),
	STRAY(EVENT_ACK_OF_OUR_FIN), STRAY(EVENT_FIN), STRAY(EVENT_FIN_ACK_OF_OUR_FIN),
	STRAY(EVENT_RETRANSMITTED_FIN), STRAY(EVENT_DATA_IN_WINDOW), STRAY(EVENT_DATA_OUT_OF_WINDOW),
	STRAY(EVENT_DATA_AFTER_FIN),
	STRAY_AT_LISTENER(EVENT_SYN_ACK), STRAY_AT_LISTENER(EVENT_ACK_OLD),
	STRAY_AT_LISTENER(EVENT_ACK_FUTURE), STRAY_AT_LISTENER(EVENT_ACK_OF_OUR_FIN),
	STRAY_AT_LISTENER(EVENT_FIN), STRAY_AT_LISTENER(EVENT_FIN_ACK_OF_OUR_FIN),
	STRAY_AT_LISTENER(EVENT_RETRANSMITTED_FIN), STRAY_AT_LISTENER(EVENT_DATA_IN_WINDOW),
	STRAY_AT_LISTENER(EVENT_DATA_OUT_OF_WINDOW), STRAY_AT_LISTENER(EVENT_DATA_AFTER_FIN),
	STRAY_AT_LISTENER(EVENT_ACK_ACCEPTABLE, , ALSO(REPLY_NONE, IN(TCP_ESTABLISHED),
			  "it brings back a SYN cookie: the connection begins here")),
	REFUSED(EVENT_SYN), REFUSED(EVENT_SYN_IN_WINDOW), REFUSED(EVENT_SYN_OUT_OF_WINDOW),
	REFUSED(EVENT_SYN_DATA), REFUSED(EVENT_SYN_FIN), REFUSED(EVENT_TIMEWAIT_SYN_NEWER),
	REFUSED(EVENT_NO_ACK_FLAG),
	RST_DROPPED(EVENT_RST_EXACT), RST_DROPPED(EVENT_RST_IN_WINDOW), RST_DROPPED(EVENT_RST_OUT_OF_WINDOW),
	RST_DROPPED(EVENT_SYN_RST),

	/* LISTEN: a SYN. */
	ACCEPTED(EVENT_SYN, "a SYN is answered by SYN,ACK with an ISS of our own and ACK = SEG.SEQ+1"),
	ACCEPTED(EVENT_SYN_IN_WINDOW, "a listener has no window: a SYN with any SEQ is answered by SYN,ACK"),
	ACCEPTED(EVENT_SYN_OUT_OF_WINDOW, "a listener has no window: a SYN with any SEQ is answered by SYN,ACK"),
	ACCEPTED(EVENT_TIMEWAIT_SYN_NEWER, "once TIME-WAIT is over a SYN is like any other: SYN,ACK"),
	ACCEPTED(EVENT_SYN_PSH, "PSH, URG, ECE, CWR and reserved bits do not change the answer to a SYN"),
	ACCEPTED(EVENT_SYN_DATA, "data that comes with a SYN waits for ESTABLISHED or is sent again; "
		 "the SYN is answered as ever", TEXT_TAKEN,),
	ACCEPTED(EVENT_SYN_FIN, "a SYN is answered though it carries FIN, which waits or is sent again",
		 TEXT_TAKEN, REPORT(REPLY_NONE, 0, "SYN with FIN is dropped on purpose"),),
	{ .states = IN(TCP_LISTEN), .event = EVENT_NO_ACK_FLAG, .class = CLASS_SPEC,
	  .citation = "RFC 9293 3.10.7.2(4)",
	  .sentence = "what has neither RST nor ACK nor SYN is dropped without a word",
	  REACT(REQUIRED(REPLY_NONE, 0)) },
	{ .states = IN(TCP_LISTEN) | IN(TCP_ESTABLISHED), .event = EVENT_BAD_CHECKSUM, .class = CLASS_MUST,
	  .requirement = "MUST-3", .citation = "RFC 9293 3.1",
	  .sentence = "a segment whose checksum is wrong counts as not received",
	  REACT(REQUIRED(REPLY_NONE, 0)) },

	/* SYN-SENT, step 1: the ACK. */
	BAD_ACK(EVENT_ACK_OLD), BAD_ACK(EVENT_ACK_FUTURE), BAD_ACK(EVENT_SYN_ACK_BAD_ACK),
	/* Step 2: RST, judged by its ACK alone (erratum 8167). */
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_RST_EXACT, .class = CLASS_SPEC,
	  .requirement = "U-3.5.3;RFC5961-3.2-ss",
	  .citation = "RFC 9293 3.10.7.3(2); RFC 9293 3.5.3; RFC 5961 3.2",
	  .sentence = "a RST that acknowledges our SYN ends the attempt, whatever its SEQ",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_CLOSED))) },
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_RST_IN_WINDOW, .class = CLASS_SPEC,
	  .requirement = "U-3.5.3;RFC5961-3.2-ss", .citation = "RFC 9293 3.10.7.3(2)",
	  .sentence = "a RST without ACK proves nothing about our SYN: dropped, the attempt goes on",
	  REACT(REQUIRED(REPLY_NONE, 0)) },
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_RST_OUT_OF_WINDOW, .class = CLASS_SPEC,
	  .requirement = "U-3.5.3;RFC5961-3.2-ss", .citation = "RFC 9293 3.10.7.3(1)",
	  .sentence = "a RST with an unacceptable ACK is dropped, and draws no RST in turn",
	  REACT(REQUIRED(REPLY_NONE, 0)) },
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_SYN_RST, .class = CLASS_SPEC,
	  .requirement = "U-3.5.3", .citation = "RFC 9293 3.10.7.3(2)",
	  .sentence = "RST without ACK is dropped before its SYN is looked at",
	  REACT(REQUIRED(REPLY_NONE, 0)) },
	/* Step 4: SYN, with ACK and without. */
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_SYN_ACK, .class = CLASS_SPEC, .delayed = true,
	  .citation = "RFC 9293 3.10.7.3(1); RFC 9293 3.10.7.3(4)",
	  .sentence = "SYN,ACK with a good ACK establishes the connection and is acknowledged",
	  .rfc793 = "SND.WND, SND.WL1 and SND.WL2 were not set here (RFC 1122 4.2.2.20(c))",
	  REACT(REQUIRED(REPLY_ACK_SYN, IN(TCP_ESTABLISHED))) },
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_SYN_ACK_DATA, .class = CLASS_SPEC, .delayed = true,
	  .citation = "RFC 9293 3.10.7.3(4)",
	  .sentence = "data that comes with SYN,ACK is acknowledged with it, or is left to be sent again",
	  REACT(REQUIRED(REPLY_ACK_ALL, IN(TCP_ESTABLISHED)),
		ALSO(REPLY_ACK_SYN, IN(TCP_ESTABLISHED), "the SYN alone is acknowledged")) },
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_SYN_ACK_FIN, .class = CLASS_SPEC, .delayed = true,
	  .citation = "RFC 9293 3.10.7.3(4); RFC 9293 3.10.7.4(8)",
	  .sentence = "a FIN that comes with SYN,ACK is acknowledged with it, or is left to be sent again",
	  REACT(REQUIRED(REPLY_ACK_ALL, IN(TCP_CLOSE_WAIT)),
		ALSO(REPLY_ACK_SYN, IN(TCP_ESTABLISHED), "the SYN alone is acknowledged")) },
	CROSSED(EVENT_SYN, "a SYN that crosses ours is answered by SYN,ACK with the ISS of our SYN",
		TEXT_TAKEN),
	CROSSED(EVENT_SYN_IN_WINDOW, "there is no window before the peer's SYN: any SEQ opens simultaneously",
		TEXT_TAKEN),
	CROSSED(EVENT_SYN_OUT_OF_WINDOW, "there is no window before the peer's SYN: any SEQ opens "
		"simultaneously", TEXT_TAKEN),
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_SYN_DATA, .class = CLASS_SPEC,
	  .requirement = "U-3.5-syndata", .citation = "RFC 9293 3.10.7.3(4)",
	  .sentence = "data that comes with a crossing SYN waits for ESTABLISHED or is sent again",
	  REACT(REQUIRED(REPLY_SYN_ACK, IN(TCP_SYN_RECEIVED)), TEXT_TAKEN) },
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_SYN_FIN, .class = CLASS_SPEC,
	  .citation = "RFC 9293 3.10.7.3(4)",
	  .sentence = "a crossing SYN is answered though it carries FIN, which waits or is sent again",
	  REACT(REQUIRED(REPLY_SYN_ACK, IN(TCP_SYN_RECEIVED)), TEXT_TAKEN,
		REPORT(REPLY_NONE, 0, "SYN with FIN is dropped on purpose")) },
	/* Step 5: neither SYN nor RST. */
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_ACK_ACCEPTABLE, .class = CLASS_SPEC,
	  .citation = "RFC 9293 3.10.7.3(5)",
	  .sentence = "a good ACK without SYN establishes nothing: dropped",
	  REACT(REQUIRED(REPLY_NONE, 0)) },
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_NO_ACK_FLAG, .class = CLASS_SPEC,
	  .citation = "RFC 9293 3.10.7.3(5)",
	  .sentence = "what has neither SYN nor RST nor ACK is dropped",
	  REACT(REQUIRED(REPLY_NONE, 0)) },
	NO_SYN(EVENT_FIN), NO_SYN(EVENT_DATA_IN_WINDOW), NO_SYN(EVENT_DATA_OUT_OF_WINDOW),

	/* ICMP errors that quote our SYN. */
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_ICMP_SOFT, .class = CLASS_MUST,
	  .requirement = "MUST-56", .citation = "RFC 9293 3.9.2.2",
	  .sentence = "an ICMP error that can pass (unreachable net, time exceeded) does not end the attempt",
	  REACT(REQUIRED(REPLY_NONE, 0),
		REPORT(REPLY_NONE, IN(TCP_CLOSED), "gives up at once, as many stacks do (RFC 5461)")) },
	{ .states = IN(TCP_SYN_SENT), .event = EVENT_ICMP_HARD, .class = CLASS_SHOULD,
	  .requirement = "SHLD-26", .citation = "RFC 9293 3.9.2.2; RFC 9293 3.8.3",
	  .sentence = "protocol or port unreachable ends the attempt, and the application is told",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_CLOSED)),
		ALSO(REPLY_NONE, 0, "goes on until the attempt times out")) },
};
