/* SPDX-License-Identifier: BSD-2-Clause */
/* What a controller can ask of sockets: every verb and option, who gets which connection, calls that wait. */
#include <linux/filter.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller_by_hand.h"

static void whole_life(const char *family)
{
	char local[AGENT_ADDRESS_ROOM], peer[AGENT_ADDRESS_ROOM];
	unsigned listener = make_listener(family, local, 5), a = make_socket(family), b;

	say("1 state socket=%u", listener);
	expect("1 ok state=LISTEN");
	say("1 state socket=%u", a);
	expect("1 ok state=CLOSED");
	say("w accept socket=%u timeout_ms=0", listener);
	expect_start("w error EAGAIN ");
	say("w accept socket=%u", listener);
	silent();
	say("2 connect socket=%u to=%s", a, local);
	expect_start("2 ok local=");
	assert_string_equal(value("peer"), local);
	strcpy(peer, value("local"));
	expect_start("w ok socket=");
	b = (unsigned)atoi(value("socket"));
	assert_string_equal(value("local"), local);
	assert_string_equal(value("peer"), peer);
	say("3 name socket=%u", a);
	expect_start("3 ok local=");
	assert_string_equal(value("local"), peer);
	assert_string_equal(value("peer"), local);
	say("4 state local=%s peer=%s", local, peer);
	expect("4 ok state=ESTABLISHED");
	say("4 state socket=%u", b);
	expect("4 ok state=ESTABLISHED");
	say("4 connect socket=%u to=%s", b, local);
	expect_start("4 error EISCONN ");
	say("5 send socket=%u data=aGVsbG8=", a);
	expect("5 ok length=5");
	say("6 recv socket=%u length=2", b);
	expect("6 ok length=2 data=aGU= end=no");
	say("6 recv socket=%u", b);
	expect("6 ok length=3 data=bGxv end=no");
	say("7 shutdown socket=%u how=write", a);
	expect("7 ok");
	say("8 recv socket=%u", b);
	expect("8 ok length=0 end=eof");
	say("8 state socket=%u", b);
	expect("8 ok state=CLOSE-WAIT");
	say("8 send socket=%u data=", b);
	expect("8 ok length=0");
	say("9 close socket=%u", b);
	expect("9 ok");
	say("9 recv socket=%u", a);
	expect("9 ok length=0 end=eof");
	say("9 close socket=%u", a);
	expect("9 ok");
	say("9 state local=%s peer=%s", peer, local);
	expect("9 ok state=TIME-WAIT");
	say("9 state local=%s peer=%s", local, peer);
	expect("9 ok state=CLOSED");
	say("9 name socket=%u", a);
	expect_start("9 error EBADF ");
}

static void test_life_ipv4(void **state)
{
	(void)state;
	whole_life("ipv4");
}

static void test_life_ipv6(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	whole_life("ipv6");
}

static void test_errors_of_the_system(void **state)
{
	char local[AGENT_ADDRESS_ROOM], free_place[64];
	unsigned listener = make_listener("ipv4", local, 5), a = make_socket("ipv4");

	(void)state;
	say("1 bind socket=%u local=%s", a, local);
	expect_start("1 error EADDRINUSE ");
	say("1 bind socket=%u local=[::1]:0", a);
	hear();
	assert_true(strncmp(reply, "1 error EAFNOSUPPORT ", 21) == 0 ||
		    strncmp(reply, "1 error EINVAL ", 15) == 0);
	say("1 accept socket=%u", a);
	expect_start("1 error EINVAL ");
	say("1 recv socket=%u", a);
	expect_start("1 error ENOTCONN ");
	say("1 shutdown socket=%u how=both", a);
	expect_start("1 error ENOTCONN ");
	say("2 close socket=%u", listener);
	expect("2 ok");
	strcpy(free_place, local);
	say("3 connect socket=%u to=%s", a, free_place);
	expect_start("3 error ECONNREFUSED ");
	a = make_socket("ipv4");
	say("4 connect socket=%u to=%s wait=0", a, free_place);
	hear();
	if (strncmp(reply, "4 ok local=127.0.0.1:", 21) == 0) {
		assert_null(strstr(reply, "peer="));
		say("5 getopt socket=%u option=error", a);
		expect("5 ok value=ECONNREFUSED");
		say("5 getopt socket=%u option=error", a);
		expect("5 ok value=0");
	} else {
		assert_int_equal(strncmp(reply, "4 error ECONNREFUSED ", 21), 0);
	}
}

