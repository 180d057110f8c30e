/* SPDX-License-Identifier: BSD-2-Clause */
/* A spare address on a veth pair: the far kernel asks for it, finds it, respects it. Claiming is done in a
 * child that has given up all privileges, as finwait does. */
#include "wire/spare.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/ns.h"
#include "wire/privs.h"
#include "wire/resolve.h"

enum { PATIENCE_S = 30, TICK_MS = 20 };

static int far_ns = -1;

static struct address address(const char *text)
{
	struct endpoint e;
	char why[256];

	assert_int_equal(resolve_source(&e, text, why, sizeof(why)), 0);
	return e.addr;
}

static struct route route(const char *source, const char *target)
{
	struct address from = address(source), to = address(target);
	struct route r;
	char why[256];
	bool usage;

	if (route_find(&r, &to, NULL, &from, &usage, why, sizeof(why)))
		fail_msg("%s", why);
	return r;
}

static void mac_of(int fd, const char *ifname, uint8_t mac[6])
{
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &r), 0);
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	close(fd);
}

/* What spare_claim() came to in a child without privileges, which then serves until it is killed. */
struct claim {
	pid_t pid;
	int result;
	uint8_t header[SPARE_HEADER];
	char why[256];
};

static void serve(struct spare *s, const char *target, int report)
{
	struct address to = address(target);
	struct claim c = {0};
	struct pollfd p = {.fd = spare_fd(s), .events = POLLIN};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (privs_drop(c.why, sizeof(c.why)))
		_exit(1);
	c.result = spare_claim(s, &to, c.why, sizeof(c.why));
	memcpy(c.header, spare_header(s), SPARE_HEADER);
	if (write(report, &c, sizeof(c)) != (ssize_t)sizeof(c))
		_exit(1);
	for (;;) {
		poll(&p, 1, -1);
		spare_serve(s);
	}
}

static struct claim claim(const struct route *r, const char *target)
{
	struct claim c = {0};
	struct spare *s = spare_open(r, c.why, sizeof(c.why));
	int ends[2];
	pid_t pid;

	if (!s)
		fail_msg("%s", c.why);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		serve(s, target, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, sizeof(c)), sizeof(c));
	close(ends[0]);
	spare_close(s);
	c.pid = pid;
	return c;
}

static void release(struct claim *c)
{
	assert_int_equal(kill(c->pid, SIGKILL), 0);
	assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
}

/* Waits until `command` succeeds in the far namespace. */
static bool becomes_true(const char *command)
{
	time_t end = time(NULL) + PATIENCE_S;

	while (time(NULL) < end) {
		if (!ns_run(far_ns, command))
			return true;
		poll(NULL, 0, TICK_MS);
	}
	return false;
}

static void assert_header(const struct claim *c, uint16_t type)
{
	uint8_t wanted[SPARE_HEADER];

	mac_of(ns_socket(far_ns, AF_INET, SOCK_DGRAM, 0), NS_FAR_IF, wanted);
	mac_of(socket(AF_INET, SOCK_DGRAM, 0), NS_NEAR_IF, wanted + 6);
	wanted[12] = (uint8_t)(type >> 8);
	wanted[13] = (uint8_t)type;
	assert_memory_equal(c->header, wanted, sizeof(wanted));
}

static const struct {
	const char *source, *target;
	uint16_t type;
} pairs[] = {
	{"198.18.0.77", NS_FAR4, ETHERTYPE_IP},
	{"2001:db8:793::77", NS_FAR6, ETHERTYPE_IPV6},
	{"fe80::77%" NS_NEAR_IF, NS_FAR_LINK "%" NS_NEAR_IF, ETHERTYPE_IPV6},
};

/* The far kernel, asked to forget what it has learned, finds the address anew, at our MAC. */
static void test_found_by_kernel(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct route r = route(pairs[i].source, pairs[i].target);
		struct claim c = claim(&r, pairs[i].target);
		char look[256], bare[ADDRESS_TEXT];

		if (c.result)
			fail_msg("%s: %s", pairs[i].source, c.why);
		assert_false(r.source_ours);
		assert_header(&c, pairs[i].type);
		snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(pairs[i].source, "%"), pairs[i].source);
		/* The probe state makes the kernel ask; only an answer makes it reachable. */
		snprintf(look, sizeof(look),
			 "ip neigh flush dev " NS_FAR_IF "; "
			 "ip neigh replace %s lladdr 02:00:00:00:00:99 dev " NS_FAR_IF " nud probe",
			 bare);
		assert_int_equal(ns_run(far_ns, look), 0);
		snprintf(look, sizeof(look),
			 "ip neigh show %s dev " NS_FAR_IF " | "
			 "grep -q 'lladdr %02x:%02x:%02x:%02x:%02x:%02x .*REACHABLE'",
			 bare, c.header[6], c.header[7], c.header[8], c.header[9], c.header[10],
			 c.header[11]);
		assert_true(becomes_true(look));
		release(&c);
		/* With nobody there the same question finds nothing: the check above can fail. */
		snprintf(look, sizeof(look),
			 "ip neigh replace %s lladdr 02:00:00:00:00:99 dev " NS_FAR_IF " nud probe", bare);
		assert_int_equal(ns_run(far_ns, look), 0);
		snprintf(look, sizeof(look), "ip neigh show %s dev " NS_FAR_IF " | grep -q FAILED", bare);
		assert_true(becomes_true(look));
	}
}

