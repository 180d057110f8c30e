/* SPDX-License-Identifier: BSD-2-Clause */
/* The real link against a Linux target behind a veth pair, and against this host over the loopback. Nobody
 * guards the ports, so the host's kernel resets what it does not know; the tests look for the segments
 * they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lab/ns.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/wire_link.h"

enum { PORT = 7, MAX_TARGETS = 20 };

static const int64_t patience_us = 20 * 1000000;

static int far = -1, listener = -1;
static volatile int stop;
static char why[256];
static struct link *wire;
static struct wire_path paths[MAX_TARGETS];
static struct segment seen;
static uint8_t data[4000];

static void on_alarm(int signal)
{
	(void)signal;
	stop = 1;
}

/* A port that the kernel answers for, in the namespace `in` (-1: ours). */
static int listen_in(int in)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd = in < 0 ? socket(AF_INET6, SOCK_STREAM, 0) : ns_socket(in, AF_INET6, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 500), 0);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	stop = 0;
	far = ns_veth();
	assert_true(far >= 0);
	listener = listen_in(far);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (wire)
		assert_int_equal(wire_link_close(wire, why, sizeof(why)), 0);
	wire = NULL;
	close(listener);
	close(far);
	/* The pair goes with the far namespace, but not at once. */
	ns_run(-1, "ip link del " NS_NEAR_IF " 2>/dev/null");
	return 0;
}

static void find_path(struct wire_path *path, const char *target, const char *ifname)
{
	bool usage;

	*path = (struct wire_path){ .spare = NULL };
	assert_true(address_parse(&path->target, target));
	if (route_find(&path->route, &path->target, ifname, &(struct address){ 0 }, &usage, why, sizeof(why)))
		fail_msg("%s", why);
}

static void open_link(const char *target, const char *ifname)
{
	find_path(&paths[0], target, ifname);
	wire = wire_link_open(paths, 1, NULL, &stop, why, sizeof(why));
	if (!wire)
		fail_msg("%s", why);
}

static struct segment segment(const struct wire_path *path, uint16_t sport, uint16_t flags, uint32_t seq)
{
	return (struct segment){
		.src = { path->route.source, sport },
		.dst = { path->target, PORT },
		.seq = seq,
		.flags = flags,
		.window = 5000,
		.ttl = 61,
		.tos = 0,
		.ip_id = 0x793,
	};
}

static int send_one(const struct segment *s)
{
	return wire->send(wire, &s, 1);
}

/* The next segment between port `sport` and a target with these flags. */
static void await(uint16_t sport, bool ours, uint16_t flags)
{
	int64_t limit = wire->now_us(wire) + patience_us;
	enum link_status status;

	while ((status = wire->receive(wire, limit, &seen)) == LINK_SEGMENT)
		if (!seen.icmp.type && (ours ? seen.src.port : seen.dst.port) == sport && seen.flags == flags)
			return;
	fail_msg("no segment %#x of port %u: %s", flags, sport,
		 status == LINK_TIME ? "time is up" : wire->why);
}

/* One SYN and its answer. */
static void handshake(const struct wire_path *path, uint16_t sport)
{
	struct segment syn = segment(path, sport, FLAG_SYN, 0xfffffff0);
	int64_t before = wire->now_us(wire), left;
	uint64_t frame;

	if (send_one(&syn))
		fail_msg("%s", wire->why);
	await(sport, true, FLAG_SYN);
	assert_true(endpoint_equal(&seen.src, &syn.src));
	assert_true(endpoint_equal(&seen.dst, &syn.dst));
	assert_int_equal(seen.seq, syn.seq);
	assert_int_equal(seen.window, 5000);
	assert_int_equal(seen.ttl, 61);
	assert_int_equal(seen.checksum, CHECKSUM_GOOD);
	/* A wall clock read in between may be off by its resolution, two microseconds with conversion. */
	assert_true(seen.t_us >= before - 2);
	left = seen.t_us;
	frame = seen.frame;
	await(sport, false, FLAG_SYN | FLAG_ACK);
	assert_true(endpoint_equal(&seen.src, &syn.dst));
	assert_int_equal(seen.ack, syn.seq + 1);
	if (address_is_link_local(&path->target)) {
		assert_int_equal(seen.src.addr.scope, path->route.ifindex);
		assert_int_equal(seen.dst.addr.scope, path->route.ifindex);
	}
	assert_true(seen.checksum != CHECKSUM_BAD);
	assert_true(seen.frame > frame);
	assert_true(seen.t_us >= left);
	assert_true(seen.t_us <= wire->now_us(wire));
}

