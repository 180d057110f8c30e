/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/guard.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/clock.h"
#include "wire/guard_nft.h"

enum {
	GUARD_NOTE = 256,
	WHY_CLAUSE = 160,  /* what one method says */
	PICKS = 512,       /* candidates tried before giving up on a free port */
	CANARIES = 3,      /* refused connections that a guarded one must outlast */
	TEST_MS = 1000,    /* a self-test that takes longer cannot tell */
	OTHER_FILES = 128, /* descriptors that the rest of the process may need */
};

struct guards {
	enum guard_method method;
	struct nft_guard *nft;
	struct address *tested; /* addresses the method has been self-tested with */
	size_t n_tested;
	int *sockets;
	size_t n_sockets;
	char note[GUARD_NOTE];
};

/* One way to keep the kernel quiet. `prepare` gets ready what all guards share and may be
 * called again; `apply` makes the bound socket `fd` a guard. Both return 0, or -1 with a clause in `why`. */
struct method {
	const char *name;
	const char *needs; /* said when it does not work */
	int (*prepare)(struct guards *g, char *why, size_t why_len);
	int (*apply)(struct guards *g, int fd, const struct endpoint *source, char *why, size_t why_len);
};

static int said(const char *what, char *why, size_t why_len)
{
	snprintf(why, why_len, "%s: %s", what, strerror(errno));
	return -1;
}

/* The backlog is as small as it can be, and never used: no segment reaches the socket. */
static int listen_quietly(int fd, char *why, size_t why_len)
{
	return listen(fd, 1) ? said("listen", why, why_len) : 0;
}

/* A filter set before listen() sees every segment first; "return 0" drops it without an answer. */
static int filter_apply(struct guards *g, int fd, const struct endpoint *source, char *why, size_t why_len)
{
	struct sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	struct sock_fprog program = {.len = 1, .filter = drop_all};

	(void)g;
	(void)source;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		return said("SO_ATTACH_FILTER", why, why_len);
	return listen_quietly(fd, why, why_len);
}

/* RFC 5082: the kernel drops, before it looks at the segment, what arrives with a smaller TTL. */
static int min_ttl_apply(struct guards *g, int fd, const struct endpoint *source, char *why, size_t why_len)
{
	int ttl = 255, bad;

	(void)g;
	if (source->addr.family == 4)
		bad = setsockopt(fd, IPPROTO_IP, IP_MINTTL, &ttl, sizeof(ttl));
	else
		bad = setsockopt(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, &ttl, sizeof(ttl));
	if (bad)
		return said(source->addr.family == 4 ? "IP_MINTTL" : "IPV6_MINHOPCOUNT", why, why_len);
	return listen_quietly(fd, why, why_len);
}

static int nftables_prepare(struct guards *g, char *why, size_t why_len)
{
	if (!g->nft)
		g->nft = nft_guard_open(why, why_len);
	return g->nft ? 0 : -1;
}

/* The bound socket only reserves the port: the rule drops what arrives before TCP sees it. */
static int nftables_apply(struct guards *g, int fd, const struct endpoint *source, char *why, size_t why_len)
{
	(void)fd;
	return nft_guard_add(g->nft, source, why, why_len);
}

static const struct method methods[GUARD_METHODS] = {
	[GUARD_AUTO] = {.name = "auto"},
	[GUARD_FILTER] = {"filter", "CAP_NET_ADMIN on newer kernels", NULL, filter_apply},
	[GUARD_MIN_TTL] = {"min-ttl", "Linux 2.6.34 for IPv4, 2.6.35 for IPv6", NULL, min_ttl_apply},
	[GUARD_NFTABLES] = {"nftables", "CAP_NET_ADMIN, Linux 5.12 and libnftables", nftables_prepare,
			    nftables_apply},
	[GUARD_SPARE] = {.name = "spare"},
};

const char *guard_method_name(enum guard_method m)
{
	return methods[m].name;
}

enum guard_method guard_method_by_name(const char *name)
{
	enum guard_method m = GUARD_AUTO;

	while (m < GUARD_METHODS && strcmp(methods[m].name, name))
		m++;
	return m;
}

/* A socket address of family `a`; returns its length. */
static socklen_t to_sockaddr(const struct endpoint *e, struct sockaddr_storage *s)
{
	memset(s, 0, sizeof(*s));
	if (e->addr.family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)s;

		in->sin_family = AF_INET;
		in->sin_port = htons(e->port);
		memcpy(&in->sin_addr, e->addr.bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)s;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(e->port);
	in6->sin6_scope_id = e->addr.scope;
	memcpy(&in6->sin6_addr, e->addr.bytes, 16);
	return sizeof(*in6);
}

static int tcp_socket(const struct address *a)
{
	return socket(a->family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      IPPROTO_TCP);
}

static int bind_to(int fd, const struct endpoint *e)
{
	struct sockaddr_storage s;
	socklen_t len = to_sockaddr(e, &s);

	return bind(fd, (struct sockaddr *)&s, len);
}

/* Binds `fd` to *source, asking pick() if the port is open. SO_REUSEADDR stays off: a port that anybody
 * uses, be it in TIME-WAIT, is refused. */
