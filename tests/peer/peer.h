/* SPDX-License-Identifier: BSD-2-Clause */
/* A small TCP of our own, written from the text of RFC 9293 3.10 and used as the other end in tests:
 * segments come in, segments go out through a callback, time is an argument. It has no I/O, no clock and
 * no globals. It is honest unless a fault (faults.h) is asked for. Of finwait itself it uses only
 * addresses, options, segments and sequence arithmetic, so that a wrong rule of finwait cannot agree with
 * itself here. */
#ifndef FINWAIT_TESTS_PEER_H
#define FINWAIT_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/segment.h"
#include "faults.h"

enum peer_state {
	PEER_CLOSED,
	PEER_LISTEN,
	PEER_SYN_SENT,
	PEER_SYN_RECEIVED,
	PEER_ESTABLISHED,
	PEER_FIN_WAIT_1,
	PEER_FIN_WAIT_2,
	PEER_CLOSE_WAIT,
	PEER_CLOSING,
	PEER_LAST_ACK,
	PEER_TIME_WAIT,
	PEER_STATES
};

/* What sits behind a port. */
enum peer_app {
	PEER_REFUSE,  /* nobody: the port is CLOSED */
	PEER_ECHO,    /* sends back what it reads; closes when its peer does */
	PEER_DISCARD, /* reads and never closes: keeps its half open until the connection is gone */
	PEER_DAYTIME, /* sends a line and closes first */
	PEER_CHARGEN, /* sends chargen_bytes and closes first */
	PEER_HTTP,    /* answers the first data with a short page and closes */
	PEER_SINK,    /* reads and never closes; the same as discard behind another port */
	PEER_ABORTER, /* aborts when data arrives */
	PEER_SILENT,  /* a filtered port: everything is dropped */
	PEER_MANUAL,  /* does nothing by itself: the caller sends and closes */
	PEER_STALLED, /* the same, and never reads: its window closes */
	PEER_APPS
};

struct peer_port {
	uint16_t port;
	enum peer_app app;
};

struct peer_params {
	const struct peer_port *ports; /* borrowed; ports not named here are closed */
	size_t n_ports;
	uint64_t seed; /* of ISNs, timestamps and faults */
	enum peer_fault fault;
	uint8_t options; /* OPTION_* bits offered, or accepted when offered to us */
	uint16_t mss;    /* ours, for IPv4; 20 less for IPv6 */
	uint8_t wscale;
	uint8_t ttl;
	uint32_t receive_buffer;
	uint32_t chargen_bytes;
	int64_t rto_us;       /* the first one (RFC 6298 2.1) */
	int64_t rto_max_us;   /* no longer gap than this (RFC 6298 2.5) */
	int64_t give_up_us;   /* R2 (RFC 9293 3.8.3) */
	int64_t time_wait_us; /* 2 MSL */
	int64_t orphan_us;    /* FIN-WAIT-2 after a full close ends after this; 0: never */
	int64_t challenge_us; /* at most challenge_acks in this time, per connection (RFC 5961 7) */
	unsigned challenge_acks;
};

struct peer;

/* A segment leaves; it is borrowed for the time of the call. CHECKSUM_BAD asks for a wrong checksum. */
typedef void peer_output(void *arg, const struct segment *s);

/* 7 echo, 9 discard, 13 daytime, 19 chargen, 80 http, 2 silent, 11009 sink, 11010 aborter, 11011 manual,
 * 11012 stalled; all options, MSS 1460, TTL 64, RTO 1 s, 2 MSL 60 s. */
void peer_defaults(struct peer_params *params);

/* NULL without memory. */
struct peer *peer_new(const struct peer_params *params);
void peer_free(struct peer *p);
/* Must be called before the first segment. */
void peer_set_output(struct peer *p, peer_output *output, void *arg);

/* SEGMENT ARRIVES (RFC 9293 3.10.7). Segments with a bad checksum and ICMP errors are dropped. */
void peer_receive(struct peer *p, const struct segment *s, int64_t now_us);

/* When peer_timeout() wants to be called; INT64_MAX for never. */
int64_t peer_next_timer(const struct peer *p);
void peer_timeout(struct peer *p, int64_t now_us);

/* Active OPEN. Returns the number of the connection, or -1 if there is one already or no room. The number
 * stays valid until the connection is CLOSED. */
int peer_connect(struct peer *p, const struct endpoint *local, const struct endpoint *remote,
		 int64_t now_us);

/* The connection between the two endpoints, or -1. */
int peer_find(const struct peer *p, const struct endpoint *local, const struct endpoint *remote);

/* The other user calls (RFC 9293 3.10.2, 3.10.4, 3.10.5). peer_send() returns how many bytes were queued.
 * peer_shutdown() is the CLOSE of the specification; peer_close() also means never to read again, so that
 * data arriving later is answered with a reset (3.6.1, SHLD-3). */
size_t peer_send(struct peer *p, int id, const void *data, size_t len, int64_t now_us);
void peer_shutdown(struct peer *p, int id, int64_t now_us);
void peer_close(struct peer *p, int id, int64_t now_us);
void peer_abort(struct peer *p, int id, int64_t now_us);

/* Passive OPEN, or its end; a port that the parameters name keeps its application. */
void peer_listen(struct peer *p, uint16_t port, bool listen, int64_t now_us);

/* Timers that the application would set: the user timeout (RFC 9293 3.10.8) ends the connection, a
 * keep-alive (3.8.4) is sent. */
void peer_user_timeout(struct peer *p, int id, int64_t now_us);
void peer_keepalive(struct peer *p, int id, int64_t now_us);

/* One wrong reaction. */
enum peer_mutation {
	PEER_HONEST,
	PEER_WRONG_SEQ,
	PEER_WRONG_ACK,
	PEER_WRONG_FLAGS,
	PEER_SILENCE,
	PEER_WRONG_NEXT_STATE, /* the connection is gone where it should live, or lives on */
	PEER_UNDUE_ACK,        /* an ACK where nothing is sent */
	PEER_UNDUE_RST,
	PEER_MUTATIONS
};

/* The next segment that arrives, call or timer, and it alone, has this wrong reaction. */
void peer_mutate(struct peer *p, enum peer_mutation kind);

/* "wrong SEQ". */
const char *peer_mutation_name(enum peer_mutation kind);

struct peer_status {
	enum peer_state state;
	uint32_t iss, irs, snd_una, snd_nxt, rcv_nxt;
	uint32_t received; /* bytes of data handed to the application */
	uint8_t options;   /* negotiated */
};

/* All zero, so PEER_CLOSED, for a number that is none. */
void peer_status(const struct peer *p, int id, struct peer_status *status);

/* State of the connection between the two endpoints; without one PEER_LISTEN or PEER_CLOSED by the port. */
enum peer_state peer_state(const struct peer *p, const struct endpoint *local,
			   const struct endpoint *remote);

/* "FIN-WAIT-1". */
const char *peer_state_name(enum peer_state state);

#endif
