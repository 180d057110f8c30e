/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent_unix.h"

#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Whether nobody listens any more on what is at the address. */
static bool left_behind(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = listener_nonblocking(fd) && connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

/* Makes the path free; false with a sentence in `why`. */
static bool make_room(const struct sockaddr_un *at, char *why, size_t why_len)
{
	struct stat about;

	if (lstat(at->sun_path, &about) < 0) {
		if (errno == ENOENT)
			return true;
		snprintf(why, why_len, "Cannot make the socket %s: %s.", at->sun_path, strerror(errno));
		return false;
	}
	if (!S_ISSOCK(about.st_mode)) {
		snprintf(why, why_len, "There is something at %s that is not a socket; choose another path.",
			 at->sun_path);
		return false;
	}
	if (!left_behind(at)) {
		snprintf(why, why_len, "Another process serves the socket %s; choose another path.",
			 at->sun_path);
		return false;
	}
	if (unlink(at->sun_path) < 0) {
		snprintf(why, why_len, "Cannot replace the socket %s: %s.", at->sun_path, strerror(errno));
		return false;
	}
	return true;
}

bool agent_unix_open(struct agent_unix *made, const char *path, char *why, size_t why_len)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat about;
	mode_t mask;
	bool bound;

	if (!*path || strlen(path) >= sizeof(at.sun_path)) {
		snprintf(why, why_len,
			 "The path of a unix socket has 1 to %zu bytes; choose another than '%.40s'.",
			 sizeof(at.sun_path) - 1, path);
		return false;
	}
	memcpy(at.sun_path, path, strlen(path));
	if (!make_room(&at, why, why_len))
		return false;
	made->path = path;
	made->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	mask = umask(0177);
	bound = made->fd >= 0 && listener_nonblocking(made->fd) &&
		bind(made->fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
	umask(mask);
	if (bound && lstat(path, &about) == 0 && listen(made->fd, 16) == 0) {
		made->device = about.st_dev;
		made->inode = about.st_ino;
		return true;
	}
	snprintf(why, why_len, "Cannot make the socket %s: %s.", path, strerror(errno));
	if (bound)
		unlink(path);
	if (made->fd >= 0)
		close(made->fd);
	return false;
}

void agent_unix_close(const struct agent_unix *made)
{
	struct stat about;

	close(made->fd);
	if (lstat(made->path, &about) == 0 && about.st_dev == made->device && about.st_ino == made->inode)
		unlink(made->path);
}
