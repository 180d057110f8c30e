/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/escape.h"

#define BIT(action) (1u << ACTION_##action)
#define ALL_CAN (BIT(LISTEN) | BIT(ACCEPT))

/* ---- what the user wrote ------------------------------------------------------------------------ */

static const struct {
	const char *word;
	unsigned can;
} habits[] = {
	{ "closes-first", BIT(CLOSE_FIRST) },
	{ "closes-on-eof", BIT(CLOSE_LAST) },
	{ "keeps-open", BIT(KEEP_OPEN) },
};

enum { HABITS = sizeof habits / sizeof *habits };

static int read_then(struct service_choice *choice, const char *text, size_t len, char *why, size_t why_len)
{
	for (size_t i = 0; i < HABITS; i++)
		if (strlen(habits[i].word) == len && !strncmp(text, habits[i].word, len)) {
			choice->can = ALL_CAN | habits[i].can;
			return 0;
		}
	snprintf(why, why_len, "--service: 'then=%.*s' is none of closes-first, closes-on-eof, keeps-open", (int)len,
		 text);
	return -1;
}

/* The length of a value up to its comma; one in quotation marks may have commas, and is without them in
 * *from. `rest` is what follows. */
static size_t value(const char **from, const char **rest)
{
	const char *at = *from;
	size_t len;

	if (*at != '"') {
		len = strcspn(at, ",");
		*rest = at + len;
		return len;
	}
	++*from;
	for (at++; *at && *at != '"'; at++)
		at += *at == '\\' && at[1];
	len = (size_t)(at - *from);
	*rest = at + (*at == '"');
	return len;
}

static int read_description(struct service_choice *choice, const char *text, char *why, size_t why_len)
{
	char reason[120];

	while (*text) {
		const char *name = text, *from = strchr(text, '='), *rest;
		size_t name_len = strcspn(text, "=,"), len;

		if (!from || text[name_len] != '=') {
			snprintf(why, why_len, "--service: '%s' is not of the form NAME=VALUE", text);
			return -1;
		}
		from++;
		len = value(&from, &rest);
		if (name_len == 4 && !strncmp(name, "then", 4)) {
			if (read_then(choice, from, len, why, why_len))
				return -1;
		} else if (name_len == 4 && !strncmp(name, "send", 4) && len <= SERVICE_BYTES) {
			long n = escape_read(choice->ask, from, len, reason, sizeof reason);

			if (n < 0) {
				snprintf(why, why_len, "--service: %s", reason);
				return -1;
			}
			choice->ask_len = (size_t)n;
		} else {
			snprintf(why, why_len, len > SERVICE_BYTES ?
						       "--service: at most 512 bytes can be sent" :
						       "--service: only send= and then= describe a service");
			return -1;
		}
		if (*rest && *rest != ',') {
			snprintf(why, why_len, "--service: '%s' behind a value; a comma separates", rest);
			return -1;
		}
		text = rest + (*rest == ',');
	}
	if (choice->can && !(choice->can & BIT(CLOSE_FIRST))) {
		/* Nothing that makes it close: said once it is there. */
		memcpy(choice->greet, choice->ask, choice->ask_len);
		choice->greet_len = choice->ask_len;
		choice->ask_len = 0;
	}
	if (choice->can)
		return 0;
	snprintf(why, why_len, "--service: say what it does then: then=closes-first, closes-on-eof or keeps-open");
	return -1;
}

static int read_port(struct service_choice *choice, const char *text, char *why, size_t why_len)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port < 1 || port > 65535) {
		snprintf(why, why_len, "--service: '%s' is no port; 1 to 65535 are", text);
		return -1;
	}
	choice->port = (uint16_t)port;
	return 0;
}

static size_t copy(uint8_t bytes[SERVICE_BYTES], const char *text)
{
	size_t len = text ? strlen(text) : 0;

	memcpy(bytes, text ? text : "", len);
	return len;
}

int service_read(struct service_choice *choice, const char *text, char *why, size_t why_len)
{
	size_t len = strcspn(text, ":");
	const struct service *s = services;

	*choice = (struct service_choice){ .service = NULL };
	if (strchr(text, '='))
		return read_description(choice, text, why, why_len);
	while (s->name && (strlen(s->name) != len || strncmp(s->name, text, len)))
		s++;
	if (!s->name) {
		snprintf(why, why_len, "--service: '%.*s' is no service; 'finwait list services' has those there are",
			 (int)len, text);
		return -1;
	}
	choice->service = s;
	choice->port = s->port;
	choice->can = service_can(s);
	choice->greet_len = copy(choice->greet, s->greet);
	choice->ask_len = copy(choice->ask, s->ask);
	return text[len] ? read_port(choice, text + len + 1, why, why_len) : 0;
}

