#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # set by what is sourced
# Both agents, the one in C and the one in Python: do they keep the protocol, and serve controllers as they should?
srcdir=${srcdir-.}
. "$srcdir/tests/lab/lab.sh"
. "$srcdir/tests/agent/python.sh"

# results NAME FILE: what a test of an agent printed, with the agent's name in front, numbered on
results() {
	planned=none
	found=0
	while IFS= read -r line; do
		case $line in
		1..*) planned=${line#1..} ;;
		'ok '* | 'not ok '*)
			found=$((found + 1))
			tests=$((tests + 1))
			case $line in
			not*) failures=$((failures + 1)) ;;
			esac
			echo "${line%%ok *}ok $tests - $1: ${line#* - }"
			;;
		*) note "${line#\# }" ;;
		esac
	done <"$2"
	is "$1: as many results as planned" "$found" "$planned"
}

# agent NAME COMMAND...: all tests of one agent
agent() {
	name=$1
	shift
	python3 "$agent_tests/protocol.py" "$@" --stdio >"$work/protocol" 2>&1 </dev/null
	protocol_status=$?
	results "$name" "$work/protocol"
	is "$name: the test of the protocol came to its end" "$protocol_status" 0
	python3 "$agent_tests/transports.py" "$@" >"$work/transports" 2>&1 </dev/null
	transports_status=$?
	results "$name" "$work/transports"
	is "$name: the test of the transports came to its end" "$transports_status" 0
}

agent finwait-agent ./finwait-agent
agent agent.py python3 "$srcdir/contrib/agent.py"
done_testing
