# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # used where this is sourced
# For tests of agents; sourced after tests/lab/lab.sh. Without python3 the test is skipped as a whole, or fails when
# FINWAIT_REQUIRE_LAB=1.
agent_tests=${srcdir-.}/tests/agent
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then
	[ "${FINWAIT_REQUIRE_LAB-}" = 1 ] || skip_all 'no python3'
	fail 'there is a python3'
	done_testing
fi
