/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait probe: one verified handshake and close per target. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks/probe.h"
#include "cmd/commands.h"
#include "cmd/exit_status.h"
#include "cmd/interrupt.h"
#include "cmd/outputs.h"
#include "cmd/print.h"
#include "cmd/probe_plan.h"
#include "report/report.h"
#include "run/runner.h"
#include "wire/privs.h"

enum { WHY = 700 };

/* ---- reports ----------------------------------------------------------------------------------- */

struct session {
	const struct probe_settings *settings;
	char **targets;
	struct probe_plan plan;
	struct report_run run;
	struct report_totals totals;
	struct outputs outputs;
	int status; /* EXIT_UNDECIDED until something was judged */
};

/* 0, or an exit status after a complaint. */
static int open_reports(struct session *session)
{
	const struct probe_settings *s = session->settings;
	int status = outputs_open(&session->outputs, &s->reports, s->json, s->no_color);

	session->run.color = session->outputs.color;
	session->run.utf8 = session->outputs.utf8;
	session->run.verbosity = s->quiet ? -1 : s->verbose;
	return status;
}

/* ---- exit status ------------------------------------------------------------------------------- */

static int status_of(const struct probe_settings *s, const struct exchange *x)
{
	int status = EXIT_CONFORMS;

	if (x->error[0] || (x->interrupted && s->expect != REACH_NONE))
		return EXIT_NOT_RUN;
	if (s->expect != REACH_NONE)
		return x->reach == (enum reach)s->expect ? EXIT_CONFORMS : EXIT_VIOLATED;
	for (size_t i = 0; i < x->points_count; i++)
		if (x->points[i].outcome != OUTCOME_PASS)
			status = EXIT_NOTHING_JUDGED;
	if (x->interrupted)
		status = EXIT_NOT_RUN;
	for (size_t i = 0; i < x->verdicts_count; i++)
		if (exit_status_counts(s->strict, &x->verdicts[i]))
			status = EXIT_VIOLATED;
	return status;
}

static void finished(void *arg, size_t index)
{
	struct session *session = arg;
	struct exchange *x = &session->plan.exchanges[index];
	static const char *const found[] = { "neither", "open", "closed", "silent" };
	char expected[64];
	const struct report_result result = {
		.target = session->targets[index / session->plan.lane_length],
		.exchange = x,
		.expected = session->settings->expect != REACH_NONE ? expected : NULL,
	};
	unsigned *totals[] = {
		[OUTCOME_PASS] = &session->totals.passed,
		[OUTCOME_SKIP] = &session->totals.inconclusive,
		[OUTCOME_INCONCLUSIVE] = &session->totals.inconclusive,
		[OUTCOME_ERROR] = &session->totals.errors,
		[OUTCOME_FAIL] = &session->totals.failed,
	};

	snprintf(expected, sizeof expected, "%s, found %s", found[session->settings->expect],
		 found[x->reach]);
	for (size_t i = 0; i < session->outputs.count; i++) {
		struct output *o = &session->outputs.list[i];

		o->format->result(o->file, &session->run, &result);
		if (ferror(o->file)) /* nobody reads on: enough */
			interrupt_stop = 1;
	}
	++*totals[x->outcome];
	session->status = exit_status_worse(session->status, status_of(session->settings, x));
	exchange_free(x);
}

/* ---- the run ----------------------------------------------------------------------------------- */

/* The second drop of privileges; from here on packets may be decoded. */
static int drop(struct session *session, char *why, size_t why_len)
{
	if (privs_drop(why, why_len))
		return EXIT_NOT_RUN;
	for (size_t i = 0; i < session->plan.paths_count; i++) {
		struct wire_path *path = &session->plan.paths[i];

		if (path->spare && spare_claim(path->spare, &path->target, why, why_len))
			return EXIT_NOT_RUN;
	}
	return 0;
}

