/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of RFC 9293 that have no label. Each U- is followed by its section. */
#include "core/requirements.h"

#include "core/requirements_rows.h"

static const struct requirement rows[] = {
	{ "U-3.1-rsvd", "spec", "RFC 9293 3.1", ON_WIRE,
	  "Reserved header bits are sent as zero and ignored when they arrive set",
	  "a SYN with reserved bits draws a normal SYN+ACK in which they are zero" },
	{ "U-3.4.2-quiet", "spec", "RFC 9293 3.4.2; RFC 9293 3.4.3", NOT_OBSERVABLE,
	  "A host that has lost its memory of sequence numbers sends nothing for one maximum segment "
	  "lifetime, unless it takes the risk",
	  "the target would have to be restarted, and the text lets implementers do without" },
	{ "U-3.5-syndata", "spec", "RFC 9293 3.5", WITH_APPLICATION,
	  "Data on a SYN is legal, but reaches the application only in ESTABLISHED",
	  "after a SYN with data the SYN+ACK acknowledges the SYN alone or the data too, and the "
	  "application reads nothing before the handshake ends" },
	{ "U-3.5.2-g1", "spec", "RFC 9293 3.5.2(1)", ON_WIRE,
	  "Where no connection exists, every segment other than a RST draws a RST that the sender can "
	  "believe",
	  "segments to a closed port draw RST with the numbers of the text; silence means a filter on the "
	  "way" },
	{ "U-3.5.2-g2", "spec", "RFC 9293 3.5.2(2)", ON_WIRE,
	  "Before a connection is synchronized, an ACK of something never sent draws a RST, and the state "
	  "stays",
	  "during a handshake a wrong ACK draws a RST at the number of that ACK, or an ACK where the range "
	  "test comes first; the right ACK still completes it" },
	{ "U-3.5.2-g3", "spec", "RFC 9293 3.5.2(3)", ON_WIRE,
	  "In a synchronized state a segment outside the window or with an unacceptable ACK draws an empty "
	  "ACK with the current numbers, and the state stays",
	  "segments beyond the window, or that acknowledge what was never sent, draw that ACK" },
	{ "U-3.5.2-tw", "spec", "RFC 9293 3.5.2", WITH_APPLICATION,
	  "The side that sends a RST should go to TIME-WAIT; ABORT in 3.10.5 says CLOSED",
	  "after the application aborted, a later segment may draw ACK or RST" },
	{ "U-3.5.3", "spec", "RFC 9293 3.5.3", ON_WIRE,
	  "A RST is valid if its sequence number is in the window; in SYN-SENT if it acknowledges the SYN",
	  "resets with right and wrong numbers are sent in each state" },
	{ "U-3.6-case1", "spec", "RFC 9293 3.6", WITH_APPLICATION,
	  "After CLOSE, queued data and the FIN are sent and repeated until all is acknowledged",
	  "the application sends and closes while the prober is silent: data, then FIN, are repeated at "
	  "growing intervals" },
	{ "U-3.6-halfclose", "spec", "RFC 9293 3.6.1", WITH_APPLICATION,
	  "After one side has closed, the other may go on sending, and what it sends is received and "
	  "acknowledged",
	  "after the prober's FIN the application goes on writing; after its own close for writing it "
	  "still reads" },
	{ "U-3.8.3-synerr", "spec", "RFC 9293 3.8.3", WITH_APPLICATION,
	  "An attempt to open fails when the SYN times out, is reset or draws a port unreachable, and the "
	  "application is told",
	  "the application gets an error in each of the three cases" },
	{ "U-3.9.1.8", "MUST", "RFC 9293 3.9.1.8", WITH_APPLICATION,
	  "Reports to the application include ICMP errors, excessive retransmission and an advance of the "
	  "urgent pointer; this MUST has no label",
	  "each is provoked while the application watches" },
	{ "U-3.10.7.3-rst", "SHOULD", "RFC 9293 3.10.7.3", WITH_APPLICATION,
	  "Withdrawn by the verified erratum 8167: a sequence number test of RST in SYN-SENT",
	  "it is not tested; a RST in SYN-SENT is judged by its acknowledgment number alone" },
	{ "U-3.10.7.3-may", "MAY", "RFC 9293 3.10.7.3", WITH_APPLICATION,
	  "The ACK that completes an active open may carry queued data or controls",
	  "whether the ACK of a SYN+ACK carries something is noted" },
	{ "U-3.10.7.4-oow", "spec", "RFC 9293 3.10.7.4(1)", ON_WIRE,
	  "In a synchronized state a segment that does not lie in the window draws an ACK, unless it is a "
	  "RST, and is dropped",
	  "segments left and right of the window draw ACK(SEQ=SND.NXT,ACK=RCV.NXT)" },
	{ "U-3.10.7.4-rst1", "spec", "RFC 9293 3.10.7.4(2.1)", ON_WIRE,
	  "A RST outside the window is dropped without an answer",
	  "a RST one below RCV.NXT, and one far beyond the window, draw nothing, and the connection lives" },
	{ "U-3.10.7.4-rst2", "MUST", "RFC 9293 3.10.7.4(2.2)", ON_WIRE,
	  "A RST exactly at RCV.NXT resets the connection; this MUST has no label",
	  "the RST draws nothing, and the next segment draws a RST" },
	{ "U-3.10.7.4-rst3", "MUST", "RFC 9293 3.10.7.4(2.3)", ON_WIRE,
	  "In a stack that follows RFC 5961, a RST in the window but not at RCV.NXT draws a challenge ACK "
	  "and is dropped; this MUST has no label",
	  "an ACK with the current numbers and a connection that lives; a connection that ends is the "
	  "behaviour of RFC 793, which is permitted" },
	{ "U-3.10.7.4-syn", "MUST", "RFC 9293 3.10.7.4(4)", ON_WIRE,
	  "In a stack that follows RFC 5961, a SYN in a synchronized state draws a challenge ACK, wherever "
	  "it lies; this MUST has no label",
	  "an ACK with the current numbers and a connection that lives; a RST for a SYN in the window is "
	  "the behaviour of RFC 793" },
	{ "U-3.10.7.4-synrcvd", "spec", "RFC 9293 3.10.7.4(4)", ON_WIRE,
	  "A SYN in the window of a passively opened SYN-RECEIVED returns the connection to LISTEN",
	  "afterwards the old final ACK draws a RST and a new SYN a SYN+ACK; a reset, a challenge ACK and "
	  "a repeated SYN+ACK are seen as well" },
	{ "U-3.10.7.4-ack5961", "MUST", "RFC 9293 3.10.7.4(5)", ON_WIRE,
	  "Where MAY-12 is implemented, a segment whose ACK lies outside SND.UNA-MAX.SND.WND to SND.NXT is "
	  "dropped and answered with an ACK",
	  "data with such an ACK is answered, but not taken" },
	{ "U-3.10.7.4-fin", "spec", "RFC 9293 3.10.7.4(8)", ON_WIRE,
	  "A FIN is acknowledged with a number beyond it, and the application is told that the peer is "
	  "closing",
	  "the ACK of a FIN is its sequence number plus data plus one" },
	{ "U-3.10.7.4-noack", "spec", "RFC 9293 3.10.7.4(5)", ON_WIRE,
	  "A segment without ACK bit, RST or SYN is dropped, with its data and FIN",
	  "data or FIN without ACK bit draws nothing, and a later answer still shows the old RCV.NXT" },
	{ "U-3.10.7.4-afterfin", "spec", "RFC 9293 3.10.7.4(6); RFC 9293 3.10.7.4(7)", ON_WIRE,
	  "Data and urgent pointers behind the peer's FIN are ignored, and RCV.NXT stays",
	  "data at RCV.NXT in CLOSE-WAIT draws silence or an unchanged ACK; a RST deviates, unless the "
	  "socket is fully closed" },
	{ "U-3.10.4-onefin", "spec", "RFC 9293 3.10.4", WITH_APPLICATION,
	  "There is one FIN: a second CLOSE sends no other, while the first may be repeated",
	  "the application closes for writing, then for good: every FIN has the same sequence number" },
	{ "U-3.8.6.1-zwack", "spec", "RFC 9293 3.8.6.1", WITH_APPLICATION,
	  "A segment that meets a window of zero is still answered with RCV.NXT and the current window",
	  "the application does not read; one byte at RCV.NXT draws an ACK that does not cover it, or one "
	  "with a window that has opened since" },
	{ "U-3.10.7.4-tail", "spec", "RFC 9293 3.10.7.4(1)", ON_WIRE,
	  "Of a segment that straddles an edge of the window, only the part inside is taken",
	  "data that begins three bytes before RCV.NXT and ends five after it is acknowledged to its end" },
};

const struct requirement_rows requirements_unlabelled = { rows, sizeof rows / sizeof rows[0] };
