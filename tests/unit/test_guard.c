/* SPDX-License-Identifier: BSD-2-Clause */
/* Guards, each held by a child with the privileges in question, and looked at from outside: a peer's SYN
 * and stray ACK to the guarded port must draw nothing, the same to an unguarded port must draw an answer.
 * The latter goes last and is waited for, so nothing depends on how long "nothing" takes. */
#include "wire/guard.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/ns.h"
#include "wire/checksum.h"
#include "wire/resolve.h"

enum { PATIENCE_MS = 30000, CANARIES = 3, NEAR = -1 };
enum rights { ALL, RAW_ALONE };

static int far_ns = -1;

static uint16_t pick_any(void *arg)
{
	unsigned *next = arg;

	return (uint16_t)(20000 + (*next)++ % 40000);
}

static struct endpoint endpoint(const char *text)
{
	struct endpoint e;
	char why[256];

	assert_int_equal(resolve_source(&e, text, why, sizeof(why)), 0);
	return e;
}

/* A guard in a child of its own, until release(). */
struct held {
	pid_t pid;
	int result;
	enum guard_method method;
	struct endpoint source;
	char note[256], why[600];
};

static void child(struct held *h, enum guard_method method, enum rights rights, int report)
{
	unsigned next = (unsigned)getpid();
	struct guards *g;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rights == RAW_ALONE) {
		capng_clear(CAPNG_SELECT_CAPS);
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW);
		if (capng_apply(CAPNG_SELECT_CAPS))
			_exit(1);
	}
	g = guards_new(method, 1, h->why, sizeof(h->why));
	if (!g)
		_exit(1);
	h->result = guard_take(g, &h->source, pick_any, &next, h->why, sizeof(h->why));
	h->method = guards_method(g);
	snprintf(h->note, sizeof(h->note), "%s", guards_note(g));
	if (write(report, h, sizeof(*h)) != (ssize_t)sizeof(*h))
		_exit(1);
	for (;;)
		pause();
}

static struct held hold(enum guard_method method, const char *source, enum rights rights)
{
	struct held h = {.source = endpoint(source)};
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(&h, method, rights, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &h, sizeof(h)), sizeof(h));
	close(ends[0]);
	h.pid = pid;
	return h;
}

static void release(struct held *h)
{
	assert_int_equal(kill(h->pid, SIGKILL), 0);
	assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
}

static socklen_t to_sockaddr(const struct endpoint *e, int far, struct sockaddr_storage *s)
{
	memset(s, 0, sizeof(*s));
	if (e->addr.family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)s;

		in->sin_family = AF_INET;
		in->sin_port = htons(e->port);
		memcpy(&in->sin_addr, e->addr.bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)s;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(e->port);
	memcpy(&in6->sin6_addr, e->addr.bytes, 16);
	in6->sin6_scope_id = e->addr.scope;
	/* The interface has another number over there. */
	if (e->addr.scope && far != NEAR) {
		struct ifreq r = {.ifr_name = NS_FAR_IF};
		int fd = ns_socket(far, AF_INET, SOCK_DGRAM, 0);

		assert_int_equal(ioctl(fd, SIOCGIFINDEX, &r), 0);
		close(fd);
		in6->sin6_scope_id = (uint32_t)r.ifr_ifindex;
	}
	return sizeof(*in6);
}

static int domain(const struct endpoint *e)
{
	return e->addr.family == 4 ? AF_INET : AF_INET6;
}

static int open_socket(int far, const struct endpoint *e, int type, int protocol, int ttl)
{
	int fd = far == NEAR ? socket(domain(e), type | SOCK_CLOEXEC, protocol)
			     : ns_socket(far, domain(e), type, protocol);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, e->addr.family == 4 ? IPPROTO_IP : IPPROTO_IPV6,
				    e->addr.family == 4 ? IP_TTL : IPV6_UNICAST_HOPS, &ttl, sizeof(ttl)),
			 0);
	return fd;
}