unsigned service_can(const struct service *s)
{
	return ALL_CAN | s->can;
}

/* ---- the driver: every answer is known at once -------------------------------------------------- */

struct service_driver {
	struct driver driver; /* first: a struct driver * is a struct service_driver * */
	const struct service_choice *choice;
	struct driver_answer *answers; /* a queue */
	size_t first, count, room;
};

/* Without memory there is no answer, which the exchange notices. */
static struct driver_answer *queue(struct service_driver *d)
{
	if (d->first == d->count)
		d->first = d->count = 0;
	if (d->count == d->room) {
		size_t room = d->room ? 2 * d->room : 16;
		struct driver_answer *more = realloc(d->answers, room * sizeof *more);

		if (!more)
			return NULL;
		d->answers = more;
		d->room = room;
	}
	return &d->answers[d->count++];
}

static void send_bytes(struct driver_answer *a, const uint8_t *bytes, size_t len)
{
	a->kind = len ? ANSWER_BYTES : ANSWER_DONE;
	a->bytes = bytes;
	a->bytes_len = len;
}

static void ask(struct driver *driver, const struct request *request, int64_t now_us)
{
	struct service_driver *d = (struct service_driver *)driver;
	struct driver_answer *a = queue(d);

	(void)now_us;
	if (!a)
		return;
	*a = (struct driver_answer){ .id = request->id, .action = request->action, .target = request->target,
			      .state = TCP_STATES };
	if (!(driver->can & 1u << request->action)) {
		a->kind = ANSWER_FAILED;
		snprintf(a->text, sizeof a->text, "%s cannot %s", driver->name, action_name(request->action));
	} else if (request->action == ACTION_ACCEPT) {
		send_bytes(a, d->choice->greet, d->choice->greet_len);
	} else if (request->action == ACTION_CLOSE_FIRST) {
		send_bytes(a, d->choice->ask, d->choice->ask_len);
	}
}

static bool answer(struct driver *driver, int64_t now_us, struct driver_answer *out)
{
	struct service_driver *d = (struct service_driver *)driver;

	(void)now_us;
	if (d->first == d->count)
		return false;
	*out = d->answers[d->first++];
	return true;
}

static void release(struct driver *driver, size_t id, int64_t now_us)
{
	(void)driver;
	(void)id;
	(void)now_us;
}

static int64_t waits_for(struct driver *driver, int *fd, short *events)
{
	struct service_driver *d = (struct service_driver *)driver;

	(void)fd;
	(void)events;
	return d->first == d->count ? INT64_MAX : 0;
}

static void close_driver(struct driver *driver)
{
	struct service_driver *d = (struct service_driver *)driver;

	free(d->answers);
	free(d);
}

struct driver *service_driver_new(const struct service_choice *choice)
{
	static const struct driver_ops ops = { ask, answer, release, waits_for, close_driver };
	struct service_driver *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->driver = (struct driver){ &ops, choice->service ? choice->service->name : "described service", choice->can };
	d->choice = choice;
	return &d->driver;
}

/* ---- the services ------------------------------------------------------------------------------ */

#define LINE "finwait\r\n"

const struct service services[] = {
	{ "echo", "sends back what it gets, closes when we do (RFC 862)", 7, BIT(CLOSE_LAST), LINE, NULL },
	{ "discard", "reads and keeps its half open when we close (RFC 863)", 9, BIT(KEEP_OPEN), LINE, NULL },
	{ "daytime", "sends a line and closes first (RFC 867)", 13, BIT(CLOSE_FIRST), NULL, NULL },
	{ "chargen", "sends without end, also when we have closed (RFC 864)", 19, BIT(KEEP_OPEN), NULL, NULL },
	{ "http", "closes first when a request asks for it (RFC 9112 9.6)", 80, BIT(CLOSE_FIRST), NULL,
	  "GET / HTTP/1.0\r\nConnection: close\r\n\r\n" },
	{ "sink", "reads and never closes", 11009, BIT(KEEP_OPEN), LINE, NULL },
	{ "close-on-eof", "whatever closes its half when we close ours", 0, BIT(CLOSE_LAST), NULL, NULL },
	{ NULL, NULL, 0, 0, NULL, NULL },
};
