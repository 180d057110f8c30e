/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait-agent: the half of finwait that runs on the target. Needs a libc and nothing else: one cc command
 * over all C files of this directory, without options, builds it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "agent_line.h"
#include "agent_server.h"
#include "offload.h"
#include "process.h"
#include "services.h"
#include "services_child.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "(built on its own)"
#endif

enum { EXIT_USAGE = 2, EXIT_NOT_RUN = 3 };

enum {
	SERVICES = 1,
	STDIO,
	UNIX,
	LISTEN,
	PORT,
	TOKEN_FILE,
	ALLOW,
	IDLE,
	PORT_BASE,
	NO_OFFLOAD,
	HELP,
	VERSION,
	OPTIONS
};

static const struct option options[] = {
	{ "services", no_argument, NULL, SERVICES },
	{ "stdio", no_argument, NULL, STDIO },
	{ "unix", required_argument, NULL, UNIX },
	{ "listen", required_argument, NULL, LISTEN },
	{ "port", required_argument, NULL, PORT },
	{ "token-file", required_argument, NULL, TOKEN_FILE },
	{ "allow", required_argument, NULL, ALLOW },
	{ "idle", required_argument, NULL, IDLE },
	{ "port-base", required_argument, NULL, PORT_BASE },
	{ "no-offload", required_argument, NULL, NO_OFFLOAD },
	{ "help", no_argument, NULL, HELP },
	{ "version", no_argument, NULL, VERSION },
	{ NULL, 0, NULL, 0 },
};

struct settings {
	bool given[OPTIONS];
	const char *no_offload; /* interface, or NULL */
	struct services_config services;
	struct agent_server_config agent;
};

static void help(void)
{
	printf("Usage: finwait-agent [--listen ADDRESS]... [--port N] [--token-file FILE]\n"
	       "                     [--allow NET]... [--idle SECONDS]\n"
	       "       finwait-agent --stdio | --unix PATH [--idle SECONDS]\n"
	       "       finwait-agent --services [--listen ADDRESS]... [--port-base N]\n"
	       "                     [--stdio | --unix PATH | --port N | --token-file FILE]\n"
	       "Makes socket calls on this machine for finwait, and offers the TCP services\n"
	       "that finwait needs on a target.\n"
	       "\n"
	       "Where finwait comes from:\n"
	       "  --listen ADDRESS       serve on this address, may be repeated\n"
	       "                         (default 127.0.0.1 and ::1)\n"
	       "  --port N               of the agent, 0 for any free one (default %d)\n"
	       "  --stdio                serve standard input and output\n"
	       "  --unix PATH            serve a unix socket, for its owner only\n"
	       "Who may do what:\n"
	       "  --token-file FILE      the secret that finwait must know; needed to listen\n"
	       "                         on other addresses than loopback\n"
	       "  --allow NET            a network that may be connected to, beside the address\n"
	       "                         that finwait comes from; may be repeated\n"
	       "  --idle SECONDS         end a session that is silent so long (default %d)\n"
	       "Services:\n"
	       "  --services             serve the ports below, until SIGTERM or SIGINT\n"
	       "  --port-base N          add N to every port, 0 to %u; an ordinary user\n"
	       "                         needs at least 1022 (default 0)\n"
	       "  --no-offload INTERFACE first turn checksum and segmentation offload off\n"
	       "                         on this interface\n"
	       "  --help, --version      print this, or the version, and exit\n"
	       "\n"
	       "Services, by port:\n",
	       AGENT_PORT, AGENT_IDLE_S, services_port_base_max());
	services_print(stdout);
	printf("\nExit status: 0 ended by a signal or the controller, 2 usage, 3 could not run.\n");
}

static int usage(const char *sentence)
{
	fprintf(stderr, "finwait-agent: %s\nTry 'finwait-agent --help'.\n", sentence);
	return EXIT_USAGE;
}

static bool read_number(const char *text, unsigned least, unsigned most, unsigned *number)
{
	uint64_t value;

	if (!agent_line_number(text, most, &value) || value < least)
		return false;
	*number = (unsigned)value;
	return true;
}

static const char *add_address(struct settings *settings, const char *address)
{
	struct services_config *services = &settings->services;
	struct agent_server_config *agent = &settings->agent;

	if (services->n == SERVICES_ADDRESSES_MAX || agent->n == AGENT_ADDRESSES_MAX)
		return "too many --listen addresses, 16 is the most.";
	services->addresses[services->n++] = address;
	agent->addresses[agent->n++] = address;
	return NULL;
}

