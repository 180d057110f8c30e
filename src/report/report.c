/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/report.h"

#include <string.h>

#include "report/jsonl.h"
#include "report/text.h"

const struct report_format *report_format_find(const char *name, size_t name_len)
{
	for (size_t i = 0; report_formats[i]; i++)
		if (strlen(report_formats[i]->name) == name_len &&
		    !memcmp(report_formats[i]->name, name, name_len))
			return report_formats[i];
	return NULL;
}

const struct report_format *const report_formats[] = { &report_text, &report_jsonl, NULL };
