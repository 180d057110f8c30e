/* SPDX-License-Identifier: BSD-2-Clause */
/* The subcommands: one file each in src/cmd; the table is at the bottom of main.c. */
#ifndef FINWAIT_CMD_COMMANDS_H
#define FINWAIT_CMD_COMMANDS_H

#include <stdio.h>

#include "cmd/option.h"

extern const struct command cmd_check;
extern const struct command cmd_drive;
extern const struct command cmd_explain;
extern const struct command cmd_help;
extern const struct command cmd_list;
extern const struct command cmd_probe;
extern const struct command cmd_reuse;
extern const struct command cmd_test;

/* All of them, in the order of `finwait --help`; ends with NULL. */
extern const struct command *const commands[];

/* NULL if there is none of that name. */
const struct command *command_by_name(const char *name);

/* Complains about a word that is no subcommand, with the most similar one, or, if the word looks like a
 * target, with the command that was probably meant. */
void command_unknown(const char *word);

/* What `finwait --help` prints. */
void help_print_overview(FILE *out);

#endif
