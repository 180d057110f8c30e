/* SPDX-License-Identifier: BSD-2-Clause */
/* Every rule: sequences of segments that keep it, that break it, and that decide nothing about it, each at
 * several places of the sequence space. */
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
	"> S 0 opt mss=1460,sackok,ts,wscale=7; < S. 0 ack 1 opt mss=1460,sackok,wscale=7; > . 1 ack 1; "
/* The target is in LAST-ACK or CLOSED; in TIME-WAIT. */
#define SERVED OPEN "> F. 1 ack 1; < . 1 ack 2; < F. 1 ack 2; > . 2 ack 2; "
#define WAITING OPEN "< F. 1 ack 1; > . 1 ack 2; > F. 1 ack 2; < . 2 ack 2; "

enum how {
	KEPT,
	UNDECIDED, /* and none is broken */
	BROKEN,    /* for certain */
	LIKELY_BROKEN,
};

#define KEEPS(rule, segments)                                                                                \
	{                                                                                                    \
		rule, KEPT, segments, NULL, NULL                                                             \
	}
#define SAYS_NOTHING(rule, segments)                                                                         \
	{                                                                                                    \
		rule, UNDECIDED, segments, NULL, NULL                                                        \
	}
#define BREAKS(rule, segments, expected, observed)                                                           \
	{                                                                                                    \
		rule, BROKEN, segments, expected, observed                                                   \
	}
#define LIKELY_BREAKS(rule, segments, expected, observed)                                                    \
	{                                                                                                    \
		rule, LIKELY_BROKEN, segments, expected, observed                                            \
	}

