/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives up privileges, finds the subcommand, reads its options and returns its exit status. Beforehand, only
 * for the subcommands that want it, forks the helper, which keeps to the invoking user's rights. */
#include "config.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/print.h"
#include "drive/helper.h"
#include "wire/privs.h"

enum { WHY = 512 };

/* With a standard file closed, the first socket would get its number, and text meant for a terminal
 * would go out as packets. Opened the wrong way round: using them still fails. */
static bool occupy_standard_files(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return false;
	return true;
}

static void print_version(void)
{
	printf("%s %s\n", PACKAGE_NAME, PACKAGE_VERSION);
}

/* argv[1] names the command. Its options are read from a copy, since reading moves operands about. */
static int run_command(const struct command *c, int argc, char **argv)
{
	int status = EXIT_USAGE;
	char why[WHY] = "";
	char **operands;
	size_t n;
	void *settings = calloc(1, c->settings_size ? c->settings_size : 1);
	char **words = calloc((size_t)argc, sizeof(*words));

	if (!settings || !words) {
		free(words);
		free(settings);
		complain("there is no memory left");
		return EXIT_NOT_RUN;
	}
	memcpy(words, argv + 1, (size_t)(argc - 1) * sizeof(*words));
	switch (options_read(c, settings, argc - 1, words, &operands, &n, why, sizeof(why))) {
	case OPTIONS_OK:
		status = c->run(settings, argv, operands, n);
		break;
	case OPTIONS_HELP:
		options_print_help(c, stdout);
		status = EXIT_CONFORMS;
		break;
	case OPTIONS_VERSION:
		print_version();
		status = EXIT_CONFORMS;
		break;
	case OPTIONS_ERROR:
		complain("%s", why);
		break;
	}
	free(words);
	free(settings);
	return status;
}

static int dispatch(int argc, char **argv)
{
	const struct command *c;
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word) {
		fputs("usage: finwait COMMAND [OPTION...] [OPERAND...]\n"
		      "       finwait --help lists the commands\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		help_print_overview(stdout);
		return EXIT_CONFORMS;
	}
	if (!strcmp(word, "--version")) {
		print_version();
		return EXIT_CONFORMS;
	}
	if (word[0] == '-') {
		complain("option %s needs a command before it, as in: finwait probe %s ...", word, word);
		return EXIT_USAGE;
	}
	c = command_by_name(word);
	if (!c) {
		command_unknown(word);
		return EXIT_USAGE;
	}
	return run_command(c, argc, argv);
}

/* Of the arguments nothing but the name of the subcommand is read with full privileges. */
static int fork_helper(int argc, char **argv, char *why, size_t why_len)
{
	const struct command *c = argc > 1 ? command_by_name(argv[1]) : NULL;

	return c && c->user_commands ? helper_fork(why, why_len) : 0;
}

int main(int argc, char **argv)
{
	struct privs have;
	char why[WHY] = "";
	int status;

	if (!occupy_standard_files())
		return EXIT_NOT_RUN;
	if (fork_helper(argc, argv, why, sizeof(why)) || privs_limit(&have, why, sizeof(why))) {
		complain("%s", why);
		return EXIT_NOT_RUN;
	}
	/* A reader of our output that goes away must not keep us from resetting connections. */
	signal(SIGPIPE, SIG_IGN);
	setlocale(LC_CTYPE, "");

	status = dispatch(argc, argv);
	helper_close();
	if (!print_finish())
		return EXIT_NOT_RUN;
	return status;
}

const struct command *const commands[] = {
	&cmd_probe,
	&cmd_drive,
	&cmd_reuse,
	&cmd_test,
	&cmd_check,
	&cmd_explain,
	&cmd_list,
	&cmd_help,
	NULL,
};