static void test_handshakes(void **state)
{
	static const char *const targets[] = { NS_FAR4, NS_FAR6, NS_FAR_LINK };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct wire_stats stats;

		open_link(targets[i], NS_NEAR_IF);
		handshake(&paths[0], 40001);
		/* By the link layer now. */
		handshake(&paths[0], 40002);
		wire_link_stats(wire, &stats);
		assert_true(stats.captured >= 4);
		assert_int_equal(stats.dropped, 0);
		assert_int_equal(wire_link_close(wire, why, sizeof(why)), 0);
		wire = NULL;
	}
}

/* Each segment is seen once; 127.0.0.1 and ::1, and a veth neighbour by the same link. */
static void test_loopback_and_neighbour(void **state)
{
	int own = listen_in(-1);
	uint64_t frames = 0;
	struct segment syn;
	int syns = 0;

	(void)state;
	find_path(&paths[0], "127.0.0.1", NULL);
	find_path(&paths[1], "::1", NULL);
	find_path(&paths[2], NS_FAR4, NULL);
	find_path(&paths[3], NS_NEAR4, NULL); /* an own address, which the loopback carries */
	wire = wire_link_open(paths, 4, NULL, &stop, why, sizeof(why));
	assert_non_null(wire);
	for (int i = 0; i < 4; i++) {
		handshake(&paths[i], (uint16_t)(40010 + i));
		handshake(&paths[i], (uint16_t)(40020 + i));
	}
	syn = segment(&paths[0], 40030, FLAG_SYN, 1);
	assert_int_equal(send_one(&syn), 0);
	do {
		assert_int_equal(wire->receive(wire, wire->now_us(wire) + patience_us, &seen), LINK_SEGMENT);
		assert_true(seen.frame > frames);
		frames = seen.frame;
		syns += seen.src.port == 40030 && seen.flags == FLAG_SYN;
	} while (seen.flags != (FLAG_SYN | FLAG_ACK) || seen.dst.port != 40030);
	assert_int_equal(syns, 1);
	close(own);
}

/* Once the link header is known, the kernel's neighbour table is not asked any more. */
static void test_link_layer_once_known(void **state)
{
	(void)state;
	open_link(NS_FAR4, NULL);
	handshake(&paths[0], 40001);
	assert_int_equal(ns_run(-1, "ip neigh replace " NS_FAR4 " dev " NS_NEAR_IF
				    " lladdr 02:00:00:00:00:66 nud permanent"),
			 0);
	handshake(&paths[0], 40002);
}

/* A frame in our name that comes in from elsewhere must not tell us where to send. */
static void test_forged_frame(void **state)
{
	struct sockaddr_ll out = { .sll_family = AF_PACKET, .sll_halen = 6 };
	uint8_t frame[256] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x66\x08";
	struct encoder *e = encode_new(why, sizeof(why));
	int fd = ns_socket(far, AF_PACKET, SOCK_RAW, 0);
	struct ifreq request = { .ifr_name = NS_FAR_IF };
	struct segment forged;
	size_t len;

	(void)state;
	open_link(NS_FAR4, NULL);
	forged = segment(&paths[0], 40050, FLAG_ACK, 1);
	len = encode_segment(e, &forged, frame + 14, sizeof(frame) - 14, why, sizeof(why));
	assert_int_not_equal(len, 0);
	encode_free(e);
	/* To a unicast address, as ours are. */
	frame[0] = 0x02;
	assert_int_equal(ioctl(fd, SIOCGIFINDEX, &request), 0);
	out.sll_ifindex = request.ifr_ifindex;
	assert_int_equal(sendto(fd, frame, 14 + len, 0, (struct sockaddr *)&out, sizeof(out)), 14 + len);
	await(40050, true, FLAG_ACK);
	/* Not a SYN, which would go by raw IP the first time whatever has been learned. */
	forged = segment(&paths[0], 40051, FLAG_ACK, 1);
	assert_int_equal(send_one(&forged), 0);
	await(40051, false, FLAG_RST);
	close(fd);
}

