/* SPDX-License-Identifier: BSD-2-Clause */
/* What scenes between two hosts of the lab are made of: sockets of this machine's kernel in either network,
 * nonblocking, with a time limit wherever something is waited for. What goes wrong ends the process. */
#ifndef FINWAIT_TESTS_SCENE_H
#define FINWAIT_TESTS_SCENE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { CLIENT, SERVER, SIDES };

/* Of the scene that this process plays. */
extern struct scene {
	int ns[SIDES]; /* the networks, as setns() wants them */
	int family;
	uint16_t port; /* of the server; the one above is closed */
	const char *name;
} scene;

union scene_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Says what failed, with errno, and exits. */
__attribute__((noreturn)) void scene_failed(const char *what);

socklen_t scene_address(union scene_address *a, int side, uint16_t port);
void scene_set(int fd, int level, int name, int value); /* setsockopt() */
void scene_rest_ms(long ms);

/* A nonblocking socket in the network of a side, bound to a port if that is not 0. */
int scene_socket(int side, uint16_t port);
/* The server's listener, with so much room for what is received if that is not 0. */
int scene_listen(int room);
/* Waits for events of poll(); false if none came in time. */
bool scene_ready(int fd, short events);
/* Begins to connect to a port of a side. */
void scene_connect(int fd, int to, uint16_t port);
/* Both ends of a connection, from a port of the client's if that is not 0. */
void scene_join(int listening, int ends[SIDES], uint16_t from);
/* The same with a listener of its own, which is gone then. */
void scene_pair(int ends[SIDES]);

/* Sends so many bytes, or until the other side has reset. */
void scene_say(int fd, size_t len);
/* Reads so many, or until the end of the other side; until that alone; or until its reset, which the network
 * may have lost. */
void scene_hear(int fd, size_t len);
void scene_hear_end(int fd);
void scene_hear_reset(int fd);
/* Of each end so much to the other, at the same time. */
void scene_pump(const int ends[SIDES], size_t client, size_t server);
/* Aborts: SO_LINGER 0. */
void scene_reset(int fd);

#endif
