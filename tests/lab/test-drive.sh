#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# finwait drive in the lab: Linux in each state, by each kind of driver, and that nothing is left behind.
# shellcheck disable=SC2016,SC2154,SC2317 # variables for other shells; set by run; called by name
. "${srcdir-.}/tests/lab/lab.sh"
enter_lab "$0" "$@"
. "${srcdir-.}/tests/agent/python.sh"

LC_ALL=C
export LC_ALL work
target=$FINWAIT_TARGET
hosts="$target${FINWAIT_TARGET6:+ [$FINWAIT_TARGET6]}"
families=$(printf '%s\n' "$hosts" | wc -w)
agent_py=$srcdir/contrib/agent.py
on="nsenter --net=$FINWAIT_LAB_NET --"

# drive ARGUMENT...: sets status, out, err
drive() {
	run env MARK="$mark" ./finwait drive --no-color "$@"
}

# begin NAME ARGUMENT...: a drive in the background; what comes of it is in files of that name
begin() {
	begin_name=$work/$1
	shift
	{
		MARK=$mark ./finwait drive --no-color --report "jsonl:$begin_name.jsonl" --report text:- "$@" \
			>"$begin_name.out" 2>"$begin_name.err" </dev/null
		echo $? >"$begin_name.status"
	} &
	begun="${begun-} $!"
}

# Until all that was begun has ended.
await() {
	# shellcheck disable=SC2086 # numbers, to be split
	wait $begun
	begun=
}

# took NAME: sets status, out, err
took() {
	status=$(cat "$work/$1.status")
	out=$(cat "$work/$1.out")
	err=$(cat "$work/$1.err")
}

# lower STATE: as in the names of checks
lower() {
	printf '%s' "$1" | tr '[:upper:]' '[:lower:]'
}

# upper NAME: a state
upper() {
	printf '%s' "$1" | tr '[:lower:]' '[:upper:]'
}

# lines FILE PATTERN: how many
lines() {
	grep -Ec -e "$2" "$1"
}

# there NAME STATE OPENER: that drive brought each family there, sure of it, with nothing to complain about
there() {
	there_name=drive/$(lower "$2")/$3
	there_system=",.*\"system_state\":\"$2\""
	[ "$2" != LISTEN ] || there_system= # nobody is asked for the state of what is no connection yet
	if [ "$(cat "$work/$1.status")" = 0 ] && [ ! -s "$work/$1.err" ] &&
		[ "$(lines "$work/$1.jsonl" "^.\"type\":\"result\",\"name\":\"$there_name\".*\"verdict\":\"pass\".*\"failures\":\[\]")" = "$families" ] &&
		[ "$(lines "$work/$1.jsonl" "\"goal\":\"$2\",\"certainty\":\"certain\"$there_system")" = "$families" ] &&
		[ "$(lines "$work/$1.out" "^reached      $2: ")" = "$families" ] &&
		[ "$(lines "$work/$1.out" '^reached .* judged, 0 violations$')" = "$families" ]; then
		return 0
	fi
	cat "$work/$1.status" "$work/$1.err" "$work/$1.out" "$work/$1.jsonl"
	return 1
}

# --- Every state, by each opening, with the lab's agent ---

combinations=$(./finwait list checks | sed -n 's,^drive/\([a-z0-9-]*/[a-z]*\) .*,\1,p')
for combination in $combinations; do
	# shellcheck disable=SC2086 # hosts, to be split
	begin "agent-${combination%/*}-${combination#*/}" --open "${combination#*/}" "${combination%/*}" $hosts \
		--agent "$FINWAIT_AGENT"
done
await
checked=0
for combination in $combinations; do
	state=$(upper "${combination%/*}")
	name=agent-${combination%/*}-${combination#*/}
	ok "$state by ${combination#*/} open" there "$name" "$state" "${combination#*/}"
	[ "$state" = LISTEN ] ||
		is "$state by ${combination#*/} open: the target's system says so" \
			"$(lines "$work/$name.out" "the target's system says $state\$")" "$families"
	checked=$((checked + 1))
