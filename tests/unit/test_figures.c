/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequences written by hand from the figures and examples of the RFCs, judged by core/answer: each as it
 * should be, which is clean, and with one thing wrong, which is the violation of one row.
 *
 *   "> S 0; < S. 0 ack 1; ! user_shutdown_wr; < F. 1 ack 1; +300 > . 1 ack 2"
 *
 * '>' is a segment of the prober, '<' one of the target, '!' a call or timer of the target. A segment is its
 * flags, SEQ or SEQ:END of the data, "ack N", "win N", "ts N" for its TSval, "bad" for the checksum. Numbers
 * count from the ISN of their side. "+MS" lets time pass before; without it 10 ms do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/answer.h"

enum { ISN = 0xfffffff0U, ISS = 7, END_US = 3000000 };

struct figure {
	const char *name;
	enum tcp_state begin; /* CLOSED or LISTEN */
	const char *before;   /* what both have in common */
	const char *right, *wrong;
	enum tcp_state state; /* the row that `wrong` breaks */
	enum event event;
};

#define OPEN "> S 0; < S. 0 ack 1; > . 1 ack 1; > P. 1:2 ack 1; < . 1 ack 2; "
#define OPEN_TS                                                                                              \
	"> S 0 ts 100; < S. 0 ack 1 ts 5; > . 1 ack 1 ts 110; > P. 1:2 ack 1 ts 120; < . 1 ack 2 ts 9; "
#define CLOSE_FIRST OPEN "! user_shutdown_wr; < F. 1 ack 2; "
#define FIN_WAIT_2 CLOSE_FIRST "> . 2 ack 2; "
#define TIME_WAIT FIN_WAIT_2 "> F. 2 ack 2; < . 2 ack 3; +900 > P. 2:3 ack 2; < . 2 ack 3; "
#define CLOSE_WAIT OPEN "> F. 2 ack 1; < . 1 ack 3; "
#define LAST_ACK CLOSE_WAIT "! user_close; < F. 1 ack 3; "

