/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver made of the user's commands. The commands wait for files in a directory of the test's own, or
 * for nothing at all; times are the driver's, which the test counts. */
#include "drive/commands.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drive/helper.h"

enum { PATIENCE_MS = 30000 };

static const struct endpoint prober = {.addr = {.family = 4, .bytes = {198, 18, 0, 1}}, .port = 40000};
static const struct endpoint target = {.addr = {.family = 4, .bytes = {198, 18, 0, 2}}, .port = 7};
static char why[512], directory[64];
static struct driver *driver;

static void begin(const struct commands_config *config)
{
	assert_int_equal(helper_fork(why, sizeof(why)), 0);
	driver = commands_open(config, why, sizeof(why));
	assert_non_null(driver);
	assert_int_equal(helper_seal(why, sizeof(why)), 0);
}

static int end(void **state)
{
	(void)state;
	if (driver)
		driver->ops->close(driver);
	driver = NULL;
	helper_close();
	return 0;
}

static void ask(size_t id, enum action action, int64_t timeout_us)
{
	struct request r = {
		.id = id, .action = action, .prober = prober, .target = target, .timeout_us = timeout_us};

	driver->ops->ask(driver, &r, 1000);
}

/* The next answer, waited for as the driver says. */
static struct driver_answer next_answer(void)
{
	struct driver_answer a;

	while (!driver->ops->answer(driver, 1000, &a)) {
		struct pollfd polled;
		int64_t when = driver->ops->waits_for(driver, &polled.fd, &polled.events);

		assert_true(when > 1000);
		assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	}
	return a;
}

static void expect(size_t id, enum action action, enum answer_kind kind, const char *text)
{
	struct driver_answer a = next_answer();

	assert_int_equal(a.id, id);
	assert_int_equal(a.action, action);
	assert_int_equal(a.kind, kind);
	if (kind == ANSWER_DONE)
		assert_string_equal(a.text, "");
	else
		assert_non_null(strstr(a.text, text));
}

static void expect_none(void)
{
	struct driver_answer a;

	assert_false(driver->ops->answer(driver, 1000, &a));
}

static const char *file(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void touch(const char *name)
{
	FILE *f = fopen(file(name), "w");

	assert_non_null(f);
	fclose(f);
}

/* Waits until a command has written a whole line into the file. */
static void await_line(const char *name, char *line, size_t len)
{
	static const struct timespec pause = {.tv_nsec = 5000000};

	for (int i = 0; i < PATIENCE_MS / 5; i++) {
		FILE *f = fopen(file(name), "r");
		bool whole = f && fgets(line, (int)len, f) && strchr(line, '\n');

		if (f)
			fclose(f);
		if (whole)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("no command has written %s", name);
}

static void test_can(void **state)
{
	(void)state;
	begin(&(struct commands_config){.on_connect = "true"});
	assert_int_equal(driver->can, 1u << ACTION_CONNECT | 1u << ACTION_ACCEPT);
	assert_string_equal(driver->name, "commands");
	ask(1, ACTION_LISTEN, 1000000);
	ask(1, ACTION_KEEP_OPEN, 1000000);
	expect(1, ACTION_LISTEN, ANSWER_FAILED, "no command was given");
	expect(1, ACTION_KEEP_OPEN, ANSWER_FAILED, "no command was given");
	end(NULL);
	begin(&(struct commands_config){.on_listen = "true", .on_close = "true"});
	assert_int_equal(driver->can, 1u << ACTION_LISTEN | 1u << ACTION_ACCEPT | 1u << ACTION_KEEP_OPEN |
					      1u << ACTION_CLOSE_FIRST | 1u << ACTION_CLOSE_LAST);
	ask(2, ACTION_ACCEPT, 1000000);
	ask(2, ACTION_KEEP_OPEN, 1000000);
	int fd;
	short events;
	assert_true(driver->ops->waits_for(driver, &fd, &events) <= 1000);
	expect(2, ACTION_ACCEPT, ANSWER_DONE, NULL);
	expect(2, ACTION_KEEP_OPEN, ANSWER_DONE, NULL);
	expect_none();
	assert_true(driver->ops->waits_for(driver, &fd, &events) == INT64_MAX);
	assert_int_equal(fd, helper_fd());
	assert_int_equal(events, POLLIN);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(helper_fork(why, sizeof(why)), 0);
	assert_null(commands_open(&(struct commands_config){.on_close = "echo %x"}, why, sizeof(why)));
	assert_non_null(strstr(why, "--on-close: %x in a command"));
}

static void test_listen(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "test %%h:%%p = 198.18.0.2:7 || exit 9; test -e %s", file("port"));
	begin(&(struct commands_config){.on_listen = command});
	ask(1, ACTION_LISTEN, 1000000);
	expect(1, ACTION_LISTEN, ANSWER_FAILED, "the command for --on-listen ended with status 1");
	touch("port");
	ask(2, ACTION_LISTEN, 1000000);
	struct driver_answer a = next_answer();
	assert_int_equal(a.kind, ANSWER_DONE);
	assert_true(endpoint_equal(&a.target, &target));
	expect_none();
}

static void test_listen_in_time(void **state)
{
	struct driver_answer a;
	char command[256], line[64];
	int fd;
	short events;

	(void)state;
	snprintf(command, sizeof(command), "echo $$ >%s; exec sleep 1000", file("late"));
	begin(&(struct commands_config){.on_listen = command});
	ask(1, ACTION_LISTEN, 5000);
	await_line("late", line, sizeof(line));
	assert_false(driver->ops->answer(driver, 5999, &a));
	assert_int_equal(driver->ops->waits_for(driver, &fd, &events), 6000);
	assert_true(driver->ops->answer(driver, 6000, &a));
	assert_int_equal(a.kind, ANSWER_LOST);
	assert_non_null(strstr(a.text, "--on-listen did not end in time"));
	assert_false(driver->ops->answer(driver, 7000, &a));
	end(NULL);
	assert_int_equal(kill(atoi(line), 0), -1);
}

/* A command that connects runs as long as its connection. */
static void test_connect(void **state)
{
	char command[256], line[64];

	(void)state;
	snprintf(command, sizeof(command), "echo $$ %%h %%p >%s; exec sleep 1000", file("connect"));
	begin(&(struct commands_config){.on_connect = command});
	ask(5, ACTION_CONNECT, 1000000);
	expect(5, ACTION_CONNECT, ANSWER_DONE, NULL);
	await_line("connect", line, sizeof(line));
	assert_non_null(strstr(line, " 198.18.0.1 40000\n"));
	expect_none();
	driver->ops->release(driver, 6, 1000);
	assert_int_equal(kill(atoi(line), 0), 0);
	driver->ops->release(driver, 5, 1000);
	expect_none();
	end(NULL);
	assert_int_equal(kill(atoi(line), 0), -1);
}

static void test_connect_fails_later(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "while ! test -e %s; do sleep 0.01; done; exit 4", file("fail"));
	begin(&(struct commands_config){.on_connect = command, .on_close = "true"});
	ask(1, ACTION_CONNECT, 1000000);
	ask(2, ACTION_CONNECT, 1000000);
	expect(1, ACTION_CONNECT, ANSWER_DONE, NULL);
	expect(2, ACTION_CONNECT, ANSWER_DONE, NULL);
	/* Of the second one it does not matter any more: it is to close. */
	ask(2, ACTION_CLOSE_FIRST, 1000000);
	expect(2, ACTION_CLOSE_FIRST, ANSWER_DONE, NULL);
	touch("fail");
	expect(1, ACTION_CONNECT, ANSWER_FAILED, "the command for --on-connect ended with status 4");
	expect_none();
}

