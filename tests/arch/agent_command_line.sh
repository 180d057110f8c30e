#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The command line of finwait-agent: help, version, options that do not go together, what it prints when it
# listens, how it ends.
program=./finwait-agent
# shellcheck source=tests/arch/expect.sh
. "${srcdir-.}/tests/arch/expect.sh"
running=
trap 'for pid in $running; do kill "$pid" 2>/dev/null; done; rm -rf "$top"' EXIT

# start ARGUMENT...: in the background, until it has printed $1 lines, which then are in $top/all
start() {
	lines=$1
	shift
	rm -f "$top/said"
	mkfifo "$top/said"
	"$program" "$@" >"$top/said" 2>"$top/err" &
	pid=$!
	running="$running $pid"
	exec 3<"$top/said"
	: >"$top/all"
	while [ "$lines" -gt 0 ] && read -r line <&3; do
		echo "$line" >>"$top/all"
		lines=$((lines - 1))
	done
}

# ends SIGNAL NAME: by this signal, with status 0
ends() {
	kill -s "$1" "$pid"
	wait "$pid"
	result $? "$2" 'the exit status is not 0'
	exec 3<&-
}

expect '--help' 0 'Services, by port' --help
! grep -qE '^.{80}' "$top/out"
result $? 'the help fits in 80 columns' 'a line is too long'
expect '--version' 0 'finwait-agent ' --version
expect 'unknown option' 2 "Try 'finwait-agent --help'" --nothing
expect 'operand' 2 'no operands' --stdio operand
expect '--stdio and --unix' 2 'exclude each other' --stdio --unix "$top/socket"
for option in --port=0 --token-file=x --allow=127.0.0.1; do
	expect "--stdio and $option" 2 'not for --stdio' --stdio "$option"
	expect "--unix and $option" 2 'not for --stdio or --unix' --unix "$top/socket" "$option"
done
expect '--stdio and --listen' 2 'not for --stdio or --unix' --stdio --listen 127.0.0.1
expect '--port-base alone' 2 '--port-base is for --services' --port-base 1
expect '--services and --allow' 2 'say --port, --token-file, --unix or --stdio too' --services --allow 127.0.0.1
expect '--services and --idle' 2 'say --port, --token-file, --unix or --stdio too' --services --idle 1
for address in 0.0.0.0 :: 127.0.0.1/7; do
	expect "--listen $address without a token" 2 'give it a --token-file' --listen 127.0.0.1 --listen $address
done
expect '--services and an agent without a token' 2 'give it a --token-file' --services --listen 0.0.0.0 --port 0
expect '--port: no number' 2 '--port must be' --port x
expect '--port: too high' 2 '--port must be' --port 65536
expect '--idle: zero' 2 '--idle must be' --idle 0
expect '--allow: no network' 2 '--allow must be' --allow 127.0.0.1/33
expect '--port-base: too high' 2 '--port-base must be' --services --port-base 65000
expect 'no token file' 3 "$top/none" --port 0 --token-file "$top/none"
echo 0123456789abcdef >"$top/token"
chmod 644 "$top/token"
expect 'open token file' 3 'chmod 600' --port 0 --token-file "$top/token"
chmod 600 "$top/token"
echo mine >"$top/mine"
expect 'a path that is taken' 3 'not a socket' --unix "$top/mine"

printf '1 hello version=1\n2 name socket=1\n' >"$top/requests"
"$program" --stdio <"$top/requests" >"$top/all" 2>&1
result $? '--stdio ends with its input' "exit status $?"
grep -q '^hello finwait-agent 1 ' "$top/all" && grep -q '^1 ok$' "$top/all" && grep -q '^2 error EBADF ' "$top/all"
result $? '--stdio: replies' 'they are missing'

# Closed, its number must not go to a descriptor of the agent's own, which it would wait for.
timeout 30 "$program" --stdio <&- >"$top/all" 2>&1
result $? '--stdio with standard input closed ends' "exit status $?"

start 1 --port 0
grep -qE '^finwait-agent: agent on 127\.0\.0\.1(, ::1)? port [0-9]+$' "$top/all"
result $? 'default addresses' 'another line'
ends TERM 'SIGTERM'
start 1 --listen 127.0.0.2 --token-file "$top/token" --port 0
grep -qE '^finwait-agent: agent on 127\.0\.0\.2 port [0-9]+$' "$top/all"
result $? '--listen' 'another line'
ends TERM 'SIGTERM again'
start 1 --unix "$top/socket"
grep -qxF "finwait-agent: agent on $top/socket" "$top/all" && [ -S "$top/socket" ]
result $? '--unix' 'another line, or no socket'
ends TERM 'SIGTERM with --unix'
[ ! -e "$top/socket" ]
result $? 'the unix socket is gone' 'it is still there'

# Services and agent together: found free by trying, as others may use the ports.
for base in 21000 23000 25000 27000 29000 31000; do
	start 2 --services --port-base $base --unix "$top/socket"
	[ "$(wc -l <"$top/all")" = 2 ] && break
	wait "$pid"
done
grep -q '^finwait-agent: services on ' "$top/all" && grep -q '^finwait-agent: agent on ' "$top/all"
result $? '--services and --unix' 'two other lines'
expect 'ports that are taken' 3 'in use; another --port-base avoids' --services --port-base $base --stdio
ends TERM 'SIGTERM with both'
"$program" --services --port-base $base --stdio <"$top/requests" >"$top/all" 2>"$top/err"
result $? 'the ports are free again; --services and --stdio' "exit status $?"
grep -q '^finwait-agent: services on ' "$top/err" && [ "$(head -c 6 "$top/all")" = 'hello ' ]
result $? 'over --stdio, standard output is the protocol' 'something else'
echo "1..$number"
