/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait-agent: the half of finwait that runs on the target. Needs a libc and nothing else: one cc command
 * over all C files of this directory, without options, builds it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "offload.h"
#include "services.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "(built on its own)"
#endif

enum { EXIT_USAGE = 2, EXIT_NOT_RUN = 3 };

struct settings {
	bool services;
	const char *no_offload; /* interface, or NULL */
	struct services_config config;
};

static void help(void)
{
	printf("Usage: finwait-agent --services [OPTION]...\n"
	       "Offers on this machine the TCP services that finwait needs on a target.\n"
	       "\n"
	       "  --services             serve the ports below until SIGTERM or SIGINT\n"
	       "  --listen ADDRESS       serve on this address, may be repeated\n"
	       "                         (default 127.0.0.1 and ::1)\n"
	       "  --port-base N          add N to every port, 0 to %u; an ordinary user\n"
	       "                         needs at least 1022 (default 0)\n"
	       "  --no-offload INTERFACE first turn checksum and segmentation offload off\n"
	       "                         on this interface\n"
	       "  --help, --version      print this, or the version, and exit\n"
	       "\n"
	       "Services, by port:\n",
	       services_port_base_max());
	services_print(stdout);
	printf("\nExit status: 0 ended by a signal, 2 usage, 3 could not run.\n");
}

static int usage(const char *sentence)
{
	fprintf(stderr, "finwait-agent: %s\nTry 'finwait-agent --help'.\n", sentence);
	return EXIT_USAGE;
}

static bool read_port_base(const char *text, unsigned *base)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > services_port_base_max())
		return false;
	*base = (unsigned)value;
	return true;
}

static int run(const struct settings *settings)
{
	char why[256];

	if (settings->no_offload && offload_off(settings->no_offload, why, sizeof(why)) < 0)
		fprintf(stderr, "finwait-agent: %s Checksums from here may be partial.\n", why);
	if (services_run(&settings->config, stdout, why, sizeof(why)) < 0) {
		fprintf(stderr, "finwait-agent: %s\n", why);
		return EXIT_NOT_RUN;
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	enum { SERVICES = 1, LISTEN, PORT_BASE, NO_OFFLOAD, HELP, VERSION };
	static const struct option options[] = {
		{ "services", no_argument, NULL, SERVICES },     { "listen", required_argument, NULL, LISTEN },
		{ "port-base", required_argument, NULL, PORT_BASE },
		{ "no-offload", required_argument, NULL, NO_OFFLOAD },
		{ "help", no_argument, NULL, HELP },             { "version", no_argument, NULL, VERSION },
		{ NULL, 0, NULL, 0 },
	};
	struct settings settings = { 0 };
	struct services_config *config = &settings.config;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case SERVICES:
			settings.services = true;
			break;
		case LISTEN:
			if (config->n == SERVICES_ADDRESSES_MAX)
				return usage("too many --listen addresses, 16 is the most.");
			config->addresses[config->n++] = optarg;
			break;
		case PORT_BASE:
			if (!read_port_base(optarg, &config->port_base))
				return usage("--port-base must be a number that keeps every port within 65535.");
			break;
		case NO_OFFLOAD:
			settings.no_offload = optarg;
			break;
		case HELP:
			help();
			return EXIT_SUCCESS;
		case VERSION:
			printf("finwait-agent %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			fprintf(stderr, "Try 'finwait-agent --help'.\n");
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage("takes no operands.");
	if (!settings.services)
		return usage("nothing to do: say --services.");
	return run(&settings);
}
