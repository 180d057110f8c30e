#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The lab itself: what COMMAND finds in it, as root and as an ordinary user, and that nothing remains.
# shellcheck disable=SC2016,SC2154,SC2317 # variables for the shell inside the lab; set by run; called by name
. "${srcdir-.}/tests/lab/lab.sh"

machine_state() {
	ip -oneline address show
	ip -oneline link show | sed 's/ qlen .*//'
	ip route show
	ip rule show
}

# --- The command line, which needs no lab ---

run ./finwait-lab --help
is '--help succeeds' "$status" 0
like '--help tells the usage' "$out" '^Usage: finwait-lab '
run ./finwait-lab --version
like '--version prints one' "$out" '^finwait-lab [0-9]+\.[0-9]'
run ./finwait-lab --list
is '--list knows linux' "${out%% *}" linux
run ./finwait-lab --dut unknown -- true
is 'an unknown target: usage' "$status" 2
like 'an unknown target is named' "$err" "'unknown'"
run ./finwait-lab --dut
is 'no target: usage' "$status" 2
run ./finwait-lab --wrong
is 'an unknown option: usage' "$status" 2
like 'an unknown option is named' "$err" "'--wrong'"
run env -u FINWAIT_LAB_NET ./finwait-lab --on-target true
is '--on-target outside the lab: usage' "$status" 2

# A system that refuses, played by an unshare of ours.
mkdir "$work/refuse"
printf '#!/bin/sh\necho "unshare: unshare failed: Operation not permitted" >&2\nexit 1\n' >"$work/refuse/unshare"
chmod +x "$work/refuse/unshare"
run env PATH="$work/refuse:$PATH" ./finwait-lab -- true
is 'namespaces refused: exit 3' "$status" 3
is 'namespaces refused: one line' "$(wc -l <"$work/err")" 1
like 'namespaces refused: says so' "$err" '^finwait-lab: this system refuses namespaces \(unshare'
run env PATH="$work/refuse:$PATH" FINWAIT_REQUIRE_LAB=0 FINWAIT_LAB= sh -c '. "$srcdir/tests/lab/lab.sh"; need_lab'
is 'a refused lab skips a test' "$status" 0
like 'a refused lab skips a test, and says so' "$out" '^1\.\.0 # SKIP finwait-lab: '
run env PATH="$work/refuse:$PATH" FINWAIT_REQUIRE_LAB=1 FINWAIT_LAB= sh -c '. "$srcdir/tests/lab/lab.sh"; need_lab'
like 'a refused lab fails a test that requires it' "$out" '^not ok 1 '
run env PATH="$work/refuse:$PATH" FINWAIT_REQUIRE_LAB=0 FINWAIT_LAB= sh -c '. "$srcdir/tests/lab/lab.sh"; pass x; need_lab; fail y'
is 'a refused lab skips the rest of a test' "$(printf '%s' "$out" | sed 's/ #.*//' | tr '\n' '|')" \
	'ok 1 - x|ok 2 - all that needs a lab|1..2'

# --- Inside ---

need_lab

