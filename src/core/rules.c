/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of the table of rules, and how it is searched; the rules themselves are in rules_*.c. */
#include "core/rules.h"

#include <stdio.h>
#include <string.h>

#include "core/rules_table.h"
#include "core/segment.h"

const char *rule_class_name(enum rule_class c)
{
	static const char *const names[] = {
		[CLASS_MUST] = "MUST", [CLASS_SHOULD] = "SHOULD", [CLASS_MAY] = "MAY",
		[CLASS_SPEC] = "spec", [CLASS_CHOICE] = "choice",
	};

	return names[c];
}

#define SEGMENT(text, what) { text, EVENT_KIND_SEGMENT, what }
#define USER(text, what) { text, EVENT_KIND_USER, what }
#define TIMEOUT(text, what) { text, EVENT_KIND_TIMEOUT, what }
#define ICMP(text, what) { text, EVENT_KIND_ICMP, what }

const struct event_info events[EVENTS] = {
	[EVENT_ANY] = SEGMENT("any", "any segment"),
	[EVENT_SYN] = SEGMENT("syn", "a SYN without ACK; once a connection is there, a copy of the SYN that "
			      "opened it, SEQ = IRS"),
	[EVENT_SYN_ACK] = SEGMENT("syn_ack", "SYN,ACK with SEQ = IRS and a good ACK; in SYN-SENT the first one"),
	[EVENT_ACK_ACCEPTABLE] = SEGMENT("ack_acceptable", "an ACK without data, not below SND.UNA and not "
					 "above SND.NXT, that does not cover our FIN; before ESTABLISHED it "
					 "covers our SYN"),
	[EVENT_ACK_OLD] = SEGMENT("ack_old", "an ACK without data, SEG.ACK < SND.UNA; before ESTABLISHED "
				  "SEG.ACK <= ISS"),
	[EVENT_ACK_FUTURE] = SEGMENT("ack_future", "an ACK without data of what was not sent, "
				     "SEG.ACK > SND.NXT"),
	[EVENT_ACK_OF_OUR_FIN] = SEGMENT("ack_of_our_fin", "an ACK without data that covers our FIN, "
					 "SEG.ACK = SND.NXT"),
	[EVENT_ACK_PARTIAL] = SEGMENT("ack_partial", "an ACK without data of part of what is outstanding"),
	[EVENT_ACK_OUT_OF_WINDOW] = SEGMENT("ack_out_of_window", "an ACK without data, SEQ far beyond the "
					    "window"),
	[EVENT_ACK_LEFT_OF_WINDOW] = SEGMENT("ack_left_of_window", "an ACK of our SYN,ACK without data, but "
					     "with SEQ = IRS"),
	[EVENT_RST_EXACT] = SEGMENT("rst_exact", "a RST without ACK at SEQ = RCV.NXT; in SYN-SENT one whose "
				    "ACK covers our SYN"),
	[EVENT_RST_IN_WINDOW] = SEGMENT("rst_in_window", "a RST without ACK in the window but not at RCV.NXT; "
					"in SYN-SENT one without ACK"),
	[EVENT_RST_OUT_OF_WINDOW] = SEGMENT("rst_out_of_window", "a RST without ACK outside the window; in "
					    "SYN-SENT one whose ACK is unacceptable"),
	[EVENT_RST_EXACT_ACK_BIT] = SEGMENT("rst_exact_ack_bit", "a RST with any ACK at SEQ = RCV.NXT"),
	[EVENT_RST_EXACT_ACTIVE] = SEGMENT("rst_exact_active", "a RST without ACK at SEQ = RCV.NXT, after an "
					   "active open"),
	[EVENT_RST_EXACT_ZERO_WINDOW] = SEGMENT("rst_exact_zero_window", "a RST without ACK at SEQ = RCV.NXT "
						"while our window is zero"),
	[EVENT_RST_AFTER_REOPEN] = SEGMENT("rst_after_reopen", "a RST without ACK at SEQ = RCV.NXT, after a "
					   "SYN reopened the connection from TIME-WAIT"),
	[EVENT_RST_DATA] = SEGMENT("rst_data", "a RST with data at SEQ = RCV.NXT"),
	[EVENT_RST_OLD_TS] = SEGMENT("rst_old_ts", "a RST at SEQ = RCV.NXT whose timestamp is older than the "
				     "last"),
	[EVENT_RST_LEFT_OF_EDGE] = SEGMENT("rst_left_of_edge", "a RST at SEQ = RCV.NXT-1"),
	[EVENT_RST_LAST_IN_WINDOW] = SEGMENT("rst_last_in_window", "a RST at the last number of the window, "
					     "SEQ = RCV.NXT+RCV.WND-1"),
	[EVENT_RST_RIGHT_EDGE] = SEGMENT("rst_right_edge", "a RST at the first number behind the window, "
					 "SEQ = RCV.NXT+RCV.WND"),
	[EVENT_FIN] = SEGMENT("fin", "FIN,ACK without data at RCV.NXT that does not cover our FIN; after the "
			      "peer's FIN, a second one behind it"),
	[EVENT_FIN_ACK_OF_OUR_FIN] = SEGMENT("fin_ack_of_our_fin", "FIN,ACK without data at RCV.NXT that "
					     "covers our FIN; after the peer's FIN, a copy of it that does"),
	[EVENT_RETRANSMITTED_FIN] = SEGMENT("retransmitted_fin", "an exact copy of the FIN that was taken, "
					    "SEQ = RCV.NXT-1"),
	[EVENT_FIN_OUT_OF_ORDER] = SEGMENT("fin_out_of_order", "a FIN in the window behind a gap"),
	[EVENT_FIN_NO_ACK] = SEGMENT("fin_no_ack", "a FIN at RCV.NXT without the ACK bit"),
	[EVENT_SYN_IN_WINDOW] = SEGMENT("syn_in_window", "a SYN without ACK at RCV.NXT or above it in the "
					"window"),
	[EVENT_SYN_IN_WINDOW_ACTIVE] = SEGMENT("syn_in_window_active", "a SYN without ACK in the window, after "
					       "an active open"),
	[EVENT_SYN_OUT_OF_WINDOW] = SEGMENT("syn_out_of_window", "a SYN without ACK far outside the window"),
	[EVENT_SYN_ACK_IN_WINDOW] = SEGMENT("syn_ack_in_window", "SYN,ACK with SEQ in the window"),
	[EVENT_SYN_ACK_PASSIVE] = SEGMENT("syn_ack_passive", "SYN,ACK with SEQ = IRS and a good ACK, after a "
					  "passive open"),
	[EVENT_SYN_ACK_BAD_ACK] = SEGMENT("syn_ack_bad_ack", "SYN,ACK that does not acknowledge our SYN"),
	[EVENT_SYN_ACK_DATA] = SEGMENT("syn_ack_data", "SYN,ACK with data"),
	[EVENT_SYN_ACK_FIN] = SEGMENT("syn_ack_fin", "SYN,ACK with FIN"),
	[EVENT_SYN_DATA] = SEGMENT("syn_data", "a SYN with data"),
	[EVENT_SYN_FIN] = SEGMENT("syn_fin", "a SYN with FIN"),
	[EVENT_SYN_RST] = SEGMENT("syn_rst", "a SYN with RST"),
	[EVENT_SYN_PSH] = SEGMENT("syn_psh", "a SYN with PSH, URG, ECE, CWR or reserved bits"),
	[EVENT_TIMEWAIT_SYN_NEWER] = SEGMENT("timewait_syn_newer", "a SYN without ACK and timestamp above all "
					     "that the old connection received"),
	[EVENT_TIMEWAIT_SYN_NEWER_TS] = SEGMENT("timewait_syn_newer_ts", "a SYN without ACK whose timestamp is "
						"above the old connection's last"),
	[EVENT_TIMEWAIT_SYN_OLDER] = SEGMENT("timewait_syn_older", "a SYN without ACK that is newer neither by "
					     "SEQ nor by timestamp"),
	[EVENT_DATA_IN_WINDOW] = SEGMENT("data_in_window", "data at RCV.NXT"),
	[EVENT_DATA_OUT_OF_WINDOW] = SEGMENT("data_out_of_window", "data wholly old, or far beyond the window"),
	[EVENT_DATA_AFTER_FIN] = SEGMENT("data_after_fin", "data behind the peer's FIN"),
	[EVENT_DATA_OUT_OF_ORDER] = SEGMENT("data_out_of_order", "data in the window behind a gap"),
	[EVENT_DATA_FIN] = SEGMENT("data_fin", "data with FIN at RCV.NXT that does not cover our FIN"),
	[EVENT_DATA_ACK_OF_OUR_FIN] = SEGMENT("data_ack_of_our_fin", "data at RCV.NXT that covers our FIN"),
	[EVENT_DATA_FIN_ACK_OF_OUR_FIN] = SEGMENT("data_fin_ack_of_our_fin", "data with FIN at RCV.NXT that "
						  "covers our FIN"),
	[EVENT_DATA_PARTIAL_OLD] = SEGMENT("data_partial_old", "data that begins before RCV.NXT and ends in "
					   "the window"),
	[EVENT_DATA_PARTIAL_BEYOND] = SEGMENT("data_partial_beyond", "data that begins at RCV.NXT and ends "
					      "beyond the window"),
	[EVENT_DATA_ACK_FUTURE] = SEGMENT("data_ack_future", "data or FIN at RCV.NXT with SEG.ACK > SND.NXT"),
	[EVENT_DATA_ACK_OLD] = SEGMENT("data_ack_old", "data at RCV.NXT with SEG.ACK < SND.UNA"),
	[EVENT_DATA_BAD_ACK] = SEGMENT("data_bad_ack", "data or FIN at RCV.NXT that does not acknowledge our "
				       "SYN,ACK, or more than that"),
	[EVENT_RETRANSMITTED_DATA] = SEGMENT("retransmitted_data", "data that was taken before, sent again"),
	[EVENT_OLD_BYTE] = SEGMENT("old_byte", "one byte at SEQ = RCV.NXT-1"),
	[EVENT_KEEPALIVE_PROBE] = SEGMENT("keepalive_probe", "an ACK without data at SEQ = RCV.NXT-1"),
	[EVENT_WINDOW_PROBE] = SEGMENT("window_probe", "one byte at RCV.NXT while our window is zero"),
	[EVENT_PAWS_OLD_TS] = SEGMENT("paws_old_ts", "data at RCV.NXT whose timestamp is older than the last"),
	[EVENT_TS_MISSING] = SEGMENT("ts_missing", "data at RCV.NXT without a timestamp, though negotiated"),
	[EVENT_URG] = SEGMENT("urg", "data with URG at RCV.NXT"),
	[EVENT_NO_ACK_FLAG] = SEGMENT("no_ack_flag", "a segment at RCV.NXT without SYN, RST and ACK: empty, "
				      "data or FIN"),
	[EVENT_BAD_CHECKSUM] = SEGMENT("bad_checksum", "a segment that had to be answered if its checksum were "
				       "right"),
	[EVENT_USER_PASSIVE_OPEN] = USER("user_passive_open", "the application listens"),
	[EVENT_USER_ACTIVE_OPEN] = USER("user_active_open", "the application connects"),
	[EVENT_USER_SEND] = USER("user_send", "the application sends data"),
	[EVENT_USER_CLOSE] = USER("user_close", "the application closes both directions, close()"),
	[EVENT_USER_SHUTDOWN_WR] = USER("user_shutdown_wr", "the application ends sending, shutdown(SHUT_WR): "
					"what RFC 9293 calls CLOSE"),
	[EVENT_USER_ABORT] = USER("user_abort", "the application aborts"),
	[EVENT_TO_RETRANSMISSION] = TIMEOUT("to_retransmission", "the oldest segment was not acknowledged in "
					    "time"),
	[EVENT_TO_USER] = TIMEOUT("to_user", "the connection made no progress for too long"),
	[EVENT_TO_2MSL] = TIMEOUT("to_2msl", "2 MSL have passed in TIME-WAIT"),
	[EVENT_TO_FINWAIT2] = TIMEOUT("to_finwait2", "no FIN came in FIN-WAIT-2 for a long while"),
	[EVENT_TO_PERSIST] = TIMEOUT("to_persist", "the peer's window has stayed zero"),
	[EVENT_TO_KEEPALIVE] = TIMEOUT("to_keepalive", "nothing was heard for the interval of keep-alives"),
	[EVENT_ICMP_SOFT] = ICMP("icmp_soft", "an ICMP error that can pass: net or host unreachable, time "
				 "exceeded, parameter problem"),
	[EVENT_ICMP_HARD] = ICMP("icmp_hard", "an ICMP error that lasts: protocol or port unreachable"),
	[EVENT_ICMP_QUENCH] = ICMP("icmp_quench", "an ICMP source quench"),
};