static const struct sequence {
	enum rule_id rule;
	enum how how;
	const char *segments;
	const char *expected, *observed; /* exactly this; NULL: whatever there is */
} sequences[] = {
	KEEPS(RULE_CHECKSUM, OPEN "< P. 1:6 ack 1"),
	SAYS_NOTHING(RULE_CHECKSUM, OPEN "< P. 1:6 ack 1 unknown"),
	LIKELY_BREAKS(RULE_CHECKSUM, OPEN "< P. 1:6 ack 1 bad", "the checksum of the segment",
		      "another one; the segment counts as not received"),
	LIKELY_BREAKS(RULE_CHECKSUM, "> S 0; < SF 17 bad", NULL,
		      NULL), /* nothing else of it means anything */

	KEEPS(RULE_FLAGS, OPEN "< . 1 ack 1"),
	KEEPS(RULE_FLAGS, "> S 0; < R. =0 ack 1"),
	KEEPS(RULE_FLAGS, OPEN "< FP.UEWA 1:6 ack 1"),
	BREAKS(RULE_FLAGS, "> S 0; < SF. 0 ack 1", "at most one of SYN, FIN, RST", "flags SF."),
	BREAKS(RULE_FLAGS, "> S 0; < SR. 0 ack 1", NULL, "flags SR."),
	BREAKS(RULE_FLAGS, OPEN "< FR. 1 ack 1", NULL, "flags FR."),
	BREAKS(RULE_FLAGS, OPEN "< SFR 1", NULL, "flags SFR"),

	KEEPS(RULE_RESERVED, OPEN "< . 1 ack 1"),
	KEEPS(RULE_RESERVED, "> S 0; < SEWA. 0 ack 1"), /* RFC 9768 */
	BREAKS(RULE_RESERVED, OPEN "< .r 1 ack 1", "reserved bits 000", "flags r."),
	BREAKS(RULE_RESERVED, OPEN "< .o 1 ack 1", NULL, NULL),
	BREAKS(RULE_RESERVED, OPEN "< .q 1 ack 1", NULL, NULL),
	BREAKS(RULE_RESERVED, "> S 0; < R.q =0 ack 1", NULL, NULL),

	KEEPS(RULE_ACK_BIT, OPEN "< . 1 ack 1"),
	SAYS_NOTHING(RULE_ACK_BIT, OPEN "< R 1"),
	SAYS_NOTHING(RULE_ACK_BIT, "> S 0; < S. 0 ack 1"),
	BREAKS(RULE_ACK_BIT, OPEN "< P 1:6", "a segment with the ACK bit", "flags P"),
	BREAKS(RULE_ACK_BIT, OPEN "< F 1", NULL, "flags F"),
	BREAKS(RULE_ACK_BIT, OPEN "< - 1", NULL, "flags -"),

	KEEPS(RULE_OPTION_LENGTH, OPEN "< . 1 ack 1"),
	BREAKS(RULE_OPTION_LENGTH, OPEN "< . 1 ack 1 malformed 8", "the length that belongs to option kind 8",
	       "an illegal length"),
	BREAKS(RULE_OPTION_LENGTH, "> S 0; < S. 0 ack 1 malformed 0", NULL, NULL),
	BREAKS(RULE_OPTION_LENGTH, "> S 0; < R. =0 ack 1 malformed 255", NULL, NULL),

	KEEPS(RULE_MSS_ON_SYN, OPEN_ALL "< . 1 ack 1"),
	SAYS_NOTHING(RULE_MSS_ON_SYN, "> S 0; < S. 0 ack 1 opt mss=1460"),
	BREAKS(RULE_MSS_ON_SYN, OPEN_ALL "< . 1 ack 1 opt mss=1460",
	       "a segment without SYN has no such option", "options <mss 1460>"),
	BREAKS(RULE_MSS_ON_SYN, "> S 0; < R. =0 ack 1 opt mss=1460", NULL, NULL),
	KEEPS(RULE_WSCALE_ON_SYN, OPEN_ALL "< . 1 ack 1"),
	BREAKS(RULE_WSCALE_ON_SYN, OPEN_ALL "< P. 1:6 ack 1 opt wscale=7",
	       "a segment without SYN has no such option", "options <wscale 7>"),
	KEEPS(RULE_SACK_PERMITTED_ON_SYN, OPEN_ALL "< . 1 ack 1"),
	BREAKS(RULE_SACK_PERMITTED_ON_SYN, OPEN_ALL "< F. 1 ack 1 opt sackok",
	       "a segment without SYN has no such option", "options <sackOK>"),

	KEEPS(RULE_WSCALE_OFFERED, "> S 0 opt wscale=0; < S. 0 ack 1 opt wscale=7"),
	SAYS_NOTHING(RULE_WSCALE_OFFERED, "> S 0; < S. 0 ack 1"),
	/* An embryonic connection may remember what the first SYN said. */
	KEEPS(RULE_WSCALE_OFFERED, "> S 0 opt wscale=7; > S 0; < S. 0 ack 1 opt wscale=7"),
	BREAKS(RULE_WSCALE_OFFERED, "> S 0 opt ts; < S. 0 ack 1 opt wscale=7",
	       "the option is not used, since the other's SYN did not offer it", "options <wscale 7>"),
	KEEPS(RULE_TIMESTAMPS_OFFERED, "> S 0 opt ts; < S. 0 ack 1 opt ts"),
	KEEPS(RULE_TIMESTAMPS_OFFERED, OPEN_TS "< P. 1:6 ack 1 opt ts"),
	BREAKS(RULE_TIMESTAMPS_OFFERED, "> S 0 opt wscale=7; < S. 0 ack 1 opt ts",
	       "the option is not used, since the other's SYN did not offer it", "options <TS val 0 ecr 0>"),
	BREAKS(RULE_TIMESTAMPS_OFFERED, OPEN "< P. 1:6 ack 1 opt ts", NULL, NULL),
	KEEPS(RULE_SACK_OFFERED, OPEN_ALL "> P. 6:9 ack 1; < . 1 ack 1 sack 6:9"),
	BREAKS(RULE_SACK_OFFERED, OPEN_TS "> P. 6:9 ack 1 opt ts; < . 1 ack 1 opt ts sack 6:9",
	       "the option is not used, since the other's SYN did not offer it", NULL),

	KEEPS(RULE_TIMESTAMPS_KEPT, OPEN_TS "< . 1 ack 1 opt ts"),
	SAYS_NOTHING(RULE_TIMESTAMPS_OFFERED, "< S. 0 ack 1 opt ts"), /* our SYN is unknown */
	SAYS_NOTHING(RULE_TIMESTAMPS_KEPT, OPEN_TS "< R 1"),
	SAYS_NOTHING(RULE_TIMESTAMPS_KEPT, OPEN_ALL "< . 1 ack 1"), /* the target did not agree */
	SAYS_NOTHING(RULE_TIMESTAMPS_KEPT, OPEN "< . 1 ack 1"),
	BREAKS(RULE_TIMESTAMPS_KEPT, OPEN_TS "< . 1 ack 1", "timestamps, as negotiated", "none"),
	BREAKS(RULE_TIMESTAMPS_KEPT, OPEN_TS "< F. 1 ack 1", NULL, NULL),

	KEEPS(RULE_SYN_ACK_NUMBER, "> S 0; < S. 0 ack 1"),
	KEEPS(RULE_SYN_ACK_NUMBER, "> S 0; > S 0; > S 0; < S. 0 ack 1"),
	BREAKS(RULE_SYN_ACK_NUMBER, "> S 0; < S. 0 ack 0", "ack 1: the ISN of the SYN and one", "ack 0"),
	BREAKS(RULE_SYN_ACK_NUMBER, "> S 0; < S. 0 ack 2", NULL, "ack 2"),
	BREAKS(RULE_SYN_ACK_NUMBER, "> S 0; < S. 0 ack 2147483649", NULL, "ack 2147483649"),
	SAYS_NOTHING(RULE_SYN_ACK_REPEAT, "> S 0; < S. 0 ack 1"),
	KEEPS(RULE_SYN_ACK_REPEAT, "> S 0; < S. 0 ack 1; > S 0; < S. 0 ack 1"),
	KEEPS(RULE_SYN_ACK_REPEAT, OPEN "+1000 < S. 0 ack 1"),
	SAYS_NOTHING(RULE_SYN_ACK_REPEAT,
		     "> S 0; < S. 0 ack 1; < R 1; < S. 90000 ack 1"), /* a copy of our SYN */
	SAYS_NOTHING(RULE_SYN_ACK_REPEAT, "> S 0; < S. 0 ack 1; > R 1; < S. 90000 ack 1"),
	LIKELY_BREAKS(RULE_SYN_ACK_REPEAT, "> S 0; < S. 0 ack 1; > S 0; < S. 2000000 ack 1", NULL, NULL),
	LIKELY_BREAKS(RULE_SYN_ACK_REPEAT, "> S 0; < S. 0 ack 1; > S 0; < S. -1 ack 1", NULL, NULL),

	KEEPS(RULE_REFUSAL, "> S 0; < R. =0 ack 1"),
	KEEPS(RULE_REFUSAL, "> S 0; > S 0; < R. =0 ack 1; < R. =0 ack 1"),
	KEEPS(RULE_REFUSAL, "> S 0; > R 1; < R. =0 ack 1"), /* came after we gave up */
	SAYS_NOTHING(RULE_REFUSAL, "> S 0; < R. =0 ack 500000"), /* of an older connection */
	BREAKS(RULE_REFUSAL, "> S 0; < R. =1 ack 1", "RST,ACK with SEQ 0 and ack 1",
	       "RST,ACK with SEQ 1 and ack 1"),
	BREAKS(RULE_REFUSAL, "> S 0; < R =0", NULL, "RST without ACK, SEQ 0"),
	BREAKS(RULE_REFUSAL, "> S 0; < R. =0 ack 0", NULL, "RST,ACK with SEQ 0 and ack 0"),
	BREAKS(RULE_REFUSAL, "> S 0; < R. =0 ack 2", NULL, "RST,ACK with SEQ 0 and ack 2"),

	KEEPS(RULE_SYN_COUNTED, OPEN "< P. 1:6 ack 1"),
	SAYS_NOTHING(RULE_SYN_COUNTED, OPEN "< . 0 ack 1"),    /* keep-alive, RFC 9293 3.8.4 */
	SAYS_NOTHING(RULE_SYN_COUNTED, OPEN "< P. 0:1 ack 1"), /* ... with a byte of garbage */
	BREAKS(RULE_SYN_COUNTED, OPEN "< P. 0:5 ack 1", "SEQ 1 or more: SYN counts one", "SEQ 0, 5 bytes"),
	BREAKS(RULE_SYN_COUNTED, OPEN "< P. 0:2 ack 1", NULL, NULL),
	BREAKS(RULE_SYN_COUNTED, OPEN "< . -1 ack 1", NULL, "SEQ -1, 0 bytes"),
	KEEPS(RULE_ACK_UNSENT, OPEN "> P. 1:6 ack 1; < . 1 ack 6"),
	KEEPS(RULE_ACK_UNSENT, OPEN "> P. 1:6 ack 1; > F. 6 ack 1; < . 1 ack 7"),
	SAYS_NOTHING(RULE_ACK_UNSENT, OPEN "> P. 1:6 ack 1; < S. 0 ack 1"),
	BREAKS(RULE_ACK_UNSENT, OPEN "< . 1 ack 2", "ack at most 1, all that was sent", "ack 2"),
	BREAKS(RULE_ACK_UNSENT, OPEN "> P. 1:6 ack 1; < . 1 ack 7", "ack at most 6, all that was sent",
	       "ack 7"),
	BREAKS(RULE_ACK_UNSENT, OPEN "> F. 1 ack 1; < . 1 ack 3", "ack at most 2, all that was sent",
	       "ack 3"),
	KEEPS(RULE_ACK_KEPT, OPEN "> P. 1:6 ack 1; < . 1 ack 6; < P. 1:4 ack 6"),
	SAYS_NOTHING(RULE_ACK_KEPT, OPEN "> P. 1:6 ack 1; < . 1 ack 6; < . 1 ack 1"), /* overtaken */
	SAYS_NOTHING(RULE_ACK_KEPT, OPEN "> P. 1:6 ack 1; < P. 1:4 ack 6; < P. 1:4 ack 1"),
	LIKELY_BREAKS(RULE_ACK_UNSENT, "> S 0; < S. 0 ack 1; > . 1 ack 1; < . 1 ack -9", "ack 1 or more",
		      "ack -9"),
	LIKELY_BREAKS(RULE_ACK_KEPT, OPEN "> P. 1:6 ack 1; < . 1 ack 6; +1001 < . 1 ack 1",
		      "ack 6 or more, as before", "ack 1"),
	BREAKS(RULE_ACK_KEPT, OPEN "> P. 1:6 ack 1; < . 1 ack 6; < P. 1:4 ack 1", "ack 6 or more, as before",
	       "ack 1"),
	BREAKS(RULE_ACK_KEPT, OPEN "> P. 1:6 ack 1; < . 1 ack 6; < F. 1 ack 5", NULL, NULL),

	SAYS_NOTHING(RULE_OLDEST_FIRST,
		     OPEN "< P. 6:11 ack 1; +200 < P. 6:11 ack 1; +200 < P. 1:6 ack 1; +200 < P. 6:11 ack 1"),
	SAYS_NOTHING(RULE_OLDEST_FIRST, OPEN "< P. 6:11 ack 1; +200 < P. 6:11 ack 1; +149 < P. 6:11 ack 1"),
	SAYS_NOTHING(RULE_OLDEST_FIRST, OPEN "< P. 6:11 ack 1; +10 < P. 6:11 ack 1; +10 < P. 6:11 ack 1"),
	SAYS_NOTHING(RULE_OLDEST_FIRST, /* nothing is missing */
		     OPEN "< P. 1:6 ack 1; +200 < P. 1:6 ack 1; +200 < P. 1:6 ack 1; +200 < P. 1:6 ack 1"),
	SAYS_NOTHING(RULE_OLDEST_FIRST, /* our ACK was lost */
		     OPEN "< P. 1:6 ack 1; < P. 6:11 ack 1; +200 < P. 6:11 ack 1; +200 < P. 6:11 ack 1; +200 "
			  "< P. 6:11 ack 1"),
	SAYS_NOTHING(RULE_OLDEST_FIRST, OPEN "< P. 6:11 ack 1; +10 < P. 6:11 ack 1; +200 < P. 6:11 ack 1"),
	SAYS_NOTHING(RULE_OLDEST_FIRST, OPEN "< P. 6:11 ack 1; +200 < P. 6:11 ack 1; +200 < P. 1:3 ack 1; "
					     "+200 < P. 6:11 ack 1; +200 < P. 6:11 ack 1"),
	BREAKS(RULE_OLDEST_FIRST, OPEN "< P. 2:11 ack 1; +200 < P. 2:11 ack 1; +200 < P. 2:11 ack 1",
	       "SEQ 1, the first number that we do not know", "SEQ 2, three times"),
	LIKELY_BREAKS(RULE_OLDEST_FIRST, OPEN "< P. 6:11 ack 1; +200 < P. 6:11 ack 1; +200 < P. 6:11 ack 1",
	       "SEQ 1, the first number that we do not know", "SEQ 6, three times"),
	LIKELY_BREAKS(RULE_OLDEST_FIRST,
	       OPEN "< P. 1:3 ack 1; < P. 6:11 ack 1; +150 < P. 6:11 ack 1; +10 < P. 6:11 ack 1; +150 < P. "
		    "6:11 ack 1",
	       "SEQ 3, the first number that we do not know", "SEQ 6, three times"),

	KEEPS(RULE_FIN_COUNTED, OPEN "> F. 1 ack 1; < . 1 ack 2"),
	KEEPS(RULE_FIN_COUNTED, OPEN "> P. 1:6 ack 1; > F. 6 ack 1; < F. 1 ack 7"),
	KEEPS(RULE_FIN_COUNTED, OPEN "> FP. 1:6 ack 1; < . 1 ack 7"),
	SAYS_NOTHING(RULE_FIN_COUNTED,
		     OPEN "< F. 1 ack 1; > . 1 ack 2; > F. 1 ack 2; < R 2"), /* lost, aborted */
	SAYS_NOTHING(RULE_FIN_COUNTED, OPEN "> F. 1 ack 1; > F. 1 ack 1; < R 1"),
	SAYS_NOTHING(RULE_FIN_COUNTED, OPEN "> F. 1 ack 1; < . 1 ack 1"),
	SAYS_NOTHING(RULE_FIN_COUNTED,
		     OPEN "> F. 1 ack 1; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1"),
	SAYS_NOTHING(RULE_FIN_COUNTED, /* keep-alives */
		     OPEN "> F. 1 ack 1; < . 0 ack 1; > F. 1 ack 1; < . 0 ack 1; > F. 1 ack 1; < . 0 ack 1; "
			  "> F. 1 ack 1; < . 0 ack 1"),
	SAYS_NOTHING(RULE_FIN_COUNTED, /* window updates, as the data is read */
		     OPEN "> P. 1:6 ack 1; < . 1 ack 6; > F. 6 ack 1; < . 1 ack 6 win 1; > F. 6 ack 1; "
			  "< . 1 ack 6 win 2; > F. 6 ack 1; < . 1 ack 6 win 3"),
	BREAKS(RULE_FIN_COUNTED, /* no data was sent that could be read */
	       OPEN "> F. 1 ack 1; < . 1 ack 1 win 1; > F. 1 ack 1; < . 1 ack 1 win 2; > F. 1 ack 1; < . 1 "
		    "ack 1 win 3",
	       "ack 2: FIN+1", NULL),
	SAYS_NOTHING(RULE_FIN_COUNTED, /* the first answer acknowledges the data before it */
		     OPEN "> P. 1:6 ack 1; > F. 6 ack 1; < . 1 ack 6; > F. 6 ack 1; < . 1 ack 6; > F. 6 ack "
			  "1; < . 1 ack 6"),
	SAYS_NOTHING(RULE_FIN_COUNTED, OPEN "> F. 1 ack 1; < . 1 ack 1; > F. 1 ack 1; < . 1 ack 1"),
	BREAKS(RULE_FIN_COUNTED,
	       OPEN "> F. 1 ack 1; < . 1 ack 1; > F. 1 ack 1; < . 1 ack 1; > F. 1 ack 1; < . 1 ack 1",
	       "ack 2: FIN+1", "ack 1 in answer to each FIN"),
	BREAKS(RULE_FIN_COUNTED,
	       OPEN "> P. 1:6 ack 1; < . 1 ack 6; > F. 6 ack 1; < . 1 ack 6; > F. 6 ack 1; < . 1 ack 6; > F. "
		    "6 ack 1; "
		    "< . 1 ack 6",
	       "ack 7: FIN+1", "ack 6 in answer to each FIN"),
	BREAKS(RULE_FIN_COUNTED,
	       OPEN "> P. 1:6 ack 1; < . 1 ack 6 win 5; > F. 6 ack 1; < . 1 ack 6 win 5; > F. 6 ack 1; "
		    "< . 1 ack 6 win 5; > F. 6 ack 1; < . 1 ack 6 win 5",
	       "ack 7: FIN+1", NULL),
	LIKELY_BREAKS(RULE_FIN_COUNTED, OPEN "< F. 1 ack 1; > . 1 ack 2; > F. 1 ack 2; > F. 1 ack 2; < R 2",
		      "ack 2: FIN+1", "RST in answer to a FIN that was never acknowledged"),

	KEEPS(RULE_FIN_PLACE, OPEN "< P. 1:6 ack 1; < F. 6 ack 1"),
	KEEPS(RULE_FIN_PLACE, OPEN "< FP. 1:6 ack 1"),
	KEEPS(RULE_FIN_PLACE, OPEN "< F. 6 ack 1; < F. 6 ack 1"), /* what is before it got lost */
	KEEPS(RULE_FIN_PLACE, OPEN "< . 2 ack 1; < F. 1 ack 1"),  /* the ACK overtook it */
	BREAKS(RULE_FIN_PLACE, OPEN "< P. 1:6 ack 1; < F. 5 ack 1",
	       "FIN at 6 or beyond, behind what was sent", "FIN at 5"),
	BREAKS(RULE_FIN_PLACE, OPEN "< P. 1:6 ack 1; < FP. 1:3 ack 1", NULL, "FIN at 3"),
	BREAKS(RULE_FIN_PLACE, OPEN "< . 6 ack 1; < F. 4 ack 1", NULL, "FIN at 4"),
	BREAKS(RULE_FIN_PLACE, OPEN "< F. 2 ack 1; +200 < F. 2 ack 1; +200 < F. 2 ack 1",
	       "SEQ 1, the first number that we do not know", "SEQ 2 and FIN, three times"),
	LIKELY_BREAKS(RULE_FIN_PLACE, OPEN "< F. 6 ack 1; +200 < F. 6 ack 1; +200 < F. 6 ack 1",
	       "SEQ 1, the first number that we do not know", "SEQ 6 and FIN, three times"),
	SAYS_NOTHING(RULE_FIN_MOVED, OPEN "< F. 1 ack 1"),
	KEEPS(RULE_FIN_MOVED, OPEN "< F. 1 ack 1; +1000 < F. 1 ack 1"),
	KEEPS(RULE_FIN_MOVED, OPEN "< P. 1:6 ack 1; < F. 6 ack 1; < FP. 1:6 ack 1"),
	BREAKS(RULE_FIN_MOVED, OPEN "< F. 1 ack 1; +1000 < F. 2 ack 1", "FIN at 1, as before", "FIN at 2"),
	BREAKS(RULE_FIN_MOVED, OPEN "< P. 1:6 ack 1; < F. 6 ack 1; < F. 5 ack 1", "FIN at 6, as before",
	       "FIN at 5"),
	KEEPS(RULE_DATA_AFTER_FIN, OPEN "< P. 1:6 ack 1; < F. 6 ack 1; < P. 1:6 ack 1"),
	SAYS_NOTHING(RULE_DATA_AFTER_FIN, OPEN "< P. 1:6 ack 1"),
	SAYS_NOTHING(RULE_DATA_AFTER_FIN, OPEN "< F. 1 ack 1; > . 1 ack 2; < . 2 ack 1"),
	BREAKS(RULE_DATA_AFTER_FIN, OPEN "< F. 1 ack 1; < P. 2:5 ack 1", "nothing beyond the FIN at 1",
	       "SEQ 2, 3 bytes"),
	BREAKS(RULE_DATA_AFTER_FIN, OPEN "< P. 1:6 ack 1; < F. 6 ack 1; < P. 6:8 ack 1", NULL, NULL),
	BREAKS(RULE_DATA_AFTER_FIN, OPEN "< F. 1 ack 1; < . 3 ack 1", NULL, "SEQ 3, 0 bytes"),

	KEEPS(RULE_RST_NUMBER, OPEN "< R 1"),
	KEEPS(RULE_RST_NUMBER, OPEN "< R. 1 ack 1"),
	KEEPS(RULE_RST_NUMBER, OPEN "< P. 1:6 ack 1; < R 6"),
	KEEPS(RULE_RST_NUMBER,
	      OPEN "< P. 1:6 ack 1; > . 1 ack 6; < P. 6:9 ack 1; < R 6"), /* answers our ACK */
	KEEPS(RULE_RST_NUMBER, OPEN "< F. 1 ack 1; < R 2"),
	KEEPS(RULE_RST_NUMBER, OPEN "< P. 1:6 ack 1; > R 1; > . 1 ack 3; < R 6"), /* its own abort */
	SAYS_NOTHING(RULE_RST_NUMBER, OPEN "< R 65535"), /* what is before it may be lost */
	SAYS_NOTHING(RULE_RST_NUMBER, "> S 0 win 65535 opt wscale=2; < S. 0 ack 1 opt wscale=2; "
				      "> . 1 ack 1; < R 262140"),
	LIKELY_BREAKS(RULE_RST_NUMBER, OPEN "< P. 1:6 ack 1; < R 3", "SEQ 6, the next number of this end",
		      "SEQ 3"),
	BREAKS(RULE_RST_NUMBER, OPEN "< R -1", "SEQ 1, the next number of this end", "SEQ 4294967295"),
	BREAKS(RULE_RST_NUMBER, OPEN "< R 65536", NULL, "SEQ 65536"),
	BREAKS(RULE_RST_NUMBER,
	       "> S 0 win 65535 opt wscale=2; < S. 0 ack 1 opt wscale=2; "
	       "> . 1 ack 1; < R 262141",
	       NULL, NULL),

	KEEPS(RULE_RST_STATE, OPEN "< R 1"),
	KEEPS(RULE_RST_STATE, OPEN "> F. 1 ack 1; < . 1 ack 2; < R 1"),                 /* CLOSE-WAIT */
	KEEPS(RULE_RST_STATE, OPEN "> F. 1 ack 1; < . 1 ack 2; < F. 1 ack 2; < R 2"),   /* given up */
	KEEPS(RULE_RST_STATE, OPEN "< F. 1 ack 1; > . 1 ack 2; > P. 1:6 ack 2; < R 2"), /* FIN-WAIT-2 */
	KEEPS(RULE_RST_STATE, SERVED "> . 2 ack 2; < R 2"), /* our last ACK met CLOSED */
	KEEPS(RULE_RST_STATE, WAITING "> R 2; < R 2"),
	LIKELY_BREAKS(RULE_RST_STATE, SERVED "< R 2", "no RST from CLOSED or LAST-ACK", "RST with SEQ 2"),
	LIKELY_BREAKS(RULE_RST_STATE, WAITING "< R 2", NULL, "RST with SEQ 2"),

	SAYS_NOTHING(RULE_RST_FOR_RST, OPEN "> R 1; < R 1"), /* both aborted */
	BREAKS(RULE_RST_FOR_RST, OPEN "> P. 1:6 ack 1; < . 1 ack 6; > R 6; < R. =0 ack 6", "silence",
	       "RST,ACK with SEQ 0 and ack 6: an answer to the RST"),
	SAYS_NOTHING(RULE_AFTER_RST, OPEN "< R 1; +2000 < R 1"),
	SAYS_NOTHING(RULE_AFTER_RST, OPEN "< R 1; +999 < P. 1:6 ack 1"), /* overtaken by the RST */
	LIKELY_BREAKS(RULE_AFTER_RST, OPEN "< R 1; +1000 < . 1 ack 1", "nothing after this end's own RST",
		      "a segment 1000 ms later"),
	LIKELY_BREAKS(RULE_AFTER_RST, OPEN "< R 1; +600 < R 1; +1200 < P. 1:6 ack 1", NULL,
		      "a segment 1200 ms later"),
	KEEPS(RULE_STRAY_ANSWER, OPEN "> R 1; > . 1 ack 1; < R 1"),
	KEEPS(RULE_STRAY_ANSWER, OPEN "< P. 1:6 ack 1; > . 1 ack 3; > R 1; > . 1 ack 3; < R 3"),
	SAYS_NOTHING(RULE_STRAY_ANSWER, OPEN "> R 1; < R 1"),
	SAYS_NOTHING(RULE_STRAY_ANSWER, /* its own abort, on its way already */
		     OPEN "< P. 1:6 ack 1; > R 1; > . 1 ack 3; < R 6"),
	LIKELY_BREAKS(RULE_STRAY_ANSWER, OPEN "> R 1; > . 1 ack 1; < R 50",
	       "RST with SEQ 1, the ACK of the stray segment", "RST with SEQ 50"),
	BREAKS(RULE_STRAY_ANSWER, OPEN "> R 1; > . 1 ack 1; < R -50",
	       "RST with SEQ 1, the ACK of the stray segment", "RST with SEQ 4294967246"),

	KEEPS(RULE_STATE, OPEN "< P. 1:6 ack 1"),
	KEEPS(RULE_STATE, "> S 0; < S. 0 ack 1; < F. 1 ack 1"), /* CLOSE in SYN-RECEIVED */
	KEEPS(RULE_STATE, SERVED "< F. 1 ack 2"),               /* our last ACK got lost */
	KEEPS(RULE_STATE, WAITING "> F. 1 ack 2; < . 2 ack 2"),
	BREAKS(RULE_STATE, OPEN "< P. 1:6 ack 1; < S. 3 ack 1", "no SYN once the connection is open",
	       "SYN at SEQ 3 of the connection"),
	LIKELY_BREAKS(RULE_STATE, "> S 0; < S 0", "SYN,ACK, RST or nothing in answer to our SYN",
		      "SYN without ACK"),
	LIKELY_BREAKS(RULE_STATE, "> S 0; < S. 0 ack 1; < P. 1:6 ack 1", "a segment of SYN-RECEIVED", NULL),
	LIKELY_BREAKS(RULE_STATE, "> S 0; < . 1 ack 1; > S 0; < . 1 ack 1; > S 0; < . 1 ack 1", "SYN,ACK",
		      "our SYN acknowledged by a segment without SYN"),

	KEEPS(RULE_SACK_BLOCKS, OPEN_ALL "> P. 6:9 ack 1; < . 1 ack 1 sack 6:9"),
	KEEPS(RULE_SACK_BLOCKS, OPEN_ALL "> P. 1:9 ack 1; > P. 12:14 ack 1; < . 1 ack 9 sack 1:9 sack 12:14"),
	BREAKS(RULE_SACK_BLOCKS, OPEN_ALL "> P. 1:9 ack 1; > P. 12:14 ack 1; < . 1 ack 9 sack 12:14 sack 1:9",
	       "blocks of received data above the ACK", "block 1-9 with ack 9"),
	BREAKS(RULE_SACK_BLOCKS, OPEN_ALL "> P. 6:9 ack 1; < . 1 ack 1 sack 9:6", NULL, NULL),
	BREAKS(RULE_SACK_BLOCKS, OPEN_ALL "> P. 6:9 ack 1; < . 1 ack 1 sack 6:10", NULL, NULL),

	KEEPS(RULE_BACK_OFF, "> S 0; < S. 0 ack 1; +1000 < S. 0 ack 1; +2000 < S. 0 ack 1"),
	KEEPS(RULE_BACK_OFF, OPEN "< F. 1 ack 1; +300 < F. 1 ack 1; +600 < F. 1 ack 1; +1200 < F. 1 ack 1"),
	/* no longer than a minute */
	KEEPS(RULE_BACK_OFF, OPEN "< F. 1 ack 1; +60000 < F. 1 ack 1; +60000 < F. 1 ack 1; +60000 < F. 1 ack 1; "
				  "+60000 < F. 1 ack 1"),
	SAYS_NOTHING(RULE_BACK_OFF, OPEN "< F. 1 ack 1; +300 < F. 1 ack 1"),
	LIKELY_BREAKS(RULE_BACK_OFF, OPEN "< F. 1 ack 1; +300 < F. 1 ack 1; +300 < F. 1 ack 1; +300 < F. 1 ack 1; "
					  "+300 < F. 1 ack 1",
		      "a pause of about twice 300 ms", "300 ms, the third pause that does not grow"),
	/* each answers a copy of our SYN */
	SAYS_NOTHING(RULE_BACK_OFF,
		     "> S 0; < S. 0 ack 1; +300 > S 0; < S. 0 ack 1; +300 > S 0; < S. 0 ack 1; "
		     "+300 > S 0; < S. 0 ack 1; +300 > S 0; < S. 0 ack 1"),
};

