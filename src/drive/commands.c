/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>

#include "drive/helper.h"

enum which { ON_CONNECT, ON_LISTEN, ON_CLOSE, COMMANDS };

static const char *const option_names[COMMANDS] = {"--on-connect", "--on-listen", "--on-close"};

enum phase {
	PHASE_READY,   /* `answer` is to be given */
	PHASE_WAITING, /* it is given once the command has ended */
	PHASE_WATCHED, /* it was given, but the command may fail yet */
	PHASE_OVER,    /* kept for what the command left running, until the connection is released */
};

struct asked {
	struct request request;
	enum phase phase;
	struct driver_answer answer;
	bool started;
	unsigned number; /* the helper's, if `started` */
	enum which which;
	int64_t deadline_us;
};

struct commands {
	struct driver driver;
	size_t index[COMMANDS];
	struct asked **asked; /* in the order of asking */
	size_t n, room;
};

static struct commands *commands_of(struct driver *d)
{
	return (struct commands *)d;
}

static struct asked *add(struct commands *c, const struct request *request)
{
	struct asked *a = calloc(1, sizeof(*a));

	if (a && c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 16;
		struct asked **more = realloc(c->asked, room * sizeof(struct asked *));

		if (!more) {
			free(a);
			return NULL;
		}
		c->asked = more;
		c->room = room;
	}
	if (a) {
		a->request = *request;
		a->answer = (struct driver_answer){
			.id = request->id,
			.action = request->action,
			.kind = ANSWER_DONE,
			.target = request->target,
			.state = TCP_STATES,
		};
		c->asked[c->n++] = a;
	}
	return a;
}

static void start(struct commands *c, struct asked *a, enum which which, int64_t now_us)
{
	const struct request *r = &a->request;
	const struct endpoint *fill = which == ON_LISTEN ? &r->target : &r->prober;
	char why[DRIVER_TEXT - 32];

	a->which = which;
	a->deadline_us = r->timeout_us < INT64_MAX - now_us ? now_us + r->timeout_us : INT64_MAX;
	a->phase = which == ON_CONNECT ? PHASE_READY : PHASE_WAITING;
	if (!helper_start(c->index[which], fill, NULL, &a->number, why, sizeof(why))) {
		a->started = true;
		return;
	}
	a->phase = PHASE_READY;
	a->answer.kind = ANSWER_LOST;
	/* Of the sentence a part, without its full stop. */
	snprintf(a->answer.text, sizeof(a->answer.text), "for %s: %.*s", option_names[which],
		 (int)(strlen(why) - (why[0] && why[strlen(why) - 1] == '.')), why);
}

/* Whether the command that made the connection ends with an error does not matter any more. */
static void stop_watching(struct commands *c, size_t id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->asked[i]->request.id == id && c->asked[i]->phase == PHASE_WATCHED)
			c->asked[i]->phase = PHASE_OVER;
}

static void commands_ask(struct driver *d, const struct request *request, int64_t now_us)
{
	struct commands *c = commands_of(d);
	struct asked *a = add(c, request);

	if (!a) /* no memory: to who asked it is as if no answer came in time */
		return;
	if (!(d->can & 1u << request->action)) {
		a->answer.kind = ANSWER_FAILED;
		snprintf(a->answer.text, sizeof(a->answer.text), "no command was given for that");
		return;
	}
	switch (request->action) {
	case ACTION_CONNECT:
		start(c, a, ON_CONNECT, now_us);
		break;
	case ACTION_LISTEN:
		start(c, a, ON_LISTEN, now_us);
		break;
	case ACTION_CLOSE_FIRST:
	case ACTION_CLOSE_LAST:
		stop_watching(c, request->id);
		start(c, a, ON_CLOSE, now_us);
		break;
	default: /* the application does it by itself */
		break;
	}
}

static void judge_end(struct asked *a, const struct helper_end *end)
{
	char how[DRIVER_TEXT - 64];

	if (end->how == HELPER_EXITED && end->value == 0) {
		a->answer.kind = ANSWER_DONE;
		return;
	}
	a->answer.kind = end->how == HELPER_GONE ? ANSWER_LOST : ANSWER_FAILED;
	snprintf(a->answer.text, sizeof(a->answer.text), "the command for %s %s", option_names[a->which],
		 helper_end_text(end, how, sizeof(how)));
}

