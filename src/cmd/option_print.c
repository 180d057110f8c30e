/* SPDX-License-Identifier: BSD-2-Clause */
/* Help, man page lists and completion, printed from the option tables. */
#include "cmd/option.h"

#include <ctype.h>
#include <string.h>

enum {
	COLUMNS = 79,     /* one less than 80: some terminals wrap after the last */
	HELP_INDENT = 26, /* where the explanation of an option begins */
};

static const char *group_of(const struct option_spec *o)
{
	return o->group ? o->group : "Options";
}

/* Whether the i-th option is the first of its group: groups are printed together even if the table does
 * not keep them together. */
static bool opens_group(const struct command *c, size_t i)
{
	const char *group = group_of(options_at(c, i));

	for (size_t j = 0; j < i; j++)
		if (!strcmp(group_of(options_at(c, j)), group))
			return false;
	return true;
}

/* Calls `print` for each option in the order of their groups, `heading` before each group. */
static void each_grouped(const struct command *c, FILE *out, void (*heading)(const char *, FILE *),
			 void (*print)(const struct option_spec *, FILE *), void (*end)(FILE *))
{
	const struct option_spec *o;

	for (size_t i = 0; (o = options_at(c, i)); i++) {
		if (!opens_group(c, i))
			continue;
		heading(group_of(o), out);
		for (size_t j = i; options_at(c, j); j++)
			if (!strcmp(group_of(options_at(c, j)), group_of(o)))
				print(options_at(c, j), out);
		end(out);
	}
}

/* Words of `text` in lines of at most COLUMNS characters; the first begins at `column`, the others are
 * indented. */
