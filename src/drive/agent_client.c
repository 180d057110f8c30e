/* SPDX-License-Identifier: BSD-2-Clause */
#include "drive/agent_client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SLOT_BITS = 12, /* AGENT_CALLS of them */
	VERB = 16,
	READS = 64,       /* in one pump: an agent that never stops shall not keep the run from going on */
	OTHER_US = 10000, /* how often to look whether a pipe that is not polled can be written to */
	TOKEN = 256,
	IDLE_US = 60000000, /* an agent gives up a controller from which it hears nothing for long */
};

enum slot_state { SLOT_FREE, SLOT_WAITS, SLOT_ANSWERED };

/* A call. Its number is its slot and, above that, a count of calls, so that a late or made up reply does not
 * find another call in its place. */
struct slot {
	enum slot_state state;
	bool own; /* the client itself is the caller, and nobody takes the reply */
	uint32_t call;
	void *arg;
	int64_t began_us, patience_us;
	char verb[VERB];
	struct agent_reply *reply; /* NULL: the agent is lost */
	int next;                  /* in its list; -1 at the end */
};

enum stage { GREETING, HELLO, READY };

struct agent_client {
	int in, out;
	enum stage stage;
	char lost[AGENT_WHY]; /* "": not */
	int broken;           /* errno of a write; what the agent said before is still read */
	struct slot *slots;
	int slots_count;
	int free, first, last; /* slots without a call, and those answered; -1: none */
	uint32_t serial;
	int64_t now_us, wake_us, sent_us;
	int64_t greeting_us, greeting_by_us;
	char *can, *system;
	char hello_line[AGENT_LINE];
	char line[AGENT_LINE]; /* read so far */
	size_t line_len;
	char *unsent;
	size_t unsent_len, unsent_room;
};

/* ---- slots ------------------------------------------------------------------------------------- */

static void append_answered(struct agent_client *c, int index)
{
	c->slots[index].state = SLOT_ANSWERED;
	c->slots[index].next = -1;
	if (c->last >= 0)
		c->slots[c->last].next = index;
	else
		c->first = index;
	c->last = index;
}

static void free_slot(struct agent_client *c, int index)
{
	struct slot *slot = &c->slots[index];

	free(slot->reply);
	*slot = (struct slot){ .call = slot->call, .next = c->free };
	c->free = index;
}

/* The index of a free slot, -1 if there is none, and no room for more. */
static int take_slot(struct agent_client *c)
{
	int index = c->free;

	if (index < 0) {
		int count = c->slots_count ? 2 * c->slots_count : 64;
		struct slot *more =
			count > AGENT_CALLS ? NULL : realloc(c->slots, (size_t)count * sizeof *more);

		if (!more)
			return -1;
		memset(more + c->slots_count, 0, (size_t)(count - c->slots_count) * sizeof *more);
		c->slots = more;
		for (int i = c->slots_count; i < count; i++)
			more[i].next = i + 1 < count ? i + 1 : -1;
		index = c->slots_count;
		c->slots_count = count;
	}
	c->free = c->slots[index].next;
	return index;
}

/* The slot of a call that waits, -1 if it is none. */
static int slot_of(const struct agent_client *c, uint32_t call)
{
	int index = (int)(call & (AGENT_CALLS - 1));

	return call && index < c->slots_count && c->slots[index].call == call ? index : -1;
}

/* ---- losing the agent -------------------------------------------------------------------------- */

static void close_both(int in, int out)
{
	if (in >= 0)
		close(in);
	if (out >= 0 && out != in)
		close(out);
}

void agent_client_lose(struct agent_client *c, const char *format, ...)
{
	va_list args;

	if (c->lost[0])
		return;
	va_start(args, format);
	vsnprintf(c->lost, sizeof c->lost, format, args);
	va_end(args);
	close_both(c->in, c->out);
	c->in = c->out = -1;
	c->unsent_len = c->line_len = 0;
	for (int i = 0; i < c->slots_count; i++) {
		if (c->slots[i].state != SLOT_WAITS)
			continue;
		if (c->slots[i].own)
			free_slot(c, i);
		else
			append_answered(c, i);
	}
}

static void lose_gone(struct agent_client *c, int error)
{
	const char *when = c->stage == READY ? "" : " before the session began";

	if (error && error != EPIPE)
		agent_client_lose(c, "the agent is gone%s (%s)", when, strerror(error));
	else
		agent_client_lose(c, "the agent is gone%s", when);
}

/* ---- what goes out ----------------------------------------------------------------------------- */

static ssize_t write_some(int fd, const char *bytes, size_t len)
{
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

	return n < 0 && errno == ENOTSOCK ? write(fd, bytes, len) : n;
}