# inside AS WORDS...: the same for every way in; AS is in_lab or a function like it
inside() {
	as=$1
	shift
	run "$as" sh -c 'exit 42'
	is "$*: the exit status is passed on" "$status" 42
	run "$as" sh -c 'kill -TERM $$'
	is "$*: death by a signal too" "$status" 143
	run "$as" ./no-such-command
	is "$*: no such command" "$status" 127
	run "$as" printf '%s|' 'a b' '' '*' "'"
	is "$*: arguments arrive as they are" "$out" "a b||*|'|"
	echo input | "$as" cat >"$work/out"
	is "$*: standard input arrives" "$(cat "$work/out")" input
	run "$as" sh -c 'echo "$FINWAIT_LAB $FINWAIT_TARGET $FINWAIT_IF"'
	is "$*: the environment" "$out" '1 198.18.0.2 finwait0'
	run "$as" sh -c 'ip -oneline address show dev $FINWAIT_IF'
	like "$*: the prober's address" "$out" 'inet 198\.18\.0\.1/24 '
	run "$as" ./finwait-lab --on-target ip -oneline address show
	like "$*: the target's address" "$out" 'inet 198\.18\.0\.2/24 '
	unlike "$*: the prober's is not there" "$out" 'inet 198\.18\.0\.1/24 '
	run "$as" sh -c 'ip -oneline link show | grep -cv " lo:"'
	is "$*: no interface of the machine" "$out" 1
	run "$as" ./finwait-lab --on-target sh -c 'echo 7 >/proc/sys/net/ipv4/tcp_fin_timeout; cat /proc/sys/net/ipv4/tcp_fin_timeout'
	is "$*: the target's settings can be changed" "$out" 7
	run "$as" sh -c './finwait-lab --on-target sh -c "echo 7 >/proc/sys/net/ipv4/tcp_fin_timeout"; cat /proc/sys/net/ipv4/tcp_fin_timeout'
	unlike "$*: the prober's are not" "$out" '^7$'
	run "$as" sh -c '
		printf "%s\n" "1 hello version=1" "2 socket family=ipv4" "3 bind socket=1 local=$FINWAIT_TARGET:0" |
			sh -c "${FINWAIT_AGENT#exec:}"'
	like "$*: an agent on the target" "$out" '^3 ok local=198\.18\.0\.2:[1-9]'
	run "$as" ./finwait-lab -- sh -c './finwait-lab --on-target ip -oneline address show dev target0'
	like "$*: a lab in the lab" "$out" 'inet 198\.18\.0\.2/24 '
	run "$as" sh -c 'kill -9 $FINWAIT_LAB_AGENT_PID && ./finwait-lab --on-target ip -oneline link show dev target0'
	like "$*: the target's network outlives its agent" "$out" 'target0'
	if [ -e /proc/sys/net/ipv6 ]; then
		run "$as" sh -c 'echo "$FINWAIT_TARGET6"'
		is "$*: the IPv6 environment" "$out" 2001:db8:793::2
		run "$as" ip -6 -oneline address show dev finwait0 scope global
		like "$*: the prober's IPv6 address" "$out" 'inet6 2001:db8:793::1/64 '
		unlike "$*: usable at once" "$out" tentative
	fi
}

# As it is called by whoever runs the tests, by an ordinary user, in a user namespace, and where /proc cannot
# be mounted because part of it is covered, as in many containers.
in_lab_as_user() {
	as_user ./finwait-lab -- "$@"
}

in_lab_in_user_namespace() {
	unshare --user --map-root-user ./finwait-lab -- "$@"
}

in_lab_in_container() {
	unshare --user --map-root-user --mount sh -c '
		mount -t tmpfs -o ro none /proc/sys/kernel && exec unshare --user --map-root-user ./finwait-lab -- "$@"
	' sh "$@"
}

inside in_lab "user $(id -u)"
if [ "$(id -u)" = 0 ] && have_user && in_lab_as_user true 2>/dev/null; then
	inside in_lab_as_user 'ordinary user'
else
	skip 'ordinary user' 'not root, or ordinary users may make no lab here'
fi
if unshare --user --map-root-user true 2>/dev/null; then
	inside in_lab_in_user_namespace 'user namespace'
else
	skip 'user namespace' 'refused'
fi
if unshare --user --map-root-user --mount mount -t tmpfs none /proc/sys/kernel 2>/dev/null; then
	run in_lab_in_container sh -c 'mount -t proc none /proc'
	unlike 'container: /proc cannot be mounted' "$status" '^0$'
	inside in_lab_in_container container
else
	skip 'container' 'refused'
fi

# --- The services answer ---

# Connects with what every Debian has: bash's /dev/tcp.
if command -v bash >/dev/null 2>&1; then
	run in_lab bash -c 'exec 3<>"/dev/tcp/$FINWAIT_TARGET/7" && echo hello >&3 && head -n 1 <&3'
	is 'echo, from the first moment' "$out" hello
	run in_lab bash -c 'exec 3<>"/dev/tcp/$FINWAIT_TARGET/13" && cat <&3'
	like 'daytime' "$out" '[0-9]:[0-9][0-9]-UTC'
	run in_lab bash -c 'exec 3<>"/dev/tcp/$FINWAIT_TARGET/1"'
	like 'closed' "$err" 'Connection refused'
	if [ -e /proc/sys/net/ipv6 ]; then
		run in_lab bash -c 'exec 3<>"/dev/tcp/$FINWAIT_TARGET6/7" && echo hello >&3 && head -n 1 <&3'
		is 'echo over IPv6, from the first moment' "$out" hello
	fi
