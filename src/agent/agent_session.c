/* SPDX-License-Identifier: BSD-2-Clause */
/* The session's bytes and lines: greeting, hello, and which verb a request is for. */
#include "agent_session.h"

#include "agent_call.h"
#include "errno_name.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { UNREADABLE_MAX = 32 };

static const struct agent_verb *const tables[] = {
	agent_socket_verbs, agent_accept_verbs, agent_transfer_verbs, agent_option_verbs, agent_state_verbs,
};

/* --- replies --- */

/* Appends one line. With no room for it, which only happens when the room was counted wrongly, the session
 * ends rather than lose a reply. */
static void put_line(struct agent_session *s, const char *line)
{
	size_t len = strlen(line);

	if (s->out_start > 0) {
		memmove(s->out, s->out + s->out_start, s->out_len);
		s->out_start = 0;
	}
	if (len + 1 > sizeof(s->out) - s->out_len) {
		s->over = true;
		return;
	}
	memcpy(s->out + s->out_len, line, len);
	s->out[s->out_len + len] = '\n';
	s->out_len += len + 1;
}

void agent_done(struct agent_session *s, const char *tag)
{
	char line[AGENT_TAG_MAX + 4];

	snprintf(line, sizeof(line), "%s ok", tag);
	put_line(s, line);
}

void agent_ok(struct agent_session *s, const char *tag, const char *format, ...)
{
	char line[AGENT_LINE_MAX];
	int n = snprintf(line, sizeof(line), "%s ok ", tag);
	va_list values;

	va_start(values, format);
	vsnprintf(line + n, sizeof(line) - (size_t)n, format, values);
	va_end(values);
	put_line(s, line);
}

void agent_error(struct agent_session *s, const char *tag, int number, const char *format, ...)
{
	char line[160], name[ERRNO_NAME_ROOM];
	int n = snprintf(line, sizeof(line), "%s error %s ", tag, errno_name(number, name));
	va_list values;

	va_start(values, format);
	vsnprintf(line + n, sizeof(line) - (size_t)n, format, values);
	va_end(values);
	for (char *c = line; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	put_line(s, line);
}

void agent_system_error(struct agent_session *s, const char *tag, int number)
{
	agent_error(s, tag, number, "%s", strerror(number));
}

/* --- the greeting --- */

struct words {
	char *text;
	size_t len, room;
};

static void add_word(void *context, const char *word)
{
	struct words *words = context;
	int n = snprintf(words->text + words->len, words->room - words->len, "%s%s", words->len ? "," : "",
			 word);

	words->len += (size_t)n;
}

static void greet(struct agent_session *s)
{
	char can[1024], line[AGENT_LINE_MAX], system[256], escaped[512];
	struct words words = { can, 0, sizeof(can) };
	struct utsname self;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct agent_verb *v = tables[i]; v->name; v++) {
			if (v->run)
				add_word(&words, v->name);
		}
	}
	agent_option_words(add_word, &words);
	snprintf(system, sizeof(system), "unknown");
	if (uname(&self) >= 0)
		snprintf(system, sizeof(system), "%.100s-%.100s", self.sysname, self.release);
	agent_line_escape(system, escaped, sizeof(escaped));
	snprintf(line, sizeof(line), "hello finwait-agent 1 system=%s sockets=%d can=%s", escaped,
		 (int)AGENT_SOCKETS_MAX, can);
	put_line(s, line);
}

/* --- hello --- */

/* In constant time, whatever the lengths: how much of a guess was right must not show. */
static bool same_token(const char *mine, const char *given)
{
	char a[AGENT_TOKEN_MAX + 1] = "", b[AGENT_TOKEN_MAX + 1] = "";
	size_t given_len = strlen(given);
	volatile unsigned char differs = given_len > AGENT_TOKEN_MAX;

	memcpy(a, mine, strlen(mine));
	memcpy(b, given, given_len > AGENT_TOKEN_MAX ? AGENT_TOKEN_MAX : given_len);
	for (size_t i = 0; i < sizeof(a); i++)
		differs = (unsigned char)(differs | (a[i] ^ b[i]));
	return differs == 0;
}

