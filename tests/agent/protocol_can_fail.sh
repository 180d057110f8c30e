#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # set by what is sourced
# Shows protocol.py agents that are each wrong in one way (damage.py): the check that is there for it must fail.
srcdir=${srcdir-.}
. "$srcdir/tests/lab/lab.sh"
. "$srcdir/tests/agent/python.sh"

# protocol KIND CHECK: what protocol.py says of an agent with this damage
protocol() {
	python3 "$agent_tests/protocol.py" --only "^$2" \
		python3 "$agent_tests/damage.py" "$1" python3 "$srcdir/contrib/agent.py" --stdio </dev/null
}

# It is the damage that is found, not what does it.
protocol none '' >"$work/protocol.out" 2>&1
if grep -q '^not ok' "$work/protocol.out" || ! grep -q '^ok' "$work/protocol.out"; then
	fail 'an agent without damage passes' "$(cat "$work/protocol.out")"
else
	pass 'an agent without damage passes'
fi

# What does not come need not be waited for long: an agent that is too slow is also found.
FINWAIT_AGENT_LIMIT=2
export FINWAIT_AGENT_LIMIT
python3 "$agent_tests/damage.py" --list >"$work/kinds"
[ "$(wc -l <"$work/kinds")" -gt 50 ] || fail 'damage.py lists what it can damage' "$(cat "$work/kinds")"
while read -r kind check; do
	protocol "$kind" "$check" >"$work/protocol.out" 2>&1
	if grep -q '^not ok 1 - ' "$work/protocol.out"; then
		pass "$kind is found"
	elif grep -q '^ok 1 .* # SKIP' "$work/protocol.out"; then
		skip "$kind is found" 'the check for it was skipped'
	else
		fail "$kind is found" "$(cat "$work/protocol.out")"
	fi
done <"$work/kinds"
done_testing
