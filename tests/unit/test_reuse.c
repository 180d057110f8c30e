/* SPDX-License-Identifier: BSD-2-Clause */
/* finwait reuse without the network: the table of cases, and the driver that has an agent make their calls,
 * with an agent in a process of its own that answers as it is told, refuses, lies, and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "checks/reuse.h"
#include "drive/agent_wait.h"
#include "drive/scripted.h"
#include "unit/fake_agent.h"

/* ---- the table --------------------------------------------------------------------------------- */

static void test_api_of(void **state)
{
	(void)state;
	assert_int_equal(reuse_api_of("Linux-6.1.0"), API_LINUX);
	assert_int_equal(reuse_api_of("FreeBSD-14.1"), API_BSD);
	assert_int_equal(reuse_api_of("OpenBSD"), API_BSD);
	assert_int_equal(reuse_api_of("NetBSD-10"), API_BSD);
	assert_int_equal(reuse_api_of("DragonFly-6.4"), API_BSD);
	assert_int_equal(reuse_api_of("Darwin-23.1.0"), API_BSD);
	assert_int_equal(reuse_api_of("Windows-10"), API_WINDOWS);
	assert_int_equal(reuse_api_of("SunOS-5.11"), API_POSIX);
	assert_int_equal(reuse_api_of(""), API_POSIX);
}

static void test_documented(void **state)
{
	(void)state;
	assert_true(reuse_documented("ok", "ok"));
	assert_true(reuse_documented("EADDRINUSE or ok", "ok"));
	assert_true(reuse_documented("EADDRINUSE or ok", "EADDRINUSE"));
	assert_true(reuse_documented("EADDRINUSEX or EADDRINUSE", "EADDRINUSE"));
	assert_false(reuse_documented("EADDRINUSE", "EADDR"));
	assert_false(reuse_documented("EADDRINUSE", "INUSE"));
	assert_false(reuse_documented("EADDRINUSE", "EADDRINUSES"));
	assert_false(reuse_documented("EADDRNOTAVAIL or ok", "EADDRINUSE"));
	assert_false(reuse_documented("EADDRNOTAVAIL or ok", "o"));
	assert_false(reuse_documented("EADDRNOTAVAIL or ok", "k"));
	assert_false(reuse_documented("ok", ""));
}

static size_t words_of(const char *documented)
{
	size_t words = 0, len;

	for (const char *at = documented; *at; at += len) {
		len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (!len && !strncmp(at, "ok", 2))
			len = 2;
		assert_true(len == 2 || at[0] == 'E');
		words++;
		if (!at[len])
			break;
		assert_memory_equal(at + len, " or ", 4);
		len += 4;
	}
	return words;
}

static void test_table(void **state)
{
	size_t cases = 0, syns = 0;

	(void)state;
	for (const struct reuse_case *c = reuse_cases; c->name; c++, cases++) {
		size_t calls = 0;

		assert_true(drive_checks[c->state][c->opener].name && c->what);
		while (calls < REUSE_CALLS && c->calls[calls])
			calls++;
		assert_in_range(calls, 2, REUSE_CALLS - 1); /* with its end */
		/* The question is one that the system answers. */
		assert_in_range(c->calls[calls - 1], REUSE_BIND, REUSE_CONNECT_OTHER);
		for (int api = 0; api < APIS; api++)
			assert_true(!c->documented[api] || words_of(c->documented[api]));
		assert_int_equal(!c->requirement, !c->citation);
		for (const struct reuse_case *other = reuse_cases; other != c; other++)
			assert_string_not_equal(other->name, c->name);
	}
	for (const struct reuse_syn *s = reuse_syns; s->name; s++, syns++)
		for (const struct reuse_syn *other = reuse_syns; other != s; other++)
			assert_string_not_equal(other->name, s->name);
	assert_int_equal(cases, 18);
	assert_int_equal(syns, 3);
	for (int api = 0; api < APIS; api++)
		assert_true(reuse_api_name((enum api)api)[0]);
	assert_string_equal(reuse_api_name(APIS), "");
}

/* ---- an agent ---------------------------------------------------------------------------------- */

