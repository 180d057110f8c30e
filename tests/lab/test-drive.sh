#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# finwait drive in the lab: Linux in each state, by each kind of driver, and that nothing is left behind.
# shellcheck disable=SC2016,SC2086,SC2154,SC2317 # variables for other shells; lists to be split; set by run; called by name
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
is 'all states and openings there are' "$checked" 28
name='agent-established-active'
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
	drive -q -c 50 --interval 0 "$state" $hosts --agent "$FINWAIT_AGENT"
	expect "many in $state" 0 "^$all connections: $all reached, 0 violate, 0 inconclusive, 0 errors"
done
twenty=$(for _ in 1 2 3 4 5 6 7 8 9 10; do printf '%s %s ' "$target" "${hosts##* }"; done)
for state in SYN-SENT SYN-RECEIVED; do
	drive -q --rate 1000 "$state" $twenty --agent "$FINWAIT_AGENT"
	expect "many in $state at once" 0 '^20 connections: 20 reached, 0 violate, 0 inconclusive, 0 errors'
done

# --- Data ---

# data STATE WAY COUNT: by each opening; WAY is an expression for the points of the results, COUNT of them
data() {
	for opener in passive active simultaneous; do
		name="data-$1-$opener"
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

# --- Services ---

pairs=
for service in $(./finwait list services --json | sed 's/.*"name":"\([^"]*\)".*"reaches":\[\([^]]*\)\].*/\1:\2/; s/"//g'); do
	for state in $(printf '%s\n' "${service#*:}" | tr ',' ' '); do
		pairs="$pairs ${service%%:*}/$state"
	done
done
for pair in $pairs; do
	service=${pair%/*}
	case $service in
	close-on-eof) service=close-on-eof:7 ;;
	esac
	begin "service-${pair%/*}-${pair#*/}" "${pair#*/}" $hosts --service "$service"
done
await
checked=0
for pair in $pairs; do
	took "service-${pair%/*}-${pair#*/}"
	expect "service ${pair%/*} in ${pair#*/}" 0 "^reached      ${pair#*/}[:;]? " '^reached\?? .* judged, 0 violations$'
	is "service ${pair%/*} in ${pair#*/}: each" \
		"$(lines "$work/service-${pair%/*}-${pair#*/}.out" "^reached      ${pair#*/}: ")" "$families"
	checked=$((checked + 1))
done
is 'all services and states there are' "$checked" 41
drive FIN-WAIT-2 "$target" --service daytime
expect 'without an agent the state may be likely only' 0 'or still FIN-WAIT-1, should what' '^reached\? '
drive --json FIN-WAIT-2 "$target" --service daytime
expect 'JSON: likely, and no word of the system' 0 '"driver":"service daytime"' \
	'"goal":"FIN-WAIT-2","certainty":"likely","verified_states":\["FIN-WAIT-1","FIN-WAIT-2"\],"target_isn"'
drive FIN-WAIT-2 "$target:80" --service 'send="GET / HTTP/1.0\r\n\r\n",then=closes-first'
expect 'a service that is described' 0 '^answer +HTTP/1' '^reached      FIN-WAIT-2: '
drive LAST-ACK "$target:7" --service 'send="hello, echo",then=closes-on-eof'
expect 'another' 0 '^reached      LAST-ACK: '

# What the description promises does not happen.
begin wrong-first --timeout 1 FIN-WAIT-2 "$target:7" --service then=closes-first
begin wrong-last --timeout 1 LAST-ACK "$target:9" --service then=closes-on-eof
begin wrong-open CLOSE-WAIT "$target:7" --service then=keeps-open
begin wrong-port ESTABLISHED "$target" --service echo:1
await
for name in wrong-first wrong-last; do
	took "$name"
	expect "$name" 4 "the target's application did not close its half within the timeout" '^inconclusive '
done
took wrong-open
expect 'wrong-open' 4 'LAST-ACK' '^inconclusive '
took wrong-port
expect 'wrong-port' 4 '^opened +closed, refused correctly' 'not ESTABLISHED: nobody listens on port' \
	'^inconclusive '
ok 'services: no connection is left on the target' wait_until none_left

# --- Commands ---

# An application that does as it is told over a socket of its own, named after the prober's port.
cat >"$work/application.py" <<'END'
import os
import socket
import sys
import time

verb, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ':' in address else socket.AF_INET
control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = os.environ['work'] + '/application-'
if verb == 'close':
    for _ in range(600):
        try:
            control.sendto(b'close', name + str(port))
            break
        except FileNotFoundError:
            time.sleep(0.05)
    else:
        sys.exit('there is no such connection')
    sys.exit()
connection = socket.socket(family)
if verb == 'listen':
    connection.bind((address, port))
    connection.listen()
    if os.fork():
        sys.exit()
    connection, peer = connection.accept()
    port = peer[1]
    control.bind(name + str(port))
else:
    control.bind(name + str(port))
    connection.connect((address, port))
control.recv(10)
connection.shutdown(socket.SHUT_WR)
while True:
    time.sleep(1000)
END
application="$on python3 '$work/application.py'"
port=12000 # and up: none that a system picks by itself
# by_commands NAME STATE OPENER HOST
by_commands() {
	port=$((port + 1))
	set -- "$1" "$2" "$3" "$4" --on-close "$application close %h %p"
	case $3 in
	passive) set -- "$@" --on-listen "$application listen %h %p" ;;
	*) set -- "$@" --on-connect "$application connect %h %p" ;;
	esac
	by_name=$1 by_state=$2 by_opener=$3 by_host=$4
	shift 4
	[ "$by_opener" != passive ] || by_host=$by_host:$port
	begin "$by_name" --timeout 20 --open "$by_opener" "$by_state" "$by_host" "$@"
}
states_by_commands='CLOSED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT'
for host in $hosts; do
	for state in $states_by_commands; do
		by_commands "commands-$state-passive-$host" "$state" passive "$host"
		by_commands "commands-$state-active-$host" "$state" active "$host"
	done
	by_commands "commands-SYN-SENT-active-$host" SYN-SENT active "$host"
	by_commands "commands-LISTEN-passive-$host" LISTEN passive "$host"
	by_commands "commands-ESTABLISHED-simultaneous-$host" ESTABLISHED simultaneous "$host"
done
await
for host in $hosts; do
	for state in $states_by_commands; do
		for opener in passive active; do
			took "commands-$state-$opener-$host"
			expect "commands: $state by $opener open, $host" 0 '^driver +commands$' "^reached      $state: "
		done
	done
	for name in SYN-SENT-active LISTEN-passive ESTABLISHED-simultaneous; do
		took "commands-$name-$host"
		expect "commands: $name, $host" 0 "^reached      ${name%-*}: "
	done
done
nothing_left 'commands'
ok 'commands: no connection is left on the target' wait_until none_left

drive ESTABLISHED "$target:42999" --on-listen 'exit 7'
expect 'a command that fails' 3 'the command for --on-listen ended with status 7' '^error '
drive ESTABLISHED "$target" --on-connect 'exit 8'
expect 'a command that fails to connect' 3 'the command for --on-connect ended with status 8'
drive FIN-WAIT-2 "$target:7" --on-listen true --on-close 'kill -KILL $$'
expect 'a command that is killed' 3 'the command for --on-close was ended by signal 9 \(Killed\)'
drive FIN-WAIT-2 "$target:7" --on-listen true --on-close './no-such-command 2>/dev/null'
expect 'a command that is not there' 3 'the command for --on-close ended with status 127'
drive --timeout 0.5 FIN-WAIT-2 "$target:7" --on-listen true --on-close 'sleep 1000'
expect 'a command that does not end' 3 'the command for --on-close did not end in time'
drive --timeout 0.5 ESTABLISHED "$target" --on-connect true
expect 'a command that connects nothing' 4 'no SYN came from the target'
drive --timeout 1 FIN-WAIT-2 "$target:7" --on-listen true --on-close true
expect 'a command that closes nothing' 4 'did not close its half within the timeout'
drive --json ESTABLISHED "$target:7" --on-listen true
expect 'JSON: commands' 0 '"driver":"commands"' '"goal":"ESTABLISHED","certainty":"likely"|"certainty":"certain"'
nothing_left 'commands that fail'
ok 'commands that fail: no connection is left on the target' wait_until none_left

# --- Agents, and ways to them ---

# start_agent COMMAND...: sets agent to its number, and returns when it has said that it listens
start_agent() {
	rm -f "$work/agent"
	"$@" >"$work/agent" 2>"$work/agent.err" </dev/null &
	agent=$!
	wait_until grep -q '^finwait-agent: ' "$work/agent" ||
		fail "an agent starts: $*" "$(cat "$work/agent" "$work/agent.err")"
}

end_agent() {
	kill "$agent"
	wait "$agent" 2>/dev/null
}

(umask 077 && echo correct-horse-battery >"$work/token" && echo wrong-horse-battery. >"$work/other" &&
	echo short >"$work/short" && : >"$work/empty" && mkdir "$work/directory")
cp "$work/token" "$work/open"
chmod 644 "$work/open"

ways() {
	for state in LISTEN ESTABLISHED CLOSING TIME-WAIT; do
		drive "$state" "$@"
		expect "$way: $state" 0 "^reached      $state: " '^reached .* judged, 0 violations$'
	done
	ok "$way: no connection is left on the target" wait_until none_left
}

for program in ./finwait-agent "python3 $agent_py"; do
	way="$program over unix:"
	start_agent $on $program --unix "$work/socket"
	ways "$target" --agent "unix:$work/socket"
	end_agent
	way="$program over exec:"
	ways "$target" --agent "exec:$on $program --stdio"
	way="$program over tcp: with a token"
	start_agent $on $program --listen "$target" --token-file "$work/token"
	ways "$target" --agent "tcp:$target:7930" --agent-token "$work/token"
	drive ESTABLISHED "$target" --agent "tcp:$target:7930" --agent-token "$work/other"
	expect "$way that is wrong" 3 'token'
	drive ESTABLISHED "$target" --agent "tcp:$target:7930"
	expect "$way that is missing" 3 'token'
	wait_until none_left
	end_agent
	way="$program over tcp: without a token"
	start_agent $program
	drive ESTABLISHED 127.0.0.1 --agent tcp:127.0.0.1:7930
	expect "$way" 0 '^reached      ESTABLISHED: ' "the target's system says ESTABLISHED"
	if [ "$families" = 2 ]; then
		drive ESTABLISHED '[::1]' --agent 'tcp:[::1]:7930'
		expect "$way, IPv6" 0 '^reached      ESTABLISHED: ' "the target's system says ESTABLISHED"
	fi
	end_agent
done

# --- Agents that go ---

# hold AGENT [OPTION...]: begins a drive that would hold a connection for long; sets pid, and returns when the
# target has the connection
hold() {
	port=$((port + 1))
	held_by=$1
	shift
	MARK=$mark env --default-signal ./finwait drive --no-color --hold 1000 --source "198.18.0.1:$port" FIN-WAIT-2 \
		"$target" --agent "$held_by" "$@" >"$work/out" 2>"$work/err" </dev/null &
	pid=$!
	wait_until held || fail "the target has the connection: $held_by"
}

held() {
	on_target cat /proc/net/tcp | grep -q ":$(printf %04X "$port") 05 "
}

# let_go: until the drive has ended; sets status, out, err
let_go() {
	wait "$pid" 2>/dev/null
	status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}

# all_gone NAME
all_gone() {
	nothing_left "$1"
	ok "$1: no connection is left on the target" wait_until none_left
}

hold "exec:echo \$\$ >'$work/number'; exec ${FINWAIT_AGENT#exec:}"
is 'while it is held finwait, its helper and the agent run' "$(marked | wc -l)" 3
kill -KILL "$(cat "$work/number")"
let_go
expect 'an agent that is killed' 3 '^stopped .*agent' '^error '
all_gone 'an agent that is killed'

start_agent $on ./finwait-agent --unix "$work/socket"
hold "unix:$work/socket"
kill -KILL "$agent"
wait "$agent" 2>/dev/null
start_agent $on ./finwait-agent --unix "$work/socket"
let_go
expect 'an agent over unix: that is started again' 3 '^stopped .*agent' '^error '
all_gone 'an agent over unix: that is started again'
drive CLOSING "$target" --agent "unix:$work/socket"
expect 'the new one serves' 0 '^reached      CLOSING: '
hold "unix:$work/socket"
kill -KILL "$pid"
let_go
all_gone 'finwait killed, an agent over unix:'
end_agent

start_agent $on ./finwait-agent --listen "$target" --token-file "$work/token"
hold "tcp:$target:7930" --agent-token "$work/token"
kill -KILL "$agent"
wait "$agent" 2>/dev/null
start_agent $on ./finwait-agent --listen "$target" --token-file "$work/token"
let_go
expect 'an agent over tcp: that is started again' 3 '^stopped .*agent' '^error '
drive CLOSING "$target" --agent "tcp:$target:7930" --agent-token "$work/token"
expect 'the new one serves over tcp:' 0 '^reached      CLOSING: '
all_gone 'an agent over tcp: that is started again'
hold "tcp:$target:7930" --agent-token "$work/token"
kill -KILL "$pid"
let_go
all_gone 'finwait killed, an agent over tcp:'
end_agent

# meddle NUMBER WHAT AGENT...: stands between finwait and its agent, and when the state is asked for the NUMBERth
# time does WHAT before the agent gets to know
cat >"$work/meddle" <<'END'
number=$1 what=$2
shift 2
mkfifo "$work/to.$$"
"$@" <"$work/to.$$" &
agent=$!
exec 3>"$work/to.$$"
while IFS= read -r line; do
	case $line in
	*' state '*)
		number=$((number - 1))
		[ "$number" -ne 0 ] || eval "$what"
		;;
	esac
	printf '%s\n' "$line" >&3
