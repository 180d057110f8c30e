/* SPDX-License-Identifier: BSD-2-Clause */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool listener_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

#ifdef SO_ATTACH_FILTER
/* Linux: a classic BPF program of one instruction, "return 0 bytes". The two structs are those of
 * linux/filter.h, repeated because a libc need not come with the kernel's headers. */
struct filter_step {
	uint16_t code;
	uint8_t jump_true, jump_false;
	uint32_t k;
};

struct filter_program {
	unsigned short len;
	struct filter_step *steps;
};

static bool drop_all(int fd)
{
	struct filter_step nothing = { 0x06 /* BPF_RET | BPF_K */, 0, 0, 0 };
	struct filter_program program = { 1, &nothing };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}
#else
static bool drop_all(int fd)
{
	(void)fd;
	errno = ENOPROTOOPT;
	return false;
}
#endif

/* Needs no privilege, and drops what arrives with a TTL or hop limit under 255, that is from any sender
 * that does not mean to get through. */
static bool drop_low_ttl(int fd, int family)
{
	int ttl = 255;

	(void)fd, (void)ttl;
#ifdef IP_MINTTL
	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_MINTTL, &ttl, sizeof(ttl)) == 0;
#endif
#ifdef IPV6_MINHOPCOUNT
	if (family == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &ttl, sizeof(ttl)) == 0;
#endif
	errno = ENOPROTOOPT;
	return family == AF_UNSPEC;
}

/* Everything between socket() and LISTEN; false with errno set and the step that failed in *step. */
static bool prepare(int fd, const struct addrinfo *at, bool silent, const char **step)
{
	int on = 1;

	*step = "set up";
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 || !listener_nonblocking(fd))
		return false;
	if (at->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return false;
	*step = "be silent on";
	if (silent && !drop_all(fd) && !drop_low_ttl(fd, at->ai_family))
		return false;
	*step = "listen on";
	return bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 128) == 0;
}

int listener_open(const char *address, uint16_t port, bool silent, const char *option, char *why, size_t why_len)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *at = NULL;
	const char *step = "open a socket for";
	char text[8];
	int fd, error;

	snprintf(text, sizeof(text), "%u", (unsigned)port);
	error = getaddrinfo(address, text, &hints, &at);
	if (error) {
		snprintf(why, why_len, "Cannot listen on '%s': %s; give an IPv4 or IPv6 address in numbers.", address,
			 gai_strerror(error));
		errno = EINVAL;
		return -1;
	}
	fd = socket(at->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || !prepare(fd, at, silent, &step)) {
		char hint[96] = "";

		error = errno;
		if (error == EACCES)
			snprintf(hint, sizeof(hint), "; as an ordinary user, add %s 11000", option);
		else if (error == EADDRINUSE)
			snprintf(hint, sizeof(hint), "; another %s avoids what is in use", option);
		else if (error == EADDRNOTAVAIL)
			snprintf(hint, sizeof(hint), "; give an address of this machine");
		snprintf(why, why_len, "Cannot %s %s port %u: %s%s.", step, address, (unsigned)port, strerror(error),
			 hint);
		if (fd >= 0)
			close(fd);
		fd = -1;
		errno = error;
	}
	freeaddrinfo(at);
	return fd;
}
