#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# finwait check on small captures: exit status, what is printed where, files that are damaged or none. What it says
# about segments is the matter of tests/golden and tests/unit.
# shellcheck disable=SC2154 # variables of lab.sh
. "${srcdir-.}/tests/lab/lab.sh"

# capture NAME: from the script on standard input
capture() {
	cat >"$work/$1.script"
	tests/golden/make_pcap "$work/$1.script" "$work/$1.pcap" >/dev/null
}

capture clean <<'END'
open
+.01 > P. 1(100) ack 1
+.01 < F. 1 ack 101
+.01 > F. 101 ack 2
+.01 < . 2 ack 102
END
capture broken <<'END'
connection 0
open
connection 1
open
+.01 < P. 1(10) ack 1 <mss 1460>
connection 0
+.01 > F. 1 ack 1
END
capture suspicious <<'END'
open
+.01 < P. 1(1000) ack 1
+2 < F. 501 ack 1
END
capture nothing <<'END'
+.01 > udp
END

run ./finwait check "$work/clean.pcap"
is 'clean: exit status' "$status" 0
like 'clean: verdict' "$out" '^no violation$'
like 'clean: totals' "$out" '^7 frames, 7 TCP segments, . judged; 1 connections$'
like 'clean: how it ended' "$out" '^endings: 1 three segments$'
is 'clean: no error' "$err" ''

run ./finwait check "$work/broken.pcap"
is 'broken: exit status' "$status" 1
like 'broken: the line' "$out" \
	'^frame 7: 198\.18\.0\.2:80 > 198\.18\.0\.1:[0-9]+ \(#1\): FAIL MUST mss-on-syn: .* \(RFC 9293 3\.2\), certain$'
like 'broken: counted' "$out" '^violates: 1 MUST certain$'
run ./finwait check -q "$work/broken.pcap"
is 'quiet: exit status' "$status" 1
is 'quiet: three lines' "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 3
run ./finwait check -v "$work/broken.pcap"
like 'verbose: summary' "$out" '\(#0\): handshake complete; half-closed by 198\.18\.0\.1:[0-9]+; 4 segments'
like 'verbose: states' "$out" '^    src: .*FIN-WAIT-1'

run ./finwait check --connection 0 "$work/broken.pcap"
is 'the other connection: exit status' "$status" 0
run ./finwait check --connection 1 "$work/broken.pcap"
is 'this connection: exit status' "$status" 1
run ./finwait check --connection 2 "$work/broken.pcap"
is 'no such connection: exit status' "$status" 4
is 'no such connection: told once' "$err" "finwait: $work/broken.pcap has no connection 2"

run ./finwait check "$work/suspicious.pcap"
is 'likely: exit status' "$status" 0
like 'likely: says what else it could be' "$out" 'fin-place.*, likely: unless '
run ./finwait check --strict "$work/suspicious.pcap"
is 'likely, strict: exit status' "$status" 1
run ./finwait check "$work/nothing.pcap"
is 'nothing: exit status' "$status" 4
like 'nothing: counted' "$out" '1 other packets'

# --- Ladders ---

run ./finwait check --ladder 1 "$work/broken.pcap"
like 'ladder: both ends' "$out" '^      ms  src  .*  dst$'
like 'ladder: the broken segment' "$out" '^   30\.00  ESTABLISHED  .* ESTABLISHED   FAIL$'
like 'ladder: the broken rule' "$out" '^ +mss-on-syn: the MSS option is sent only with SYN \(RFC 9293 3\.2 MUST\)\.$'
run ./finwait check --ladder 7 "$work/broken.pcap"
like 'ladder of none' "$err" 'has no connection 7'
is 'ladder of none: a violation weighs more' "$status" 1
run ./finwait check --ladder 1 "$work/clean.pcap"
is 'ladder of none: exit status' "$status" 4
run ./finwait check --ladder 0 "$work/broken.pcap" "$work/clean.pcap"
is 'ladder of two files' "$status" 2