/* Known to have failed before the first look: no ANSWER_DONE at all. */
static void test_connect_fails_at_once(void **state)
{
	struct pollfd polled = {.events = POLLIN};

	(void)state;
	begin(&(struct commands_config){.on_connect = "exit 4"});
	ask(1, ACTION_CONNECT, 1000000);
	polled.fd = helper_fd();
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	expect(1, ACTION_CONNECT, ANSWER_FAILED, "ended with status 4");
	expect_none();
	ask(2, ACTION_CONNECT, 1000000);
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	driver->ops->release(driver, 2, 1000);
	expect_none();
}

static void test_close(void **state)
{
	(void)state;
	begin(&(struct commands_config){.on_close = "test %h:%p = 198.18.0.1:40000 && kill -TERM $$"});
	ask(3, ACTION_CLOSE_LAST, 1000000);
	expect(3, ACTION_CLOSE_LAST, ANSWER_FAILED, "the command for --on-close was ended by signal 15");
	expect_none();
}

static void test_helper_gone(void **state)
{
	char command[256], line[64];

	(void)state;
	snprintf(command, sizeof(command), "echo $PPID >%s; sleep 1000", file("helper"));
	begin(&(struct commands_config){.on_close = command});
	ask(1, ACTION_CLOSE_LAST, 1000000);
	await_line("helper", line, sizeof(line));
	char stray[] = "no request";
	assert_true(write(helper_fd(), stray, sizeof(stray)) > 0);
	expect(1, ACTION_CLOSE_LAST, ANSWER_LOST, "the command for --on-close is out of sight");
	ask(2, ACTION_CLOSE_LAST, 1000000);
	expect(2, ACTION_CLOSE_LAST, ANSWER_LOST, "for --on-close: commands cannot be run");
}

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/finwait-commands-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = {"port", "late", "connect", "fail", "helper"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(file(names[i]));
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_can, end),
		cmocka_unit_test_teardown(test_refused, end),
		cmocka_unit_test_teardown(test_listen, end),
		cmocka_unit_test_teardown(test_listen_in_time, end),
		cmocka_unit_test_teardown(test_connect, end),
		cmocka_unit_test_teardown(test_connect_fails_later, end),
		cmocka_unit_test_teardown(test_connect_fails_at_once, end),
		cmocka_unit_test_teardown(test_close, end),
		cmocka_unit_test_teardown(test_helper_gone, end),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
