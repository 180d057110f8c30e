#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# finwait reuse in the lab: what Linux answers, other documents, agents that lie, die and hang, settings of the
# target, and servers that are restarted.
# shellcheck disable=SC2016,SC2154,SC2317 # variables for the shell inside the lab; set by run; called by name
. "${srcdir-.}/tests/lab/lab.sh"
. "${srcdir-.}/tests/agent/python.sh"
enter_lab "$0" "$@"

LC_ALL=C
export LC_ALL
build=$PWD
lab_tests=$(cd "${srcdir-.}/tests/lab" && pwd)
contrib=$(cd "${srcdir-.}/contrib" && pwd)
target=$FINWAIT_TARGET
target6="[$FINWAIT_TARGET6]"
on_its_side="$build/finwait-lab --on-target"
agent="exec:$on_its_side $build/finwait-agent --stdio"

# begin NAME ARGUMENT...: starts a reuse run; finish NAME: waits for it, and sets status, out, err
begin() {
	begin_name=$1
	shift
	(
		./finwait reuse --no-color "$@" >"$work/$begin_name.out" 2>"$work/$begin_name.err" </dev/null
		echo $? >"$work/$begin_name.status"
	) &
}

finish() {
	wait_until test -s "$work/$1.status"
	status=$(cat "$work/$1.status")
	out=$(cat "$work/$1.out")
	err=$(cat "$work/$1.err")
}

# expect NAME STATUS PATTERN...: of the last run
expect() {
	expect_name=$1
	is "$expect_name: exit status" "$status" "$2"
	[ "$status" = "$2" ] || note "$out" "$err"
	shift 2
	for pattern; do
		like "$expect_name: $pattern" "$out$err" "$pattern"
	done
}

# verdicts: of JSON Lines, NAME VERDICT each; but NAME: without what passed
verdicts() {
	printf '%s\n' "$out" | sed -n 's/^{"type":"result","name":"\([^"]*\)".*"verdict":"\([^"]*\)".*/\1 \2/p'
}

not_passed() {
	verdicts | grep -v ' pass$'
}

# lying ANSWER PATTERN: the URI of an agent
lying() {
	# through two shells
	printf "exec:python3 '%s' '%s' '%s' %s" "$lab_tests/liar.py" "$2" "$1" \
		"$on_its_side $build/finwait-agent --stdio"
}

# sockets: of the target, but for TIME-WAIT
sockets() {
	on_target cat /proc/net/tcp /proc/net/tcp6 | awk '$2 ~ /:/ && $4 != "06" { print $2, $3, $4 }' | sort
}

before=$(sockets)
none_left() {
	[ "$(sockets)" = "$before" ]
}

# --- Linux, by its own documents and those of others; side by side ---

begin v4 --agent "$agent" "$target"
begin json --json --agent "$agent" "$target"
begin json6 --json --agent "$agent" "$target6"
begin bsd --json --agent "$agent" --api bsd "$target"
begin bsd-strict --strict --agent "$agent" --api bsd "$target6"
begin windows --json --agent "$agent" --api windows "$target6"
begin windows-strict --strict --agent "$agent" --api windows "$target"
begin posix --json --agent "$agent" --api posix "$target"
begin python --json --agent "exec:$on_its_side python3 '$contrib/agent.py' --stdio" "$target"
begin python6 --json --agent "exec:$on_its_side python3 '$contrib/agent.py' --stdio" "$target6"

finish v4
expect 'Linux' 0 '^finwait reuse 198\.18\.0\.2$' 'api: linux$' \
	'^pass +bind\(\) to the port in TIME-WAIT, SO_REUSEADDR on neither' \
	'^22 answers: 22 as expected, 0 not, 0 inconclusive, 0 errors, 0 skipped$'