done
END
meddled="exec:exec sh '$work/meddle'"
begin stopped-first FIN-WAIT-2 "$target" --agent "$meddled 1 'kill -STOP \$agent' ${FINWAIT_AGENT#exec:}"
begin stopped-held --hold 0.2 FIN-WAIT-2 "$target" --agent "$meddled 2 'kill -STOP \$agent' ${FINWAIT_AGENT#exec:}"
begin killed-first FIN-WAIT-2 "$target" --agent "$meddled 1 'kill -KILL \$agent' ${FINWAIT_AGENT#exec:}"
begin killed-held --hold 0.2 FIN-WAIT-2 "$target" --agent "$meddled 2 'kill -KILL \$agent' ${FINWAIT_AGENT#exec:}"
begin cut --hold 0.2 FIN-WAIT-2 "$target" \
	--agent "$meddled 2 'exec >&- 3>&-; exec sleep 1000' ${FINWAIT_AGENT#exec:}"
await
for name in stopped-first stopped-held; do
	took "$name"
	expect "$name: an agent that hangs" 3 '^stopped .*does not answer' '^error '
done
for name in killed-first killed-held cut; do
	took "$name"
	expect "$name" 3 '^stopped .*agent' '^error '
done
all_gone 'agents that go'

# One agent, several connections.
several() {
	[ "$(on_target cat /proc/net/tcp /proc/net/tcp6 | grep -c ' 05 0000')" -eq "$((2 * families))" ]
}
begin several --hold 1000 FIN-WAIT-2 $hosts $hosts \
	--agent "exec:echo \$\$ >'$work/number'; exec ${FINWAIT_AGENT#exec:}"
