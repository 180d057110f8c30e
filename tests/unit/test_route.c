/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways to targets in a network made for it: a veth pair, routes of every kind. */
#include "wire/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lab/ns.h"
#include "wire/resolve.h"

/* `text` as an address; "" is none. */
static struct address address(const char *text)
{
	struct endpoint e = {0};
	char why[256];

	if (*text)
		assert_int_equal(resolve_source(&e, text, why, sizeof(why)), 0);
	return e.addr;
}

static int find(struct route *r, const char *target, const char *ifname, const char *source, bool *usage,
		char *why, size_t why_len)
{
	struct address to = address(target), from = address(source);

	why[0] = '\0';
	return route_find(r, &to, *ifname ? ifname : NULL, &from, usage, why, why_len);
}

static void test_found(void **state)
{
	static const struct {
		const char *target, *ifname, *asked;
		const char *source, *gateway, *through;
		bool local, ours;
	} cases[] = {
		{NS_FAR4, "", "", NS_NEAR4, "", NS_NEAR_IF, false, true},
		{NS_FAR4, NS_NEAR_IF, "", NS_NEAR4, "", NS_NEAR_IF, false, true},
		{NS_FAR4, "", NS_NEAR4, NS_NEAR4, "", NS_NEAR_IF, false, true},
		{NS_FAR4, "", "198.18.0.77", "198.18.0.77", "", NS_NEAR_IF, false, false},
		{"192.0.2.1", "", "", NS_NEAR4, NS_FAR4, NS_NEAR_IF, false, true},
		{"192.0.2.1", "", "198.18.0.77", "198.18.0.77", NS_FAR4, NS_NEAR_IF, false, false},
		{"127.0.0.1", "", "", "127.0.0.1", "", "lo", true, true},
		{"127.3.4.5", "", "127.6.7.8", "127.6.7.8", "", "lo", true, true},
		{"127.0.0.1", "lo", NS_NEAR4, NS_NEAR4, "", "lo", true, true},
		{NS_NEAR4, "", "", NS_NEAR4, "", "lo", true, true},
		{NS_FAR6, "", "", NS_NEAR6, "", NS_NEAR_IF, false, true},
		{NS_FAR6, "", "2001:db8:793::77", "2001:db8:793::77", "", NS_NEAR_IF, false, false},
		{"2001:db8:9::1", "", "", NS_NEAR6, "fe80::2%" NS_NEAR_IF, NS_NEAR_IF, false, true},
		{NS_FAR_LINK "%" NS_NEAR_IF, "", "", NS_NEAR_LINK "%" NS_NEAR_IF, "", NS_NEAR_IF, false,
		 true},
		{NS_FAR_LINK, NS_NEAR_IF, "", NS_NEAR_LINK "%" NS_NEAR_IF, "", NS_NEAR_IF, false, true},
		{NS_FAR_LINK, NS_NEAR_IF, "fe80::77", "fe80::77%" NS_NEAR_IF, "", NS_NEAR_IF, false, false},
		{NS_NEAR_LINK, NS_NEAR_IF, "", NS_NEAR_LINK "%" NS_NEAR_IF, "", "lo", true, true},
		{"::1", "", "", "::1", "", "lo", true, true},
		{NS_NEAR6, "", "", NS_NEAR6, "", "lo", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct address source = address(cases[i].source), gateway = address(cases[i].gateway);
		struct route r;
		char why[256];
		bool usage;

		if (find(&r, cases[i].target, cases[i].ifname, cases[i].asked, &usage, why, sizeof(why)))
			fail_msg("%s: %s", cases[i].target, why);
		assert_true(address_equal(&r.source, &source));
		assert_int_equal(r.source.scope, source.scope);
		assert_true(address_equal(&r.gateway, &gateway));
		assert_string_equal(r.ifname, cases[i].through);
		assert_int_equal(r.ifindex, if_nametoindex(cases[i].through));
		assert_int_equal(r.local, cases[i].local);
		assert_int_equal(r.source_ours, cases[i].ours);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *target, *ifname, *asked;
		bool usage;
		const char *says;
	} cases[] = {
		{"0.0.0.0", "", "", true, "means no host"},
		{"::", "", "", true, "means no host"},
		{"224.0.0.1", "", "", true, "multicast"},
		{"ff02::1", "", "", true, "multicast"},
		{"255.255.255.255", "", "", true, "broadcast"},
		{"198.18.0.255", "", "", true, "broadcast"},
		{"198.18.0.255", NS_NEAR_IF, "", true, "broadcast"},
		{"127.255.255.255", "", "", true, "broadcast"},
		{"::ffff:198.18.0.2", "", "", true, "write 198.18.0.2"},
		{"fe80::2", "", "", true, "name its interface"},
		{"fe80::2%lo", NS_NEAR_IF, "", true, "leave out -i"},
		{NS_FAR4, "nosuch0", "", true, "no such interface 'nosuch0'"},
		{NS_NEAR4, NS_NEAR_IF, "", true, "leave out -i " NS_NEAR_IF},
		{"192.0.2.1", "lo", "", true, "loopback interface reaches no other"},
		{NS_FAR4, "fwdown0", "", false, "fwdown0 is down"},
		{"203.0.113.1", "", "", false, "rejects 203.0.113.1"},
		{"203.0.113.65", "", "", false, "rejects 203.0.113.65"},
		{"203.0.113.129", "", "", false, "prohibits 203.0.113.129"},
		{"2001:db8:a::1", "", "", false, "rejects 2001:db8:a::1"},
		{"2001:db8:b::1", "", "", false, "rejects 2001:db8:b::1"},
		{"2001:db8:c::1", "", "", false, "prohibits 2001:db8:c::1"},
		{"198.51.100.1", "", "", false, "no route to 198.51.100.1"},
		{"2001:db8:d::1", "", "", false, "no route to 2001:db8:d::1"},
		{NS_FAR4, "", "0.0.0.0", true, "means no host"},
		{NS_FAR4, "", "224.0.0.1", true, "multicast"},
		{NS_FAR4, "", "255.255.255.255", true, "broadcast"},
		{NS_FAR4, "", "198.18.0.255", true, "broadcast"},
		{NS_FAR4, "", "198.18.0.0", true, "of a network"},
		{NS_FAR4, "", "10.9.8.7", true, "neither an address of this host nor"},
		{NS_FAR4, "", "127.0.0.1", true, "reaches only this host"},
		{NS_FAR4, "", NS_FAR4, true, "the target itself"},
		{NS_FAR4, "", NS_NEAR6, true, "different address families"},
		{NS_NEAR4, "", "198.18.0.77", true, "leave out --source"},
		{NS_FAR6, "", "2001:db8:793::", true, "of a network"},
		{NS_FAR6, "", "ff02::1", true, "multicast"},
		{NS_FAR6, "", "2001:db8:e::1", true, "neither an address of this host nor"},
		{NS_FAR_LINK, NS_NEAR_IF, "fe80::77%lo", true, "is not on interface"},
		{"2001:db8:9::1", "", "fe80::77", true, "routers do not forward"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct route r;
		char why[256];
		bool usage = !cases[i].usage;

		if (!find(&r, cases[i].target, cases[i].ifname, cases[i].asked, &usage, why, sizeof(why)))
			fail_msg("%s from '%s' was accepted", cases[i].target, cases[i].asked);
		if (!strstr(why, cases[i].says) || usage != cases[i].usage)
			fail_msg("%s from '%s': %s", cases[i].target, cases[i].asked, why);
	}
}

/* An address that failed duplicate address detection is neither ours nor free. */
static void test_unusable(void **state)
{
	struct route r;
	char why[256];
	bool usage = true;

	(void)state;
	/* Detection cannot end while the other end is down: the address stays tentative. */
	assert_int_equal(
		ns_run(-1, "ip link add fwhalf0 type veth peer name fwhalf1 && ip link set fwhalf0 up && "
			   "ip addr add 2001:db8:f::1/64 dev fwhalf0"),
		0);
	assert_int_equal(find(&r, "2001:db8:f::1", "", "", &usage, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "is not usable"));
	assert_false(usage);
	assert_int_equal(find(&r, NS_FAR6, "", "2001:db8:f::1", &usage, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "is not usable"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unusable),
	};

	ns_enter_or_skip();
	if (ns_veth() < 0 ||
	    ns_run(-1, "ip link add fwdown0 type veth peer name fwdown1 &&"
		       "ip route add 192.0.2.0/24 via " NS_FAR4 " &&"
		       "ip route add unreachable 203.0.113.0/26 &&"
		       "ip route add blackhole 203.0.113.64/26 &&"
		       "ip route add prohibit 203.0.113.128/26 &&"
		       "ip route add 2001:db8:9::/64 via " NS_FAR_LINK " dev " NS_NEAR_IF " &&"
		       "ip route add unreachable 2001:db8:a::/64 &&"
		       "ip route add blackhole 2001:db8:b::/64 &&"
		       "ip route add prohibit 2001:db8:c::/64"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