done
is 'all states and openings there are' "$checked" 27
name=agent-established-active
is 'JSON: the driver' "$(lines "$work/$name.jsonl" '^\{"type":"run",.*"driver":"agent exec:nsenter ')" 1
is 'JSON: what the wire tells of the state' \
	"$(lines "$work/agent-time-wait-active.jsonl" '"verified_states":\["TIME-WAIT"\]')" "$families"
is 'JSON: the summary' "$(lines "$work/$name.jsonl" "^.\"type\":\"summary\",\"pass\":$families,")" 1
is 'JSON: no verified state where no connection is' "$(lines "$work/agent-closed-passive.jsonl" verified_states)" 0
ok 'all states: no connection is left on the target' wait_until none_left
nothing_left 'all states'

# --- Many, one command after the other: each captures all that the target sends ---

for state in ESTABLISHED CLOSED LISTEN FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT; do
	all=$((50 * families))
	# shellcheck disable=SC2086 # hosts, to be split
	drive -q -c 50 --interval 0 "$state" $hosts --agent "$FINWAIT_AGENT"
	expect "many in $state" 0 "^$all connections: $all reached, 0 violate, 0 inconclusive, 0 errors"
done
twenty=$(for _ in 1 2 3 4 5 6 7 8 9 10; do printf '%s %s ' "$target" "${hosts##* }"; done)
for state in SYN-SENT SYN-RECEIVED; do
	# shellcheck disable=SC2086 # hosts, to be split
	drive -q --rate 1000 "$state" $twenty --agent "$FINWAIT_AGENT"
	expect "many in $state at once" 0 '^20 connections: 20 reached, 0 violate, 0 inconclusive, 0 errors'
done

# --- Data ---

# data STATE WAY COUNT: by each opening; WAY is an expression for the points of the results, COUNT of them
data() {
	for opener in passive active simultaneous; do
		name="data-$1-$opener"
		# shellcheck disable=SC2086 # hosts, to be split
		begin "$name" --transfer 1048576 --open "$opener" "$1" $hosts --agent "$FINWAIT_AGENT"
		await
		ok "data in $1 by $opener open" there "$name" "$1" "$opener"
		is "data in $1 by $opener open: every byte" \
			"$(lines "$work/$name.out" "^$2 +1048576 bytes arrived, every one compared\$")" "$3"
	done
}
data ESTABLISHED '(to|from) target' "$((2 * families))"
data FIN-WAIT-2 'to target' "$families"
data CLOSE-WAIT 'from target' "$families"

# An agent whose pattern differs in one byte finds it in what comes to it, and sends it.
sed 's/^    return bytes(\[((i ^ seed) \* \(.*\)) >> 24$/    return bytes([((i ^ seed) * \1) >> 24 ^ (i == 700000)/' \
	"$agent_py" >"$work/damaged.py"
is 'one line of the agent was changed' "$(diff "$agent_py" "$work/damaged.py" | grep -c '^>')" 1
damaged="exec:$on python3 '$work/damaged.py' --stdio"
drive --transfer 1048576 --timeout 20 ESTABLISHED "$target" --agent "$damaged"
expect 'a wrong byte is found' 1 '^to target +byte 700001 of 1048576 arrived with another value' \
	'^from target +byte 700001 of 1048576 arrived with another value' '^violates'
drive --transfer 700000 --timeout 20 ESTABLISHED "$target" --agent "$damaged"
expect 'up to the wrong byte all is well' 0 'to target +700000 bytes arrived, every one compared'

# --- Held ---

for state in CLOSED LISTEN ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT SYN-SENT SYN-RECEIVED; do
	# shellcheck disable=SC2086 # hosts, to be split
	begin "held-$state" --hold 0.5 "$state" $hosts --agent "$FINWAIT_AGENT"
done
await
for state in CLOSED LISTEN ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT SYN-SENT SYN-RECEIVED; do
	took "held-$state"
	expect "held in $state" 0 '^held +0\.5 s'
	is "held in $state: each" "$(lines "$work/held-$state.out" '^held +0\.5 s')" "$families"
done
took held-TIME-WAIT
like 'TIME-WAIT is still there' "$out" '^held +0\.5 s, then an old byte drew ACK'

done_testing