/* Whether the command has an answer to give now. */
static bool has_answer(struct asked *a, int64_t now_us)
{
	struct helper_end end;
	bool ended = a->started && a->phase != PHASE_OVER && helper_ended(a->number, &end);

	if (ended)
		judge_end(a, &end);
	switch (a->phase) {
	case PHASE_READY:
		a->phase = a->started && !ended ? PHASE_WATCHED : PHASE_OVER;
		return true;
	case PHASE_WATCHED:
		if (!ended)
			return false;
		a->phase = PHASE_OVER;
		return a->answer.kind != ANSWER_DONE;
	case PHASE_WAITING:
		if (!ended && now_us < a->deadline_us)
			return false;
		a->phase = PHASE_OVER;
		if (!ended) {
			a->answer.kind = ANSWER_LOST;
			snprintf(a->answer.text, sizeof(a->answer.text),
				 "the command for %s did not end in time", option_names[a->which]);
			helper_stop(a->number);
			a->started = false;
		}
		return true;
	case PHASE_OVER:
		break;
	}
	return false;
}

static bool commands_answer(struct driver *d, int64_t now_us, struct driver_answer *answer)
{
	struct commands *c = commands_of(d);

	helper_look();
	for (size_t i = 0; i < c->n; i++)
		if (has_answer(c->asked[i], now_us)) {
			*answer = c->asked[i]->answer;
			return true;
		}
	return false;
}

static void commands_release(struct driver *d, size_t id, int64_t now_us)
{
	struct commands *c = commands_of(d);
	size_t kept = 0;

	(void)now_us;
	for (size_t i = 0; i < c->n; i++) {
		struct asked *a = c->asked[i];

		if (a->request.id != id) {
			c->asked[kept++] = a;
			continue;
		}
		if (a->started)
			helper_stop(a->number);
		free(a);
	}
	c->n = kept;
}

static int64_t commands_waits_for(struct driver *d, int *fd, short *events)
{
	const struct commands *c = commands_of(d);
	int64_t when = INT64_MAX;

	*fd = helper_fd();
	*events = POLLIN;
	for (size_t i = 0; i < c->n; i++) {
		const struct asked *a = c->asked[i];
		struct helper_end end;

		if (a->phase == PHASE_OVER)
			continue;
		/* Somebody else may have taken in that it ended, so that there is nothing to poll for. */
		if (a->phase == PHASE_READY || (a->started && helper_ended(a->number, &end)))
			return 0;
		if (a->phase == PHASE_WAITING && a->deadline_us < when)
			when = a->deadline_us;
	}
	return when;
}

static void commands_close(struct driver *d)
{
	struct commands *c = commands_of(d);

	while (c->n)
		commands_release(d, c->asked[0]->request.id, 0);
	free(c->asked);
	free(c);
}

static const struct driver_ops commands_ops = {
	.ask = commands_ask,
	.answer = commands_answer,
	.release = commands_release,
	.waits_for = commands_waits_for,
	.close = commands_close,
};

struct driver *commands_open(const struct commands_config *config, char *why, size_t why_len)
{
	const char *const texts[COMMANDS] = {config->on_connect, config->on_listen, config->on_close};
	static const unsigned can[COMMANDS] = {
		1u << ACTION_CONNECT,
		1u << ACTION_LISTEN,
		1u << ACTION_CLOSE_FIRST | 1u << ACTION_CLOSE_LAST | 1u << ACTION_KEEP_OPEN,
	};
	struct commands *c = calloc(1, sizeof(*c));
	char reason[DRIVER_TEXT];

	if (!c) {
		snprintf(why, why_len, "there is no memory left.");
		return NULL;
	}
	c->driver = (struct driver){.ops = &commands_ops, .name = "commands", .can = 1u << ACTION_ACCEPT};
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!texts[i])
			continue;
		if (helper_register(texts[i], false, &c->index[i], reason, sizeof(reason))) {
			snprintf(why, why_len, "%s: %s", option_names[i], reason);
			free(c);
			return NULL;
		}
		c->driver.can |= can[i];
	}
	return &c->driver;
}