/* Takes an option with its argument; returns what is wrong with it, or NULL. */
static const char *take(struct settings *settings, int option, const char *argument)
{
	struct agent_server_config *agent = &settings->agent;
	unsigned number;

	settings->given[option] = true;
	switch (option) {
	case STDIO:
		agent->way = AGENT_STDIO;
		return NULL;
	case UNIX:
		agent->way = AGENT_UNIX;
		agent->path = argument;
		return NULL;
	case LISTEN:
		return add_address(settings, argument);
	case PORT:
		if (!read_number(argument, 0, UINT16_MAX, &number))
			return "--port must be a number up to 65535.";
		agent->port = (uint16_t)number;
		return NULL;
	case TOKEN_FILE:
		agent->token_file = argument;
		return NULL;
	case ALLOW:
		if (agent->n_allow == AGENT_ALLOW_MAX)
			return "too many --allow networks, 64 is the most.";
		if (!agent_network_read(argument, &agent->allow[agent->n_allow]))
			return "--allow must be ADDRESS or ADDRESS/LENGTH, in numbers.";
		agent->n_allow++;
		return NULL;
	case IDLE:
		if (!read_number(argument, 1, AGENT_IDLE_MAX_S, &agent->idle_s))
			return "--idle must be a number of seconds from 1 to 1000000.";
		return NULL;
	case PORT_BASE:
		if (!read_number(argument, 0, services_port_base_max(), &settings->services.port_base))
			return "--port-base must be a number that keeps every port within 65535.";
		return NULL;
	case NO_OFFLOAD:
		settings->no_offload = argument;
		return NULL;
	default:
		return NULL;
	}
}

static bool only_loopback(const struct agent_server_config *agent)
{
	struct agent_network network;

	for (size_t i = 0; i < agent->n; i++) {
		if (!agent_network_read(agent->addresses[i], &network) || !agent_network_loopback(&network))
			return false;
	}
	return true;
}

/* Whether there is an agent at all, beside services or without. */
static bool has_agent(const struct settings *settings)
{
	const bool *given = settings->given;

	return !given[SERVICES] || given[STDIO] || given[UNIX] || given[PORT] || given[TOKEN_FILE];
}

/* What is wrong with the options together, or NULL. */
static const char *conflict(const struct settings *settings)
{
	const bool *given = settings->given;
	bool local = given[STDIO] || given[UNIX];

	if (given[STDIO] && given[UNIX])
		return "--stdio and --unix exclude each other.";
	if (local && (given[PORT] || given[TOKEN_FILE] || given[ALLOW]))
		return "--port, --token-file and --allow are for an agent on TCP, not for --stdio or --unix.";
	if (local && given[LISTEN] && !given[SERVICES])
		return "--listen is for an agent on TCP or for --services, not for --stdio or --unix.";
	if (given[PORT_BASE] && !given[SERVICES])
		return "--port-base is for --services; the agent's port is --port.";
	if (!has_agent(settings) && (given[ALLOW] || given[IDLE]))
		return "--allow and --idle are for the agent; beside --services, say --port, --token-file, "
		       "--unix or "
		       "--stdio too.";
	if (has_agent(settings) && !local && !given[TOKEN_FILE] && !only_loopback(&settings->agent))
		return "on other addresses than loopback anybody could use the agent; give it a "
		       "--token-file.";
	return NULL;
}

static int not_run(const char *why)
{
	fprintf(stderr, "finwait-agent: %s\n", why);
	return EXIT_NOT_RUN;
}

static int run(const struct settings *settings)
{
	struct services_child child;
	bool beside = settings->given[SERVICES] && has_agent(settings);
	/* Over stdio, standard output is the controller's. */
	FILE *announce = settings->given[STDIO] ? stderr : stdout;
	char why[1024];
	int result;

	if (settings->no_offload && offload_off(settings->no_offload, why, sizeof(why)) < 0)
		fprintf(stderr, "finwait-agent: %s Checksums from here may be partial.\n", why);
	if (!has_agent(settings))
		return services_run(&settings->services, stdout, why, sizeof(why)) < 0 ? not_run(why)
										       : EXIT_SUCCESS;
	if (beside && !services_child_start(&child, &settings->services, announce, why, sizeof(why)))
		return not_run(why);
	result = agent_server_run(&settings->agent, stdout, why, sizeof(why));
	if (beside)
		services_child_end(&child);
	return result < 0 ? not_run(why) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct settings settings = { .agent = { .port = AGENT_PORT, .idle_s = AGENT_IDLE_S } };
	const char *wrong;
	int option;

	if (!process_fill_standard())
		return EXIT_NOT_RUN;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case HELP:
			help();
			return EXIT_SUCCESS;
		case VERSION:
			printf("finwait-agent %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case '?':
			fprintf(stderr, "Try 'finwait-agent --help'.\n");
			return EXIT_USAGE;
		default:
			wrong = take(&settings, option, optarg);
			if (wrong)
				return usage(wrong);
		}
	}
	if (optind < argc)
		return usage("takes no operands.");
	wrong = conflict(&settings);
	if (wrong)
		return usage(wrong);
	return run(&settings);
}
