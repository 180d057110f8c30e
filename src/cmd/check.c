/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait check: verdicts on both ends of every connection of recorded captures. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/check_ladder.h"
#include "cmd/commands.h"
#include "cmd/exit_status.h"
#include "cmd/interrupt.h"
#include "cmd/outputs.h"
#include "cmd/print.h"
#include "report/findings.h"
#include "run/track.h"
#include "wire/clock.h"
#include "wire/pcapfile.h"
#include "wire/privs.h"

enum {
	WHY = 700,
	NEAR = 64,
	LOOK_AT_CLOCK = 8192, /* frames */
	PATIENCE_MS = 1000,   /* before progress is shown, ... */
	PROGRESS_MS = 250,    /* ... and again */
};

struct check_settings {
	struct address near[NEAR];
	uint32_t near_count;
	int64_t max_connections, connection, ladder;
	bool json, quiet, verbose, no_color, strict;
	struct outputs_wanted reports;
};

struct session {
	const struct check_settings *settings;
	struct rule_index rules;
	struct outputs outputs;
	struct findings_run run;
	struct findings_totals totals, file; /* of all files, and of the one that is read */
	struct check_ladder *ladder;         /* NULL: none is wanted */
	const struct address *missing[NEAR]; /* --near, and no segment yet */
	uint32_t missing_count;
	uint64_t seed;
	bool violated, no_memory;
	int64_t started_ms, shown_ms; /* shown_ms 0: there is no progress on the terminal */
	int status;
};

/* ---- progress ---------------------------------------------------------------------------------- */

static void hide_progress(struct session *session)
{
	if (session->shown_ms)
		fputs("\r\x1b[K", stderr);
	session->shown_ms = 0;
}

static void show_progress(struct session *session, const struct track *track)
{
	int64_t now_ms;

	if (!isatty(STDERR_FILENO) || session->settings->quiet)
		return;
	now_ms = clock_ms();
	if (now_ms - session->started_ms < PATIENCE_MS || now_ms - session->shown_ms < PROGRESS_MS)
		return;
	fprintf(stderr, "\r%" PRIu64 " frames, %" PRIu32 " connections in memory\x1b[K", session->file.frames,
		track_count(track));
	session->shown_ms = now_ms;
}

/* ---- what is found ----------------------------------------------------------------------------- */

static void violation(void *arg, const struct track_name *name, unsigned end, const struct verdict *v)
{
	struct session *session = arg;

	hide_progress(session);
	for (size_t i = 0; i < session->outputs.count; i++) {
		const struct output *o = &session->outputs.list[i];

		o->format->findings->violation(o->file, &session->run, name, end, v);
	}
	session->violated |= exit_status_counts(session->settings->strict, v);
}

static void connection(void *arg, const struct track_summary *s)
{
	struct session *session = arg;

	hide_progress(session);
	for (size_t i = 0; i < session->outputs.count; i++) {
		const struct output *o = &session->outputs.list[i];

		o->format->findings->connection(o->file, &session->run, s);
	}
}

static void segment(void *arg, const struct track_name *name, unsigned end, const struct segment *s,
		    const struct judgement *j, const struct conn *c)
{
	struct session *session = arg;

	check_ladder_add(session->ladder, name, end, s, j, c);
}

static void complain_of_none(struct session *session, int64_t wanted)
{
	if (interrupt_stop) /* it may have come later */
		return;
	complain("%s has no connection %" PRId64, session->run.file, wanted);
	session->status = exit_status_worse(session->status, EXIT_NOTHING_JUDGED);
}

