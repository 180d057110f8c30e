/* SPDX-License-Identifier: BSD-2-Clause */
/* `finwait check` on generated captures: its CPU time against the least that a judge has to do and against
 * other programs, how it grows with the capture, and the memory of a connection. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

enum { ROUNDS = 7, FIGURES = 256, NUMBER = 24 };

/* Ten segments each. */
enum { CONNECTIONS = 100000, FEW = 1000, AT_A_TIME = 1000 };

/* What is in a capture. */
struct kind {
	unsigned connections, open; /* how many at a time */
	unsigned request, response; /* bytes in a segment with data */
};

/* A request of usual length and full segments in answer; and frames so short that reading them costs next to
 * nothing. */
static const struct kind usual = { CONNECTIONS, AT_A_TIME, 480, 1448 };
static const struct kind all_open = { CONNECTIONS, CONNECTIONS, 480, 1448 };
static const struct kind small = { CONNECTIONS, AT_A_TIME, 120, 400 };

struct cost {
	double seconds; /* of CPU, for the process and in the kernel */
	double bytes;   /* resident, at its peak */
};

static char generator[512], baseline[512];
static const char *const check[] = { "finwait", "check", "-q", "--max-connections", "2000000", "-", NULL };
static const char *const loop[] = { baseline, "-", NULL };

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

/* Its errors are told apart by the caller; what it prints is of no interest. */
static pid_t start(const char *const *command, int in, int out)
{
	pid_t pid = fork();
	int null;

	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	if (null >= 0 && dup2(in < 0 ? null : in, 0) >= 0 && dup2(out < 0 ? null : out, 1) >= 0 &&
	    dup2(null, 2) >= 0) {
		closefrom(3);
		execvp(command[0], (char *const *)command);
	}
	_exit(127);
}

/* 0, or -1 after a complaint: a command that fails is faster than one that works. */
static int finish(pid_t pid, const char *const *command, struct cost *cost)
{
	struct rusage used;
	int status;

	if (pid < 0 || wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "bench_check: %s failed\n", command[0]);
		return -1;
	}
	cost->seconds = seconds(&used.ru_utime) + seconds(&used.ru_stime);
	cost->bytes = (double)used.ru_maxrss * 1024;
	return 0;
}

static int run_file(const char *const *command, int file, struct cost *cost)
{
	if (lseek(file, 0, SEEK_SET)) {
		perror("bench_check");
		return -1;
	}
	return finish(start(command, file, -1), command, cost);
}

/* Writes a capture to `out`, by a process of its own. */
static pid_t generate(struct kind kind, int out)
{
	char a[NUMBER], b[NUMBER], c[NUMBER], d[NUMBER];
	const char *const command[] = { generator, a, b, c, d, NULL };

	snprintf(a, sizeof(a), "%u", kind.connections);
	snprintf(b, sizeof(b), "%u", kind.open);
	snprintf(c, sizeof(c), "%u", kind.request);
	snprintf(d, sizeof(d), "%u", kind.response);
	return start(command, -1, out);
}

/* A capture in a file that has no name any more; -1 after a complaint. */
static int make_file(struct kind kind)
{
	const char *where = getenv("TMPDIR");
	const char *const command[] = { generator, NULL };
	char path[512];
	struct cost unused;
	int file;

	snprintf(path, sizeof(path), "%s/finwait-bench-XXXXXX", where && *where ? where : "/tmp");
	file = mkstemp(path);
	if (file < 0) {
		fprintf(stderr, "bench_check: cannot create %s: %s\n", path, strerror(errno));
		return -1;
	}
	unlink(path);
	if (finish(generate(kind, file), command, &unused)) {
		close(file);
		return -1;
	}
	return file;
}

/* Too long for a file: the judge reads what the generator writes. */
static int run_stream(struct kind kind, struct cost *cost)
{
	const char *const command[] = { generator, NULL };
	struct cost unused;
	int ends[2], result;
	pid_t writer, reader;

	if (pipe(ends)) {
		perror("bench_check");
		return -1;
	}
	writer = generate(kind, ends[1]);
	close(ends[1]);
	reader = start(check, ends[0], -1);
	close(ends[0]);
	result = finish(reader, check, cost);
	return finish(writer, command, &unused) ? -1 : result;
}

/* The two in turns, and the least seconds of each: what else the machine does only adds to them. */
static int compare(const char *const *a, const char *const *b, int file, int rounds, double least[2])
{
	struct cost cost;

	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < 2; i++) {
			if (run_file(i ? b : a, file, &cost))
				return -1;
			if (!round || cost.seconds < least[i])
				least[i] = cost.seconds;
		}
	return 0;
}

