/* SPDX-License-Identifier: BSD-2-Clause */
/* main() with two subcommands that look at the process they run in: one that may run commands of the user,
 * one that may not. */
#define main finwait_main
int finwait_main(int argc, char **argv);
#include "main.c"
#undef main

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEEN = 64 }; /* exit statuses from here on: what was seen, as bits */
enum { SEEN_CHILD = 1, SEEN_HELPER = 2, SEEN_LIMITED = 4, SEEN_COMMAND = 8 };

/* Processes whose parent this one is. */
static int children(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		char path[300], line[512] = "";
		const char *behind;
		char state;
		int parent;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		fclose(f);
		behind = strrchr(line, ')');
		n += behind && sscanf(behind, ") %c %d", &state, &parent) == 2 && parent == getpid();
	}
	if (d)
		closedir(d);
	return n;
}

/* The command runs without what finwait has put on itself. */
static bool command_is_free(void)
{
	char why[WHY], byte;
	size_t index;
	unsigned number;
	int fds[2];
	struct pollfd polled = {.events = POLLIN};

	if (helper_register("sed -n 's/^NoNewPrivs:.//p' /proc/self/status", true, &index, why,
			    sizeof(why)) ||
	    helper_seal(why, sizeof(why)) ||
	    helper_start(index, &(struct endpoint){0}, fds, &number, why, sizeof(why)))
		return false;
	polled.fd = fds[0];
	return poll(&polled, 1, 30000) == 1 && read(fds[0], &byte, 1) == 1 && byte == '0';
}

static int look(const void *settings, char *const *arguments, char **operands, size_t n)
{
	int seen = SEEN;

	(void)settings, (void)arguments, (void)operands, (void)n;
	if (children())
		seen |= SEEN_CHILD;
	if (helper_fd() >= 0)
		seen |= SEEN_HELPER;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		seen |= SEEN_LIMITED;
	if (helper_fd() >= 0 && command_is_free())
		seen |= SEEN_COMMAND;
	return seen;
}

static const struct option_spec no_options[] = {{0}};

/* In the place of finwait's own of that name. */
const struct command cmd_probe = {.name = "probe", .options = no_options, .run = look};
const struct command cmd_check = {.name = "check", .options = no_options, .run = look, .user_commands = true};

static int run_main(const char *first, const char *second)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *argv[] = {strdup("finwait"), first ? strdup(first) : NULL,
				second ? strdup(second) : NULL, NULL};
		int result = finwait_main(1 + !!first + !!second, argv);

		/* Whoever was there is not any more. */
		_exit(children() ? 126 : result);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static void test_helper_where_wanted(void **state)
{
	(void)state;
	assert_int_equal(run_main("check", NULL),
			 SEEN | SEEN_CHILD | SEEN_HELPER | SEEN_LIMITED | SEEN_COMMAND);
}

static void test_no_helper_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(run_main("probe", NULL), SEEN | SEEN_LIMITED);
	assert_int_equal(run_main("probe", "check"), SEEN | SEEN_LIMITED);
}

static void test_no_command(void **state)
{
	(void)state;
	assert_int_equal(run_main("chec", NULL), EXIT_USAGE);
	assert_int_equal(run_main("--check", NULL), EXIT_USAGE);
	assert_int_equal(run_main(NULL, NULL), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_helper_where_wanted),
		cmocka_unit_test(test_no_helper_elsewhere),
		cmocka_unit_test(test_no_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
