/* SPDX-License-Identifier: BSD-2-Clause */
/* A script that a person can read comes in, a pcap file comes out, and on standard output what a judge has to
 * say about it: `make_pcap [-6] [-i CLIENT-ISN:SERVER-ISN] SCRIPT FILE.pcap`. README beside this file tells
 * what scripts are made of. Exit status 77: the script is not for this family. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "make_pcap.h"

enum { CONNECTIONS = 40, WORDS = 64, LINE = 400, STATUS_FAMILY = 77, DATA_MAX = 65000, SECOND_US = 1000000 };

/* What the segments of a connection are told in numbers relative to. */
struct connection {
	uint32_t isn[SIDES];
	uint32_t tsval[SIDES]; /* the last one sent */
};

static struct {
	const char *path;
	unsigned line;
	FILE *out;
	struct frame common; /* what directives say of every frame */
	struct connection connections[CONNECTIONS], *now;
	bool timestamps, hidden[SIDES];
	int64_t t_us;
	uint16_t ids[SIDES];
	unsigned frames;
} run;

static uint8_t bytes[FRAME_SIZE];

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%u: ", run.path, run.line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

/* ---- words ------------------------------------------------------------------------------------- */

struct words {
	char *list[WORDS];
	int count, next;
};

static bool have(const struct words *w)
{
	return w->next < w->count;
}

static char *take(struct words *w)
{
	if (!have(w))
		die("the line ends too early");
	return w->list[w->next++];
}

static bool take_if(struct words *w, const char *word)
{
	if (!have(w) || strcmp(w->list[w->next], word))
		return false;
	w->next++;
	return true;
}

/* Splits at blanks, which count as part of a word inside < >. */
static void split(struct words *w, char *line)
{
	w->count = w->next = 0;
	for (char *p = line; *p;) {
		char end = ' ';

		while (*p == ' ' || *p == '\t')
			p++;
		if (!*p || *p == '#')
			break;
		if (w->count == WORDS)
			die("too many words");
		w->list[w->count++] = p;
		if (*p == '<' && p[1] && p[1] != ' ')
			end = '>';
		while (*p && *p != end && (end == '>' || *p != '\t'))
			p++;
		if (end == '>' && *p)
			p++;
		if (*p)
			*p++ = '\0';
	}
}

static long number(const char *text, char **end)
{
	char *e;
	long value = strtol(text, &e, 0);

	if (e == text || (!end && *e))
		die("no number: %s", text);
	if (end)
		*end = e;
	return value;
}

static int side(const char *text)
{
	if (strcmp(text, ">") && strcmp(text, "<"))
		die("> or < is wanted, not %s", text);
	return *text == '>' ? CLIENT : SERVER;
}

/* "17" relative to the ISN of a side, "=17" as it stands. */
static uint32_t sequence(const char *text, int of, char **end)
{
	if (*text == '=')
		return (uint32_t)strtoul(text + 1, end, 0);
	return run.now->isn[of] + (uint32_t)number(text, end);
}

/* ---- options ----------------------------------------------------------------------------------- */

static void put(struct frame *f, uint32_t value, size_t n)
{
	if (f->options_len + n > FRAME_OPTIONS)
		die("too many options");
	for (size_t i = 0; i < n; i++)
		f->options[f->options_len + i] = (uint8_t)(value >> 8 * (n - 1 - i));
	f->options_len += n;
}

static void put_timestamps(struct frame *f, uint32_t tsval, uint32_t tsecr)
{
	put(f, 0x0101080a, 4);
	put(f, tsval, 4);
	put(f, tsecr, 4);
	run.now->tsval[f->from] = tsval;
}

/* "sack 1-101 201-301": blocks of what the other side sent. */
static void put_sack(struct frame *f, const char *text)
{
	size_t kind = f->options_len + 3;
	char *end;

	put(f, 0x01010500, 4);
	while (*text == ' ') {
		put(f, sequence(text + 1, !f->from, &end), 4);
		if (*end != '-')
			die("a block is LEFT-RIGHT, not%s", text);
		put(f, sequence(end + 1, !f->from, &end), 4);
		text = end;
	}
	f->options[kind] = (uint8_t)(f->options_len - kind + 1);
}