# --- JSON ---

run ./finwait check --json "$work/broken.pcap"
is 'json: exit status' "$status" 1
like 'json: first line' "$(printf '%s\n' "$out" | head -n 1)" '^\{"type":"run","schema":1,'
like 'json: last line' "$(printf '%s\n' "$out" | tail -n 1)" '^\{"type":"summary",.*"connections":2,.*\}$'
like 'json: result' "$out" '"type":"result",.*"frame":7,"connection":\{"index":1,"src":"198\.18\.0\.1","sport":[0-9]+,"dst":"198\.18\.0\.2","dport":80\},"family":"ipv4","endpoint":"dst","verdict":"fail","rule":"mss-on-syn","class":"MUST","certainty":"certain","citation":"RFC 9293 3\.2","requirements":\["MUST-65"\]'
like 'json: connection' "$out" '"type":"connection",.*"handshake":"complete","close":"half-closed","closed_first":"src"'
run ./finwait check --report "jsonl:$work/report" "$work/broken.pcap"
like 'report: text as well' "$out" '^violates'
is 'report: whole' "$(grep -c '"type":' "$work/report")" 5

run ./finwait check --report "tap:$work/tap" "$work/broken.pcap"
is 'report: none as TAP' "$status" 2
is 'report: none as TAP, why' "$err" \
	"finwait: 'tap:$work/tap': there is no tap report of recorded captures: use text:FILE or jsonl:FILE"
ok 'report: none as TAP, no file' test ! -e "$work/tap"

# --- Input ---

./finwait check - <"$work/broken.pcap" >"$work/out" 2>&1
is 'standard input: exit status' "$?" 1
run ./finwait check "$work/clean.pcap" "$work/broken.pcap"
like 'two files: named' "$out" "^$work/broken.pcap: frame 7: "
is 'two files: exit status' "$status" 1
head -c "$(($(wc -c <"$work/broken.pcap") - 5))" "$work/broken.pcap" >"$work/cut.pcap"
run ./finwait check "$work/cut.pcap"
like 'cut: what is whole is judged' "$out" '^frame 7: '
is 'cut: a violation weighs more' "$status" 1
like 'cut: says where' "$err" 'cut\.pcap is damaged after frame 7: '
head -c "$(($(wc -c <"$work/clean.pcap") - 5))" "$work/clean.pcap" >"$work/cut.pcap"
run ./finwait check "$work/cut.pcap"
is 'cut: exit status' "$status" 3
like 'cut: incomplete' "$out" '^incomplete: 1 of 1 files'
echo 'no capture' >"$work/none"
run ./finwait check "$work/none" "$work/clean.pcap"
is 'no capture: exit status' "$status" 3
like 'no capture: why' "$err" 'none is no capture that can be read: '
like 'no capture: the other is judged' "$out" '^7 frames'
run ./finwait check "$(printf '%s/a\033[31mb' "$work")"
is 'no file: exit status' "$status" 3
like 'no file: its name is escaped' "$err" 'a\\x1b\[31mb'
run ./finwait check
is 'no operand' "$status" 2
run ./finwait check - -
is 'standard input twice' "$status" 2
run ./finwait check --near nowhere "$work/clean.pcap"
is 'near nowhere' "$status" 2
like 'near nowhere: why' "$err" "wants an address such as"
run ./finwait check --near 198.18.0.1 --near 2001:db8::1 "$work/clean.pcap"
is 'near: exit status' "$status" 0
is 'near, but no host of the capture' "$err" 'finwait: --near 2001:db8::1: no segment is from or to this address'

# --- Output that ends early ---

err=$( (ulimit -f 0 && exec ./finwait check --report "jsonl:$work/full" "$work/clean.pcap") 2>&1 >/dev/null)
is 'a report may not grow: exit status' "$?" 3
like 'a report may not grow: why' "$err" 'a jsonl report is incomplete: '
done_testing