static void print_wrapped(const char *text, size_t column, size_t indent, FILE *out)
{
	bool first = true;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (!first && column + 1 + len > COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, len, out);
		column += len;
		first = false;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static const char *argument_of(const struct option_spec *o)
{
	return o->argument ? o->argument : "VALUE";
}

/* Whether the help already speaks of every choice. */
static bool names_choices(const struct option_spec *o)
{
	for (size_t i = 0; o->choices[i]; i++)
		if (!strstr(o->help, o->choices[i]))
			return false;
	return true;
}

/* The sentence part of an option, with its choices unless it names them. */
static void describe(const struct option_spec *o, char *text, size_t len)
{
	size_t used;

	snprintf(text, len, "%s", o->help);
	if (o->kind != OPTION_CHOICE || names_choices(o))
		return;
	for (size_t i = 0; o->choices[i]; i++) {
		used = strlen(text);
		snprintf(text + used, len - used, "%s%s", i ? ", " : "; one of ", o->choices[i]);
	}
}

static void help_heading(const char *group, FILE *out)
{
	fprintf(out, "\n%s:\n", group);
}

static void help_option(const struct option_spec *o, FILE *out)
{
	char name[64], text[512];
	int column;

	snprintf(name, sizeof(name), "%s%s%s", o->name, options_take_value(o) ? "=" : "",
		 options_take_value(o) ? argument_of(o) : "");
	if (o->letter)
		column = fprintf(out, "  -%c, --%s", o->letter, name);
	else
		column = fprintf(out, "      --%s", name);
	if (column > HELP_INDENT - 2) {
		fputc('\n', out);
		column = 0;
	}
	fprintf(out, "%*s", HELP_INDENT - column, "");
	describe(o, text, sizeof(text));
	print_wrapped(text, HELP_INDENT, HELP_INDENT, out);
}

static void help_end(FILE *out)
{
	(void)out;
}

void options_print_help(const struct command *c, FILE *out)
{
	fprintf(out, "usage: finwait %s [OPTION...]%s%s\n", c->name, c->operands && *c->operands ? " " : "",
		c->operands ? c->operands : "");
	if (c->about) {
		fputc('\n', out);
		print_wrapped(c->about, 0, 0, out);
	}
	each_grouped(c, out, help_heading, help_option, help_end);
}

/* A text line for roff: no control character at its start, backslashes and dashes of options as such. */
static void print_roff(const char *text, FILE *out)
{
	char before = ' ';

	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; before = *text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-' && !isalnum((unsigned char)before))
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

/* A metavariable as argument of a macro: quoted, and never the name of another macro. */
static void print_roff_argument(const char *text, FILE *out)
{
	fputs(" Ar \"", out);
	if (strlen(text) < 4)
		fputs("\\&", out);
	print_roff(text, out);
	fputc('"', out);
}

static void mdoc_heading(const char *group, FILE *out)
{
	fputs(".Pp\n.Em \"", out);
	print_roff(group, out);
	fputs("\"\n.Bl -tag -width Ds\n", out);
}

static void mdoc_option(const struct option_spec *o, FILE *out)
{
	char text[512];

	fputs(".It", out);
	if (o->letter) {
		fprintf(out, " Fl %c", o->letter);
		if (options_take_value(o))
			print_roff_argument(argument_of(o), out);
		fputs(" ,", out);
	}
	fputs(" Fl \\-", out);
	for (const char *p = o->name; *p; p++)
		fprintf(out, *p == '-' ? "\\-" : "%c", *p);
	if (options_take_value(o)) {
		fputs(" Ns = Ns", out);
		print_roff_argument(argument_of(o), out);
	}
	fputc('\n', out);
	describe(o, text, sizeof(text));
	if (o->kind != OPTION_CHOICE) /* may begin with one of its words */
		text[0] = (char)toupper((unsigned char)text[0]);
	print_roff(text, out);
	fputs(".\n", out);
}

static void mdoc_end(FILE *out)
{
	fputs(".El\n", out);
}

void options_print_mdoc(const struct command *c, FILE *out)
{
	fprintf(out, ".Ss finwait %s [option ...] ", c->name);
	print_roff(c->operands ? c->operands : "", out);
	fputc('\n', out);
	print_roff(c->about ? c->about : c->summary, out);
	fputc('\n', out);
	each_grouped(c, out, mdoc_heading, mdoc_option, mdoc_end);
}

static bool names(const struct option_spec *o, const char *word)
{
	return o->argument && strstr(o->argument, word);
}

/* What can follow one option: words, files, network interfaces, or nothing that a shell knows. */
static void complete_value(const struct command *c, const struct option_spec *o, FILE *out)
{
	fprintf(out, "\t'%s --%s'", c->name, o->name);
	if (o->letter)
		fprintf(out, " | '%s -%c'", c->name, o->letter);
	fputs(")\n", out);
	if (o->kind == OPTION_CHOICE) {
		fputs("\t\twords='", out);
		for (size_t i = 0; o->choices[i]; i++)
			fprintf(out, "%s%s", i ? " " : "", o->choices[i]);
		fputs("' ;;\n", out);
	} else if (names(o, "FILE")) {
		fputs("\t\tcompopt -o filenames 2>/dev/null\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		      "\t\treturn ;;\n",
		      out);
	} else if (!strcmp(o->name, "interface")) {
		fputs("\t\twords=$(cd /sys/class/net 2>/dev/null && printf '%s ' *) ;;\n", out);
	} else {
		fputs("\t\treturn ;;\n", out);
	}
}

/* All words that can follow the command itself. */
static void complete_command(const struct command *c, FILE *out)
{
	const struct option_spec *o;

	fprintf(out, "\t%s)\n\t\twords='", c->name);
	for (size_t i = 0; (o = options_at(c, i)); i++)
		fprintf(out, "%s--%s%s", i ? " " : "", o->name, options_take_value(o) ? "=" : "");
	fputs("' ;;\n", out);
}

void options_print_completion(const struct command *const *commands, FILE *out)
{
	const struct option_spec *o;

	fputs("# SPDX-License-Identifier: BSD-2-Clause\n"
	      "# bash completion for finwait, printed by: finwait help --completion=bash\n"
	      "_finwait()\n"
	      "{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal command=${COMP_WORDS[1]} words='' word list\n"
	      "\tlocal commands='",
	      out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", commands[i]->name);
	fputs("'\n\n"
	      "\tCOMPREPLY=()\n"
	      "\t# readline cuts --option=value at the equals sign\n"
	      "\tif [[ $cur == = ]]; then\n"
	      "\t\tcur=''\n"
	      "\telif [[ $prev == = ]]; then\n"
	      "\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n"
	      "\tfi\n"
	      "\tif ((COMP_CWORD == 1)); then\n"
	      "\t\tcommand='' words=\"$commands --help --version\"\n"
	      "\telif [[ $command == help && $cur != -* ]]; then\n"
	      "\t\twords=$commands\n"
	      "\tfi\n"
	      "\tcase \"$command $prev\" in\n",
	      out);
	for (size_t i = 0; commands[i]; i++)
		for (size_t j = 0; (o = options_at(commands[i], j)); j++)
			if (options_take_value(o))
				complete_value(commands[i], o, out);
	fputs("\tesac\n"
	      "\t[[ $words || $cur != -* ]] || case $command in\n",
	      out);
	for (size_t i = 0; commands[i]; i++)
		complete_command(commands[i], out);
	fputs("\tesac\n"
	      "\t# not compgen -W, which would expand what stands in the name of an interface\n"
	      "\tread -ra list <<<\"$words\"\n"
	      "\tfor word in \"${list[@]}\"; do\n"
	      "\t\t[[ $word != \"$cur\"* ]] || COMPREPLY+=(\"$word\")\n"
	      "\tdone\n"
	      "\t[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null\n"
	      "}\n"
	      "complete -F _finwait finwait\n",
	      out);
}