static const struct figure figures[] = {
	{"9293 Figure 6, the side that listens", TCP_LISTEN, "",
	 "> S 0; < S. 0 ack 1; > . 1 ack 1; > P. 1:6 ack 1; < . 1 ack 6", "> S 0; < S. 0 ack 2", TCP_LISTEN,
	 EVENT_SYN},
	{"9293 Figure 6, the side that calls", TCP_CLOSED, "! user_active_open; < S 0; > S. 0 ack 1; ",
	 "< . 1 ack 1", "< . 2 ack 1", TCP_SYN_SENT, EVENT_SYN_ACK},
	{"9293 Figure 7, simultaneous open", TCP_CLOSED, "! user_active_open; < S 0; > S 0; ",
	 "< S. 0 ack 1; > S. 0 ack 1; > P. 1:3 ack 1; < . 1 ack 3", "< S. 1 ack 1", TCP_SYN_SENT, EVENT_SYN},
	{"9293 Figure 8, old SYN, the side that listens", TCP_LISTEN, "> S 90; < S. 0 ack 91; > R 91; ",
	 "> S 100; < S. 300 ack 101; > . 101 ack 301", "> S 100; +100 < S. 0 ack 91", TCP_LISTEN, EVENT_SYN},
	{"9293 Figure 8, old SYN, the side that calls", TCP_CLOSED,
	 "! user_active_open; < S 0; > S. 0 ack -9; ", "< R -9; > S. 0 ack 1; < . 1 ack 1", "< R 0",
	 TCP_SYN_SENT, EVENT_SYN_ACK_BAD_ACK},
	{"9293 Figure 9, half-open, the side that lives", TCP_LISTEN, OPEN "> S 40000000; ",
	 "< . 1 ack 2; > R 2; > P. 2:3 ack 1; < R 1", "+900 > S 40000000; +2000 > S 40000000",
	 TCP_ESTABLISHED, EVENT_SYN_OUT_OF_WINDOW},
	{"9293 Figure 9, half-open, the side that restarted", TCP_CLOSED,
	 "! user_active_open; < S 0; > . 77 ack -1000; ", "< R -1000; +900 < S 0", "< R 1", TCP_SYN_SENT,
	 EVENT_ACK_OLD},
	{"9293 Figure 10, data for a connection that is gone", TCP_CLOSED, "> P. 300:310 ack 100; ",
	 "< R 100", "< R. 0 ack 310", TCP_CLOSED, EVENT_DATA_IN_WINDOW},
	{"9293 Figure 11, old SYN for a listener", TCP_LISTEN, "> S 0; < S. 0 ack 1; > R 1; ",
	 "> . 1 ack 1; < R 1; > S 50; < S. 900 ack 51", "< R 1", TCP_SYN_RECEIVED, EVENT_RST_EXACT},
	{"9293 Figure 12, the side that closes first", TCP_LISTEN, CLOSE_FIRST "> . 2 ack 2; > F. 2 ack 2; ",
	 "< . 2 ack 3", "< . 2 ack 2", TCP_FIN_WAIT_2, EVENT_FIN},
	{"9293 Figure 12, the side that follows", TCP_LISTEN, OPEN "> F. 2 ack 1; ",
	 "< . 1 ack 3; ! user_close; < F. 1 ack 3; > . 3 ack 2; > P. 2:3 ack 2; < R 2", "< . 1 ack 2",
	 TCP_ESTABLISHED, EVENT_FIN},
	{"9293 Figure 12, LAST-ACK ends", TCP_LISTEN, LAST_ACK "> P. 2:3 ack 1; < . 2 ack 3; > . 3 ack 2; ",
	 "> P. 2:3 ack 2; < R 2", "> P. 2:3 ack 2; < . 2 ack 3", TCP_LAST_ACK, EVENT_ACK_OF_OUR_FIN},
	{"9293 Figure 13, simultaneous close", TCP_LISTEN, CLOSE_FIRST "> F. 2 ack 1; ",
	 "< . 2 ack 3; > . 3 ack 2; > F. 2 ack 2; < . 2 ack 3", "< . 1 ack 3", TCP_FIN_WAIT_1, EVENT_FIN},
	{"9293 3.6.1, TIME-WAIT lasts 2 MSL", TCP_LISTEN, TIME_WAIT "+60000 ! to_2msl; ",
	 "> F. 2 ack 2; < R 2", "> P. 2:3 ack 2; < . 2 ack 3", TCP_TIME_WAIT, EVENT_TO_2MSL},
	{"9293 3.6.1, the FIN again in TIME-WAIT", TCP_LISTEN, TIME_WAIT "> F. 2 ack 2; ", "< . 2 ack 3",
	 "< R 2", TCP_TIME_WAIT, EVENT_RETRANSMITTED_FIN},
	{"9293 3.6.1, half-closed, data goes on", TCP_LISTEN, FIN_WAIT_2 "> P. 2:12 ack 2; ", "< . 2 ack 12",
	 "< . 2 ack 13", TCP_FIN_WAIT_2, EVENT_DATA_IN_WINDOW},
	{"9293 3.6.1, half-closed, the other way", TCP_LISTEN, CLOSE_WAIT "! user_send; ",
	 "< P. 1:11 ack 3; > . 3 ack 11", "< P. 2:12 ack 3", TCP_CLOSE_WAIT, EVENT_USER_SEND},
	{"9293 Figure 5, FIN and ACK together", TCP_LISTEN, CLOSE_FIRST "> F. 2 ack 2; ", "< . 2 ack 3",
	 "< F. 1 ack 3", TCP_FIN_WAIT_1, EVENT_FIN_ACK_OF_OUR_FIN},
	{"9293 3.5.2 group 1, SYN with data to nobody", TCP_CLOSED, "> S 0:10; ", "< R. =0 ack 11",
	 "< R. =0 ack 1", TCP_CLOSED, EVENT_SYN_DATA},
	{"9293 3.5.2 group 2, ACK to a listener", TCP_LISTEN, "> . 20 ack 30; ", "< R 30", "< R 20",
	 TCP_LISTEN, EVENT_ACK_ACCEPTABLE},
	{"9293 3.10.7.2, nothing but data to a listener", TCP_LISTEN, "> - 0:5; ", "> S 0; < S. 0 ack 1",
	 "< R. =0 ack 5", TCP_LISTEN, EVENT_NO_ACK_FLAG},
	{"9293 3.10.7.4, wrong ACK in SYN-RECEIVED", TCP_LISTEN, "> S 0; < S. 0 ack 1; > . 1 ack 500; ",
	 "< R 500; > . 1 ack 1; > P. 1:2 ack 1; < . 1 ack 2", "< R 1", TCP_SYN_RECEIVED, EVENT_ACK_FUTURE},
	{"9293 3.10.7.4, FIN completes the handshake", TCP_LISTEN, "> S 0; < S. 0 ack 1; > F. 1 ack 1; ",
	 "< . 1 ack 2", "< . 1 ack 1", TCP_SYN_RECEIVED, EVENT_FIN},
	{"9293 3.8.6.3, an ACK within half a second", TCP_LISTEN, OPEN "+900 > P. 2:12 ack 1; ",
	 "+480 < . 1 ack 12", "+1200 < . 1 ack 12", TCP_ESTABLISHED, EVENT_DATA_IN_WINDOW},
	{"9293 3.10.7.4 (8), data and FIN, two ACKs", TCP_LISTEN, OPEN "> F. 2:12 ack 1; ",
	 "< . 1 ack 12; < . 1 ack 13", "< . 1 ack 14", TCP_ESTABLISHED, EVENT_DATA_FIN},
	{"9293 3.10.7.4 (7), a gap is filled", TCP_LISTEN,
	 OPEN "+900 > P. 12:22 ack 1; < . 1 ack 2; > P. 2:12 ack 1; ", "< . 1 ack 22", "< . 1 ack 30",
	 TCP_ESTABLISHED, EVENT_DATA_IN_WINDOW},
	{"9293 3.8.4, a keep-alive", TCP_LISTEN, OPEN "+900 > . 1 ack 1; ", "< . 1 ack 2", "< . 1 ack 1",
	 TCP_ESTABLISHED, EVENT_KEEPALIVE_PROBE},
	{"9293 3.1, a wrong checksum", TCP_LISTEN, OPEN "+900 > P. 1:2 ack 1 bad; ",
	 "> P. 1:2 ack 1; < . 1 ack 2", "< R 1", TCP_ESTABLISHED, EVENT_BAD_CHECKSUM},
	{"9293 3.10.8, the FIN again", TCP_LISTEN, CLOSE_FIRST "+3000 ! to_retransmission; ", "< F. 1 ack 2",
	 "< F. 2 ack 2", TCP_FIN_WAIT_1, EVENT_TO_RETRANSMISSION},
	{"9293 3.10.5, an abort", TCP_LISTEN, OPEN "! user_abort; ", "< R. 1 ack 2", "< R. 7 ack 2",
	 TCP_ESTABLISHED, EVENT_USER_ABORT},
	{"5961 3.2 case 2, a RST at RCV.NXT", TCP_LISTEN, OPEN "+900 > P. 1:2 ack 1; < . 1 ack 2; > R 2; ",
	 "> P. 1:2 ack 1; < R 1", "> P. 1:2 ack 1; < . 1 ack 2", TCP_ESTABLISHED, EVENT_RST_EXACT},
	{"5961 3.2 case 3, a RST in the window", TCP_LISTEN, OPEN "+900 > R 102; ",
	 "< . 1 ack 2; > R 2; > P. 1:2 ack 1; < R 1", "< . 1 ack 102", TCP_ESTABLISHED, EVENT_RST_IN_WINDOW},
	{"5961 3.2 case 1, a RST outside the window", TCP_LISTEN,
	 OPEN "+900 > P. 1:2 ack 1; < . 1 ack 2; > R 40000000; ", "> P. 1:2 ack 1; < . 1 ack 2",
	 "> P. 1:2 ack 1; < R 1", TCP_ESTABLISHED, EVENT_RST_OUT_OF_WINDOW},
	{"5961 4.2, a SYN in the window", TCP_LISTEN, OPEN "+900 > P. 1:2 ack 1; < . 1 ack 2; +100 > S 50; ",
	 "< . 1 ack 2", "< S. 0 ack 51", TCP_ESTABLISHED, EVENT_SYN_IN_WINDOW},
	{"5961 5.2, an ACK of what was not sent", TCP_LISTEN, OPEN "+900 > P. 2:12 ack 900; ", "< . 1 ack 2",
	 "< . 1 ack 12", TCP_ESTABLISHED, EVENT_DATA_ACK_FUTURE},
	{"1337 3 F1, a RST in TIME-WAIT is ignored", TCP_LISTEN, TIME_WAIT "> R 3; ",
	 "> F. 2 ack 2; < . 2 ack 3", "< . 2 ack 3", TCP_TIME_WAIT, EVENT_RST_EXACT},
	{"1337 1, old data in TIME-WAIT", TCP_LISTEN, TIME_WAIT "> P. 1:2 ack 1; ", "< . 2 ack 3", "< R 2",
	 TCP_TIME_WAIT, EVENT_RETRANSMITTED_DATA},
	{"6191 2, a newer SYN without timestamps", TCP_LISTEN, TIME_WAIT "> S 5000; ", "< S. 700 ack 5001",
	 "< S. -700 ack 5001", TCP_TIME_WAIT, EVENT_TIMEWAIT_SYN_NEWER},
	{"6191 2, an older SYN", TCP_LISTEN, TIME_WAIT "> S -5000; ", "< . 2 ack 3", "< S. 700 ack -4999",
	 TCP_TIME_WAIT, EVENT_TIMEWAIT_SYN_OLDER},
	{"7323 5.3, a timestamp from the past", TCP_LISTEN, OPEN_TS "+900 > P. 2:12 ack 1 ts 50; ",
	 "< . 1 ack 2 ts 30", "< . 1 ack 12 ts 30", TCP_ESTABLISHED, EVENT_PAWS_OLD_TS},
	{"7323 5.2, a RST with an old timestamp", TCP_LISTEN,
	 OPEN_TS "+900 > P. 1:2 ack 1 ts 130; < . 1 ack 2 ts 20; > R 2 ts 50; ",
	 "> P. 1:2 ack 1 ts 140; < R 1", "> P. 1:2 ack 1 ts 140; < . 1 ack 2 ts 30", TCP_ESTABLISHED,
	 EVENT_RST_OLD_TS},
};

