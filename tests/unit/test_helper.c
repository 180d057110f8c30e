/* SPDX-License-Identifier: BSD-2-Clause */
/* The helper. Each case is a child that plays finwait, so that none sees what another left. */
#include "drive/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drive/helper_process.h"
#include "drive/template.h"
#include "lab/ns.h"
#include "lab/rights.h"
#include "wire/privs.h"

enum { PATIENCE_MS = 30000 };

/* All that says with which rights a process runs, and what it inherited. */
#define RIGHTS "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|SigBlk|SigIgn)' /proc/self/status"

static const struct endpoint nowhere;
static const struct endpoint four = {.addr = {.family = 4, .bytes = {198, 18, 0, 1}}, .port = 40000};
static const struct endpoint six = {
	.addr = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}, .scope = 3}, .port = 7};
static bool lab;
static char why[512];

static bool readable(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	return poll(&polled, 1, PATIENCE_MS) == 1;
}

/* Reads to the end, or, if `lines` is not 0, that many lines. */
static bool read_text(int fd, int lines, char *text, size_t len)
{
	size_t have = 0;
	ssize_t n = 1;

	while (n > 0 && have < len - 1 && readable(fd)) {
		n = read(fd, text + have, lines ? 1 : len - 1 - have);
		if (n > 0 && text[have] == '\n' && lines && --lines == 0)
			n = 0;
		else if (n == 0 && lines)
			return false;
		have += n > 0 ? (size_t)n : 0;
	}
	text[have] = '\0';
	return n == 0;
}

/* What the user's own shell prints, before anything was given to or taken from this process. Not by popen(),
 * which leaves two signals of glibc's ignored. */
static bool by_the_user(const char *command, char *text, size_t len)
{
	int ends[2], status;
	bool good;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	good = read_text(ends[0], 0, text, len);
	close(ends[0]);
	return waitpid(pid, &status, 0) == pid && good && status == 0;
}

/* A helper with one command, sealed. */
static int begin(const char *text, bool talks, size_t *index)
{
	return helper_fork(why, sizeof(why)) || helper_register(text, talks, index, why, sizeof(why)) ||
	       helper_seal(why, sizeof(why));
}

static bool await_end(unsigned number, struct helper_end *end)
{
	while (!helper_ended(number, end)) {
		if (helper_fd() < 0 || !readable(helper_fd()))
			return false;
		helper_look();
	}
	return true;
}

/* Not running; a zombie, which only its parent can bury, does not run. */
static bool gone(pid_t pid)
{
	char path[64], line[512] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		fclose(f);
	}
	const char *behind = strrchr(line, ')');

	return !behind || behind[2] == 'Z' || behind[2] == 'X';
}

static bool await_gone(pid_t pid)
{
	static const struct timespec pause = {.tv_nsec = 5000000};

	for (int i = 0; i < PATIENCE_MS / 5 && !gone(pid); i++)
		nanosleep(&pause, NULL);
	return gone(pid);
}

/* --- rights --- */

/* finwait takes everything from itself; its commands keep what `expected` says. */
static int rights_are(const char *expected)
{
	struct privs have;
	struct helper_end end;
	char text[2048];
	size_t index;
	unsigned number;
	int fds[2];

	CHECK(!helper_fork(why, sizeof(why)));
	CHECK(!privs_limit(&have, why, sizeof(why)));
	CHECK(!helper_register(RIGHTS, true, &index, why, sizeof(why)));
	CHECK(!helper_seal(why, sizeof(why)));
	CHECK(!privs_drop(why, sizeof(why)));
	CHECK(!helper_start(index, &nowhere, fds, &number, why, sizeof(why)));
	CHECK(read_text(fds[0], 0, text, sizeof(text)));
	if (strcmp(text, expected))
		fprintf(stderr, "expected\n%sgot\n%s", expected, text);
	CHECK(!strcmp(text, expected));
	CHECK(await_end(number, &end) && end.how == HELPER_EXITED && end.value == 0);
	close(fds[0]);
	close(fds[1]);
	helper_close();
	return 0;
}

static int rights_of_invoker(void)
{
	char expected[2048];

	CHECK(by_the_user(RIGHTS, expected, sizeof(expected)));
	return rights_are(expected);
}

