/* SPDX-License-Identifier: BSD-2-Clause */
/* setopt and getopt, and what else a system may or may not have: each line of the table of options is
 * compiled where the system knows it. */
#include "agent_call.h"
#include "errno_name.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum option_kind { OPTION_SWITCH, OPTION_NUMBER, OPTION_LINGER, OPTION_ERROR };

struct option_row {
	const char *name;
	enum option_kind kind;
	int level, number;
};

static const struct option_row options[] = {
	{ "reuseaddr", OPTION_SWITCH, SOL_SOCKET, SO_REUSEADDR },
#ifdef SO_REUSEPORT
	{ "reuseport", OPTION_SWITCH, SOL_SOCKET, SO_REUSEPORT },
#endif
#ifdef IPV6_V6ONLY
	{ "v6only", OPTION_SWITCH, IPPROTO_IPV6, IPV6_V6ONLY },
#endif
	{ "nodelay", OPTION_SWITCH, IPPROTO_TCP, TCP_NODELAY },
	{ "keepalive", OPTION_SWITCH, SOL_SOCKET, SO_KEEPALIVE },
#ifdef TCP_MAXSEG
	{ "maxseg", OPTION_NUMBER, IPPROTO_TCP, TCP_MAXSEG },
#endif
#ifdef TCP_USER_TIMEOUT
	{ "user_timeout", OPTION_NUMBER, IPPROTO_TCP, TCP_USER_TIMEOUT },
#endif
	{ "linger", OPTION_LINGER, SOL_SOCKET, SO_LINGER },
	{ "error", OPTION_ERROR, SOL_SOCKET, SO_ERROR },
	{ NULL, OPTION_SWITCH, 0, 0 },
};

static const struct option_row *option_of(const struct agent_request *r)
{
	const char *name = agent_text_of(r, "option");
	const struct option_row *option = options;

	if (!name)
		return NULL;
	while (option->name && strcmp(option->name, name) != 0)
		option++;
	if (option->name)
		return option;
	agent_error(r->s, r->line->tag, ENOPROTOOPT, "this system or agent has no option %.40s", name);
	return NULL;
}

/* The value of a setopt: -1 stands for linger switched off, and only for that. */
static bool value_of(const struct agent_request *r, const struct option_row *option, int *value)
{
	const char *text = agent_text_of(r, "value");
	uint64_t number;

	if (!text)
		return false;
	if (option->kind == OPTION_LINGER && strcmp(text, "-1") == 0) {
		*value = -1;
		return true;
	}
	if (!agent_number_of(r, "value", option->kind == OPTION_SWITCH ? 1 : INT_MAX, &number))
		return false;
	*value = (int)number;
	return true;
}

static void run_setopt(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	const struct option_row *option = socket ? option_of(r) : NULL;
	int value, result;

	if (!option)
		return;
	if (option->kind == OPTION_ERROR) {
		agent_error(r->s, r->line->tag, ENOPROTOOPT, "%s can only be read", option->name);
		return;
	}
	if (!value_of(r, option, &value))
		return;
	if (option->kind == OPTION_LINGER) {
		struct linger linger = { .l_onoff = value >= 0, .l_linger = value >= 0 ? value : 0 };

		result = setsockopt(socket->fd, option->level, option->number, &linger, sizeof(linger));
	} else {
		result = setsockopt(socket->fd, option->level, option->number, &value, sizeof(value));
	}
	if (result < 0)
		agent_system_error(r->s, r->line->tag, errno);
	else
		agent_done(r->s, r->line->tag);
}

static void answer_option(const struct agent_request *r, const struct option_row *option, int value)
{
	char name[ERRNO_NAME_ROOM];

	if (option->kind == OPTION_SWITCH)
		value = value != 0;
	if (option->kind == OPTION_ERROR && value != 0)
		agent_ok(r->s, r->line->tag, "value=%s", errno_name(value, name));
	else
		agent_ok(r->s, r->line->tag, "value=%d", value);
}

static void run_getopt(const struct agent_request *r)
{
	struct agent_socket *socket = agent_socket_of(r);
	const struct option_row *option = socket ? option_of(r) : NULL;
	struct linger linger = { .l_onoff = 0 };
	int value = 0, result;
	socklen_t len;

	if (!option)
		return;
	if (option->kind == OPTION_LINGER) {
		len = sizeof(linger);
		result = getsockopt(socket->fd, option->level, option->number, &linger, &len);
		value = linger.l_onoff ? linger.l_linger : -1;
	} else {
		len = sizeof(value);
		result = getsockopt(socket->fd, option->level, option->number, &value, &len);
	}
	if (result < 0)
		agent_system_error(r->s, r->line->tag, errno);
	else
		answer_option(r, option, value);
}

static bool has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void agent_option_words(void (*add)(void *context, const char *word), void *context)
{
	bool ipv6 = has_ipv6();

	for (const struct option_row *option = options; option->name; option++) {
		if (ipv6 || option->level != IPPROTO_IPV6)
			add(context, option->name);
	}
	add(context, "ipv4");
	if (ipv6)
		add(context, "ipv6");
}

const struct agent_verb agent_option_verbs[] = {
	{ "setopt", run_setopt, { "socket", "option", "value" }, NULL, 0 },
	{ "getopt", run_getopt, { "socket", "option" }, NULL, 0 },
	{ NULL, NULL, { NULL }, NULL, 0 },
};
