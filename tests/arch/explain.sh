#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# finwait explain and finwait list, with the built program: names in all their forms, wrong names, totals.
program=${FINWAIT-./finwait}
# shellcheck source=tests/arch/expect.sh
. "${srcdir-.}/tests/arch/expect.sh"

# same NAME [ARGUMENT...]: the same output as before
same() {
	name=$1
	shift
	cp "$top/out" "$top/first"
	"$program" "$@" >"$top/out" 2>"$top/all"
	cmp -s "$top/first" "$top/out"
	result $? "$name" 'the output differs'
}

narrow() {
	! grep -qE '^.{80}|[[:space:]]$' "$top/out"
	result $? "$1: at most 79 columns, no space at the end" 'a line is too long'
}

# --- explain ---

expect 'a requirement' 0 'MUST-13  MUST  RFC 9293 3.6.1' explain MUST-13
narrow 'a requirement'
same 'a requirement in lower case' explain must-13
expect 'several requirements by their common part' 0 'RFC5961-3.2-ss' explain RFC5961-3.2
expect 'a state' 0 'retransmitted_fin' explain TIME-WAIT
narrow 'a state'
same 'a state in lower case' explain time-wait
expect 'a rule as two operands' 0 'challenge' explain ESTABLISHED rst_in_window
narrow 'a rule'
grep -q '^  required  ' "$top/out"
result $? 'a rule says what is required' 'no line of that'
same 'a rule as one operand' explain 'ESTABLISHED rst_in_window'
same 'a rule with a slash and dashes' explain ESTABLISHED/rst-in-window
expect 'an event' 0 'TIME-WAIT' explain rst_in_window
narrow 'an event'
expect 'a rule for every segment' 0 'fin-counted' explain fin-counted
expect 'a check' 0 'requirements' explain probe/close-rst
expect 'several names' 0 'fin-counted' explain MUST-13 LISTEN fin-counted
[ "$(grep -cE '^(MUST-13|LISTEN|fin-counted)  ' "$top/out")" = 3 ]
result $? 'several names: all of them' 'not three'
expect 'two states are two names' 0 'FIN-WAIT-1  RFC 9293' explain LISTEN FIN-WAIT-1

expect 'no name' 2 'explain what?' explain
expect 'a wrong requirement' 2 'did you mean: finwait explain MUST-13' explain MUTS-13
expect 'a wrong state' 2 'did you mean: finwait explain TIME-WAIT' explain time-wiat
expect 'a wrong event' 2 'did you mean: finwait explain rst_in_window' explain rst_in_windwo
expect 'a wrong event of a state' 2 'did you mean: finwait explain ESTABLISHED rst_in_window' \
	explain ESTABLISHED/rst_in_windwo
expect 'a wrong check' 2 'did you mean: finwait explain probe/close-fin' explain probe/close-fn
expect 'unlike anything' 2 "'finwait list' names" explain xyzzyxyzzy

# Whatever there is can be explained, in lines that fit.
"$program" list requirements >"$top/names"
"$program" list events >>"$top/names"
"$program" list checks >>"$top/names"
printf '%s\n' CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK \
	TIME-WAIT >>"$top/names"
# shellcheck disable=SC2046 # names are words
"$program" explain $(cut -d ' ' -f 1 "$top/names") >"$top/out" 2>"$top/all"
result $? 'all names can be explained' 'a name cannot'
narrow 'all names'

# --- list ---

expect 'list requirements' 0 'MUST-13' list requirements
[ "$(wc -l <"$top/out")" = 204 ] && [ "$(grep -cE '^(MUST|SHLD|MAY|REC)-[0-9]+ ' "$top/out")" = 119 ]
result $? 'list requirements: all of them' 'not 204, or not 119 labels'
expect 'list rules' 0 'fin-counted' list rules
expect 'list events' 0 'rst_in_window' list events
expect 'list checks' 0 'probe/close-fin' list checks
expect 'list of nothing' 2 'list what?' list
expect 'list of two' 2 'list what?' list rules checks
expect 'a wrong list' 2 'did you mean: finwait list requirements' list requirments
expect 'a list that does not exist' 2 'give requirements, rules, events, checks or services' list stacks
expect 'services' 0 'echo              7  sends back' list services
expect 'checks that a service enables' 0 'drive/last-ack/passive               our FIN first' list checks --service echo
expect 'checks that it does not' 0 'drive/closing/passive                skipped: needs an application that can close first' list checks --service echo
expect 'a driver and another list' 2 'finwait list checks' list rules --service echo
expect 'a service that does not exist' 2 "'ecko' is no service" list checks --service ecko
expect 'an agent that is not there' 3 'cannot be connected to' list checks --agent unix:/nonexistent
expect 'coverage of something else' 2 'finwait list requirements --coverage' list events --coverage

expect 'coverage' 0 '204 requirements: ' list requirements --coverage
# "204 requirements: 66 with a rule or check, 13 not observable, 125 open", as many as the lines say
${AWK-awk} '
/^[0-9]+ (requirements|labels)/ {
	totals++
	if ($1 != $0 + 0 || !match($0, /: [0-9]+ /))
		exit
	split(substr($0, RSTART + 2), part, /[^0-9]+/)
	if (part[1] + part[2] + part[3] != $1)
		wrong = 1
	if (/^204 /)
		wrong = wrong || part[1] != decided || part[2] != hidden || part[3] != open
	if (/^119 /)
		wrong = wrong || part[1] != labelled
	next
}
{ lines++ }
/ decided: / { decided++; labelled += /^(MUST|SHLD|MAY|REC)-/ }
/ not observable$/ { hidden++ }
/ open$/ { open++ }
END { exit !(lines == 204 && totals == 2 && !wrong && decided > 20) }' "$top/out"
result $? 'coverage: the totals are those of the lines' 'they differ'
same 'coverage without a word is of requirements' list --coverage

# --- JSON ---

# parsed: every line of the last output, if there is something that can tell
parsed() {
	if command -v python3 >/dev/null 2>&1; then
		python3 -c 'import json,sys
for line in sys.stdin: assert json.loads(line)["type"]' <"$top/out" 2>"$top/all"
		result $? "$1: every line is an object with a type" 'it is not'
	else
		number=$((number + 1))
		echo "ok $number - $1: every line is an object with a type # SKIP no python3"
	fi
}
expect 'explain --json' 0 '{"type":"requirement","name":"MUST-13","level":"MUST"' \
	explain --json MUST-13 TIME-WAIT 'ESTABLISHED rst_in_window' rst_in_window fin-counted probe/close-fin
[ "$(wc -l <"$top/out")" = 6 ]
result $? 'explain --json: one line per name' 'not six'
parsed 'explain --json'
expect 'list --json' 0 '{"type":"coverage","requirements":{"all":204,' list requirements --coverage --json
parsed 'list requirements --json'
for what in rules events checks; do
	expect "list $what --json" 0 '{"type":"' list $what --json
	parsed "list $what --json"
done
# An agent that looks at who asks it. Where nobody may make a namespace, there may be nothing to give up.
rights='f=$(sed -n "s/^PPid:[^0-9]*//p" /proc/$PPID/status)
sed -n "s/^CapEff:[^0-9a-f]*//p" "/proc/$f/status"'
apart=
if unshare -Ur true 2>/dev/null; then
	apart='unshare -Ur'
fi
$apart "$program" list checks --agent "exec:$rights >'$top/rights'" >"$top/all" 2>&1 </dev/null
grep -qx '0*' "$top/rights" 2>>"$top/all"
result $? 'an agent is asked without privileges' "these are left: $(cat "$top/rights")"

echo "1..$number"
