/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules for segments and ICMP errors in SYN-RECEIVED (RFC 9293 3.10.7.4): SND.NXT = ISS+1,
 * RCV.NXT = IRS+1. Events are of a passive open unless they say "active". */
#include "core/rules_table.h"

#define SYN_ACK_REPEATED ALSO(REPLY_SYN_ACK_AGAIN, 0, "the SYN,ACK is sent again")

/* What lies left of the window. */
#define LEFT_OF_WINDOW(what, text, ...) \
	{ .states = IN(TCP_SYN_RECEIVED), .event = what, .class = CLASS_SPEC, \
	  .requirement = "U-3.10.7.4-oow", .citation = "RFC 9293 3.10.7.4(1)", .sentence = text, \
	  REACT(REQUIRED(REPLY_ACK, 0), SYN_ACK_REPEATED, THROTTLED __VA_ARGS__) }

/* What acknowledges anything but our SYN,ACK. */
#define ISS_WAS_GOOD "SEG.ACK = ISS was taken for a good ACK"
#define BAD_ACK(what, before, text) \
	{ .states = IN(TCP_SYN_RECEIVED), .event = what, .class = CLASS_SPEC, .requirement = "U-3.5.2-g2", \
	  .citation = "RFC 9293 3.10.7.4(5); RFC 9293 3.5.2(2)", .sentence = text, \
	  .rfc793 = before, \
	  REACT(REQUIRED(REPLY_RST, 0), RST_FORM, \
		ALSO(REPLY_ACK, 0, "the ACK range test of RFC 5961 5 comes first (MAY-12)")) }