enum { SEQUENCES = sizeof sequences / sizeof *sequences };

/* These need more than one connection of a live probe: run/track. */
#define ELSEWHERE(id) ((id) == RULE_ISN_REUSED)

static void check_decision(const struct observe *o, const struct sequence *q)
{
	bool passed = o->j.passed >> q->rule & 1;
	const struct verdict *v = o->j.failed;

	if (q->how == KEPT || q->how == UNDECIDED) {
		if (o->j.count)
			fail_msg("%s: breaks %s: expected %s; observed %s", q->segments, rule_of(v),
				 v->expected, v->observed);
		if (passed != (q->how == KEPT))
			fail_msg("%s: %s is %s", q->segments, rules[q->rule].name,
				 passed ? "kept" : "not decided");
		return;
	}
	if (o->j.count != 1 || v->rule != &rules[q->rule])
		fail_msg("%s: %u rules broken, first %s, not %s", q->segments, o->j.count,
			 o->j.count ? rule_of(v) : "none", rules[q->rule].name);
	if (v->certainty != (q->how == BROKEN ? CERTAIN : LIKELY))
		fail_msg("%s: %s is broken, but %s", q->segments, rule_of(v),
			 certainty_name(v->certainty));
	if (passed && q->rule != RULE_FIN_PLACE) /* which has two ways to be broken */
		fail_msg("%s: %s is both kept and broken", q->segments, rule_of(v));
	if (q->expected)
		assert_string_equal(v->expected, q->expected);
	if (q->observed)
		assert_string_equal(v->observed, q->observed);
}