static int against_baseline(struct kind kind)
{
	double segments = 10.0 * kind.connections;
	int file = make_file(kind);
	char figures[FIGURES];
	double least[2];

	if (file < 0)
		return -1;
	if (compare(check, loop, file, ROUNDS, least)) {
		close(file);
		return -1;
	}
	/* Before every frame stand 16 bytes. */
	snprintf(figures, sizeof(figures), "10^6 frames of %.0f bytes, %u open: %.0f ns each, checksums alone %.0f ns",
		 (double)lseek(file, 0, SEEK_END) / segments - 16, kind.open, least[0] * 1e9 / segments,
		 least[1] * 1e9 / segments);
	close(file);
	bench_print("check", figures, least[0] / least[1], "<= 5");
	return 0;
}

/* What remains of the peak of many connections, all open at once, when that of few is taken off: the
 * program, its libraries, its fixed tables and the buffers of the file count in both. */
static int memory(void)
{
	struct cost many, few;
	char figures[FIGURES];

	if (run_stream((struct kind){ FEW, FEW, small.request, small.response }, &few) ||
	    run_stream(all_open, &many))
		return -1;
	snprintf(figures, sizeof(figures), "peak with %d connections open %.1f MiB, with %d %.1f MiB", CONNECTIONS,
		 many.bytes / 1048576, FEW, few.bytes / 1048576);
	bench_print_unit("memory", figures, "bytes a connection", (many.bytes - few.bytes) / (CONNECTIONS - FEW),
			 "<= 256");
	return 0;
}

/* Nanoseconds a segment from 10^5 to 10^7 segments; short ones are repeated, the least counts. */
static int growth(bool all)
{
	static const unsigned connections[] = { 10000, 100000, 1000000 };
	double ns[3], least = 1e9, most = 0;
	char figures[FIGURES];
	struct cost cost;

	for (int i = 0; i < 3; i++) {
		struct kind kind = { connections[i], all ? connections[i] : AT_A_TIME, small.request, small.response };

		ns[i] = 1e9;
		for (int round = 0; round < (i == 0 ? ROUNDS : i == 1 ? 3 : 2); round++) {
			if (run_stream(kind, &cost))
				return -1;
			if (cost.seconds * 1e8 / connections[i] < ns[i])
				ns[i] = cost.seconds * 1e8 / connections[i];
		}
		least = ns[i] < least ? ns[i] : least;
		most = ns[i] > most ? ns[i] : most;
	}
	snprintf(figures, sizeof(figures), "%s open: %.0f, %.0f, %.0f ns a segment at 10^5, 10^6, 10^7",
		 all ? "all" : "1000", ns[0], ns[1], ns[2]);
	bench_print("growth", figures, most / least, "<= 1.3");
	return 0;
}

static bool installed(const char *program)
{
	char *path = strdup(getenv("PATH") ? getenv("PATH") : ""), *rest = path, *directory, file[512];
	bool found = false;

	while (!found && (directory = strsep(&rest, ":"))) {
		snprintf(file, sizeof(file), "%s/%s", directory, program);
		found = !access(file, X_OK);
	}
	free(path);
	return found;
}

static int against_others(void)
{
	static const char *const tcptrace[] = { "tcptrace", "-n", "-l", "/dev/stdin", NULL };
	static const char *const tshark[] = { "tshark", "-n", "-q", "-z", "expert", "-r", "-", NULL };
	static const char *const *const others[] = { tcptrace, tshark };
	int file = make_file((struct kind){ CONNECTIONS / 10, AT_A_TIME, usual.request, usual.response });
	int result = file < 0 ? -1 : 0;
	char figures[FIGURES];
	double least[2];

	for (size_t i = 0; i < sizeof(others) / sizeof(*others) && !result; i++) {
		const char *name = others[i][0];

		if (!installed(name)) {
			printf("%-10s not measured: there is no %s to compare with; install the package %s\n",
			       "check", name, name);
			continue;
		}
		result = compare(check, others[i], file, 1, least);
		snprintf(figures, sizeof(figures), "10^5 segments: %.3f s, %s %.3f s", least[0], name, least[1]);
		if (!result)
			bench_print("check", figures, least[0] / least[1], "< 1");
	}
	if (file >= 0)
		close(file);
	return result;
}

int main(int argc, char **argv)
{
	int failed;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY-OF-MAKE_CAPTURE-AND-PCAP_LOOP\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(generator, sizeof(generator), "%s/make_capture", argv[1]);
	snprintf(baseline, sizeof(baseline), "%s/pcap_loop", argv[1]);
	failed = against_baseline(usual);
	failed |= against_baseline(all_open);
	failed |= against_baseline(small);
	failed |= memory();
	failed |= growth(false);
	failed |= growth(true);
	failed |= against_others();
	return failed ? 1 : 0;
}