/* A caller that never hears the answer to its SYN: what the system knows of the connection is no socket yet. */
static void test_state_of_half_a_handshake(void **state)
{
	struct sock_filter nothing = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog deaf = { 1, &nothing };
	char local[AGENT_ADDRESS_ROOM], peer[AGENT_ADDRESS_ROOM];
	struct agent_address at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), most = 255;

	(void)state;
	make_listener("ipv4", local, 5);
	/* A filter may need a privilege; a TTL that nobody sends does as well. */
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &deaf, sizeof(deaf)))
		assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MINTTL, &most, sizeof(most)), 0);
	assert_true(agent_address_read(local, &at));
	assert_int_equal(connect(fd, &at.at.any, at.len), -1);
	assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(getsockname(fd, &at.at.any, &at.len), 0);
	agent_address_write(&at, peer);
	say("1 state local=%s peer=%s", local, peer);
	expect("1 ok state=SYN-RECEIVED");
	say("1 state local=%s peer=%s", peer, local);
	expect("1 ok state=SYN-SENT");
	say("1 state local=%s peer=127.0.0.1:1", local);
	expect("1 ok state=CLOSED");
	close(fd);
}

/* Three callers, and who gets whom. */
static void test_accept_from(void **state)
{
	char local[AGENT_ADDRESS_ROOM], caller[3][64], from[64];
	unsigned listener = make_listener("ipv4", local, 16), a[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		a[i] = make_socket("ipv4");
		say("c connect socket=%u to=%s", a[i], local);
		expect_start("c ok ");
		strcpy(caller[i], value("local"));
	}
	say("2 accept socket=%u from=%s", listener, caller[2]);
	expect_start("2 ok ");
	assert_string_equal(value("peer"), caller[2]);
	/* The two others were taken off the queue and kept, in their order. */
	say("1 accept socket=%u timeout_ms=0", listener);
	expect_start("1 ok ");
	assert_string_equal(value("peer"), caller[0]);
	say("1 accept socket=%u from=%s timeout_ms=0", listener, caller[0]);
	expect_start("1 error EAGAIN ");
	say("1 accept socket=%u from=%s timeout_ms=0", listener, caller[1]);
	expect_start("1 ok ");
	/* Who is named goes to who named it, though others have waited longer. */
	say("x socket family=ipv4");
	hear();
	a[0] = (unsigned)atoi(value("socket"));
	say("x bind socket=%u local=127.0.0.1:0", a[0]);
	hear();
	strcpy(from, value("local"));
	say("p accept socket=%u", listener);
	say("q accept socket=%u", listener);
	say("f accept socket=%u from=%s", listener, from);
	say("c connect socket=%u to=%s", a[0], local);
	expect_start("c ok ");
	expect_start("f ok ");
	assert_string_equal(value("peer"), from);
	silent();
	for (int i = 1; i < 3; i++) {
		a[i] = make_socket("ipv4");
		say("c connect socket=%u to=%s", a[i], local);
		expect_start("c ok ");
		expect_start(i == 1 ? "p ok " : "q ok ");
	}
}

static void test_accept_of_strangers(void **state)
{
	char local[AGENT_ADDRESS_ROOM];
	unsigned listener;
	int stranger, friend;

	(void)state;
	restart("h hello version=1 allow=127.0.0.2");
	listener = make_listener("ipv4", local, 5);
	stranger = call("127.0.0.3:0", local);
	/* Nobody takes it off the queue while no accept waits. */
	silent();
	assert_int_equal(agent_session_poll(s, &(struct pollfd){ 0 }), 0);
	say("a accept socket=%u", listener);
	silent();
	expect_reset(stranger);
	friend = call("127.0.0.2:0", local);
	expect_start("a ok ");
	say("x abort socket=2");
	expect("x ok");
	expect_reset(friend);
}

static void test_timeouts(void **state)
{
	unsigned a, b;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("0 recv socket=%u timeout_ms=0", a);
	expect_start("0 error EAGAIN ");
	assert_int_equal(agent_session_timeout(s, now_ms), -1);
	say("1 recv socket=%u timeout_ms=5000", a);
	say("2 recv socket=%u pattern=mix seed=1 offset=0 length=10 timeout_ms=3600000", b);
	say("3 send socket=%u data=aGVsbG8=", a);
	expect("3 ok length=5");
	assert_int_equal(agent_session_timeout(s, now_ms), 5000);
	now_ms += 4999;
	silent();
	assert_int_equal(agent_session_timeout(s, now_ms), 1);
	now_ms++;
	turn(0);
	expect_start("1 error EAGAIN ");
	now_ms += 3600000;
	turn(0);
	expect_start("2 error EAGAIN ");
	assert_non_null(strstr(reply, "after 5 bytes"));
	assert_int_equal(agent_session_timeout(s, now_ms), -1);
}

