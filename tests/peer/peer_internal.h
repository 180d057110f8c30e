/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the peer share: connections come in, are changed in place, and segments go out. Only
 * peer*.c and faults.c include this. */
#ifndef FINWAIT_TESTS_PEER_INTERNAL_H
#define FINWAIT_TESTS_PEER_INTERNAL_H

#include "peer.h"

enum {
	PEER_CONNS = 128,
	PEER_BUFFER = 16384, /* bytes not yet acknowledged, per connection */
	PEER_HELD = 64,      /* segments that wait because of a fault */
	PEER_HELD_DATA = 2048,
	PEER_SEEN = 64, /* remembered senders of SYNs */
};

#define PEER_NEVER INT64_MAX

/* One TCB (RFC 9293 3.3.1); a free slot is CLOSED. */
struct peer_conn {
	enum peer_state state;
	enum peer_app app;
	struct endpoint local, remote;
	bool active;     /* came from SYN-SENT (MUST-11) */
	bool app_open;   /* the application knows of the connection */
	bool fin_queued; /* CLOSE was called: a FIN follows the buffer */
	bool fin_sent;
	bool fin_received;
	bool full_close; /* nobody will read any more */
	bool syn_repeated;
	bool ack_owed;
	uint8_t options; /* OPTION_* bits in use */
	uint8_t snd_shift, rcv_shift;
	uint16_t snd_mss;
	uint32_t iss, irs;
	uint32_t snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2, max_snd_wnd;
	uint32_t rcv_nxt, rcv_edge; /* the right edge last advertised */
	uint32_t ts_recent, ts_offset, last_ack;
	bool acked; /* last_ack is valid */
	uint32_t cwnd, ssthresh; /* RFC 5681 3.1 */
	bool recovering;         /* after a timeout, until `recover` is acknowledged */
	uint32_t recover;
	uint32_t buffer_seq, buffer_len; /* of the first byte in `buffer`; bytes there */
	uint32_t chargen_left, received;
	unsigned tries;
	int64_t rto_us, rto_at, rto_first; /* rto_first: when the oldest one was first sent */
	int64_t time_wait_at;              /* or the end of an orphan's FIN-WAIT-2 */
	int64_t challenge_since;
	unsigned challenges;
	/* The connection in TIME-WAIT that a new SYN replaced: it comes back if the SYN was an old
	 * duplicate (RFC 9293 3.6.1, MAY-2). */
	bool reopened;
	uint32_t old_nxt, old_rcv_nxt, old_iss, old_irs;
	/* For faults that change only some of the segments. */
	unsigned segments, syns, fins;
	uint32_t fault_ack;
	uint8_t buffer[PEER_BUFFER];
};

struct peer_held {
	int64_t at_us; /* 0: free */
	struct segment s;
	uint8_t data[PEER_HELD_DATA];
};

struct peer_seen {
	struct endpoint local, remote;
	unsigned syns;
};

/* The wrong reaction asked for (mutate.c). */
struct peer_mutant {
	enum peer_mutation kind; /* of the next event */
	enum peer_mutation now;  /* of the one that is being dealt with */
	bool sent;               /* a segment has left */
	bool existed;            /* the connection, ... */
	struct peer_conn before; /* ... as it was, ... */
	int id;                  /* ... and its number */
};

struct peer {
	struct peer_params params;
	struct peer_mutant mutant;
	uint16_t listen_port; /* by peer_listen() */
	uint16_t mute_port;
	peer_output *output;
	void *arg;
	int64_t now_us;
	uint64_t random;
	uint16_t ip_id;
	int64_t delayed_us; /* when the last delayed segment leaves */
	unsigned seen_next;
	struct peer_seen seen[PEER_SEEN];
	struct peer_held held[PEER_HELD];
	struct peer_conn conns[PEER_CONNS];
};

/* peer.c */
uint64_t peer_random(struct peer *p);
bool peer_has_fault(const struct peer *p, enum peer_fault fault);
enum peer_app peer_behind(const struct peer *p, uint16_t port);
/* A new TCB with an ISS and nothing sent, still CLOSED, made in `reuse` unless that is NULL; NULL if there
 * is no room. */
struct peer_conn *peer_conn_new(struct peer *p, const struct endpoint *local,
				const struct endpoint *remote, struct peer_conn *reuse);
void peer_conn_established(struct peer *p, struct peer_conn *c);
void peer_conn_free(struct peer_conn *c);
void peer_conn_close(struct peer *p, struct peer_conn *c, bool full);
void peer_conn_abort(struct peer *p, struct peer_conn *c);
void peer_conn_time_wait(struct peer *p, struct peer_conn *c);

/* peer_out.c: what leaves. */
void peer_out_emit(struct peer *p, struct peer_conn *c, uint32_t seq, uint16_t flags, const uint8_t *data,
		 uint32_t len);
void peer_out_syn(struct peer *p, struct peer_conn *c);
void peer_out_ack(struct peer *p, struct peer_conn *c);
void peer_out_challenge(struct peer *p, struct peer_conn *c);
void peer_out_rst(struct peer *p, struct peer_conn *c, uint32_t seq);
/* The reset of a CLOSED port, in one of the two forms of RFC 9293 3.10.7.1. */
void peer_out_refuse(struct peer *p, const struct segment *s);
/* As much of the buffer, and the FIN, as windows allow; then an ACK if one is still owed. */
void peer_out_flush(struct peer *p, struct peer_conn *c);
/* Sends what stands first in the retransmission queue again. */
void peer_out_again(struct peer *p, struct peer_conn *c);
void peer_out_start_timer(struct peer *p, struct peer_conn *c);
/* Holds a copy back until `at_us`; it leaves at once if there is no room. */
void peer_out_hold(struct peer *p, const struct segment *s, int64_t at_us);
/* Held segments that are due leave. */
void peer_out_release(struct peer *p);

/* peer_in.c: RFC 9293 3.10.7.4, and 3.10.7.3 for SYN-SENT. */
void peer_in_segment(struct peer *p, struct peer_conn *c, const struct segment *s);
void peer_in_listen(struct peer *p, const struct segment *s, struct peer_conn *old);
/* Table 6 of RFC 9293 3.10.7.4. */
bool peer_in_acceptable(const struct peer_conn *c, const struct segment *s);

/* peer_wrong.c: whether a fault has dealt with the segment, of a connection or of none. */
bool peer_wrong_segment(struct peer *p, struct peer_conn *c, const struct segment *s);
bool peer_wrong_stray(struct peer *p, const struct segment *s, bool listens);

/* mutate.c: around each event, whose cause is a segment or NULL, and on each segment that leaves; false if it
 * is not to leave. */
void mutate_begin(struct peer *p);
bool mutate_segment(struct peer *p, struct segment *s);
void mutate_end(struct peer *p, const struct segment *cause);

/* peer_app.c */
void peer_app_opened(struct peer *p, struct peer_conn *c);
void peer_app_data(struct peer *p, struct peer_conn *c, const uint8_t *data, uint32_t len);
void peer_app_eof(struct peer *p, struct peer_conn *c);
void peer_app_space(struct peer *p, struct peer_conn *c);
/* How much more the application can take. */
uint32_t peer_app_room(const struct peer *p, const struct peer_conn *c);

/* faults.c: changes a segment that is about to leave; `c` is NULL for the reset of a closed port, which
 * answers `cause`. False if the segment is not to leave at all. */
bool faults_apply(struct peer *p, struct peer_conn *c, struct segment *s, const struct segment *cause);

#endif
