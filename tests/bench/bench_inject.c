/* SPDX-License-Identifier: BSD-2-Clause */
/* Injection: libnet building every segment and sendmmsg() behind a learned link header, as wire_link does,
 * against sendmmsg() of frames that were built before. The frames go to a MAC that nobody has, so that the
 * other end drops them at once: answers would cost both ways the same and make them look alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "wire/encode.h"
#include "wire/inject.h"
#include "wire/route.h"

enum { ROUNDS = 15, SEGMENTS = 64 * 600, ROOM = 128 };

static uint8_t packets[INJECT_BATCH][ROOM];
static uint8_t header[INJECT_HEADER] = { 0x02, 0, 0, 0, 0x07, 0x93 };
static struct inject_port port;
static struct segment segment;
static const char *ifname;
static char why[256];

static void die(const char *what)
{
	fprintf(stderr, "bench_inject: %s\n", what);
	exit(1);
}

/* Each segment differs, as in real life. */
static size_t build(struct encoder *e, uint8_t *packet)
{
	size_t len;

	segment.seq += 1000;
	segment.ip_id++;
	len = encode_segment(e, &segment, packet, ROOM, why, sizeof(why));
	if (!len)
		die(why);
	return len;
}

static double ours(struct encoder *e)
{
	struct inject_packet batch[INJECT_BATCH];
	double begin = bench_seconds();

	for (int sent = 0; sent < SEGMENTS; sent += INJECT_BATCH) {
		for (int i = 0; i < INJECT_BATCH; i++)
			batch[i] = (struct inject_packet){ packets[i], build(e, packets[i]) };
		if (inject_port(&port, ifname, header, batch, INJECT_BATCH, why, sizeof(why)))
			die(why);
	}
	return SEGMENTS / (bench_seconds() - begin);
}

static double prebuilt(struct encoder *e)
{
	static uint8_t frames[INJECT_BATCH][ROOM];
	struct mmsghdr messages[INJECT_BATCH] = { 0 };
	struct iovec parts[INJECT_BATCH];
	double begin;

	for (int i = 0; i < INJECT_BATCH; i++) {
		memcpy(frames[i], header, INJECT_HEADER);
		parts[i].iov_base = frames[i];
		parts[i].iov_len = INJECT_HEADER + build(e, packets[i]);
		memcpy(frames[i] + INJECT_HEADER, packets[i], parts[i].iov_len - INJECT_HEADER);
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	begin = bench_seconds();
	for (int sent = 0; sent < SEGMENTS; sent += INJECT_BATCH)
		for (int done = 0, n; done < INJECT_BATCH; done += n) {
			n = sendmmsg(port.fd, messages + done, (unsigned)(INJECT_BATCH - done), 0);
			if (n < 0)
				die("sendmmsg failed");
		}
	return SEGMENTS / (bench_seconds() - begin);
}

int main(int argc, char **argv)
{
	double a[ROUNDS], b[ROUNDS], rate, reference;
	struct encoder *e;
	struct route route;
	char figures[128];
	bool usage;

	if (argc != 3) {
		fprintf(stderr, "usage: %s INTERFACE TARGET\n", argv[0]);
		return 2;
	}
	ifname = argv[1];
	if (!address_parse(&segment.dst.addr, argv[2]))
		die("TARGET is a numeric address");
	if (route_find(&route, &segment.dst.addr, ifname, &(struct address){ 0 }, &usage, why, sizeof(why)))
		die(why);
	segment.src.addr = route.source;
	segment.src.port = 40000;
	segment.dst.port = 9;
	segment.flags = FLAG_SYN;
	segment.ttl = 64;
	/* 58 bytes with an IPv4 header: 14 of link, 20 of IP, 20 of TCP, 4 of options. */
	options_parse(&segment.options, (const uint8_t *)"\2\4\5\xb4", 4);
	if (inject_open_port(&port, ifname, route.ifindex, why, sizeof(why)))
		die(why);
	if (port.fd < 0)
		die("the interface is not Ethernet");
	memcpy(header + 6, port.mac, 6);
	header[12] = segment.dst.addr.family == 6 ? 0x86 : 0x08;
	header[13] = segment.dst.addr.family == 6 ? 0xdd : 0x00;
	e = encode_new(why, sizeof(why));
	if (!e)
		die(why);
	for (int i = 0; i < ROUNDS; i++) {
		a[i] = ours(e);
		b[i] = prebuilt(e);
	}
	rate = bench_median(a, ROUNDS);
	reference = bench_median(b, ROUNDS);
	snprintf(figures, sizeof(figures), "built by libnet %.0f segments/s, prebuilt frames %.0f segments/s",
		 rate, reference);
	bench_print("injection", figures, rate / reference, ">= 0.65");
	encode_free(e);
	close(port.fd);
	return 0;
}
