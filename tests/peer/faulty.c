/* SPDX-License-Identifier: BSD-2-Clause */
/* The lying peer as a host on a link: `faulty --if veth1 --addr 198.18.0.66 --fault fin-moves` answers for
 * addresses that no kernel knows, with its own ARP, neighbour discovery and TCP. For labs only. */
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "frame.h"
#include "peer.h"

enum { NEIGHBOURS = 64, READ_MAX = 66000, READ_AT_ONCE = 64, STATUS_USAGE = 2, STATUS_NOT_RUN = 3 };

struct neighbour {
	struct address addr;
	uint8_t mac[FRAME_MAC];
};

struct host {
	int fd, signals;
	uint8_t mac[FRAME_MAC];
	struct address addrs[2];
	size_t n_addrs;
	struct peer *peer;
	struct neighbour neighbours[NEIGHBOURS];
	unsigned next_neighbour;
	uint8_t in[READ_MAX];
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct neighbour *find_neighbour(struct host *h, const struct address *addr)
{
	for (int i = 0; i < NEIGHBOURS; i++)
		if (address_equal(&h->neighbours[i].addr, addr))
			return &h->neighbours[i];
	return NULL;
}

/* Who sends to us is answered where it came from. */
static void learn(struct host *h, const struct address *addr, const uint8_t *mac)
{
	struct neighbour *n = find_neighbour(h, addr);

	if (!n)
		n = &h->neighbours[h->next_neighbour++ % NEIGHBOURS];
	n->addr = *addr;
	memcpy(n->mac, mac, FRAME_MAC);
}

static void transmit(struct host *h, const uint8_t *frame, size_t len)
{
	/* A full queue loses the frame as a network would; TCP sends it again. */
	if (len && send(h->fd, frame, len, 0) < 0 && errno != ENOBUFS && errno != EAGAIN)
		perror("faulty: send");
}

static void peer_sends(void *arg, const struct segment *s)
{
	struct host *h = arg;
	struct neighbour *n = find_neighbour(h, &s->dst.addr);
	uint8_t frame[FRAME_MAX];

	if (n)
		transmit(h, frame, frame_encode(frame, s, n->mac, h->mac));
}

static bool is_ours(const struct host *h, const struct address *addr)
{
	for (size_t i = 0; i < h->n_addrs; i++)
		if (address_equal(&h->addrs[i], addr))
			return true;
	return false;
}

static void handle_frame(struct host *h, size_t len, bool partial)
{
	uint8_t out[FRAME_MAX];
	struct segment s;

	transmit(h, out, frame_answer(out, h->in, len, h->addrs, h->n_addrs, h->mac));
	if (!frame_decode(&s, h->in, len, partial) || !is_ours(h, &s.dst.addr))
		return;
	learn(h, &s.src.addr, h->in + FRAME_MAC);
	peer_receive(h->peer, &s, now_us());
}

/* Reads one frame; false if there is none. */
static bool read_frame(struct host *h)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct sockaddr_ll from;
	struct iovec io = { .iov_base = h->in, .iov_len = sizeof h->in };
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = sizeof from,
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	ssize_t len = recvmsg(h->fd, &m, MSG_DONTWAIT | MSG_TRUNC);
	bool partial = false;

	if (len < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof aux);
		partial = aux.tp_status & TP_STATUS_CSUMNOTREADY;
	}
	if (from.sll_pkttype != PACKET_OUTGOING && (size_t)len <= sizeof h->in)
		handle_frame(h, (size_t)len, partial);
	return true;
}

static int serve(struct host *h)
{
	struct pollfd fds[] = { { .fd = h->fd, .events = POLLIN }, { .fd = h->signals, .events = POLLIN } };

	for (;;) {
		int64_t timer = peer_next_timer(h->peer), wait = timer - now_us();
		int timeout_ms = -1;

		if (timer != INT64_MAX)
			timeout_ms = wait <= 0 ? 0 : wait > 60000000 ? 60000 : (int)((wait + 999) / 1000);
		if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR) {
			perror("faulty: poll");
			return STATUS_NOT_RUN;
		}
		if (fds[1].revents)
			return 0;
		if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL) && !(fds[0].revents & POLLIN)) {
			fputs("faulty: The interface is gone.\n", stderr);
			return STATUS_NOT_RUN;
		}
		for (int i = 0; i < READ_AT_ONCE && read_frame(h); i++)
			;
		if (peer_next_timer(h->peer) <= now_us())
			peer_timeout(h->peer, now_us());
	}
}