static int bind_source(int fd, struct endpoint *source, uint16_t (*pick)(void *arg), void *arg, char *why,
		       size_t why_len)
{
	char text[ENDPOINT_TEXT];
	struct endpoint try = *source;
	int tries = source->port ? 1 : PICKS;

	while (tries--) {
		if (!source->port)
			try.port = pick(arg);
		if (try.port && !bind_to(fd, &try)) {
			*source = try;
			return 0;
		}
		if (try.port && errno != EADDRINUSE && errno != EACCES)
			break;
	}
	if (errno == EADDRNOTAVAIL)
		snprintf(why, why_len,
			 "%s is not an address of this host, or is still being checked for duplicates: "
			 "choose another with --source.",
			 address_text(&source->addr, text));
	else if (!source->port)
		snprintf(why, why_len, "found no free source port on %s in %d tries (%s).",
			 address_text(&source->addr, text), (int)PICKS, strerror(errno));
	else if (errno == EADDRINUSE)
		snprintf(why, why_len,
			 "source %s is in use on this host: choose another port, or none, with --source.",
			 endpoint_text(source, text));
	else if (errno == EACCES)
		snprintf(why, why_len,
			 "source port %u is reserved for privileged programs "
			 "(net.ipv4.ip_unprivileged_port_start): "
			 "choose one above 1023.",
			 (unsigned)source->port);
	else
		snprintf(why, why_len, "cannot reserve source %s: %s.", endpoint_text(source, text),
			 strerror(errno));
	return -1;
}

/* Begins a connection to `e`. The descriptor; -1 with errno if it failed at once. */
static int begin_connect(const struct endpoint *e)
{
	struct sockaddr_storage s;
	socklen_t len = to_sockaddr(e, &s);
	int fd = tcp_socket(&e->addr);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&s, len) && errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* How a pending connection stands: 0 unanswered after `timeout_ms`, else 1 with what came in *error
 * (0 for a connection that was accepted). */
static int outcome(int fd, int timeout_ms, int *error)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(*error);

	if (poll(&p, 1, timeout_ms < 0 ? 0 : timeout_ms) <= 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &len))
		*error = errno;
	return 1;
}

/* One connection to a port that is bound and does not listen, which the kernel must refuse. True if it
 * was refused before `deadline_ms`. */
static bool canary_refused(const struct address *a, int64_t deadline_ms)
{
	struct endpoint e = {.addr = *a};
	struct sockaddr_storage s;
	socklen_t len = sizeof(s);
	int closed = tcp_socket(a), fd = -1, error = 0;
	bool refused = false;

	if (closed >= 0 && !bind_to(closed, &e) && !getsockname(closed, (struct sockaddr *)&s, &len)) {
		e.port = ntohs(a->family == 4 ? ((struct sockaddr_in *)&s)->sin_port
					      : ((struct sockaddr_in6 *)&s)->sin6_port);
		fd = begin_connect(&e);
		if (fd < 0)
			refused = errno == ECONNREFUSED;
		else
			refused = outcome(fd, (int)(deadline_ms - clock_ms()), &error) && error == ECONNREFUSED;
	}
	if (fd >= 0)
		close(fd);
	if (closed >= 0)
		close(closed);
	return refused;
}

enum tested { TEST_PASSED, TEST_FAILED, TEST_CANNOT_TELL };

/* Connects to the guarded port, then to unguarded closed ones. Loopback keeps order, so once those are
 * refused, an answer to the first would have come, too. More than one, in case the scheduler moves us
 * between processors, whose queues do not wait for each other. */
static enum tested self_test(const struct endpoint *guarded, char *why, size_t why_len)
{
	int64_t deadline_ms = clock_ms() + TEST_MS;
	enum tested result = TEST_PASSED;
	int error = 0, fd = begin_connect(guarded);

	if (fd < 0 && errno != ECONNREFUSED) {
		said("a connection to an own address failed", why, why_len);
		return TEST_CANNOT_TELL;
	}
	for (int i = 0; fd >= 0 && i < CANARIES; i++)
		if (!canary_refused(&guarded->addr, deadline_ms)) {
			snprintf(why, why_len,
				 "this host does not refuse connections to its own closed "
				 "ports, perhaps because of a firewall");
			result = TEST_CANNOT_TELL;
			break;
		}
	if (fd < 0 || outcome(fd, 0, &error)) {
		snprintf(why, why_len, "the self-test's connection was %s, so this host's kernel answers",
			 fd < 0 || error ? "refused" : "accepted");
		result = TEST_FAILED;
	}
	if (fd >= 0)
		close(fd);
	return result;
}

static bool already_tested(const struct guards *g, const struct address *a)
{
	for (size_t i = 0; i < g->n_tested; i++)
		if (address_equal(&g->tested[i], a))
			return true;
	return false;
}

/* Room for one more of each, so that nothing can fail once a guard stands. */
static int make_room(struct guards *g)
{
	struct address *tested = realloc(g->tested, (g->n_tested + 1) * sizeof(*tested));
	int *sockets = tested ? realloc(g->sockets, (g->n_sockets + 1) * sizeof(*sockets)) : NULL;

	if (tested)
		g->tested = tested;
	if (sockets)
		g->sockets = sockets;
	return sockets ? 0 : -1;
}