static void put_hex(struct frame *f, const char *text)
{
	unsigned value;
	int used;

	for (; sscanf(text, " %2x%n", &value, &used) == 1; text += used)
		put(f, value, 1);
}

static void put_option(struct frame *f, char *text)
{
	char *end;

	while (*text == ' ')
		text++;
	if (!strncmp(text, "mss ", 4)) {
		put(f, 0x02040000 | (uint32_t)number(text + 4, NULL), 4);
	} else if (!strncmp(text, "ws ", 3)) {
		put(f, 0x01030300 | (uint32_t)number(text + 3, NULL), 4);
	} else if (!strcmp(text, "sackOK")) {
		put(f, 0x01010402, 4);
	} else if (!strncmp(text, "ts ", 3)) {
		uint32_t tsval = (uint32_t)number(text + 3, &end);

		put_timestamps(f, tsval, (uint32_t)number(end, NULL));
	} else if (!strncmp(text, "sack ", 5)) {
		put_sack(f, text + 4);
	} else if (!strncmp(text, "hex ", 4)) {
		put_hex(f, text + 4);
	} else {
		die("unknown option: %s", text);
	}
}

static void put_options(struct frame *f, char *text)
{
	text[strlen(text) - 1] = '\0'; /* > */
	for (char *o = strtok(text + 1, ","); o; o = strtok(NULL, ","))
		put_option(f, o);
}

/* ---- frames ------------------------------------------------------------------------------------ */

/* In the byte order of this machine, as the format wants it. */
static void write_header(enum link link)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snaplen, link;
	} header = { 0xa1b2c3d4, 2, 4, 0, 0, 262144, links[link].number };

	fwrite(&header, sizeof(header), 1, run.out);
}

static void write_frame(const struct frame *f)
{
	const int64_t begin_s = 1700000000;
	size_t captured, len = frame_build(f, bytes, &captured);
	uint32_t record[4] = {(uint32_t)(begin_s + run.t_us / SECOND_US), (uint32_t)(run.t_us % SECOND_US),
			      (uint32_t)captured, (uint32_t)len};

	if (!run.frames++)
		write_header(f->link);
	fwrite(record, sizeof(record), 1, run.out);
	fwrite(bytes, 1, captured, run.out);
}

/* "S." and the like: packetdrill's letters, and r for a reserved bit. */
static uint16_t flags(const char *text)
{
	static const char letters[] = "FSRP.UEWAr";
	uint16_t value = 0;

	for (; *text; text++) {
		const char *p = strchr(letters, *text);

		if (p)
			value |= (uint16_t)(1 << (p - letters));
		else if (*text != '-')
			die("unknown flag: %s", text);
	}
	return value;
}

/* "+.5" after the last line, or since the beginning. */
static void set_time(const char *text)
{
	char *end;
	double seconds = strtod(text + (*text == '+'), &end);

	if (*end)
		die("no time: %s", text);
	run.t_us = (*text == '+' ? run.t_us : 0) + (int64_t)(seconds * SECOND_US + 0.5);
}

/* What may stand behind the numbers of a segment. False if the word is none of these. */
static bool oddity(struct words *w, struct frame *f, bool *twice, bool *unseen)
{
	if (take_if(w, "twice"))
		*twice = true;
	else if (take_if(w, "unseen"))
		*unseen = true;
	else if (take_if(w, "fragment"))
		f->fragment = true;
	else if (take_if(w, "bad-checksum"))
		f->bad_checksum = true;
	else if (take_if(w, "partial-checksum"))
		f->partial_checksum = true;
	else if (take_if(w, "padded"))
		f->padded = true;
	else if (take_if(w, "length-zero"))
		f->length_zero = true;
	else if (take_if(w, "cut"))
		f->cut = (size_t)number(take(w), NULL);
	else if (take_if(w, "vlan"))
		f->vlan = (int)number(take(w), NULL);
	else if (take_if(w, "ttl"))
		f->ttl = (uint8_t)number(take(w), NULL);
	else if (take_if(w, "id"))
		f->id = (uint16_t)number(take(w), NULL);
	else
		return false;
	return true;
}

