/* SPDX-License-Identifier: BSD-2-Clause */
/* The two drops, each tried in a child of its own, by every way a program comes to privileges. What needs
 * more than the machine allows is skipped, except that as root nothing is. */
#include "wire/privs.h"

#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/ns.h"
#include "lab/rights.h"

static const uint64_t raw_bit = 1ULL << CAP_NET_RAW, admin_bit = 1ULL << CAP_NET_ADMIN;
static bool lab;
static char why[256];

struct sets {
	uint64_t effective, permitted, inheritable;
};

/* Straight from the kernel, not through the library that is under test. */
static struct sets sets(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		abort();
	return (struct sets){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

static bool sets_are(uint64_t wanted)
{
	struct sets s = sets();

	return s.effective == wanted && s.permitted == wanted && !s.inheritable;
}

static int raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

static bool raw_socket_refused(void)
{
	int fd = raw_socket();

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EPERM;
}

/* Runs this program anew with one argument; what it returns as exit status. */
static int exec_self(const char *path, const char *mode)
{
	pid_t pid = fork();

	if (!pid) {
		execl(path, path, mode, (char *)NULL);
		_exit(127);
	}
	return rights_ended(pid);
}

/* Nothing is left, and nothing comes back. */
static int check_powerless(void)
{
	CHECK(sets_are(0));
	CHECK(raw_socket_refused());
	CHECK(rights_set(raw_bit, 0) == -1);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == -1);
	CHECK(setuid(0) == 0 || errno == EPERM || errno == EINVAL);
	CHECK(sets_are(0));
	CHECK(raw_socket_refused());
	CHECK(exec_self("/proc/self/exe", "--powerless") == 0);
	return 0;
}

static int limit_then_drop(void)
{
	struct privs have;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	static const char packet[20] = {0x45, [9] = 253, [16] = 127, [19] = 1};
	int fd;

	CHECK(!privs_limit(&have, why, sizeof(why)));
	CHECK(have.raw && have.admin);
	CHECK(sets_are(raw_bit | admin_bit));
	fd = raw_socket();
	CHECK(fd >= 0);
	CHECK(!privs_drop(why, sizeof(why)));
	CHECK(!check_powerless());
	/* What was opened before keeps working. */
	CHECK(sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) == sizeof(packet));
	return 0;
}

/* That exec would give root everything back, were it not prevented: otherwise check_powerless() is blind. */
static int root_regains_by_exec(void)
{
	CHECK(!rights_set(0, 0));
	CHECK(exec_self("/proc/self/exe", "--powerless") == 1);
	return 0;
}

static int only_raw(void)
{
	struct privs have;

	CHECK(!rights_set(raw_bit, raw_bit));
	CHECK(!privs_limit(&have, why, sizeof(why)));
	CHECK(have.raw && !have.admin);
	CHECK(sets_are(raw_bit));
	CHECK(!privs_drop(why, sizeof(why)));
	return check_powerless();
}

static int nothing_to_begin_with(void)
{
	struct privs have = {true, true};

	CHECK(!rights_set(0, 0));
	CHECK(!privs_limit(&have, why, sizeof(why)));
	CHECK(!have.raw && !have.admin);
	CHECK(!privs_drop(why, sizeof(why)));
	return check_powerless();
}

static int drop_without_limit(void)
{
	CHECK(!privs_drop(why, sizeof(why)));
	return check_powerless();
}

static int drop_in_forked_child(void)
{
	struct privs have;

	CHECK(!privs_limit(&have, why, sizeof(why)));
	CHECK(rights_in_child(drop_without_limit) == 0);
	CHECK(sets_are(raw_bit | admin_bit));
	return 0;
}

static int capset_refused(void)
{
	struct privs have;

	CHECK(!rights_fake(SYS_capset, EPERM));
	CHECK(privs_limit(&have, why, sizeof(why)) == -1);
	CHECK(strstr(why, "privileges"));
	CHECK(privs_drop(why, sizeof(why)) == -1);
	return 0;
}

