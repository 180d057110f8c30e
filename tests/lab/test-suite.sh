#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# finwait test in the lab: all of the suite against Linux, which departs from the specification where linux.suite
# says and nowhere else; other drivers, wrong words, and rough ends.
# shellcheck disable=SC2016,SC2086,SC2153,SC2154,SC2317 # variables for other shells; lists to be split; set by the
# lab, by run; called by name
. "${srcdir-.}/tests/lab/lab.sh"
enter_lab "$0" "$@"

LC_ALL=C
export LC_ALL
target=$FINWAIT_TARGET

# suite ARGUMENT...: sets status, out, err
suite() {
	run env MARK="$mark" ./finwait test --no-color "$@"
}

# begin NAME ARGUMENT...: in the background; what comes of it is in files of that name
begin() {
	begin_name=$work/$1
	shift
	{
		MARK=$mark ./finwait test --no-color --report "jsonl:$begin_name.jsonl" --report "tap:$begin_name.tap" \
			--report text:- "$@" >"$begin_name.out" 2>"$begin_name.err" </dev/null
		echo $? >"$begin_name.status"
	} &
	begun="${begun-} $!"
}

# took NAME: sets status, out, err
took() {
	status=$(cat "$work/$1.status")
	out=$(cat "$work/$1.out")
	err=$(cat "$work/$1.err")
}

# named FILE VERDICT: the checks that came out like this
named() {
	sed -n 's/^{"type":"result","name":"\([^"]*\)".*"verdict":"'"$2"'".*/\1/p' "$1"
}

# verdicts FILE: of all checks, in the order of their names
verdicts() {
	sed -n 's/^{"type":"result","name":"\([^"]*\)".*"verdict":"\([a-z]*\)".*/\1 \2/p' "$1" | sort
}

# --- Linux, all of it ---

begin four "$target" --agent "$FINWAIT_AGENT" --seed 7
[ -z "${FINWAIT_TARGET6-}" ] || begin six "$FINWAIT_TARGET6" --agent "$FINWAIT_AGENT"
full=$begun

# --- Beside it: again, by other seeds ---

begun=
some='rcv-rst-* rcv-*-time-wait/* syn/* close/*'
begin once "$target" --agent "$FINWAIT_AGENT" --seed 1 $some
begin twice "$target" --agent "$FINWAIT_AGENT" --seed 2 --teardown ack-rst $some
wait $begun
ok 'the same verdicts by two seeds and two ways to tear down' sh -c 'cmp "$1" "$2"' sh \
	"$(verdicts "$work/once.jsonl" >"$work/once"; echo "$work/once")" \
	"$(verdicts "$work/twice.jsonl" >"$work/twice"; echo "$work/twice")"
is 'there were some' "$(($(wc -l <"$work/once") > 100))" 1

# --- Less than an agent ---

suite --quick "$target:7" 'rcv-*'
expect 'no driver' 1 '^driver  *none' 'rcv-null-established' 'skipped$'
unlike 'no driver: no error' "$out" '^error'
suite --json "$target:7" 'rcv-syn-*-closed/*'
expect 'no driver, a state that it does not lead to' 4 '"verdict":"skip".*needs an application that can connect'
suite --quick "$target:7" --closed-port 1 'rcv-*-closed/*'
expect 'a port known to be closed' 0 '^14 checks: 14 pass'
suite --quick "$target:7" --closed-port 7 'rcv-syn-closed/*'
expect 'a port wrongly called closed' 4 '1 inconclusive'
for service in echo daytime discard http; do
	suite --quick "$target" --service "$service" 'rcv-rst*' 'rcv-ack-*' 'drive/*'
	like "$service: something passes" "$out" '^[0-9]* checks: [1-9][0-9]* pass'
	unlike "$service: no error" "$out" '^error'
	printf '%s\n' "$out" | sed -n 's/^fail *\([^:]*\):.*/\1/p' >"$work/$service.failed"
	is "$service: nothing fails but what is known, and what Linux does where nobody holds a FIN-WAIT-2" \
		"$(grep -vE -- '-fin-wait-2/|-rst-.*/outside-left|rst-old-ts' "$work/$service.failed")" ''
done

# --- Words ---

# refused STATUS PATTERN COMMAND...: of finwait: one line that names the thing
refused() {
	refused_status=$1
	refused_pattern=$2
	shift 2
	suite "$@"
	is "$*: exit $refused_status" "$status" "$refused_status"
	like "$*: says $refused_pattern" "$err" "$refused_pattern"
	is "$*: in one line" "$(wc -l <"$work/err")" 1
}
refused 2 'a target is needed'
refused 2 "no check has a name like 'rvc-"  "$target:7" 'rvc-*'
refused 2 'port' "$target"
refused 2 'exclude each other' --quick --long "$target:7"
refused 2 'exclude each other' -4 -6 "$target:7"
refused 2 'jobs' --jobs 0 "$target:7"
refused 2 'one driver at a time' "$target" --agent "$FINWAIT_AGENT" --service echo
refused 2 'teardown' --teardown fin "$target:7"
suite --list 'rcv-rst-established/*'
expect 'a list' 0 '^rcv-rst-established/right-edge '
is 'a list: only what matches' "$(printf '%s\n' "$out" | grep -vc '^rcv-rst-established/')" 0
suite "$target:1" 'rcv-syn-listen/*'
expect 'a closed port' 4 'nobody listens'
suite --timeout 1 "$target:2" 'rcv-syn-listen/*'
expect 'silence' 4 '1 inconclusive'

