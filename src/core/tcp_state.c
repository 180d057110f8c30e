/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp_state.h"

#include <stdio.h>
#include <string.h>

const char *tcp_state_name(enum tcp_state state)
{
	static const char *const names[TCP_STATES] = {
		[TCP_CLOSED] = "CLOSED",	   [TCP_LISTEN] = "LISTEN",
		[TCP_SYN_SENT] = "SYN-SENT",	   [TCP_SYN_RECEIVED] = "SYN-RECEIVED",
		[TCP_ESTABLISHED] = "ESTABLISHED", [TCP_FIN_WAIT_1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT_2] = "FIN-WAIT-2",   [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_CLOSING] = "CLOSING",	   [TCP_LAST_ACK] = "LAST-ACK",
		[TCP_TIME_WAIT] = "TIME-WAIT",
	};

	return names[state];
}

enum tcp_state tcp_state_named(const char *name)
{
	int state = name ? TCP_CLOSED : TCP_STATES;

	while (state < TCP_STATES && strcmp(name, tcp_state_name((enum tcp_state)state)) != 0)
		state++;
	return (enum tcp_state)state;
}

const char *tcp_states_text(tcp_states set, char *text, size_t len)
{
	size_t n = 0;

	if (!set || set == IN(TCP_STATES) - 1) {
		snprintf(text, len, "unknown");
		return text;
	}
	text[0] = '\0';
	for (int s = TCP_CLOSED; s < TCP_STATES && n < len; s++)
		if (set & IN(s))
			n += (size_t)snprintf(text + n, len - n, "%s%s", n ? " or " : "",
					      tcp_state_name((enum tcp_state)s));
	return text;
}