/* RFC 4862 5.4: a host that wants to take our address learns in time that it is taken. */
static void test_defends_ipv6(void **state)
{
	struct route r = route("2001:db8:793::77", NS_FAR6);
	struct claim c = claim(&r, NS_FAR6);

	(void)state;
	assert_int_equal(c.result, 0);
	assert_int_equal(ns_run(far_ns, "ip addr add 2001:db8:793::77/64 dev " NS_FAR_IF), 0);
	assert_true(becomes_true("ip -6 addr show dev " NS_FAR_IF " dadfailed | grep -q 793::77/"));
	assert_int_equal(ns_run(far_ns, "ip addr del 2001:db8:793::77/64 dev " NS_FAR_IF), 0);
	release(&c);
}

/* RFC 5227 2.1.1: the same for an ARP probe, of which the kernel sends none by itself. */
static void test_defends_ipv4(void **state)
{
	struct route r = route("198.18.0.77", NS_FAR4);
	struct claim c = claim(&r, NS_FAR4);
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ARP),
				 .sll_halen = 6,
				 .sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	uint8_t probe[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0x0a, [24] = 198, 18, 0, 77};
	int fd = ns_socket(far_ns, AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP));
	int tool = ns_socket(far_ns, AF_INET, SOCK_DGRAM, 0);
	struct ifreq name = {.ifr_name = NS_FAR_IF};
	uint8_t answer[64];
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)state;
	assert_int_equal(c.result, 0);
	assert_int_equal(ioctl(tool, SIOCGIFINDEX, &name), 0);
	close(tool);
	to.sll_ifindex = name.ifr_ifindex;
	assert_int_equal(sendto(fd, probe, sizeof(probe), 0, (struct sockaddr *)&to, sizeof(to)),
			 sizeof(probe));
	/* The answer goes to the MAC in the probe, which is not the interface's: it is seen all the same. */
	do {
		assert_int_equal(poll(&p, 1, PATIENCE_S * 1000), 1);
		assert_true(recv(fd, answer, sizeof(answer), 0) >= 28);
	} while (answer[7] != 2 || memcmp(answer + 14, probe + 24, 4));
	assert_memory_equal(answer + 8, c.header + 6, 6);
	assert_memory_equal(answer + 18, probe + 8, 6);
	close(fd);
	release(&c);
}

static void test_in_use(void **state)
{
	static const struct {
		const char *source, *target;
	} cases[] = {{NS_FAR4, "198.18.0.3"}, {NS_FAR6, "2001:db8:793::3"}};
	char mac[18];
	uint8_t far_mac[6];

	(void)state;
	mac_of(ns_socket(far_ns, AF_INET, SOCK_DGRAM, 0), NS_FAR_IF, far_mac);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", far_mac[0], far_mac[1], far_mac[2],
		 far_mac[3], far_mac[4], far_mac[5]);
	for (size_t i = 0; i < 2; i++) {
		struct route r = route(cases[i].source, cases[i].target);
		struct claim c = claim(&r, cases[i].target);

		assert_int_equal(c.result, -1);
		assert_non_null(strstr(c.why, "in use"));
		assert_non_null(strstr(c.why, mac));
		release(&c);
	}
}

static void test_nobody_there(void **state)
{
	static const char *const targets[][2] = {
		{"198.18.0.77", "198.18.0.99"},
		{"2001:db8:793::77", "2001:db8:793::99"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct route r = route(targets[i][0], targets[i][1]);
		struct claim c = claim(&r, targets[i][1]);

		assert_int_equal(c.result, -1);
		assert_non_null(strstr(c.why, targets[i][1]));
		assert_non_null(strstr(c.why, "does not answer"));
		release(&c);
	}
}

/* A target behind a router: the router's MAC is what is wanted. */
static void test_router(void **state)
{
	struct route r;
	struct claim c;

	(void)state;
	assert_int_equal(ns_run(-1, "ip route replace 192.0.2.0/24 via " NS_FAR4), 0);
	r = route("198.18.0.77", "192.0.2.1");
	c = claim(&r, "192.0.2.1");
	assert_int_equal(c.result, 0);
	assert_header(&c, ETHERTYPE_IP);
	release(&c);
}

static void test_refused(void **state)
{
	struct route r = route("198.18.0.77", NS_FAR4), lo = {.ifindex = 1, .ifname = "lo"};
	struct spare *s;
	char why[256];

	(void)state;
	lo.source = r.source;
	assert_null(spare_open(&lo, why, sizeof(why)));
	assert_non_null(strstr(why, "lo is not Ethernet"));
	if (ns_run(-1, "echo 1 > /proc/sys/net/ipv4/conf/" NS_NEAR_IF "/forwarding"))
		skip();
	assert_null(spare_open(&r, why, sizeof(why)));
	assert_non_null(strstr(why, "forwards"));
	assert_int_equal(ns_run(-1, "echo 0 > /proc/sys/net/ipv4/conf/" NS_NEAR_IF "/forwarding"), 0);
	s = spare_open(&r, why, sizeof(why));
	assert_non_null(s);
	spare_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_kernel), cmocka_unit_test(test_defends_ipv6),
		cmocka_unit_test(test_defends_ipv4),    cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_nobody_there),    cmocka_unit_test(test_router),
		cmocka_unit_test(test_refused),
	};

	ns_enter_or_skip();
	far_ns = ns_veth();
	if (far_ns < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