enum event event_by_name(const char *name)
{
	for (int e = 0; e < EVENTS; e++) {
		const char *a = events[e].name, *b = name;

		while (*a && (*a == *b || (*a == '_' && *b == '-')))
			a++, b++;
		if (!*a && !*b)
			return e;
	}
	return EVENTS;
}

enum { S = FLAG_SYN, A = FLAG_ACK, F = FLAG_FIN, R = FLAG_RST };

const struct reply_form replies[REPLIES] = {
	[REPLY_NONE] = { "nothing", 0, SEQ_NONE, ACK_NONE },
	[REPLY_SYN] = { "SYN(SEQ=ISS)", S, SEQ_ISS, ACK_NONE },
	[REPLY_SYN_ACK] = { "SYN+ACK(SEQ=ISS,ACK=SEG.SEQ+1)", S | A, SEQ_ISS, ACK_SEG_SYN },
	[REPLY_SYN_ACK_PART] = { "SYN+ACK(SEQ=ISS,ACK=SEG.SEQ+1..SEG.SEQ+SEG.LEN)", S | A, SEQ_ISS, ACK_PART },
	[REPLY_SYN_ACK_AGAIN] = { "SYN+ACK(SEQ=ISS,ACK=RCV.NXT)", S | A, SEQ_ISS, ACK_RCV_NXT },
	[REPLY_SYN_ACK_FRESH] = { "SYN+ACK(SEQ=ISS>=old SND.NXT,ACK=SEG.SEQ+1)", S | A, SEQ_FRESH, ACK_SEG_SYN },
	[REPLY_ACK] = { "ACK(SEQ=SND.NXT,ACK=RCV.NXT)", A, SEQ_SND_NXT, ACK_RCV_NXT },
	[REPLY_ACK_ALL] = { "ACK(SEQ=SND.NXT,ACK=SEG.SEQ+SEG.LEN)", A, SEQ_SND_NXT, ACK_SEG_END },
	[REPLY_ACK_SYN] = { "ACK(SEQ=SND.NXT,ACK=SEG.SEQ+1)", A, SEQ_SND_NXT, ACK_SEG_SYN },
	[REPLY_ACK_TEXT] = { "ACK(SEQ=SND.NXT,ACK=SEG.SEQ+len)", A, SEQ_SND_NXT, ACK_SEG_TEXT },
	[REPLY_ACK_PART] = { "ACK(SEQ=SND.NXT,ACK=RCV.NXT..SEG.SEQ+SEG.LEN)", A, SEQ_SND_NXT, ACK_PART },
	[REPLY_ACK_MORE] = { "ACK(SEQ=SND.NXT,ACK=RCV.NXT+1)", A, SEQ_SND_NXT, ACK_RCV_NXT_MORE },
	[REPLY_FIN] = { "FIN+ACK(SEQ=SND.NXT,ACK=RCV.NXT) after queued data", F | A, SEQ_SND_NXT, ACK_RCV_NXT },
	[REPLY_FIN_AGAIN] = { "FIN+ACK(SEQ=SND.NXT-1)", F | A, SEQ_SND_NXT_LESS, ACK_ANY },
	[REPLY_DATA] = { "data(SEQ=SND.NXT,ACK=RCV.NXT)", A, SEQ_SND_NXT, ACK_RCV_NXT },
	[REPLY_OLDEST_AGAIN] = { "the oldest unacknowledged segment(SEQ=SND.UNA,ACK=RCV.NXT)", A, SEQ_SND_UNA,
				 ACK_RCV_NXT },
	[REPLY_KEEPALIVE] = { "ACK(SEQ=SND.NXT-1,ACK=RCV.NXT) with 0 or 1 byte", A, SEQ_SND_NXT_LESS,
			      ACK_RCV_NXT },
	[REPLY_RST] = { "RST(SEQ=SEG.ACK)", R, SEQ_SEG_ACK, ACK_NONE },
	[REPLY_RST_ACK] = { "RST+ACK(SEQ=SEG.ACK)", R | A, SEQ_SEG_ACK, ACK_ANY },
	[REPLY_RST_ZERO] = { "RST+ACK(SEQ=0,ACK=SEG.SEQ+SEG.LEN)", R | A, SEQ_ZERO, ACK_SEG_END },
	[REPLY_RST_ABORT] = { "RST(SEQ=SND.NXT)", R, SEQ_SND_NXT, ACK_NONE },
	[REPLY_RST_ACK_ABORT] = { "RST+ACK(SEQ=SND.NXT,ACK=RCV.NXT)", R | A, SEQ_SND_NXT, ACK_RCV_NXT },
	[REPLY_RST_ANY] = { "RST with a SEQ that the peer believes", R, SEQ_ANY, ACK_ANY },
};