static void test_sequences(void **state)
{
	(void)state;
	for (size_t i = 0; i < SEQUENCES; i++)
		for (int isns = 0; isns < OBSERVE_ISNS; isns++) {
			struct observe o;

			observe_begin(&o, observe_isns[isns]);
			observe(&o, sequences[i].segments);
			check_decision(&o, &sequences[i]);
		}
}

static void test_every_rule_is_here(void **state)
{
	(void)state;
	for (int id = 0; id < RULES; id++) {
		unsigned kept = 0, broken = 0;

		for (size_t i = 0; i < SEQUENCES; i++)
			if ((int)sequences[i].rule == id) {
				if (sequences[i].how == KEPT || sequences[i].how == UNDECIDED)
					kept++;
				else
					broken++;
			}
		if ((!kept || !broken) && !ELSEWHERE(id))
			fail_msg("%s: %u sequences keep it, %u break it", rules[id].name, kept, broken);
	}
}

/* One number off in SYN, ACK and FIN at once: each is told, and not more than fit. */
static void test_several_at_once(void **state)
{
	struct observe o;

	(void)state;
	observe_begin(&o, observe_isns[0]);
	observe(&o, OPEN "< F. 0 ack 1");
	assert_int_equal(o.j.count, 2);
	assert_ptr_equal(o.j.failed[0].rule, &rules[RULE_SYN_COUNTED]);
	assert_ptr_equal(o.j.failed[1].rule, &rules[RULE_FIN_PLACE]);
	assert_string_equal(o.j.failed[0].observed, "SEQ 0, 0 bytes and FIN");
	observe_begin(&o, observe_isns[0]);
	observe(&o, OPEN "< F.r -1 ack 9 opt mss=1,wscale=1,sackok,ts sack 9:6");
	assert_int_equal(o.j.count, JUDGEMENT_VERDICTS - 1);
	assert_ptr_equal(o.j.failed[0].rule, &rules[RULE_RESERVED]);
	assert_ptr_equal(o.j.failed[1].rule, &rules[RULE_MSS_ON_SYN]);
	assert_ptr_equal(o.j.failed[2].rule, &rules[RULE_WSCALE_ON_SYN]);
}

