/* SPDX-License-Identifier: BSD-2-Clause */
/* Results as text for a terminal of 80 columns. */
#ifndef FINWAIT_REPORT_TEXT_H
#define FINWAIT_REPORT_TEXT_H

#include "report/report.h"

extern const struct report_format report_text;

#endif
