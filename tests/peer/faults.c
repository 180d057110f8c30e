/* SPDX-License-Identifier: BSD-2-Clause */
#include "faults.h"

#include <string.h>

#include "peer_internal.h"

#define BREAKS false
#define LEGAL true

static const struct fault faults[FAULTS] = {
	[FAULT_NONE] = { "none", LEGAL, "RFC 9293", "Behaves as specified." },

	[FAULT_SYN_ACK_WRONG_ACK_ISN] = { "syn-ack-wrong-ack-isn", BREAKS, "RFC 9293 3.10.7.2",
		"The SYN,ACK acknowledges ISN instead of ISN+1." },
	[FAULT_SYN_ACK_WRONG_ACK_PLUS_TWO] = { "syn-ack-wrong-ack-plus-two", BREAKS, "RFC 9293 3.10.7.2",
		"The SYN,ACK acknowledges ISN+2." },
	[FAULT_SYN_ACK_WRONG_ACK_RANDOM] = { "syn-ack-wrong-ack-random", BREAKS, "RFC 9293 3.10.7.2",
		"The SYN,ACK acknowledges a random number." },
	[FAULT_SYN_ACK_OPTION_WSCALE] = { "syn-ack-option-wscale", BREAKS, "RFC 7323 2.2",
		"The SYN,ACK carries a window scale that the SYN did not offer." },
	[FAULT_SYN_ACK_OPTION_TIMESTAMPS] = { "syn-ack-option-timestamps", BREAKS, "RFC 7323 3.2",
		"The SYN,ACK carries timestamps that the SYN did not offer." },
	[FAULT_SYN_ACK_NO_ACK] = { "syn-ack-no-ack", BREAKS, "RFC 9293 3.10.7.2",
		"A SYN is answered by a SYN without the ACK bit." },
	[FAULT_SYN_ACK_FIN] = { "syn-ack-fin", BREAKS, "RFC 9293 3.10.7.2",
		"The SYN,ACK has the FIN bit set." },
	[FAULT_SYN_ACK_MOVING_ISS] = { "syn-ack-moving-iss", BREAKS, "RFC 9293 3.10.8",
		"Each repetition of the SYN,ACK has another ISS." },
	[FAULT_ISS_CONSTANT] = { "iss-constant", BREAKS, "RFC 9293 3.4.1 (MUST-8)",
		"Every connection has the same ISS." },
	[FAULT_BAD_ACK_IGNORED] = { "bad-ack-ignored", BREAKS, "RFC 9293 3.10.7.2, 3.10.7.4",
		"An unacceptable ACK in LISTEN or SYN-RECEIVED is not answered by a reset." },

	[FAULT_MSS_ON_NON_SYN] = { "mss-on-non-syn", BREAKS, "RFC 9293 3.2 (MUST-65)",
		"Segments without SYN carry the MSS option." },
	[FAULT_WSCALE_ON_NON_SYN] = { "wscale-on-non-syn", BREAKS, "RFC 7323 2.2",
		"Segments without SYN carry the window scale option." },
	[FAULT_OPTION_BAD_LENGTH] = { "option-bad-length", BREAKS, "RFC 9293 3.2 (MUST-68)",
		"The MSS option of the SYN,ACK says that it is 3 bytes long." },
	[FAULT_OPTION_OVERRUN] = { "option-overrun", BREAKS, "RFC 9293 3.1 (MUST-68)",
		"The last option of the SYN,ACK reaches past the end of the header." },
	[FAULT_CHECKSUM_BAD] = { "checksum-bad", BREAKS, "RFC 9293 3.1 (MUST-2)",
		"Every checksum is wrong." },
	[FAULT_CHECKSUM_BAD_ONCE] = { "checksum-bad-once", BREAKS, "RFC 9293 3.1 (MUST-2)",
		"The checksum of the first segment of a connection is wrong." },
	[FAULT_RESERVED_BITS] = { "reserved-bits", BREAKS, "RFC 9293 3.1",
		"A reserved header bit is set." },
	[FAULT_NO_ACK_BIT] = { "no-ack-bit", BREAKS, "RFC 9293 3.1",
		"Segments after the handshake lack the ACK bit." },
	[FAULT_NULL_FLAGS] = { "null-flags", BREAKS, "RFC 9293 3.1",
		"Segments after the handshake, FINs and resets excepted, have no flag at all." },
	[FAULT_SYN_BIT_LATER] = { "syn-bit-later", BREAKS, "RFC 9293 3.10.7.4",
		"Segments after the handshake have the SYN bit set." },
	[FAULT_TIMESTAMPS_MISSING] = { "timestamps-missing", BREAKS, "RFC 7323 3.2",
		"Timestamps are negotiated, then left out." },
	[FAULT_TIMESTAMPS_WRONG_ECHO] = { "timestamps-wrong-echo", BREAKS, "RFC 7323 4.3",
		"TSecr is not what was received." },

	[FAULT_RST_SEQ_NOT_ZERO] = { "rst-seq-not-zero", BREAKS, "RFC 9293 3.10.7.1",
		"The reset that answers a SYN has a random SEQ instead of 0." },
	[FAULT_RST_NO_ACK] = { "rst-no-ack", BREAKS, "RFC 9293 3.10.7.1",
		"The reset that answers a SYN lacks the ACK bit." },
	[FAULT_RST_SYN_NOT_COUNTED] = { "rst-syn-not-counted", BREAKS, "RFC 9293 3.10.7.1",
		"The reset that answers a SYN acknowledges SEG.SEQ." },
	[FAULT_RST_FIN_NOT_COUNTED] = { "rst-fin-not-counted", BREAKS, "RFC 9293 3.10.7.1",
		"The reset that answers a FIN without ACK does not count the FIN." },
	[FAULT_RST_WRONG_SEQ] = { "rst-wrong-seq", BREAKS, "RFC 9293 3.10.7.1",
		"The reset that answers an ACK has SEQ=SEG.ACK+1." },
	[FAULT_RST_OUT_OF_WINDOW] = { "rst-out-of-window", BREAKS, "RFC 9293 3.10.5",
		"The first data or FIN is answered by a reset far beyond the window." },
	[FAULT_RST_SEQ_LOW] = { "rst-seq-low", BREAKS, "RFC 9293 3.10.5",
		"The first data or FIN is answered by a reset three below SND.NXT." },
	[FAULT_RST_ANSWERS_RST] = { "rst-answers-rst", BREAKS, "RFC 9293 3.10.7.1",
		"Resets are answered by resets." },
	[FAULT_RST_IN_LAST_ACK] = { "rst-in-last-ack", BREAKS, "RFC 9293 3.10.7.4",
		"In LAST-ACK the acknowledgment of the FIN is answered by a reset." },
	[FAULT_ACTIVITY_AFTER_RST] = { "activity-after-rst", BREAKS, "RFC 9293 3.10.5",
		"The first data or FIN is answered by a reset, and 1.5 s later data follows." },

	[FAULT_DATA_SEQ_OFF_BY_ONE] = { "data-seq-off-by-one", BREAKS, "RFC 9293 3.4",
		"Segments with data have a SEQ that is one too high." },
	[FAULT_ACK_UNSENT] = { "ack-unsent", BREAKS, "RFC 9293 3.4",
		"Segments after the handshake acknowledge 1000 bytes that were never sent." },
	[FAULT_ACK_WITHDRAWN] = { "ack-withdrawn", BREAKS, "RFC 9293 3.4",
		"What has been acknowledged once is acknowledged one byte short the next time." },
	[FAULT_NO_BACK_OFF] = { "no-back-off", BREAKS, "RFC 9293 3.8.2 (MUST-19)",
		"Retransmissions keep the same gap." },

	[FAULT_FIN_NOT_COUNTED] = { "fin-not-counted", BREAKS, "RFC 9293 3.10.7.4",
		"The acknowledgment of a FIN does not count the FIN." },
	[FAULT_FIN_SEQ_HIGH] = { "fin-seq-high", BREAKS, "RFC 9293 3.4",
		"The FIN has a SEQ that is one too high." },
	[FAULT_FIN_SEQ_LOW] = { "fin-seq-low", BREAKS, "RFC 9293 3.4",
		"The FIN has a SEQ that is one too low, inside what was sent before." },
	[FAULT_FIN_MOVES] = { "fin-moves", BREAKS, "RFC 9293 3.10.4",
		"Each repetition of the FIN has a SEQ that is one higher." },
	[FAULT_FIN_WITHOUT_ACK] = { "fin-without-ack", BREAKS, "RFC 9293 3.1",
		"The FIN lacks the ACK bit." },
	[FAULT_FIN_NOT_REPEATED] = { "fin-not-repeated", BREAKS, "RFC 9293 3.10.8",
		"A FIN that is not acknowledged is never sent again." },
	[FAULT_FIN_IGNORED] = { "fin-ignored", BREAKS, "RFC 9293 3.10.7.4",
		"A FIN is never acknowledged." },
	[FAULT_DATA_AFTER_FIN] = { "data-after-fin", BREAKS, "RFC 9293 3.10.2",
		"Data follows the FIN." },
	[FAULT_NO_TIME_WAIT] = { "no-time-wait", BREAKS, "RFC 9293 3.6.1 (MUST-13)",
		"There is no TIME-WAIT: a repeated FIN draws a reset." },
	[FAULT_TIME_WAIT_SILENT] = { "time-wait-silent", BREAKS, "RFC 9293 3.10.7.4",
		"In TIME-WAIT nothing is answered." },

	[FAULT_RST_IGNORED_OPENING] = { "rst-ignored-opening", BREAKS, "RFC 9293 3.10.7.4 (MUST-11)",
		"In SYN-RECEIVED a reset at RCV.NXT is ignored." },
	[FAULT_RST_IGNORED_OPEN] = { "rst-ignored-open", BREAKS, "RFC 9293 3.10.7.4",
		"In ESTABLISHED and CLOSE-WAIT a reset at RCV.NXT is ignored." },
	[FAULT_RST_IGNORED_CLOSING] = { "rst-ignored-closing", BREAKS, "RFC 9293 3.10.7.4",
		"While the FIN is out, and in FIN-WAIT-2, a reset at RCV.NXT is ignored." },
	[FAULT_RST_ACK_IGNORED] = { "rst-ack-ignored", BREAKS, "RFC 9293 3.10.7.4",
		"A reset at RCV.NXT is ignored if it has the ACK bit." },
	[FAULT_RST_OUTSIDE_OBEYED] = { "rst-outside-obeyed", BREAKS, "RFC 9293 3.10.7.4, 3.5.3",
		"A reset outside the window ends the connection." },
	[FAULT_RST_LEFT_OBEYED] = { "rst-left-obeyed", BREAKS, "RFC 9293 3.10.7.4, 3.5.3",
		"In CLOSE-WAIT a reset at RCV.NXT-1 ends the connection." },
	[FAULT_RST_OUTSIDE_ANSWERED] = { "rst-outside-answered", BREAKS, "RFC 9293 3.10.7.4",
		"A reset outside the window is answered by an ACK." },
	[FAULT_RST_FORM_FOR_ACK] = { "rst-form-for-ack", BREAKS, "RFC 9293 3.10.7.1",
		"The reset that answers an ACK has SEQ=0 and an ACK, as that for a SYN." },
	[FAULT_SYN_SENT_RST_OBEYED] = { "syn-sent-rst-obeyed", BREAKS, "RFC 9293 3.10.7.3",
		"In SYN-SENT a reset without ACK ends the attempt." },
	[FAULT_SYN_SENT_BAD_RST_OBEYED] = { "syn-sent-bad-rst-obeyed", BREAKS, "RFC 9293 3.10.7.3",
		"In SYN-SENT a reset with an unacceptable ACK ends the attempt." },
	[FAULT_SYN_SENT_SYN_IGNORED] = { "syn-sent-syn-ignored", BREAKS, "RFC 9293 3.10.7.3, 3.5 (MUST-10)",
		"In SYN-SENT a SYN without ACK is ignored." },
	[FAULT_SYN_SENT_SYN_FRESH] = { "syn-sent-syn-fresh", BREAKS, "RFC 9293 3.10.7.3",
		"In SYN-SENT a SYN is answered by a SYN,ACK with another ISS." },
	[FAULT_SYN_SENT_BAD_ACK_TAKEN] = { "syn-sent-bad-ack-taken", BREAKS, "RFC 9293 3.10.7.3",
		"In SYN-SENT a SYN,ACK is taken whatever it acknowledges." },
	[FAULT_SYN_COPY_COUNTED] = { "syn-copy-counted", BREAKS, "RFC 9293 3.10.7.4",
		"A copy of the SYN counts as one number more." },
	[FAULT_SYN_COPY_ACCEPTED] = { "syn-copy-accepted", BREAKS, "RFC 9293 3.10.7.4",
		"A copy of the SYN is answered by the SYN,ACK after the handshake." },
	[FAULT_SYN_RESTARTS] = { "syn-restarts", BREAKS, "RFC 9293 3.10.7.4",
		"In ESTABLISHED a SYN in the window begins a new connection." },
	[FAULT_SYN_RECEIVED_BAD_ACK_TAKEN] = { "syn-received-bad-ack-taken", BREAKS, "RFC 9293 3.10.7.4",
		"In SYN-RECEIVED any ACK completes the handshake." },
	[FAULT_LISTEN_SYN_RST_TAKEN] = { "listen-syn-rst-taken", BREAKS, "RFC 9293 3.10.7.2",
		"In LISTEN a SYN with RST is taken for a SYN." },
	[FAULT_LISTEN_NULL_REFUSED] = { "listen-null-refused", BREAKS, "RFC 9293 3.10.7.2",
		"In LISTEN a segment without SYN, ACK and RST is answered by a reset." },
	[FAULT_LISTEN_ACK_IGNORED] = { "listen-ack-ignored", BREAKS, "RFC 9293 3.10.7.2",
		"In LISTEN a bare ACK is not answered by a reset." },
	[FAULT_CLOSED_SILENT] = { "closed-silent", BREAKS, "RFC 9293 3.10.7.1",
		"A closed port says nothing." },
	[FAULT_ACK_FUTURE_SILENT] = { "ack-future-silent", BREAKS, "RFC 9293 3.10.7.4",
		"An ACK of what was not sent is dropped without an answer." },
	[FAULT_ACK_OUTSIDE_SILENT] = { "ack-outside-silent", BREAKS, "RFC 9293 3.10.7.4",
		"An empty segment outside the window is not answered." },
	[FAULT_ACK_SEQ_UNA] = { "ack-seq-una", BREAKS, "RFC 9293 3.10.7.4",
		"Bare ACKs have SEQ=SND.UNA instead of SND.NXT." },
	[FAULT_NO_ACK_TAKEN] = { "no-ack-taken", BREAKS, "RFC 9293 3.10.7.4",
		"Data and FIN are taken from segments without the ACK bit." },
	[FAULT_OUTSIDE_DATA_TAKEN] = { "outside-data-taken", BREAKS, "RFC 9293 3.10.7.4",
		"Data beyond the window is acknowledged." },
	[FAULT_GAP_TAKEN] = { "gap-taken", BREAKS, "RFC 9293 3.10.7.4",
		"Data behind a gap is acknowledged, and the gap with it." },
	[FAULT_GAP_FIN_TAKEN] = { "gap-fin-taken", BREAKS, "RFC 9293 3.10.7.4",
		"A FIN behind a gap is acknowledged, and the gap with it." },
	[FAULT_DATA_BEHIND_FIN_TAKEN] = { "data-behind-fin-taken", BREAKS, "RFC 9293 3.10.7.4",
		"Data behind the prober's FIN is acknowledged." },
	[FAULT_URG_IGNORED] = { "urg-ignored", BREAKS, "RFC 9293 3.10.7.4, 3.8.5",
		"Segments with URG are dropped." },
	[FAULT_FIN_COPY_IGNORED] = { "fin-copy-ignored", BREAKS, "RFC 9293 3.10.7.4",
		"A FIN that comes again is not acknowledged again." },
	[FAULT_FIN_WAIT_1_TIME_WAIT] = { "fin-wait-1-time-wait", BREAKS, "RFC 9293 3.10.7.4",
		"A FIN that crosses ours leads to TIME-WAIT, where ours is not repeated." },
	[FAULT_FIN_WAIT_2_FIN_IGNORED] = { "fin-wait-2-fin-ignored", BREAKS, "RFC 9293 3.10.7.4",
		"In FIN-WAIT-2 a FIN is ignored." },
	[FAULT_FIN_WAIT_2_DATA_IGNORED] = { "fin-wait-2-data-ignored", BREAKS, "RFC 9293 3.10.7.4",
		"In FIN-WAIT-2 data is ignored." },
	[FAULT_CLOSING_FIN_BIT_LOST] = { "closing-fin-bit-lost", BREAKS, "RFC 9293 3.10.8",
		"In CLOSING the FIN is repeated without its bit." },
	[FAULT_CLOSE_WAIT_ACK_RESET] = { "close-wait-ack-reset", BREAKS, "RFC 9293 3.10.7.4",
		"In CLOSE-WAIT an ACK is answered by a reset." },
	[FAULT_LAST_ACK_STAYS] = { "last-ack-stays", BREAKS, "RFC 9293 3.10.7.4",
		"The ACK of the FIN does not end LAST-ACK." },

	[FAULT_RST_TO_FIN] = { "rst-to-fin", LEGAL, "RFC 9293 3.10.5",
		"In ESTABLISHED a FIN is answered by a reset, as an application that aborts would." },
	[FAULT_RST_AFTER_FIN] = { "rst-after-fin", LEGAL, "RFC 9293 3.10.5",
		"A reset follows the FIN at once, as from an application that closes and then aborts." },
	[FAULT_DIES] = { "dies", LEGAL, "RFC 9293 3.8.3",
		"After the handshake nothing is sent any more, as from a host that lost its power." },
	[FAULT_DUPLICATES] = { "duplicates", LEGAL, "RFC 9293 2.2", "Every segment is sent twice." },
	[FAULT_REORDERS] = { "reorders", LEGAL, "RFC 9293 2.2",
		"Bare ACKs leave 20 ms late, after the data or the FIN that follow them." },
	[FAULT_DELAYS] = { "delays", LEGAL, "RFC 9293 2.2", "Every segment leaves 200 ms late." },
	[FAULT_TTL_255] = { "ttl-255", LEGAL, "RFC 9293 3.9.2 (MUST-49)", "Segments have TTL 255." },
	[FAULT_CHALLENGE_FIRST] = { "challenge-first", LEGAL, "RFC 9293 3.5.1, Figure 9",
		"The first SYN meets a half-open connection, which answers with an ACK and dies of a reset." },
	[FAULT_SYN_ACK_NOT_REPEATED] = { "syn-ack-not-repeated", LEGAL, "RFC 4987 3.6",
		"The SYN,ACK is never sent again, as where SYN cookies leave nothing to repeat." },
	[FAULT_SYN_ACK_LATE] = { "syn-ack-late", LEGAL, "RFC 4987 3",
		"The first two SYNs from an endpoint are dropped." },
	[FAULT_FIN_LOST_ONCE] = { "fin-lost-once", LEGAL, "RFC 9293 3.10.8",
		"The first transmission of a FIN is lost." },
	[FAULT_ACK_APART] = { "ack-apart", LEGAL, "RFC 9293 3.10.7.4",
		"Data and FIN are acknowledged by segments of their own, never together with data or FIN." },
};

