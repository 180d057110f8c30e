/* SPDX-License-Identifier: BSD-2-Clause */
/* IP packets come in, a pcap file (link type RAW, microseconds) comes out; and the other way round, frames of
 * any pcap or pcapng file come out, one after the other. */
#ifndef FINWAIT_WIRE_PCAPFILE_H
#define FINWAIT_WIRE_PCAPFILE_H

#include <stddef.h>
#include <stdint.h>

#include "wire/decode.h"

struct pcapfile;

/* Creates or truncates `path`. NULL with a sentence in `why`. */
struct pcapfile *pcapfile_create(const char *path, char *why, size_t why_len);

/* `captured` bytes of a packet of `len`, stamped `real_us` after 1970. 0, or -1 with a sentence. */
int pcapfile_write(struct pcapfile *f, int64_t real_us, const uint8_t *packet, size_t captured, size_t len,
		   char *why, size_t why_len);

/* Flushes and closes. 0, or -1 with a sentence if anything written may be lost; *f is gone anyway. */
int pcapfile_close(struct pcapfile *f, char *why, size_t why_len);

/* ---- reading ----------------------------------------------------------------------------------- */

struct pcapreader;

struct pcapfile_frame {
	uint64_t number;      /* from 1, as Wireshark counts */
	int64_t real_us;      /* since 1970 */
	const uint8_t *bytes; /* borrowed until the next frame is read */
	size_t captured, len;
};

/* Opens a pcap or pcapng file, "-" for standard input. NULL with a sentence in `why`: there is no such file,
 * it is no capture, or its frames are of a kind that finwait does not know. */
struct pcapreader *pcapfile_open(const char *path, char *why, size_t why_len);

/* What decode_frame() wants to know of all its frames. */
enum decode_link pcapfile_link(const struct pcapreader *r);

/* 1 and the next frame, 0 at the end, -1 with a sentence in `why` where the file is damaged or cut. */
int pcapfile_next(struct pcapreader *r, struct pcapfile_frame *frame, char *why, size_t why_len);

void pcapfile_close_reader(struct pcapreader *r);

#endif