# --- Rough ends ---

# A shell's background jobs ignore SIGINT; SIGTERM is handled alike.
MARK=$mark ./finwait test --no-color --report "jsonl:$work/cut.jsonl" --report text:- "$target" \
	--agent "$FINWAIT_AGENT" 'rcv-*' >"$work/out" 2>"$work/err" </dev/null &
pid=$!
ok 'it has begun' wait_until test -s "$work/cut.jsonl"
sleep 1
kill -TERM "$pid"
wait "$pid"
status=$?
is 'a signal: told by the status' "$((status == 1 || status == 3))" 1
like 'a signal: the rest was not begun' "$(cat "$work/out")" 'were not begun'

MARK=$mark ./finwait test --no-color --json "$target" --agent "exec:echo \$\$ >'$work/agent'; exec ${FINWAIT_AGENT#exec:}" \
	'rcv-*-established/*' >"$work/gone.jsonl" 2>"$work/err" </dev/null &
pid=$!
agent_is_used() {
	[ -s "$work/agent" ] && [ -s "$work/gone.jsonl" ]
}
ok 'the agent is there' wait_until agent_is_used
kill -KILL "$(cat "$work/agent")"
wait "$pid"
status=$?
is 'an agent that is killed: told by the status' "$((status == 1 || status == 3))" 1
is 'an agent that is killed: errors' "$(($(named "$work/gone.jsonl" error | wc -l) > 10))" 1
named "$work/gone.jsonl" fail >"$work/failed"
is 'an agent that is killed: nothing fails for it' "$(grep -vE -- 'fin-est|null-est|syn-rst-est' "$work/failed")" ''

# --- What Linux is known for ---

wait $full
# known NAME: whether linux.suite has a pattern for it, which is then marked as used
known() {
	while IFS='	' read -r glob _; do
		# shellcheck disable=SC2254 # a pattern
		case $1 in
		$glob) printf '%s\n' "$glob" >>"$work/used" && return ;;
		esac
	done <"$work/deviations"
	return 1
}
grep -v '^#' "$srcdir/tests/lab/linux.suite" >"$work/deviations"
: >"$work/used"
for name in four ${FINWAIT_TARGET6:+six}; do
	took "$name"
	expect "$name" 1 ' 0 inconclusive, 0 errors, 2 skipped$'
	for check in $(named "$work/$name.jsonl" fail); do
		known "$check" || fail "$name: $check" "it is not in linux.suite" \
			"$(printf '%s\n' "$out" | sed -n "\\,^fail *$check:,,/^\$/p" | head -n 40)"
	done
	like "$name: how long TIME-WAIT lasts" "$(cat "$work/$name.jsonl")" \
		'"time-wait/duration".*"verdict":"pass".*(alive at|first gone at) [56][0-9]\.'
	like "$name: how long a FIN-WAIT-2 lasts" "$(cat "$work/$name.jsonl")" \
		'"fin-wait-2/duration".*"verdict":"pass".*(alive at|first gone at) [56][0-9]\.'
	like "$name: ISNs follow a clock" "$(cat "$work/$name.jsonl")" '"isn/clock-driven".*"verdict":"pass"'
	like "$name: ISNs cannot be guessed" "$(cat "$work/$name.jsonl")" '"isn/unpredictable".*"verdict":"pass"'
	like "$name: SYN with FIN to LISTEN is dropped on purpose" \
		"$(grep '"rcv-syn-fin-listen/any"' "$work/$name.jsonl")" 'dropped on purpose'
	is "$name: as many test points as checks" "$(grep -cE '^(not )?ok' "$work/$name.tap")" \
		"$(grep -c '^{"type":"result"' "$work/$name.jsonl")"
	note "$(printf '%s\n' "$out" | tail -n 1)"
done
sort -u "$work/used" >"$work/occurred"
is 'each entry of linux.suite occurs' "$(cut -f 1 "$work/deviations" | sort -u | comm -23 - "$work/occurred")" ''
if [ -n "${FINWAIT_TARGET6-}" ]; then
	# Where the target's FIN waits for an ACK, its repetition can come just when the answer is due that Linux
	# does not give to a segment without ACK: by chance.
	for name in four six; do
		verdicts "$work/$name.jsonl" |
			grep -vE '^rcv-(fin|null)-(fin-wait-1|closing|last-ack)/outside' >"$work/$name"
	done
	is 'IPv4 and IPv6 come out alike' "$(comm -3 "$work/four" "$work/six")" ''
fi
ok 'no connection is left on the target' wait_until none_left
nothing_left 'after all'
done_testing
