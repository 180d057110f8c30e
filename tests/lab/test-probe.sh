#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# finwait probe in the lab: real targets, lying targets, bad input, and that nothing is left behind.
# shellcheck disable=SC2016,SC2154,SC2317 # variables for the shell inside the lab; set by run; called by name
. "${srcdir-.}/tests/lab/lab.sh"
enter_lab "$0" "$@"

LC_ALL=C
export LC_ALL
target=$FINWAIT_TARGET
target6="[$FINWAIT_TARGET6]"
liar=198.18.0.66
liar6='[2001:db8:793::66]'

# probe ARGUMENT...: sets status, out, err
probe() {
	run ./finwait probe --no-color "$@"
}

# --- A real target, Linux: each way to close, IPv4 and IPv6 ---

for host in "$target" "$target6"; do
	probe "$host:7"
	expect "fin to echo on $host" 0 'SYN-SENT .* SYN-RECEIVED' 'TIME-WAIT .* LAST-ACK +ok' \
		'^closed +FIN counted' '^opened +answer in .*RFC 9293 3\.5' '^conforms +[23] answers judged, 0 violations'
	probe --timeout 1 "$host:9"
	expect "fin to discard on $host" 0 'keeps its half open: legal' 'FIN-WAIT-2 .* CLOSE-WAIT +ok'
	probe --send 'hello\r\n' --close half "$host:7"
	expect "half-close of echo on $host" 0 '^half-closed +FIN counted' '^answer +hello'
	probe --close half --timeout 0.5 "$host:19"
	expect "half-close of chargen on $host" 0 '^half-closed .*still sends \(167772|^half-closed .*still sends'
	probe --close wait "$host:13"
	expect "wait for daytime on $host" 0 'the target closed first' 'LAST-ACK .* TIME-WAIT'
	probe --close wait --timeout 0.3 "$host:11009"
	expect "wait for a sink on $host" 4 'did not close first within the timeout: legal'
	probe --close simultaneous "$host:13"
	expect "simultaneous close with daytime on $host" 0 'simultaneous close' 'FIN-WAIT-1 .* CLOSING'
	probe --close simultaneous --timeout 0.3 "$host:7"
	expect "simultaneous close with echo on $host" 4 'try a service that does'
	probe --close rst "$host:7"
	expect "reset on $host" 0 '^reset +obeyed'
	probe --close none "$host:7"
	expect "no close on $host" 0 '^opened' 'CLOSED +--- R +1 '
	probe --send 'GET / HTTP/1.0\r\n\r\n' "$host:80"
	expect "http on $host" 0 'the target had closed first' '^answer +HTTP/1\.[01] 200'
	probe "$host:1"
	expect "closed port on $host" 0 'refused correctly: RST, SEQ 0, ACK = ISN\+1' '^closed +1 answer judged'
	probe --timeout 0.3 "$host:2"
	expect "filtered port on $host" 4 'no answer to 1 SYN in' '^inconclusive'
done
ok 'no connection is left on the target' wait_until none_left

# --- Exit status as an answer ---

for case in 'open 7 0' 'closed 7 1' 'silent 7 1' 'open 1 1' 'closed 1 0' 'silent 2 0' 'open 2 1'; do
	# shellcheck disable=SC2086 # three words
	set -- $case
	probe -q --timeout 0.3 --expect "$1" "$target:$2"
	is "--expect $1 of port $2" "$status" "$3"
done

# --- Options ---

probe --isn 4294967295 --seed 7 --send 0123456789 "$target:7"
expect 'an ISN at the wrap' 0 'isn 4294967295' 'seed 0x7' '10 bytes sent and acknowledged, 10 received'
probe --seed 42 "$target:7"
first=$(printf '%s\n' "$out" | grep -E '^(seed|finwait)')
probe --seed 42 "$target:7"
is 'a seed repeats numbers and ports' "$(printf '%s\n' "$out" | grep -E '^(seed|finwait)')" "$first"
probe --syn-options none "$target:7"
expect 'no options' 0 'offered none; answered mss 1460$'
probe --syn-options mss=536,ts "$target:7"
expect 'some options' 0 'offered mss 536 TS; answered mss 1460 TS$'
probe -v --ttl 3 --window 1000 "$target:7"
expect 'verbose' 0 'kept: checksum flags' '<mss 1460,sackOK,TS val' '^ISNs'
probe -c 3 --interval 0 -q "$target:7" "$target6:13" "$target:1"
expect 'several probes of several targets' 0 '9 probes: 9 conform, 0 violate'
is 'one line each' "$(printf '%s\n' "$out" | grep -c opened)" 9
probe --source 198.18.0.1:40001 -c 2 --interval 0 -q "$target:7"
expect 'a fixed port, twice' 0 '2 probes: 2 conform'
probe -i "$FINWAIT_IF" -4 "$target:7"
expect 'an interface' 0 '^conforms'
probe --close wait -w "$work/probe.pcap" "$target:13"
expect 'writing a pcap file' 0 '^conforms'
if command -v tcpdump >/dev/null; then
	# As user 0 of a namespace tcpdump wants to become another user, who does not exist there.
	captured=$(tcpdump -Z root -nr "$work/probe.pcap" 2>/dev/null ||
		unshare --user --map-user=1000 --map-group=1000 tcpdump -nr "$work/probe.pcap")
	is 'the pcap file has every segment of the ladder' "$(printf '%s\n' "$captured" | grep -c Flags)" \
		"$(printf '%s\n' "$out" | grep -Ec '(---|<--) ')"
	like 'the pcap file has our SYN' "$captured" 'Flags \[S\]'