const struct fault *faults_info(enum peer_fault fault)
{
	return &faults[fault];
}

bool faults_is_odd(enum peer_fault fault)
{
	return fault >= FAULT_RST_IGNORED_OPENING && fault <= FAULT_LAST_ACK_STAYS;
}

enum peer_fault faults_by_name(const char *name)
{
	int i;

	for (i = 0; i < FAULTS; i++)
		if (!strcmp(faults[i].name, name))
			break;
	return (enum peer_fault)i;
}

static void change_syn_ack(struct peer *p, const struct peer_conn *c, struct segment *s)
{
	switch (p->params.fault) {
	case FAULT_SYN_ACK_WRONG_ACK_ISN:
		s->ack--;
		break;
	case FAULT_SYN_ACK_WRONG_ACK_PLUS_TWO:
		s->ack++;
		break;
	case FAULT_SYN_ACK_WRONG_ACK_RANDOM:
		/* At least 3 from ISN+1, on either side. */
		s->ack += 3 + (uint32_t)(peer_random(p) % 0xfffffff0U);
		break;
	case FAULT_SYN_ACK_OPTION_WSCALE:
		s->options.present |= OPTION_WSCALE;
		break;
	case FAULT_SYN_ACK_OPTION_TIMESTAMPS:
		s->options.present |= OPTION_TIMESTAMPS;
		break;
	case FAULT_SYN_ACK_NO_ACK:
		s->flags &= (uint16_t)~FLAG_ACK;
		s->ack = 0;
		break;
	case FAULT_SYN_ACK_FIN:
		s->flags |= FLAG_FIN;
		break;
	case FAULT_SYN_ACK_MOVING_ISS:
		s->seq += 12345 * (c->syns - 1);
		break;
	default:
		return;
	}
	options_build(&s->options);
}