/* A target whose MAC changes is found again by the first SYN after some seconds. */
static void test_changed_next_hop(void **state)
{
	int64_t limit;

	(void)state;
	open_link(NS_FAR4, NULL);
	handshake(&paths[0], 40001);
	assert_int_equal(ns_run(far, "ip link set " NS_FAR_IF " address 02:00:00:00:00:99"), 0);
	assert_int_equal(ns_run(-1, "ip neigh flush dev " NS_NEAR_IF), 0);
	limit = wire->now_us(wire) + 5100000;
	while (wire->receive(wire, limit, &seen) == LINK_SEGMENT)
		;
	handshake(&paths[0], 40002);
	handshake(&paths[0], 40003);
}

static void test_batches_keep_order(void **state)
{
	static struct segment many[300];
	const struct segment *list[300];
	uint32_t expected = 0;

	(void)state;
	open_link(NS_FAR4, NULL);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 300; i++) {
			many[i] = segment(&paths[0], 40100, FLAG_ACK | FLAG_PSH, expected + i);
			many[i].len = many[i].data_len = i % 30 * 40;
			many[i].data = data;
			list[i] = &many[i];
		}
		if (wire->send(wire, list, 300))
			fail_msg("%s", wire->why);
		for (uint32_t i = 0; i < 300; i++, expected++) {
			await(40100, true, FLAG_ACK | FLAG_PSH);
			assert_int_equal(seen.seq, expected);
			assert_int_equal(seen.len, i % 30 * 40);
			assert_int_equal(seen.data_len, seen.len);
			assert_memory_equal(seen.data, data, seen.len);
		}
	}
}

/* More targets than a filter has room for, and traffic of a host that is none of them. */
static void test_many_targets(void **state)
{
	struct sockaddr_in other = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	char name[32];
	int fd;

	(void)state;
	assert_int_equal(ns_run(far, "ip addr add 198.18.0.3/24 dev " NS_FAR_IF), 0);
	for (int i = 0; i < MAX_TARGETS; i++) {
		snprintf(name, sizeof(name), "198.18.0.%d", i ? 100 + i : 2);
		find_path(&paths[i], name, NULL);
	}
	wire = wire_link_open(paths, MAX_TARGETS, NULL, &stop, why, sizeof(why));
	assert_non_null(wire);
	inet_pton(AF_INET, "198.18.0.3", &other.sin_addr);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&other, sizeof(other)), 0);
	assert_int_equal(send_one(&(struct segment){ .src = { paths[0].route.source, 40001 },
						     .dst = { paths[0].target, PORT },
						     .flags = FLAG_SYN,
						     .ttl = 64 }),
			 0);
	/* Frames come in order: nothing of that connection may come before our SYN. */
	assert_int_equal(wire->receive(wire, wire->now_us(wire) + patience_us, &seen), LINK_SEGMENT);
	assert_int_equal(seen.src.port, 40001);
	assert_int_equal(seen.frame, 1);
	close(fd);
}

static void test_icmp_error(void **state)
{
	struct segment syn;
	struct address router;

	(void)state;
	assert_int_equal(ns_run(far, "echo 1 >/proc/sys/net/ipv4/ip_forward"), 0);
	assert_int_equal(ns_run(-1, "ip route add 198.18.9.0/24 via " NS_FAR4), 0);
	open_link("198.18.9.9", NULL);
	syn = segment(&paths[0], 40001, FLAG_SYN, 0xabcdef01);
	assert_int_equal(send_one(&syn), 0);
	do
		assert_int_equal(wire->receive(wire, wire->now_us(wire) + patience_us, &seen), LINK_SEGMENT);
	while (!seen.icmp.type);
	assert_int_equal(seen.icmp.type, 3);
	assert_true(address_parse(&router, NS_FAR4));
	assert_true(address_equal(&seen.icmp.sender, &router));
	assert_true(endpoint_equal(&seen.src, &syn.src));
	assert_true(endpoint_equal(&seen.dst, &syn.dst));
	assert_int_equal(seen.seq, 0xabcdef01);
}