enum how { OBEYS, REFUSES, GOES, LIES_OK, TALKS, IS_MUTE };
enum { CALLS = 60 };

/* Shared with the process that plays it. */
struct agent {
	volatile sig_atomic_t stop; /* of the driver: set when the agent is mute */
	unsigned count;             /* calls heard */
	unsigned bad;               /* this one, from 1, is answered in another way */
	enum how how;
	char heard[CALLS][120];
};

static struct agent *agent;
static struct driver *d;
static pid_t child;

static unsigned sockets;

static void obey(const char *said, char *reply, size_t len)
{
	char local[64];

	snprintf(reply, len, "ok");
	if (!strncmp(said, "socket ", 7))
		snprintf(reply, len, "ok socket=%u", ++sockets);
	else if (!strncmp(said, "accept ", 7))
		snprintf(reply, len, "ok socket=%u", ++sockets);
	else if (sscanf(said, "bind socket=%*u local=%60s", local) == 1)
		snprintf(reply, len, "ok local=%.*s:40000", (int)(strrchr(local, ':') - local), local);
	else if (!strncmp(said, "state ", 6))
		snprintf(reply, len, "ok state=TIME-WAIT");
}

/* False once it is over. */
static bool serve(FILE *in, int fd)
{
	char line[AGENT_LINE], tag[64], reply[256];
	int at = 0, n;

	if (!fgets(line, sizeof line, in) || agent->count == CALLS)
		return false;
	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%60s %n", tag, &at) != 1)
		return false;
	snprintf(agent->heard[agent->count++], sizeof agent->heard[0], "%s", line + at);
	obey(line + at, reply, sizeof reply);
	if (agent->count == agent->bad) {
		if (agent->how == GOES)
			return false;
		if (agent->how == IS_MUTE)
			agent->stop = 1;
		if (agent->how == IS_MUTE)
			return true;
		snprintf(reply, sizeof reply, "%s", agent->how == REFUSES ? "error EFAKE it says no" :
						    agent->how == TALKS	  ? "maybe tomorrow" :
									    "ok");
	}
	n = snprintf(line, sizeof line, "%s %s\n", tag, reply);
	return write(fd, line, (size_t)n) == n;
}

static void start(const char *can)
{
	struct fake f;
	struct agent_client *c = fake_session(&f, can);

	agent = mmap(NULL, sizeof *agent, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(agent != MAP_FAILED);
	sockets = 0;
	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		FILE *in = fdopen(f.fd, "r");

		agent_client_free(c);
		while (serve(in, f.fd))
			;
		_exit(0);
	}
	close(f.fd);
	d = scripted_driver_new(c, &agent->stop);
	assert_non_null(d);
}

