/* SPDX-License-Identifier: BSD-2-Clause */
/* Both ends of recorded connections: sequences of segments, and which of them break which rule, at several
 * places of the sequence space. '>' is the end that sent the first segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/observe.h"

#define OPEN "> S 0; < S. 0 ack 1; > . 1 ack 1; "
#define OPEN_TS "> S 0 opt ts; < S. 0 ack 1 opt ts; > . 1 ack 1 opt ts; "
#define OPEN_ALL                                                                                             \
	"> S 0 opt mss=1460,sackok,ts,wscale=7; < S. 0 ack 1 opt mss=1460,sackok,ts,wscale=7; "                \
	"> . 1 ack 1 opt ts; "
#define CLOSED OPEN "> F. 1 ack 1; < F. 1 ack 2; > . 2 ack 2; "

/* In front of the segments: where the capture was made. */
#define AT_FIRST "@1"
#define AT_SECOND "@2"
#define PERHAPS "@3"

static const unsigned vantages[] = {0, CONN_NEAR_0 | CONN_STATED, CONN_NEAR_1 | CONN_STATED, CONN_NEAR_0};

static const struct recorded {
	const char *about, *segments;
	const char *broken; /* "5 fin-moved likely, ..." by the place in `segments`; "" for none */
} recordings[] = {
	{"four segments", OPEN "> F. 1 ack 1; < . 1 ack 2; < F. 1 ack 2; > . 2 ack 2", ""},
	{"three segments, closed by the second end", OPEN "< F. 1 ack 1; > F. 1 ack 2; < . 2 ack 2", ""},
	{"simultaneous open", "> S 0; < S 0; > S. 0 ack 1; < S. 0 ack 1; > . 1 ack 1; < . 1 ack 1", ""},
	{"simultaneous open, ended by ACKs", "> S 0; < S 0; > S. 0 ack 1; < . 1 ack 1; > P. 1:6 ack 1", ""},
	{"simultaneous close", OPEN "> F. 1 ack 1; < F. 1 ack 1; > . 2 ack 2; < . 2 ack 2", ""},
	{"half-close with data",
	 OPEN "> F. 1 ack 1; < . 1 ack 2; < P. 1:101 ack 2; > . 2 ack 101; < F. 101 ack 2; > . 2 ack 102", ""},
	{"keep-alive, 0 and 1 byte",
	 OPEN "> P. 1:6 ack 1; < . 1 ack 6; > . 5 ack 1; < . 1 ack 6; > P. 5:6 ack 1; < . 1 ack 6", ""},
	{"keep-alive right after opening", OPEN "> . 0 ack 1; < . 1 ack 1; < P. 0:1 ack 1; > . 1 ack 1", ""},
	{"zero window",
	 OPEN "> P. 1:101 ack 1; < . 1 ack 101 win 0; > . 100 ack 1; < . 1 ack 101 win 0; < . 1 ack 101; "
	      "> P. 101:201 ack 1; < . 1 ack 201",
	 ""},
	{"refused", "> S 0; < R. =0 ack 1", ""},
	{"refused by random number", "> S 0; < R 77777", "2 refusal likely"},
	{"refused with SEQ", "> S 0; < R. 77777 ack 1", "2 refusal likely"},
	{"old duplicate SYN", "> S -500; > S 0; < S. 0 ack -499; > R -499; < S. 900 ack 1; > . 1 ack 901", ""},
	{"old duplicate SYN, other order", "> S 0; > S -500; < S. 0 ack -499; > R 1; < S. 900 ack 1; "
					   "> . 1 ack 901; > P. 1:6 ack 901; < . 901 ack 6",
	 ""},
	{"half-open, discovered by SYN", "> S 0; < . 900 ack 70000; > R 900; +1000 > S 0; < S. 5000 ack 1; "
					 "> . 1 ack 5001",
	 ""},
	{"half-open, seen from the start",
	 OPEN "> P. 1:6 ack 1; < . 1 ack 6; +60000 > S 90000; < . 1 ack 6; > R 1; > S 90000; < S. 7000 ack 90001; "
	      "> . 90001 ack 7001; > P. 90001:90006 ack 7001; < . 7001 ack 90006",
	 ""},
	{"half-open, discovered by data", OPEN "+60000 < P. 1:6 ack 1; > R 1", ""},
	{"TIME-WAIT reused", CLOSED "+500 > S 70000; < S. 90000 ack 70001; > . 70001 ack 90001", ""},
	{"SYN repeated with fewer options",
	 "> S 0 opt mss=1460,sackok,ts,wscale=7; +1000 > S 0 opt mss=1460; < S. 0 ack 1 opt mss=1460; > . 1 ack 1; "
	 "< P. 1:6 ack 1",
	 ""},
	{"SYN repeated with fewer options, the first counts",
	 "> S 0 opt mss=1460,ts,wscale=7; +1000 > S 0 opt mss=1460; < S. 0 ack 1 opt mss=1460,ts,wscale=7; "
	 "> . 1 ack 1 opt ts; < P. 1:6 ack 1 opt ts",
	 ""},
	{"fast open, with data before the last ACK",
	 "> S 0:10; < S. 0 ack 11; < P. 1:6 ack 11; > . 11 ack 6; < P. 6:9 ack 11; > . 11 ack 9", ""},
	{"fast open", "> S 0:10; < S. 0 ack 11; > . 11 ack 1; < P. 1:6 ack 11; > . 11 ack 6", ""},
	{"lost last ACK", OPEN "> F. 1 ack 1; < . 1 ack 2; < F. 1 ack 2; > . 2 ack 2; +300 < F. 1 ack 2; "
			       "> . 2 ack 2",
	 ""},
	{"FIN out of order", OPEN "> F. 101 ack 1; < . 1 ack 1; > P. 1:101 ack 1; < . 1 ack 102", ""},
	{"FIN lost before the tap", OPEN "> . 2 ack 1; < . 1 ack 2; < F. 1 ack 2; > . 2 ack 2", ""},
	{"data lost before the tap", OPEN "> P. 101:201 ack 1; < . 1 ack 201; < P. 1:6 ack 201; > . 201 ack 6", ""},
	{"abort", OPEN "> P. 1:6 ack 1; < R. 1 ack 6", ""},
	{"abort with data lost before it", OPEN "> P. 1:6 ack 1; < R. 400 ack 6", ""},
	{"closed endpoint answers what comes late", CLOSED "+100 < P. 2:8 ack 2; > R 2", "7 data-after-fin certain"},
	{"a RST crosses data", OPEN "> R. 1 ack 1; < P. 1:6 ack 1; > R 1", ""},
	{"challenge ACK", OPEN "> R 500; < . 1 ack 1; > P. 1:6 ack 1; < . 1 ack 6", ""},
	{"middle, data first", "> P. 1:6 ack 1; < . 1 ack 6; < P. 1:6 ack 6; > . 6 ack 6; > F. 6 ack 6; "
			       "< F. 6 ack 7; > . 7 ack 7",
	 ""},
	{"middle, ACK first", "> . 1 ack 1; < F. 1 ack 1; > . 1 ack 2; > F. 1 ack 2; < . 2 ack 2", ""},
	{"middle, after the FINs", "> . 2 ack 2; < . 2 ack 2", ""},
	{"middle, keep-alive first", "> . 5 ack 1; < . 1 ack 6; > P. 6:9 ack 1; < . 1 ack 9", ""},
	{"middle, a FIN first", "> F. 1 ack 2; < . 2 ack 2", ""},
	{"middle, RST", "> R 5; < R 7", ""},
	{"one side only, the opener", "> S 0; > . 1 ack 1; > P. 1:6 ack 1; > F. 6 ack 7; > . 7 ack 8", ""},
	{"one side only, the other", "> S. 0 ack 1; > . 1 ack 6; > P. 1:6 ack 6; > F. 6 ack 7", ""},
	{"capture drops", OPEN "< . 1 ack 500; > P. 900:1000 ack 1; < . 1 ack 1000; < F. 1 ack 1001", ""},
	{"reordered on the way back", OPEN "> P. 1:6 ack 1; > P. 6:9 ack 1; < . 1 ack 9; < . 1 ack 6", ""},
	{"PAWS", OPEN_TS "> P. 1:6 ack 1 opt ts; < . 1 ack 6 opt ts", ""},

	{"SYN,ACK with the wrong number", "> S 0; < S. 0 ack 2", "2 syn-ack-number certain"},
	{"data taken on a wrong ACK",
	 "> S 0; < S. 0 ack 1; > . 1 ack 500; > P. 1:6 ack 500; < . 1 ack 6",
	 "3 ack-unsent likely, 5 SYN-RECEIVED data_bad_ack likely"},
	{"FIN not counted",
	 OPEN "> F. 1 ack 1; < . 1 ack 1; +300 > F. 1 ack 1; < . 1 ack 1; +600 > F. 1 ack 1; < . 1 ack 1",
	 "7 fin-counted likely"},
	{"data after FIN", OPEN "> F. 1 ack 1; < . 1 ack 2; > P. 2:7 ack 1", "6 data-after-fin certain"},
	{"ACK beyond FIN+1", OPEN "> F. 1 ack 1; < . 1 ack 3", "5 ack-unsent certain"},
	{"RST out of window obeyed", OPEN "> P. 1:6 ack 1; < . 1 ack 6; > R 1000000000; > P. 6:9 ack 1; < R 1",
	 "6 rst-number likely, 8 ESTABLISHED rst_out_of_window likely"},
	{"RST in TIME-WAIT",
	 OPEN "> F. 1 ack 1; < . 1 ack 2; < F. 1 ack 2; > . 2 ack 2; +200 < F. 1 ack 2; > R 2",
	 "9 rst-state likely"},
	{"RST for RST", OPEN "> P. 1:6 ack 1; > R 6; < R. =0 ack 6", "6 rst-for-rst certain"},
	{"a copy of the SYN after a RST", OPEN "> R 1; < R. =0 ack 1", ""},
	{"keep-alive with a byte after the FIN", OPEN "> F. 1 ack 1; < . 1 ack 2; > P. 1:2 ack 1; < . 1 ack 2", ""},
	{"flags only", "> S 0; < S. 0 ack 1; > F. 500 ack 90000; < F. 90000 ack 501", ""},
	{"one side, ports reused", "> S. 0 ack 1; > F. 90 ack 7; +500 > S. 5000 ack 9001; > F. 5500 ack 9010", ""},
	{"data not acknowledged, where it arrived",
	 AT_SECOND OPEN "> P. 1:6 ack 1; < P. 1:6 ack 1; +300 > P. 1:6 ack 1; +300 > P. 1:6 ack 1; +300 > P. 1:6 ack 1; "
		   "+300 > P. 1:6 ack 1; < P. 6:9 ack 1",
	 "10 ESTABLISHED data_in_window likely"},
	{"FIN not acknowledged, where it arrived",
	 AT_SECOND OPEN "> F. 1 ack 1; +300 > F. 1 ack 1; +600 > F. 1 ack 1; < P. 1:9 ack 1",
	 "7 ESTABLISHED fin likely"},
	{"RST not obeyed, where it arrived",
	 AT_SECOND OPEN "> P. 1:6 ack 1; < . 1 ack 6; > R 6; +2000 < P. 1:9 ack 6",
	 "7 ESTABLISHED rst_exact likely"},
	{"FIN moves", OPEN "> F. 1 ack 1; +300 > F. 2 ack 1", "5 fin-moved likely"},
	{"option not offered", "> S 0 opt mss=1460; < S. 0 ack 1 opt mss=1460,wscale=7", "2 wscale-offered likely"},
	{"MSS outside SYN", OPEN "> P. 1:6 ack 1 opt mss=1460", "4 mss-on-syn certain"},
	{"timestamps missing", OPEN_TS "> P. 1:6 ack 1", "4 timestamps-kept certain"},
	{"FIN inside data", OPEN "> P. 1:6 ack 1; > F. 3 ack 1", "5 fin-place likely"},
	{"RST too low", OPEN "> P. 1:6 ack 1; < . 1 ack 6; > R 3", "6 rst-number likely"},
	{"active after its RST", OPEN "> R. 1 ack 1; +2000 > P. 1:6 ack 1", "5 after-rst likely"},
	{"ACK of FIN withdrawn", OPEN "> F. 1 ack 1; < . 1 ack 2; +2000 < . 1 ack 1", "6 ack-kept likely"},
	{"SYN inside the connection", OPEN "> P. 1:6 ack 1; < S. 1 ack 6", "5 state likely"},
	{"second ISS", "> S 0; < S. 0 ack 1; < S. 900 ack 1", "3 syn-ack-repeat likely"},
	/* Somebody vouches that the capture was made at the sender: no excuse is left. */
	{"FIN moves, at its sender", AT_FIRST OPEN "> F. 1 ack 1; +300 > F. 2 ack 1", "5 fin-moved certain"},
	{"FIN moves, at the other end", AT_SECOND OPEN "> F. 1 ack 1; +300 > F. 2 ack 1", "5 fin-moved likely"},
	{"FIN moves, perhaps at its sender", PERHAPS OPEN "> F. 1 ack 1; +300 > F. 2 ack 1",
	 "5 fin-moved likely"},
	{"active after its RST, at the sender", AT_FIRST OPEN "> R. 1 ack 1; > P. 1:6 ack 1",
	 "5 after-rst certain"},
	{"ACK of what was not sent, where it is known", AT_FIRST OPEN "< . 1 ack 500", "4 ack-unsent likely"},
	{"FIN not received, yet closing", OPEN "< . 1 ack 1; > P. 1:6 ack 1; < F. 1 ack 6; < . 1 ack 6",
	 ""},
};