static void test_time_and_interrupts(void **state)
{
	struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	int64_t until;

	(void)state;
	open_link(NS_FAR4, NULL);
	until = wire->now_us(wire) + 30000;
	while (wire->receive(wire, until, &seen) == LINK_SEGMENT)
		;
	assert_true(wire->now_us(wire) >= until);
	/* A flag that is set already is seen before time is. */
	stop = 1;
	assert_int_equal(wire->receive(wire, 0, &seen), LINK_INTERRUPTED);
	assert_int_equal(stop, 0);
	assert_int_equal(wire->receive(wire, 0, &seen), LINK_TIME);
	sigaction(SIGALRM, &action, NULL);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(wire->receive(wire, INT64_MAX, &seen), LINK_INTERRUPTED);
	assert_int_equal(stop, 0);
}

static void await_end(const char *command)
{
	enum link_status status;

	open_link(NS_FAR4, NULL);
	handshake(&paths[0], 40001);
	assert_int_equal(ns_run(-1, command), 0);
	do
		status = wire->receive(wire, wire->now_us(wire) + patience_us, &seen);
	while (status == LINK_SEGMENT);
	assert_int_equal(status, LINK_ERROR);
	assert_non_null(strstr(wire->why, NS_NEAR_IF));
}

static void test_interface_down(void **state)
{
	struct segment rst;

	(void)state;
	await_end("ip link set " NS_NEAR_IF " down");
	rst = segment(&paths[0], 40001, FLAG_RST, 1);
	assert_int_equal(send_one(&rst), -1);
	assert_non_null(strstr(wire->why, NS_NEAR_IF " is down"));
}

static void test_interface_gone(void **state)
{
	(void)state;
	await_end("ip link del " NS_NEAR_IF);
}

static void test_send_errors(void **state)
{
	struct segment syn;

	(void)state;
	find_path(&paths[0], NS_FAR6, NULL);
	/* The kernel takes a target for a neighbour, whatever its routes say, if a socket is bound to an
	 * interface; that of a local path is not. */
	paths[0].route.local = true;
	wire = wire_link_open(paths, 1, NULL, &stop, why, sizeof(why));
	assert_non_null(wire);
	syn = segment(&paths[0], 40001, FLAG_SYN, 1);
	syn.len = syn.data_len = sizeof(data);
	syn.data = data;
	assert_int_equal(send_one(&syn), -1);
	assert_non_null(strstr(wire->why, "longer than interface " NS_NEAR_IF));
	syn.len = syn.data_len = 0;
	assert_int_equal(ns_run(-1, "ip route add unreachable " NS_FAR6), 0);
	assert_int_equal(send_one(&syn), -1);
	assert_non_null(strstr(wire->why, "no route to " NS_FAR6));
	assert_int_equal(ns_run(-1, "ip route del unreachable " NS_FAR6), 0);
	assert_int_equal(ns_run(-1, "ip route add prohibit " NS_FAR6), 0);
	assert_int_equal(send_one(&syn), -1);
	assert_non_null(strstr(wire->why, "refused a segment to " NS_FAR6));
	assert_int_equal(ns_run(-1, "ip route del prohibit " NS_FAR6), 0);
	syn.dst.addr.bytes[15] = 77;
	assert_int_equal(send_one(&syn), -1);
	assert_non_null(strstr(wire->why, "2001:db8:793::4d"));
}

static void test_open_errors(void **state)
{
	(void)state;
	find_path(&paths[0], NS_FAR4, NULL);
	assert_null(wire_link_open(paths, 1, "/nonexistent/x.pcap", &stop, why, sizeof(why)));
	assert_non_null(strstr(why, "/nonexistent/x.pcap"));
	wire = wire_link_open(paths, 1, "/dev/full", &stop, why, sizeof(why));
	assert_non_null(wire);
	handshake(&paths[0], 40001);
	assert_int_equal(wire_link_close(wire, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "/dev/full"));
	wire = NULL;
	snprintf(paths[0].route.ifname, sizeof(paths[0].route.ifname), "fwgone");
	assert_null(wire_link_open(paths, 1, NULL, &stop, why, sizeof(why)));
	assert_non_null(strstr(why, "fwgone"));
}