/* The shell itself unblocks what is blocked; what is ignored gets through, but for SIGCHLD, which would take
 * the exit status away from who waits for it. */
static int rights_with_signals(void)
{
	char expected[2048];
	const char *ignored;
	sigset_t some;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, NULL);
	signal(SIGUSR2, SIG_IGN);
	CHECK(by_the_user(RIGHTS, expected, sizeof(expected)));
	ignored = strstr(expected, "SigIgn:");
	CHECK(ignored && strtoull(ignored + strlen("SigIgn:"), NULL, 16) & 1u << (SIGUSR2 - 1));
	signal(SIGCHLD, SIG_IGN);
	return rights_are(expected);
}

static int exec_copy(const char *copy)
{
	char expected[2048];

	CHECK(by_the_user(RIGHTS, expected, sizeof(expected)));
	execl(copy, copy, expected, (char *)NULL);
	return 127;
}

static int nobody_runs_copy(const char *copy)
{
	CHECK(!rights_become_nobody());
	return exec_copy(copy);
}

static int nobody_with_ambient_runs_copy(const char *copy)
{
	CHECK(!rights_become_nobody_with(1u << CAP_NET_RAW, 1u << CAP_NET_RAW));
	return exec_copy(copy);
}

/* Nobody, but with what a program file can give. */
static int given_rights(void)
{
	return rights_become_nobody_with(1u << CAP_NET_RAW, 0);
}

static int capset_refused(void)
{
	CHECK(!given_rights() && !rights_fake(SYS_capset, EPERM));
	CHECK(helper_fork(why, sizeof(why)) == -1);
	CHECK(strstr(why, "capset") && helper_fd() == -1);
	return 0;
}

static int capset_pretended(void)
{
	CHECK(!given_rights() && !rights_fake(SYS_capset, 0));
	CHECK(helper_fork(why, sizeof(why)) == -1);
	CHECK(strstr(why, "no effect"));
	return 0;
}

static int set_id_refused(unsigned result, const char *expected)
{
	CHECK(!setresuid(RIGHTS_NOBODY, -1, -1) && !rights_fake(SYS_setresuid, result));
	CHECK(helper_fork(why, sizeof(why)) == -1);
	CHECK(strstr(why, "setresuid") && strstr(why, expected));
	return 0;
}

static int setresuid_refused(void)
{
	return set_id_refused(EPERM, "not permitted");
}

static int setresuid_pretended(void)
{
	return set_id_refused(0, "no effect");
}

static void test_rights(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(rights_of_invoker), 0);
}

static void test_signals_as_inherited(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(rights_with_signals), 0);
}

static void rights_kept_by_copy(const char *command, int (*body)(const char *copy))
{
	int result = lab ? rights_with_copy(command, body) : RIGHTS_SKIPPED;

	if (result == RIGHTS_SKIPPED)
		skip();
	assert_int_equal(result, 0);
}

static void test_file_capabilities(void **state)
{
	(void)state;
	rights_kept_by_copy("setcap cap_net_raw,cap_net_admin=ep", nobody_runs_copy);
}

static void test_set_user_id(void **state)
{
	(void)state;
	rights_kept_by_copy("chmod 6755", nobody_runs_copy);
}

static void test_ambient(void **state)
{
	(void)state;
	rights_kept_by_copy("true", nobody_with_ambient_runs_copy);
}

static void test_fails_closed(void **state)
{
	(void)state;
	if (!lab || rights_in_child(rights_become_nobody))
		skip();
	assert_int_equal(rights_in_child(capset_refused), 0);
	assert_int_equal(rights_in_child(capset_pretended), 0);
	assert_int_equal(rights_in_child(setresuid_refused), 0);
	assert_int_equal(rights_in_child(setresuid_pretended), 0);
}

/* --- commands --- */