/* The agent has heard all that there was when it sees the end. */
static void end(void)
{
	d->ops->close(d);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void forget(void)
{
	munmap(agent, sizeof *agent);
}

static struct driver_answer ask(enum action action, bool six)
{
	struct request r = { .id = 1, .action = action, .timeout_us = 3000000 };
	struct driver_answer a;
	short wanted;
	int fd;

	assert_true(address_parse(&r.prober.addr, six ? "2001:db8:793::1" : "198.18.0.1") &&
		    address_parse(&r.target.addr, six ? "2001:db8:793::2" : "198.18.0.2"));
	r.prober.port = 20001;
	r.target.port = action == ACTION_LISTEN || action == ACTION_CONNECT ? 0 : 40000;
	d->ops->ask(d, &r, 0);
	for (struct pollfd p = { .fd = -1 }; !d->ops->answer(d, 0, &a);) {
		/* Only accept() is not waited for; of a signal the runner hears by itself. */
		assert_int_equal(action, ACTION_ACCEPT);
		if (agent->stop)
			return (struct driver_answer){ .kind = ANSWER_LOST, .text = "interrupted" };
		assert_int_equal(d->ops->waits_for(d, &p.fd, &p.events), INT64_MAX);
		assert_int_equal(p.events, POLLIN);
		poll(&p, 1, 100);
	}
	assert_false(d->ops->answer(d, 0, &a));
	assert_int_equal(d->ops->waits_for(d, &fd, &wanted), INT64_MAX);
	assert_int_equal(a.id, 1);
	assert_int_equal(a.action, action);
	return a;
}

/* All that a case asks for; the answer of the first that failed, or of the last. */
static struct driver_answer play(const struct reuse_case *c, bool six)
{
	const struct check *check =
		c ? &drive_checks[c->state][c->opener] : &drive_checks[TCP_TIME_WAIT][OPENER_PASSIVE];
	struct driver_answer a = { .kind = ANSWER_DONE };

	scripted_begin(d, c);
	for (const enum step *s = check->steps; *s && a.kind == ANSWER_DONE; s++)
		if (*s >= STEP_ASK)
			a = ask((enum action)(*s - STEP_ASK), six);
	return a;
}

/* What was called, in few words. */
static const char *calls_text(void)
{
	static char text[CALLS * 64];
	size_t n = 0;

	for (unsigned i = 0; i < agent->count; i++) {
		const char *said = agent->heard[i];
		char verb[16], option[16], what[64];
		unsigned number;

		assert_int_equal(sscanf(said, "%15s", verb), 1);
		if (sscanf(said, "setopt socket=%u option=%15s value=1", &number, option) == 2)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%u ", option, number);
		else if (sscanf(said, "bind socket=%u local=%60s", &number, what) == 2 ||
			 sscanf(said, "connect socket=%u to=%60s wait=0", &number, what) == 2)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%u=%s ", verb, number, what);
		else if (sscanf(said, "%*s socket=%u", &number) == 1)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%u ", verb, number);
		else
			n += (size_t)snprintf(text + n, sizeof text - n, "%s ", verb);
		assert_true(n < sizeof text);
	}
	text[n ? n - 1 : 0] = '\0';
	return text;
}

/* ---- calls ------------------------------------------------------------------------------------- */

#define CAN FAKE_CAN ",reuseport"
#define A "198.18.0.2:40000"
#define PASSIVE(options, at) "socket " options "bind1=" at ":0 listen1 accept1 "
#define CLOSED(options) PASSIVE(options, "198.18.0.2") "shutdown2 close1 close2 socket "
#define OPEN(options) PASSIVE(options, "198.18.0.2") "socket "
#define ACTIVE "socket reuseaddr1 reuseport1 bind1=198.18.0.2:0 connect1=198.18.0.1:20001 socket "
#define OVER " state state abort2 abort3"
#define OVER_CLOSED " state state abort3"

/* The order of the table. */
static const char *const sequences[] = {
	CLOSED("") "bind3=" A OVER_CLOSED,
	CLOSED("reuseaddr1 ") "bind3=" A OVER_CLOSED,
	CLOSED("") "reuseaddr3 bind3=" A OVER_CLOSED,
	CLOSED("reuseaddr1 ") "reuseaddr3 bind3=" A OVER_CLOSED,
	CLOSED("reuseport1 ") "reuseport3 bind3=" A OVER_CLOSED,
	CLOSED("reuseaddr1 ") "reuseaddr3 bind3=" A " listen3" OVER_CLOSED,
	CLOSED("reuseaddr1 ") "reuseaddr3 bind3=" A " connect3=198.18.0.1:20001" OVER_CLOSED,
	CLOSED("reuseaddr1 ") "reuseaddr3 bind3=" A " connect3=198.18.0.1:9" OVER_CLOSED,
	OPEN("") "bind3=" A OVER " abort1",
	OPEN("reuseaddr1 ") "reuseaddr3 bind3=" A OVER " abort1",
	OPEN("") "bind3=0.0.0.0:40000" OVER " abort1",
	OPEN("reuseaddr1 ") "reuseaddr3 bind3=0.0.0.0:40000" OVER " abort1",
	PASSIVE("", "0.0.0.0") "socket bind3=" A OVER " abort1",
	PASSIVE("reuseaddr1 ", "0.0.0.0") "socket reuseaddr3 bind3=" A OVER " abort1",
	OPEN("reuseport1 ") "reuseport3 bind3=" A " listen3" OVER " abort1",
	PASSIVE("reuseaddr1 reuseport1 ", "198.18.0.2") "close1 socket reuseaddr3 reuseport3 bind3=" A " listen3" OVER,
	ACTIVE "reuseaddr2 reuseport2 bind2=" A " listen2 state state abort2 abort1",
	ACTIVE "reuseaddr2 reuseport2 bind2=" A " listen2 state state abort2 abort1",
};

static void test_sequences(void **state)
{
	size_t i = 0;

	(void)state;
	for (const struct reuse_case *c = reuse_cases; c->name; c++, i++) {
		assert_true(i < sizeof sequences / sizeof *sequences);
		start(CAN);
		assert_int_equal(play(c, false).kind, ANSWER_DONE);
		assert_true(scripted_result(d)->made);
		assert_string_equal(scripted_result(d)->last, "ok");
		assert_string_equal(scripted_result(d)->text, "");
		d->ops->release(d, 1, 0);
		end();
		if (strcmp(calls_text(), sequences[i]))
			fail_msg("%s:\n%s\nwanted:\n%s", c->name, calls_text(), sequences[i]);
		forget();
	}
	assert_int_equal(i, sizeof sequences / sizeof *sequences);
}

/* What is demanded has to do without an option that the system lacks. */
static void test_without_reuseport(void **state)
{
	const struct reuse_case *c = reuse_cases;

	(void)state;
	while (c->name && !c->requirement)
		c++;
	assert_non_null(c->name);
	start(FAKE_CAN);
	assert_int_equal(play(c, false).kind, ANSWER_DONE);
	assert_true(scripted_result(d)->made);
	d->ops->release(d, 1, 0);
	end();
	assert_string_equal(calls_text(), PASSIVE("reuseaddr1 ", "198.18.0.2") "close1 socket reuseaddr3 bind3=" A
								       " listen3" OVER);
	forget();
}

/* Word for word, and IPv6. */
static void test_lines(void **state)
{
	static const char *const lines[] = {
		"socket family=ipv6",
		"setopt socket=1 option=v6only value=1",
		"setopt socket=1 option=reuseaddr value=1",
		"bind socket=1 local=[2001:db8:793::2]:0",
		"listen socket=1 backlog=16",
		"accept socket=1 from=[2001:db8:793::1]:20001 timeout_ms=3000",
		"socket family=ipv6",
		"setopt socket=3 option=v6only value=1",
		"setopt socket=3 option=reuseaddr value=1",
		"bind socket=3 local=[::]:40000",
		"state local=[2001:db8:793::2]:40000 peer=[2001:db8:793::1]:20001",
	};
	const struct reuse_case *c = reuse_cases;

	(void)state;
	while (strcmp(c->name, "reuse/bind-wildcard/both"))
		c++;
	start(CAN ",v6only");
	assert_int_equal(play(c, true).kind, ANSWER_DONE);
	end();
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_string_equal(agent->heard[i], lines[i]);
	forget();
}

/* How many calls come before those of the case. */
static unsigned calls_before(size_t i)
{
	static const char *const begin[] = { " close1", " socket" };
	unsigned n = 0;
	const char *at = NULL;

	for (size_t j = 0; j < 2 && !at; j++)
		at = strstr(sequences[i], begin[j]);
	for (const char *c = sequences[i]; c <= at; c++)
		n += *c == ' ';
	return n;
}

/* Plays a case with an agent that answers call number `bad` in its own way. */
static struct driver_answer play_bad(const struct reuse_case *c, unsigned bad, enum how how)
{
	start(CAN);
	agent->how = how;
	agent->bad = bad;
	return play(c, false);
}

/* Each call refused, up to the first request for the state. */
static void test_refusals(void **state)
{
	size_t i = 0;

	(void)state;
	for (const struct reuse_case *c = reuse_cases; c->name; c++, i++) {
		unsigned before = calls_before(i), calls = 0, tried = 0;

		for (const char *s = sequences[i]; strncmp(s, " state", 6); s++)
			calls += *s == ' ';
		calls++;
		assert_true(before >= 3 && before < calls);
		for (unsigned bad = 1; bad <= calls; bad++, tried++) {
			struct driver_answer a = play_bad(c, bad, REFUSES);
			const struct scripted_answer *r = scripted_result(d);

			if (bad <= before) {
				assert_int_equal(a.kind, ANSWER_FAILED);
				assert_memory_equal(a.text, "the agent's ", 12);
				assert_non_null(strstr(a.text, " failed: EFAKE (it says no)"));
				assert_false(r->made);
			} else if (bad < calls) {
				assert_int_equal(a.kind, ANSWER_DONE);
				assert_false(r->made);
				assert_non_null(strstr(r->text, " failed before: EFAKE"));
				assert_string_equal(r->last, "");
			} else {
				assert_int_equal(a.kind, ANSWER_DONE);
				assert_true(r->made);
				assert_string_equal(r->last, "EFAKE");
			}
			d->ops->release(d, 1, 0);
			end();
			/* Sockets are given back, each once; of a socket that was refused there is none. */
			for (unsigned number = 1; number <= 3; number++) {
				char made[16], close_text[16], abort_text[16];
				const char *text = calls_text();

				snprintf(made, sizeof made, "bind%u=", number);
				snprintf(close_text, sizeof close_text, "close%u", number);
				snprintf(abort_text, sizeof abort_text, "abort%u", number);
				if (strstr(text, made))
					assert_true(!!strstr(text, close_text) + !!strstr(text, abort_text) == 1);
			}
			forget();
		}
		assert_true(tried >= 5);
	}
}

/* The agent goes, or breaks its protocol, at each call. */
static void test_losses(void **state)
{
	static const struct {
		enum how how;
		const char *text;
	} ways[] = { { GOES, "the agent is gone" }, { TALKS, "the agent does not keep to its protocol" } };
	size_t i = 0;

	(void)state;
	for (const struct reuse_case *c = reuse_cases; c->name; c++, i++)
		for (size_t way = 0; way < 2; way++) {
			unsigned before = calls_before(i), bad = 0;

			while (true) {
				struct driver_answer a = play_bad(c, ++bad, ways[way].how);
				const struct scripted_answer *r = scripted_result(d);
				unsigned count = agent->count;

				if (count < bad) { /* there was no such call any more */
					assert_int_equal(a.kind, ANSWER_DONE);
					end();
					forget();
					break;
				}
				assert_int_equal(a.kind, ANSWER_LOST);
				assert_non_null(strstr(a.text, ways[way].text));
				assert_int_equal(count, bad);
				if (bad > before && !r->made)
					assert_non_null(strstr(r->text, ways[way].text));
				if (bad <= before)
					assert_false(r->made);
				/* Whatever is asked then, it stays so. */
				assert_int_equal(ask(ACTION_ACCEPT, false).kind, ANSWER_LOST);
				d->ops->release(d, 1, 0);
				end();
				assert_int_equal(agent->count, bad);
				forget();
			}
			assert_true(bad > before + 2);
		}
}

/* "ok", without what has to be said: no answer of the system. */
static void test_nothing_said(void **state)
{
	size_t i = 0;

	(void)state;
	for (const struct reuse_case *c = reuse_cases; c->name; c++, i++)
		for (unsigned bad = 1; bad <= calls_before(i) + 6; bad++) {
			struct driver_answer a = play_bad(c, bad, LIES_OK);
			const char *said = bad <= agent->count ? agent->heard[bad - 1] : "";

			if (!strncmp(said, "socket", 6) || !strncmp(said, "bind", 4) || !strncmp(said, "accept", 6)) {
				assert_int_equal(a.kind, ANSWER_LOST);
				assert_non_null(strstr(a.text, "does not keep to its protocol"));
				assert_false(scripted_result(d)->made);
			} else {
				assert_int_equal(a.kind, ANSWER_DONE);
				assert_true(scripted_result(d)->made);
			}
			end();
			forget();
		}
}

static void test_interrupt(void **state)
{
	static const size_t cases[] = { 0, 9, 16 }; /* TIME-WAIT, a listener, SYN-SENT */

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (unsigned bad = 1; bad <= calls_before(cases[i]) + 2; bad++) {
			struct driver_answer a = play_bad(&reuse_cases[cases[i]], bad, IS_MUTE);

			assert_int_equal(a.kind, ANSWER_LOST);
			assert_string_equal(a.text, "interrupted");
			assert_false(scripted_result(d)->made);
			d->ops->release(d, 1, 0);
			end();
			forget();
		}
}

/* An exchange that ends while accept() waits: the listener goes, and what came at the last moment. */
static void test_release_while_accepting(void **state)
{
	static const struct {
		const struct reuse_case *c;
		const char *calls;
	} ways[] = {
		{ NULL, "socket reuseaddr1 bind1=198.18.0.2:0 listen1 accept1 abort1 abort2" },
		{ &reuse_cases[0], "socket bind1=198.18.0.2:0 listen1 accept1 abort1 abort2" },
	};
	struct request r = { .id = 1, .action = ACTION_ACCEPT, .timeout_us = 3000000 };
	struct driver_answer a;
	short wanted;
	int fd;

	(void)state;
	assert_true(address_parse(&r.prober.addr, "198.18.0.1") && address_parse(&r.target.addr, "198.18.0.2"));
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		start(CAN);
		scripted_begin(d, ways[i].c);
		assert_int_equal(ask(ACTION_LISTEN, false).kind, ANSWER_DONE);
		d->ops->ask(d, &r, 0);
		assert_int_equal(d->ops->waits_for(d, &fd, &wanted), INT64_MAX);
		d->ops->release(d, 1, 0);
		assert_false(d->ops->answer(d, 0, &a));
		end();
		assert_string_equal(calls_text(), ways[i].calls);
		forget();
	}
}