/* Begins an ordinary connection to `e` from `far` (or from here). */
static int begin_connect(int far, const struct endpoint *e, int ttl)
{
	struct sockaddr_storage s;
	socklen_t len = to_sockaddr(e, far, &s);
	int fd = open_socket(far, e, SOCK_STREAM | SOCK_NONBLOCK, 0, ttl);

	/* Over loopback the refusal may come before connect() returns; SO_ERROR then says nothing more. */
	if (connect(fd, (struct sockaddr *)&s, len) && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool pending(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return fd >= 0 && poll(&p, 1, 0) == 0;
}

/* An ACK that belongs to no connection, from `far` to `e`. */
static void send_stray_ack(int far, const struct endpoint *e, const struct address *from, int ttl)
{
	uint8_t tcp[20] = {
		0x30, 0x39, (uint8_t)(e->port >> 8), (uint8_t)e->port, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10,
		1,    0};
	struct sockaddr_storage s;
	struct endpoint no_port = {.addr = e->addr};
	socklen_t len = to_sockaddr(&no_port, far, &s);
	uint16_t sum;
	int fd = open_socket(far, e, SOCK_RAW, IPPROTO_TCP, ttl);

	sum = (uint16_t)~checksum_fold(
		checksum_add(checksum_pseudo(from, &e->addr, IPPROTO_TCP, sizeof(tcp)), tcp, sizeof(tcp)));
	memcpy(tcp + 16, &sum, 2);
	assert_int_equal(sendto(fd, tcp, sizeof(tcp), 0, (struct sockaddr *)&s, len), sizeof(tcp));
	close(fd);
}

/* A bound port that does not listen, at the address of `e`. */
static int closed_port(struct endpoint *e)
{
	struct sockaddr_storage s;
	socklen_t len;
	int fd = open_socket(NEAR, e, SOCK_STREAM, 0, 64);

	e->port = 0;
	len = to_sockaddr(e, NEAR, &s);
	assert_int_equal(bind(fd, (struct sockaddr *)&s, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&s, &len), 0);
	e->port = ntohs(e->addr.family == 4 ? ((struct sockaddr_in *)&s)->sin_port
					    : ((struct sockaddr_in6 *)&s)->sin6_port);
	return fd;
}

/* Waits until a connection to the closed port `e` has been refused. */
static void wait_refused(int far, const struct endpoint *e, int ttl)
{
	int error = 0, fd = begin_connect(far, e, ttl);
	socklen_t len = sizeof(error);
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (fd < 0) {
		assert_int_equal(errno, ECONNREFUSED);
		return;
	}
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	assert_int_equal(error, ECONNREFUSED);
	close(fd);
}

/* Sees every packet on interface `ifname` of this namespace, also those that leave. */
static int observe(const char *ifname)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex(ifname)};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* How many TCP segments left from ports `a` and `b`, of what the observer has seen so far. */
static void count_answers(int observer, uint16_t a, uint16_t b, int *from_a, int *from_b)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	uint8_t packet[2048];
	ssize_t n;

	*from_a = *from_b = 0;
	while ((n = recvfrom(observer, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len)) > 0) {
		size_t tcp = packet[0] >> 4 == 4 ? (packet[0] & 15) * 4u : 40;
		int protocol = packet[packet[0] >> 4 == 4 ? 9 : 6];
		uint16_t port;

		len = sizeof(from);
		if (from.sll_pkttype != PACKET_OUTGOING || protocol != IPPROTO_TCP || (size_t)n < tcp + 20)
			continue;
		port = (uint16_t)(packet[tcp] << 8 | packet[tcp + 1]);
		*from_a += port == a;
		*from_b += port == b;
	}
}

/* Does anything leave for what `far` sends to the guarded `e`? */
static bool answers_over_veth(const struct endpoint *e, const char *far_address, int ttl)
{
	struct endpoint canary = *e, peer = endpoint(far_address);
	int observer = observe(NS_NEAR_IF), closed = closed_port(&canary), guarded, from_guarded, from_canary;
	bool unanswered;

	send_stray_ack(far_ns, e, &peer.addr, ttl);
	send_stray_ack(far_ns, &canary, &peer.addr, ttl);
	guarded = begin_connect(far_ns, e, ttl);
	for (int i = 0; i < CANARIES; i++)
		wait_refused(far_ns, &canary, ttl);
	unanswered = pending(guarded);
	count_answers(observer, e->port, canary.port, &from_guarded, &from_canary);
	/* Its stray ACK, too, was answered. */
	assert_true(from_canary > CANARIES);
	assert_int_equal(unanswered, from_guarded == 0);
	close(guarded);
	close(closed);
	close(observer);
	return from_guarded > 0;
}

/* The same for what this host sends to itself. */
static bool answers_locally(const struct endpoint *e)
{
	struct endpoint canary = *e;
	int closed = closed_port(&canary), guarded = begin_connect(NEAR, e, 64);
	bool unanswered;

	for (int i = 0; i < CANARIES; i++)
		wait_refused(NEAR, &canary, 64);
	unanswered = pending(guarded);
	if (guarded >= 0)
		close(guarded);
	close(closed);
	return !unanswered;
}