/* If the target's next number is 0, its abort looks like an answer to our RST: no rule is broken. */
static void test_abort_at_zero(void **state)
{
	struct observe o;

	(void)state;
	observe_begin(&o, (const uint32_t[]){1000, 0xffffffff});
	observe(&o, OPEN "> R 1; < R. =0 ack 1");
	assert_int_equal(o.j.count, 0);
}

/* Of the ACK numbers that we sent, more than are remembered count by their range. */
static void test_forgotten_acks(void **state)
{
	(void)state;
	for (unsigned acks = 2; acks < 5 * CONN_ACKS; acks++)
		for (int isns = 0; isns < OBSERVE_ISNS; isns++) {
			struct observe o;

			observe_begin(&o, observe_isns[isns]);
			observe(&o, OPEN "< P. 1:1001 ack 1");
			for (unsigned i = 1; i <= acks; i++) {
				char text[40];

				snprintf(text, sizeof text, "> . 1 ack %u", 1 + 10 * i);
				observe(&o, text);
			}
			observe(&o, "< R 11"); /* answers the first of them */
			assert_int_equal(o.j.count, 0);
			assert_true(o.j.passed & 1u << RULE_RST_NUMBER);
		}
}

/* Fewer than CONN_ACKS of them are known exactly, the last ones always. */
static void test_remembered_acks(void **state)
{
	struct observe o;

	(void)state;
	observe_begin(&o, observe_isns[0]);
	observe(&o,
		OPEN "< P. 1:1001 ack 1; > . 1 ack 21; > . 1 ack 21; > . 1 ack 1001; < R 500");
	assert_int_equal(o.j.count, 1);
	assert_ptr_equal(o.j.failed[0].rule, &rules[RULE_RST_NUMBER]);
	observe_begin(&o, observe_isns[0]);
	observe(&o,
		OPEN "< P. 1:1001 ack 1; > . 1 ack 21; > . 1 ack 21; > . 1 ack 1001; < R 21");
	assert_int_equal(o.j.count, 0);
}

