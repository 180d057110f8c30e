#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Golden captures: every script in clean/ and violations/ becomes a capture, several times with other initial
# sequence numbers, for IPv4 and IPv6, and `finwait check` has to say what the script says, no more, no less.
# FINWAIT_GOLDEN names the scripts to run (a pattern), FINWAIT_ISN a pair of numbers instead of a random one.
# shellcheck disable=SC2154 # variables of lab.sh
. "${srcdir-.}/tests/lab/lab.sh"

awk=${AWK-awk}
random=${FINWAIT_ISN-$(od -An -N8 -tu4 /dev/urandom | awk '{ print $1 ":" $2 }')}

# Reads what was expected and then what finwait said, and tells the differences, one line each.
cat >"$work/compare.awk" <<'EOF'
function field(line, name,   value) {
	if (!match(line, "\"" name "\":(\"[^\"]*\"|-?[0-9]+)"))
		return ""
	value = substr(line, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
	gsub(/"/, "", value)
	return value
}
function endpoint(line,   side, address, port) {
	side = field(line, "endpoint")
	address = field(line, side == "dst" ? "dst" : "src")
	port = field(line, side == "dst" ? "dport" : "sport")
	return (address ~ /:/ ? "[" address "]" : address) ":" port
}
FILENAME == ARGV[1] && $1 == "violation" {
	expected[$2 " " $3 " " $4 " " $5] = 1
	if ($4 == "certain")
		status = 1
	next
}
FILENAME == ARGV[1] && $1 == "exit" { wanted = $2; given = 1; next }
FILENAME == ARGV[1] && ($1 == "handshake" || $1 == "close") {
	told[$1] = substr($0, length($1) + 2)
	next
}
FILENAME == ARGV[1] { next }
/^exit / { got_status = $2 }
/"type":"result"/ && field($0, "verdict") == "fail" {
	rule = field($0, "rule")
	gsub(/ /, "/", rule)
	verdict = field($0, "frame") " " rule " " field($0, "certainty") " " endpoint($0)
	if (verdict in expected)
		delete expected[verdict]
	else
		print "unexpected: " verdict
}
/"type":"connection"/ && field($0, "index") == 0 {
	for (name in told)
		if (field($0, name) != told[name])
			print name " is " field($0, name) ", not " told[name]
}
END {
	for (verdict in expected)
		print "missing: " verdict
	if (!given)
		wanted = status + 0
	if (got_status != wanted)
		print "exit status " got_status ", not " wanted
}
EOF

# one_way SCRIPT OPTION...: with these options of make_pcap
one_way() {
	one_script=$1
	shift
	one_status=0
	tests/golden/make_pcap "$@" "$one_script" "$work/x.pcap" >"$work/expected" 2>"$work/err" || one_status=$?
	case $one_status in
	0) ;;
	77) return ;;
	*)
		cat "$work/err"
		return
		;;
	esac
	near=$(sed -n 's/^near /--near /p' "$work/expected")
	# shellcheck disable=SC2086 # --near ADDRESS
	./finwait check --json $near "$work/x.pcap" >"$work/got" 2>"$work/err"
	echo "exit $?" >>"$work/got"
	"$awk" -f "$work/compare.awk" "$work/expected" "$work/got" >"$work/diff"
	[ ! -s "$work/diff" ] || {
		echo "make_pcap $*:"
		cat "$work/diff" "$work/err"
	}
}

for kind in clean violations; do
	for script in "$srcdir/tests/golden/$kind"/${FINWAIT_GOLDEN-*}.script; do
		[ -f "$script" ] || continue
		name=${script##*/}
		for isn in "$random" 4294967295:4294967200 4294967290:0; do
			one_way "$script" -i "$isn"
			one_way "$script" -6 -i "$isn"
		done >"$work/all"
		if [ -s "$work/all" ]; then
			fail "$kind: ${name%.script}" "$(cat "$work/all")"
		else
			pass "$kind: ${name%.script}"
		fi
	done
done
# --- That the comparison can fail ---

# wrong NAME DIFFERENCE LINE...: a script of these lines says something that is not so
wrong() {
	wrong_name=$1 wrong_difference=$2
	shift 2
	printf '%s\n' "$@" >"$work/wrong.script"
	like "seen: $wrong_name" "$(one_way "$work/wrong.script")" "$wrong_difference"
}

wrong 'a violation that nobody expects' '^unexpected: 4 mss-on-syn certain' \
	open '+1 > . 1(10) ack 1 <mss 1460>'
wrong 'a violation that is none' '^missing: 4 mss-on-syn certain' \
	open '+1 > . 1(10) ack 1 ! mss-on-syn certain'
wrong 'another certainty' '^missing: 4 mss-on-syn likely' \
	open '+1 > . 1(10) ack 1 <mss 1460> ! mss-on-syn likely'
wrong 'the other end' '^missing: 4 mss-on-syn certain 198.18.0.2:80' \
	open '+1 > . 1(10) ack 1 <mss 1460> ! mss-on-syn certain other'
wrong 'another frame' '^missing: 3 mss-on-syn' \
	'+.1 > S 0 <mss 1460>' '+.1 < S. 0 ack 1' '+.1 > . 1 ack 1 ! mss-on-syn certain' '+.1 > . 1(10) ack 1 <mss 1460>'
wrong 'another handshake' 'handshake is complete, not simultaneous' 'handshake simultaneous' open
wrong 'another close' 'close is .*, not four segments' 'close four segments' open '+1 > R 1'
wrong 'another exit status' 'exit status 0, not 3' 'exit 3' open
done_testing