/* The file holds what was handed out, in the same order, as IP packets. */
static void test_dump(void **state)
{
	char path[] = "wire_link_XXXXXX", text[PCAP_ERRBUF_SIZE];
	int fd = mkstemp(path);
	struct decode_packet at;
	struct pcap_pkthdr *header;
	const u_char *bytes;
	struct timeval now;
	uint64_t frames;
	pcap_t *file;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	find_path(&paths[0], NS_FAR6, NULL);
	wire = wire_link_open(paths, 1, path, &stop, why, sizeof(why));
	assert_non_null(wire);
	handshake(&paths[0], 40001);
	frames = seen.frame;
	assert_int_equal(wire_link_close(wire, why, sizeof(why)), 0);
	wire = NULL;
	file = pcap_open_offline(path, text);
	assert_non_null(file);
	assert_int_equal(pcap_datalink(file), DLT_RAW);
	gettimeofday(&now, NULL);
	for (uint64_t i = 1; i <= frames; i++) {
		assert_int_equal(pcap_next_ex(file, &header, &bytes), 1);
		assert_int_equal(decode_frame(DECODE_RAW, bytes, header->caplen, header->len, &seen, &at),
				 DECODE_TCP);
		assert_true(seen.src.port == 40001 || seen.dst.port == 40001);
		assert_true(header->ts.tv_sec <= now.tv_sec && header->ts.tv_sec > now.tv_sec - 600);
	}
	assert_int_equal(seen.flags, FLAG_SYN | FLAG_ACK);
	assert_int_equal(pcap_next_ex(file, &header, &bytes), PCAP_ERROR_BREAK);
	pcap_close(file);
	unlink(path);
}

/* From an address that only we know: the kernel must not reset the connection. */
static void test_spare_address(void **state)
{
	struct segment syn = { .seq = 0 };
	bool usage;

	(void)state;
	paths[0] = (struct wire_path){ .spare = NULL };
	assert_true(address_parse(&paths[0].target, NS_FAR4));
	assert_true(address_parse(&syn.src.addr, "198.18.0.77"));
	assert_int_equal(route_find(&paths[0].route, &paths[0].target, NULL, &syn.src.addr, &usage, why,
				    sizeof(why)),
			 0);
	paths[0].spare = spare_open(&paths[0].route, why, sizeof(why));
	if (!paths[0].spare)
		fail_msg("%s", why);
	wire = wire_link_open(paths, 1, NULL, &stop, why, sizeof(why));
	assert_non_null(wire);
	if (spare_claim(paths[0].spare, &paths[0].target, why, sizeof(why)))
		fail_msg("%s", why);
	/* The answer needs our ARP reply, which receive() gives. */
	assert_int_equal(ns_run(far, "ip neigh flush dev " NS_FAR_IF), 0);
	handshake(&paths[0], 40001);
	await(40001, false, FLAG_SYN | FLAG_ACK); /* retransmitted, since nobody reset it */
	syn = segment(&paths[0], 40001, FLAG_RST, 0xfffffff1);
	assert_int_equal(send_one(&syn), 0);
	await(40001, true, FLAG_RST);
	assert_int_equal(wire_link_close(wire, why, sizeof(why)), 0);
	wire = NULL;
	spare_close(paths[0].spare);
}

int main(void)
{
#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_LAB(test_handshakes),      IN_LAB(test_loopback_and_neighbour),
		IN_LAB(test_link_layer_once_known), IN_LAB(test_forged_frame),
		IN_LAB(test_changed_next_hop),
		IN_LAB(test_batches_keep_order), IN_LAB(test_many_targets),
		IN_LAB(test_icmp_error),      IN_LAB(test_time_and_interrupts),
		IN_LAB(test_interface_down),  IN_LAB(test_interface_gone),
		IN_LAB(test_send_errors),     IN_LAB(test_open_errors),
		IN_LAB(test_dump),	      IN_LAB(test_spare_address),
	};

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	ns_enter_or_skip();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
