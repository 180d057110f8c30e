/* SPDX-License-Identifier: BSD-2-Clause */
#include "process.h"

#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

/* A signal handler can reach nothing else. */
static volatile sig_atomic_t wake_fd = -1;

static void on_signal(int number)
{
	int saved = errno;
	ssize_t n = write((int)wake_fd, "", 1);

	(void)number, (void)n;
	errno = saved;
}

int process_wake_open(void)
{
	struct sigaction action = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN }, old;
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	wake_fd = ends[1];
	if (!listener_nonblocking(ends[0]) || !listener_nonblocking(ends[1]))
		return -1;
	/* A shell starts what shall outlive Ctrl-C with SIGINT ignored: leave it so. */
	if (sigaction(SIGINT, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(SIGINT, &action, NULL);
	if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0)
		return -1;
	return ends[0];
}

bool process_fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	}
	return true;
}

/* Where they do not suffice, accept() and socket() say so earlier. */
void process_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
