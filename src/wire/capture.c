/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/capture.h"

#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* libpcap divides its ring into slots for frames of SNAPLEN, whatever their real length, and in immediate
 * mode one frame takes one slot. A burst must fit: 500 SYNs and their answers are in the ring before
 * sendmmsg() returns, and a lost frame costs the certainty of a verdict. What SNAPLEN cuts off is data of
 * jumbo frames and of what an interface has merged (GRO, up to 64 kB), whose checksum cannot be judged
 * anyway. With this SNAPLEN a slot is 2 KiB and the ring has 2048 of them; slots of 64 KiB would be 64,
 * or cost 128 MiB.
 * The ring's size is nearly free: pcap_activate() waits for an RCU grace period in PACKET_RX_RING.
 * Medians of 25 openings on veth, 6.18: 64 KiB ring 7.1 ms, 4 MiB of 2 KiB slots 6.6 ms, 4 MiB of 64 KiB
 * slots 6.8 ms, 8 MiB 10.1 ms, 16 MiB 10.3 ms. */
enum { SNAPLEN = 1960, RING = 4 << 20 };

struct capture {
	pcap_t *pcap;
	int fd;
	enum decode_link link;
	char *ifname;
};

bool capture_link_of_dlt(int dlt, enum decode_link *link)
{
	static const struct {
		int dlt;
		enum decode_link link;
	} known[] = {
		{ DLT_EN10MB, DECODE_ETHERNET }, { DLT_RAW, DECODE_RAW },	{ 14, DECODE_RAW }, /* OpenBSD */
		{ 101, DECODE_RAW }, /* in files */
		{ DLT_IPV4, DECODE_RAW },	 { DLT_IPV6, DECODE_RAW },	{ DLT_NULL, DECODE_NULL },
		{ DLT_LOOP, DECODE_NULL },	 { DLT_PPP, DECODE_PPP },	{ DLT_PPP_SERIAL, DECODE_PPP },
		{ DLT_LINUX_SLL, DECODE_SLL },	 { DLT_LINUX_SLL2, DECODE_SLL2 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].dlt == dlt) {
			*link = known[i].link;
			return true;
		}
	}
	return false;
}

/* The reason that libpcap gives: its text says more than its number, where there is one. */
static void say(const struct capture *c, const char *what, int error, char *why, size_t why_len)
{
	const char *text = pcap_geterr(c->pcap);

	if (error == PCAP_ERROR_PERM_DENIED)
		snprintf(why, why_len, "capturing on interface %s needs the capability CAP_NET_RAW", c->ifname);
	else if (error == PCAP_ERROR_NO_SUCH_DEVICE)
		snprintf(why, why_len, "interface %s does not exist: name another one", c->ifname);
	else if (error == PCAP_ERROR_IFACE_NOT_UP)
		snprintf(why, why_len, "interface %s is down: set it up first", c->ifname);
	else
		snprintf(why, why_len, "%s interface %s: %s", what, c->ifname,
			 *text ? text : pcap_statustostr(error));
}

static int set_filter(struct capture *c, const char *filter, char *why, size_t why_len)
{
	struct bpf_program program;
	int error = pcap_compile(c->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN);

	if (!error) {
		error = pcap_setfilter(c->pcap, &program);
		pcap_freecode(&program);
	}
	if (error)
		say(c, "cannot filter on", error, why, why_len);
	return error;
}

static int start(struct capture *c, const char *filter, char *why, size_t why_len)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	int error;

	c->pcap = pcap_create(c->ifname, text);
	if (!c->pcap) {
		snprintf(why, why_len, "cannot capture on interface %s: %s", c->ifname, text);
		return -1;
	}
	pcap_set_snaplen(c->pcap, SNAPLEN);
	pcap_set_buffer_size(c->pcap, RING);
	/* Without it a frame waits until a block of the ring is full or a timeout ends. */
	pcap_set_immediate_mode(c->pcap, 1);
	error = pcap_activate(c->pcap);
	if (error < 0) {
		say(c, "cannot capture on", error, why, why_len);
		return -1;
	}
	if (!capture_link_of_dlt(pcap_datalink(c->pcap), &c->link)) {
		snprintf(why, why_len, "interface %s has link type %d, which finwait cannot read: use another one",
			 c->ifname, pcap_datalink(c->pcap));
		return -1;
	}
	if (set_filter(c, filter, why, why_len))
		return -1;
	if (pcap_setnonblock(c->pcap, 1, text)) {
		snprintf(why, why_len, "cannot capture on interface %s: %s", c->ifname, text);
		return -1;
	}
	c->fd = pcap_get_selectable_fd(c->pcap);
	return 0;
}

struct capture *capture_open(const char *ifname, const char *filter, char *why, size_t why_len)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c || !(c->ifname = strdup(ifname))) {
		snprintf(why, why_len, "out of memory for the capture on interface %s", ifname);
		free(c);
		return NULL;
	}
	if (start(c, filter, why, why_len)) {
		capture_close(c);
		return NULL;
	}
	return c;
}

int capture_fd(const struct capture *c)
{
	return c->fd;
}

enum decode_link capture_link(const struct capture *c)
{
	return c->link;
}

int capture_next(struct capture *c, struct capture_frame *frame, char *why, size_t why_len)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int result = pcap_next_ex(c->pcap, &header, &bytes);

	if (result < 0) {
		say(c, "the capture ended on", result, why, why_len);
		return -1;
	}
	if (!result)
		return 0;
	*frame = (struct capture_frame){
		.bytes = bytes,
		.captured = header->caplen,
		.len = header->len,
		.real_us = (int64_t)header->ts.tv_sec * 1000000 + header->ts.tv_usec,
	};
	return 1;
}

int capture_check(const struct capture *c, char *why, size_t why_len)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", c->ifname);
	if (ioctl(c->fd, SIOCGIFFLAGS, &request)) {
		snprintf(why, why_len, "interface %s is gone: %s", c->ifname, strerror(errno));
		return -1;
	}
	if (request.ifr_flags & IFF_UP)
		return 0;
	snprintf(why, why_len, "interface %s was set down during the capture: set it up again", c->ifname);
	return -1;
}

uint64_t capture_dropped(struct capture *c)
{
	struct pcap_stat stat;

	return pcap_stats(c->pcap, &stat) ? 0 : stat.ps_drop;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->pcap)
		pcap_close(c->pcap);
	free(c->ifname);
	free(c);
}
