/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait probe: one verified handshake and close per target. */
#include <stdlib.h>
#include <string.h>

#include "checks/probe.h"
#include "cmd/commands.h"
#include "cmd/print.h"
#include "cmd/session.h"
#include "core/escape.h"

struct probe_settings {
	struct plan_settings plan; /* first: the rows of plan.h are about it */
	int close;  /* enum close_kind */
	int expect; /* enum reach */
	const char *send;
};

/* What --send means, into *data, which is the caller's to free. 0, or an exit status after a complaint. */
static int read_data(const char *text, uint8_t **data, size_t *len)
{
	char why[120];
	long n;

	*data = NULL;
	*len = 0;
	if (!text)
		return 0;
	*data = malloc(strlen(text) + 1);
	if (!*data) {
		complain("out of memory");
		return EXIT_NOT_RUN;
	}
	n = escape_read(*data, text, strlen(text), why, sizeof why);
	if (n < 0) {
		complain("--send: %s", why);
		return EXIT_USAGE;
	}
	*len = (size_t)n;
	return 0;
}

static int probe(const void *settings, char *const *arguments, char **targets, size_t n)
{
	const struct probe_settings *s = settings;
	struct plan_work work = { .check = &probe_checks[s->close] };
	struct session session = { .settings = &s->plan, .work = &work, .arguments = arguments,
				   .targets = targets, .targets_count = n, .expect = (enum reach)s->expect };
	uint8_t *data = NULL;
	int status;

	if (!n) {
		complain("no target: finwait probe HOST:PORT");
		return EXIT_USAGE;
	}
	status = session_check_words(&s->plan);
	if (!status)
		status = read_data(s->send, &data, &work.data_len);
	work.data = data;
	if (!status)
		status = session_may_craft() ? session_run(&session) : EXIT_NOT_RUN;
	free(data);
	return status;
}

/* ---- options ----------------------------------------------------------------------------------- */

static const char *const close_words[] = { "fin", "half", "wait", "simultaneous", "rst", "none", NULL };
static const char *const expect_words[] = { "any", "open", "closed", "silent", NULL };

static const struct probe_settings defaults = { .plan = PLAN_DEFAULTS, .close = CLOSE_FIN };

#define AT(member) offsetof(struct probe_settings, member)

static const struct option_spec options[] = {
	PLAN_OPENING,
	{ .name = "send", .kind = OPTION_STRING, .offset = AT(send), .argument = "TEXT",
	  .group = "Opening", .help = "text to send once open (\\r, \\n, \\xNN ...); the answer is read and shown" },
	{ .name = "close", .kind = OPTION_CHOICE, .offset = AT(close), .argument = "HOW",
	  .group = "Closing", .choices = close_words,
	  .help = "fin: our FIN first (default); half: our FIN, then all that the target still sends; "
		  "wait: the target closes first; simultaneous: the FINs cross; rst: reset; none: not "
		  "judged" },
	{ .name = "expect", .kind = OPTION_CHOICE, .offset = AT(expect), .argument = "WHAT",
	  .group = "Verdict", .choices = expect_words,
	  .help = "let the exit status answer, 0 or 1, whether the port is open, closed or silent; 3 if "
		  "it could not be tried" },
	PLAN_STRICT,
	PLAN_RUNNING,
	PLAN_NETWORK,
	PLAN_OUTPUT,
	{ .name = NULL },
};

const struct command cmd_probe = {
	.name = "probe",
	.operands = "TARGET...",
	.summary = "one verified handshake and close per target",
	.about = "Opens a TCP connection to each TARGET (HOST:PORT, [IPV6]:PORT) with segments of its own "
		 "making, closes it, judges every answer against RFC 9293 and shows the exchange.",
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(struct probe_settings),
	.run = probe,
};
