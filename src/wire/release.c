/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/release.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Why all this: the kernel ends every packet socket with synchronize_net(), one RCU grace period, and a
 * mapped ring with another one, in exit() as in close(). Measured with a veth interface on 6.18, HZ=250: of
 * the 57 ms of a whole probe this takes 35, with the child 2. The child has the ring mapped, too, so that
 * the kernel refuses to take the ring down for pcap_close() (EBUSY) instead of waiting. */

static void close_range_of_fds(unsigned first, unsigned last)
{
	long open_max;

	if (first > last)
		return;
#ifdef SYS_close_range
	if (!syscall(SYS_close_range, first, last, 0))
		return;
#endif
	open_max = sysconf(_SC_OPEN_MAX);
	for (unsigned fd = first; fd <= last && (long)fd < open_max; fd++)
		close((int)fd);
}

/* Closes everything but `fds` and `end`: a reserved port or the reader of a pipe must not have to wait
 * for this process. */
static void keep_only(const int *fds, size_t n, int end)
{
	unsigned from = 0;

	for (;;) {
		unsigned next = UINT_MAX;

		for (size_t i = 0; i < n; i++)
			if ((unsigned)fds[i] >= from && (unsigned)fds[i] < next)
				next = (unsigned)fds[i];
		if ((unsigned)end >= from && (unsigned)end < next)
			next = (unsigned)end;
		if (next == UINT_MAX)
			break;
		close_range_of_fds(from, next - 1);
		from = next + 1;
	}
	close_range_of_fds(from, INT_MAX);
}

__attribute__((noreturn)) static void hold(const int *fds, size_t n, int end)
{
	sigset_t all;
	char byte = 0;

	/* A Ctrl-C meant for the parent would only bring the waiting back. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	keep_only(fds, n, end);
	if (send(end, &byte, 1, MSG_NOSIGNAL) == 1)
		while (recv(end, &byte, 1, 0) > 0)
			;
	_exit(0);
}

int release_begin(const int *fds, size_t n)
{
	int ends[2], status;
	pid_t pid;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -1;
	pid = fork();
	if (!pid) {
		/* Twice, so that nobody has to wait for the one that holds. */
		close(ends[0]);
		pid = fork();
		if (!pid)
			hold(fds, n, ends[1]);
		_exit(pid < 0);
	}
	close(ends[1]);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	/* One byte says that the child has closed what it must not keep; without a child this reads the
	 * end of file. */
	if (pid < 0 || recv(ends[0], &byte, 1, 0) != 1) {
		close(ends[0]);
		return -1;
	}
	return ends[0];
}

void release_end(int release)
{
	if (release >= 0)
		close(release);
}