/* Segments with SYN or without. */
static void change_options(const struct peer *p, struct segment *s)
{
	static const uint8_t bad_length[] = { 2, 3, 5, 1 };
	static const uint8_t overrun[] = { 1, 1, 8, 10 };
	bool syn = s->flags & FLAG_SYN;

	switch (p->params.fault) {
	case FAULT_MSS_ON_NON_SYN:
		if (!syn) {
			s->options.present |= OPTION_MSS;
			s->options.mss = p->params.mss;
			options_build(&s->options);
		}
		break;
	case FAULT_WSCALE_ON_NON_SYN:
		if (!syn) {
			s->options.present |= OPTION_WSCALE;
			s->options.wscale = p->params.wscale;
			options_build(&s->options);
		}
		break;
	case FAULT_OPTION_BAD_LENGTH:
		if (syn)
			options_parse(&s->options, bad_length, sizeof bad_length);
		break;
	case FAULT_OPTION_OVERRUN:
		if (syn)
			options_parse(&s->options, overrun, sizeof overrun);
		break;
	case FAULT_TIMESTAMPS_MISSING:
		if (!syn) {
			s->options.present &= (uint8_t)~OPTION_TIMESTAMPS;
			options_build(&s->options);
		}
		break;
	case FAULT_TIMESTAMPS_WRONG_ECHO:
		if (s->options.present & OPTION_TIMESTAMPS && s->flags & FLAG_ACK) {
			s->options.tsecr += 1000;
			options_build(&s->options);
		}
		break;
	default:
		break;
	}
}

