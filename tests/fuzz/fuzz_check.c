/* SPDX-License-Identifier: BSD-2-Clause */
/* Arbitrary bytes as a capture file, read, decoded and judged as `finwait check` does it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run/track.h"
#include "wire/decode.h"
#include "wire/pcapfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WHY = 256, FRAMES = 1000 };

static void on_connection(void *arg, const struct track_summary *s)
{
	(*(uint64_t *)arg)++;
	if (s->handshake >= HANDSHAKES || s->ending >= ENDINGS)
		abort();
}

static void judge(struct track *t, struct pcapreader *r)
{
	struct pcapfile_frame frame;
	struct decode_packet packet;
	struct segment s;
	char why[WHY] = "";
	uint64_t last = 0;
	int status = 1;

	while (last < FRAMES && (status = pcapfile_next(r, &frame, why, sizeof(why))) == 1) {
		if (frame.number != ++last)
			abort();
		if (decode_frame(pcapfile_link(r), frame.bytes, frame.captured, frame.len, &s, &packet) != DECODE_TCP)
			continue;
		s.t_us = frame.real_us;
		s.frame = frame.number;
		if (!track_segment(t, &s))
			abort();
	}
	if (status < 0 && !*why)
		abort();
}

/* Where the reader finds it by name. */
static struct pcapreader *open_bytes(int fd, const uint8_t *data, size_t size)
{
	char path[32], why[WHY] = "";
	struct pcapreader *r;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = pcapfile_open(path, why, sizeof(why));
	if (!r && !*why)
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rule_index index;
	static bool filled;
	uint64_t connections = 0;
	struct track_params params = { .rules = &index, .max_connections = 4, .only = -1,
				       .connection = on_connection, .arg = &connections };
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct pcapreader *r = open_bytes(fd, data, size);
	struct track *t = r ? track_new(&params) : NULL;

	if (!filled)
		rule_index_init(&index);
	filled = true;
	if (t) {
		judge(t, r);
		track_finish(t);
		if (track_totals(t)->connections != connections || track_count(t))
			abort();
		track_free(t);
	}
	if (r)
		pcapfile_close_reader(r);
	if (fd >= 0)
		close(fd);
	return 0;
}
