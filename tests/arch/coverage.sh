#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No requirement loses its last rule or check in silence: those that something decides are those of
# tests/arch/requirements.decided, all of them and no other.
program=${FINWAIT-./finwait}
known=${srcdir-.}/tests/arch/requirements.decided
top=$(mktemp -d) || exit 99
trap 'rm -rf "$top"' EXIT
"$program" list requirements --coverage | awk '/ decided: / { print $1 }' | LC_ALL=C sort >"$top/now"
grep -v "^#" "$known" | LC_ALL=C sort >"$top/known"
printf '1..3\n'

# report NUMBER NAME FILE: fails with the lines of FILE, if it has any
report() {
	if [ -s "$3" ]; then
		printf 'not ok %s - %s\n' "$1" "$2"
		sed 's/^/# /' "$3"
		failed=1
	else
		printf 'ok %s - %s\n' "$1" "$2"
	fi
}

failed=0
if [ "$(wc -l <"$top/now")" -ge 50 ]; then
	printf 'ok 1 - the coverage is printed\n'
else
	printf 'not ok 1 - the coverage is printed\n'
	failed=1
fi
comm -23 "$top/known" "$top/now" >"$top/lost"
comm -13 "$top/known" "$top/now" >"$top/new"
report 2 'no requirement has lost its last rule or check' "$top/lost"
report 3 'each that is decided is in requirements.decided' "$top/new"
exit "$failed"