else
	skip 'reading the pcap file' 'no tcpdump'
fi
probe --json -v "$target:7"
expect 'JSON Lines' 0 '^\{"type":"run","schema":1,' '^\{"type":"result","name":"probe/close-fin"' \
	'"verdict":"pass","reach":"open"' '^\{"type":"segment".*"target_states":\[("CLOSING",)?"LAST-ACK"\]' \
	'^\{"type":"summary","pass":1'
is 'JSON Lines and nothing else' "$(printf '%s\n' "$out" | grep -vc '^{"type":')" 0
probe --report "jsonl:$work/r.jsonl" --report "text:$work/r.txt" --report "tap:$work/r.tap" "$target:7"
expect 'reports to files' 0 '^conforms'
like 'the jsonl report' "$(cat "$work/r.jsonl")" '^\{"type":"summary"'
like 'the text report' "$(cat "$work/r.txt")" '^conforms'
like 'the TAP report' "$(cat "$work/r.tap")" '^ok - probe/close-fin '
is 'the TAP report: the plan' "$(tail -n 1 "$work/r.tap")" 1..1
probe --report tap:- --expect=closed "$target:7"
expect 'TAP: not as expected' 1 '^not ok - probe/close-fin [0-9.:]+$' '^  expectation: "closed, found open"$'
probe --report tap:- --expect=closed "$target:1"
expect 'TAP: as expected' 0 '^ok - probe/close-fin [0-9.:]+$'
probe "$target:7"
unlike 'ASCII where the locale asks for it' "$out" '[^ -~]'
is 'no line is longer than 80 columns' "$(printf '%s\n' "$out" | awk 'length > 80' | wc -l)" 0
run env LC_ALL=C.UTF-8 ./finwait probe "$target:7"
like 'arrows where it has them' "$out" '→'

# --- Guards ---

for guard in filter min-ttl nftables; do
	for host in "$target" "$target6" 127.0.0.1 '[::1]' 198.18.0.1; do
		if [ "$guard" = nftables ] && ! ldconfig -p 2>/dev/null | grep -q libnftables.so.1; then
			skip "guard $guard for $host" 'no libnftables'
			continue
		fi
		case $host in
		"$target" | "$target6") port=7 ;;
		*) port=1 ;;
		esac
		probe --guard "$guard" "$host:$port"
		expect "guard $guard for $host" 0 "guard: $guard"
	done
done
for spare in 198.18.0.77 '[2001:db8:793::77]:4444'; do
	case $spare in
	*::*) host=$target6 ;;
	*) host=$target ;;
	esac
	probe --source "$spare" "$host:7"
	expect "a spare source $spare" 0 'guard: spare' '^conforms'
done
probe --source "$target" "$target:7"
expect 'the source of somebody else on the link' 2 'finwait: '
probe --source 198.18.0.2 198.18.0.99:1
expect 'the address of somebody else as a spare source' 3 'in use|198\.18\.0\.2'

# --- A target that lies ---

# lie FAULT [OPTION...]: starts the liar
lie() {
	lie_fault=$1
	shift
	rm -f "$work/ready"
	mkfifo "$work/ready"
	./finwait-lab --on-target ./tests/peer/faulty --if target0 --addr "$liar" --addr6 2001:db8:793::66 --fault "$lie_fault" \
		"$@" >"$work/ready" 2>"$work/liar.err" &
	lie_pid=$!
	read -r _ <"$work/ready" || fail "the liar starts: $lie_fault" "$(cat "$work/liar.err")"
}

truth() {
	kill "$lie_pid"
	wait "$lie_pid" 2>/dev/null
}

