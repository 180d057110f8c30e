/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/pcapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/capture.h"

enum { SNAPLEN = 262144, BUFFER = 1 << 16 };

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

/* ---- reading ----------------------------------------------------------------------------------- */

struct pcapreader {
	pcap_t *pcap;
	FILE *file; /* libpcap's as soon as it has opened it */
	char *path, *buffer;
	enum decode_link link;
	uint64_t frames;
};

static const char *name_of(const struct pcapreader *r)
{
	return strcmp(r->path, "-") ? r->path : "standard input";
}

static int start_reading(struct pcapreader *r, char *why, size_t why_len)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	int type;

	r->file = strcmp(r->path, "-") ? fopen(r->path, "rbe") : stdin;
	if (!r->file) {
		snprintf(why, why_len, "cannot read %s: %s", r->path, strerror(errno));
		return -1;
	}
	setvbuf(r->file, r->buffer, _IOFBF, BUFFER);
	r->pcap = pcap_fopen_offline(r->file, text);
	if (!r->pcap) {
		snprintf(why, why_len, "%s is no capture that can be read: %s", name_of(r), text);
		return -1;
	}
	type = pcap_datalink(r->pcap);
	if (capture_link_of_dlt(type, &r->link))
		return 0;
	snprintf(why, why_len, "%s has frames of link type %d (%s), which finwait cannot read", name_of(r), type,
		 pcap_datalink_val_to_name(type) ? pcap_datalink_val_to_name(type) : "no name");
	return -1;
}

struct pcapreader *pcapfile_open(const char *path, char *why, size_t why_len)
{
	struct pcapreader *r = calloc(1, sizeof(*r));

	if (!r || !(r->path = strdup(path)) || !(r->buffer = malloc(BUFFER))) {
		snprintf(why, why_len, "out of memory for reading %s", path);
		pcapfile_close_reader(r);
		return NULL;
	}
	if (start_reading(r, why, why_len)) {
		pcapfile_close_reader(r);
		return NULL;
	}
	return r;
}

enum decode_link pcapfile_link(const struct pcapreader *r)
{
	return r->link;
}

/* A pcapng file can say any time; as far off as this it means nothing, and differences do not overflow. */
static int64_t microseconds(const struct timeval *t)
{
	static const int64_t most = INT64_MAX / 4 / 1000000;
	int64_t seconds = t->tv_sec < -most ? -most : t->tv_sec > most ? most : t->tv_sec;

	return seconds * 1000000 + t->tv_usec % 1000000;
}

int pcapfile_next(struct pcapreader *r, struct pcapfile_frame *frame, char *why, size_t why_len)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result = pcap_next_ex(r->pcap, &header, &bytes);

	if (result == PCAP_ERROR_BREAK)
		return 0;
	if (result != 1) {
		bool mixed = strstr(pcap_geterr(r->pcap), "an interface has a");

		snprintf(why, why_len, "%s %s after frame %llu: %s%s", name_of(r),
			 mixed ? "cannot be read" : "is damaged", (unsigned long long)r->frames,
			 pcap_geterr(r->pcap), mixed ? "; try: editcap -F pcap" : "");
		return -1;
	}
	*frame = (struct pcapfile_frame){
		.number = ++r->frames,
		.real_us = microseconds(&header->ts),
		.bytes = bytes,
		.captured = header->caplen,
		.len = header->len,
	};
	return 1;
}

/* Standard input keeps its buffer until it is closed, so it goes with it. */
void pcapfile_close_reader(struct pcapreader *r)
{
	if (!r)
		return;
	if (r->pcap)
		pcap_close(r->pcap);
	else if (r->file && r->file != stdin)
		fclose(r->file);
	if (r->file != stdin)
		free(r->buffer);
	free(r->path);
	free(r);
}