is 'Linux: nothing to complain about' "$err" ''
is 'Linux: no answer is longer than 80 columns' "$(printf '%s\n' "$out" | awk 'NR > 3 && length > 80' | wc -l)" 0
cat >"$work/names" <<'END'
reuse/time-wait/active-closer
reuse/bind-time-wait/neither
reuse/bind-time-wait/old-socket
reuse/bind-time-wait/new-socket
reuse/bind-time-wait/both
reuse/bind-time-wait/reuseport
reuse/listen-time-wait/both
reuse/connect-time-wait/same-peer
reuse/connect-time-wait/other-peer
reuse/bind-listening/neither
reuse/bind-listening/both
reuse/bind-wildcard/neither
reuse/bind-wildcard/both
reuse/bind-specific/neither
reuse/bind-specific/both
reuse/listen-listening/reuseport
reuse/passive-open/established
reuse/passive-open/syn-sent
reuse/passive-open/syn-received
reuse/syn-time-wait/higher
reuse/syn-time-wait/lower
reuse/syn-time-wait/newer-timestamp
END
for run in json:ipv4 json6:ipv6 python:ipv4 python6:ipv6; do
	family=${run#*:}
	finish "${run%:*}"
	expect "${run%:*}" 0 '"type":"summary","pass":22,"fail":0,"inconclusive":0,"error":0'
	is "${run%:*}: every check passes" "$(verdicts)" "$(sed 's/$/ pass/' "$work/names")"
	is "${run%:*}: the family" "$(printf '%s\n' "$out" | grep -c "\"family\":\"$family\"")" 22
	is "${run%:*}: JSON Lines and nothing else" "$(printf '%s\n' "$out" | grep -vc '^{"type":.*}$')" 0
	is "${run%:*}: first, last and one line each" "$(printf '%s\n' "$out" | wc -l)" 24
done
finish json
expect 'fields' 0 \
	'^\{"type":"run","schema":1,.*"guard":.*"driver":"agent on .*"api":"linux"' \
	'"reuse/time-wait/active-closer".*"class":"MUST","requirements":\["MUST-13"\].*"expected":"TIME-WAIT","observed":"TIME-WAIT"' \
	'"reuse/bind-time-wait/both".*"class":"choice","expected":"ok","observed":"ok"' \
	'"reuse/bind-time-wait/neither".*"class":"choice","expected":"EADDRINUSE","observed":"EADDRINUSE"' \
	'"reuse/passive-open/established".*"class":"MUST","requirements":\["MUST-41"\],"citation":"RFC 9293 3\.9\.1\.1"' \
	'"reuse/passive-open/syn-sent".*"class":"MUST","requirements":\["MUST-42"\]' \
	'"reuse/syn-time-wait/higher".*"class":"MAY","requirements":\["MAY-2"\].*"observed":"SYN,ACK, ISS [0-9]+ above' \
	'"reuse/syn-time-wait/lower".*"class":"choice".*"observed":"ACK"' \
	'"reuse/syn-time-wait/newer-timestamp".*"class":"SHOULD","requirements":\["SHLD-4","RFC6191-2-A1"\].*"SYN,ACK, ISS'
is 'every line is JSON' "$(printf '%s\n' "$out" | python3 -c '
import json, sys
print(*(json.loads(line)["type"] for line in sys.stdin))' | tr ' ' '\n' | sort | uniq -c | awk '{ print $2 "=" $1 }' |
	tr '\n' ' ')" 'result=22 run=1 summary=1 '

finish bsd
expect 'by what BSD documents' 0 '"pass":19,"fail":3,"inconclusive":0,"error":0'
is 'what differs from BSD' "$(not_passed)" 'reuse/bind-time-wait/new-socket fail
reuse/bind-wildcard/both fail
reuse/bind-specific/both fail'
like 'BSD: expected and observed' "$out" \
	'"reuse/bind-time-wait/new-socket".*"expected":"ok","observed":"EADDRINUSE"'
finish bsd-strict
expect 'BSD, --strict' 1 '^22 answers: 19 as expected, 3 not'
finish windows
expect 'by what Windows documents' 0 '"api":"windows"'
is 'what differs from Windows, and what it has not' "$(not_passed)" 'reuse/bind-time-wait/neither fail
reuse/bind-time-wait/old-socket fail
reuse/bind-time-wait/new-socket fail
reuse/bind-time-wait/reuseport skip
reuse/connect-time-wait/same-peer fail
reuse/bind-listening/both fail
reuse/bind-wildcard/neither fail
reuse/bind-wildcard/both fail
reuse/bind-specific/neither fail
reuse/bind-specific/both fail
reuse/listen-listening/reuseport skip'
finish windows-strict
expect 'Windows, --strict' 1 '^fail +bind\(\) to the port in TIME-WAIT'
finish posix
expect 'by what POSIX documents' 0 '"api":"posix"' '"pass":12,"fail":0'
is 'what POSIX leaves open is no failure' "$(not_passed | grep -vc ' skip$')" 0
ok 'nothing but TIME-WAIT is left on the target' wait_until none_left

# --- Agents that lie, die and hang ---

begin lie-bind --json --agent "$(lying 'ok local=\1' \
	'shutdown [^;]*; close [^;]*; close [^;]*; socket [^;]*; bind socket=\d+ local=(\S+)')" "$target"