static void test_connect_without_an_answer(void **state)
{
	char local[AGENT_ADDRESS_ROOM];
	int nobody = make_silent(local);
	unsigned a = make_socket("ipv4");

	(void)state;
	say("u setopt socket=%u option=user_timeout value=1", a);
	expect("u ok");
	say("1 connect socket=%u to=%s timeout_ms=100", a, local);
	silent();
	now_ms += 100;
	turn(0);
	expect_start("1 error EAGAIN ");
	say("2 state socket=%u", a);
	expect("2 ok state=SYN-SENT");
	say("3 connect socket=%u to=%s", a, local);
	expect_start("3 error EALREADY ");
	say("4 connect socket=%u to=%s", make_socket("ipv4"), local);
	say("5 recv socket=%u", a);
	/* After the first retransmission. */
	expect("5 ok length=0 end=timed-out");
	say("6 abort socket=2");
	expect_start("4 error ECANCELED ");
	expect("6 ok");
	close(nobody);
}

static void test_calls_of_one_verb_in_their_order(void **state)
{
	unsigned a, b;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("1 recv socket=%u", a);
	say("2 recv socket=%u length=1", a);
	say("3 recv socket=%u pattern=mix seed=1 offset=0 length=2", a);
	say("0 recv socket=%u timeout_ms=0", a);
	expect_start("0 error EAGAIN ");
	say("4 send socket=%u data=YQ==", b);
	expect("4 ok length=1");
	expect("1 ok length=1 data=YQ== end=no");
	say("4 send socket=%u data=YmJi", b);
	expect("4 ok length=3");
	expect("2 ok length=1 data=Yg== end=no");
	expect("3 ok length=2 match=0 end=no");
	say("5 recv socket=%u", a);
	say("6 recv socket=%u", a);
	say("7 close socket=%u", a);
	expect_start("5 error ECANCELED ");
	expect_start("6 error ECANCELED ");
	expect("7 ok");
}

static void test_ends_of_a_connection(void **state)
{
	unsigned a, b;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("1 recv socket=%u", b);
	say("2 abort socket=%u", a);
	expect("2 ok");
	expect("1 ok length=0 end=reset");
	say("3 state socket=%u", b);
	expect("3 ok state=CLOSED");
	say("3 send socket=%u data=aGk=", b);
	expect_start("3 error EPIPE ");
	make_pair("ipv4", &a, &b);
	say("1 recv socket=%u pattern=mix seed=9 offset=3 length=100", b);
	say("2 send socket=%u pattern=mix seed=9 offset=3 length=50", a);
	expect("2 ok length=50");
	say("3 close socket=%u", a);
	expect("3 ok");
	expect("1 ok length=50 match=50 end=eof");
	/* With linger 0 a close is an abort; with more it does not hold up the agent. */
	make_pair("ipv4", &a, &b);
	say("4 setopt socket=%u option=linger value=0", a);
	expect("4 ok");
	say("4 close socket=%u", a);
	expect("4 ok");
	say("5 recv socket=%u", b);
	expect("5 ok length=0 end=reset");
	make_pair("ipv4", &a, &b);
	say("6 setopt socket=%u option=linger value=30000", a);
	expect("6 ok");
	say("6 send socket=%u data=aGk=", a);
	expect("6 ok length=2");
	say("6 close socket=%u", a);
	expect("6 ok");
	say("7 recv socket=%u", b);
	expect("7 ok length=2 data=aGk= end=no");
	say("7 recv socket=%u", b);
	expect("7 ok length=0 end=eof");
}

/* The formula of the protocol, computed in another way than by the agent. */
static unsigned pattern_byte(uint64_t seed, uint64_t i)
{
	return (unsigned)(((((i % 4294967296) ^ seed) * 2654435761) % 4294967296) / 16777216);
}

