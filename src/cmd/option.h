/* SPDX-License-Identifier: BSD-2-Clause */
/* Command line options as tables: argv comes in, a settings struct comes out. Help, the lists in the man
 * pages and the shell completion are printed from the same tables. */
#ifndef FINWAIT_CMD_OPTION_H
#define FINWAIT_CMD_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
	OPTION_FLAG,    /* bool: set to true */
	OPTION_STRING,  /* const char * */
	OPTION_NUMBER,  /* int64_t, decimal or 0x hex, within min..max */
	OPTION_SECONDS, /* int64_t microseconds, from a decimal number of seconds within min..max (us) */
	OPTION_CHOICE,  /* int: index of the word in `choices` */
	OPTION_CALL,    /* `call` is handed the value (the settings, if `offset` is 0) and the text */
};

struct option_spec {
	const char *name;     /* without dashes */
	char letter;          /* 0: no short form */
	enum option_kind kind;
	size_t offset;        /* of the value in the settings */
	const char *argument; /* metavariable in help: "SECONDS"; NULL for flags */
	const char *help;     /* one sentence part, lower case, no full stop; default included */
	const char *group;    /* heading in help: "Opening", "Closing", ... */
	int64_t min, max;
	const char *const *choices; /* NULL-terminated */
	/* 0, or -1 with a sentence in `why`. */
	int (*call)(void *value, const char *text, char *why, size_t why_len);
	size_t seen; /* offset of a bool that tells whether the option was given; 0: not wanted */
};

/* A subcommand; `options` ends with a NULL name. `run` gets the operands that follow the options. */
struct command {
	const char *name;
	const char *operands; /* "TARGET..." */
	const char *summary;  /* one line for `finwait --help` */
	const char *about;    /* a paragraph for `finwait NAME --help` */
	const struct option_spec *options;
	const void *defaults; /* initial settings, copied */
	size_t settings_size;
	bool user_commands; /* it may run commands of the user: there is a helper (drive/helper.h) for them */
	/* Returns the exit status. Prints errors with complain(). `arguments` are all words of the command
	 * line, for reports. */
	int (*run)(const void *settings, char *const *arguments, char **operands, size_t n);
};

/* Exit status (shared by all commands). */
enum exit_status {
	EXIT_CONFORMS = 0,
	EXIT_VIOLATED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_RUN = 3,
	EXIT_NOTHING_JUDGED = 4,
};

enum option_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_ERROR };

/* Parses argv[1..] by the command's table into `settings`; options and operands may be mixed, "--" ends
 * options, unambiguous abbreviations work. --help and --version are understood for every command.
 * On success *operands and *n are what remains. On error one sentence is in `why`; an unknown option
 * suggests the nearest one. */
enum option_result options_read(const struct command *c, void *settings, int argc, char **argv,
				char ***operands, size_t *n, char *why, size_t why_len);

/* The i-th option of a command, those that every command has (--help, --version) at the end; NULL after
 * the last. */
const struct option_spec *options_at(const struct command *c, size_t i);
/* Whether a value follows it. */
bool options_take_value(const struct option_spec *o);

/* Help in 80 columns, grouped. */
void options_print_help(const struct command *c, FILE *out);
/* The same as mdoc, for the man page: a subsection with an option list per group, escaped for roff. */
void options_print_mdoc(const struct command *c, FILE *out);
/* Bash completion for all commands (a NULL-terminated array). */
void options_print_completion(const struct command *const *commands, FILE *out);

#endif