/* Whether the agent itself lets this controller name the network. */
static bool may_name(const struct agent_session *s, const struct agent_network *network)
{
	return !s->remote || agent_network_inside(&s->own, 1, network) ||
	       agent_network_inside(s->config->networks, s->config->n_networks, network);
}

bool agent_allows(const struct agent_session *s, const struct agent_address *address)
{
	struct agent_network network = agent_network_of(address);

	if (s->networks || !s->remote)
		return agent_network_inside(s->networks, s->n_networks, &network);
	return may_name(s, &network);
}

/* Reads NET,NET,... into the session; answers and returns false when it cannot be. */
static bool name_networks(const struct agent_request *r, const char *text)
{
	struct agent_session *s = r->s;
	const char *tag = r->line->tag;
	struct agent_network *networks;
	size_t n = 1;

	for (const char *c = text; *c; c++)
		n += *c == ',';
	networks = calloc(n, sizeof(*networks));
	if (!networks) {
		agent_system_error(s, tag, ENOMEM);
		return false;
	}
	for (size_t i = 0; i < n; i++, text += strcspn(text, ",") + 1) {
		char one[64];
		size_t len = strcspn(text, ",");
		bool fits = len < sizeof(one);

		snprintf(one, sizeof(one), "%.*s", fits ? (int)len : 0, text);
		if (!agent_network_read(one, &networks[i])) {
			agent_error(s, tag, EINVAL,
				    "allow must be ADDRESS or ADDRESS/LENGTH, with commas between");
			free(networks);
			return false;
		}
		if (!may_name(s, &networks[i])) {
			agent_error(s, tag, EACCES, "this agent does not allow %s; start it with --allow",
				    one);
			free(networks);
			return false;
		}
		/* On another interface, the same link-local address is another machine. */
		if (s->remote && agent_network_inside(&s->own, 1, &networks[i]))
			networks[i].scope = s->own.scope;
	}
	s->networks = networks;
	s->n_networks = n;
	return true;
}

static void hello(const struct agent_request *r)
{
	struct agent_session *s = r->s;
	const char *tag = r->line->tag, *version = agent_text_of(r, "version");
	const char *token = agent_line_value(r->line, "token"), *allow = agent_line_value(r->line, "allow");

	if (!version)
		return;
	if (strcmp(version, "1") != 0) {
		agent_error(s, tag, EPROTONOSUPPORT, "this agent speaks version 1");
		return;
	}
	if (*s->config->token && !same_token(s->config->token, token ? token : "")) {
		agent_error(s, tag, EACCES, "the token is %s", token ? "wrong" : "missing");
		s->over = true;
		return;
	}
	if (allow && !name_networks(r, allow))
		return;
	s->greeted = true;
	agent_done(s, tag);
}

static const struct agent_verb hello_verb = { "hello", hello, { "version", "token", "allow" }, NULL, 0 };

/* --- requests --- */

static const struct agent_verb *find_verb(const char *name)
{
	if (strcmp(name, hello_verb.name) == 0)
		return &hello_verb;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct agent_verb *v = tables[i]; v->name; v++) {
			if (strcmp(v->name, name) == 0)
				return v;
		}
	}
	return NULL;
}

/* The first key that the verb does not know, or NULL. */
static const char *unknown_key(const struct agent_verb *verb, const struct agent_line *line)
{
	for (size_t i = 0; i < line->n; i++) {
		size_t j = 0;

		while (j < AGENT_KEYS_MAX && verb->keys[j] && strcmp(verb->keys[j], line->words[i].key) != 0)
			j++;
		if (j == AGENT_KEYS_MAX || !verb->keys[j])
			return line->words[i].key;
	}
	return NULL;
}

