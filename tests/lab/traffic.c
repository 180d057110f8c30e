/* SPDX-License-Identifier: BSD-2-Clause */
/* Many kinds of TCP traffic between two hosts of the lab, by the sockets of this machine's kernel:
 * `traffic CLIENT-NS SERVER-NS 4|6 FIRST-PORT [SCENE...]`. A namespace is a file such as /proc/PID/ns/net. One
 * process holds both ends, so that a scene says in one place who does what and when; the scenes run side by
 * side, a process and two ports each. What the network makes of it is not judged here: exit status 1 only if
 * a scene could not be played. Without more, prints the names of the scenes. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

enum { SCENE_S = 40, CHUNK = 16384, CLIENT_PORTS = 20000 };

static void bulk_up(void)
{
	int e[SIDES];

	scene_pair(e);
	scene_pump(e, 400000, 0);
	close(e[CLIENT]);
	scene_hear_end(e[SERVER]);
	close(e[SERVER]);
}

static void bulk_both(void)
{
	int e[SIDES];

	scene_pair(e);
	scene_pump(e, 200000, 300000);
	close(e[SERVER]);
	scene_hear_end(e[CLIENT]);
	close(e[CLIENT]);
}

static void short_ones(void)
{
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 12; i++) {
		scene_join(l, e, 0);
		scene_say(e[CLIENT], 100);
		scene_hear(e[SERVER], 100);
		scene_say(e[SERVER], 1000);
		scene_hear(e[CLIENT], 1000);
		close(e[i % 2]);
		scene_hear_end(e[!(i % 2)]);
		close(e[!(i % 2)]);
	}
}

static void silent_ones(void)
{
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 8; i++) {
		scene_join(l, e, 0);
		close(e[i % 2]);
		close(e[!(i % 2)]);
	}
}

static void half_close(void)
{
	int e[SIDES];

	scene_pair(e);
	scene_say(e[CLIENT], 500);
	shutdown(e[CLIENT], SHUT_WR);
	scene_hear_end(e[SERVER]);
	scene_pump(e, 0, 100000);
	close(e[SERVER]);
	scene_hear_end(e[CLIENT]);
	close(e[CLIENT]);
}

static void half_close_server(void)
{
	int e[SIDES];

	scene_pair(e);
	shutdown(e[SERVER], SHUT_WR);
	scene_hear_end(e[CLIENT]);
	for (int i = 0; i < 5; i++) {
		scene_say(e[CLIENT], 2000);
		scene_hear(e[SERVER], 2000);
		scene_rest_ms(60);
	}
	close(e[CLIENT]);
	scene_hear_end(e[SERVER]);
	close(e[SERVER]);
}

static void simultaneous_close(void)
{
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 6; i++) {
		scene_join(l, e, 0);
		if (i % 3) {
			scene_say(e[CLIENT], 1000);
			scene_hear(e[SERVER], 1000);
		}
		shutdown(e[i % 2], SHUT_WR);
		shutdown(e[!(i % 2)], SHUT_WR);
		scene_hear_end(e[CLIENT]);
		scene_hear_end(e[SERVER]);
		close(e[CLIENT]);
		close(e[SERVER]);
	}
}

static void simultaneous_close_with_data(void)
{
	int e[SIDES];

	scene_pair(e);
	scene_say(e[CLIENT], 30000);
	scene_say(e[SERVER], 20000);
	shutdown(e[CLIENT], SHUT_WR);
	shutdown(e[SERVER], SHUT_WR);
	scene_hear_end(e[CLIENT]);
	scene_hear_end(e[SERVER]);
	close(e[CLIENT]);
	close(e[SERVER]);
}

static void reset_at_once(void)
{
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 4; i++) {
		scene_join(l, e, 0);
		scene_say(e[CLIENT], 5000);
		if (i & 2)
			scene_hear(e[SERVER], 5000);
		scene_reset(e[i % 2]);
		scene_hear_reset(e[!(i % 2)]);
		close(e[!(i % 2)]);
	}
}

static void reset_after_fin(void)
{
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 4; i++) {
		scene_join(l, e, 0);
		shutdown(e[i % 2], SHUT_WR);
		if (i & 2)
			scene_hear_reset(e[!(i % 2)]);
		scene_reset(e[i % 2]);
		scene_hear_reset(e[!(i % 2)]);
		close(e[!(i % 2)]);
	}
}

static void unread_data(void)
{
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 4; i++) {
		scene_join(l, e, 0);
		scene_say(e[CLIENT], 20000);
		scene_ready(e[SERVER], POLLIN);
		close(e[SERVER]);
		scene_hear_reset(e[CLIENT]);
		close(e[CLIENT]);
	}
}

static void data_after_close(void)
{
	int e[SIDES];

	scene_pair(e);
	close(e[SERVER]);
	scene_hear_end(e[CLIENT]);
	for (int i = 0; i < 3; i++) {
		scene_say(e[CLIENT], 300);
		scene_rest_ms(50);
	}
	close(e[CLIENT]);
}

static void data_under_way_at_close(void)
{
	int e[SIDES];

	scene_pair(e);
	scene_say(e[CLIENT], 60000);
	scene_hear(e[SERVER], 10);
	close(e[SERVER]);
	scene_say(e[CLIENT], 60000);
	scene_hear_reset(e[CLIENT]);
	close(e[CLIENT]);
}

static void refused(void)
{
	for (int i = 0; i < 4; i++) {
		int fd = scene_socket(CLIENT, 0);

		scene_connect(fd, SERVER, scene.port + 1);
		scene_ready(fd, POLLOUT);
		close(fd);
	}
}

static void abandoned(void)
{
	int l = scene_listen(0);

	for (int i = 0; i < 4; i++) {
		int fd = scene_socket(CLIENT, 0);

		scene_connect(fd, SERVER, scene.port);
		close(fd);
		scene_rest_ms(30);
	}
	close(l); /* with what is in its backlog: reset */
}

