/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait help: the overview, the help of one subcommand, and what man page and shell completion are made
 * of. */
#include <stdbool.h>
#include <string.h>

#include "cmd/commands.h"
#include "cmd/nearest.h"
#include "cmd/print.h"

struct help_settings {
	bool mdoc;
	bool completion;
	int shell;
};

const struct command *command_by_name(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

void command_unknown(const char *word)
{
	struct nearest nearest = {0};

	for (size_t i = 0; commands[i]; i++)
		nearest_try(&nearest, word, commands[i]->name);
	if (nearest.best)
		complain("there is no command '%s'; did you mean: finwait %s", word, nearest.best);
	else if (word[0] == '[' || strpbrk(word, ":."))
		complain("'%s' is no command; did you mean: finwait probe %s", word, word);
	else
		complain("there is no command '%s'; 'finwait --help' lists them", word);
}

void help_print_overview(FILE *out)
{
	fputs("usage: finwait COMMAND [OPTION...] [OPERAND...]\n\n"
	      "Probes a remote TCP with segments made by hand and judges how it opens and\n"
	      "closes connections against RFC 9293.\n\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'finwait COMMAND --help' lists the options of a command; 'man finwait' explains.\n"
	      "First steps:\n"
	      "  finwait-lab                      a probe in a private network, without root\n"
	      "  finwait probe 198.18.0.2:7       one handshake and close with a real host\n",
	      out);
}

static int run(const void *settings, char *const *arguments, char **operands, size_t n)
{
	(void)arguments;
	const struct help_settings *s = settings;
	const struct command *c = NULL;

	if (n > 1) {
		complain("help explains one command at a time, not also '%s'", operands[1]);
		return EXIT_USAGE;
	}
	if (n == 1) {
		c = command_by_name(operands[0]);
		if (!c) {
			command_unknown(operands[0]);
			return EXIT_USAGE;
		}
	}
	if (s->completion)
		options_print_completion(commands, stdout);
	else if (s->mdoc && c)
		options_print_mdoc(c, stdout);
	else if (s->mdoc)
		for (size_t i = 0; commands[i]; i++)
			options_print_mdoc(commands[i], stdout);
	else if (c)
		options_print_help(c, stdout);
	else
		help_print_overview(stdout);
	return EXIT_CONFORMS;
}

static const char *const shells[] = {"bash", NULL};

static const struct option_spec options[] = {
	{
		.name = "mdoc",
		.kind = OPTION_FLAG,
		.offset = offsetof(struct help_settings, mdoc),
		.group = "Generating",
		.help = "print the section of the man page instead, of all commands if none is named",
	},
	{
		.name = "completion",
		.kind = OPTION_CHOICE,
		.offset = offsetof(struct help_settings, shell),
		.argument = "SHELL",
		.choices = shells,
		.seen = offsetof(struct help_settings, completion),
		.group = "Generating",
		.help = "print completion rules for a shell",
	},
	{0},
};

const struct command cmd_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.summary = "explains a command and its options",
	.about = "Prints the list of commands, or what one command does and its options.",
	.options = options,
	.settings_size = sizeof(struct help_settings),
	.run = run,
};