/* Segments after the handshake, resets excepted. */
static void change_later(const struct peer *p, struct peer_conn *c, struct segment *s)
{
	switch (p->params.fault) {
	case FAULT_NO_ACK_BIT:
		s->flags &= (uint16_t)~FLAG_ACK;
		break;
	case FAULT_NULL_FLAGS:
		if (!(s->flags & FLAG_FIN))
			s->flags = 0;
		break;
	case FAULT_SYN_BIT_LATER:
		s->flags |= FLAG_SYN;
		break;
	case FAULT_DATA_SEQ_OFF_BY_ONE:
		s->seq += !!s->len;
		break;
	case FAULT_ACK_UNSENT:
		s->ack += 1000;
		break;
	case FAULT_ACK_WITHDRAWN:
		if (s->ack != c->irs + 1 && s->ack == c->fault_ack)
			s->ack--;
		else
			c->fault_ack = s->ack;
		break;
	case FAULT_FIN_NOT_COUNTED:
		s->ack -= c->fin_received;
		break;
	case FAULT_ACK_SEQ_UNA:
		if (s->flags == FLAG_ACK && !s->len)
			s->seq = c->snd_una;
		break;
	default:
		break;
	}
}

static void change_fin(const struct peer *p, const struct peer_conn *c, struct segment *s)
{
	switch (p->params.fault) {
	case FAULT_FIN_SEQ_HIGH:
		s->seq++;
		break;
	case FAULT_FIN_SEQ_LOW:
		s->seq--;
		break;
	case FAULT_FIN_MOVES:
		s->seq += c->fins - 1;
		break;
	case FAULT_FIN_WITHOUT_ACK:
		s->flags &= (uint16_t)~FLAG_ACK;
		break;
	case FAULT_CLOSING_FIN_BIT_LOST:
		if (c->state == PEER_CLOSING && c->fins > 1)
			s->flags &= (uint16_t)~FLAG_FIN;
		break;
	default:
		break;
	}
}

