/* SPDX-License-Identifier: BSD-2-Clause */
/* SYN to SYN,ACK as wire_link sees it, by the stamps of the capture and in user space from send() to
 * receive(), against a loop that sends the same SYN by a packet socket and receives busily. Both run in
 * turns, never at once, since each capture makes the other one slower. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/bench.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/guard.h"
#include "wire/inject.h"
#include "wire/wire_link.h"

enum { ROUNDS = 10, EACH = 30, SAMPLES = ROUNDS * EACH };

static const double patience_s = 5;

static struct wire_path path;
static struct endpoint source, target;
static uint8_t header[INJECT_HEADER];
static uint32_t isn = 0x10000;
static volatile int stop;
static char why[256];

static void die(const char *what)
{
	fprintf(stderr, "bench_latency: %s\n", what);
	exit(1);
}

static struct segment make(uint16_t flags, uint32_t seq)
{
	return (struct segment){
		.src = source, .dst = target, .seq = seq, .flags = flags, .window = 1024, .ttl = 64
	};
}

static bool is_answer(const struct segment *s)
{
	return s->flags == (FLAG_SYN | FLAG_ACK) && s->dst.port == source.port && s->ack == isn + 1;
}

static void send_by_link(struct link *link, uint16_t flags, uint32_t seq)
{
	struct segment s = make(flags, seq);

	if (link->send(link, &(const struct segment *){ &s }, 1))
		die(link->why);
}

/* One exchange, reset at its end. */
static void by_link(struct link *link, double *stamped_us, double *user_us)
{
	int64_t left_us = 0, limit = link->now_us(link) + (int64_t)(patience_s * 1e6);
	double begin = bench_seconds();
	struct segment s;

	isn += 1000;
	send_by_link(link, FLAG_SYN, isn);
	do {
		if (link->receive(link, limit, &s) != LINK_SEGMENT)
			die("the target did not answer");
		if (s.flags == FLAG_SYN && s.seq == isn)
			left_us = s.t_us;
	} while (!is_answer(&s));
	*user_us = (bench_seconds() - begin) * 1e6;
	*stamped_us = (double)(s.t_us - left_us);
	send_by_link(link, FLAG_RST, isn + 1);
}

static struct link *open_link(void)
{
	struct link *link = wire_link_open(&path, 1, NULL, &stop, why, sizeof(why));

	if (!link)
		die(why);
	return link;
}

static void round_by_link(double *stamped_us, double *user_us)
{
	struct link *link = open_link();
	double unused[2];

	/* The first SYN goes by raw IP and shows the link header. */
	by_link(link, &unused[0], &unused[1]);
	for (int i = 0; i < EACH; i++)
		by_link(link, &stamped_us[i], &user_us[i]);
	if (wire_link_close(link, why, sizeof(why)))
		die(why);
}

static int packet_socket(uint16_t protocol)
{
	struct sockaddr_ll own = { .sll_family = AF_PACKET,
				   .sll_protocol = htons(protocol),
				   .sll_ifindex = (int)path.route.ifindex };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)))
		die("cannot open a packet socket");
	return fd;
}

static void send_frame(int fd, struct encoder *e, uint16_t flags, uint32_t seq)
{
	static uint8_t frame[256];
	struct segment s = make(flags, seq);
	size_t len = encode_segment(e, &s, frame + INJECT_HEADER, sizeof(frame) - INJECT_HEADER, why,
				    sizeof(why));

	memcpy(frame, header, INJECT_HEADER);
	if (!len)
		die(why);
	if (send(fd, frame, INJECT_HEADER + len, 0) < 0)
		die("send failed");
}

/* Receives frames busily until `wanted` says yes. */
static void receive_frame(int fd, bool (*wanted)(const struct segment *), uint8_t *frame, size_t size)
{
	double limit = bench_seconds() + patience_s;
	struct decode_packet at;
	struct segment s;

	for (;;) {
		ssize_t len = recv(fd, frame, size, MSG_DONTWAIT);

		if (len > 0 &&
		    decode_frame(DECODE_ETHERNET, frame, (size_t)len, (size_t)len, &s, &at) == DECODE_TCP &&
		    wanted(&s))
			return;
		if (len < 0 && bench_seconds() > limit)
			die("the target did not answer");
	}
}

static void round_by_socket(struct encoder *e, double *user_us)
{
	int fd = packet_socket(target.addr.family == 6 ? ETH_P_IPV6 : ETH_P_IP);
	uint8_t frame[2048];

	for (int i = 0; i < EACH; i++) {
		double begin = bench_seconds();

		isn += 1000;
		send_frame(fd, e, FLAG_SYN, isn);
		receive_frame(fd, is_answer, frame, sizeof(frame));
		user_us[i] = (bench_seconds() - begin) * 1e6;
		send_frame(fd, e, FLAG_RST, isn + 1);
	}
	close(fd);
}

static bool is_our_syn(const struct segment *s)
{
	return s->flags == FLAG_SYN && s->src.port == source.port;
}

/* The link header that the kernel puts before our segments. */
static void find_header(void)
{
	struct link *link = open_link();
	int fd = packet_socket(ETH_P_ALL);
	uint8_t frame[2048];
	double unused[2];

	by_link(link, &unused[0], &unused[1]);
	receive_frame(fd, is_our_syn, frame, sizeof(frame));
	memcpy(header, frame, INJECT_HEADER);
	close(fd);
	if (wire_link_close(link, why, sizeof(why)))
		die(why);
}

static uint16_t next_port(void *arg)
{
	uint16_t *port = arg;

	return (*port)++;
}

int main(int argc, char **argv)
{
	static double stamped[SAMPLES], user[SAMPLES], reference[SAMPLES];
	uint16_t candidate = 41000;
	struct guards *guards;
	struct encoder *e;
	double a, b, c;
	char figures[160];
	bool usage;

	if (argc != 4) {
		fprintf(stderr, "usage: %s INTERFACE TARGET PORT\n", argv[0]);
		return 2;
	}
	if (!address_parse(&target.addr, argv[2]))
		die("TARGET is a numeric address");
	target.port = (uint16_t)atoi(argv[3]);
	path.target = target.addr;
	if (route_find(&path.route, &target.addr, argv[1], &(struct address){ 0 }, &usage, why, sizeof(why)))
		die(why);
	source.addr = path.route.source;
	guards = guards_new(GUARD_AUTO, 1, why, sizeof(why));
	if (!guards || guard_take(guards, &source, next_port, &candidate, why, sizeof(why)))
		die(why);
	e = encode_new(why, sizeof(why));
	if (!e)
		die(why);
	find_header();
	for (int i = 0; i < ROUNDS; i++) {
		round_by_link(stamped + i * EACH, user + i * EACH);
		round_by_socket(e, reference + i * EACH);
	}
	a = bench_median(stamped, SAMPLES);
	b = bench_median(user, SAMPLES);
	c = bench_median(reference, SAMPLES);
	snprintf(figures, sizeof(figures),
		 "SYN to SYN,ACK %.1f us (by capture stamps %.1f us), busy packet socket %.1f us", b, a, c);
	bench_print("latency", figures, b / c, "<= 1.5");
	encode_free(e);
	guards_free(guards);
	return 0;
}