/* Signals are blocked and read from a descriptor, so that the loop waits in one place. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int open_device(struct host *h, const char *device)
{
	struct sockaddr_ll bound = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq all = { .mr_type = PACKET_MR_ALLMULTI };
	struct ifreq request = { 0 };
	int on = 1;

	bound.sll_ifindex = (int)if_nametoindex(device);
	if (!bound.sll_ifindex) {
		fprintf(stderr, "faulty: There is no interface %s.\n", device);
		return -1;
	}
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
	all.mr_ifindex = bound.sll_ifindex;
	h->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (h->fd < 0 || setsockopt(h->fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0 ||
	    setsockopt(h->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 ||
	    ioctl(h->fd, SIOCGIFHWADDR, &request) < 0 ||
	    bind(h->fd, (struct sockaddr *)&bound, sizeof bound) < 0) {
		fprintf(stderr, "faulty: Cannot open %s: %s.\n", device, strerror(errno));
		return -1;
	}
	memcpy(h->mac, request.ifr_hwaddr.sa_data, FRAME_MAC);
	return 0;
}

static void list(void)
{
	for (int i = FAULT_NONE; i < FAULTS; i++) {
		const struct fault *f = faults_info((enum peer_fault)i);

		printf("%s\t%s\t%s\t%s\n", f->name, f->legal ? "legal" : "violation", f->citation, f->does);
	}
}

static int usage(const char *what)
{
	fprintf(stderr,
		"faulty: %s\n"
		"usage: faulty --if DEV --addr ADDRESS [--addr6 ADDRESS] [--fault NAME] [--ttl N] [--seed N]\n"
		"       faulty --list\n",
		what);
	return STATUS_USAGE;
}

static bool add_address(struct host *h, const char *text, uint8_t family)
{
	struct address *a = &h->addrs[h->n_addrs];

	if (h->n_addrs == 2 || !address_parse(a, text) || a->family != family)
		return false;
	h->n_addrs++;
	return true;
}

static bool number(const char *text, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return *text && *text != '-' && !*end && !errno && *value <= max;
}

/* Reads the arguments; -1 to go on, otherwise the exit status. */
static int read_arguments(int argc, char **argv, struct host *h, struct peer_params *params,
			  const char **device)
{
	static const struct option options[] = {
		{ "if", required_argument, NULL, 'i' },	   { "addr", required_argument, NULL, '4' },
		{ "addr6", required_argument, NULL, '6' }, { "fault", required_argument, NULL, 'f' },
		{ "ttl", required_argument, NULL, 't' },   { "seed", required_argument, NULL, 's' },
		{ "list", no_argument, NULL, 'l' },	   { NULL, 0, NULL, 0 },
	};
	uint64_t value;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'l') {
			list();
			return 0;
		}
		if (c == 'i') {
			*device = optarg;
		} else if (c == '4' || c == '6') {
			if (!add_address(h, optarg, c == '4' ? 4 : 6))
				return usage("This is not an address of the family.");
		} else if (c == 'f') {
			params->fault = faults_by_name(optarg);
			if (params->fault == FAULTS)
				return usage("There is no such fault; --list shows all.");
		} else if (c == 't') {
			if (!number(optarg, 255, &value))
				return usage("The TTL is a number up to 255.");
			params->ttl = (uint8_t)value;
		} else if (c == 's') {
			if (!number(optarg, UINT64_MAX, &params->seed))
				return usage("The seed is a number.");
		} else {
			return usage("This option is not known, or lacks its value.");
		}
	}
	if (optind < argc || !*device || !h->n_addrs)
		return usage("An interface and an address are needed, and nothing else.");
	return -1;
}

int main(int argc, char **argv)
{
	static struct host host;
	struct peer_params params;
	const char *device = NULL;
	int status;

	peer_defaults(&params);
	status = read_arguments(argc, argv, &host, &params, &device);
	if (status >= 0)
		return status;
	host.signals = open_signals();
	host.peer = peer_new(&params);
	if (host.signals < 0 || !host.peer) {
		perror("faulty");
		return STATUS_NOT_RUN;
	}
	if (open_device(&host, device) < 0)
		return STATUS_NOT_RUN;
	peer_set_output(host.peer, peer_sends, &host);
	puts("ready");
	fflush(stdout);
	status = serve(&host);
	peer_free(host.peer);
	close(host.fd);
	close(host.signals);
	return status;
}