static void test_template(void **state)
{
	char line[TEMPLATE_MAX], longer[TEMPLATE_MAX + 1];

	(void)state;
	assert_int_equal(template_fill("nc %h %p; date +%%s", &four, line, why, sizeof(why)), 0);
	assert_string_equal(line, "nc 198.18.0.1 40000; date +%s");
	assert_int_equal(template_fill("%p%h", &six, line, why, sizeof(why)), 0);
	assert_string_equal(line, "7fe80::1%3");
	assert_int_equal(template_fill("true", &nowhere, line, why, sizeof(why)), 0);
	assert_int_equal(template_fill("nc %h", &nowhere, line, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "%h"));
	assert_int_equal(template_fill("nc %p", &nowhere, line, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "%p"));
	assert_int_equal(template_check("date +%s", why, sizeof(why)), -1);
	assert_non_null(strstr(why, "%s in a command"));
	assert_int_equal(template_check("echo 100%", why, sizeof(why)), -1);
	assert_non_null(strstr(why, "% alone"));
	assert_int_equal(template_check(" \t", why, sizeof(why)), -1);
	assert_non_null(strstr(why, "empty"));
	memset(longer, 'x', sizeof(longer));
	longer[TEMPLATE_MAX] = '\0';
	assert_int_equal(template_check(longer, why, sizeof(why)), -1);
	longer[TEMPLATE_MAX - 1] = '\0';
	assert_int_equal(template_check(longer, why, sizeof(why)), 0);
	memcpy(longer, "%h", 2);
	assert_int_equal(template_fill(longer, &four, line, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "bytes at most"));
}

static int talking(void)
{
	char text[256];
	size_t index;
	unsigned number;
	int fds[2];
	struct helper_end end;

	CHECK(!begin("read x; echo \"$x %h %p %%\"; exit 3", true, &index));
	CHECK(!helper_start(index, &four, fds, &number, why, sizeof(why)));
	CHECK(!helper_ended(number, &end));
	CHECK(read(fds[0], text, 1) == -1 && errno == EAGAIN);
	CHECK(write(fds[1], "to\n", 3) == 3);
	CHECK(read_text(fds[0], 0, text, sizeof(text)));
	CHECK(!strcmp(text, "to 198.18.0.1 40000 %\n"));
	CHECK(await_end(number, &end) && end.number == number);
	CHECK(!strcmp(helper_end_text(&end, text, sizeof(text)), "ended with status 3"));
	helper_stop(number);
	CHECK(!helper_ended(number, &end));
	close(fds[0]);
	close(fds[1]);
	helper_close();
	CHECK(helper_fd() == -1);
	return 0;
}

static int silent(void)
{
	char text[256];
	size_t quiet, killed;
	unsigned first, second;
	struct helper_end end;

	CHECK(!helper_fork(why, sizeof(why)));
	CHECK(!helper_register("test \"$(readlink /proc/$$/fd/0)\" = /dev/null && "
			       "test \"$(readlink /proc/$$/fd/1)\" = \"$(readlink /proc/$$/fd/2)\"",
			       false, &quiet, why, sizeof(why)));
	CHECK(!helper_register("kill -9 $$", false, &killed, why, sizeof(why)));
	CHECK(helper_start(quiet, &nowhere, NULL, &first, why, sizeof(why)) == -1);
	CHECK(!helper_seal(why, sizeof(why)));
	CHECK(!helper_start(quiet, &nowhere, NULL, &first, why, sizeof(why)));
	CHECK(!helper_start(killed, &nowhere, NULL, &second, why, sizeof(why)));
	CHECK(await_end(second, &end) && end.how == HELPER_KILLED && end.value == SIGKILL);
	CHECK(strstr(helper_end_text(&end, text, sizeof(text)), "was ended by signal 9"));
	CHECK(await_end(first, &end) && end.how == HELPER_EXITED && end.value == 0);
	helper_close();
	return 0;
}

static int descriptors(void)
{
	char text[256];
	size_t index;
	unsigned number;
	int fds[2];

	CHECK(dup2(STDERR_FILENO, 77) == 77);
	CHECK(by_the_user("ls /proc/self/fd", text, sizeof(text)) && strstr(text, "77\n"));
	CHECK(!begin("ls /proc/self/fd", true, &index));
	CHECK(!helper_start(index, &nowhere, fds, &number, why, sizeof(why)));
	CHECK(read_text(fds[0], 0, text, sizeof(text)));
	/* The last one is what ls reads. */
	CHECK(!strcmp(text, "0\n1\n2\n3\n"));
	close(fds[0]);
	close(fds[1]);
	helper_close();
	return 0;
}