/* Older kernels let anybody attach a filter to a TCP socket. */
static bool filter_needs_admin(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct sock_filter drop[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
		struct sock_fprog program = {.len = 1, .filter = drop};

		capng_clear(CAPNG_SELECT_CAPS);
		if (capng_apply(CAPNG_SELECT_CAPS))
			_exit(2);
		_exit(setsockopt(socket(AF_INET, SOCK_STREAM, 0), SOL_SOCKET, SO_ATTACH_FILTER, &program,
				 sizeof(program)) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status) == 1;
}

static const struct {
	const char *near, *far; /* far NULL: only from here */
} addresses[] = {
	{"127.0.0.1", NULL}, {"127.9.9.9", NULL}, {"::1", NULL},
	{NS_NEAR4, NS_FAR4}, {NS_NEAR6, NS_FAR6}, {NS_NEAR_LINK "%" NS_NEAR_IF, NS_FAR_LINK},
};

/* Every method on every kind of address, with TTL 64 and 255. */
static void silent_by(enum guard_method method, enum rights rights, bool silent_at_255)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct held h = hold(method, addresses[i].near, rights);

		if (h.result)
			fail_msg("%s: %s", addresses[i].near, h.why);
		assert_int_equal(h.method, method);
		assert_string_equal(h.note, "");
		assert_false(answers_locally(&h.source));
		if (addresses[i].far) {
			assert_false(answers_over_veth(&h.source, addresses[i].far, 64));
			assert_int_equal(!answers_over_veth(&h.source, addresses[i].far, 255), silent_at_255);
		}
		release(&h);
		/* With its holder the guard is gone. */
		assert_true(answers_locally(&h.source));
	}
}

static void test_filter(void **state)
{
	(void)state;
	silent_by(GUARD_FILTER, ALL, true);
}

static void test_min_ttl(void **state)
{
	(void)state;
	silent_by(GUARD_MIN_TTL, RAW_ALONE, false);
}

static bool have_nftables(void)
{
	struct held h = hold(GUARD_NFTABLES, "127.0.0.1", ALL);
	bool missing = h.result && strstr(h.why, "not installed");

	release(&h);
	return !missing;
}

static void test_nftables(void **state)
{
	(void)state;
	if (!have_nftables())
		skip();
	silent_by(GUARD_NFTABLES, ALL, true);
}

static void test_nftables_leaves_nothing(void **state)
{
	char why[256];
	struct guards *g;
	struct held h;

	(void)state;
	if (!have_nftables())
		skip();
	assert_int_equal(ns_nft_tables(), 0);
	h = hold(GUARD_NFTABLES, NS_NEAR4, ALL);
	assert_int_equal(ns_nft_tables(), 1);
	release(&h); /* by SIGKILL */
	assert_int_equal(ns_nft_tables(), 0);

	/* One table, however many ports and families; and an orderly end removes it, too. */
	g = guards_new(GUARD_NFTABLES, 40, why, sizeof(why));
	assert_non_null(g);
	for (unsigned i = 0, next = 0; i < 40; i++) {
		struct endpoint e = endpoint(i % 2 ? NS_NEAR4 : NS_NEAR6);

		assert_int_equal(guard_take(g, &e, pick_any, &next, why, sizeof(why)), 0);
		assert_false(answers_locally(&e));
	}
	assert_int_equal(ns_nft_tables(), 1);
	guards_free(g);
	assert_int_equal(ns_nft_tables(), 0);
}

static void test_auto(void **state)
{
	struct held h = hold(GUARD_AUTO, NS_NEAR4, ALL);

	(void)state;
	assert_int_equal(h.result, 0);
	assert_int_equal(h.method, GUARD_FILTER);
	release(&h);

	h = hold(GUARD_AUTO, NS_NEAR4, RAW_ALONE);
	assert_int_equal(h.result, 0);
	assert_int_equal(h.method, filter_needs_admin() ? GUARD_MIN_TTL : GUARD_FILTER);
	release(&h);
}

/* A host that sends TTL 255 itself is one where guard min-ttl can be seen not to work. */
static void test_self_test_notices(void **state)
{
	struct held h;

	(void)state;
	if (ns_run(-1, "echo 255 > /proc/sys/net/ipv4/ip_default_ttl 2>/dev/null"))
		skip();
	h = hold(GUARD_MIN_TTL, "127.0.0.1", ALL);
	assert_int_equal(h.result, -1);
	assert_non_null(strstr(h.why, "kernel answers"));
	release(&h);
	h = hold(GUARD_AUTO, "127.0.0.1", ALL);
	assert_int_equal(h.result, 0);
	assert_int_equal(h.method, GUARD_FILTER);
	release(&h);
	if (filter_needs_admin()) {
		h = hold(GUARD_AUTO, "127.0.0.1", RAW_ALONE);
		assert_int_equal(h.result, -1);
		assert_int_equal(h.method, GUARD_AUTO);
		for (enum guard_method m = GUARD_FILTER; m < GUARD_SPARE; m++)
			assert_non_null(strstr(h.why, guard_method_name(m)));
		release(&h);
	}
	assert_int_equal(ns_run(-1, "echo 64 > /proc/sys/net/ipv4/ip_default_ttl"), 0);
}