static unsigned notes_of(const char *segments)
{
	struct observe o;
	unsigned notes = 0;

	for (int isns = 0; isns < OBSERVE_ISNS; isns++) {
		observe_begin(&o, observe_isns[isns]);
		observe(&o, segments);
		if (isns && o.j.notes != notes)
			fail_msg("%s: notes depend on the ISN", segments);
		notes = o.j.notes;
	}
	return notes;
}

static void test_notes(void **state)
{
	(void)state;
	assert_int_equal(notes_of("> S 0; < S. 0 ack 1"), NOTE_OPENED);
	assert_int_equal(notes_of("> S 0; < S. 0 ack 2"), 0);
	assert_int_equal(notes_of("> S 0; < S. 0 ack 1; < S. 0 ack 1"), NOTE_REPEATED);
	assert_int_equal(notes_of("> S 0; < R. =0 ack 1"), NOTE_REFUSED);
	assert_int_equal(notes_of(OPEN "> R 1; > . 1 ack 1; < R 1"), NOTE_GONE);
	assert_int_equal(notes_of("> S 0; < . 77 ack 99"), NOTE_OLD_CONNECTION);
	assert_int_equal(notes_of("> S 0; < . 77 ack 1"), 0);
	assert_int_equal(notes_of(OPEN "< . 1 ack 1"), 0);
	assert_int_equal(notes_of(OPEN "< . 1 ack 1 bad"), NOTE_BAD_CHECKSUM);
	assert_int_equal(notes_of(OPEN "< . 1 ack 1 unknown"), NOTE_CHECKSUM_UNKNOWN);
	assert_int_equal(notes_of(OPEN "< P. 1:6 ack 1"), 0);
	assert_int_equal(notes_of(OPEN "< P. 1:6 ack 1; < P. 1:6 ack 1"), NOTE_REPEATED);
	assert_int_equal(notes_of(OPEN "< P. 1:6 ack 1; < P. 1:3 ack 1"), NOTE_REPEATED);
	assert_int_equal(notes_of(OPEN "< P. 1:6 ack 1; < P. 6:8 ack 1"), 0);
	assert_int_equal(notes_of(OPEN "< P. 1:6 ack 1; < . 1 ack 1"), NOTE_OLD);
	assert_int_equal(notes_of(OPEN "> P. 1:6 ack 1; < . 1 ack 6; < . 1 ack 1"), NOTE_OLD);
	assert_int_equal(notes_of(OPEN "> P. 1:6 ack 1; < . 1 ack 6; < . 1 ack 1"), NOTE_OLD);
	assert_int_equal(notes_of(OPEN "< R 1; < P. 1:6 ack 1"), NOTE_OLD);
	assert_int_equal(notes_of(OPEN "< F. 1 ack 1"), NOTE_FIN);
	assert_int_equal(notes_of(OPEN "< F. 1 ack 1; < F. 1 ack 1"), NOTE_REPEATED);
	assert_int_equal(notes_of(OPEN "> F. 1 ack 1; < . 1 ack 2"), NOTE_ACKS_FIN);
	assert_int_equal(notes_of(OPEN "> F. 1 ack 1; < . 1 ack 2; < F. 1 ack 2"), NOTE_FIN);
	assert_int_equal(notes_of(OPEN "> F. 1 ack 1; < F. 1 ack 2"), NOTE_FIN | NOTE_ACKS_FIN);
}