static bool only_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void flush(struct agent_client *c)
{
	size_t done = 0;

	while (done < c->unsent_len && !c->broken && !c->lost[0]) {
		ssize_t n = write_some(c->out, c->unsent + done, c->unsent_len - done);

		if (n < 0 && only_later(errno))
			break;
		if (n < 0)
			c->broken = errno;
		else
			done += (size_t)n;
	}
	if (c->broken)
		done = c->unsent_len;
	if (done)
		memmove(c->unsent, c->unsent + done, c->unsent_len - done);
	c->unsent_len -= done;
}

static bool append_unsent(struct agent_client *c, const char *line, size_t len)
{
	/* Bounded: each line belongs to a call that waits. */
	if (c->unsent_room - c->unsent_len < len) {
		size_t room = 2 * c->unsent_room + len;
		char *more = realloc(c->unsent, room);

		if (!more)
			return false;
		c->unsent = more;
		c->unsent_room = room;
	}
	memcpy(c->unsent + c->unsent_len, line, len);
	c->unsent_len += len;
	return true;
}

/* The line without its tag, and its length; it goes out behind what waits to be sent. */
static uint32_t send_call(struct agent_client *c, void *arg, bool own, int64_t patience_us, const char *line)
{
	char tagged[AGENT_LINE + 1];
	int index = take_slot(c), len;
	struct slot *slot;

	if (index < 0)
		return 0;
	slot = &c->slots[index];
	c->serial = c->serial + 1 < 1u << (32 - SLOT_BITS) ? c->serial + 1 : 1;
	slot->call = c->serial << SLOT_BITS | (uint32_t)index;
	slot->state = SLOT_WAITS;
	slot->own = own;
	slot->arg = arg;
	slot->began_us = c->now_us;
	slot->patience_us = patience_us;
	snprintf(slot->verb, sizeof slot->verb, "%.*s", (int)strcspn(line, " "), line);
	len = snprintf(tagged, sizeof tagged, "%u %s\n", slot->call, line);
	assert(len > 0 && len <= AGENT_LINE);
	if (!append_unsent(c, tagged, (size_t)len)) {
		free_slot(c, index);
		return 0;
	}
	if (c->now_us + patience_us < c->wake_us)
		c->wake_us = c->now_us + patience_us;
	c->sent_us = c->now_us;
	flush(c);
	return slot->call;
}

uint32_t agent_client_call(struct agent_client *c, void *arg, int64_t now_us, int64_t patience_us,
			   const char *format, ...)
{
	char line[AGENT_LINE];
	va_list args;
	int len;

	assert(c->lost[0] || c->stage == READY);
	if (c->lost[0])
		return 0;
	va_start(args, format);
	len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	assert(len > 0 && (size_t)len < sizeof line);
	for (int i = 0; i < len; i++)
		assert(line[i] >= ' ' && line[i] <= '~');
	c->now_us = now_us;
	return send_call(c, arg, false, patience_us, line);
}

/* ---- deadlines ---------------------------------------------------------------------------------- */

static const char *seconds(int64_t us, char text[24])
{
	snprintf(text, 24, "%g s", (double)us / 1e6);
	return text;
}

/* Says something to an agent that has heard nothing for long: to a second hello it answers EALREADY. */
static void break_silence(struct agent_client *c)
{
	if (c->stage != READY)
		return;
	if (c->now_us >= c->sent_us + IDLE_US)
		send_call(c, NULL, true, AGENT_PATIENCE_US, "hello version=1");
	if (c->sent_us + IDLE_US < c->wake_us)
		c->wake_us = c->sent_us + IDLE_US;
}

/* Loses an agent that has let a deadline pass; else notes the next one. */
static void check_deadlines(struct agent_client *c)
{
	char text[24];

	if (c->lost[0] || c->now_us < c->wake_us)
		return;
	c->wake_us = INT64_MAX;
	if (c->stage == GREETING) {
		c->wake_us = c->greeting_by_us;
		if (c->now_us >= c->wake_us)
			agent_client_lose(c, "the agent does not answer (no greeting within %s)",
					  seconds(c->greeting_us, text));
	}
	for (int i = 0; i < c->slots_count; i++) {
		const struct slot *slot = &c->slots[i];
		int64_t by_us = slot->began_us + slot->patience_us;

		if (slot->state != SLOT_WAITS)
			continue;
		if (by_us < c->wake_us)
			c->wake_us = by_us;
		if (c->now_us >= by_us) {
			agent_client_lose(c, "the agent does not answer (no reply to `%s` within %s)",
					  slot->verb, seconds(slot->patience_us, text));
			return;
		}
	}
	break_silence(c);
}

