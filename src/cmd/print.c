/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/print.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1024 };

void complain(const char *format, ...)
{
	char line[LINE_MAX_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);

	/* Words of the user are quoted in errors, and may come from a script that got them elsewhere. */
	fputs("finwait: ", stderr);
	for (const char *p = line; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c >= 0x7f)
			fprintf(stderr, "\\x%02x", c);
		else
			fputc(c, stderr);
	}
	fputc('\n', stderr);
}

static bool has_reader(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 0) < 0 || !(out.revents & POLLERR);
}

bool print_finish(void)
{
	bool lost = ferror(stdout);

	errno = 0;
	if (!fflush(stdout) && !lost)
		return true;
	/* After an earlier error the reason may be gone: stdio keeps only the fact. */
	if (errno && errno != EPIPE)
		complain("standard output cannot be written: %s", strerror(errno));
	else if (!errno && has_reader())
		complain("standard output cannot be written: part of it was lost");
	return false;
}
