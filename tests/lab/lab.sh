# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# What lab tests are written with: TAP, and the lab. Source it first; end the test with done_testing.
# Run from the build directory, as `make check` does; $srcdir is where the source is.

srcdir=${srcdir-.}
export srcdir
tests=0
failures=0
work=$(mktemp -d "${TMPDIR:-/tmp}/finwait-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- TAP ---

# note LINE...: diagnostics, also of several lines
note() {
	printf '%s\n' "$@" | sed 's/^/# /'
}

# pass NAME, fail NAME [WHY...]
pass() {
	tests=$((tests + 1))
	echo "ok $tests - $1"
}

fail() {
	tests=$((tests + 1))
	failures=$((failures + 1))
	echo "not ok $tests - $1"
	shift
	[ $# -eq 0 ] || note "$@"
}

# skip NAME WHY
skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# ok NAME COMMAND [ARGUMENT...]: COMMAND succeeds; what it prints is shown if it does not
ok() {
	ok_name=$1
	shift
	if "$@" >"$work/ok.out" 2>&1; then
		pass "$ok_name"
	else
		fail "$ok_name" "exit status $? of: $*" "$(cat "$work/ok.out")"
	fi
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:    $2" "wanted: $3"
	fi
}

# like NAME TEXT PATTERN, unlike NAME TEXT PATTERN: an extended regular expression in one of the lines
like() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		pass "$1"
	else
		fail "$1" "nothing like: $3" "in:" "$2"
	fi
}

unlike() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		fail "$1" "unwanted: $3" "in:" "$2"
	else
		pass "$1"
	fi
}

# skip_all WHY: ends the test
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# Always status 0: "not ok" tells of failures, and another status would count as one more.
done_testing() {
	echo "1..$tests"
	[ "$failures" -eq 0 ] || note "$failures of $tests failed"
	exit 0
}

# wait_until COMMAND [ARGUMENT...]: for events that come by themselves; false after about 30 s
wait_until() {
	wait_turns=0
	until "$@" >/dev/null 2>&1; do
		wait_turns=$((wait_turns + 1))
		[ "$wait_turns" -lt 600 ] || return 1
		sleep 0.05
	done
}

# run COMMAND [ARGUMENT...]: sets status, out and err to what came of it. Standard input is empty.
# shellcheck disable=SC2034
run() {
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}

# expect NAME STATUS PATTERN...: of what run() ran last
expect() {
	expect_name=$1
	if [ "$status" != "$2" ]; then
		fail "$expect_name: exit $2" "exit status $status" "$out" "$err"
		return
	fi
	pass "$expect_name: exit $2"
	shift 2
	for pattern; do
		like "$expect_name: $pattern" "$out$err" "$pattern"
	done
}

# --- The lab ---

# Where no lab can be made, the test is skipped as a whole, or fails when FINWAIT_REQUIRE_LAB=1.
need_lab() {
	[ -z "${FINWAIT_LAB-}" ] || return 0
	need_status=0
	./finwait-lab -- true >"$work/need" 2>&1 || need_status=$?
	[ "$need_status" -ne 0 ] || return 0
	need_why=$(head -n 1 "$work/need")
	if [ "$need_status" -ne 3 ] || [ "${FINWAIT_REQUIRE_LAB-}" = 1 ]; then
		fail 'a lab can be made' "exit status $need_status" "$(cat "$work/need")"
	elif [ "$tests" -gt 0 ]; then
		skip 'all that needs a lab' "$need_why"
	else
		skip_all "$need_why"
	fi
	done_testing
}

# in_lab COMMAND [ARGUMENT...]: runs it on the prober's side of a lab of its own; its exit status.
in_lab() {
	need_lab
	./finwait-lab -- "$@"
}

# enter_lab "$0" "$@": continues the whole test inside one lab, where FINWAIT_TARGET and the rest are set.
enter_lab() {
	need_lab
	[ -z "${FINWAIT_LAB-}" ] || return 0
	rm -rf "$work"
	exec ./finwait-lab -- sh "$@"
}

# on_target COMMAND [ARGUMENT...]: in the target's network; only inside the lab.
on_target() {
	./finwait-lab --on-target "$@"
}

# Prepares as_user; false where this test has no other user to become.
have_user() {
	[ "$(id -u)" = 0 ] || return 0
	[ -n "${user_dir-}" ] || {
		# What is tested must be readable for others, which the build directory need not be.
		user_dir=$work/user
		mkdir "$user_dir" && chmod 755 "$work" "$user_dir" &&
			cp finwait-lab finwait-agent "$user_dir" || return
		[ ! -f finwait ] || cp finwait "$user_dir" || return
	}
	as_user true 2>/dev/null
}

# as_user COMMAND [ARGUMENT...]: as an ordinary user, in a directory with the programs; as oneself if one is
# an ordinary user already.
as_user() {
	if [ "$(id -u)" = 0 ]; then
		(cd "$user_dir" && exec setpriv --reuid=65534 --regid=65534 --clear-groups \
			--inh-caps=-all env HOME=/ PATH="$user_dir:/usr/sbin:/usr/bin:/sbin:/bin" "$@")
	else
		"$@"
	fi
}

# --- What is left ---

# Processes that were started with MARK=$mark in their environment, and theirs, are found by it.
mark=finwait-test-$$-$(date +%s)
printf '%s\n' "$mark" >"$work/mark"
marked() {
	grep -lsF -f "$work/mark" /proc/[0-9]*/environ
}
# Not by grep's exit status: processes that vanish meanwhile are errors to it.
none_marked() {
	[ -z "$(marked)" ]
}
some_marked() {
	! none_marked
}

# nothing_left NAME: and if something is, it is ended here
nothing_left() {
	ok "$1: nothing is left running" wait_until none_marked
	none_marked || marked | sed 's,^/proc/\([0-9]*\)/.*,\1,' | xargs kill -KILL
}

# connections: in the lab, those of the target that are neither LISTEN nor TIME-WAIT
connections() {
	on_target cat /proc/net/tcp /proc/net/tcp6 | awk '$4 != "0A" && $4 != "06" && $2 ~ /:/ { n++ } END { print n + 0 }'
}

none_left() {
	[ "$(connections)" = 0 ]
}