static void serve_request(struct agent_session *s, const struct agent_line *line)
{
	const struct agent_verb *verb = find_verb(line->verb);
	struct agent_request request = { s, verb, line };
	const char *unknown;

	if (verb == &hello_verb && s->greeted) {
		agent_error(s, line->tag, EALREADY, "hello has been said");
		return;
	}
	if (verb != &hello_verb && !s->greeted) {
		agent_error(s, line->tag, EPERM, "say hello first");
		return;
	}
	if (!verb) {
		agent_error(s, line->tag, ENOSYS, "there is no verb %.40s", line->verb);
		return;
	}
	if (line->bad) {
		agent_error(s, line->tag, EINVAL, "%s", line->bad);
		return;
	}
	unknown = unknown_key(verb, line);
	if (unknown) {
		agent_error(s, line->tag, EINVAL, "%s has no key %.40s", verb->name, unknown);
		return;
	}
	if (verb->run)
		verb->run(&request);
	else
		agent_error(s, line->tag, ENOTSUP, "this system cannot do %s", verb->name);
}

/* Before hello one is enough: it may be the header of an HTTP request whose body is a page's idea of what the
 * agent should do. A browser will send that to loopback for any page. */
static void count_unreadable(struct agent_session *s)
{
	if (++s->unreadable >= UNREADABLE_MAX || !s->greeted)
		s->over = true;
}

static void serve_line(struct agent_session *s)
{
	struct agent_line line;

	if (!agent_line_read(s->in, s->in_len, &line)) {
		agent_error(s, "-", EPROTO, "a request is TAG VERB KEY=VALUE... in printable ASCII");
		count_unreadable(s);
		return;
	}
	s->unreadable = 0;
	serve_request(s, &line);
}

/* --- the interface --- */

struct agent_session *agent_session_new(const struct agent_config *config,
					const struct agent_address *controller)
{
	struct agent_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = config;
	s->remote = controller != NULL;
	if (controller)
		s->own = agent_network_of(controller);
	greet(s);
	return s;
}

void agent_session_end(struct agent_session *s)
{
	size_t out_len = s->out_len;

	while (s->n_sockets > 0)
		agent_socket_drop(s, s->sockets[s->n_sockets - 1], true);
	/* Calls that waited end with the session: nobody is told. */
	s->out_len = out_len;
	s->over = true;
}

void agent_session_free(struct agent_session *s)
{
	agent_session_end(s);
	free(s->networks);
	free(s);
}

/* One byte of the controller's. */
static void take(struct agent_session *s, char byte)
{
	if (s->skipping) {
		s->skipping = byte != '\n';
		return;
	}
	if (byte == '\n') {
		serve_line(s);
		s->in_len = 0;
		return;
	}
	s->in[s->in_len++] = byte;
	if (s->in_len == AGENT_LINE_MAX) {
		agent_error(s, "-", EMSGSIZE, "a line has at most %d bytes", (int)AGENT_LINE_MAX);
		count_unreadable(s);
		s->skipping = true;
		s->in_len = 0;
	}
}

size_t agent_session_input(struct agent_session *s, const char *bytes, size_t len, uint64_t now_ms)
{
	size_t used = 0;

	s->now_ms = now_ms;
	while (used < len && !s->over && !agent_session_full(s))
		take(s, bytes[used++]);
	return used;
}

bool agent_session_full(const struct agent_session *s)
{
	return s->out_len >= AGENT_OUTPUT_FULL;
}

bool agent_session_greeted(const struct agent_session *s)
{
	return s->greeted;
}

bool agent_session_over(const struct agent_session *s)
{
	return s->over;
}

const char *agent_session_output(const struct agent_session *s, size_t *len)
{
	*len = s->out_len;
	return s->out + s->out_start;
}

void agent_session_written(struct agent_session *s, size_t n)
{
	s->out_start += n;
	s->out_len -= n;
}