static void change_rst(const struct peer *p, struct segment *s)
{
	if (peer_has_fault(p, FAULT_RST_OUT_OF_WINDOW))
		s->seq += 0x50000000; /* no window is larger than 2^30 */
	else if (peer_has_fault(p, FAULT_RST_SEQ_LOW))
		s->seq -= 3;
}

/* The reset of a closed port, which answers `cause`. */
static void change_refusal(struct peer *p, struct segment *s, const struct segment *cause)
{
	if (!(s->flags & FLAG_ACK)) {
		if (peer_has_fault(p, FAULT_RST_WRONG_SEQ)) {
			s->seq++;
		} else if (peer_has_fault(p, FAULT_RST_FORM_FOR_ACK)) {
			s->flags |= FLAG_ACK;
			s->seq = 0;
			s->ack = cause->seq + segment_len(cause);
		}
		return;
	}
	switch (p->params.fault) {
	case FAULT_RST_SEQ_NOT_ZERO:
		s->seq = (uint32_t)peer_random(p) | 1;
		break;
	case FAULT_RST_NO_ACK:
		s->flags = FLAG_RST;
		s->ack = 0;
		break;
	case FAULT_RST_SYN_NOT_COUNTED:
		s->ack -= !!(cause->flags & FLAG_SYN);
		break;
	case FAULT_RST_FIN_NOT_COUNTED:
		s->ack -= !!(cause->flags & FLAG_FIN);
		break;
	default:
		break;
	}
}

