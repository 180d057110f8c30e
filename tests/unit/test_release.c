/* SPDX-License-Identifier: BSD-2-Clause */
/* What the child holds and what it does not, told by pipes: a reader sees the end of file when the last
 * writer is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "wire/release.h"

enum { PATIENCE_MS = 20000 };

/* Whether the end of file has come, or comes within `wait_ms`. */
static int at_end(int reader, int wait_ms)
{
	struct pollfd p = { reader, POLLIN, 0 };
	char byte;

	return poll(&p, 1, wait_ms) == 1 && read(reader, &byte, 1) == 0;
}

static void test_holds_what_it_is_given(void **state)
{
	int kept[3][2], other[2][2], fds[3], release;

	(void)state;
	/* Others lie before, between and behind the kept ones. */
	assert_int_equal(pipe(other[0]), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pipe(kept[i]), 0);
	assert_int_equal(pipe(other[1]), 0);
	fds[0] = kept[2][1];
	fds[1] = kept[0][1];
	fds[2] = kept[1][1];
	release = release_begin(fds, 3);
	assert_true(release >= 0);
	for (int i = 0; i < 2; i++) {
		close(other[i][1]);
		assert_true(at_end(other[i][0], 0));
	}
	for (int i = 0; i < 3; i++) {
		close(kept[i][1]);
		assert_false(at_end(kept[i][0], 0));
	}
	release_end(release);
	for (int i = 0; i < 3; i++) {
		assert_true(at_end(kept[i][0], PATIENCE_MS));
		close(kept[i][0]);
	}
	close(other[0][0]);
	close(other[1][0]);
}

static void test_nothing_to_hold(void **state)
{
	int p[2], release;

	(void)state;
	assert_int_equal(pipe(p), 0);
	release = release_begin(NULL, 0);
	assert_true(release >= 0);
	close(p[1]);
	assert_true(at_end(p[0], 0));
	close(p[0]);
	release_end(release);
	release_end(-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds_what_it_is_given),
		cmocka_unit_test(test_nothing_to_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
