/* SPDX-License-Identifier: BSD-2-Clause */
/* From the words of the user to exchanges that can be played: targets are looked up, ways out, sources,
 * ports, numbers and guards are chosen. Everything that needs a privilege happens here. */
#ifndef FINWAIT_CMD_PLAN_H
#define FINWAIT_CMD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/option.h"
#include "cmd/outputs.h"
#include "run/exchange.h"
#include "run/link.h"
#include "wire/guard.h"
#include "wire/wire_link.h"

enum { PLAN_MOST = 4096 };

/* What all commands that talk to targets ask for in the same words; the first member of their settings. */
struct plan_settings {
	int guard;       /* enum guard_method */
	int64_t isn, seed, window, ttl, count;
	bool isn_given, seed_given, syn_options_given;
	struct tcp_options syn_options;
	int64_t interval_us, timeout_us, rate;
	bool json, ipv4, ipv6, quiet, verbose, no_color, strict;
	struct outputs_wanted reports;
	const char *write, *interface, *source;
};

#define PLAN_DEFAULTS PLAN_DEFAULTS_RATE(50)
#define PLAN_DEFAULTS_RATE(n)                                                                                  \
	{                                                                                                      \
		.window = 65535, .ttl = 64, .count = 1, .interval_us = 1000000, .timeout_us = 5000000,         \
		.rate = n,                                                                                     \
	}

/* Their rows, for the tables of options; the groups stand in this order. */
#define PLAN_OPTION(member) .offset = offsetof(struct plan_settings, member)
#define PLAN_OPENING                                                                                           \
	{ .name = "isn", .kind = OPTION_NUMBER, PLAN_OPTION(isn), .argument = "NUMBER", .group = "Opening",    \
	  .max = 0xffffffff, .seen = offsetof(struct plan_settings, isn_given),                                \
	  .help = "initial sequence number (default: from the seed)" },                                        \
	{ .name = "syn-options", .kind = OPTION_CALL, .call = plan_read_syn_options, .argument = "LIST",       \
	  .group = "Opening", .seen = offsetof(struct plan_settings, syn_options_given),                       \
	  .help = "options of our SYN: none, or of mss=N, sackok, ts, wscale=N (default: all four)" },         \
	{ .name = "window", .kind = OPTION_NUMBER, PLAN_OPTION(window), .argument = "BYTES",                   \
	  .group = "Opening", .min = 1, .max = 65535,                                                          \
	  .help = "window field we send; wscale multiplies it (default: 65535)" },                             \
	{ .name = "ttl", .kind = OPTION_NUMBER, PLAN_OPTION(ttl), .argument = "NUMBER", .group = "Opening",    \
	  .min = 1, .max = 255, .help = "TTL or hop limit we send (default: 64)" }
#define PLAN_STRICT                                                                                            \
	{ .name = "strict", .kind = OPTION_FLAG, PLAN_OPTION(strict), .group = "Verdict",                      \
	  .help = "let failures that are only likely, or only a SHOULD, change the exit status" }
#define PLAN_RUNNING                                                                                           \
	{ .name = "count", .letter = 'c', .kind = OPTION_NUMBER, PLAN_OPTION(count), .argument = "N",          \
	  .group = "Running", .min = 1, .max = PLAN_MOST,                                                      \
	  .help = "times per target, at most 4096 in all (default: 1)" },                                      \
	{ .name = "interval", .kind = OPTION_SECONDS, PLAN_OPTION(interval_us), .argument = "SECONDS",         \
	  .group = "Running", .max = 86400000000, .help = "between those of one target (default: 1)" },        \
	{ .name = "rate", .kind = OPTION_NUMBER, PLAN_OPTION(rate), .argument = "N", .group = "Running",       \
	  .min = 1, .max = 100000, .help = "targets to begin with per second (default: 50)" },                 \
	PLAN_TIME
#define PLAN_TIME                                                                                              \
	{ .name = "timeout", .kind = OPTION_SECONDS, PLAN_OPTION(timeout_us), .argument = "SECONDS",           \
	  .group = "Running", .min = 1000, .max = 3600000000,                                                  \
	  .help = "how long to wait for whatever is due (default: 5)" },                                       \
	{ .name = "seed", .kind = OPTION_NUMBER, PLAN_OPTION(seed), .argument = "NUMBER", .group = "Running",  \
	  .max = INT64_MAX, .seen = offsetof(struct plan_settings, seed_given),                                \
	  .help = "repeats the numbers and ports of an earlier run" }