ok 'several connections are held' wait_until several
kill -KILL "$(cat "$work/number")"
await
took several
expect 'several connections, their agent killed' 3 \
	"^$((2 * families)) connections: 0 reached, 0 violate, 0 inconclusive, $((2 * families)) errors"
all_gone 'several connections, their agent killed'

# --- finwait that goes ---

for signal in INT TERM HUP QUIT; do
	hold "$FINWAIT_AGENT"
	kill "-$signal" "$pid"
	let_go
	expect "SIG$signal" 3 'interrupted' '--- R +1'
	all_gone "SIG$signal"
done
hold "$FINWAIT_AGENT"
kill -KILL "$pid"
let_go
is 'finwait killed' "$status" 137
all_gone 'finwait killed'
hold 'exec:'"$on"' python3 '"$agent_py"' --stdio'
kill -KILL "$pid"
let_go
all_gone 'finwait killed, the agent in Python'

# --- Bad input ---

# refused STATUS PATTERN COMMAND...: of finwait: one line that names the thing
refused() {
	refused_status=$1
	refused_pattern=$2
	shift 2
	run ./finwait "$@"
	is "$*: exit $refused_status" "$status" "$refused_status"
	like "$*: says $refused_pattern" "$err" "$refused_pattern"
	is "$*: in one line" "$(wc -l <"$work/err")" 1
	is "$*: and nothing else" "$out" ''
}

