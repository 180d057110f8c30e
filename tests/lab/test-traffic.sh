#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No false alarm: Linux talks to Linux in many ways through networks good and bad, it is recorded at both hosts
# and between them, and `finwait check` has nothing to say but what linux.deviations lists. Where the network
# loses, doubles and reorders, it may say `likely` now and then, with the excuse that the network is; never
# `certain`. Then one segment of a recording is changed, and it has something to say. FINWAIT_SEED repeats what
# a network does, as far as a kernel repeats it. FINWAIT_KEEP is a directory for the recordings.
# shellcheck disable=SC2016,SC2154 # for the shell inside; FINWAIT_*, and what run sets
. "${srcdir-.}/tests/lab/lab.sh"
for program in tcpdump ethtool ip nsenter; do
	PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || skip_all "no $program"
done
enter_lab "$0" "$@"
# There it cannot become another user, and insists on it.
[ "$(cat /proc/self/setgroups)" = allow ] || skip_all "tcpdump does not record in a user namespace"

PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
port=7000
least=40 # connections in a recording; fewer, and silence proves nothing
excused=20 # one connection of so many may be called `likely` wrong on a bad network
seed=${FINWAIT_SEED-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
note "FINWAIT_SEED=$seed"

# --- A client and a server, and between them this network, in which the relay runs ---

# new_host NAME NEAR FAR: another network; sets NAME to its file. NEAR is its interface, FAR our end.
new_host() {
	mkfifo "$work/$1"
	unshare --net sh -c 'read -r process _ </proc/self/stat; echo "$process"; exec sleep 600' >"$work/$1" 2>&1 &
	helpers="${helpers-} $!"
	read -r process <"$work/$1"
	# shellcheck disable=SC2034 # used by eval
	net=/proc/$process/ns/net
	eval "$1=\$net"
	ip link add "$2" netns "$process" type veth peer name "$3"
	echo 1 >"/proc/sys/net/ipv6/conf/$3/disable_ipv6"
	ip link set "$3" up mtu 1500
}

# address HOST INTERFACE NUMBER
address() {
	nsenter --net="$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
		echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad' 2>/dev/null
	nsenter --net="$1" ip -batch - <<-END
		link set lo up
		address add 198.18.0.$3/24 dev $2
		link set $2 up
		address add 2001:db8:793::$3/64 dev $2 nodad
	END
}

ip link set "$FINWAIT_IF" down # its addresses are used anew
new_host client c0 r0
new_host server s0 r1
address "$client" c0 1
address "$server" s0 2
trap 'kill ${helpers-} ${relay_pid-} ${recorders-} 2>/dev/null; rm -rf "$work"' EXIT

# both COMMAND...: on either host
both() {
	nsenter --net="$client" "$@" && nsenter --net="$server" "$@"
}

# offload on|off: checksums and big segments left to hardware that does not exist
offload() {
	for feature in tx sg tso gso gro; do
		nsenter --net="$client" ethtool -K c0 "$feature" "$1"
		nsenter --net="$server" ethtool -K s0 "$feature" "$1"
	done >/dev/null 2>&1
}

# tcp SETTING VALUE: of both hosts
tcp() {
	both sh -c "echo $2 >/proc/sys/net/ipv4/tcp_$1"
}

# --- Recordings ---

# record NAME HOST INTERFACE: in the background, into NAME.pcap
record() {
	${2:+nsenter --net="$2"} tcpdump -Z root -U -n -B 32768 -s 66000 -i "$3" -w "$work/$1.pcap" \
		'tcp or icmp or icmp6' 2>"$work/$1.err" &
	recorders="$recorders $!"
	wait_until grep -q 'listening on' "$work/$1.err"
}

# play NAME LOSS DUPLICATES REORDERED DELAY-MS: all scenes through such a network, recorded
play() {
	name=$1
	shift
	recorders=
	rm -f "$work/ready"
	mkfifo "$work/ready"
	./tests/lab/relay r0 r1 "$seed" "$@" >"$work/ready" 2>"$work/relay.err" &
	relay_pid=$!
	read -r _ <"$work/ready" || fail "$name: the relay starts" "$(cat "$work/relay.err")"
	record "$name-client" "$client" c0
	record "$name-between" '' r0
	record "$name-server" "$server" s0
	./tests/lab/traffic "$client" "$server" 4 "$port" 2>"$work/traffic4" &
	four=$!
	port=$((port + 100)) # connections of the last recording may still be in TIME-WAIT
	played=0
	./tests/lab/traffic "$client" "$server" 6 "$((port + 1000))" 2>"$work/traffic6" || played=$?
	wait "$four" || played=$?
	gave_up=$(cat "$work/traffic4" "$work/traffic6")
	# The network may lose the same thing again and again; with SYN cookies a late copy of the third segment opens
	# a connection that nobody wants, and a server that waits for that one serves no other.
	if [ "$1" -gt 0 ] || [ "$name" = cookies ]; then
		note "$name: ${gave_up:-all scenes were played}"
	else
		is "$name: all scenes are played" "$played$gave_up" 0
	fi
	sleep 1.2 # for what is under way, and for tcpdump, which gets it in blocks
	# shellcheck disable=SC2086 # several
	kill -INT $recorders
	# shellcheck disable=SC2086
	wait $recorders
	kill "$relay_pid"
	wait "$relay_pid"
	relay_pid=
	note "$name: $(cat "$work/relay.err")"
	for place in client between server; do
		grep -q "^0 packets dropped by kernel" "$work/$name-$place.err" ||
			note "$name-$place: $(grep dropped "$work/$name-$place.err")"
		judge "$name-$place"
		[ -z "${FINWAIT_KEEP-}" ] || cp "$work/$name-$place.pcap" "$FINWAIT_KEEP"
	done
	judge "$name-client" --near 198.18.0.1 --near 2001:db8:793::1
	judge "$name-server" --near 198.18.0.2 --near 2001:db8:793::2
}

# findings NAME [OPTION...]: what finwait says of a recording, without the known, goes to $work/found; sets
# status, out and err
findings() {
	findings_name=$1
	shift
	sed -n "s/^${findings_name%-*}	\([a-z-]*\)	.*/ FAIL [^ ]* \1:/p" "$srcdir/tests/lab/linux.deviations" >"$work/known"
	run ./finwait check --no-color "$@" "$work/$findings_name.pcap"
	printf "%s\n" "$out" | grep " FAIL " | grep -vEf "$work/known" >"$work/found"
}

# judge NAME [OPTION...]: of finwait check, which must have had something to judge
judge() {
	findings "$@"
	connections=$(printf '%s\n' "$out" | sed -n 's/^.* TCP segments, .*; \([0-9]*\) connections$/\1/p')
	case $1 in
	good*) ;;
	*)
		grep ', likely: unless ' "$work/found" >"$work/likely"
		if [ "$(wc -l <"$work/likely")" -le "$((${connections:-0} / excused))" ]; then
			sed "s/^/# $1: /" "$work/likely"
			grep -v ', likely: unless ' "$work/found" >"$work/certain"
			mv "$work/certain" "$work/found"
		fi
		;;
	esac
	is "$*: no alarm" "$(head -n 5 "$work/found")" ""
	case $status in
	0 | 1) pass "$*: judged as a whole" ;; # 1 with something certain, told above or known
	*) fail "$*: judged as a whole" "exit status $status" "$err" ;;
	esac
	if [ "${connections:-0}" -ge "$least" ]; then
		pass "$*: at least $least connections"
	else
		fail "$*: at least $least connections" "$out"
	fi
	note "$*: $connections connections"
}

tcp tw_reuse 1
tcp fastopen 3
offload on
play good-offloaded 0 0 0 0
play bad-offloaded 60 30 80 2
offload off
play good 0 0 0 3
play bad 30 20 50 1
for option in timestamps sack window_scaling; do
	tcp $option 0
done
play no-options 30 20 30 0
for option in timestamps sack window_scaling; do
	tcp $option 1
done
tcp syncookies 2
play cookies 0 20 30 1 # with loss, who connects may wait for a server that knows nothing of it

# --- One segment changed ---

while read -r change rule; do
	for place in client between server; do
		./tests/lab/mutate "$change" "$work/good-$place.pcap" "$work/changed.pcap" >"$work/frame" ||
			fail "$change: a segment to change" "$(cat "$work/frame")"
		findings changed
		like "$change, $place: $rule in frame $(cat "$work/frame")" "$(head -n 5 "$work/found")" \
			"^frame $(cat "$work/frame"): .* $rule: "
	done
done <<'END'
syn-ack-number syn-ack-number
ack-bit ack-bit
reserved reserved
mss-on-data mss-on-syn
ack-beyond-fin ack-unsent
END
done_testing
