# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2154 # program is set by the test
# What tests of a command line are written with: set `program` and source it. $top is a directory of the test's
# own; the number of results is for its plan.
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
number=0

# result STATUS NAME WHY: with what was printed, in $top/all
result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		echo "# $3"
		head -n 30 "$top/all" | sed 's/^/# /'
	fi
}

# expect NAME STATUS TEXT [ARGUMENT...]: exit status, and TEXT somewhere in what is printed
expect() {
	name=$1 want=$2 text=$3
	shift 3
	"$program" "$@" >"$top/out" 2>"$top/err" </dev/null
	status=$?
	cat "$top/out" "$top/err" >"$top/all"
	[ $status = "$want" ] && grep -qF -e "$text" "$top/all"
	result $? "$name" "exit status $status instead of $want, or not found: $text"
}
