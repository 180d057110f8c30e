/* SPDX-License-Identifier: BSD-2-Clause */
/* The labelled requirements of RFC 9293 3.1 to 3.7: header, options, numbers, opening, closing, sizes. */
#include "core/requirements.h"

#include "core/requirements_rows.h"

static const struct requirement rows[] = {
	{ "MUST-1", "MUST", "RFC 9293 3.1", WITH_APPLICATION,
	  "The window field is read as an unsigned number, so that a window of 32768 or more never looks "
	  "negative",
	  "the application sends in bulk while the prober offers a window of 65535: the target keeps "
	  "sending" },
	{ "REC-1", "RECOMMENDED", "RFC 9293 3.1", NOT_OBSERVABLE,
	  "Send and receive windows are kept in 32-bit variables, and all arithmetic on them is done in 32 "
	  "bits",
	  "how a stack stores its variables is not visible; with window scaling a narrow variable shows at "
	  "most indirectly" },
	{ "MUST-2", "MUST", "RFC 9293 3.1", ON_WIRE,
	  "Every segment that is sent carries a valid checksum",
	  "the checksum of each captured segment is computed again, where no offloading left it unfinished" },
	{ "MUST-3", "MUST", "RFC 9293 3.1", ON_WIRE,
	  "The checksum of every arriving segment is verified, and a segment whose checksum is wrong is "
	  "not processed",
	  "a SYN or RST with a wrong checksum has no effect, the same segment with the right one has" },
	{ "MUST-4", "MUST", "RFC 9293 3.1", ON_WIRE,
	  "The options end of list, no-operation and maximum segment size are supported",
	  "a SYN padded with the first two and carrying the third draws a normal SYN+ACK" },
	{ "MUST-5", "MUST", "RFC 9293 3.1", ON_WIRE,
	  "TCP options are accepted in every segment, not only in a SYN",
	  "an ACK or FIN with no-operations or an unknown option is processed exactly as without" },
	{ "MUST-6", "MUST", "RFC 9293 3.1", ON_WIRE,
	  "An option that is not implemented is skipped by its length byte, and causes no error",
	  "a SYN with an unassigned option of length 4 draws a SYN+ACK without that option" },
	{ "MUST-7", "MUST", "RFC 9293 3.1", ON_WIRE,
	  "An option with an impossible length does no harm; to reset the connection and log the cause is "
	  "a suggestion",
	  "after a SYN with an option length of 0, of 1 or beyond the header, whatever its answer, a clean "
	  "SYN is answered" },
	{ "MUST-68", "MUST", "RFC 9293 3.1", ON_WIRE,
	  "Every option other than end of list and no-operation has a length byte",
	  "the option list of every captured segment can be read to its end" },
	{ "MUST-69", "MUST", "RFC 9293 3.1", ON_WIRE,
	  "Header bytes behind an end-of-list option are zero",
	  "after kind 0 nothing but zeros follows up to the data offset" },
	{ "MUST-64", "MUST", "RFC 9293 3.2", ON_WIRE,
	  "Options are read even when they do not begin at a multiple of four bytes",
	  "a SYN with a no-operation before the maximum segment size draws a SYN+ACK, and data shows that "
	  "the size was read" },
	{ "MUST-65", "MUST NOT", "RFC 9293 3.2", ON_WIRE,
	  "The maximum segment size option is sent only in segments with the SYN bit",
	  "no segment without SYN carries option kind 2" },
	{ "MUST-66", "MUST", "RFC 9293 3.4", WITH_APPLICATION,
	  "RST and URG of an acceptable segment are acted upon even while the receive window is zero",
	  "the application does not read until the window is zero; a RST at RCV.NXT then ends the "
	  "connection" },
	{ "MUST-8", "MUST", "RFC 9293 3.4.1", ON_WIRE,
	  "Initial sequence numbers contain a clock that rises steadily, about once in four microseconds",
	  "many SYNs of one and the same address and port pair are spaced in time: differences of the "
	  "numbers grow with it; a statistical verdict, and a fully random number is named, not called "
	  "weak" },
	{ "SHLD-1", "SHOULD", "RFC 9293 3.4.1", ON_WIRE,
	  "The initial sequence number is the sum of a clock and a keyed pseudorandom function of both "
	  "addresses and ports",
	  "numbers drawn at the same time for different ports have no constant or linear relation; a "
	  "statistical verdict" },
	{ "MUST-9", "MUST NOT", "RFC 9293 3.4.1", NOT_OBSERVABLE,
	  "The pseudorandom part of the initial sequence number cannot be computed from outside",
	  "secrecy cannot be proved from outside; only gross predictability could be shown" },
	{ "MUST-10", "MUST", "RFC 9293 3.5", WITH_APPLICATION,
	  "A simultaneous open works: a SYN that crosses our own leads through SYN-RECEIVED to one "
	  "connection",
	  "the application connects; its SYN is answered with a bare SYN, which must draw a SYN+ACK with "
	  "the old number" },
	{ "MUST-11", "MUST", "RFC 9293 3.5", WITH_APPLICATION,
	  "A TCP remembers whether it came to SYN-RECEIVED by a passive or an active open, because a reset "
	  "leads back to LISTEN in one case and to CLOSED in the other",
	  "after a RST in SYN-RECEIVED a listener listens on, unseen by its application, while a "
	  "connecting application is told that it was refused" },
	{ "SHLD-2", "SHOULD", "RFC 9293 3.5.3", ON_WIRE,
	  "A RST segment that carries data is accepted as a RST",
	  "a RST at RCV.NXT with some bytes ends the connection, as a later segment shows" },
	{ "MUST-12", "MUST", "RFC 9293 3.6", WITH_APPLICATION,
	  "The application is told whether the peer closed normally or aborted the connection",
	  "the application reads end of file after a FIN, and an error after a RST" },
	{ "MAY-1", "MAY", "RFC 9293 3.6.1", WITH_APPLICATION,
	  "A close may be half-duplex: an application that has called CLOSE can no longer read",
	  "data sent after close() draws a RST if the close was half-duplex, an ACK otherwise; both "
	  "conform" },
	{ "SHLD-3", "SHOULD", "RFC 9293 3.6.1", WITH_APPLICATION,
	  "A host whose close is half-duplex sends a RST when data is lost by it: unread at the time of "
	  "CLOSE, or arriving afterwards",
	  "the application closes with data unread, or data is sent after it closed: a RST shows the loss, "
	  "shutdown for writing draws none" },
	{ "MUST-13", "MUST", "RFC 9293 3.6.1", WITH_APPLICATION,
	  "The side that closes actively stays in TIME-WAIT for twice the maximum segment lifetime",
	  "the application closes first; at different times, one connection each, a copy of the FIN is "
	  "sent: an ACK shows TIME-WAIT, a RST its end; the time measured is reported, since the lifetime "
	  "can be configured" },
	{ "MAY-2", "MAY", "RFC 9293 3.6.1", WITH_APPLICATION,
	  "A new SYN may reopen a connection straight from TIME-WAIT, if the new initial sequence number "
	  "lies above all numbers used before, and if the state returns to TIME-WAIT should the SYN turn "
	  "out to be an old duplicate",
	  "a newer SYN in TIME-WAIT may be answered with ACK, with silence or SYN+ACK; after a SYN+ACK its "
	  "number is compared with the old SND.NXT, and a RST must restore TIME-WAIT" },
	{ "SHLD-4", "SHOULD", "RFC 9293 3.6.1", WITH_APPLICATION,
	  "TIME-WAIT is shortened with the help of timestamps, as RFC 6191 describes",
	  "both connections use timestamps and the second SYN has a newer one but a lower sequence number: "
	  "a SYN+ACK shows the algorithm" },
	{ "MUST-14", "MUST", "RFC 9293 3.7.1", ON_WIRE,
	  "The maximum segment size option is implemented for sending and for receiving",
	  "a SYN+ACK carries the option; that it is also obeyed shows when the application sends data" },
	{ "SHLD-5", "SHOULD", "RFC 9293 3.7.1", ON_WIRE,
	  "Every SYN carries the maximum segment size, unless the size is the default: 536 for IPv4, 1220 "
	  "for IPv6",
	  "the SYN+ACK to a SYN without options still carries the option" },
	{ "MAY-3", "MAY", "RFC 9293 3.7.1", ON_WIRE,
	  "The maximum segment size may be sent in every SYN, whatever it is",
	  "whether the option is there is noted" },
	{ "MUST-15", "MUST", "RFC 9293 3.7.1", WITH_APPLICATION,
	  "Without a maximum segment size from the peer 536 bytes are assumed over IPv4, 1220 over IPv6",
	  "the prober's SYN has no options and the application sends 3000 bytes: no segment carries more "
	  "than that" },
	{ "MUST-16", "MUST", "RFC 9293 3.7.1", WITH_APPLICATION,
	  "The largest segment sent is the smaller of what the peer asked for and what the IP layer "
	  "allows, less the space of options",
	  "the prober's SYN asks for 700 and the application sends in bulk: no payload exceeds 700 less "
	  "the options" },
	{ "MUST-67", "MUST", "RFC 9293 3.7.1", ON_WIRE,
	  "The maximum segment size sent is at most what can be received and reassembled, less the fixed "
	  "TCP header of 20 bytes",
	  "a size up to the MTU of the link less 40 (IPv4) or 60 (IPv6) is plausible; a larger one is "
	  "inconclusive, since what can be reassembled is unknown" },
	{ "SHLD-6", "SHOULD", "RFC 9293 3.7.3", NOT_OBSERVABLE,
	  "Where packets of one interface differ in MTU, the smallest of them is the base of the size that "
	  "is advertised",
	  "an interface with an MTU per packet would be needed" },
	{ "SHLD-7", "SHOULD", "RFC 9293 3.7.4", WITH_APPLICATION,
	  "The Nagle algorithm is implemented: a small segment waits as long as something is "
	  "unacknowledged",
	  "the application writes single bytes and nothing is acknowledged: the second small segment waits" },
	{ "MUST-17", "MUST", "RFC 9293 3.7.4", WITH_APPLICATION,
	  "An application can switch the Nagle algorithm off for a connection",
	  "with TCP_NODELAY set, single bytes leave at once" },
};

const struct requirement_rows requirements_header = { rows, sizeof rows / sizeof rows[0] };
