/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/driving.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "drive/agent.h"
#include "drive/agent_wait.h"
#include "drive/commands.h"
#include "drive/helper.h"
#include "wire/resolve.h"

enum {
	CONNECT_US = 10000000,
	GREETING_US = 30000000, /* a login over ssh takes its time */
	LAST_WORD_MS = 500,
};

bool driving_wanted(const struct driving_settings *s)
{
	return s->agent || s->service || s->on_connect || s->on_listen || s->on_close;
}

/* ---- the words --------------------------------------------------------------------------------- */

static int choose_service(struct driving *d, char *why, size_t why_len)
{
	snprintf(d->name, sizeof d->name, "service %s", d->settings->service);
	return service_read(&d->service, d->settings->service, why, why_len) ? EXIT_USAGE : 0;
}

static int choose_agent(struct driving *d, char *why, size_t why_len)
{
	const struct driving_settings *s = d->settings;
	bool usage;

	snprintf(d->name, sizeof d->name, "agent %s", s->agent);
	if (agent_uri_parse(&d->uri, s->agent, why, why_len))
		return EXIT_USAGE;
	if (s->agent_token && agent_token_read(d->token, s->agent_token, why, why_len))
		return EXIT_NOT_RUN;
	if (d->uri.kind == AGENT_TCP && resolve_target(&d->agent, d->uri.text, 0, false, &usage, why, why_len))
		return usage ? EXIT_USAGE : EXIT_NOT_RUN;
	if (d->uri.kind == AGENT_EXEC && helper_register(d->uri.text, true, &d->command, why, why_len))
		return EXIT_USAGE;
	return 0;
}

static int choose_commands(struct driving *d, char *why, size_t why_len)
{
	const struct driving_settings *s = d->settings;
	const struct commands_config config = { s->on_connect, s->on_listen, s->on_close };

	snprintf(d->name, sizeof d->name, "commands");
	d->driver = commands_open(&config, why, why_len);
	return d->driver ? 0 : EXIT_USAGE;
}

int driving_choose(struct driving *d, const struct driving_settings *s, char *why, size_t why_len)
{
	bool commands = s->on_connect || s->on_listen || s->on_close;
	int status;

	*d = (struct driving){ .settings = s };
	if (s->agent_token && !s->agent) {
		snprintf(why, why_len, "--agent-token goes with --agent");
		return EXIT_USAGE;
	}
	if (!s->agent + !s->service + !commands != 2) {
		snprintf(why, why_len, driving_wanted(s) ?
					       "one driver at a time: --agent, --service or --on-..." :
					       "nobody can make the target act: give an --agent, a --service that it "
					       "runs, or commands (--on-connect, --on-listen, --on-close)");
		return EXIT_USAGE;
	}
	status = s->service ? choose_service(d, why, why_len) :
		 s->agent   ? choose_agent(d, why, why_len) : choose_commands(d, why, why_len);
	if (!status && helper_seal(why, why_len))
		status = EXIT_NOT_RUN;
	return status;
}

int driving_choose_any(struct driving *d, const struct driving_settings *s, char *why, size_t why_len)
{
	if (driving_wanted(s) || s->agent_token)
		return driving_choose(d, s, why, why_len);
	*d = (struct driving){ .settings = s, .name = "none" };
	d->service.can = 1u << ACTION_LISTEN | 1u << ACTION_ACCEPT;
	return helper_seal(why, why_len) ? EXIT_NOT_RUN : 0;
}

unsigned driving_may(const struct driving *d)
{
	if (d->settings->agent)
		return (1u << ACTIONS) - 1;
	return d->driver ? d->driver->can : d->service.can;
}

const char *driving_advice(const struct driving *d, unsigned missing)
{
	if (d->settings->service)
		return "'finwait list services' has others, an --agent can";
	if (d->settings->agent)
		return "its system may lack it";
	return missing & 1u << ACTION_LISTEN  ? "add --on-listen" :
	       missing & 1u << ACTION_CONNECT ? "add --on-connect" :
	       missing & (1u << ACTION_CLOSE_FIRST | 1u << ACTION_CLOSE_LAST | 1u << ACTION_KEEP_OPEN) ?
						"add --on-close" : "an --agent can";
}

