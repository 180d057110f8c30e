/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/resolve.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/clock.h"
#include "wire/privs.h"

enum {
	HOST_TEXT = 256, /* the longest name of the DNS has 253 characters (RFC 1035 2.3.4) */
	PORT_TEXT = 32,
	LOOKUP_MS = 15000, /* three tries of 5 s is what resolvers do by default */
	SHOWN = 100,       /* characters of the user's text repeated in an error */
};

/* A target cut in pieces, nothing looked up. */
struct parts {
	char host[HOST_TEXT];
	char port[PORT_TEXT]; /* "" if there was none */
	bool bracketed;
	bool has_port;
};

/* What the child hands back, in one piece. */
struct answer {
	int failed; /* of getaddrinfo() */
	int error;  /* errno with EAI_SYSTEM */
	struct endpoint endpoint;
	char why[160]; /* non-empty: the child could not give up its privileges */
};

static int copy(char *to, size_t room, const char *from, size_t len)
{
	if (len >= room)
		return -1;
	memcpy(to, from, len);
	to[len] = '\0';
	return 0;
}

/* "HOST", "HOST:PORT", "[HOST6]", "[HOST6]:PORT", "HOST6" into pieces. */
static int split(struct parts *p, const char *text, char *why, size_t why_len)
{
	const char *host = text, *end, *colon;

	memset(p, 0, sizeof(*p));
	if (*text == '[') {
		p->bracketed = true;
		host = text + 1;
		end = strchr(host, ']');
		if (!end) {
			snprintf(why, why_len, "'%.*s' has no closing bracket: write [2001:db8::1]:7.",
				 (int)SHOWN, text);
			return -1;
		}
		colon = end + 1;
		if (*colon && *colon != ':') {
			snprintf(why, why_len, "'%.*s' has something else than :PORT behind the bracket.",
				 (int)SHOWN, text);
			return -1;
		}
	} else {
		colon = strchr(text, ':');
		if (colon && strchr(colon + 1, ':')) /* an IPv6 address without brackets has no port */
			colon = NULL;
		end = colon ? colon : text + strlen(text);
	}
	p->has_port = colon && *colon == ':';
	if (end == host) {
		snprintf(why, why_len, "'%.*s' names no host: write HOST:PORT.", (int)SHOWN, text);
		return -1;
	}
	if (copy(p->host, sizeof(p->host), host, (size_t)(end - host)) ||
	    (p->has_port && copy(p->port, sizeof(p->port), colon + 1, strlen(colon + 1)))) {
		snprintf(why, why_len, "'%.*s...' is too long for a host and a port.", (int)SHOWN, text);
		return -1;
	}
	return 0;
}

/* A port in digits. 1 if it is no number at all, -1 with a sentence if it is one that cannot be. */
static int parse_port(uint16_t *port, const char *text, char *why, size_t why_len)
{
	unsigned long value;

	if (!*text || text[strspn(text, "0123456789")])
		return 1;
	value = strlen(text) > 5 ? 65536 : strtoul(text, NULL, 10);
	if (value < 1 || value > 65535) {
		snprintf(why, why_len, "port %s is none: ports go from 1 to 65535.", text);
		return -1;
	}
	*port = (uint16_t)value;
	return 0;
}

/* The number of an interface named or numbered behind a '%'; 0 if this host has none such. */
static uint32_t scope_of(const char *text)
{
	char name[IF_NAMESIZE];
	unsigned index = if_nametoindex(text);

	if (!index && *text && !text[strspn(text, "0123456789")] && strlen(text) <= 9) {
		index = (unsigned)strtoul(text, NULL, 10);
		if (!if_indextoname(index, name))
			index = 0;
	}
	return index;
}

/* Reads a numeric address, with a scope perhaps. 1 if the text is no address, -1 with a sentence. */
static int parse_address(struct address *a, const char *text, char *why, size_t why_len)
{
	char digits[HOST_TEXT];
	const char *percent = strchr(text, '%');
	size_t len = percent ? (size_t)(percent - text) : strlen(text);

	if (copy(digits, sizeof(digits), text, len) || !address_parse(a, digits))
		return 1;
	if (!percent)
		return 0;
	if (!address_is_link_local(a) && !address_is_multicast(a)) {
		snprintf(why, why_len,
			 "%s is not a link-local address and takes no %%interface: use -i for that.", digits);
		return -1;
	}
	a->scope = scope_of(percent + 1);
	if (!a->scope) {
		snprintf(why, why_len, "no such interface '%.*s' (in %.*s): `ip link` lists them.",
			 IF_NAMESIZE, percent + 1, (int)SHOWN, text);
		return -1;
	}
	return 0;
}

/* Names end in a label that is not a number (RFC 1123 2.1); what does is a mistyped IPv4 address, which
 * the C library would read in ways nobody expects (127.1, 010.0.0.1). */
