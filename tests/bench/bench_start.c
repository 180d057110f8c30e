/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole processes: the time from fork to exit of one command, against that of another. They run in turns,
 * with a pause after each, since the kernel takes a packet socket down for some time after its process has
 * ended and would slow the next one. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

enum { ROUNDS = 41, FIGURES = 512 };

static const struct timespec pause_after = { .tv_nsec = 60 * 1000000 };

/* Milliseconds, or -1 after a complaint: a command that fails is faster than one that works. */
static double run_once(char **command)
{
	double begin = bench_seconds(), took;
	int status, null;
	pid_t pid = fork();

	if (!pid) {
		null = open("/dev/null", O_RDWR);
		if (null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0)
			execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "bench_start: %s failed\n", command[0]);
		return -1;
	}
	took = (bench_seconds() - begin) * 1e3;
	nanosleep(&pause_after, NULL);
	return took;
}

/* The words of the command and its time, appended to `text`. */
static void describe(char text[FIGURES], char **command, double ms)
{
	size_t at = strlen(text);

	if (at)
		at += (size_t)snprintf(text + at, FIGURES - at, ", ");
	for (char **word = command; *word && at < FIGURES; word++)
		at += (size_t)snprintf(text + at, FIGURES - at, "%s ", *word);
	if (at < FIGURES)
		snprintf(text + at, FIGURES - at, "%.1f ms", ms);
}

int main(int argc, char **argv)
{
	double took[2][ROUNDS], median[2];
	char **commands[2] = { argv + 1, NULL }, figures[FIGURES] = "";

	for (int i = 2; i < argc && !commands[1]; i++)
		if (!strcmp(argv[i], "--")) {
			argv[i] = NULL;
			commands[1] = argv + i + 1;
		}
	if (!commands[1] || !*commands[1]) {
		fprintf(stderr, "usage: %s COMMAND... -- REFERENCE...\n", argv[0]);
		return 2;
	}
	/* Once for nothing: the first run reads the programs from the disk. */
	for (int round = -1; round < ROUNDS; round++)
		for (int i = 0; i < 2; i++) {
			double ms = run_once(commands[i]);

			if (ms < 0)
				return 1;
			if (round >= 0)
				took[i][round] = ms;
		}
	for (int i = 0; i < 2; i++) {
		median[i] = bench_median(took[i], ROUNDS);
		describe(figures, commands[i], median[i]);
	}
	bench_print("start", figures, median[0] / median[1], "< 1");
	return 0;
}