refused 2 'a state and a target are needed' drive
refused 2 'a state and a target are needed' drive ESTABLISHED
refused 2 'did you mean FIN-WAIT-' drive FINWAIT3 "$target" --service daytime
refused 2 'no state of RFC 9293' drive '' "$target" --service daytime
refused 2 'no state of RFC 9293' drive FIN-WAIT- "$target" --service daytime
refused 2 'SYN-SENT is not reached by a passive open' drive --open passive SYN-SENT "$target" --service echo
refused 2 'SYN-SENT is not reached by a simultaneous open' drive --open simultaneous SYN-SENT "$target" --service echo
refused 2 'LISTEN is not reached by an active open' drive --open active LISTEN "$target" --service echo
refused 2 'sideways' drive --open sideways LISTEN "$target" --service echo
refused 2 'nobody can make the target act: give an --agent' drive ESTABLISHED "$target:7"
refused 2 'one driver at a time' drive ESTABLISHED "$target" --service echo --agent "$FINWAIT_AGENT"
refused 2 'one driver at a time' drive ESTABLISHED "$target" --service echo --on-close true
refused 2 'one driver at a time' drive ESTABLISHED "$target" --agent "$FINWAIT_AGENT" --on-connect true
refused 2 'close first, which service echo cannot' drive FIN-WAIT-2 "$target" --service echo
refused 2 'close last, which service daytime cannot' drive LAST-ACK "$target" --service daytime
refused 2 'connect, which service echo cannot' drive SYN-SENT "$target" --service echo
refused 2 'listen, which commands cannot' drive ESTABLISHED "$target:7" --on-close true
refused 2 'close first, which commands cannot' drive FIN-WAIT-2 "$target:7" --on-listen true
refused 2 'names no port' drive ESTABLISHED "$target" --service close-on-eof
refused 2 'names no port' drive ESTABLISHED "$target" --service then=keeps-open
refused 2 'names no port' drive ESTABLISHED "$target" --on-listen true
refused 2 'needs a state in which data may go' drive --transfer 1 CLOSING "$target" --agent "$FINWAIT_AGENT"
refused 2 'send, receive, which service echo cannot' drive --transfer 1 ESTABLISHED "$target" --service echo
refused 2 'transfer' drive --transfer 8388609 ESTABLISHED "$target" --agent "$FINWAIT_AGENT"
refused 2 'transfer' drive --transfer -1 ESTABLISHED "$target" --agent "$FINWAIT_AGENT"
refused 2 'hold' drive --hold -1 ESTABLISHED "$target" --agent "$FINWAIT_AGENT"
refused 2 'hold' drive --hold nan ESTABLISHED "$target" --agent "$FINWAIT_AGENT"
refused 2 "'nosuch' is no service" drive ESTABLISHED "$target" --service nosuch
refused 2 "'0' is no port" drive ESTABLISHED "$target" --service echo:0
refused 2 "'65536' is no port" drive ESTABLISHED "$target" --service echo:65536
refused 2 'say what it does then' drive ESTABLISHED "$target:7" --service 'send="x"'
refused 2 "'then=dances' is none of" drive ESTABLISHED "$target:7" --service then=dances
refused 2 'escape' drive ESTABLISHED "$target:7" --service 'send="\q",then=keeps-open'
refused 2 'is no way to an agent' drive ESTABLISHED "$target" --agent ftp:x
refused 2 'is no way to an agent' drive ESTABLISHED "$target" --agent ''
refused 2 'names no host' drive ESTABLISHED "$target" --agent tcp:
refused 2 'names no port' drive ESTABLISHED "$target" --agent tcp:127.0.0.1
refused 2 'in brackets' drive ESTABLISHED "$target" --agent tcp:::1:7930
refused 2 '99999' drive ESTABLISHED "$target" --agent tcp:127.0.0.1:99999
refused 2 'names no path' drive ESTABLISHED "$target" --agent unix:
refused 2 'too long' drive ESTABLISHED "$target" --agent "unix:/$(printf %0120d 0)"
refused 2 'names no command' drive ESTABLISHED "$target" --agent exec:
refused 2 '%q in a command is not known' drive ESTABLISHED "$target" --agent 'exec:%q'
refused 2 'a command is empty' drive ESTABLISHED "$target:7" --on-listen ' '
refused 3 'none is known' drive ESTABLISHED "$target" --agent 'exec:echo %p'
refused 3 'Connection refused' drive ESTABLISHED "$target" --agent tcp:127.0.0.1:7930
refused 3 'nosuch\.invalid' drive ESTABLISHED "$target" --agent tcp:nosuch.invalid:7930
refused 3 'No such file' drive ESTABLISHED "$target" --agent "unix:$work/nonexistent"
refused 3 'its command ended with status 5' drive ESTABLISHED "$target" --agent 'exec:exit 5'
refused 3 'is no finwait-agent .*hello world' drive ESTABLISHED "$target" --agent 'exec:echo hello world'
# An agent for a system without shutdown().
sed "s/can={\",\".join(can)}/can={\",\".join(w for w in can if w != \"shutdown\")}/" "$agent_py" >"$work/poor.py"
refused 3 'needs an application that can close first, which .* cannot on its system' drive CLOSING "$target" \
	--agent "exec:$on python3 '$work/poor.py' --stdio"
