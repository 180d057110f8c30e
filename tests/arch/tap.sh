#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What tests/unit/tap makes of the ways in which a cmocka program can end. The programs are played by a shell.
tap=${srcdir-.}/tests/unit/tap
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
number=0

# ends NAME PROGRAM STATUS LINE...: run by tap, PROGRAM yields this status and exactly these results
ends() {
	name=$1 want=$3
	sh "$tap" sh -c "$2" >"$out" 2>/dev/null
	status=$?
	shift 3
	number=$((number + 1))
	if [ $status = "$want" ] && [ "$(grep -v '^#' "$out")" = "$(printf '%s\n' "$@")" ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed "s/^/# status $status: /" "$out"
	fi
}

echo 1..8
ends 'all passed' 'echo 1..1; echo "ok 1 - a"' 0 1..1 'ok 1 - a'
ends 'a skipped test is no failure' 'echo 1..1; echo "not ok 1 # SKIP a"' 0 1..1 'ok 1 # SKIP a'
ends 'failures are counted once' 'echo 1..2; echo "not ok 1 - a"; echo "not ok 2 - b"; exit 2' 0 \
	1..2 'not ok 1 - a' 'not ok 2 - b'
ends 'an early exit lacks results' 'echo 1..2; echo "ok 1 - a"; exit 0' 0 1..2 'ok 1 - a'
ends 'a sanitizer at the end' 'echo 1..1; echo "ok 1 - a"; exit 23' 23 1..1 'ok 1 - a'
ends 'a signal' 'echo 1..2; echo "not ok 1 - a"; kill -9 $$' 137 1..2 'not ok 1 - a'
ends 'a program that the machine cannot run' 'exit 77' 0 '1..0 # SKIP the program says above what it needs'
ends 'status 77 after results' 'echo 1..1; echo "ok 1 - a"; exit 77' 77 1..1 'ok 1 - a'
