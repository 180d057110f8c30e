/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/pcapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPLEN = 262144 };

struct pcapfile {
	pcap_t *dead; /* what libpcap wants for the file's header */
	pcap_dumper_t *dumper;
	char *path;
};

static int refuse(const struct pcapfile *f, int error, char *why, size_t why_len)
{
	snprintf(why, why_len, "cannot write %s: %s", f->path, strerror(error ? error : EIO));
	return -1;
}

static int create(struct pcapfile *f, char *why, size_t why_len)
{
	f->dead = pcap_open_dead(DLT_RAW, SNAPLEN);
	if (!f->dead)
		return refuse(f, ENOMEM, why, why_len);
	f->dumper = pcap_dump_open(f->dead, f->path);
	if (!f->dumper) {
		/* libpcap's text begins with the path. */
		snprintf(why, why_len, "cannot write %s", pcap_geterr(f->dead));
		return -1;
	}
	fcntl(fileno(pcap_dump_file(f->dumper)), F_SETFD, FD_CLOEXEC);
	return 0;
}

static void discard(struct pcapfile *f)
{
	if (f->dumper)
		pcap_dump_close(f->dumper);
	if (f->dead)
		pcap_close(f->dead);
	free(f->path);
	free(f);
}

struct pcapfile *pcapfile_create(const char *path, char *why, size_t why_len)
{
	struct pcapfile *f = calloc(1, sizeof(*f));

	if (!f || !(f->path = strdup(path))) {
		snprintf(why, why_len, "out of memory for writing %s", path);
		free(f);
		return NULL;
	}
	if (create(f, why, why_len)) {
		discard(f);
		return NULL;
	}
	return f;
}

int pcapfile_write(struct pcapfile *f, int64_t real_us, const uint8_t *packet, size_t captured, size_t len,
		   char *why, size_t why_len)
{
	struct pcap_pkthdr header = {
		.ts = { .tv_sec = real_us / 1000000, .tv_usec = real_us % 1000000 },
		.caplen = (bpf_u_int32)captured,
		.len = (bpf_u_int32)len,
	};

	errno = 0;
	pcap_dump((u_char *)f->dumper, &header, packet);
	return ferror(pcap_dump_file(f->dumper)) ? refuse(f, errno, why, why_len) : 0;
}

int pcapfile_close(struct pcapfile *f, char *why, size_t why_len)
{
	int result = 0;

	errno = 0;
	if (pcap_dump_flush(f->dumper) || ferror(pcap_dump_file(f->dumper)))
		result = refuse(f, errno, why, why_len);
	discard(f);
	return result;
}