refused 2 'goes with --agent' drive ESTABLISHED "$target" --service echo --agent-token "$work/token"
refused 3 'cannot be read' drive ESTABLISHED "$target" --agent tcp:127.0.0.1:7930 --agent-token "$work/nonexistent"
refused 3 'not a regular file' drive ESTABLISHED "$target" --agent tcp:127.0.0.1:7930 --agent-token "$work/directory"
refused 3 'chmod 600' drive ESTABLISHED "$target" --agent tcp:127.0.0.1:7930 --agent-token "$work/open"
refused 3 'shorter than 16' drive ESTABLISHED "$target" --agent tcp:127.0.0.1:7930 --agent-token "$work/short"
refused 3 'shorter than 16' drive ESTABLISHED "$target" --agent tcp:127.0.0.1:7930 --agent-token "$work/empty"
refused 3 'its command ended with status 5' list checks --agent 'exec:exit 5'
refused 2 'a driver tells about checks only' list services --agent "$FINWAIT_AGENT"

run ./finwait list checks --agent "$FINWAIT_AGENT"
expect 'an agent enables all checks' 0 '^drive/time-wait/simultaneous  '
unlike 'an agent enables all checks: none is skipped' "$out" 'skipped'
run ./finwait list checks --service echo
expect 'a service enables some checks' 0 '^drive/last-ack/passive +our FIN' \
	'^drive/fin-wait-2/passive +skipped: needs an application that can close first$'
run ./finwait list services
is 'the services there are' "$(printf '%s\n' "$out" | grep -c '^ *reaches ')" 7

# --- An ordinary user ---

if have_user; then
	run as_user ./finwait-lab -- sh -c './finwait drive --no-color --transfer 10000 ESTABLISHED "$FINWAIT_TARGET" --agent "$FINWAIT_AGENT"'
	expect 'an ordinary user, in a lab of its own' 0 '^(to|from) target +10000 bytes arrived' \
		"the target's system says ESTABLISHED" '^reached .* 0 violations'
	run as_user ./finwait-lab -- sh -c './finwait drive --no-color CLOSING "$FINWAIT_TARGET" --service daytime'
	expect 'an ordinary user, a service' 0 '^reached'
else
	skip 'an ordinary user, in a lab of its own' 'no other user to become'
fi
is 'no connection is left on the target at the end' "$(connections)" 0
ok 'no process is left' wait_until sh -c '! pgrep -x finwait'
done_testing