static void play(struct session *session, struct link *link)
{
	const struct run run = {
		.link = link,
		.exchanges = session->plan.exchanges,
		.count = session->plan.count,
		.lane_length = session->plan.lane_length,
		.interval_us = session->settings->interval_us,
		.stagger_us = 1000000 / session->settings->rate,
		.finished = finished,
		.arg = session,
	};
	struct wire_stats stats;

	session->run.seed = session->plan.seed;
	session->run.guard = probe_plan_guard(&session->plan, &session->run.guard_note);
	for (size_t i = 0; i < session->outputs.count; i++)
		session->outputs.list[i].format->begin(session->outputs.list[i].file, &session->run);
	if (run_all(&run) != RUN_DONE)
		session->status = exit_status_worse(session->status, EXIT_NOT_RUN);
	for (size_t i = 0; i < run.count; i++)
		session->totals.not_begun += !run.exchanges[i].started;
	wire_link_stats(link, &stats);
	session->run.capture_drops = stats.dropped;
	if (stats.dropped)
		session->status = exit_status_worse(session->status, EXIT_NOTHING_JUDGED);
	for (size_t i = 0; i < session->outputs.count; i++)
		session->outputs.list[i].format->end(session->outputs.list[i].file, &session->run,
						&session->totals);
}

static int probe_all(struct session *session, size_t n)
{
	const struct probe_settings *s = session->settings;
	struct link *link = NULL;
	char why[WHY] = "";
	int status;

	interrupt_catch();
	status = probe_plan(&session->plan, s, session->targets, n, why, sizeof why);
	if (!status) {
		link = wire_link_open(session->plan.paths, session->plan.paths_count, s->write,
				      &interrupt_stop, why, sizeof why);
		status = link ? drop(session, why, sizeof why) : EXIT_NOT_RUN;
	}
	if (status)
		complain("%s", why);
	else
		play(session, link);
	if (link && wire_link_close(link, why, sizeof why)) {
		complain("%s", why);
		status = EXIT_NOT_RUN;
	}
	probe_plan_free(&session->plan);
	return status ? status : session->status;
}

static int check_words(const struct probe_settings *s, size_t n)
{
	if (!n)
		complain("no target: finwait probe HOST:PORT");
	else if (s->ipv4 && s->ipv6)
		complain("-4 and -6 exclude each other");
	else if (s->interface && !s->interface[0])
		complain("-i wants the name of an interface");
	else if (s->quiet && s->verbose)
		complain("-q and -v exclude each other");
	else
		return 0;
	return EXIT_USAGE;
}

static int probe(const void *settings, char *const *arguments, char **targets, size_t n)
{
	struct session session = { .settings = settings, .targets = targets, .status = EXIT_UNDECIDED };
	struct privs have;
	int status = check_words(settings, n);

	if (status)
		return status;
	session.run.arguments = arguments;
	privs_current(&have);
	if (!have.raw) {
		complain("no privilege to craft segments (CAP_NET_RAW): run 'setcap "
			 "cap_net_raw,cap_net_admin+ep' on this program as root, or try it in finwait-lab");
		return EXIT_NOT_RUN;
	}
	status = open_reports(&session);
	if (!status)
		status = probe_all(&session, n);
	return outputs_close(&session.outputs) ? status : exit_status_worse(status, EXIT_NOT_RUN);
}

/* ---- options ----------------------------------------------------------------------------------- */

static int read_syn_options(void *settings, const char *text, char *why, size_t why_len)
{
	struct probe_settings *s = settings;

	return options_from_text(&s->syn_options, text, why, why_len) ? 0 : -1;
}

static const struct probe_settings defaults = {
	.close = CLOSE_FIN,
	.window = 65535,
	.ttl = 64,
	.count = 1,
	.interval_us = 1000000,
	.timeout_us = 5000000,
	.rate = 50,
};

static const char *const close_words[] = { "fin", "half", "wait", "simultaneous", "rst", "none", NULL };
static const char *const expect_words[] = { "any", "open", "closed", "silent", NULL };
static const char *const guard_words[] = { "auto", "filter", "min-ttl", "nftables", "spare", NULL };

#define AT(member) offsetof(struct probe_settings, member)

