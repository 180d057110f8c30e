/* SPDX-License-Identifier: BSD-2-Clause */
/* The least that a judge of captures has to do: libpcap reads every frame of FILE (Ethernet, IPv4, TCP), and
 * the checksums of both headers are verified. */
#include <pcap.h>
#include <stdio.h>
#include <string.h>

#include "wire/checksum.h"

struct counts {
	unsigned long good, bad, other;
};

enum { LINK = 14, IP = 20, TCP = 20 };

static void verify(u_char *user, const struct pcap_pkthdr *header, const u_char *frame)
{
	struct counts *counts = (struct counts *)user;
	struct address src = { .family = 4 }, dst = { .family = 4 };
	const u_char *ip = frame + LINK;
	size_t header_len, total;
	uint64_t sum;

	if (header->caplen < LINK + IP + TCP || frame[12] != 8 || frame[13] || ip[0] >> 4 != 4 || ip[9] != 6) {
		counts->other++;
		return;
	}
	header_len = (size_t)(ip[0] & 0x0f) * 4;
	total = (size_t)(ip[2] << 8 | ip[3]);
	if (header_len < IP || total < header_len + TCP || total > header->caplen - LINK) {
		counts->other++;
		return;
	}
	memcpy(src.bytes, ip + 12, 4);
	memcpy(dst.bytes, ip + 16, 4);
	sum = checksum_pseudo(&src, &dst, 6, (uint32_t)(total - header_len));
	if (checksum_fold(checksum_add(0, ip, header_len)) == 0xffff &&
	    checksum_fold(checksum_add(sum, ip + header_len, total - header_len)) == 0xffff)
		counts->good++;
	else
		counts->bad++;
}

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	struct counts counts = { 0, 0, 0 };
	pcap_t *capture;
	int status;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	capture = pcap_open_offline(argv[1], error);
	if (!capture || pcap_datalink(capture) != DLT_EN10MB) {
		fprintf(stderr, "pcap_loop: %s\n", capture ? "not Ethernet" : error);
		return 1;
	}
	status = pcap_loop(capture, -1, verify, (u_char *)&counts);
	if (status)
		fprintf(stderr, "pcap_loop: %s\n", pcap_geterr(capture));
	pcap_close(capture);
	printf("%lu good, %lu bad, %lu other\n", counts.good, counts.bad, counts.other);
	return status || counts.bad || counts.other || !counts.good;
}
