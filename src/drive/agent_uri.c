/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/agent_uri.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drive/agent_wait.h"

enum {
	TOKEN_LEAST = 16,
	SLICE_MS = 100, /* a signal between a look at *stop and poll() is seen that much later */
	SHOWN = 100,    /* characters of the user's text repeated in an error */
};

static const char form[] = "write tcp:HOST:PORT, unix:PATH or exec:COMMAND";

/* ---- URIs -------------------------------------------------------------------------------------- */

/* What is wrong with what stands behind the kind: a sentence part, or NULL. */
static const char *check_part(enum agent_uri_kind kind, const char *text)
{
	static const char *const missing[] = {
		[AGENT_TCP] = "names no host: write tcp:HOST:PORT",
		[AGENT_UNIX] = "names no path: write unix:PATH",
		[AGENT_EXEC] = "names no command: write exec:COMMAND",
	};
	const char *colon = strrchr(text, ':');

	if (!text[strspn(text, " \t\n")])
		return missing[kind];
	if (kind == AGENT_TCP && (!colon || !colon[1] || (*text == '[' && colon[-1] != ']')))
		return "names no port: write tcp:HOST:PORT (finwait-agent's own is 7930)";
	if (kind == AGENT_TCP && colon == text)
		return missing[kind];
	if (kind == AGENT_TCP && *text != '[' && strchr(text, ':') != colon)
		return "has more than one colon: write an IPv6 address in brackets, tcp:[2001:db8::1]:7930";
	if (kind == AGENT_UNIX && strlen(text) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return "has a path that is too long for a unix socket";
	return NULL;
}

int agent_uri_parse(struct agent_uri *uri, const char *text, char *why, size_t why_len)
{
	static const char *const kinds[] = {
		[AGENT_TCP] = "tcp:", [AGENT_UNIX] = "unix:", [AGENT_EXEC] = "exec:"
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t len = strlen(kinds[i]);
		const char *wrong;

		if (strncmp(text, kinds[i], len))
			continue;
		*uri = (struct agent_uri){ .kind = (enum agent_uri_kind)i, .text = text + len };
		wrong = check_part(uri->kind, uri->text);
		if (!wrong)
			return 0;
		snprintf(why, why_len, "The agent '%.*s' %s.", SHOWN, text, wrong);
		return -1;
	}
	snprintf(why, why_len, "'%.*s' is no way to an agent: %s.", SHOWN, text, form);
	return -1;
}

/* ---- tokens ------------------------------------------------------------------------------------ */

static int read_file(int fd, char *room, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, room + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (int)len;
}

/* What is wrong with a token: a sentence part, or NULL. */
static const char *check_token(const char *token, size_t len)
{
	if (len < TOKEN_LEAST)
		return "is shorter than 16 characters";
	if (len >= AGENT_TOKEN)
		return "is longer than 256 characters";
	for (size_t i = 0; i < len; i++)
		if (token[i] <= ' ' || token[i] > '~')
			return "has a space in it, or something that is not printable ASCII";
	return NULL;
}

int agent_token_read(char token[AGENT_TOKEN], const char *path, char *why, size_t why_len)
{
	/* Without blocking, lest a FIFO keeps us waiting. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), len = -1;
	char room[AGENT_TOKEN + 2];
	const char *end, *wrong;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) ||
	    (S_ISREG(status.st_mode) && (len = read_file(fd, room, sizeof room)) < 0)) {
		snprintf(why, why_len, "The token file %.*s cannot be read: %s.", SHOWN, path,
			 strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	if (!S_ISREG(status.st_mode)) {
		snprintf(why, why_len, "The token file %.*s is not a regular file.", SHOWN, path);
		return -1;
	}
	if (status.st_mode & 077) {
		snprintf(why, why_len, "The token file %.*s is open to others than its owner: chmod 600 it.",
			 SHOWN, path);
		return -1;
	}
	end = memchr(room, '\n', (size_t)len);
	len = end ? (int)(end - room) : len;
	if (len && room[len - 1] == '\r')
		len--;
	wrong = check_token(room, (size_t)len);
	if (wrong) {
		snprintf(why, why_len, "The token in the first line of %.*s %s.", SHOWN, path, wrong);
		return -1;
	}
	memcpy(token, room, (size_t)len);
	token[len] = '\0';
	return 0;
}

/* ---- connections ------------------------------------------------------------------------------- */

static socklen_t socket_address(const struct endpoint *e, struct sockaddr_storage *storage)
{
	struct sockaddr_in *in = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;

	memset(storage, 0, sizeof *storage);
	if (e->addr.family == 6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(e->port);
		in6->sin6_scope_id = e->addr.scope;
		memcpy(&in6->sin6_addr, e->addr.bytes, 16);
		return sizeof *in6;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(e->port);
	memcpy(&in->sin_addr, e->addr.bytes, 4);
	return sizeof *in;
}

/* Waits for the end of a connect() that goes on: 0, or an errno; EINTR if *stop is set. */
static int await_connect(int fd, int64_t patience_us, const volatile sig_atomic_t *stop)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int64_t until_us = agent_wait_now() + patience_us;
	int error = 0, ready = 0;
	socklen_t len = sizeof error;

	while (!ready) {
		if (stop && *stop)
			return EINTR;
		if (agent_wait_now() >= until_us)
			return ETIMEDOUT;
		ready = poll(&wait, 1, SLICE_MS);
		if (ready < 0 && errno != EINTR)
			return errno;
		ready = ready > 0;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? errno : error;
}

int agent_connect_tcp(const struct endpoint *to, int64_t patience_us, const volatile sig_atomic_t *stop,
		      char *why, size_t why_len)
{
	struct sockaddr_storage address;
	socklen_t len = socket_address(to, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error, one = 1;
	char text[ENDPOINT_TEXT];

	error = fd < 0 || connect(fd, (struct sockaddr *)&address, len) ? errno : 0;
	if (fd >= 0 && error == EINPROGRESS)
		error = await_connect(fd, patience_us, stop);
	if (!error) {
		/* Requests are small and each is waited for. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	if (error == EINTR)
		snprintf(why, why_len, "%s", "");
	else
		snprintf(why, why_len,
			 "The agent at %s cannot be connected to: %s. Does finwait-agent run there?",
			 endpoint_text(to, text), strerror(error));
	return -1;
}

int agent_connect_unix(const char *path, char *why, size_t why_len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	/* connect() itself may block only while the agent's queue is full, and then an error serves better.
	 */
	if (strlen(path) >= sizeof address.sun_path)
		error = ENAMETOOLONG;
	else
		memcpy(address.sun_path, path, strlen(path) + 1);
	if (!error && (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) ||
		       connect(fd, (struct sockaddr *)&address, sizeof address)))
		error = errno;
	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	snprintf(why, why_len, "The agent at %.*s cannot be connected to: %s. Does finwait-agent run there?",
		 SHOWN, path, strerror(error));
	return -1;
}