const struct rule rules_syn_received[] = {
	/* Step 1: sequence number. */
	LEFT_OF_WINDOW(EVENT_SYN, "a repeated SYN lies left of the window: ACK, or the SYN,ACK again, and the "
		       "ISS stays"),
	LEFT_OF_WINDOW(EVENT_SYN_OUT_OF_WINDOW,
		       "a SYN outside the window is answered by ACK and changes nothing"),
	LEFT_OF_WINDOW(EVENT_SYN_ACK_PASSIVE, "a SYN,ACK with the peer's ISN lies left of the window: ACK", ,
		       ALSO(REPLY_NONE, IN(TCP_ESTABLISHED), "its ACK is used all the same (Appendix A.2)")),
	LEFT_OF_WINDOW(EVENT_ACK_LEFT_OF_WINDOW, "an ACK with the SEQ of the SYN lies left of the window: it "
		       "does not complete the handshake"),
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_DATA_OUT_OF_WINDOW, .class = CLASS_SPEC,
	  .requirement = "U-3.10.7.4-oow", .citation = "RFC 9293 3.10.7.4(1)",
	  .sentence = "data outside the window is answered by ACK and nothing of it is used",
	  REACT(REQUIRED(REPLY_ACK, 0)) },
	/* The two texts on simultaneous open disagree. */
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_SYN_ACK, .class = CLASS_CHOICE, .application = true,
	  .requirement = "MUST-10", .citation = "RFC 9293 3.5; RFC 9293 3.10.7.4(1); RFC 9293 A.2",
	  .sentence = "SYN,ACK of a simultaneous open: Figure 7 establishes the connection, step 1 finds it "
		      "left of the window",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_ESTABLISHED)),
		ALSO(REPLY_ACK, IN(TCP_ESTABLISHED), "answered and used"),
		ALSO(REPLY_ACK, 0, "step 1 to the letter: answered, not used")) },

	/* Step 2: RST. */
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_RST_OUT_OF_WINDOW, .class = CLASS_SPEC,
	  .requirement = "U-3.10.7.4-rst1", .citation = "RFC 9293 3.10.7.4(1); RFC 9293 3.10.7.4(2.1)",
	  .sentence = "a RST outside the window is dropped without a word",
	  REACT(REQUIRED(REPLY_NONE, 0)) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_RST_EXACT, .class = CLASS_MUST,
	  .requirement = "MUST-11;U-3.10.7.4-rst2", .citation = "RFC 9293 3.10.7.4(2)",
	  .sentence = "a RST at RCV.NXT returns a passive open to LISTEN, unknown to the application",
	  .rfc793 = "any RST in the window did",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_LISTEN))) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_RST_EXACT_ACTIVE, .class = CLASS_MUST,
	  .requirement = "MUST-11;U-3.10.7.4-rst2", .citation = "RFC 9293 3.10.7.4(2.2)", .application = true,
	  .sentence = "a RST at RCV.NXT ends an active open: refused",
	  .rfc793 = "any RST in the window did",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_CLOSED))) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_RST_EXACT_ACK_BIT, .class = CLASS_SPEC,
	  .requirement = "U-3.10.7.4-rst2", .citation = "RFC 9293 3.10.7.4(2.2)",
	  .sentence = "a RST at RCV.NXT counts with the ACK bit too: the ACK field is not examined",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_LISTEN) | IN(TCP_CLOSED)),
		REPORT(REPLY_NONE, 0, "RST with ACK is ignored here")) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_RST_IN_WINDOW, .class = CLASS_CHOICE,
	  .requirement = "RFC5961-3.2-3", .citation = "RFC 9293 3.10.7.4(2.3)",
	  .sentence = "a RST in the window but not at RCV.NXT is challenged with an ACK (RFC 5961), or obeyed",
	  .rfc793 = "it reset: LISTEN or CLOSED",
	  REACT(REQUIRED(REPLY_ACK, 0), ALSO(REPLY_NONE, IN(TCP_LISTEN) | IN(TCP_CLOSED),
					     "RFC 793 stack, or RFC 5961 in synchronized states only")) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_RST_AFTER_REOPEN, .class = CLASS_MAY,
	  .requirement = "MAY-2", .citation = "RFC 9293 3.6.1", .application = true,
	  .sentence = "a connection reopened from TIME-WAIT returns there when its SYN proves an old duplicate",
	  .rfc793 = "TIME-WAIT could not be left by a SYN",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_TIME_WAIT)),
		REPORT(REPLY_NONE, IN(TCP_LISTEN) | IN(TCP_CLOSED), "condition (2) of MAY-2 is not met")) },

	/* Step 4: SYN. */
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_SYN_IN_WINDOW, .class = CLASS_CHOICE,
	  .requirement = "U-3.10.7.4-synrcvd;RFC1122-4.2.2.20e",
	  .citation = "RFC 9293 3.10.7.4(4); RFC 1122 4.2.2.20(e)",
	  .sentence = "a new SYN in the window returns a passive open to LISTEN; no SYN,ACK may mix its number "
		      "with the old ISS",
	  .rfc793 = "RST and CLOSED",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_LISTEN)),
		ALSO(REPLY_RST_ANY, IN(TCP_LISTEN), "RFC 793 stack"),
		ALSO(REPLY_ACK, 0, "challenged (RFC 5961)"),
		ALSO(REPLY_SYN_ACK_AGAIN, 0, "the SYN,ACK is sent again, SEQ is not compared")) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_SYN_IN_WINDOW_ACTIVE, .class = CLASS_CHOICE,
	  .requirement = "RFC5961-4.2", .citation = "RFC 9293 3.10.7.4(4); RFC 5961 4.2", .application = true,
	  .sentence = "a new SYN in the window of an active open is challenged with an ACK (RFC 5961)",
	  .rfc793 = "RST and CLOSED",
	  REACT(REQUIRED(REPLY_ACK, 0), ALSO(REPLY_RST_ANY, IN(TCP_CLOSED), "RFC 793 stack")) },

	/* Step 5: ACK, and with a good one what follows it. */
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_ACK_ACCEPTABLE, .class = CLASS_SPEC,
	  .citation = "RFC 9293 3.10.7.4(5)",
	  .sentence = "the ACK of our SYN,ACK establishes the connection; nothing answers it",
	  .rfc793 = "SEG.ACK = SND.UNA was good, too",
	  REACT(REQUIRED(REPLY_NONE, IN(TCP_ESTABLISHED)),
		ALSO(REPLY_ACK, IN(TCP_ESTABLISHED), "a window update"),
		INCONCLUSIVE(REPLY_NONE, "the accept queue is full, or the listener waits for data")) },
	BAD_ACK(EVENT_ACK_OLD, ISS_WAS_GOOD,
		"an ACK at or below ISS is reset with SEQ = SEG.ACK; the handshake goes on"),
	BAD_ACK(EVENT_ACK_FUTURE, NULL, "an ACK of what was not sent is reset with SEQ = SEG.ACK; the handshake "
		"goes on"),
	BAD_ACK(EVENT_DATA_BAD_ACK, ISS_WAS_GOOD,
		"nothing of a segment with a bad ACK is taken: RST with SEQ = SEG.ACK, the "
		"handshake goes on"),
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_NO_ACK_FLAG, .class = CLASS_SPEC,
	  .requirement = "U-3.10.7.4-noack", .citation = "RFC 9293 3.10.7.4(5)",
	  .sentence = "a segment in the window without SYN, RST and ACK is dropped",
	  REACT(REQUIRED(REPLY_NONE, 0)) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_FIN_NO_ACK, .class = CLASS_SPEC,
	  .requirement = "U-3.10.7.4-noack", .citation = "RFC 9293 3.10.7.4(5)",
	  .sentence = "a FIN without ACK is dropped; the handshake can still be completed",
	  REACT(REQUIRED(REPLY_NONE, 0)) },

	/* Steps 7 and 8, once the ACK has established the connection. */
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_DATA_IN_WINDOW, .class = CLASS_SPEC, .delayed = true,
	  .citation = "RFC 9293 3.10.7.4(5); RFC 9293 3.10.7.4(7)",
	  .sentence = "data with the ACK of our SYN,ACK establishes the connection and is acknowledged",
	  REACT(REQUIRED(REPLY_ACK_ALL, IN(TCP_ESTABLISHED))) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_DATA_OUT_OF_ORDER, .class = CLASS_CHOICE,
	  .requirement = "MAY-13", .citation = "RFC 9293 3.10.7.4(5); RFC 9293 3.10.7.4(7)",
	  .sentence = "behind a gap the ACK counts and the text waits; a duplicate ACK may say so",
	  REACT(REQUIRED(REPLY_ACK, IN(TCP_ESTABLISHED)),
		ALSO(REPLY_NONE, IN(TCP_ESTABLISHED), "no duplicate ACK is due (MAY-13)"),
		ALSO(REPLY_ACK, 0, "all of it waits until the gap is filled"),
		ALSO(REPLY_NONE, 0, "all of it waits until the gap is filled")) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_DATA_FIN, .class = CLASS_SPEC, .delayed = true,
	  .requirement = "U-3.10.7.4-fin",
	  .citation = "RFC 9293 3.10.7.4(5); RFC 9293 3.10.7.4(7); RFC 9293 3.10.7.4(8)",
	  .sentence = "ACK, data and FIN in one segment: established, then half closed, all acknowledged",
	  REACT(REQUIRED(REPLY_ACK_ALL, IN(TCP_CLOSE_WAIT)),
		ALSO(REPLY_ACK_TEXT, IN(TCP_ESTABLISHED), "the ACK of the FIN comes second")) },
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_FIN, .class = CLASS_SPEC, .delayed = true,
	  .requirement = "U-3.10.7.4-fin", .citation = "RFC 9293 3.10.7.4(5); RFC 9293 3.10.7.4(8)",
	  .sentence = "a FIN with the ACK of our SYN,ACK: established, then half closed, and acknowledged",
	  REACT(REQUIRED(REPLY_ACK_ALL, IN(TCP_CLOSE_WAIT))) },

	/* An ICMP error that quotes our SYN,ACK. */
	{ .states = IN(TCP_SYN_RECEIVED), .event = EVENT_ICMP_SOFT, .class = CLASS_MUST,
	  .requirement = "MUST-56", .citation = "RFC 9293 3.9.2.2",
	  .sentence = "an ICMP error that can pass (unreachable net, time exceeded) does not end the handshake",
	  REACT(REQUIRED(REPLY_NONE, 0),
		REPORT(REPLY_NONE, IN(TCP_LISTEN), "gives up at once, as many stacks do (RFC 5461)")) },
};