static int many(void)
{
	enum { N = 200 };
	size_t index;
	unsigned numbers[N];
	struct helper_end end;

	CHECK(!begin("exit 5", false, &index));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++)
			CHECK(!helper_start(index, &nowhere, NULL, &numbers[i], why, sizeof(why)));
		for (int i = N - 1; i >= 0; i--) {
			CHECK(await_end(numbers[i], &end) && end.how == HELPER_EXITED && end.value == 5);
			helper_stop(numbers[i]);
		}
	}
	helper_close();
	return 0;
}

static void test_talking(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(talking), 0);
}

static void test_silent(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(silent), 0);
}

static void test_descriptors(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(descriptors), 0);
}

static void test_many(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(many), 0);
}

/* --- sealing --- */

static int sealed(void)
{
	static struct helper_request r = {.verb = HELPER_REGISTER, .talks = 1, .text = "id"};
	char text[64];
	size_t index, another;
	unsigned number;
	int fds[2];
	struct helper_end end;
	pid_t pid;

	CHECK(!begin("echo $$; exec sleep 1000", true, &index));
	CHECK(helper_register("id", true, &another, why, sizeof(why)) == -1);
	CHECK(strstr(why, "no command can be added"));
	CHECK(!helper_start(index, &nowhere, fds, &number, why, sizeof(why)));
	CHECK(read_text(fds[0], 1, text, sizeof(text)));
	pid = atoi(text);
	CHECK(pid > 1 && !gone(pid));
	/* Past the library, as who has taken finwait over would do it. */
	CHECK(send(helper_fd(), &r, sizeof(r), MSG_NOSIGNAL) == sizeof(r));
	CHECK(await_end(number, &end) && end.how == HELPER_GONE);
	CHECK(await_gone(pid));
	CHECK(helper_fd() == -1);
	CHECK(helper_start(index, &nowhere, fds, &number, why, sizeof(why)) == -1);
	helper_close();
	return 0;
}

static void test_sealed(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(sealed), 0);
}

/* --- what stays behind --- */

/* Prints the helper, itself, and two more in its process group, one of which is deaf to SIGTERM. */
#define TREE                                                                                                 \
	"sleep 1000 & a=$!; (trap '' TERM; echo $PPID $$ $a $(exec sh -c 'echo $PPID'); "                    \
	"while :; do sleep 1000; done) & wait"

struct tree {
	pid_t helper, members[3];
};

static bool read_tree(int fd, struct tree *t)
{
	char text[256];
	int pids[4];

	if (!read_text(fd, 1, text, sizeof(text)) ||
	    sscanf(text, "%d %d %d %d", &pids[0], &pids[1], &pids[2], &pids[3]) != 4)
		return false;
	t->helper = pids[0];
	for (int i = 0; i < 3; i++)
		t->members[i] = pids[1 + i];
	return true;
}

static bool tree_runs(const struct tree *t)
{
	return !gone(t->helper) && !gone(t->members[0]) && !gone(t->members[1]) && !gone(t->members[2]);
}

static bool members_end(const struct tree *t)
{
	return await_gone(t->members[0]) && await_gone(t->members[1]) && await_gone(t->members[2]);
}