static bool ends_in_number(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *label = dot ? dot + 1 : host;

	return isdigit((unsigned char)*label) &&
	       (!label[strspn(label, "0123456789")] || !strncasecmp(label, "0x", 2));
}

/* Letters, digits, '-', '_', '.', and bytes of UTF-8. */
static bool is_name(const char *host)
{
	for (const unsigned char *c = (const unsigned char *)host; *c; c++)
		if (!isalnum(*c) && !strchr("-_.", *c) && *c < 0x80)
			return false;
	return true;
}

static bool is_service(const char *port)
{
	return isalnum((unsigned char)*port) && is_name(port);
}

/* In the child: everything that reads what the network says happens here, without any privilege. */
static void look_up(const char *host, const char *port, int family, struct answer *answer)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;

	memset(answer, 0, sizeof(*answer));
	if (privs_drop(answer->why, sizeof(answer->why)))
		return;
	answer->why[0] = '\0';
	hints.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
	answer->failed = getaddrinfo(host, port, &hints, &list);
	answer->error = errno;
	for (struct addrinfo *i = list; !answer->failed && i; i = i->ai_next) {
		struct endpoint *e = &answer->endpoint;

		if (i->ai_family == AF_INET && i->ai_addrlen >= sizeof(struct sockaddr_in)) {
			const struct sockaddr_in *in = (const void *)i->ai_addr;

			e->addr.family = 4;
			memcpy(e->addr.bytes, &in->sin_addr, 4);
			e->port = ntohs(in->sin_port);
			break;
		}
		if (i->ai_family == AF_INET6 && i->ai_addrlen >= sizeof(struct sockaddr_in6)) {
			const struct sockaddr_in6 *in6 = (const void *)i->ai_addr;

			e->addr.family = 6;
			memcpy(e->addr.bytes, &in6->sin6_addr, 16);
			e->addr.scope = in6->sin6_scope_id;
			e->port = ntohs(in6->sin6_port);
			break;
		}
	}
}

/* Reads exactly one answer within LOOKUP_MS. 0, or -1 with errno: ETIMEDOUT, or EPIPE if the child died. */
static int read_answer(int fd, struct answer *answer)
{
	int64_t deadline_ms = clock_ms() + LOOKUP_MS;
	size_t have = 0;

	while (have < sizeof(*answer)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left_ms = deadline_ms - clock_ms();
		int ready = poll(&p, 1, left_ms > 0 ? (int)left_ms : 0);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0) {
			errno = ready ? errno : ETIMEDOUT;
			return -1;
		}
		n = read(fd, (char *)answer + have, sizeof(*answer) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : EPIPE;
			return -1;
		}
		have += (size_t)n;
	}
	return 0;
}

/* Runs look_up() in a child. 0, or -1 with errno. */
static int ask_child(const char *host, const char *port, int family, struct answer *answer)
{
	int fds[2], result, error;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	child = fork();
	if (child < 0) {
		error = errno;
		close(fds[0]);
		close(fds[1]);
		errno = error;
		return -1;
	}
	if (!child) {
		ssize_t n;

		close(fds[0]);
		look_up(host, port, family, answer);
		/* Shorter than PIPE_BUF, so it is written whole. Not exit(): the parent's buffers are not
		 * ours. */
		n = write(fds[1], answer, sizeof(*answer));
		_exit(n == (ssize_t)sizeof(*answer) ? 0 : 1);
	}
	close(fds[1]);
	result = read_answer(fds[0], answer);
	error = errno;
	close(fds[0]);
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	errno = error;
	return result;
}

/* Makes a sentence of getaddrinfo()'s refusal. */
static int explain(const struct answer *a, const struct parts *p, int family, bool *usage, char *why,
		   size_t why_len)
{
	const char *reason = a->failed == EAI_SYSTEM ? strerror(a->error) : gai_strerror(a->failed);

	if (a->failed == EAI_SERVICE) {
		*usage = true;
		snprintf(why, why_len,
			 "unknown port '%s': a number from 1 to 65535, or a service name such as http.",
			 p->port);
	} else if (family && (a->failed == EAI_ADDRFAMILY || a->failed == EAI_NODATA)) {
		snprintf(why, why_len, "%.*s has no IPv%d address: leave out -%d.", (int)SHOWN, p->host,
			 family, family);
	} else if (a->failed == EAI_AGAIN) {
		snprintf(why, why_len, "no name server answers for '%.*s' (%s): try its address.", (int)SHOWN,
			 p->host, reason);
	} else {
		snprintf(why, why_len, "unknown host '%.*s': %s.", (int)SHOWN, p->host, reason);
	}
	return -1;
}

