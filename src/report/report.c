/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/report.h"

#include <string.h>

#include "report/jsonl.h"
#include "report/tap.h"
#include "report/text.h"

static int weight(const struct verdict *v)
{
	if (v->certainty != CERTAIN)
		return 0;
	return v->rule->class == CLASS_MUST || v->rule->class == CLASS_SPEC ? 2 : 1;
}

const struct verdict *report_leading(const struct exchange *x)
{
	const struct verdict *leading = x->verdicts_count ? &x->verdicts[0] : NULL;

	for (size_t i = 1; i < x->verdicts_count; i++)
		if (weight(&x->verdicts[i]) > weight(leading))
			leading = &x->verdicts[i];
	return leading;
}

const char *report_reason(const struct exchange *x)
{
	const struct verdict *v = report_leading(x);

	if (v)
		return v->reason;
	/* What a drive is about does not stand first. */
	for (size_t i = 0; i < x->points_count; i++)
		if (x->points[i].outcome == x->outcome &&
		    (x->outcome != OUTCOME_PASS || !x->params.check->goal || !strcmp(x->points[i].name, "reached")))
			return x->points[i].text;
	return "";
}

const struct report_format *report_format_find(const char *name, size_t name_len)
{
	for (size_t i = 0; report_formats[i]; i++)
		if (strlen(report_formats[i]->name) == name_len &&
		    !memcmp(report_formats[i]->name, name, name_len))
			return report_formats[i];
	return NULL;
}

const struct report_format *const report_formats[] = { &report_text, &report_jsonl, &report_tap, NULL };