begin lie-bind-strict --strict --agent "$(lying 'ok local=\1' \
	'shutdown [^;]*; close [^;]*; close [^;]*; socket [^;]*; bind socket=\d+ local=(\S+)')" "$target"
begin lie-must-41 --json --agent "$(lying 'error EADDRINUSE no' \
	'accept [^;]*; close [^;]*; socket [^;]*; setopt [^;]*; setopt [^;]*; bind [^;]*; listen [^;]*')" "$target"
begin lie-must-42 --json --agent "$(lying 'error EOPNOTSUPP no' \
	'connect [^;]*; socket [^;]*; setopt [^;]*; setopt [^;]*; bind [^;]*; listen [^;]*')" "$target"
begin lie-errno --json --agent "$(lying 'error EADDR other' \
	'accept [^;]*; socket [^;]*; bind socket=\d+ local=\d\S+')" "$target"
begin lie-earlier --json --agent "$(lying 'error EMFILE too many' 'accept [^;]*; socket [^;]*')" "$target"
begin lie-nothing --json --agent "$(lying ok 'accept [^;]*; socket [^;]*')" "$target"
begin dies --json --agent "$(lying dies 'accept [^;]*; socket [^;]*')" "$target"
begin hangs --timeout 1 --json --agent "$(lying hangs 'shutdown [^;]*')" "$target"

finish lie-bind
expect 'a bind that succeeds where it must not' 0 \
	'"reuse/bind-time-wait/neither".*"verdict":"fail","class":"choice","certainty":"certain","expected":"EADDRINUSE","observed":"ok"'
is 'a bind that succeeds where it must not: what differs' "$(not_passed)" 'reuse/bind-time-wait/neither fail
reuse/bind-time-wait/old-socket fail'
finish lie-bind-strict
expect 'a bind that succeeds where it must not, --strict' 1 '^22 answers: 20 as expected, 2 not'
finish lie-must-41
expect 'no new listener beside a connection' 4 '"reuse/passive-open/established".*"verdict":"inconclusive".*EADDRINUSE'
is 'no new listener beside a connection: the rest' "$(not_passed)" 'reuse/passive-open/established inconclusive'
finish lie-must-42
expect 'listen refused in SYN-SENT' 1 \
	'"reuse/passive-open/syn-sent".*"verdict":"fail","class":"MUST","certainty":"certain","requirements":\["MUST-42"\].*"observed":"EOPNOTSUPP"'
is 'listen refused in SYN-SENT: the rest' "$(not_passed)" 'reuse/passive-open/syn-sent fail
reuse/passive-open/syn-received fail'
finish lie-errno
expect 'an errno that only begins like the right one' 0 \
	'"reuse/bind-listening/neither".*"verdict":"fail".*"expected":"EADDRINUSE","observed":"EADDR"'
finish lie-earlier
expect 'a call before the last fails' 4 \
	'"reuse/bind-listening/neither".*"verdict":"inconclusive".*"reason":"socket\(\) failed before: EMFILE"'
finish lie-nothing
expect 'an agent that says nothing of what it must' 3 \
	'"verdict":"error".*the agent does not keep to its protocol'
finish dies
expect 'an agent that dies midway' 3 '"reuse/connect-time-wait/other-peer".*"verdict":"pass"' \
	'"reuse/bind-listening/neither".*"verdict":"error".*the agent is gone' \
	'"reuse/passive-open/syn-sent".*"verdict":"error","class":"MUST"' \
	'"reuse/syn-time-wait/newer-timestamp".*"verdict":"error"' '^\{"type":"summary","pass":9,"fail":0'
finish hangs
expect 'an agent that hangs' 3 '"verdict":"error".*the agent does not answer' '^\{"type":"summary","pass":0,"fail":0'
is 'an agent that hangs: every answer is told' "$(verdicts | wc -l)" 22
ok 'nothing but TIME-WAIT is left by them' wait_until none_left

# --- A signal ---

# interrupt COMMAND... -- ARGUMENT...: SIGINT once COMMAND succeeds
interrupt() {
	until_what=
	while [ "$1" != -- ]; do
		until_what="$until_what $1"
		shift
	done
	shift
	# A shell has background jobs ignore SIGINT.
	env --default-signal ./finwait reuse --json "$@" >"$work/signal.out" 2>"$work/signal.err" </dev/null &
	run_pid=$!
	# shellcheck disable=SC2086 # words
	wait_until $until_what || fail "before a signal: $until_what"
	kill -INT "$run_pid"
	wait "$run_pid"
	status=$?
	out=$(cat "$work/signal.out")
	err=$(cat "$work/signal.err")
}