struct stage {
	struct answer answer;
	struct judgement j;
	int64_t now_us;
	uint64_t frame;
	uint32_t tsecr; /* the prober's last TSval */
};

static uint32_t number(const char *word, uint32_t isn)
{
	return word[0] == '=' ? (uint32_t)strtoul(word + 1, NULL, 10)
			      : isn + (uint32_t)strtol(word, NULL, 10);
}

static uint16_t flags_of(const char *word)
{
	uint16_t flags = 0;

	for (; *word; word++)
		flags |= *word == 'S'   ? FLAG_SYN
			 : *word == 'F' ? FLAG_FIN
			 : *word == 'R' ? FLAG_RST
			 : *word == 'P' ? FLAG_PSH
			 : *word == '.' ? FLAG_ACK
			 : *word == 'U' ? FLAG_URG
					: 0;
	return flags;
}

static void play_segment(struct stage *g, bool prober, char *text)
{
	uint32_t mine = prober ? ISN : ISS, yours = prober ? ISS : ISN;
	struct segment s = {
		.window = 60000, .checksum = CHECKSUM_GOOD, .frame = ++g->frame, .t_us = g->now_us};
	char *save, *word = strtok_r(text, " ", &save), *colon;

	s.options.malformed = -1;
	s.flags = flags_of(word);
	word = strtok_r(NULL, " ", &save);
	s.seq = number(word, mine);
	colon = strchr(word, ':');
	if (colon)
		s.len = number(colon + 1, mine) - s.seq;
	while ((word = strtok_r(NULL, " ", &save))) {
		if (!strcmp(word, "ack"))
			s.ack = number(strtok_r(NULL, " ", &save), yours);
		else if (!strcmp(word, "win"))
			s.window = (uint16_t)atoi(strtok_r(NULL, " ", &save));
		else if (!strcmp(word, "ts")) {
			s.options.present |= OPTION_TIMESTAMPS;
			s.options.tsval = (uint32_t)atoi(strtok_r(NULL, " ", &save));
			s.options.tsecr = prober ? 0 : g->tsecr;
			if (prober && s.options.tsval > g->tsecr)
				g->tsecr = s.options.tsval;
		} else if (!strcmp(word, "bad"))
			s.checksum = CHECKSUM_BAD;
		else
			fail_msg("what is %s?", word);
	}
	if (prober)
		answer_stimulus(&g->answer, &s, EVENT_ANY, g->now_us);
	else
		answer_reply(&g->answer, &s, g->now_us, &g->j);
}

