/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent_token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first line of the file; false with a sentence in `why`. */
static bool read_line(int fd, const char *path, char token[AGENT_TOKEN_MAX + 1], char *why, size_t why_len)
{
	char text[AGENT_TOKEN_MAX + 2]; /* CR and LF behind the longest */
	ssize_t n = read(fd, text, sizeof(text));
	const char *end;
	size_t len;

	if (n < 0) {
		snprintf(why, why_len, "Cannot read the token file %s: %s.", path, strerror(errno));
		return false;
	}
	end = memchr(text, '\n', (size_t)n);
	len = end ? (size_t)(end - text) : (size_t)n;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			len = 0;
	}
	if (len < AGENT_TOKEN_MIN || len > AGENT_TOKEN_MAX) {
		snprintf(why, why_len,
			 "The first line of the token file %s must be %d to %d printable characters "
			 "without a space.",
			 path, AGENT_TOKEN_MIN, AGENT_TOKEN_MAX);
		return false;
	}
	memset(token, 0, AGENT_TOKEN_MAX + 1);
	memcpy(token, text, len);
	return true;
}

bool agent_token_read(const char *path, char token[AGENT_TOKEN_MAX + 1], char *why, size_t why_len)
{
	/* Not waiting for the writer of a FIFO, which is refused below. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat about;
	bool read = false;

	if (fd < 0 || fstat(fd, &about) < 0)
		snprintf(why, why_len, "Cannot open the token file %s: %s.", path, strerror(errno));
	else if (!S_ISREG(about.st_mode))
		snprintf(why, why_len, "The token file %s is not an ordinary file.", path);
	else if (about.st_mode & 077)
		snprintf(why, why_len,
			 "Others may read the token file %s; chmod 600 it, and better choose a new token.",
			 path);
	else
		read = read_line(fd, path, token, why, why_len);
	if (fd >= 0)
		close(fd);
	return read;
}