/* "! RULE certain|likely [other]": the sender of this frame, or the other endpoint, is accused. */
static void expectations(struct words *w, const struct frame *f)
{
	char text[64];

	while (take_if(w, "!")) {
		const char *rule = take(w), *certainty = take(w);
		int who = take_if(w, "other") ? !f->from : f->from;

		printf("violation %u %s %s %s\n", run.frames, rule, certainty,
		       frame_endpoint(f, who, true, text));
	}
	if (have(w))
		die("what is %s?", take(w));
}

static void finish(struct words *w, struct frame *f)
{
	bool twice = false, unseen = false;

	while (oddity(w, f, &twice, &unseen))
		;
	unseen |= run.hidden[f->from];
	if (!unseen)
		write_frame(f);
	expectations(w, f);
	if (twice)
		write_frame(f);
}

static void segment(struct words *w, struct frame *f)
{
	bool options = false, no_timestamps;
	char *end;

	f->flags = flags(take(w));
	f->seq = sequence(take(w), f->from, &end);
	f->text = f->seq - run.now->isn[f->from];
	if (*end == '(')
		f->len = (uint32_t)number(end + 1, &end);
	if (f->len > DATA_MAX)
		die("no segment has %u bytes", f->len);
	if (take_if(w, "ack"))
		f->ack = sequence(take(w), !f->from, NULL);
	if (take_if(w, "win"))
		f->window = (uint16_t)number(take(w), NULL);
	if (take_if(w, "urg"))
		f->urgent = (uint16_t)number(take(w), NULL);
	no_timestamps = take_if(w, "no-ts") || (f->flags & flags("R"));
	if (have(w) && w->list[w->next][0] == '<') {
		char *text = take(w);

		options = strstr(text, "ts ");
		put_options(f, text);
	}
	if (run.timestamps && !options && !no_timestamps)
		put_timestamps(f, 7000 * (uint32_t)(1 + f->from) + (uint32_t)(run.t_us / 1000),
			       f->flags & flags(".") ? run.now->tsval[!f->from] : 0);
	finish(w, f);
}

static void any_frame(struct words *w)
{
	struct frame f = run.common;

	f.from = side(take(w));
	f.client_port = (uint16_t)(40000 + (run.now - run.connections));
	f.id = ++run.ids[f.from];
	if (take_if(w, "icmp")) {
		f.kind = KIND_ICMP;
		f.seq = sequence(take(w), !f.from, NULL);
		finish(w, &f);
	} else if (take_if(w, "udp")) {
		f.kind = KIND_UDP;
		finish(w, &f);
	} else {
		segment(w, &f);
	}
}

/* ---- lines ------------------------------------------------------------------------------------- */

static void play(const char *text)
{
	char line[LINE];
	struct words w;

	snprintf(line, sizeof(line), "%s", text);
	split(&w, line);
	set_time(take(&w));
	any_frame(&w);
}

/* The handshake, with the options of both SYNs. */
static void open_connection(struct words *w)
{
	const char *syn = have(w) ? take(w) : "<mss 1460>", *syn_ack = have(w) ? take(w) : syn;
	char line[LINE];

	snprintf(line, sizeof(line), "+.01 > S 0 %s", syn);
	play(line);
	snprintf(line, sizeof(line), "+.01 < S. 0 ack 1 %s", syn_ack);
	play(line);
	play("+.01 > . 1 ack 1");
}

static void rest(const char *name, struct words *w)
{
	printf("%s", name);
	while (have(w))
		printf(" %s", take(w));
	putchar('\n');
}