lie none
probe "$liar:7"
expect 'an honest peer' 0 '^conforms'
probe "$liar6:7"
expect 'an honest peer, IPv6' 0 '^conforms'
probe --guard min-ttl "$liar:7"
expect 'an honest peer, guard min-ttl' 0 'guard: min-ttl'
truth
lie none --ttl 255
probe --guard min-ttl "$liar:7"
expect 'TTL 255 passes guard min-ttl, which is seen' 3 'kernel sent R in our connection'
probe --guard filter "$liar:7"
expect 'TTL 255 does not pass guard filter' 0 '^conforms'
truth

while read -r fault port exit_status rule options; do
	lie "$fault"
	for host in "$liar" "$liar6"; do
		# shellcheck disable=SC2086 # options, to be split
		probe --timeout 1 $options "$host:$port"
		expect "$fault on $host" "$exit_status" "$rule"
	done
	truth
done <<'END'
syn-ack-wrong-ack-isn 7 1 syn-ack-number:
syn-ack-option-wscale 7 1 wscale-offered: --syn-options=mss=1460
syn-ack-fin 7 1 flags:
option-bad-length 7 1 option-length:
no-ack-bit 7 1 ack-bit:
timestamps-missing 7 1 timestamps-kept:
rst-seq-not-zero 1 1 refusal:
rst-no-ack 1 1 refusal:
rst-wrong-seq 7 1 stray-answer, --close=rst --strict
rst-answers-rst 7 1 rst-for-rst: --close=rst
ack-unsent 7 1 ack-unsent:
fin-not-counted 9 1 fin-counted: --timeout=4
fin-seq-low 13 1 syn-counted: --close=wait
data-after-fin 13 1 data-after-fin: --close=wait
fin-without-ack 7 1 ack-bit:
checksum-bad 7 4 checksum,.likely:
rst-in-last-ack 7 0 rst-state,.likely:
END
lie rst-in-last-ack
probe --strict "$liar:7"
expect 'a likely failure counts with --strict' 1 'rst-state, likely'
truth
lie syn-ack-wrong-ack-isn
probe --close wait "$liar:7"
expect 'a handshake gone wrong is reset' 1 '--- R '
truth

# --- Midway ---

port=41000
# begin_probe OPTION...: in the background, where a shell ignores some signals, from a port of its own
begin_probe() {
	port=$((port + 1))
	env --default-signal ./finwait probe --no-color --close wait --source "198.18.0.1:$port" "$@" "$target:9" \
		>"$work/out" 2>"$work/err" </dev/null &
	pid=$!
}

connected() {
	on_target cat /proc/net/tcp | grep -q ":$(printf %04X "$port") 01 "
}

# during NAME COMMAND...: begins a probe that waits, runs COMMAND once the target has the connection
during() {
	during_name=$1
	shift
	begin_probe --timeout 30
	wait_until connected ||
		fail "$during_name: the target has the connection"
	"$@"
	wait "$pid"
	status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}

for signal in INT TERM HUP QUIT; do
	during "SIG$signal" eval 'kill -'$signal' $pid'
	expect "SIG$signal" 3 'interrupted' '--- R +1'
	ok "SIG$signal leaves no connection on the target" wait_until none_left
done

# What is left when the target goes: no answer, or no interface.
begin_probe --timeout 2
wait_until connected
on_target ip link set target0 down
wait "$pid"
status=$?
out=$(cat "$work/out")
err=$(cat "$work/err")
case $status in
3 | 4) pass 'a cable pulled on the target: no verdict on it' ;;
*) fail 'a cable pulled on the target: no verdict on it' "exit status $status" "$out" "$err" ;;
esac
on_target ip link set target0 up
on_target ip -6 address replace 2001:db8:793::2/64 dev target0 nodad
wait_until sh -c "ping -c1 -W1 $target || ./finwait probe -q --timeout 0.2 $target:1"

during 'the interface goes down' ip link set "$FINWAIT_IF" down
expect 'the interface goes down' 3 "$FINWAIT_IF"
ip link set "$FINWAIT_IF" up
ip -6 address replace 2001:db8:793::1/64 dev "$FINWAIT_IF" nodad
wait_until sh -c "./finwait probe -q --timeout 0.2 $target:1"

if command -v nft >/dev/null && nft add table inet t 2>/dev/null; then
	nft 'add chain inet t c { type filter hook output priority 0; }'
	nft add rule inet t c tcp flags syn drop
	probe --timeout 1 "$target:7"
	expect 'a firewall on this host' 3 'firewall refused a segment|was not seen leaving: a firewall'
	nft delete table inet t
	on_target nft add table inet t
	on_target nft 'add chain inet t c { type filter hook input priority 0; }'
	on_target nft add rule inet t c tcp dport 7 reject with icmpx type admin-prohibited
	probe --timeout 3 "$target:7"
	expect 'a router that says no' 4 'ICMP type 3 code 13 from 198\.18\.0\.2'
	probe --timeout 3 "$target6:7"
	expect 'a router that says no, IPv6' 4 'ICMPv6 type 1 code 1 from 2001:db8:793::2'
	probe -q --timeout 3 --expect silent "$target:7"
	is 'ICMP is silence for --expect' "$status" 0
	on_target nft delete table inet t