/* What the exchange reads from the observer beside its judgements. */
static void test_facts(void **state)
{
	struct observe o;

	(void)state;
	observe_begin(&o, observe_isns[1]);
	observe(&o, "> S 0; > S 0; < S. 0 ack 1; > . 1 ack 1; > F. 1 ack 1; > F. 1 ack 1; > F. 1 ack 1");
	assert_int_equal(o.c.ends[CONN_PROBER].syns_sent, 2);
	assert_int_equal(o.c.ends[CONN_PROBER].fins_sent, 3);
	assert_false(o.c.ends[CONN_TARGET].known & CONN_RESET);
	assert_false(o.c.ends[CONN_PROBER].known & CONN_GONE);
	observe_begin(&o, observe_isns[1]);
	observe(&o, OPEN "> R 1; > . 1 ack 1");
	assert_false(o.c.ends[CONN_PROBER].known & CONN_GONE);
	observe(&o, "< R 1");
	assert_true(o.c.ends[CONN_PROBER].known & CONN_GONE);
	assert_true(o.c.ends[CONN_TARGET].known & CONN_RESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),       cmocka_unit_test(test_every_rule_is_here),
		cmocka_unit_test(test_several_at_once), cmocka_unit_test(test_abort_at_zero),
		cmocka_unit_test(test_forgotten_acks),  cmocka_unit_test(test_remembered_acks),
		cmocka_unit_test(test_notes),           cmocka_unit_test(test_facts),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