static void never_accepted(void)
{
	int l = scene_listen(0), fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = scene_socket(CLIENT, 0);
		scene_connect(fds[i], SERVER, scene.port);
		scene_ready(fds[i], POLLOUT);
		scene_say(fds[i], 700);
	}
	close(fds[0]);
	scene_rest_ms(100);
	close(l);
	for (int i = 1; i < 3; i++) {
		scene_hear_reset(fds[i]);
		close(fds[i]);
	}
}

static void keep_alive(void)
{
	int e[SIDES];

	scene_pair(e);
	scene_say(e[CLIENT], 50);
	scene_hear(e[SERVER], 50);
	for (int i = 0; i < SIDES; i++) {
		scene_set(e[i], IPPROTO_TCP, TCP_KEEPIDLE, 1);
		scene_set(e[i], IPPROTO_TCP, TCP_KEEPINTVL, 1);
		scene_set(e[i], SOL_SOCKET, SO_KEEPALIVE, 1);
	}
	scene_rest_ms(2600);
	close(e[CLIENT]);
	scene_hear_end(e[SERVER]);
	close(e[SERVER]);
}

static void zero_window(void)
{
	int l = scene_listen(4096), e[SIDES];
	static const char text[CHUNK];
	size_t sent = 0;
	ssize_t n;

	scene_join(l, e, 0);
	scene_set(e[CLIENT], SOL_SOCKET, SO_SNDBUF, 20000);
	for (int i = 0; i < 20; i++) {
		while ((n = send(e[CLIENT], text, sizeof(text), MSG_NOSIGNAL)) > 0)
			sent += (size_t)n;
		scene_rest_ms(75);
	}
	scene_hear(e[SERVER], sent);
	close(e[CLIENT]);
	scene_hear_end(e[SERVER]);
	close(e[SERVER]);
}

static void slow_reader(void)
{
	int l = scene_listen(8192), e[SIDES];
	char text[700];

	scene_join(l, e, 0);
	scene_set(e[CLIENT], SOL_SOCKET, SO_SNDBUF, 60000);
	for (int i = 0; i < 60; i++) {
		static const char chunk[2000];

		if (send(e[CLIENT], chunk, sizeof(chunk), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			scene_failed("send");
		if (recv(e[SERVER], text, sizeof(text), 0) < 0 && errno != EAGAIN)
			scene_failed("recv");
		scene_rest_ms(10);
	}
	close(e[CLIENT]);
	scene_hear_end(e[SERVER]);
	close(e[SERVER]);
}

static void tiny_writes(void)
{
	int e[SIDES];

	scene_pair(e);
	scene_set(e[CLIENT], IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 0; i < 80; i++)
		scene_say(e[CLIENT], 1);
	scene_hear(e[SERVER], 80);
	for (int i = 0; i < 20; i++) {
		scene_say(e[i % 2], 3);
		scene_hear(e[!(i % 2)], 3);
	}
	close(e[CLIENT]);
	scene_hear_end(e[SERVER]);
	close(e[SERVER]);
}

static void urgent(void)
{
	int e[SIDES];

	scene_pair(e);
	scene_say(e[CLIENT], 200);
	send(e[CLIENT], "!", 1, MSG_OOB | MSG_NOSIGNAL);
	scene_say(e[CLIENT], 200);
	scene_hear(e[SERVER], 400);
	close(e[CLIENT]);
	scene_hear_end(e[SERVER]);
	close(e[SERVER]);
}

/* The same ports again and again while the side that closed first is in TIME-WAIT. */
static void reuse(int closer, long pause_ms)
{
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 3; i++) {
		scene_join(l, e, (uint16_t)(scene.port + CLIENT_PORTS));
		scene_say(e[CLIENT], 1000);
		scene_hear(e[SERVER], 1000);
		close(e[closer]);
		scene_hear_end(e[!closer]);
		close(e[!closer]);
		scene_rest_ms(pause_ms);
	}
}

static void reuse_server_waits(void)
{
	reuse(SERVER, 300);
}

static void reuse_client_waits(void)
{
	/* Linux lets the port of a connection in TIME-WAIT be used again after a second. */
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 3; i++) {
		union scene_address to;
		socklen_t len = scene_address(&to, SERVER, scene.port);
		int turns = 0;

		e[CLIENT] = scene_socket(CLIENT, (uint16_t)(scene.port + CLIENT_PORTS));
		while (connect(e[CLIENT], &to.any, len) && errno != EINPROGRESS && turns++ < 100)
			scene_rest_ms(30);
		if (turns > 100)
			return; /* without timestamps it waits for the whole minute */
		if (!scene_ready(l, POLLIN))
			scene_failed("nobody connects");
		e[SERVER] = accept4(l, NULL, NULL, SOCK_NONBLOCK);
		scene_say(e[CLIENT], 300);
		scene_hear(e[SERVER], 300);
		close(e[CLIENT]);
		scene_hear_end(e[SERVER]);
		close(e[SERVER]);
	}
}