static void play(struct stage *g, const struct rule_index *table, const struct figure *f, const char *end,
		 bool near)
{
	struct answer_params params = { .near = near, .calls_told = true, .rtt_us = 10000 };
	char text[600], *save, *step;

	memset(g, 0, sizeof *g);
	answer_init(&g->answer, &params, table, IN(f->begin));
	g->now_us = 1000000;
	snprintf(text, sizeof text, "%s%s", f->before, end);
	for (step = strtok_r(text, ";", &save); step; step = strtok_r(NULL, ";", &save)) {
		long ms = 10;

		while (*step == ' ')
			step++;
		if (*step == '+')
			ms = strtol(step + 1, &step, 10);
		while (*step == ' ')
			step++;
		if (!*step)
			continue;
		g->now_us += ms * 1000;
		answer_time(&g->answer, g->now_us, &g->j);
		if (*step == '!')
			answer_call(&g->answer, event_by_name(step + 2), g->now_us);
		else
			play_segment(g, *step == '>', step + 2);
	}
	answer_time(&g->answer, g->now_us + END_US, &g->j);
}

static void test_figures(void **state)
{
	static struct rule_index table;
	static struct stage g;
	unsigned wrong = 0, n = sizeof figures / sizeof *figures;
	char name[RULE_NAME];

	(void)state;
	rule_index_init(&table);
	for (unsigned i = 0; i < n; i++) {
		const struct figure *f = &figures[i];
		enum event event = f->event;
		const struct rule *r = event_rule(&table, f->state, &event);

		play(&g, &table, f, f->right, true);
		if (g.j.count) {
			wrong++;
			print_message("# %s: accused, %s: expected %s, observed %s\n", f->name,
				      rule_name(g.j.failed[0].rule, g.j.failed[0].state, name),
				      g.j.failed[0].expected, g.j.failed[0].observed);
		}
		play(&g, &table, f, f->wrong, true);
		if (g.j.count != 1 || g.j.failed[0].rule != r || g.j.failed[0].state != f->state) {
			wrong++;
			print_message("# %s: not found\n", f->name);
			for (unsigned k = 0; k < g.j.count; k++)
				print_message("#   but %s: expected %s, observed %s\n",
					      rule_name(g.j.failed[k].rule, g.j.failed[k].state, name),
					      g.j.failed[k].expected, g.j.failed[k].observed);
		}
	}
	print_message("# sequences by hand: %u, right and wrong\n", n);
	assert_int_equal(wrong, 0);
}

