/* SPDX-License-Identifier: BSD-2-Clause */
#include "scene.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

enum { WAIT_MS = 15000, CHUNK = 16384 };

struct scene scene = { .name = "all" };

void scene_failed(const char *what)
{
	fprintf(stderr, "traffic: %s, IPv%d: %s: %s\n", scene.name, scene.family, what, strerror(errno));
	exit(1);
}

socklen_t scene_address(union scene_address *a, int side, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (scene.family == 6) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		inet_pton(AF_INET6, side == SERVER ? "2001:db8:793::2" : "2001:db8:793::1", &a->v6.sin6_addr);
		return sizeof(a->v6);
	}
	a->v4.sin_family = AF_INET;
	a->v4.sin_port = htons(port);
	inet_pton(AF_INET, side == SERVER ? "198.18.0.2" : "198.18.0.1", &a->v4.sin_addr);
	return sizeof(a->v4);
}

void scene_set(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		scene_failed("setsockopt");
}

void scene_rest_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

int scene_socket(int side, uint16_t port)
{
	union scene_address a;
	socklen_t len = scene_address(&a, side, port);
	int fd;

	if (setns(scene.ns[side], CLONE_NEWNET))
		scene_failed("setns");
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		scene_failed("socket");
	scene_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (port && bind(fd, &a.any, len))
		scene_failed("bind");
	return fd;
}

int scene_listen(int room)
{
	int fd = scene_socket(SERVER, scene.port);

	if (room)
		scene_set(fd, SOL_SOCKET, SO_RCVBUF, room);
	if (listen(fd, 16))
		scene_failed("listen");
	return fd;
}

bool scene_ready(int fd, short events)
{
	struct pollfd p = { fd, events, 0 };

	return poll(&p, 1, WAIT_MS) > 0;
}

void scene_connect(int fd, int to, uint16_t port)
{
	union scene_address a;
	socklen_t len = scene_address(&a, to, port);

	for (int i = 0; connect(fd, &a.any, len) && errno != EINPROGRESS && errno != ECONNREFUSED; i++) {
		/* The last connection with these ports may not be over. */
		if (errno != EADDRNOTAVAIL || i == 300)
			scene_failed("connect");
		scene_rest_ms(50);
	}
}

void scene_join(int listening, int ends[SIDES], uint16_t from)
{
	ends[CLIENT] = scene_socket(CLIENT, from);
	scene_connect(ends[CLIENT], SERVER, scene.port);
	if (!scene_ready(listening, POLLIN))
		scene_failed("nobody connects");
	ends[SERVER] = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
	if (ends[SERVER] < 0 || !scene_ready(ends[CLIENT], POLLOUT))
		scene_failed("accept");
}

void scene_pair(int ends[SIDES])
{
	int l = scene_listen(0);

	scene_join(l, ends, 0);
	close(l);
}

void scene_say(int fd, size_t len)
{
	static const char text[CHUNK];

	while (len) {
		ssize_t n = send(fd, text, len < CHUNK ? len : CHUNK, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return; /* the other side has reset: what scenes are for */
		if (n < 0 && !scene_ready(fd, POLLOUT))
			scene_failed("nobody reads");
		len -= n > 0 ? (size_t)n : 0;
	}
}

void scene_hear(int fd, size_t len)
{
	char text[CHUNK];

	while (len) {
		ssize_t n;

		if (!scene_ready(fd, POLLIN))
			scene_failed("nothing comes");
		n = recv(fd, text, len < CHUNK ? len : CHUNK, 0);
		if (n <= 0 && errno != EAGAIN)
			return;
		len -= n > 0 ? (size_t)n : 0;
	}
}

void scene_hear_end(int fd)
{
	errno = 0;
	scene_hear(fd, SIZE_MAX);
}

void scene_hear_reset(int fd)
{
	char text[CHUNK];
	struct pollfd p = { fd, POLLIN, 0 };

	while (poll(&p, 1, 500) > 0 && recv(fd, text, sizeof(text), 0) > 0)
		;
}

void scene_pump(const int ends[SIDES], size_t client, size_t server)
{
	size_t out[SIDES] = { client, server }, in[SIDES] = { server, client };
	static char text[CHUNK];

	while (in[CLIENT] || in[SERVER]) {
		struct pollfd p[SIDES];

		for (int i = 0; i < SIDES; i++) {
			p[i] = (struct pollfd){ .fd = ends[i] };
			p[i].events = (short)((in[i] ? POLLIN : 0) | (out[i] ? POLLOUT : 0));
		}
		if (poll(p, SIDES, WAIT_MS) <= 0)
			scene_failed("the transfer hangs");
		for (int i = 0; i < SIDES; i++) {
			ssize_t n = 0;

			if ((p[i].revents & POLLIN) && in[i])
				n = recv(ends[i], text, sizeof(text), 0);
			if (n < 0)
				scene_failed("recv");
			in[i] -= (size_t)n;
			n = 0;
			if ((p[i].revents & POLLOUT) && out[i])
				n = send(ends[i], text, out[i] < CHUNK ? out[i] : CHUNK, MSG_NOSIGNAL);
			out[i] -= n > 0 ? (size_t)n : 0;
		}
	}
}

void scene_reset(int fd)
{
	struct linger at_once = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}
