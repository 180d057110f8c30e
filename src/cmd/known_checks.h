/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of src/checks as the reports on the specification want them: without their steps. */
#ifndef FINWAIT_CMD_KNOWN_CHECKS_H
#define FINWAIT_CMD_KNOWN_CHECKS_H

#include "checks/drive.h"
#include "checks/probe.h"
#include "checks/reuse.h"
#include "checks/suite.h"
#include "report/spec.h"

enum { KNOWN_CHECKS = CLOSE_KINDS + TCP_STATES * OPENERS + REUSE_CASES + 1 + REUSE_SYNS + SUITE_CHECKS };

/* Fills in all of them and, behind them, the end. */
void known_checks(struct spec_check checks[KNOWN_CHECKS + 1]);

#endif