bool faults_apply(struct peer *p, struct peer_conn *c, struct segment *s, const struct segment *cause)
{
	bool fin = s->flags & FLAG_FIN;

	if (peer_has_fault(p, FAULT_TTL_255))
		s->ttl = 255;
	if (peer_has_fault(p, FAULT_RESERVED_BITS))
		s->flags |= 0x200;
	if (peer_has_fault(p, FAULT_CHECKSUM_BAD))
		s->checksum = CHECKSUM_BAD;
	if (!c) {
		change_refusal(p, s, cause);
		return true;
	}
	if (peer_has_fault(p, FAULT_CHECKSUM_BAD_ONCE) && c->segments == 1)
		s->checksum = CHECKSUM_BAD;
	if (peer_has_fault(p, FAULT_DIES) && c->state != PEER_SYN_SENT && c->state != PEER_SYN_RECEIVED)
		return false;
	if (peer_has_fault(p, FAULT_FIN_LOST_ONCE) && fin && c->fins == 1)
		return false;
	if (s->flags & FLAG_RST) {
		change_rst(p, s);
		return true;
	}
	change_options(p, s);
	if (s->flags & FLAG_SYN) {
		if (s->flags & FLAG_ACK)
			change_syn_ack(p, c, s);
		return true;
	}
	if (fin)
		change_fin(p, c, s);
	change_later(p, c, s);
	return true;
}
