/* SPDX-License-Identifier: BSD-2-Clause */
#include "cmd/outputs.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/option.h"
#include "cmd/print.h"

static int add(struct outputs *o, const char *spec, bool captures)
{
	struct output *output = &o->list[o->count];
	const char *colon = strchr(spec, ':');
	const char *others = captures ? "text:FILE or jsonl:FILE" : "text:FILE, jsonl:FILE or tap:FILE";

	output->format = colon ? report_format_find(spec, (size_t)(colon - spec)) : NULL;
	if (!output->format || !colon[1]) {
		complain("'%s' is no report: use %s, - for standard output", spec, others);
		return EXIT_USAGE;
	}
	if (captures && !output->format->findings) {
		complain("'%s': there is no %s report of recorded captures: use %s", spec, output->format->name,
			 others);
		return EXIT_USAGE;
	}
	output->file = strcmp(colon + 1, "-") ? fopen(colon + 1, "we") : stdout;
	if (!output->file) {
		complain("cannot write the report %s: %s", colon + 1, strerror(errno));
		return EXIT_NOT_RUN;
	}
	o->count++;
	return 0;
}

int outputs_read_report(void *wanted, const char *text, char *why, size_t why_len)
{
	struct outputs_wanted *w = wanted;

	if (w->count == OUTPUTS_REPORTS) {
		snprintf(why, why_len, "at most %d reports", OUTPUTS_REPORTS);
		return -1;
	}
	w->specs[w->count++] = text;
	return 0;
}

int outputs_open(struct outputs *o, const struct outputs_wanted *wanted, bool json, bool no_color)
{
	const char *by_environment = getenv("NO_COLOR"); /* https://no-color.org: present and not empty */
	bool to_stdout = json;
	int status = 0;

	*o = (struct outputs){0};
	for (size_t i = 0; i < wanted->count && !status; i++) {
		const char *colon = strchr(wanted->specs[i], ':');

		to_stdout |= colon && !strcmp(colon, ":-");
		status = add(o, wanted->specs[i], wanted->captures);
	}
	if (!status && json)
		status = add(o, "jsonl:-", wanted->captures);
	if (!status && !to_stdout)
		status = add(o, "text:-", wanted->captures);
	o->color = isatty(STDOUT_FILENO) && !no_color && !(by_environment && by_environment[0]);
	o->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	return status;
}

bool outputs_fine(const struct outputs *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (ferror(o->list[i].file))
			return false;
	return true;
}

bool outputs_close(struct outputs *o)
{
	bool complete = true;

	for (size_t i = 0; i < o->count; i++) {
		FILE *file = o->list[i].file;
		bool failed = ferror(file);

		if (file == stdout)
			continue;
		failed |= fflush(file) != 0;
		if (failed)
			complain("a %s report is incomplete: %s", o->list[i].format->name, strerror(errno));
		if (fclose(file) || failed)
			complete = false;
	}
	return complete;
}
