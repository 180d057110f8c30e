/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/state_meaning.h"

const char *state_meaning(enum tcp_state state)
{
	static const char *const meanings[TCP_STATES] = {
		[TCP_CLOSED] =
			"There is no connection, and no memory of one: the state is a name for the absence "
			"of state. Nothing that arrives is taken; every segment but a reset is answered "
			"with a reset whose numbers the sender can believe.",
		[TCP_LISTEN] =
			"An application waits for connections that others open. A SYN begins one; an ACK "
			"can only be a remnant of something older and draws a reset.",
		[TCP_SYN_SENT] =
			"The application has opened actively: our SYN is on its way, and a matching SYN is "
			"awaited, with the ACK of ours in a three-way handshake or without it in a "
			"simultaneous open. Only a reset that acknowledges our SYN is believed.",
		[TCP_SYN_RECEIVED] =
			"Both SYNs have been sent, the peer's has arrived, and the ACK of ours is awaited. "
			"Whether this began in LISTEN or in SYN-SENT is remembered, because a reset leads "
			"back to LISTEN in one case and to CLOSED in the other.",
		[TCP_ESTABLISHED] =
			"The connection is open, and data flows in both directions. From here on each end "
			"knows the numbers of the other, and a segment outside the window draws an ACK "
			"instead of a reset.",
		[TCP_FIN_WAIT_1] =
			"The application has closed first: our FIN is sent or queued behind data, and not "
			"yet acknowledged. The peer may still send. Its ACK leads to FIN-WAIT-2, its own "
			"FIN to CLOSING, both together to TIME-WAIT.",
		[TCP_FIN_WAIT_2] =
			"Our FIN is acknowledged, the peer has not closed yet: the connection is half "
			"closed, and may stay so for as long as the peer has something to send. Data that "
			"arrives is taken and acknowledged.",
		[TCP_CLOSE_WAIT] =
			"The peer has closed, and our application has been told. It may go on sending for "
			"as long as it likes; the state ends when it closes too, which leads to LAST-ACK.",
		[TCP_CLOSING] =
			"Both ends have closed at the same time: each FIN has arrived, and the ACK of ours "
			"is still awaited. It leads to TIME-WAIT, on both sides.",
		[TCP_LAST_ACK] =
			"The peer closed first, our application followed, and our FIN awaits its ACK, the "
			"last segment of the connection. With it the connection is gone at once: the peer "
			"is the one that waits in TIME-WAIT.",
		[TCP_TIME_WAIT] =
			"Both FINs are acknowledged, and the side that closed first waits for twice the "
			"maximum segment lifetime. This makes sure that the peer has the ACK of its FIN, "
			"since a repeated FIN can still be answered, and that segments of this connection "
			"have died out before another uses the same addresses and ports.",
	};

	return meanings[state];
}