interrupt grep bind-listening "$work/signal.out" -- --agent "$agent" "$target"
expect 'SIGINT' 3 '^\{"type":"summary".*"not_begun":[1-9]'
unlike 'SIGINT: not all was played' "$out" 'newer-timestamp'
unlike 'SIGINT: nothing is blamed on the target' "$out" '"verdict":"fail"'
ok 'SIGINT leaves nothing but TIME-WAIT on the target' wait_until none_left

# --- Settings of the target ---

# with SETTING VALUE NAME: a run meanwhile
with() {
	with_old=$(on_target sysctl -n "$1" 2>/dev/null) || return
	on_target sysctl -q "$1=$2"
	begin "$3" --json --agent "$agent" "$target"
	finish "$3"
	on_target sysctl -q "$1=$with_old"
}

for setting in net.ipv4.tcp_rfc1337=1 net.ipv4.tcp_tw_reuse=1 net.ipv4.tcp_timestamps=0; do
	if ! with "${setting%=*}" "${setting#*=}" "$setting"; then
		skip "$setting" 'this kernel has it not in a namespace'
		continue
	fi
	expect "$setting" 0
	case $setting in
	*timestamps*)
		is "$setting: the case of timestamps alone is skipped" "$(not_passed)" \
			'reuse/syn-time-wait/newer-timestamp skip'
		like "$setting: says why" "$out" '"reason":"the target does not use timestamps"'
		;;
	*) is "$setting: all pass" "$(verdicts)" "$(sed 's/$/ pass/' "$work/names")" ;;
	esac
done

# --- A server that is restarted ---

# serve PORT REUSEADDR [ADDRESS]: starts a server on the target
cat >"$work/restart" <<'END'
# restart PORT REUSEADDR ADDRESS: ends the server of that port, if there is one, and starts it again
pidfile=$work/server.$1
if [ -f "$pidfile" ]; then
	old=$(cat "$pidfile")
	kill -9 "$old"
	# Until it is gone its listener goes on answering.
	while kill -0 "$old" 2>/dev/null && ! grep -q ' Z ' "/proc/$old/stat" 2>/dev/null; do
		sleep 0.01
	done
fi
rm -f "$pidfile"
$on_its_side python3 "$lab_tests/server.py" "$3" "$1" "$2" "$pidfile" </dev/null >/dev/null 2>&1 &
echo $! >"$pidfile.started"
END
export work on_its_side lab_tests
serve() {
	sh "$work/restart" "$1" "$2" "${3-$target}"
	wait_until test -s "$work/server.$1" || fail "a server on port $1"
}

serve 5001 1
serve 5002 0
serve 5003 0
serve 5004 1 "$FINWAIT_TARGET6"
serve 5005 1
serve 5006 1
begin back --json --service daytime:5001 --on-restart "sh $work/restart %p 1 %h" "$target"
begin not-back --json --wait 3 --service daytime:5002 --on-restart "sh $work/restart %p 0 %h" "$target"
begin not-back-strict --strict --wait 3 --service daytime:5003 --on-restart "sh $work/restart %p 0 %h" "$target"
begin back6 --json --service daytime --on-restart "sh $work/restart %p 1 %h" "$target6:5004"
begin fails --json --service daytime:5005 --on-restart 'exit 5' "$target"
begin hangs-too --json --wait 1 --service daytime:5006 --on-restart 'exec sleep 4711' "$target"
begin nobody --json --service daytime:5999 --on-restart 'echo ran >"$work/ran"' "$target"
begin closes-last --json --timeout 0.5 --service daytime:7 --on-restart 'echo ran >"$work/ran"' "$target"

# TIME-WAIT can be ended by hand, where the kernel has INET_DIAG_DESTROY.
serve 5008 0
serve 5009 0
end_time_wait="$on_its_side ss -K -t state time-wait sport = :%p"
begin over --json --service daytime:5008 --on-restart "$end_time_wait; sh $work/restart %p 0 %h" "$target"
begin never --json --wait 2 --service daytime:5009 --on-restart 'kill -9 $(cat "$work/server.%p");'" $end_time_wait" "$target"

serve 5007 1
interrupt test -e "$work/ran-slowly" -- --service daytime:5007 --on-restart 'echo ran >"$work/ran-slowly"; exec sleep 4712' \
	"$target"