/* A kernel that says yes and does nothing. */
static int capset_pretended(void)
{
	struct privs have;

	CHECK(!rights_fake(SYS_capset, 0));
	CHECK(privs_limit(&have, why, sizeof(why)) == -1);
	CHECK(privs_drop(why, sizeof(why)) == -1);
	CHECK(strstr(why, "no effect"));
	return 0;
}

static int prctl_refused(void)
{
	struct privs have;

	CHECK(!rights_fake(SYS_prctl, EPERM));
	CHECK(privs_limit(&have, why, sizeof(why)) == -1);
	CHECK(privs_drop(why, sizeof(why)) == -1);
	return 0;
}

/* Run by exec as RIGHTS_NOBODY: `mode` says how it got its capabilities. */
static int started_by_exec(const char *mode)
{
	struct privs have;
	uid_t ruid, euid, suid;

	if (!strcmp(mode, "--powerless"))
		return sets_are(0) && raw_socket_refused() ? 0 : 1;
	CHECK(sets().permitted & raw_bit);
	CHECK(!privs_limit(&have, why, sizeof(why)));
	CHECK(have.raw && have.admin);
	CHECK(sets_are(raw_bit | admin_bit));
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0) == 0);
	CHECK(!getresuid(&ruid, &euid, &suid));
	CHECK(ruid == RIGHTS_NOBODY && euid == RIGHTS_NOBODY && suid == RIGHTS_NOBODY);
	CHECK(setresuid(0, 0, 0) == -1 && seteuid(0) == -1);
	int fd = raw_socket();
	CHECK(fd >= 0);
	CHECK(!privs_drop(why, sizeof(why)));
	return check_powerless();
}

static int as_nobody_run_copy(const char *copy)
{
	CHECK(!rights_become_nobody());
	CHECK(exec_self(copy, "--given") == 0);
	return 0;
}

static int as_nobody_with_ambient(const char *copy)
{
	CHECK(!rights_become_nobody_with(raw_bit | admin_bit, raw_bit | admin_bit));
	CHECK(exec_self(copy, "--given") == 0);
	return 0;
}

static void need_lab(void)
{
	if (!lab)
		skip();
}

static void test_root(void **state)
{
	(void)state;
	need_lab();
	assert_int_equal(rights_in_child(root_regains_by_exec), 0);
	assert_int_equal(rights_in_child(limit_then_drop), 0);
	assert_int_equal(rights_in_child(drop_in_forked_child), 0);
	assert_int_equal(rights_in_child(drop_without_limit), 0);
}

static void test_net_raw_alone(void **state)
{
	(void)state;
	need_lab();
	assert_int_equal(rights_in_child(only_raw), 0);
}

static void test_no_privilege(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(nothing_to_begin_with), 0);
}

static void test_fails_closed(void **state)
{
	(void)state;
	need_lab();
	assert_int_equal(rights_in_child(capset_refused), 0);
	assert_int_equal(rights_in_child(capset_pretended), 0);
	assert_int_equal(rights_in_child(prctl_refused), 0);
}

static void dropped_by_copy(const char *command, int (*body)(const char *copy))
{
	int result;

	need_lab();
	result = rights_with_copy(command, body);
	if (result == RIGHTS_SKIPPED)
		skip();
	assert_int_equal(result, 0);
}

static void test_file_capabilities(void **state)
{
	(void)state;
	dropped_by_copy("setcap cap_net_raw,cap_net_admin=ep", as_nobody_run_copy);
}

static void test_set_user_id(void **state)
{
	(void)state;
	dropped_by_copy("chmod 4755", as_nobody_run_copy);
}

static void test_ambient(void **state)
{
	(void)state;
	dropped_by_copy("true", as_nobody_with_ambient);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_net_raw_alone),
		cmocka_unit_test(test_no_privilege),
		cmocka_unit_test(test_fails_closed),
		cmocka_unit_test(test_file_capabilities),
		cmocka_unit_test(test_set_user_id),
		cmocka_unit_test(test_ambient),
	};
	const char *require = getenv("FINWAIT_REQUIRE_LAB");

	/* Not exit(): a leak checker cannot look into a process that is not dumpable. */
	if (argc > 1)
		_exit(started_by_exec(argv[1]));
	lab = ns_enter();
	if (!lab && require && !strcmp(require, "1"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