else
	skip 'a firewall on this host' 'no nft'
fi
probe --timeout 1 198.18.0.99:7
expect 'nobody has the address' 4 '198\.18\.0\.99 does not answer|no host'
# Resets could not reach the target while the cable was out.
cut_off=$(connections)

# --- Bad input ---

# refused STATUS PATTERN ARGUMENT...: one line that names the thing
refused() {
	refused_status=$1
	refused_pattern=$2
	shift 2
	probe "$@"
	is "$*: exit $refused_status" "$status" "$refused_status"
	like "$*: says $refused_pattern" "$err" "$refused_pattern"
	is "$*: in one line" "$(wc -l <"$work/err")" 1
	is "$*: and nothing else" "$out" ''
}

refused 2 'no target'
refused 2 'port' "$target"
refused 2 '0' "$target:0"
refused 2 '70000' "$target:70000"
refused 2 'abc' "$target:abc"
refused 3 'nosuch\.invalid' nosuch.invalid:7
refused 3 'route' 203.0.113.1:7
refused 2 'nosuchif' -i nosuchif "$target:7"
refused 2 '224\.0\.0\.1' 224.0.0.1:7
refused 2 'ff02::1' '[ff02::1%finwait0]:7'
refused 2 '255\.255\.255\.255' 255.255.255.255:7
refused 2 '198\.18\.0\.255' 198.18.0.255:7
refused 2 '203\.0\.113\.9' --source 203.0.113.9 "$target:7"
refused 2 '224\.0\.0\.9' --source 224.0.0.9 "$target:7"
refused 2 '198\.18\.0\.255' --source 198.18.0.255 "$target:7"
refused 2 'isn' --isn 4294967296 "$target:7"
refused 2 'isn' --isn -1 "$target:7"
refused 2 'wscale=15' --syn-options mss=1460,wscale=15 "$target:7"
refused 2 'bogus' --syn-options bogus "$target:7"
refused 2 'sideways' --close sideways "$target:7"
refused 2 'expect' --expect maybe "$target:7"
refused 2 'timeout' --timeout nan "$target:7"
refused 2 'timeout' --timeout -1 "$target:7"
refused 2 'count' -c 0 "$target:7"
refused 2 'ttl' --ttl 256 "$target:7"
refused 2 'xml' --report "xml:$work/x" "$target:7"
refused 3 '/nonexistent/x' -w /nonexistent/x "$target:7"
refused 3 '/nonexistent/x' --report text:/nonexistent/x "$target:7"
refused 2 'exclude' -4 -6 "$target:7"
refused 2 'escape' --send '\q' "$target:7"
refused 2 'spare' --guard spare "$target:7"
./finwait-agent --services --listen 198.18.0.1 --port-base 20000 >/dev/null 2>&1 &
agent=$!
wait_until sh -c "./finwait probe --expect open -q 198.18.0.1:20007"
refused 3 '20007' --source 198.18.0.1:20007 "$target:7"
kill "$agent"
wait "$agent" 2>/dev/null
run ./finwait probe "$target:7" >/dev/full
./finwait probe "$target:7" >/dev/full 2>"$work/err"
is 'a full disk: exit 3' "$?" 3
is 'a full disk: one line' "$(wc -l <"$work/err")" 1

# --- Privileges ---

if command -v setpriv >/dev/null; then
	run setpriv --bounding-set -all --inh-caps=-all ./finwait probe "$target:7"
	case $status in
	3) like 'without privilege: the command that fixes it' "$err" 'setcap cap_net_raw,cap_net_admin\+ep' ;;
	*) fail 'without privilege: exit 3' "exit status $status" "$out" "$err" ;;
	esac
	run setpriv --bounding-set -net_admin --inh-caps=-net_admin ./finwait probe --no-color "$target:7"
	expect 'with NET_RAW alone' 0 'guard: min-ttl' '^conforms'
fi
if have_user; then
	probe --send "$(head -c 5000 /dev/zero | tr '\0' x)" "$target:7"
	expect 'more data than one segment holds' 0 '5000 bytes sent and acknowledged, 5000 received'
	run as_user ./finwait-lab
	expect 'an ordinary user, in a lab of its own' 0 '^conforms +[23] answers judged, 0 violations'
else
	skip 'an ordinary user, in a lab of its own' 'no other user to become'
fi
is 'no connection is left on the target at the end' "$(connections)" "$cut_off"
ok 'no process is left' wait_until sh -c '! pgrep -x finwait'
done_testing