enum { RECORDINGS = sizeof recordings / sizeof *recordings };

static void play(const struct recorded *r, const uint32_t isns[2], char *broken, size_t len)
{
	const char *text = r->segments;
	struct observe o;
	char one[120];
	size_t n = 0;

	observe_begin(&o, isns);
	conn_init(&o.c, *text == '@' ? vantages[text[1] - '0'] : 0);
	text += *text == '@' ? 2 : 0;
	broken[0] = '\0';
	for (int place = 1; *(text += strspn(text, "; ")); place++) {
		size_t end = strcspn(text, ";");

		assert_true(end < sizeof one);
		memcpy(one, text, end);
		one[end] = '\0';
		text += end;
		observe_one(&o, one);
		for (unsigned i = 0; i < o.j.count; i++)
			n += (size_t)snprintf(broken + n, len - n, "%s%d %s %s", n ? ", " : "", place,
					      rule_of(&o.j.failed[i]), certainty_name(o.j.failed[i].certainty));
	}
}

static void test_recordings(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (int i = 0; i < RECORDINGS; i++)
		for (int isns = 0; isns < OBSERVE_ISNS; isns++) {
			char broken[400];

			play(&recordings[i], observe_isns[isns], broken, sizeof broken);
			if (!strcmp(broken, recordings[i].broken))
				continue;
			print_message("%s (ISNs %d): '%s', not '%s'\n", recordings[i].about, isns, broken,
				      recordings[i].broken);
			wrong++;
			break;
		}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recordings),
	};

	return cmocka_run_group_tests_name("recorded", tests, NULL, NULL);
}
