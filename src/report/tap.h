/* SPDX-License-Identifier: BSD-2-Clause */
/* Results as TAP, version 14, for test harnesses; finwait(8) describes what is in it. */
#ifndef FINWAIT_REPORT_TAP_H
#define FINWAIT_REPORT_TAP_H

#include "report/report.h"

extern const struct report_format report_tap;

#endif