static void reuse_after_reset(void)
{
	int l = scene_listen(0), e[SIDES];

	for (int i = 0; i < 4; i++) {
		scene_join(l, e, (uint16_t)(scene.port + CLIENT_PORTS));
		scene_say(e[CLIENT], 1000);
		scene_reset(e[CLIENT]);
		scene_hear_reset(e[SERVER]);
		close(e[SERVER]);
	}
}

/* Both connect; where the first SYN is there before the second connect(), it is refused: try again. */
static void simultaneous_open(void)
{
	for (int i = 0; i < 4; i++) {
		uint16_t port = (uint16_t)(scene.port + CLIENT_PORTS);
		int c = scene_socket(CLIENT, port), s = scene_socket(SERVER, scene.port);

		scene_connect(c, SERVER, scene.port);
		scene_connect(s, CLIENT, port);
		if (scene_ready(c, POLLOUT)) {
			scene_say(c, 100);
			scene_say(s, 100);
		}
		scene_rest_ms(200);
		close(c);
		close(s);
	}
}

static void fast_open(void)
{
	int l = scene_listen(0);

	setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN, &(int){ 5 }, sizeof(int));
	for (int i = 0; i < 3; i++) {
		union scene_address to;
		socklen_t len = scene_address(&to, SERVER, scene.port);
		int c = scene_socket(CLIENT, 0), s;

		if (sendto(c, "0123456789", 10, MSG_FASTOPEN | MSG_NOSIGNAL, &to.any, len) < 0 &&
		    errno != EINPROGRESS)
			scene_failed("sendto");
		if (!scene_ready(l, POLLIN))
			scene_failed("nobody connects");
		s = accept4(l, NULL, NULL, SOCK_NONBLOCK);
		if (scene_ready(c, POLLOUT))
			scene_say(c, 100);
		scene_hear_reset(s); /* the accepted one may be of a late copy of the SYN */
		scene_say(s, 3000);
		close(s);
		scene_hear_end(c);
		close(c);
	}
}

static const struct entry {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{ "bulk-up", bulk_up },
	{ "bulk-both", bulk_both },
	{ "short", short_ones },
	{ "silent", silent_ones },
	{ "half-close", half_close },
	{ "half-close-server", half_close_server },
	{ "simultaneous-close", simultaneous_close },
	{ "simultaneous-close-with-data", simultaneous_close_with_data },
	{ "reset", reset_at_once },
	{ "reset-after-fin", reset_after_fin },
	{ "unread-data", unread_data },
	{ "data-after-close", data_after_close },
	{ "data-under-way-at-close", data_under_way_at_close },
	{ "refused", refused },
	{ "abandoned", abandoned },
	{ "never-accepted", never_accepted },
	{ "keep-alive", keep_alive },
	{ "zero-window", zero_window },
	{ "slow-reader", slow_reader },
	{ "tiny-writes", tiny_writes },
	{ "urgent", urgent },
	{ "reuse-server-waits", reuse_server_waits },
	{ "reuse-client-waits", reuse_client_waits },
	{ "reuse-after-reset", reuse_after_reset },
	{ "simultaneous-open", simultaneous_open },
	{ "fast-open", fast_open },
};

enum { SCENES = sizeof(scenes) / sizeof(*scenes) };

static bool wanted(const char *name, char **list)
{
	if (!*list)
		return true;
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	int status, result = 0;

	if (argc < 5) {
		for (int i = 0; i < SCENES; i++)
			puts(scenes[i].name);
		return argc == 1 ? 0 : 2;
	}
	for (int i = 0; i < SIDES; i++)
		if ((scene.ns[i] = open(argv[1 + i], O_RDONLY | O_CLOEXEC)) < 0)
			scene_failed(argv[1 + i]);
	scene.family = atoi(argv[3]);
	for (int i = 0; i < SCENES; i++) {
		if (!wanted(scenes[i].name, argv + 5) || fork())
			continue;
		alarm(SCENE_S);
		scene.name = scenes[i].name;
		scene.port = (uint16_t)(atoi(argv[4]) + 2 * i);
		scenes[i].play();
		exit(0);
	}
	while (wait(&status) > 0)
		if (status)
			result = 1;
	return result;
}