const struct rule_table rule_tables[] = {
	{ rules_unsynchronized, ROWS_UNSYNCHRONIZED },
	{ rules_syn_received, ROWS_SYN_RECEIVED },
	{ rules_synchronized, ROWS_SYNCHRONIZED },
	{ rules_time_wait, ROWS_TIME_WAIT },
	{ rules_calls, ROWS_CALLS },
	{ NULL, 0 },
};

const struct rule *rules_find(enum tcp_state state, enum event event)
{
	for (const struct rule_table *t = rule_tables; t->rows; t++)
		for (size_t i = 0; i < t->count; i++)
			if (t->rows[i].event == event && t->rows[i].states & IN(state))
				return &t->rows[i];
	return NULL;
}

const char *rule_name(const struct rule *r, enum tcp_state state, char text[RULE_NAME])
{
	if (r->name)
		return r->name;
	snprintf(text, RULE_NAME, "%s %s", tcp_state_name(state), events[r->event].name);
	return text;
}

/* What a live rule says of one of its states. */
static void index_row(struct rule_index *index, const struct rule *r, enum tcp_state state)
{
	tcp_states *next = &index->next[r->event][state];

	for (unsigned i = 0; i < r->reactions_count; i++) {
		const struct reaction *a = &r->reactions[i];

		index->senders[a->reply] |= IN(state);
		if (a->grade == GRADE_THROTTLED)
			*next |= IN(state);
		else if (a->grade != GRADE_INCONCLUSIVE)
			*next |= a->next ? a->next : IN(state);
	}
}

void rule_index_init(struct rule_index *index)
{
	memset(index, 0, sizeof *index);
	for (const struct rule_table *t = rule_tables; t->rows; t++)
		for (size_t i = 0; i < t->count; i++)
			for (enum tcp_state s = 0; s < TCP_STATES; s++)
				if (t->rows[i].states & IN(s)) {
					index->rule[s][t->rows[i].event] = &t->rows[i];
					index_row(index, &t->rows[i], s);
				}
}
