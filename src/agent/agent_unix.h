/* SPDX-License-Identifier: BSD-2-Clause */
/* A unix socket to listen on: a path comes in, a nonblocking listening socket of its owner's goes out. */
#ifndef FINWAIT_AGENT_UNIX_H
#define FINWAIT_AGENT_UNIX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct agent_unix {
	int fd;
	const char *path;
	/* Which file the path was when it was made. */
	dev_t device;
	ino_t inode;
};

/* A socket that was left behind at `path` is replaced, anything else refused. False with a sentence in
 * `why`. */
bool agent_unix_open(struct agent_unix *socket, const char *path, char *why, size_t why_len);

/* Closes it, and removes the path if it still is that socket. */
void agent_unix_close(const struct agent_unix *socket);

#endif