static int resolve_name(struct endpoint *target, const struct parts *p, int family, bool *usage, char *why,
			size_t why_len)
{
	struct answer answer;

	*usage = false;
	if (ask_child(p->host, p->port, family, &answer)) {
		if (errno == ETIMEDOUT)
			snprintf(why, why_len,
				 "looking up '%.*s' took more than %d seconds: try its address.", (int)SHOWN,
				 p->host, LOOKUP_MS / 1000);
		else
			snprintf(why, why_len, "cannot look up '%.*s': %s.", (int)SHOWN, p->host,
				 strerror(errno));
		return -1;
	}
	answer.why[sizeof(answer.why) - 1] = '\0';
	if (answer.why[0]) {
		snprintf(why, why_len, "%s", answer.why);
		return -1;
	}
	if (answer.failed)
		return explain(&answer, p, family, usage, why, why_len);
	if (!address_len(&answer.endpoint.addr) || !answer.endpoint.port) {
		snprintf(why, why_len, "'%.*s' has no address that TCP could use.", (int)SHOWN, p->host);
		return -1;
	}
	*target = answer.endpoint;
	return 0;
}

/* The host of a target; as parse_address(), but 1 only for what may be a name. */
static int read_host(struct address *addr, const struct parts *p, const char *text, bool port_optional,
		     char *why, size_t why_len)
{
	int named = parse_address(addr, p->host, why, why_len);

	if (named < 0)
		return -1;
	if (p->bracketed ? (named || addr->family != 6) : (named && strchr(p->host, ':'))) {
		snprintf(why, why_len, "'%.*s' is not an IPv6 address.", (int)SHOWN, p->host);
		return -1;
	}
	if (!named && addr->family == 6 && !p->bracketed && !port_optional) {
		snprintf(why, why_len, "'%.*s' needs brackets and a port: write [%.*s]:7.", (int)SHOWN, text,
			 (int)SHOWN, text);
		return -1;
	}
	if (named && (ends_in_number(p->host) || !is_name(p->host))) {
		snprintf(why, why_len, "'%.*s' is neither a host name nor an address.", (int)SHOWN, p->host);
		return -1;
	}
	return named;
}

/* Its port; as parse_port(), but 1 only for a known service. */
static int read_port(uint16_t *port, const struct parts *p, const char *text, char *why, size_t why_len)
{
	int number;

	if (!p->has_port || !p->port[0]) {
		snprintf(why, why_len, "'%.*s' names no port: write %s%.*s%s:7.", (int)SHOWN, text,
			 p->bracketed ? "[" : "", (int)SHOWN, p->host, p->bracketed ? "]" : "");
		return -1;
	}
	number = parse_port(port, p->port, why, why_len);
	if (number <= 0 || is_service(p->port))
		return number;
	snprintf(why, why_len, "unknown port '%s': a number from 1 to 65535, or a service name such as http.",
		 p->port);
	return -1;
}

int resolve_target(struct endpoint *target, const char *text, int family, bool port_optional, bool *usage,
		   char *why, size_t why_len)
{
	struct endpoint e = {0};
	struct parts p;
	int named, number = 0;

	*usage = true;
	if (split(&p, text, why, why_len))
		return -1;
	named = read_host(&e.addr, &p, text, port_optional, why, why_len);
	if (named < 0)
		return -1;
	port_optional &= !p.has_port;
	if (!port_optional)
		number = read_port(&e.port, &p, text, why, why_len);
	if (number < 0)
		return -1;
	if (port_optional) {
		memcpy(p.port, "1", 2); /* any will do for looking the name up */
		e.port = target->port;
	}
	if (!named && family && e.addr.family != family) {
		snprintf(why, why_len, "%s is no IPv%d address: leave out -%d.", p.host, family, family);
		return -1;
	}
	if (named || number) {
		struct address addr = e.addr;

		if (resolve_name(&e, &p, family, usage, why, why_len))
			return -1;
		if (!named) /* only the service was looked up */
			e.addr = addr;
		if (port_optional)
			e.port = target->port;
	}
	*target = e;
	return 0;
}

int resolve_source(struct endpoint *source, const char *text, char *why, size_t why_len)
{
	struct endpoint e = {0};
	struct parts p;
	int bad;

	if (split(&p, text, why, why_len))
		return -1;
	bad = parse_address(&e.addr, p.host, why, why_len);
	if (bad < 0)
		return -1;
	if (bad || (p.bracketed && e.addr.family != 6)) {
		snprintf(why, why_len, "source '%.*s' is not a numeric address.", (int)SHOWN, p.host);
		return -1;
	}
	if (p.has_port) {
		bad = parse_port(&e.port, p.port, why, why_len);
		if (bad > 0)
			snprintf(why, why_len, "'%s' is no source port: a number from 1 to 65535.", p.port);
		if (bad)
			return -1;
	}
	*source = e;
	return 0;
}