static int start_tree(struct tree *t, unsigned *number)
{
	size_t index;
	int fds[2];

	CHECK(!begin(TREE, true, &index));
	CHECK(!helper_start(index, &nowhere, fds, number, why, sizeof(why)));
	CHECK(read_tree(fds[0], t));
	CHECK(tree_runs(t));
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static int ended_by_close(void)
{
	struct tree t;
	unsigned number;

	CHECK(!start_tree(&t, &number));
	helper_close();
	CHECK(gone(t.helper) && members_end(&t));
	return 0;
}

static int ended_by_stop(void)
{
	struct tree t;
	unsigned number;

	CHECK(!start_tree(&t, &number));
	helper_stop(number);
	CHECK(members_end(&t) && !gone(t.helper));
	helper_close();
	return 0;
}

/* A command that has ended may have left something in the background. */
static int rest_ended_by_stop(void)
{
	char text[64];
	size_t index;
	unsigned number;
	int fds[2];
	struct helper_end end;
	pid_t pid;

	CHECK(!begin("sleep 1000 >/dev/null 2>&1 & echo $!", true, &index));
	CHECK(!helper_start(index, &nowhere, fds, &number, why, sizeof(why)));
	CHECK(read_text(fds[0], 0, text, sizeof(text)));
	pid = atoi(text);
	CHECK(await_end(number, &end) && end.how == HELPER_EXITED && end.value == 0);
	CHECK(pid > 1 && !gone(pid));
	helper_stop(number);
	CHECK(await_gone(pid));
	close(fds[0]);
	close(fds[1]);
	helper_close();
	return 0;
}

/* Signals that end others, and that a terminal sends, do not end the helper. */
static int deaf(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE};
	struct tree t;
	unsigned number;

	CHECK(!start_tree(&t, &number));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		CHECK(!kill(t.helper, numbers[i]));
	helper_stop(number);
	CHECK(members_end(&t) && !gone(t.helper));
	helper_close();
	CHECK(gone(t.helper));
	return 0;
}

static void test_ended_by_killing_finwait(void **state)
{
	struct tree t;
	int ends[2];
	ssize_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		unsigned number;

		if (start_tree(&t, &number) || write(ends[1], &t, sizeof(t)) != sizeof(t))
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	n = read(ends[0], &t, sizeof(t));
	close(ends[0]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(n, sizeof(t));
	assert_true(members_end(&t));
	assert_true(await_gone(t.helper));
}

static void test_ended(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(ended_by_close), 0);
	assert_int_equal(rights_in_child(ended_by_stop), 0);
	assert_int_equal(rights_in_child(rest_ended_by_stop), 0);
	assert_int_equal(rights_in_child(deaf), 0);
}

/* --- at a terminal --- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static int at_terminal(void)
{
	size_t survives, asks;
	unsigned first, second;
	int fds[2], slave, master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char text[64];
	struct helper_end end;

	CHECK(master >= 0 && !grantpt(master) && !unlockpt(master) && setsid() > 0);
	slave = open(ptsname(master), O_RDWR | O_CLOEXEC);
	CHECK(slave >= 0 && (!ioctl(slave, TIOCSCTTY, 0)));
	CHECK(!helper_fork(why, sizeof(why)));
	CHECK(!helper_register("echo up; read x; echo $x", true, &survives, why, sizeof(why)));
	CHECK(!helper_register("read x </dev/tty", false, &asks, why, sizeof(why)));
	CHECK(!helper_seal(why, sizeof(why)));
	signal(SIGINT, on_interrupt);
	CHECK(!helper_start(survives, &nowhere, fds, &first, why, sizeof(why)));
	CHECK(read_text(fds[0], 1, text, sizeof(text)));
	CHECK(write(master, "\x03", 1) == 1);
	for (int i = 0; i < PATIENCE_MS / 5 && !interrupted; i++)
		usleep(5000);
	CHECK(interrupted);
	CHECK(write(fds[1], "on\n", 3) == 3);
	CHECK(read_text(fds[0], 0, text, sizeof(text)));
	CHECK(!strcmp(text, "on\n"));
	CHECK(!helper_start(asks, &nowhere, NULL, &second, why, sizeof(why)));
	CHECK(await_end(second, &end) && end.how == HELPER_WANTS_TTY);
	helper_close();
	return 0;
}

static void test_at_terminal(void **state)
{
	(void)state;
	assert_int_equal(rights_in_child(at_terminal), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_signals_as_inherited),
		cmocka_unit_test(test_file_capabilities),
		cmocka_unit_test(test_set_user_id),
		cmocka_unit_test(test_ambient),
		cmocka_unit_test(test_fails_closed),
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_talking),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_ended_by_killing_finwait),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_at_terminal),
	};
	const char *require = getenv("FINWAIT_REQUIRE_LAB");

	/* Started by exec_copy(). Not exit(): a leak checker cannot look into what is not dumpable. */
	if (argc > 1)
		_exit(rights_are(argv[1]));
	lab = ns_enter();
	if (!lab && require && !strcmp(require, "1"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