static const struct option_spec options[] = {
	{ .name = "isn", .kind = OPTION_NUMBER, .offset = AT(isn), .argument = "NUMBER", .group = "Opening",
	  .max = 0xffffffff, .seen = AT(isn_given),
	  .help = "initial sequence number (default: from the seed)" },
	{ .name = "syn-options", .kind = OPTION_CALL, .call = read_syn_options, .argument = "LIST",
	  .group = "Opening", .seen = AT(syn_options_given),
	  .help = "options of our SYN: none, or of mss=N, sackok, ts, wscale=N (default: all four)" },
	{ .name = "window", .kind = OPTION_NUMBER, .offset = AT(window), .argument = "BYTES",
	  .group = "Opening", .min = 1, .max = 65535, .help = "window field we send; wscale multiplies it (default: 65535)" },
	{ .name = "ttl", .kind = OPTION_NUMBER, .offset = AT(ttl), .argument = "NUMBER",
	  .group = "Opening", .min = 1, .max = 255, .help = "TTL or hop limit we send (default: 64)" },
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
	{ .name = "strict", .kind = OPTION_FLAG, .offset = AT(strict), .group = "Verdict",
	  .help = "let failures that are only likely, or only a SHOULD, change the exit status" },
	{ .name = "count", .letter = 'c', .kind = OPTION_NUMBER, .offset = AT(count), .argument = "N",
	  .group = "Running", .min = 1, .max = PROBE_MOST, .help = "probes per target, at most 4096 in all (default: 1)" },
	{ .name = "interval", .kind = OPTION_SECONDS, .offset = AT(interval_us), .argument = "SECONDS",
	  .group = "Running", .max = 86400000000, .help = "between probes of one target (default: 1)" },
	{ .name = "rate", .kind = OPTION_NUMBER, .offset = AT(rate), .argument = "N", .group = "Running",
	  .min = 1, .max = 100000, .help = "targets to begin with per second (default: 50)" },
	{ .name = "timeout", .kind = OPTION_SECONDS, .offset = AT(timeout_us), .argument = "SECONDS",
	  .group = "Running", .min = 1000, .max = 3600000000,
	  .help = "how long to wait for whatever is due (default: 5)" },
	{ .name = "seed", .kind = OPTION_NUMBER, .offset = AT(seed), .argument = "NUMBER",
	  .group = "Running", .max = INT64_MAX, .seen = AT(seed_given),
	  .help = "repeats the numbers and ports of an earlier run" },
	{ .letter = '4', .name = "ipv4", .kind = OPTION_FLAG, .offset = AT(ipv4), .group = "Network",
	  .help = "IPv4 only" },
	{ .letter = '6', .name = "ipv6", .kind = OPTION_FLAG, .offset = AT(ipv6), .group = "Network",
	  .help = "IPv6 only" },
	{ .name = "interface", .letter = 'i', .kind = OPTION_STRING, .offset = AT(interface),
	  .argument = "NAME", .group = "Network", .help = "leave by this interface" },
	{ .name = "source", .kind = OPTION_STRING, .offset = AT(source), .argument = "ADDR[:PORT]",
	  .group = "Network",
	  .help = "our address; one that is unused on the link is answered for (guard spare)" },
	{ .name = "guard", .kind = OPTION_CHOICE, .offset = AT(guard), .argument = "METHOD",
	  .group = "Network", .choices = guard_words,
	  .help = "how this host's kernel is kept from interfering (default: auto, the first that "
		  "passes its self-test)" },
	{ .name = "write", .letter = 'w', .kind = OPTION_STRING, .offset = AT(write),
	  .argument = "FILE.pcap", .group = "Output", .help = "write what was sent and received" },
	{ .name = "json", .kind = OPTION_FLAG, .offset = AT(json), .group = "Output",
	  .help = "JSON Lines on standard output: --report jsonl:-" },
	{ .name = "report", .kind = OPTION_CALL, .call = outputs_read_report, .offset = AT(reports),
	  .argument = "FORMAT:FILE", .group = "Output", .help = "text or jsonl to a file, - for standard output; may be repeated" },
	{ .name = "quiet", .letter = 'q', .kind = OPTION_FLAG, .offset = AT(quiet), .group = "Output",
	  .help = "one line per probe" },
	{ .name = "verbose", .letter = 'v', .kind = OPTION_FLAG, .offset = AT(verbose),
	  .group = "Output", .help = "also options, possible states and rules of every segment" },
	{ .name = "no-color", .kind = OPTION_FLAG, .offset = AT(no_color), .group = "Output",
	  .help = "no colour on a terminal either (as the environment variable NO_COLOR)" },
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
