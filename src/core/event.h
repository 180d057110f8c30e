/* SPDX-License-Identifier: BSD-2-Clause */
/* Which event a segment is: the variables of the TCP that receives it and the segment go in, the event of
 * core/rules.h comes out, by the order of RFC 9293 3.10.7. */
#ifndef FINWAIT_CORE_EVENT_H
#define FINWAIT_CORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rules.h"
#include "core/segment.h"
#include "core/tcp_state.h"

/* What is known of a TCP. */
enum {
	TCB_ISS = 1 << 0,        /* iss, snd_una and snd_nxt are valid */
	TCB_IRS = 1 << 1,        /* irs, rcv_nxt and rcv_edge are valid */
	TCB_ACTIVE = 1 << 2,     /* it sent the first SYN (MUST-11) */
	TCB_REOPENED = 1 << 3,   /* it came out of TIME-WAIT by a new SYN (MAY-2) */
	TCB_FIN = 1 << 4,        /* its FIN was sent: the number before snd_nxt */
	TCB_TIMESTAMPS = 1 << 5, /* both SYNs had them */
	TCB_TS_RECENT = 1 << 6,  /* ts_recent is valid */
};

/* The variables of RFC 9293 3.3.1 that decide about a segment, as an observer knows them. */
struct tcb {
	enum tcp_state state;
	unsigned known; /* TCB_ISS ... */
	uint32_t iss, irs;
	uint32_t snd_una, snd_nxt;
	uint32_t rcv_nxt;
	uint32_t rcv_edge; /* RCV.NXT+RCV.WND as last advertised */
	uint32_t ts_recent;
};

/* The event that `s` is to `t`; EVENT_ANY for an ICMP error that no rule knows. The most exact name for it:
 * event_rule() finds what holds where a state has no rule of that name. */
enum event event_of(const struct tcb *t, const struct segment *s);

/* The rule of this state for the event, or for the more general event that it is as well; *event becomes
 * the one found. NULL if none of them can happen there. */
const struct rule *event_rule(const struct rule_index *index, enum tcp_state state, enum event *event);

/* Whether the segment occupies what the TCP can receive (RFC 9293 3.10.7.4, table 6). */
bool event_in_window(const struct tcb *t, const struct segment *s);

#endif
