#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The man pages as built are clean mdoc, and nothing in them is left to be filled in.
srcdir=${srcdir-.}
number=0
if [ "${MANDOC-no}" = no ]; then
	echo '1..0 # SKIP no mandoc'
	exit 0
fi

result() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

lint() {
	result "${1##*/} is clean" "$("$MANDOC" -Tlint -W warning "$1" 2>&1)"
	result "${1##*/} has no placeholder left" "$(grep -nE '@[A-Z_]+@' "$1")"
}

broken=$(mktemp) || exit 1
trap 'rm -f "$broken"' EXIT
printf '.Dd November 22, 2026\n.Dt X 8\n.Os\n.Sh NAME\n.Nm x\n.Nd y\n.Bl -tag\n.It a\n' >"$broken"
result 'a broken page is noticed' \
	"$("$MANDOC" -Tlint -W warning "$broken" 2>&1 | grep -q . || echo 'mandoc allows a list without end')"

for page in src/finwait.8 "$srcdir"/src/agent/*.8 "$srcdir"/contrib/*.8; do
	[ ! -f "$page" ] || lint "$page"
done
echo "1..$number"