/* Without a case: the listener stays until the next one is made. */
static void test_the_listener_is_kept(void **state)
{
	(void)state;
	start(CAN);
	assert_int_equal(play(NULL, false).kind, ANSWER_DONE);
	assert_false(scripted_result(d)->made);
	d->ops->release(d, 1, 0);
	assert_int_equal(ask(ACTION_LISTEN, false).target.port, 40000);
	end();
	assert_string_equal(calls_text(),
			    PASSIVE("reuseaddr1 ", "198.18.0.2") "shutdown2 state state abort2 close1 "
								 "socket reuseaddr3 bind3=198.18.0.2:0 listen3");
	forget();
}

/* One after the other, as in a run: nothing of the one before is left. */
static void test_cases_in_a_row(void **state)
{
	(void)state;
	start(CAN);
	agent->how = REFUSES;
	agent->bad = calls_before(0) + 3; /* the last close(), socket() */
	for (size_t i = 0; i < 3; i++) {
		const struct scripted_answer *r;

		assert_int_equal(play(&reuse_cases[i], false).kind, ANSWER_DONE);
		r = scripted_result(d);
		assert_int_equal(r->made, i > 0);
		assert_string_equal(r->last, i ? "ok" : "");
		assert_string_equal(r->text, i ? "" : "socket() failed before: EFAKE");
		d->ops->release(d, 1, 0);
	}
	end();
	forget();
}

/* The state: as said, unknown, or refused, which is no reason to stop. */
static void test_state(void **state)
{
	struct driver_answer a;

	(void)state;
	start(CAN);
	a = play(NULL, false);
	assert_int_equal(a.state, TCP_TIME_WAIT);
	end();
	forget();
	a = play_bad(NULL, 8, REFUSES);
	assert_int_equal(a.kind, ANSWER_DONE);
	assert_string_equal(agent->heard[7], agent->heard[6]);
	assert_int_equal(a.state, TCP_STATES);
	end();
	forget();
	a = play_bad(NULL, 8, LIES_OK);
	assert_int_equal(a.kind, ANSWER_DONE);
	assert_int_equal(a.state, TCP_STATES);
	end();
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_api_of),
		cmocka_unit_test(test_documented),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_without_reuseport),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_release_while_accepting),
		cmocka_unit_test(test_the_listener_is_kept),
		cmocka_unit_test(test_cases_in_a_row),
		cmocka_unit_test(test_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
