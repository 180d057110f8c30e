/* SPDX-License-Identifier: BSD-2-Clause */
#include "checks/life.h"

#include "core/options.h"

#define PASSIVE ASK(LISTEN), STEP_OPEN, ASK(ACCEPT)

enum {
	REPEATS_US = 10000000, /* with a first timeout of 1 s: three or four copies, and their gaps */
	GIVE_UP_US = 200000000,
	SPANS = 59,            /* up to 66 s, more than twice the MSL of most systems */
	SPANS_LONG = 88,       /* up to 260 s, more than twice that of RFC 9293 */
};

#define SYN_WITH(name, about, options, flags)                                                                  \
	{ .check = { "syn/" name, NULL, about, NULL, IN(TCP_ESTABLISHED), { PASSIVE, STEP_VERIFY } },          \
	  .class = CLASS_SPEC, .citation = "RFC 9293 3.10.7.2(3)", .syn_options_set = true,                    \
	  .syn_options = options, .syn_flags = flags }

const struct suite_check life_checks[] = {
	/* RFC 9293 3.8.2, RFC 6298 5 */
	{ .check = { "repeat/syn", NULL, "a SYN that is not answered is sent again, after growing pauses",
		     "MUST-19;RFC6298-5.5", IN(TCP_SYN_SENT),
		     { STEP_LISTEN, ASK(CONNECT), STEP_AWAIT_SYN, STEP_HOLD } },
	  .class = CLASS_MUST, .citation = "RFC 9293 3.8.2; RFC 6298 5.5", .tier = TIER_DEFAULT,
	  .measure = MEASURE_SYN, .hold_us = REPEATS_US },
	{ .check = { "repeat/syn-ack", NULL, "a SYN,ACK that is not answered is sent again, after growing pauses",
		     "MUST-19;RFC6298-5.5", IN(TCP_SYN_RECEIVED), { ASK(LISTEN), STEP_OPEN_HALF, STEP_HOLD } },
	  .class = CLASS_MUST, .citation = "RFC 9293 3.8.2; RFC 6298 5.5", .tier = TIER_DEFAULT,
	  .measure = MEASURE_SYN_ACK, .hold_us = REPEATS_US },
	{ .check = { "repeat/fin-first", NULL, "a FIN that is not acknowledged is sent again, in FIN-WAIT-1",
		     "MUST-19;RFC6298-5.5", IN(TCP_FIN_WAIT_1),
		     { PASSIVE, STEP_HOLD_FIN, ASK(CLOSE_FIRST), STEP_AWAIT_FIN, STEP_HOLD } },
	  .class = CLASS_MUST, .citation = "RFC 9293 3.8.2; RFC 6298 5.5", .tier = TIER_DEFAULT,
	  .measure = MEASURE_FIN, .hold_us = REPEATS_US },
	{ .check = { "repeat/fin-last", NULL, "a FIN that is not acknowledged is sent again, in LAST-ACK",
		     "MUST-19;RFC6298-5.5", IN(TCP_LAST_ACK),
		     { PASSIVE, STEP_HOLD_FIN, STEP_CLOSE, ASK(CLOSE_LAST), STEP_AWAIT_FIN, STEP_HOLD } },
	  .class = CLASS_MUST, .citation = "RFC 9293 3.8.2; RFC 6298 5.5", .tier = TIER_DEFAULT,
	  .measure = MEASURE_FIN, .hold_us = REPEATS_US },

	/* RFC 9293 3.8.3 */
	{ .check = { "give-up/syn", NULL, "a SYN is repeated for three minutes at least", "MUST-22;MUST-23",
		     IN(TCP_SYN_SENT), { STEP_LISTEN, ASK(CONNECT), STEP_AWAIT_SYN, STEP_HOLD } },
	  .class = CLASS_MUST, .citation = "RFC 9293 3.8.3", .tier = TIER_LONG, .measure = MEASURE_SYN_R2,
	  .hold_us = GIVE_UP_US },
	{ .check = { "give-up/fin", NULL, "a FIN is repeated for 100 seconds at least", "MUST-20;SHLD-11",
		     IN(TCP_FIN_WAIT_1),
		     { PASSIVE, STEP_HOLD_FIN, ASK(CLOSE_FIRST), STEP_AWAIT_FIN, STEP_HOLD } },
	  .class = CLASS_SHOULD, .citation = "RFC 9293 3.8.3", .tier = TIER_LONG, .measure = MEASURE_FIN_R2,
	  .hold_us = GIVE_UP_US },

	/* RFC 9293 3.6.1. Asked more than once, a TIME-WAIT may begin anew: so many connections, a question each. */
	{ .check = { "time-wait/duration", NULL, "who closed first keeps the connection for 2MSL", "MUST-13",
		     IN(TCP_TIME_WAIT), { PASSIVE, ASK(CLOSE_FIRST), STEP_AWAIT_FIN, STEP_CLOSE, STEP_HOLD } },
	  .class = CLASS_MUST, .citation = "RFC 9293 3.6.1", .tier = TIER_DEFAULT, .measure = MEASURE_SPAN,
	  .samples = SPANS, .samples_long = SPANS_LONG },
	{ .check = { "fin-wait-2/duration", NULL, "a FIN-WAIT-2 whose application has let go may end", NULL,
		     IN(TCP_FIN_WAIT_2), { PASSIVE, ASK(LET_GO), STEP_AWAIT_FIN, STEP_HOLD } },
	  .class = CLASS_CHOICE, .citation = "RFC 9293 3.6", .tier = TIER_DEFAULT, .measure = MEASURE_SPAN,
	  .samples = SPANS, .samples_long = SPANS_LONG },

	/* RFC 9293 3.4.1, RFC 6528: all connections of the suite are samples, besides these. */
	{ .check = { "isn/unpredictable", NULL, "the ISN of one connection does not tell that of another", "SHLD-1", 0,
		     { ASK(LISTEN), STEP_OPEN_HALF, STEP_ABORT } },
	  .class = CLASS_SHOULD, .citation = "RFC 9293 3.4.1; RFC 6528 3", .measure = MEASURE_ISN,
	  .samples = 16, .samples_long = 64 },
	{ .check = { "isn/clock-driven", NULL, "the ISN of one 4-tuple follows a clock", "MUST-8", 0,
		     { ASK(LISTEN), STEP_OPEN_HALF, STEP_ABORT } },
	  .class = CLASS_MUST, .citation = "RFC 9293 3.4.1", .tier = TIER_DEFAULT, .measure = MEASURE_CLOCK,
	  .samples = 10, .samples_long = 20 },

	/* RFC 9293 3.6.1, RFC 2525 2.16 and 2.17 */
	{ .check = { "close/unread-data", NULL, "close() with data that nobody read resets the connection",
		     "SHLD-3;RFC2525-2.17", 0, { PASSIVE, STEP_SEND_SOME, ASK(LET_GO), STEP_AWAIT_RESET } },
	  .class = CLASS_SHOULD, .citation = "RFC 9293 3.6.1; RFC 2525 2.17", .measure = MEASURE_RESET,
	  .transfer = true },
	{ .check = { "close/late-data", NULL, "data that comes after close() resets the connection",
		     "SHLD-3", 0, { PASSIVE, ASK(LET_GO), STEP_AWAIT_FIN, STEP_SEND_SOME, STEP_AWAIT_RESET } },
	  .class = CLASS_SHOULD, .citation = "RFC 9293 3.6.1; RFC 2525 2.16", .measure = MEASURE_RESET,
	  .transfer = true },
	{ .check = { "close/abort", NULL, "ABORT sends a reset", NULL, 0,
		     { PASSIVE, ASK(ABORT), STEP_AWAIT_RESET } },
	  .class = CLASS_SPEC, .citation = "RFC 9293 3.10.5", .measure = MEASURE_RESET },

	/* RFC 9293 3.10.7.2: flags and options do not change the answer to a SYN, and only what was offered comes
	 * back (RFC 7323 2.2, 3.2, RFC 2018 2), which is judged at every segment. */
	SYN_WITH("no-options", "a SYN without options is answered without any but MSS", 0, 0),
	SYN_WITH("mss", "a SYN with MSS alone", OPTION_MSS, 0),
	SYN_WITH("window-scale", "a SYN with window scale alone", OPTION_WSCALE, 0),
	SYN_WITH("timestamps", "a SYN with timestamps alone", OPTION_TIMESTAMPS, 0),
	SYN_WITH("sack-permitted", "a SYN with SACK-permitted alone", OPTION_SACK_PERMITTED, 0),
	SYN_WITH("all-options", "a SYN with all four",
		 OPTION_MSS | OPTION_WSCALE | OPTION_TIMESTAMPS | OPTION_SACK_PERMITTED, 0),
	SYN_WITH("ecn", "a SYN with ECE and CWR", OPTION_MSS, FLAG_ECE | FLAG_CWR),
	SYN_WITH("push-urgent", "a SYN with PSH and URG", OPTION_MSS, FLAG_PSH | FLAG_URG),
	SYN_WITH("reserved-bits", "a SYN with reserved bits set", OPTION_MSS, 0xe00),
	{ .check.name = NULL },
};
