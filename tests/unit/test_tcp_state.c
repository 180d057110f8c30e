/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of states and of sets of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/tcp_state.h"

static const char *const names[] = {
	"CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
	"FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT",
};

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(TCP_STATES, sizeof names / sizeof *names);
	for (int i = 0; i < TCP_STATES; i++) {
		assert_string_equal(tcp_state_name((enum tcp_state)i), names[i]);
		assert_int_equal(tcp_state_named(names[i]), i);
	}
	assert_int_equal(tcp_state_named("FIN-WAIT"), TCP_STATES);
	assert_int_equal(tcp_state_named("closed"), TCP_STATES);
	assert_int_equal(tcp_state_named(NULL), TCP_STATES);
}

static void test_one_state(void **state)
{
	char text[160];

	(void)state;
	for (int i = 0; i < TCP_STATES; i++) {
		assert_true(tcp_states_single(IN(i)));
		assert_string_equal(tcp_states_text(IN(i), text, sizeof text), names[i]);
	}
	assert_false(tcp_states_single(0));
	for (int i = 0; i < TCP_STATES; i++)
		for (int k = 0; k < i; k++)
			assert_false(tcp_states_single(IN(i) | IN(k)));
}

static void test_sets(void **state)
{
	const tcp_states all = IN(TCP_STATES) - 1;
	char text[160];

	(void)state;
	assert_ptr_equal(tcp_states_text(0, text, sizeof text), text);
	assert_string_equal(text, "unknown");
	assert_string_equal(tcp_states_text(all, text, sizeof text), "unknown");
	assert_string_equal(tcp_states_text(IN(TCP_LAST_ACK) | IN(TCP_CLOSED), text, sizeof text),
			    "CLOSED or LAST-ACK");
	assert_string_equal(tcp_states_text(IN(TCP_FIN_WAIT_1) | IN(TCP_FIN_WAIT_2) | IN(TCP_TIME_WAIT), text,
					    sizeof text),
			    "FIN-WAIT-1 or FIN-WAIT-2 or TIME-WAIT");
	/* Every set names exactly its members. */
	for (unsigned set = 1; set < all; set++) {
		size_t members = 0, length = 0;

		tcp_states_text((tcp_states)set, text, sizeof text);
		for (int i = 0; i < TCP_STATES; i++)
			if (set & IN(i)) {
				assert_non_null(strstr(text, names[i]));
				members++;
				length += strlen(names[i]);
			}
		assert_int_equal(strlen(text), length + (members - 1) * strlen(" or "));
	}
}

/* Too little room cuts the text, and nothing behind it is touched. */
static void test_cut(void **state)
{
	const tcp_states set = IN(TCP_STATES) - 1 - IN(TCP_CLOSED);
	char whole[200], text[200];

	(void)state;
	tcp_states_text(set, whole, sizeof whole);
	for (size_t len = 1; len < strlen(whole) + 3; len++) {
		size_t fits = strlen(whole) < len ? strlen(whole) : len - 1;

		memset(text, '#', sizeof text);
		tcp_states_text(set, text, len);
		assert_int_equal(strlen(text), fits);
		assert_memory_equal(text, whole, fits);
		assert_int_equal(text[len], '#');
	}
}

/* RFC 9293 3.3.2: LISTEN, SYN-SENT, SYN-RECEIVED and CLOSED are those where nothing is synchronized. */
static void test_synchronized(void **state)
{
	(void)state;
	assert_int_equal(TCP_SYNCHRONIZED, IN(TCP_ESTABLISHED) | IN(TCP_FIN_WAIT_1) | IN(TCP_FIN_WAIT_2) |
						   IN(TCP_CLOSE_WAIT) | IN(TCP_CLOSING) | IN(TCP_LAST_ACK) |
						   IN(TCP_TIME_WAIT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),        cmocka_unit_test(test_one_state),
		cmocka_unit_test(test_sets),         cmocka_unit_test(test_cut),
		cmocka_unit_test(test_synchronized),
	};

	return cmocka_run_group_tests_name("tcp_state", tests, NULL, NULL);
}