/* ---- what comes in ----------------------------------------------------------------------------- */

static char *copy_value(const struct agent_reply *r, const char *key)
{
	const char *value = agent_reply_value(r, key);

	return strdup(value ? value : "");
}

static void lose_garbled(struct agent_client *c, const char *line, size_t len, const char *wrong)
{
	char quote[AGENT_QUOTE];

	agent_client_lose(c, "the agent does not keep to its protocol (it said `%s`: %s)",
			  agent_quote(line, len, quote), wrong);
}

/* What an agent says that does not answer a call: "- error EUSERS too many controllers". */
static void lose_refused(struct agent_client *c, const struct agent_reply *r)
{
	agent_client_lose(c, "the agent refuses %s: %s (%.100s)",
			  c->stage == READY ? "to go on" : "the session", r->error, r->text);
}

static void take_greeting(struct agent_client *c, const char *line, size_t len)
{
	char tag[AGENT_TAG], quote[AGENT_QUOTE];
	struct agent_reply r;
	unsigned version;
	const char *wrong = agent_greeting_parse(&r, &version, line, len);

	if (!version) {
		if (!agent_reply_parse(&r, tag, line, len) && r.outcome == AGENT_ERROR)
			lose_refused(c, &r);
		else
			agent_client_lose(c, "this is no finwait-agent (it began with `%s`)",
					  agent_quote(line, len, quote));
	} else if (version != 1) {
		agent_client_lose(c,
				  "the agent speaks version %u of the protocol, this finwait version 1: "
				  "install the same release on both sides",
				  version);
	} else if (wrong) {
		lose_garbled(c, line, len, wrong);
	} else {
		c->can = copy_value(&r, "can");
		c->system = copy_value(&r, "system");
		c->stage = HELLO;
		if (!c->can || !c->system || !send_call(c, NULL, true, AGENT_PATIENCE_US, c->hello_line))
			agent_client_lose(c, "there is no memory for the agent's session");
		for (char *at = c->system; at && *at; at++)
			*at = *at >= ' ' && *at <= '~' ? *at : '?';
	}
}

/* Whether the tag is that of a call that waits, in just the digits it was sent in. */
static int slot_of_tag(const struct agent_client *c, const char *tag)
{
	char same[AGENT_TAG];
	int index = slot_of(c, (uint32_t)strtoul(tag, NULL, 10));

	if (index < 0 || c->slots[index].state != SLOT_WAITS)
		return -1;
	snprintf(same, sizeof same, "%u", c->slots[index].call);
	return strcmp(same, tag) ? -1 : index;
}

static void take_reply(struct agent_client *c, const char *line, size_t len)
{
	struct agent_reply *r = malloc(sizeof *r);
	char tag[AGENT_TAG];
	const char *wrong = r ? agent_reply_parse(r, tag, line, len) : NULL;
	int index = r && !wrong ? slot_of_tag(c, tag) : -1;

	if (!r) {
		agent_client_lose(c, "there is no memory for the agent's replies");
	} else if (wrong) {
		lose_garbled(c, line, len, wrong);
	} else if (index < 0 && !strcmp(tag, "-") && r->outcome == AGENT_ERROR) {
		lose_refused(c, r);
	} else if (index < 0) {
		lose_garbled(c, line, len, "that answers no call");
	} else if (c->slots[index].own) {
		if (c->stage == HELLO && r->outcome == AGENT_ERROR)
			lose_refused(c, r);
		else
			free_slot(c, index);
		c->stage = READY;
	} else {
		r->call = c->slots[index].call;
		r->arg = c->slots[index].arg;
		c->slots[index].reply = r;
		append_answered(c, index);
		return;
	}
	free(r);
}

static void take_lines(struct agent_client *c)
{
	char *from = c->line, *end;

	while (!c->lost[0] && (end = memchr(from, '\n', c->line_len - (size_t)(from - c->line)))) {
		size_t len = (size_t)(end - from);

		if (len && from[len - 1] == '\r')
			len--;
		if (c->stage == GREETING)
			take_greeting(c, from, len);
		else
			take_reply(c, from, len);
		from = end + 1;
	}
	if (c->lost[0])
		return;
	c->line_len -= (size_t)(from - c->line);
	memmove(c->line, from, c->line_len);
	if (c->line_len == sizeof c->line)
		agent_client_lose(c, "the agent does not keep to its protocol (a line of more than %d bytes)",
				  AGENT_LINE);
}