static void draw_ladder(struct session *session)
{
	struct ladder_picture picture;

	if (!session->ladder)
		return;
	if (!session->ladder->begun) {
		complain_of_none(session, session->settings->ladder);
		return;
	}
	picture = check_ladder_picture(session->ladder);
	for (size_t i = 0; i < session->outputs.count; i++) {
		const struct output *o = &session->outputs.list[i];

		o->format->findings->ladder(o->file, &session->run, &session->ladder->name, &picture);
	}
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void leave_out(struct findings_totals *file, enum decode_status status)
{
	uint64_t *counts[] = {
		[DECODE_ICMP_ERROR] = &file->others,     [DECODE_OTHER] = &file->others,
		[DECODE_FRAGMENT] = &file->fragments,    [DECODE_TRUNCATED] = &file->truncated,
		[DECODE_DAMAGED] = &file->contradictory,
	};

	++*counts[status];
}

static void notice_hosts(struct session *session, const struct segment *s)
{
	for (uint32_t i = session->missing_count; i-- > 0;)
		if (address_equal(session->missing[i], &s->src.addr) ||
		    address_equal(session->missing[i], &s->dst.addr))
			session->missing[i] = session->missing[--session->missing_count];
}

static void take_frame(struct session *session, struct track *track, enum decode_link link,
		       const struct pcapfile_frame *frame)
{
	struct decode_packet packet;
	struct segment s;
	enum decode_status status =
		decode_frame(link, frame->bytes, frame->captured, frame->len, &s, &packet);

	session->file.frames++;
	if (status != DECODE_TCP) {
		leave_out(&session->file, status);
		return;
	}
	notice_hosts(session, &s);
	s.t_us = frame->real_us;
	s.frame = frame->number;
	session->no_memory = !track_segment(track, &s);
}

/* Returns -1 with a sentence in `why` if the file ends too early. */
static int read_frames(struct session *session, struct pcapreader *reader, struct track *track, char *why)
{
	struct pcapfile_frame frame;
	int result = 0;

	while (!interrupt_stop && !session->no_memory &&
	       (result = pcapfile_next(reader, &frame, why, WHY)) > 0) {
		take_frame(session, track, pcapfile_link(reader), &frame);
		if (session->file.frames % LOOK_AT_CLOCK)
			continue;
		show_progress(session, track);
		if (!outputs_fine(&session->outputs)) /* nobody reads on: enough */
			interrupt_stop = 1;
	}
	if (session->no_memory)
		snprintf(why, WHY, "there is no memory left after frame %" PRIu64 "; try --max-connections",
			 session->file.frames);
	return session->no_memory || (result < 0 && !interrupt_stop) ? -1 : 0;
}

static void add_totals(struct findings_totals *sum, const struct findings_totals *f)
{
	const struct track_totals *t = &f->tracked;

	sum->files += f->files;
	sum->damaged += f->damaged;
	sum->frames += f->frames;
	sum->fragments += f->fragments;
	sum->truncated += f->truncated;
	sum->contradictory += f->contradictory;
	sum->others += f->others;
	sum->tracked.segments += t->segments;
	sum->tracked.judged += t->judged;
	sum->tracked.duplicates += t->duplicates;
	sum->tracked.bad_checksums += t->bad_checksums;
	sum->tracked.unknown_checksums += t->unknown_checksums;
	sum->tracked.connections += t->connections;
	sum->tracked.evicted += t->evicted;
	for (int i = 0; i < HANDSHAKES; i++)
		sum->tracked.handshakes[i] += t->handshakes[i];
	for (int i = 0; i < ENDINGS; i++)
		sum->tracked.endings[i] += t->endings[i];
	for (int class = 0; class <= CLASS_CHOICE; class ++)
		for (int certainty = 0; certainty <= LIKELY; certainty++)
			sum->tracked.findings[class][certainty] += t->findings[class][certainty];
}

static void report_damage(struct session *session, const char *why)
{
	complain("%s", why);
	session->file.damaged = 1;
	session->status = exit_status_worse(session->status, EXIT_NOT_RUN);
	for (size_t i = 0; i < session->outputs.count; i++) {
		const struct output *o = &session->outputs.list[i];

		if (o->format->findings->damage)
			o->format->findings->damage(o->file, &session->run, why);
	}
}

static void read_file(struct session *session, struct pcapreader *reader, struct track *track)
{
	int64_t wanted = session->settings->connection;
	char why[WHY] = "";
	bool damaged = read_frames(session, reader, track, why) != 0;

	track_finish(track);
	hide_progress(session);
	draw_ladder(session);
	if (damaged)
		report_damage(session, why);
	session->file.tracked = *track_totals(track);
	if (wanted >= 0 && (uint64_t)wanted >= session->file.tracked.connections &&
	    wanted != session->settings->ladder)
		complain_of_none(session, wanted);
	if (session->violated)
		session->status = exit_status_worse(session->status, EXIT_VIOLATED);
	session->status = exit_status_worse(session->status, session->file.tracked.judged ?
								     EXIT_CONFORMS : EXIT_NOTHING_JUDGED);
}

static struct track *start_track(struct session *session)
{
	const struct check_settings *s = session->settings;
	const struct track_params params = {
		.rules = &session->rules,
		.seed = session->seed,
		.max_connections = (uint32_t)s->max_connections,
		.near = s->near,
		.near_count = s->near_count,
		.only = s->connection,
		.watch = s->ladder,
		.violation = violation,
		.connection = s->verbose || s->json || s->reports.count ? connection : NULL,
		.segment = session->ladder ? segment : NULL,
		.arg = session,
	};

	return track_new(&params);
}

static void check_file(struct session *session, const char *path)
{
	char why[WHY] = "";
	struct pcapreader *reader;
	struct track *track;

	session->run.file = path;
	session->file = (struct findings_totals){.files = 1};
	session->violated = false;
	session->started_ms = clock_ms();
	reader = pcapfile_open(path, why, sizeof why);
	track = reader ? start_track(session) : NULL;
	if (track)
		read_file(session, reader, track);
	else
		report_damage(session, reader ? "there is no memory left" : why);
	add_totals(&session->totals, &session->file);
	track_free(track);
	pcapfile_close_reader(reader);
}

/* A capture of other hosts is judged all the same, as one that was made at none of its hosts. */
static void note_missing(const struct session *session)
{
	char text[ADDRESS_TEXT];

	for (uint32_t i = 0; i < session->missing_count; i++)
		complain("--near %s: no segment is from or to this address",
			 address_text(session->missing[i], text));
}

static int check_files(struct session *session, char **files, size_t n)
{
	for (size_t i = 0; i < session->outputs.count; i++)
		session->outputs.list[i].format->findings->begin(session->outputs.list[i].file,
								 &session->run);
	for (size_t i = 0; i < n && !interrupt_stop; i++)
		check_file(session, files[i]);
	if (interrupt_stop) {
		session->totals.interrupted = true;
		session->status = exit_status_worse(session->status, EXIT_NOT_RUN);
	} else if (session->totals.tracked.segments) {
		note_missing(session);
	}
	for (size_t i = 0; i < session->outputs.count; i++)
		session->outputs.list[i].format->findings->end(session->outputs.list[i].file, &session->run,
							       &session->totals);
	return session->status;
}

/* ---- the command ------------------------------------------------------------------------------- */

/* The capture that a report would be written over; NULL: none. */
static const char *overwritten(const struct check_settings *s, char **files, size_t n)
{
	for (size_t r = 0; r < s->reports.count; r++) {
		const char *colon = strchr(s->reports.specs[r], ':');
		struct stat report, file;

		if (!colon || stat(colon + 1, &report) || !S_ISREG(report.st_mode))
			continue;
		for (size_t i = 0; i < n; i++)
			if (!stat(files[i], &file) && file.st_dev == report.st_dev &&
			    file.st_ino == report.st_ino)
				return files[i];
	}
	return NULL;
}

static int check_words(const struct check_settings *s, char **files, size_t n)
{
	const char *lost = overwritten(s, files, n);
	size_t inputs = 0;

	for (size_t i = 0; i < n; i++)
		inputs += !strcmp(files[i], "-");
	if (!n)
		complain("no file: finwait check FILE, or - for standard input");
	else if (inputs > 1)
		complain("standard input can be read only once");
	else if (s->quiet && s->verbose)
		complain("-q and -v exclude each other");
	else if (n > 1 && (s->connection >= 0 || s->ladder >= 0))
		complain("--connection and --ladder are for one file");
	else if (lost)
		complain("a report would overwrite %s", lost);
	else
		return 0;
	return EXIT_USAGE;
}

static int check(const void *settings, char *const *arguments, char **files, size_t n)
{
	const struct check_settings *s = settings;
	struct session session = {.settings = s, .status = EXIT_UNDECIDED};
	char why[WHY] = "";
	int status = check_words(s, files, n);

	if (status)
		return status;
	if (privs_drop(why, sizeof why)) {
		complain("%s", why);
		return EXIT_NOT_RUN;
	}
	status = outputs_open(&session.outputs, &s->reports, s->json, s->no_color);
	session.run = (struct findings_run){
		.arguments = arguments,
		.verbosity = s->quiet ? -1 : s->verbose,
		.color = session.outputs.color,
		.utf8 = session.outputs.utf8,
		.several = n > 1,
	};
	if (getrandom(&session.seed, sizeof session.seed, GRND_NONBLOCK) < 0)
		session.seed = (uint64_t)clock_ms();
	if (s->ladder >= 0)
		session.ladder = calloc(1, sizeof(*session.ladder));
	if (!status && s->ladder >= 0 && !session.ladder) {
		complain("there is no memory left");
		status = EXIT_NOT_RUN;
	}
	rule_index_init(&session.rules);
	if (!status) {
		for (; session.missing_count < s->near_count; session.missing_count++)
			session.missing[session.missing_count] = &s->near[session.missing_count];
		interrupt_catch();
		status = check_files(&session, files, n);
	}
	free(session.ladder);
	return outputs_close(&session.outputs) ? status : exit_status_worse(status, EXIT_NOT_RUN);
}

static int read_near(void *settings, const char *text, char *why, size_t why_len)
{
	struct check_settings *s = settings;

	if (s->near_count == NEAR) {
		snprintf(why, why_len, "at most %d addresses", NEAR);
		return -1;
	}
	if (address_parse(&s->near[s->near_count], text)) {
		s->near_count++;
		return 0;
	}
	snprintf(why, why_len, "--near wants an address such as 198.18.0.1, not '%s'", text);
	return -1;
}

static const struct check_settings defaults = {
	.max_connections = 1000000,
	.connection = -1,
	.ladder = -1,
	.reports = {.captures = true},
};

#define AT(member) offsetof(struct check_settings, member)

static const struct option_spec options[] = {
	{.name = "near",
	 .kind = OPTION_CALL,
	 .call = read_near,
	 .argument = "ADDRESS",
	 .group = "Judging",
	 .help = "the capture was made at this host; may be repeated (default: deduced from handshakes)"},
	{.name = "max-connections",
	 .kind = OPTION_NUMBER,
	 .offset = AT(max_connections),
	 .argument = "N",
	 .group = "Judging",
	 .min = 1,
	 .max = 16000000,
	 .help = "open at the same time; of more the idlest is left out (default: 1000000)"},
	{.name = "strict",
	 .kind = OPTION_FLAG,
	 .offset = AT(strict),
	 .group = "Judging",
	 .help = "let failures that are only likely, or only a SHOULD, change the exit status"},
	{.name = "connection",
	 .kind = OPTION_NUMBER,
	 .offset = AT(connection),
	 .argument = "N",
	 .group = "Output",
	 .max = UINT32_MAX,
	 .help = "report on this one only (they are counted from 0)"},
	{.name = "ladder",
	 .kind = OPTION_NUMBER,
	 .offset = AT(ladder),
	 .argument = "N",
	 .group = "Output",
	 .max = UINT32_MAX,
	 .help = "draw the ladder of this connection"},
	{.name = "json",
	 .kind = OPTION_FLAG,
	 .offset = AT(json),
	 .group = "Output",
	 .help = "JSON Lines on standard output: --report jsonl:-"},
	{.name = "report",
	 .kind = OPTION_CALL,
	 .call = outputs_read_report,
	 .offset = AT(reports),
	 .argument = "FORMAT:FILE",
	 .group = "Output",
	 .help = "text or jsonl to a file, - for standard output; may be repeated"},
	{.name = "quiet",
	 .letter = 'q',
	 .kind = OPTION_FLAG,
	 .offset = AT(quiet),
	 .group = "Output",
	 .help = "violations and totals in short"},
	{.name = "verbose",
	 .letter = 'v',
	 .kind = OPTION_FLAG,
	 .offset = AT(verbose),
	 .group = "Output",
	 .help = "also a summary of every connection"},
	{.name = "no-color",
	 .kind = OPTION_FLAG,
	 .offset = AT(no_color),
	 .group = "Output",
	 .help = "no colour on a terminal either (as the environment variable NO_COLOR)"},
	{.name = NULL},
};

const struct command cmd_check = {
	.name = "check",
	.operands = "FILE...",
	.summary = "verdicts on recorded captures",
	.about = "Judges both ends of every TCP connection in pcap and pcapng files (- is standard input) "
		 "against "
		 "RFC 9293 and prints one line for each violation; needs no privilege.",
	.options = options,
	.defaults = &defaults,
	.settings_size = sizeof(struct check_settings),
	.run = check,
};