/* Directives that change what follows. False if the word is none of these. */
static bool directive(struct words *w)
{
	char text[64];

	if (take_if(w, "link")) {
		const char *name = take(w);

		for (run.common.link = 0; strcmp(links[run.common.link].name, name); run.common.link++)
			if (run.common.link == LINKS - 1)
				die("unknown link: %s", name);
	} else if (take_if(w, "vlan")) {
		run.common.vlan = (int)number(take(w), NULL);
	} else if (take_if(w, "family")) {
		if (number(take(w), NULL) != run.common.family)
			exit(STATUS_FAMILY);
	} else if (take_if(w, "cut")) {
		run.common.cut = (size_t)number(take(w), NULL);
	} else if (take_if(w, "extra-headers")) {
		run.common.extra = true;
	} else if (take_if(w, "timestamps")) {
		run.timestamps = true;
	} else if (take_if(w, "hide")) {
		run.hidden[side(take(w))] = true;
	} else if (take_if(w, "show")) {
		run.hidden[side(take(w))] = false;
	} else if (take_if(w, "isn")) {
		int of = side(take(w));

		run.now->isn[of] += (uint32_t)number(take(w), NULL);
	} else if (take_if(w, "connection")) {
		long n = number(take(w), NULL);

		if (n < 0 || n >= CONNECTIONS)
			die("connections are 0 to %d", CONNECTIONS - 1);
		run.now = &run.connections[n];
	} else if (take_if(w, "near")) {
		printf("near %s\n", frame_endpoint(&run.common, side(take(w)), false, text));
	} else {
		return false;
	}
	return true;
}

static void read_line(char *line)
{
	struct words w;

	line[strcspn(line, "\n")] = '\0';
	split(&w, line);
	if (!w.count)
		return;
	if (take_if(&w, "clean"))
		;
	else if (take_if(&w, "exit"))
		rest("exit", &w);
	else if (take_if(&w, "handshake"))
		rest("handshake", &w);
	else if (take_if(&w, "close"))
		rest("close", &w);
	else if (take_if(&w, "open"))
		open_connection(&w);
	else if (!directive(&w)) {
		set_time(take(&w));
		any_frame(&w);
	}
	if (have(&w))
		die("what is %s?", take(&w));
}

static void start(uint32_t client_isn, uint32_t server_isn)
{
	run.common.ttl = 64;
	run.common.window = 65535;
	run.now = run.connections;
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		run.connections[i].isn[CLIENT] = client_isn + i * 987654321;
		run.connections[i].isn[SERVER] = server_isn + i * 123456789;
	}
}

int main(int argc, char **argv)
{
	unsigned long isn[SIDES] = { 1000, 2000 };
	char line[LINE];
	FILE *script;

	run.common.family = 4;
	for (int c; (c = getopt(argc, argv, "6i:")) != -1;)
		if (c == '6')
			run.common.family = 6;
		else if (c != 'i' || sscanf(optarg, "%lu:%lu", &isn[CLIENT], &isn[SERVER]) != 2)
			optind = argc;
	if (argc - optind != 2) {
		fprintf(stderr, "usage: %s [-6] [-i CLIENT-ISN:SERVER-ISN] SCRIPT FILE.pcap\n", argv[0]);
		return 2;
	}
	run.path = argv[optind];
	script = fopen(run.path, "r");
	run.out = fopen(argv[optind + 1], "wb");
	if (!script || !run.out) {
		fprintf(stderr, "%s: %s\n", argv[optind + !!script], strerror(errno));
		return 2;
	}
	start((uint32_t)isn[CLIENT], (uint32_t)isn[SERVER]);
	while (run.line++, fgets(line, sizeof(line), script))
		read_line(line);
	fclose(script);
	if (ferror(run.out) | fclose(run.out)) {
		fprintf(stderr, "%s: %s\n", argv[optind + 1], strerror(errno));
		return 2;
	}
	return 0;
}