/* Returns whether all there is has been read. */
static bool read_all(struct agent_client *c)
{
	for (int reads = 0; !c->lost[0]; reads++) {
		ssize_t n;

		if (reads == READS)
			return false;
		n = read(c->in, c->line + c->line_len, sizeof c->line - c->line_len);
		if (n < 0 && only_later(errno)) {
			if (c->broken)
				lose_gone(c, c->broken);
			break;
		}
		if (n <= 0) {
			lose_gone(c, n < 0 ? errno : 0);
			break;
		}
		c->line_len += (size_t)n;
		take_lines(c);
	}
	return true;
}

void agent_client_pump(struct agent_client *c, int64_t now_us)
{
	c->now_us = now_us;
	if (c->lost[0])
		return;
	flush(c);
	/* A deadline has only passed if the reply is not there: we may come late ourselves. */
	if (read_all(c))
		check_deadlines(c);
}

/* ---- replies ----------------------------------------------------------------------------------- */

static void hand_over(struct agent_client *c, int index, int before, struct agent_reply *reply)
{
	struct slot *slot = &c->slots[index];

	if (before >= 0)
		c->slots[before].next = slot->next;
	else
		c->first = slot->next;
	if (c->last == index)
		c->last = before;
	if (slot->reply) {
		*reply = *slot->reply;
	} else {
		*reply = (struct agent_reply){ .call = slot->call, .arg = slot->arg, .outcome = AGENT_LOST };
		snprintf(reply->text, sizeof reply->text, "%s", c->lost);
	}
	free_slot(c, index);
}

bool agent_client_next(struct agent_client *c, struct agent_reply *reply)
{
	if (c->first < 0)
		return false;
	hand_over(c, c->first, -1, reply);
	return true;
}

bool agent_client_take(struct agent_client *c, uint32_t call, struct agent_reply *reply)
{
	for (int before = -1, i = c->first; i >= 0; before = i, i = c->slots[i].next)
		if (c->slots[i].call == call) {
			hand_over(c, i, before, reply);
			return true;
		}
	return false;
}

int64_t agent_client_waits_for(const struct agent_client *c, int *fd, short *events)
{
	bool writes = c->unsent_len && !c->lost[0];

	*fd = c->in;
	*events = c->lost[0] ? 0 : POLLIN;
	if (writes && c->out == c->in)
		*events |= POLLOUT;
	if (c->first >= 0)
		return 0;
	if (c->lost[0])
		return INT64_MAX;
	if (c->broken)
		return 0;
	if (writes && c->out != c->in && c->now_us + OTHER_US < c->wake_us)
		return c->now_us + OTHER_US;
	return c->wake_us;
}

/* ---- the session ------------------------------------------------------------------------------- */

/* Fills in the hello. False if not all of it finds room. */
static bool write_hello(struct agent_client *c, const struct agent_client_params *p)
{
	/* Room for the tag is left. */
	size_t room = sizeof c->hello_line - AGENT_TAG - 1, at;
	char token[3 * TOKEN + 1] = "", address[ADDRESS_TEXT];

	if (p->token && !agent_escape(p->token, token, sizeof token))
		return false;
	at = (size_t)snprintf(c->hello_line, room, "hello version=1%s%s", *token ? " token=" : "", token);
	for (size_t i = 0; i < p->allow_count && at < room; i++)
		at += (size_t)snprintf(c->hello_line + at, room - at, "%s%s",
				       i ? "," : " allow=", agent_address_value(&p->allow[i], address));
	return at < room;
}

struct agent_client *agent_client_new(const struct agent_client_params *params, int64_t now_us)
{
	struct agent_client *c = calloc(1, sizeof *c);

	if (!c) {
		close_both(params->in, params->out);
		return NULL;
	}
	c->in = params->in;
	c->out = params->out;
	c->free = c->first = c->last = -1;
	c->now_us = now_us;
	c->greeting_us = params->greeting_us;
	c->greeting_by_us = c->wake_us = now_us + params->greeting_us;
	if (!write_hello(c, params))
		agent_client_lose(c, "the token and the addresses of this host are too long for the agent");
	return c;
}

void agent_client_free(struct agent_client *c)
{
	if (!c)
		return;
	close_both(c->in, c->out);
	for (int i = 0; i < c->slots_count; i++)
		free(c->slots[i].reply);
	free(c->slots);
	free(c->can);
	free(c->system);
	free(c->unsent);
	free(c);
}

bool agent_client_ready(const struct agent_client *c)
{
	return c->stage == READY && !c->lost[0];
}

const char *agent_client_lost(const struct agent_client *c)
{
	return c->lost[0] ? c->lost : NULL;
}

bool agent_client_can(const struct agent_client *c, const char *word)
{
	return c->can && agent_list_has(c->can, word);
}

const char *agent_client_system(const struct agent_client *c)
{
	return c->system ? c->system : "";
}