else
	skip 'services' 'no bash'
fi
run in_lab ./finwait-lab --on-target ss -Hltn src 198.18.0.2
is 'the target listens where it should' \
	"$(printf '%s\n' "$out" | sed 's/.*198\.18\.0\.2:\([0-9]*\) .*/\1/' | sort -n | tr '\n' ' ')" \
	'2 7 9 13 19 80 11009 '
if command -v ethtool >/dev/null 2>&1; then
	run in_lab ./finwait-lab --on-target ethtool -k target0
	for feature in tx-checksumming generic-segmentation-offload generic-receive-offload scatter-gather; do
		like "the target computes: $feature off" "$out" "^$feature: off"
	done
else
	skip 'offload' 'no ethtool'
fi

# --- Without a command ---

mkdir "$work/fake"
cp finwait-lab finwait-agent "$work/fake"
printf '#!/bin/sh\necho "fake finwait $*"\nexit 4\n' >"$work/fake/finwait"
chmod +x "$work/fake/finwait"
run "$work/fake/finwait-lab"
is 'without a command it probes echo' "$status $out" '4 fake finwait probe 198.18.0.2:7'
ln -s "$work/fake/finwait-lab" "$work/link"
run "$work/link" -- finwait x
is 'through a link it finds what is beside it' "$out" 'fake finwait x'
odd="$work/it's 100% \"odd\" \$HOME"
mkdir "$odd"
cp finwait finwait-lab finwait-agent "$odd"
run "$odd/finwait-lab" -- sh -c 'finwait drive -q CLOSED "$FINWAIT_TARGET" --agent "$FINWAIT_AGENT"'
is 'the agent is found whatever its path' "$status${out%% *}" 0reached

# --- Nothing remains ---

# ended_by SIGNAL NAME STATUS: a lab whose script is killed leaves nothing, even what ignores every signal.
# Under nohup SIGHUP is ignored by all of us, and a shell cannot take that back; env of GNU can.
heard=
if env --default-signal=HUP true 2>/dev/null; then
	heard='env --default-signal=HUP'
fi
ended_by() {
	rm -f "$work/started"
	MARK=$mark $heard ./finwait-lab -- sh -c '
		trap "" HUP INT TERM
		sleep 1000 &
		echo >"$1/started"
		sleep 1000' sh "$work" &
	lab=$!
	ok "$2: the lab runs" wait_until test -e "$work/started"
	ok "$2: its processes are seen" some_marked
	kill "-$1" "$lab"
	wait "$lab" 2>/dev/null
	ended=$?
	nothing_left "$2"
	is "$2: the script died of it" "$ended" "$3"
}

before=$(machine_state)
run env MARK="$mark" ./finwait-lab -- sh -c '(trap "" HUP TERM; sleep 1000) & exit 0'
nothing_left 'the end'
ended_by TERM 'SIGTERM' 143
ended_by KILL 'kill -9' 137
ended_by HUP 'SIGHUP' 129

# Ctrl-C as a terminal sends it: to all of a process group. What a script starts in the background has
# SIGINT ignored; env undoes that.
interrupt() {
	rm -f "$work/started"
	MARK=$mark setsid env --default-signal=INT ./finwait-lab -- sh -c "$1" sh "$work" &
	lab=$!
	ok 'Ctrl-C: the lab runs' wait_until test -e "$work/started"
	kill -INT "-$lab"
	wait "$lab" 2>/dev/null
	ended=$?
	nothing_left 'Ctrl-C'
}
if env --default-signal=INT true 2>/dev/null; then
	interrupt '
		trap "echo tidied >\"$1/tidied\"; exit 5" INT
		echo >"$1/started"
		while :; do sleep 0.1; done'
	is 'Ctrl-C: the command may tidy up' "$(cat "$work/tidied" 2>&1)" tidied
	is 'Ctrl-C: and its exit status counts' "$ended" 5
	interrupt 'echo >"$1/started"; exec sleep 1000'
	is 'Ctrl-C: the script dies as the command does' "$ended" 130
else
	skip 'Ctrl-C' 'env has no --default-signal'
fi
is 'the machine is as it was' "$(machine_state)" "$before"

done_testing