enum { NO_SOURCE = -1, NO_METHOD = -2 };

/* A socket bound to *source and guarded by method `m`, self-tested if that has not been done for this
 * address. NO_SOURCE with a sentence in `why` if the source cannot be had by any method, NO_METHOD with
 * a clause if this one does not work. */
static int try_method(struct guards *g, enum guard_method m, struct endpoint *source,
		      uint16_t (*pick)(void *arg), void *arg, char *why, size_t why_len)
{
	char reason[WHY_CLAUSE] = "";
	struct endpoint at = *source;
	int fd = tcp_socket(&source->addr);

	if (fd < 0) {
		snprintf(why, why_len, "cannot open a guard socket: %s.", strerror(errno));
		return NO_SOURCE;
	}
	if (bind_source(fd, &at, pick, arg, why, why_len)) {
		close(fd);
		return NO_SOURCE;
	}
	if ((methods[m].prepare && methods[m].prepare(g, why, why_len)) ||
	    methods[m].apply(g, fd, &at, why, why_len)) {
		close(fd);
		return NO_METHOD;
	}
	if (!already_tested(g, &at.addr)) {
		switch (self_test(&at, reason, sizeof(reason))) {
		case TEST_FAILED:
			snprintf(why, why_len, "%s", reason);
			close(fd);
			return NO_METHOD;
		case TEST_CANNOT_TELL:
			/* The next method could not be tested either: the same canary would be missing. */
			snprintf(g->note, sizeof(g->note), "guard %s is untested: %s", methods[m].name,
				 reason);
			break;
		case TEST_PASSED:
			break;
		}
		g->tested[g->n_tested++] = at.addr;
	}
	*source = at;
	return fd;
}

/* The methods in order, until one works; that one is settled for all further guards. */
static int try_all(struct guards *g, struct endpoint *source, uint16_t (*pick)(void *arg), void *arg,
		   char *why, size_t why_len)
{
	char tried[WHY_CLAUSE * 4] = "", reason[WHY_CLAUSE];

	for (enum guard_method m = GUARD_FILTER; m < GUARD_SPARE; m++) {
		int fd = try_method(g, m, source, pick, arg, reason, sizeof(reason));
		size_t used = strlen(tried);

		if (fd >= 0) {
			g->method = m;
			return fd;
		}
		if (fd == NO_SOURCE) {
			snprintf(why, why_len, "%s", reason);
			return fd;
		}
		snprintf(tried + used, sizeof(tried) - used, "%s%s: %s", used ? "; " : "", methods[m].name,
			 reason);
	}
	snprintf(why, why_len,
		 "no way to keep this host's kernel quiet works (%s); use a spare address of the link as "
		 "--source.",
		 tried);
	return NO_METHOD;
}

int guard_take(struct guards *g, struct endpoint *source, uint16_t (*pick)(void *arg), void *arg, char *why,
	       size_t why_len)
{
	char reason[WHY_CLAUSE];
	int fd;

	if (g->method == GUARD_SPARE) {
		if (!source->port)
			source->port = pick(arg);
		return 0;
	}
	if (make_room(g)) {
		snprintf(why, why_len, "out of memory.");
		return -1;
	}
	if (g->method == GUARD_AUTO) {
		fd = try_all(g, source, pick, arg, why, why_len);
	} else {
		fd = try_method(g, g->method, source, pick, arg, reason, sizeof(reason));
		if (fd == NO_METHOD)
			snprintf(why, why_len, "guard %s does not work: %s; it needs %s.",
				 methods[g->method].name, reason, methods[g->method].needs);
		else if (fd == NO_SOURCE)
			snprintf(why, why_len, "%s", reason);
	}
	if (fd < 0)
		return -1;
	g->sockets[g->n_sockets++] = fd;
	return 0;
}

/* Each guard is a descriptor. */
static int raise_file_limit(size_t expected, char *why, size_t why_len)
{
	rlim_t wanted = expected + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return 0;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (limit.rlim_cur < wanted || setrlimit(RLIMIT_NOFILE, &limit)) {
		snprintf(why, why_len,
			 "%zu source ports need %zu open files, and this process may have %zu: raise that "
			 "with "
			 "ulimit -Hn, or ask for less at once.",
			 expected, (size_t)wanted, (size_t)limit.rlim_max);
		return -1;
	}
	return 0;
}

struct guards *guards_new(enum guard_method method, size_t expected, char *why, size_t why_len)
{
	struct guards *g;

	if (method != GUARD_SPARE && raise_file_limit(expected, why, why_len))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (g)
		g->method = method;
	else
		snprintf(why, why_len, "out of memory.");
	return g;
}

enum guard_method guards_method(const struct guards *g)
{
	return g->method;
}

const char *guards_note(const struct guards *g)
{
	return g->note;
}

void guards_free(struct guards *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_sockets; i++)
		close(g->sockets[i]);
	nft_guard_close(g->nft);
	free(g->sockets);
	free(g->tested);
	free(g);
}