#define PLAN_NETWORK                                                                                           \
	{ .letter = '4', .name = "ipv4", .kind = OPTION_FLAG, PLAN_OPTION(ipv4), .group = "Network",           \
	  .help = "IPv4 only" },                                                                               \
	{ .letter = '6', .name = "ipv6", .kind = OPTION_FLAG, PLAN_OPTION(ipv6), .group = "Network",           \
	  .help = "IPv6 only" },                                                                               \
	{ .name = "interface", .letter = 'i', .kind = OPTION_STRING, PLAN_OPTION(interface),                   \
	  .argument = "NAME", .group = "Network", .help = "leave by this interface" },                         \
	{ .name = "source", .kind = OPTION_STRING, PLAN_OPTION(source), .argument = "ADDR[:PORT]",             \
	  .group = "Network",                                                                                  \
	  .help = "our address; one that is unused on the link is answered for (guard spare)" },               \
	{ .name = "guard", .kind = OPTION_CHOICE, PLAN_OPTION(guard), .argument = "METHOD",                    \
	  .group = "Network", .choices = plan_guard_words,                                                     \
	  .help = "how this host's kernel is kept from interfering (default: auto, the first that "            \
		  "passes its self-test)" }
#define PLAN_OUTPUT                                                                                            \
	{ .name = "write", .letter = 'w', .kind = OPTION_STRING, PLAN_OPTION(write),                           \
	  .argument = "FILE.pcap", .group = "Output", .help = "write what was sent and received" },            \
	{ .name = "json", .kind = OPTION_FLAG, PLAN_OPTION(json), .group = "Output",                           \
	  .help = "JSON Lines on standard output: --report jsonl:-" },                                         \
	{ .name = "report", .kind = OPTION_CALL, .call = outputs_read_report, PLAN_OPTION(reports),            \
	  .argument = "FORMAT:FILE", .group = "Output",                                                        \
	  .help = "text, jsonl or tap to a file, - for standard output; may be repeated" },                    \
	{ .name = "quiet", .letter = 'q', .kind = OPTION_FLAG, PLAN_OPTION(quiet), .group = "Output",          \
	  .help = "one line per result" },                                                                     \
	{ .name = "verbose", .letter = 'v', .kind = OPTION_FLAG, PLAN_OPTION(verbose), .group = "Output",      \
	  .help = "also options, possible states and rules of every segment" },                                \
	{ .name = "no-color", .kind = OPTION_FLAG, PLAN_OPTION(no_color), .group = "Output",                   \
	  .help = "no colour on a terminal either (as the environment variable NO_COLOR)" }

extern const char *const plan_guard_words[];
int plan_read_syn_options(void *settings, const char *text, char *why, size_t why_len);

/* What every exchange of a plan does; all borrowed. */
struct plan_work {
	const struct check *check;
	const uint8_t *data; /* what STEP_SEND sends */
	size_t data_len;
	int64_t hold_us;
	size_t transfer;     /* bytes of the pattern; 0: none */
	bool ports_optional; /* a target without a port: ... */
	uint16_t port;       /* ... it has this one; 0: the driver will say */
};

/* Exchanges in lanes, one lane per target. */
struct plan {
	uint64_t seed;
	struct rule_index rules;
	struct exchange *exchanges;
	size_t count, lane_length;
	struct wire_path *paths; /* one per target */
	size_t paths_count;
	uint16_t *ports;         /* of ours, one per exchange */
	struct guards *guards[2]; /* for own source addresses, for spare ones */
	uint8_t *pattern;
};

/* Plans settings->count times `work` for each target. On failure returns the exit status and a sentence in
 * `why`; 0 is success. What was planned must be freed in both cases. Needs CAP_NET_RAW. */
int plan_make(struct plan *plan, const struct plan_settings *settings, const struct plan_work *work,
	      char **targets, size_t n, char *why, size_t why_len);

/* The method that guards the sources, and a remark on it or "". */
const char *plan_guard(const struct plan *plan, const char **note);

void plan_free(struct plan *plan);

#endif