static void test_pattern(void **state)
{
	static const unsigned first[8] = { 0x9e, 0x00, 0xda, 0x3c, 0x17, 0x78, 0x53, 0xb5 };
	static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned a, b;
	const char *data;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("1 send socket=%u pattern=mix seed=1 offset=0 length=8", a);
	expect("1 ok length=8");
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(pattern_byte(1, i), first[i]);
		say("2 recv socket=%u length=1", b);
		expect_start("2 ok length=1 ");
		data = value("data");
		assert_int_equal((strchr(signs, data[0]) - signs) << 2 |
					 (strchr(signs, data[1]) - signs) >> 4,
				 first[i]);
	}
	/* Beyond 2^32 the numbers begin anew. */
	say("3 send socket=%u pattern=mix seed=4294967295 offset=4294967295 length=3", a);
	expect("3 ok length=3");
	say("4 recv socket=%u pattern=mix seed=4294967295 offset=4294967295 length=1", b);
	expect("4 ok length=1 match=1 end=no");
	say("4 recv socket=%u pattern=mix seed=4294967295 offset=0 length=2", b);
	expect("4 ok length=2 match=2 end=no");
	/* The sixth byte is wrong: what follows does not count, right or not. */
	say("5 send socket=%u pattern=mix seed=7 offset=0 length=5", a);
	expect("5 ok length=5");
	say("5 send socket=%u pattern=mix seed=8 offset=5 length=1", a);
	expect("5 ok length=1");
	say("5 send socket=%u pattern=mix seed=7 offset=6 length=4", a);
	expect("5 ok length=4");
	say("6 recv socket=%u pattern=mix seed=7 offset=0 length=10", b);
	expect("6 ok length=10 match=5 end=no");
	say("7 recv socket=%u pattern=mix seed=7 offset=0 length=0", b);
	expect("7 ok length=0 match=0 end=no");
	/* Much more than both ends buffer. */
	say("8 send socket=%u pattern=mix seed=7 offset=0 length=30000000", a);
	silent();
	say("9 recv socket=%u pattern=mix seed=7 offset=0 length=30000000", b);
	expect("8 ok length=30000000");
	expect("9 ok length=30000000 match=30000000 end=no");
}

static void test_longest_data(void **state)
{
	static char data[4 * 1024];
	unsigned a, b;

	(void)state;
	make_pair("ipv4", &a, &b);
	say("1 send socket=%u pattern=mix seed=1 offset=0 length=5000", a);
	expect("1 ok length=5000");
	say("2 recv socket=%u length=1000000", b);
	expect_start("2 ok length=2048 data=");
	memset(data, 'A', 4000);
	say("3 send socket=%u data=%s", a, data);
	expect("3 ok length=3000");
}

static void test_options(void **state)
{
	static const char *const switches[] = { "reuseaddr", "reuseport", "nodelay", "keepalive" };
	unsigned a = make_socket("ipv4");

	(void)state;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		for (int on = 1; on >= 0; on--) {
			say("1 setopt socket=%u option=%s value=%d", a, switches[i], on);
			expect("1 ok");
			say("2 getopt socket=%u option=%s", a, switches[i]);
			expect(on ? "2 ok value=1" : "2 ok value=0");
		}
	}
	say("3 setopt socket=%u option=user_timeout value=4321", a);
	expect("3 ok");
	say("3 getopt socket=%u option=user_timeout", a);
	expect("3 ok value=4321");
	say("4 getopt socket=%u option=linger", a);
	expect("4 ok value=-1");
	say("4 setopt socket=%u option=linger value=7", a);
	expect("4 ok");
	say("4 getopt socket=%u option=linger", a);
	expect("4 ok value=7");
	say("4 setopt socket=%u option=linger value=-1", a);
	expect("4 ok");
	say("4 getopt socket=%u option=linger", a);
	expect("4 ok value=-1");
	say("5 setopt socket=%u option=maxseg value=1000", a);
	expect("5 ok");
	say("5 getopt socket=%u option=maxseg", a);
	expect_start("5 ok value=");
	say("5 setopt socket=%u option=maxseg value=2147483647", a);
	expect_start("5 error EINVAL ");
	if (!has_ipv6())
		return;
	a = make_socket("ipv6");
	say("6 setopt socket=%u option=v6only value=1", a);
	expect("6 ok");
	say("6 getopt socket=%u option=v6only", a);
	expect("6 ok value=1");
}

static void test_numbers_are_not_used_again(void **state)
{
	unsigned a = make_socket("ipv4"), b;

	(void)state;
	say("1 close socket=%u", a);
	expect("1 ok");
	b = make_socket("ipv4");
	assert_true(b > a);
	say("1 abort socket=%u", b);
	expect("1 ok");
	assert_true(make_socket("ipv4") > b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life_ipv4, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_life_ipv6, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_errors_of_the_system, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_state_of_half_a_handshake, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accept_from, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accept_of_strangers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_timeouts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_connect_without_an_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_calls_of_one_verb_in_their_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends_of_a_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pattern, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_longest_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_are_not_used_again, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
