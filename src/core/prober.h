/* SPDX-License-Identifier: BSD-2-Clause */
/* Our end of a connection: a small TCP (RFC 9293 3.10) that does what it is told, segment by segment.
 * Calls, arriving segments and the time go in; segments to send come out. It acknowledges at once,
 * keeps no data that arrives out of order, and repeats what is not acknowledged (RFC 6298). */
#ifndef FINWAIT_CORE_PROBER_H
#define FINWAIT_CORE_PROBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/segment.h"
#include "core/tcp_state.h"

/* How the prober's segments look; fixed for a connection. */
struct prober_params {
	struct endpoint source, target;
	uint32_t isn;
	struct tcp_options syn_options; /* built; the value of TSval is filled in when it is sent */
	uint16_t syn_flags; /* of our SYN, beside FLAG_SYN */
	uint16_t window;
	uint8_t ttl;
};

enum {
	PROBER_BURST = 12,   /* segments that one event can cause */
	PROBER_CRAFTED = 16,
};

struct prober {
	const struct prober_params *params; /* borrowed */
	enum tcp_state state;
	bool timestamps;     /* negotiated */
	bool fin_wanted;     /* close() was called */
	bool fin_sent;
	bool fin_received;   /* the target's FIN, in order */
	bool hold_fin;       /* act as if the target's FIN had not arrived ... */
	bool fin_held;       /* ... and it has */
	bool hold_syn;       /* act as if its SYN or SYN,ACK had not arrived, and no later segment ... */
	bool syn_held;       /* ... and its SYN has, ... */
	bool syn_ack_held;   /* ... its SYN,ACK, which acknowledges ours, has */
	bool silent;         /* refuse nothing */
	bool reset_received;
	uint8_t target_options; /* of its SYN: bits of enum in core/options.h */
	uint8_t target_wscale;
	uint16_t target_mss;
	uint32_t target_window; /* scaled */
	uint32_t iss, irs;
	uint32_t snd_una, snd_nxt, rcv_nxt;
	uint32_t ts_recent;
	const uint8_t *data; /* what is to be sent, borrowed */
	size_t data_len;
	uint32_t data_seq;   /* of its first byte */
	uint64_t received;   /* bytes of data in order */
	int64_t rto_us, rto_at_us; /* rto_at_us is INT64_MAX while nothing is outstanding */
	unsigned repeats;    /* of the oldest outstanding segment */
	unsigned refusals;   /* RSTs sent in answer to something */
	unsigned repeated_acks; /* that brought nothing new, ... */
	int64_t repeats_us;  /* ... in the second that began then */
	int64_t srtt_us, rttvar_us; /* 0: no measurement yet */
	uint32_t timed_seq;  /* end of the segment whose round trip is being timed ... */
	int64_t timed_us;    /* ... and when it left; 0: none */
};

/* What an event makes the prober send, in order; every function appends. */
struct prober_out {
	struct segment segments[PROBER_BURST];
	size_t count;
};

/* State CLOSED; `data` (borrowed) is sent once the connection is open. */
void prober_init(struct prober *p, const struct prober_params *params, const uint8_t *data,
		 size_t data_len);

/* OPEN (RFC 9293 3.10.1): SYN. */
void prober_open(struct prober *p, int64_t now_us, struct prober_out *out);
/* Passive OPEN: LISTEN, for a SYN of the target. */
void prober_listen(struct prober *p);
/* The target's SYN that was held back arrives now: it is answered with SYN,ACK. */
void prober_answer_syn(struct prober *p, int64_t now_us, struct prober_out *out);
/* What was held back of an opening that the target's SYN,ACK has confirmed arrives now: ESTABLISHED, ACK. */
void prober_release_syn(struct prober *p, int64_t now_us, struct prober_out *out);
/* SEND (3.10.2): once all data so far is acknowledged. `data` is borrowed. */
void prober_send(struct prober *p, const uint8_t *data, size_t len, int64_t now_us, struct prober_out *out);
/* CLOSE (3.10.4): FIN, after all data. */
void prober_close(struct prober *p, int64_t now_us, struct prober_out *out);
/* ABORT (3.10.5): RST at what the target must expect next, a refusal for a SYN that was not answered; state
 * CLOSED. Nothing from CLOSED. */
void prober_abort(struct prober *p, struct prober_out *out);
/* The same segments once more: they may have been lost. */
void prober_abort_again(struct prober *p, struct prober_out *out);
/* A bare ACK at SND.NXT, whatever the state: a stray segment once the connection is gone. */
void prober_stray(struct prober *p, int64_t now_us, struct prober_out *out);
/* One byte just below what the target expects next: whoever has the connection must acknowledge it again,
 * and nothing changes (3.10.7.4, step 1). */
void prober_old_byte(struct prober *p, int64_t now_us, struct prober_out *out);
/* A segment with these numbers, whatever the state, and `len` zero bytes: the prober takes no notice of it.
 * More bytes than PROBER_CRAFTED are cut. */
struct segment *prober_craft(struct prober *p, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len,
			     int64_t now_us, struct prober_out *out);
/* Stops holding the target's FIN back: it "arrives" now. */
void prober_release_fin(struct prober *p, int64_t now_us, struct prober_out *out);
/* SEGMENT ARRIVES (3.10.7); the segment belongs to this connection and has a good checksum. */
void prober_received(struct prober *p, const struct segment *s, int64_t now_us,
		     struct prober_out *out);
/* To be called when rto_at_us is reached. */
void prober_timeout(struct prober *p, int64_t now_us, struct prober_out *out);

/* Whether all data is acknowledged. */
bool prober_all_acked(const struct prober *p);

#endif