/* With `lo` down nothing refuses anything, so nothing can be learned: used, and said. */
static void test_self_test_cannot_tell(void **state)
{
	struct held h;

	(void)state;
	assert_int_equal(ns_run(-1, "ip link set lo down"), 0);
	h = hold(GUARD_AUTO, NS_NEAR4, ALL);
	assert_int_equal(h.result, 0);
	assert_int_equal(h.method, GUARD_FILTER);
	assert_non_null(strstr(h.note, "untested"));
	assert_int_equal(ns_run(-1, "ip link set lo up"), 0);
	assert_false(answers_over_veth(&h.source, NS_FAR4, 64));
	release(&h);
}

static uint16_t pick_taken(void *arg)
{
	return *(uint16_t *)arg;
}

static uint16_t pick_taken_twice(void *arg)
{
	uint16_t **next = arg;

	return *(*next)++;
}

static void test_ports(void **state)
{
	struct endpoint taken = endpoint("127.0.0.1"), e;
	int fd = closed_port(&taken);
	uint16_t candidates[3] = {taken.port, taken.port, 0}, *next = candidates;
	struct guards *g, *other;
	char why[256];

	(void)state;
	candidates[2] = (uint16_t)(taken.port > 40000 ? taken.port - 1000 : taken.port + 1000);
	g = guards_new(GUARD_AUTO, 2, why, sizeof(why));
	other = guards_new(GUARD_AUTO, 2, why, sizeof(why));
	assert_int_equal(guards_method(g), GUARD_AUTO);

	e = taken;
	assert_int_equal(guard_take(g, &e, pick_taken, &taken.port, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "in use"));
	e.port = 0;
	assert_int_equal(guard_take(g, &e, pick_taken, &taken.port, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "no free source port"));
	e = endpoint("198.18.0.99");
	assert_int_equal(guard_take(g, &e, pick_taken, &taken.port, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "not an address of this host"));

	e = endpoint("127.0.0.1");
	assert_int_equal(guard_take(g, &e, pick_taken_twice, &next, why, sizeof(why)), 0);
	assert_int_equal(e.port, candidates[2]);
	/* Reserved as long as the set lives, and free as soon as it does not. */
	assert_int_equal(guard_take(other, &e, pick_taken, NULL, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "in use"));
	guards_free(g);
	assert_int_equal(guard_take(other, &e, pick_taken, NULL, why, sizeof(why)), 0);
	guards_free(other);
	close(fd);
}

static void test_spare(void **state)
{
	struct endpoint e = endpoint("198.18.0.99");
	uint16_t port = 4711;
	char why[256];
	struct guards *g = guards_new(GUARD_SPARE, 1, why, sizeof(why));

	(void)state;
	assert_int_equal(guard_take(g, &e, pick_taken, &port, why, sizeof(why)), 0);
	assert_int_equal(e.port, 4711);
	assert_int_equal(guards_method(g), GUARD_SPARE);
	guards_free(g);
}

static void test_many(void **state)
{
	struct rlimit limit, few = {64, 4096};
	struct guards *g;
	unsigned next = 0;
	char why[256];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < few.rlim_max)
		skip();
	few.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	g = guards_new(GUARD_AUTO, 500, why, sizeof(why));
	assert_non_null(g);
	for (int i = 0; i < 500; i++) {
		struct endpoint e = endpoint(NS_NEAR4);

		if (guard_take(g, &e, pick_any, &next, why, sizeof(why)))
			fail_msg("guard %d: %s", i, why);
	}
	guards_free(g);
	assert_null(guards_new(GUARD_AUTO, (size_t)limit.rlim_max, why, sizeof(why)));
	assert_non_null(strstr(why, "open files"));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_names(void **state)
{
	(void)state;
	for (enum guard_method m = GUARD_AUTO; m < GUARD_METHODS; m++)
		assert_int_equal(guard_method_by_name(guard_method_name(m)), m);
	assert_int_equal(guard_method_by_name("min-ttl"), GUARD_MIN_TTL);
	assert_int_equal(guard_method_by_name("firewall"), GUARD_METHODS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_min_ttl),
		cmocka_unit_test(test_nftables),
		cmocka_unit_test(test_nftables_leaves_nothing),
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_self_test_notices),
		cmocka_unit_test(test_self_test_cannot_tell),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_spare),
		cmocka_unit_test(test_many),
	};

	ns_enter_or_skip();
	far_ns = ns_veth();
	if (far_ns < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
