/* SPDX-License-Identifier: BSD-2-Clause */
/* IP packets come in, a pcap file (link type RAW, microseconds) comes out. */
#ifndef FINWAIT_WIRE_PCAPFILE_H
#define FINWAIT_WIRE_PCAPFILE_H

#include <stddef.h>
#include <stdint.h>

struct pcapfile;

/* Creates or truncates `path`. NULL with a sentence in `why`. */
struct pcapfile *pcapfile_create(const char *path, char *why, size_t why_len);

/* `captured` bytes of a packet of `len`, stamped `real_us` after 1970. 0, or -1 with a sentence. */
int pcapfile_write(struct pcapfile *f, int64_t real_us, const uint8_t *packet, size_t captured, size_t len,
		   char *why, size_t why_len);

/* Flushes and closes. 0, or -1 with a sentence if anything written may be lost; *f is gone anyway. */
int pcapfile_close(struct pcapfile *f, char *why, size_t why_len);

#endif