expect 'SIGINT while the command runs' 3 '"reuse/restart".*"verdict":"error"' '^\{"type":"summary"'
ok 'SIGINT while the command runs ends it' wait_until sh -c '! pgrep -f "^sleep 4712$"'
rm "$work/ran-slowly"
interrupt test -e "$work/ran-slowly" -- --service daytime:5007 \
	--on-restart 'kill -9 $(cat "$work/server.5007"); sleep 1; echo ran >"$work/ran-slowly"' "$target"
expect 'SIGINT while the server is waited for' 3 '"verdict":"error".*"reason":"interrupted"'
unlike 'SIGINT while the server is waited for: no observation' "$out" 'come back within'

finish never
if on_target ss -Htn state time-wait sport = :5009 | grep -q .; then
	skip 'a server that comes back after TIME-WAIT' 'TIME-WAIT cannot be ended here'
else
	finish over
	expect 'a server that comes back after TIME-WAIT' 0 \
		'"verdict":"fail","class":"choice".*"observed":"the server was back [0-9.]+ s after the command, when TIME-WAIT was over"'
	finish never
	expect 'a server that does not come back at all' 4 '"verdict":"inconclusive".*did not come back within 2 s' \
		'"reason":"TIME-WAIT is over and keeps it from nothing"'
fi
finish back
expect 'a server with SO_REUSEADDR' 0 \
	'"reuse/restart".*"verdict":"pass","class":"choice".*"observed":"the server was back [0-9.]+ s after the command, with its old connection still in TIME-WAIT"' \
	'"summary","pass":1,"fail":0'
finish back6
expect 'a server with SO_REUSEADDR, IPv6' 0 '"verdict":"pass".*still in TIME-WAIT'
finish not-back
expect 'a server without' 0 \
	'"reuse/restart".*"verdict":"fail","class":"choice".*"observed":"the server did not come back within 3 s"'
finish not-back-strict
expect 'a server without, --strict' 1 'did not come back within 3 s'
finish fails
expect 'a command that fails' 3 '"verdict":"error".*the command for --on-restart ended with status 5'
finish hangs-too
expect 'a command that hangs' 3 '"verdict":"error".*the command for --on-restart has not ended'
ok 'a command that hangs is ended' wait_until sh -c '! pgrep -f "^sleep 4711$"'
finish nobody
expect 'a server that is not there' 4 '"verdict":"inconclusive".*5999'
finish closes-last
expect 'a server that does not close first after all' 4 '"verdict":"inconclusive"'
ok 'without TIME-WAIT nothing is restarted' test ! -e "$work/ran"
for port in 5001 5002 5003 5004 5005 5006 5007 5008 5009; do
	kill -9 "$(cat "$work/server.$port.started")" 2>/dev/null # some have been
done
ok 'nothing but TIME-WAIT is left by servers' wait_until none_left

# --- Words ---

# refused STATUS PATTERN ARGUMENT...: one line that names the thing
refused() {
	refused_status=$1
	refused_pattern=$2
	shift 2
	run ./finwait reuse --no-color "$@"
	is "$*: exit $refused_status" "$status" "$refused_status"
	like "$*: says $refused_pattern" "$err" "$refused_pattern"
	is "$*: in one line" "$(wc -l <"$work/err")" 1
	is "$*: and nothing else" "$out" ''
}

refused 2 'one target' --agent "$agent"
refused 2 'one target' --agent "$agent" "$target" "$target"
refused 2 'either --agent, or --service' "$target"
refused 2 'either --agent, or --service' --agent "$agent" --service daytime --on-restart true "$target"
refused 2 'go together' --service daytime "$target"
refused 2 'go together' --agent "$agent" --on-restart true "$target"
refused 2 'echo does not close first' --service echo --on-restart true "$target"
refused 2 'discard:9 does not close first' --service discard:9 --on-restart true "$target"
refused 2 'nosuch' --service nosuch --on-restart true "$target"
refused 2 'port' --service 'send="x",then=closes-first' --on-restart true "$target"
refused 2 '%x' --service daytime --on-restart 'true %x' "$target"
refused 2 'plan9' --agent "$agent" --api plan9 "$target"
refused 2 'wait' --service daytime --on-restart true --wait 0 "$target"
refused 2 'exclude' --agent "$agent" -4 -6 "$target"
refused 2 'nowhere' --agent nowhere "$target"
refused 2 'leave out the port' --agent "$agent" "$target:7"
refused 2 '70000' --agent "$agent" "$target:70000"
refused 3 'gone before' --agent exec:true "$target"

no_process() {
	! pgrep -x finwait && ! pgrep -f 'finwait-agent --stdio|agent\.py|liar\.py|server\.py'
}

ok 'no process is left' wait_until no_process
done_testing
