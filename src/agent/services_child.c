/* SPDX-License-Identifier: BSD-2-Clause */
#include "services_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: what it says, the announcement or what went wrong, goes to the parent. */
static void serve(const struct services_config *config, int until, int said)
{
	struct services_config mine = *config;
	FILE *out = fdopen(said, "w");
	char why[256];

	mine.until = &until;
	if (!out)
		_exit(EXIT_FAILURE);
	if (services_run(&mine, out, why, sizeof(why)) == 0)
		_exit(EXIT_SUCCESS);
	fprintf(out, "%s\n", why);
	fflush(out);
	_exit(EXIT_FAILURE);
}

/* Reads one line, without its end; false when there was none. */
static bool hear(int said, char *line, size_t room)
{
	size_t len = 0;
	ssize_t n;

	while (len + 1 < room) {
		n = read(said, line + len, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || line[len] == '\n')
			break;
		len++;
	}
	line[len] = '\0';
	return len > 0;
}

bool services_child_start(struct services_child *child, const struct services_config *config, FILE *announce,
			  char *why, size_t why_len)
{
	static const char announcement[] = "finwait-agent: ";
	int said[2], until[2];
	char line[1024];
	bool heard;

	if (pipe(said) < 0 || pipe(until) < 0) {
		snprintf(why, why_len, "Cannot start the services: %s.", strerror(errno));
		return false;
	}
	child->pid = fork();
	if (child->pid == 0) {
		close(said[0]);
		close(until[1]);
		serve(config, until[0], said[1]);
	}
	close(said[1]);
	close(until[0]);
	child->until = until[1];
	fcntl(child->until, F_SETFD, FD_CLOEXEC);
	heard = child->pid > 0 && hear(said[0], line, sizeof(line));
	close(said[0]);
	if (heard && strncmp(line, announcement, sizeof(announcement) - 1) == 0) {
		fprintf(announce, "%s\n", line);
		fflush(announce);
		return true;
	}
	snprintf(why, why_len, "%s", heard ? line : "Cannot start the services in a process of their own.");
	if (child->pid > 0)
		services_child_end(child);
	else
		close(child->until);
	return false;
}

void services_child_end(const struct services_child *child)
{
	close(child->until);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}