uint16_t driving_port(const struct driving *d)
{
	return d->service.port;
}

bool driving_tells_port(const struct driving *d)
{
	return d->settings->agent;
}

void driving_allow(struct driving *d, const struct address *prober)
{
	for (size_t i = 0; i < d->allowed_count; i++)
		if (address_equal(&d->allowed[i], prober))
			return;
	if (d->allowed_count < DRIVING_ALLOWED)
		d->allowed[d->allowed_count++] = *prober;
}

/* ---- the start --------------------------------------------------------------------------------- */

/* The agent's descriptors: what it says comes from fds[0], what it is told goes to fds[1]. */
static int reach_agent(struct driving *d, int fds[2], const volatile sig_atomic_t *stop, char *why,
		       size_t why_len)
{
	if (d->uri.kind == AGENT_EXEC) {
		d->runs = !helper_start(d->command, &d->agent, fds, &d->running, why, why_len);
		return d->runs ? 0 : -1;
	}
	fds[0] = d->uri.kind == AGENT_TCP ? agent_connect_tcp(&d->agent, CONNECT_US, stop, why, why_len) :
					    agent_connect_unix(d->uri.text, why, why_len);
	fds[1] = fds[0];
	return fds[0] < 0 ? -1 : 0;
}

/* What became of the command that was to bring the agent: its pipe is closed a moment earlier than it is told
 * of. "" if it still runs. */
static void command_end(const struct driving *d, char *text, size_t len)
{
	struct pollfd word = { .fd = helper_fd(), .events = POLLIN };
	struct helper_end end;

	text[0] = '\0';
	helper_look();
	if (!helper_ended(d->running, &end)) {
		poll(&word, 1, LAST_WORD_MS);
		helper_look();
	}
	if (helper_ended(d->running, &end))
		helper_end_text(&end, text, len);
}

/* Why there is no agent. */
static int no_agent(struct driving *d, char *why, size_t why_len)
{
	char text[120] = "";

	if (d->runs)
		command_end(d, text, sizeof text);
	snprintf(why, why_len, "%s: %s%s%s", d->name, agent_client_lost(d->client), text[0] ? "; its command " : "",
		 text);
	agent_client_free(d->client);
	d->client = NULL;
	return -1;
}

int driving_connect(struct driving *d, const volatile sig_atomic_t *stop, char *why, size_t why_len)
{
	struct agent_client_params params = {
		.token = d->token[0] ? d->token : NULL,
		.allow = d->allowed,
		.allow_count = d->allowed_count,
		.greeting_us = GREETING_US,
	};
	int fds[2];

	if (reach_agent(d, fds, stop, why, why_len))
		return -1;
	params.in = fds[0];
	params.out = fds[1];
	d->client = agent_client_new(&params, agent_wait_now());
	if (!d->client) {
		snprintf(why, why_len, "out of memory");
		return -1;
	}
	if (!agent_wait_ready(d->client, stop)) {
		snprintf(why, why_len, "interrupted before the agent was there");
		agent_client_free(d->client);
		d->client = NULL;
		return -1;
	}
	return agent_client_lost(d->client) ? no_agent(d, why, why_len) : 0;
}

int driving_start(struct driving *d, const volatile sig_atomic_t *stop, char *why, size_t why_len)
{
	if (d->settings->agent && driving_connect(d, stop, why, why_len))
		return -1;
	snprintf(why, why_len, "out of memory");
	if (d->settings->agent)
		d->driver = agent_driver_new(d->client);
	else if (!d->driver)
		d->driver = service_driver_new(&d->service);
	return d->driver ? 0 : -1;
}

struct driver *driving_driver(const struct driving *d)
{
	return d->driver;
}

const char *driving_name(const struct driving *d)
{
	return d->name;
}

void driving_stop(struct driving *d)
{
	if (d->driver)
		d->driver->ops->close(d->driver);
	if (d->runs)
		helper_stop(d->running);
	d->driver = NULL;
	d->runs = false;
}
