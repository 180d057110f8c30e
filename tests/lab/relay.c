/* SPDX-License-Identifier: BSD-2-Clause */
/* A bad network between two interfaces: `relay IF IF SEED LOSS DUPLICATES REORDERED DELAY-MS`. Every frame
 * that comes in at one goes out at the other; of those with TCP so many in a thousand are lost, sent twice,
 * or held back for a while so that later ones overtake them; all are late by DELAY-MS. The same seed makes
 * the same plan. Prints a line when it is ready. For labs only. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "core/random.h"

enum {
	PORTS = 2,
	LIFE_S = 300,
	FRAME = 66000,
	QUEUE = 8192,
	AT_ONCE = 64,
	STATUS_USAGE = 2,
	STATUS_NOT_RUN = 3
};

/* A frame on its way, with what its sender left to the hardware in front (PACKET_VNET_HDR): a checksum, the
 * cutting into segments. The next interface gets it as it came. */
struct held {
	struct held *next;
	int64_t due_us;
	int port;
	size_t len;
	uint8_t bytes[];
};

static struct {
	int fds[PORTS], signals;
	unsigned loss, duplicates, reordered; /* of a thousand */
	int64_t delay_us;
	uint64_t random;
	struct held *first;
	unsigned queued;
	unsigned long passed, lost, doubled, late;
} relay;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static unsigned one_of(unsigned n)
{
	return (unsigned)(random_next(&relay.random) >> 32) % n;
}

static void transmit(int port, const uint8_t *bytes, size_t len)
{
	/* A full queue loses the frame as a network would; TCP sends it again. */
	if (send(relay.fds[port], bytes, len, 0) < 0 && errno != ENOBUFS && errno != EAGAIN &&
	    errno != ENETDOWN)
		perror("relay: send");
	relay.passed++;
}

/* What is due at the same time leaves in the order in which it came. */
static void hold(int port, const uint8_t *bytes, size_t len, int64_t due_us)
{
	struct held **place = &relay.first, *h;

	if (relay.queued == QUEUE || !(h = malloc(sizeof(*h) + len)))
		return;
	while (*place && (*place)->due_us <= due_us)
		place = &(*place)->next;
	*h = (struct held){.next = *place, .due_us = due_us, .port = port, .len = len};
	memcpy(h->bytes, bytes, len);
	*place = h;
	relay.queued++;
}

static void release(int64_t t_us)
{
	while (relay.first && relay.first->due_us <= t_us) {
		struct held *h = relay.first;

		transmit(h->port, h->bytes, h->len);
		relay.first = h->next;
		relay.queued--;
		free(h);
	}
}

/* Neighbour discovery and the like pass unharmed. */
static bool is_tcp(const uint8_t *frame, size_t len)
{
	if (len < ETH_HLEN + 40)
		return false;
	switch (frame[12] << 8 | frame[13]) {
	case ETH_P_IP:
		return frame[ETH_HLEN + 9] == IPPROTO_TCP;
	case ETH_P_IPV6:
		return frame[ETH_HLEN + 6] == IPPROTO_TCP;
	}
	return false;
}

static void handle(int to, const uint8_t *bytes, size_t len, int64_t t_us)
{
	int64_t due_us = t_us + relay.delay_us;

	if (!is_tcp(bytes + sizeof(struct virtio_net_hdr), len - sizeof(struct virtio_net_hdr))) {
		transmit(to, bytes, len);
		return;
	}
	if (one_of(1000) < relay.loss) {
		relay.lost++;
		return;
	}
	if (one_of(1000) < relay.reordered) {
		due_us += 1000 + one_of(20000);
		relay.late++;
	}
	if (one_of(1000) < relay.duplicates) {
		hold(to, bytes, len, due_us + one_of(5000));
		relay.doubled++;
	}
	hold(to, bytes, len, due_us);
}

static void receive(int port, int64_t t_us)
{
	static uint8_t bytes[sizeof(struct virtio_net_hdr) + FRAME];

	for (int i = 0; i < AT_ONCE; i++) {
		ssize_t len = recv(relay.fds[port], bytes, sizeof(bytes), MSG_DONTWAIT);

		if (len < 0 && (errno == EAGAIN || errno == EINTR || errno == ENETDOWN))
			return;
		if (len < 0) {
			perror("relay: recv");
			exit(STATUS_NOT_RUN);
		}
		if ((size_t)len > sizeof(struct virtio_net_hdr))
			handle(!port, bytes, (size_t)len, t_us);
	}
}

static void run(void)
{
	struct pollfd wait[PORTS + 1] = {
		{ relay.fds[0], POLLIN, 0 }, { relay.fds[1], POLLIN, 0 }, { relay.signals, POLLIN, 0 }};

	for (;;) {
		int64_t t_us = now_us(), left_us = relay.first ? relay.first->due_us - t_us : -1;
		struct timespec until = { left_us / 1000000, left_us % 1000000 * 1000 };

		if (left_us < 0 && relay.first)
			until = (struct timespec){ 0, 0 };
		if (ppoll(wait, PORTS + 1, relay.first ? &until : NULL, NULL) < 0 && errno != EINTR) {
			perror("relay: ppoll");
			exit(STATUS_NOT_RUN);
		}
		if (wait[PORTS].revents)
			return;
		t_us = now_us();
		for (int i = 0; i < PORTS; i++)
			if (wait[i].revents)
				receive(i, t_us);
		release(t_us);
	}
}

static int open_port(const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex(name)};
	int on = 1, room = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || !at.sll_ifindex || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		fprintf(stderr, "relay: %s: %s\n", name, strerror(errno));
		exit(STATUS_NOT_RUN);
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

int main(int argc, char **argv)
{
	sigset_t set;

	if (argc != 8) {
		fprintf(stderr, "usage: %s IF IF SEED LOSS DUPLICATES REORDERED DELAY-MS\n", argv[0]);
		return STATUS_USAGE;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	relay.signals = signalfd(-1, &set, SFD_CLOEXEC);
	for (int i = 0; i < PORTS; i++)
		relay.fds[i] = open_port(argv[1 + i]);
	relay.random = strtoull(argv[3], NULL, 0);
	relay.loss = (unsigned)atoi(argv[4]);
	relay.duplicates = (unsigned)atoi(argv[5]);
	relay.reordered = (unsigned)atoi(argv[6]);
	relay.delay_us = (int64_t)atoi(argv[7]) * 1000;
	alarm(LIFE_S); /* if whoever started this is gone */
	puts("ready");
	fflush(stdout);
	fclose(stdout);
	run();
	fprintf(stderr, "relay: %lu passed, %lu lost, %lu doubled, %lu held back\n", relay.passed, relay.lost,
		relay.doubled, relay.late);
	return 0;
}