/* What could have been lost is never certain; an answer that may be limited is asked for twice. */
static void test_certainty(void **state)
{
	static struct rule_index table;
	static struct stage g;
	const struct figure open = { "open", TCP_LISTEN, OPEN, "", "", TCP_ESTABLISHED, EVENT_ANY };

	(void)state;
	rule_index_init(&table);
	play(&g, &table, &open, "+900 > P. 1:2 ack 1", true);
	assert_int_equal(g.j.count, 1);
	assert_int_equal(g.j.failed[0].certainty, CERTAIN);
	play(&g, &table, &open, "+900 > P. 1:2 ack 1", false);
	assert_int_equal(g.j.count, 1);
	assert_int_equal(g.j.failed[0].certainty, LIKELY);
	play(&g, &table, &open, "+900 > P. 1:2 ack 1; < . 900 ack 2", false);
	assert_int_equal(g.j.count, 1);
	assert_int_equal(g.j.failed[0].certainty, CERTAIN);
	play(&g, &table, &open, "+900 > P. 1:2 ack 1; < . 1 ack 2; < . 1 ack 2", true);
	assert_int_equal(g.j.count, 1);
	assert_int_equal(g.j.failed[0].certainty, LIKELY);
	play(&g, &table, &open, "+900 > . 1 ack 1; +500 > . 1 ack 1", true);
	assert_int_equal(g.j.count, 0);
	play(&g, &table, &open, "+900 > . 1 ack 1; +1100 > . 1 ack 1", true);
	assert_int_equal(g.j.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_certainty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
