/* SPDX-License-Identifier: BSD-2-Clause */
/* Results as JSON Lines; finwait(8) describes the fields. */
#ifndef FINWAIT_REPORT_JSONL_H
#define FINWAIT_REPORT_JSONL_H

#include "report/report.h"

extern const struct report_format report_jsonl;

#endif
