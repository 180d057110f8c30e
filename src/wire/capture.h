/* SPDX-License-Identifier: BSD-2-Clause */
/* An interface comes in, captured frames come out (libpcap). */
#ifndef FINWAIT_WIRE_CAPTURE_H
#define FINWAIT_WIRE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/decode.h"

struct capture;

struct capture_frame {
	const uint8_t *bytes; /* valid until the next capture_next() of the same capture */
	size_t captured;
	size_t len;      /* on the wire */
	int64_t real_us; /* CLOCK_REALTIME, since 1970 */
};

/* Captures on `ifname` what passes `filter` (pcap-filter(7)), from now on, without promiscuous mode.
 * Needs CAP_NET_RAW. NULL with a sentence in `why`. */
struct capture *capture_open(const char *ifname, const char *filter, char *why, size_t why_len);

/* Readable when a frame may be waiting; also when the interface is gone. */
int capture_fd(const struct capture *c);
enum decode_link capture_link(const struct capture *c);

/* Never blocks. 1 with a frame, 0 if there is none, -1 with a sentence that names the interface. */
int capture_next(struct capture *c, struct capture_frame *frame, char *why, size_t why_len);

/* Whether the interface still exists and is up: libpcap keeps silent about one that was set down. 0, or -1
 * with a sentence that names it. */
int capture_check(const struct capture *c, char *why, size_t why_len);

/* Frames that the kernel had no room for, since the start. */
uint64_t capture_dropped(struct capture *c);

/* Takes tens of milliseconds unless wire/release.h holds capture_fd(). */
void capture_close(struct capture *c);

/* The link header for one of libpcap's DLT_ numbers. False if finwait cannot read it. */
bool capture_link_of_dlt(int dlt, enum decode_link *link);

#endif
