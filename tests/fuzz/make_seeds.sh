#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make_seeds.sh DIRECTORY: writes the seeds of fuzz_judge, fuzz_track, fuzz_check, fuzz_agent and
# fuzz_agent_client into directories of those names, without fuzz_, in DIRECTORY. Those of fuzz_check are
# captures of the frames in seeds/decode.
LC_ALL=C
export LC_ALL
out=${1:?usage: make_seeds.sh DIRECTORY}
frames=$(dirname "$0")/seeds/decode
mkdir -p "$out/judge" "$out/track" "$out/check" "$out/agent" "$out/agent_client" || exit 1

# put BYTE...
put() {
	format=
	for byte; do
		format=$format$(printf '\\%03o' "$byte")
	done
	# shellcheck disable=SC2059 # the bytes are the format
	printf "$format"
}

# --- the bytes of segments.h ---

# step WHO-WHAT: s or c for one end or the other (40 ms after the step before; S and C: 61 s after), then what
# it sends.
step() {
	case $1 in
	c*) who=0x10 ;;
	s*) who=0x11 ;;
	C*) who=0x30 ;;
	S*) who=0x31 ;;
	esac
	with_text=$((who | 0x40)) with_more=$((who | 0x80))
	case ${1#?} in
	syn) put $with_more 0x02 0x08 0x08 0x0f ;;
	syn-plain) put "$who" 0x02 0x08 0x08 ;;
	syn-again) put $with_more 0x02 0x28 0x08 0x0f ;;
	syn-newer) put $with_more 0x02 0x58 0x08 0x0f ;;
	syn-data) put $((with_text | 0x80)) 0x02 0x08 0x08 0x03 0x2f ;;
	synack) put $with_more 0x12 0x08 0x08 0x0f ;;
	synack-again) put $with_more 0x12 0x28 0x08 0x0f ;;
	synack-wrong) put $with_more 0x12 0x08 0x09 0x0f ;;
	synack-unasked) put $with_more 0x12 0x08 0x08 0x0e ;;
	syn-crossed) put $with_more 0x12 0x18 0x08 0x0f ;;
	synack-moved) put $with_more 0x12 0x1d 0x08 0x0f ;;
	ack) put $with_more 0x10 0x08 0x08 0x08 ;;
	ack-plain) put "$who" 0x10 0x08 0x08 ;;
	ack-old) put "$who" 0x10 0x08 0x38 ;;
	ack-unsent) put "$who" 0x10 0x08 0x0f ;;
	ack-low) put "$who" 0x10 0x08 0x15 ;;
	ack-sack) put $with_more 0x10 0x08 0x38 0x18 ;;
	ack-mss) put $with_more 0x10 0x08 0x08 0x09 ;;
	ack-malformed) put $with_more 0x10 0x08 0x08 0xc8 ;;
	ack-bad-sum) put $with_more 0x10 0x08 0x08 0x48 ;;
	fin-uncounted) put $with_more 0x10 0x08 0x07 0x08 ;;
	keepalive) put $with_more 0x10 0x07 0x08 0x08 ;;
	window-zero) put $((with_text | 0x80)) 0x10 0x08 0x08 0x20 0x08 ;;
	data) put $with_more 0x18 0x08 0x08 0x08 ;;
	data-big) put $((with_text | 0x80)) 0x18 0x08 0x08 0x06 0x08 ;;
	data-again) put $with_more 0x18 0x28 0x08 0x08 ;;
	data-uncounted) put $with_more 0x18 0x18 0x08 0x08 ;;
	data-old-ack) put $with_more 0x18 0x08 0x05 0x08 ;;
	data-ahead) put $with_more 0x18 0x0f 0x08 0x08 ;;
	data-no-ack) put $with_more 0x08 0x08 0x08 0x08 ;;
	fin) put $with_more 0x11 0x08 0x08 0x08 ;;
	fin-again) put $with_more 0x11 0x28 0x08 0x08 ;;
	fin-crossed) put $with_more 0x11 0x08 0x07 0x08 ;;
	fin-inside) put $with_more 0x11 0x05 0x08 0x08 ;;
	fin-alone) put "$who" 0x01 0x08 0x08 ;;
	rst) put "$who" 0x04 0x08 0x08 ;;
	rst-ack) put "$who" 0x14 0x08 0x08 ;;
	rst-refused) put "$who" 0x14 0x78 0x08 ;;
	rst-answer) put "$who" 0x04 0x38 0x08 ;;
	rst-low) put "$who" 0x04 0x05 0x08 ;;
	rst-far) put "$who" 0x04 0x58 0x08 ;;
	rst-edge) put "$who" 0x04 0x48 0x08 ;;
	null) put "$who" 0 0x08 0x08 ;;
	all-flags) put "$who" 0xff 0x08 0x08 ;;
	*) echo "make_seeds.sh: no step $1" >&2 && exit 1 ;;
	esac
}

# talk NAME VANTAGE STEP...: the first byte of fuzz_judge is the vantage, of fuzz_track the room.
talk() {
	name=$1 vantage=$2
	shift 2
	{
		put "$vantage"
		for one; do
			step "$one"
		done
	} >"$out/judge/$name.bin" && cp "$out/judge/$name.bin" "$out/track/$name.bin" || exit 1
}

opened='csyn ssynack cack'
# shellcheck disable=SC2086 # lists
{
	talk four-segments 0 $opened cdata sack sdata cack cfin sack sfin cack Cack
	talk four-segments-live 1 $opened cdata sack cfin sack sfin cack
	talk four-segments-near 10 $opened cdata sack cfin sack sfin cack
	talk three-segments 4 $opened sfin cfin sack
	talk simultaneous-close 0 $opened cfin sfin-crossed cack sack
	talk simultaneous-open 0 csyn ssyn csyn-crossed ssyn-crossed cack sack cfin sack
	talk half-close 2 $opened cfin sack sdata cack sdata-big cack sfin cack
	talk fin-lost 0 $opened cfin Cfin-again sack sfin cack Sfin-again Crst
	talk fin-uncounted 2 $opened cfin sfin-uncounted Cfin-again Sfin-uncounted sfin
	talk fin-moved 0 $opened cfin sack cfin sack cdata
	talk fin-alone 0 $opened cfin-alone sack
	talk reset 0 $opened cdata srst sack cdata srst
	talk reset-far 1 $opened crst-far sack crst-edge sack crst
	talk reset-answered 0 $opened crst srst crst-ack srst
	talk stray 1 $opened cdata crst cack srst-answer cack srst-low crst Cack Srst-far
	talk stray-low 1 $opened cdata sack crst Cack Srst-low
	talk reset-low 0 $opened sdata srst-low cack Srst-far Crst-far
	talk refused 0 csyn srst-refused csyn srst-refused
	talk refused-wrong 1 csyn srst-ack csyn srst csyn-newer srst-refused
	talk unanswered 0 csyn Csyn-again Csyn-again Csyn-again Csyn-again Csyn-again
	talk unopened 1 csyn sack Csyn-again Sack Csyn-again Sack Csyn-again Ssyn
	talk synack-moved 0 csyn ssynack ssynack-moved cack Ssynack-moved
	talk syn-lost 0 csyn Csyn-again ssynack ssynack-again cack
	talk syn-wrong 0 csyn ssynack-wrong crst-ack ssynack-unasked cack
	talk syn-data 0 csyn-data ssynack cack
	talk syn-in-established 0 $opened csyn-again sack cdata ssynack-again cack
	talk old-connection 0 csyn-newer sack crst csyn-again ssynack cack
	talk reopened 3 $opened cfin sfin cack csyn-newer ssynack cack Cfin sfin cack csyn ssynack
	talk mid-stream 0 cdata sack sdata cack ssynack cfin sfin cack
	talk one-sided 0 cack cdata cdata cfin cack
	talk keepalive 4 $opened Ckeepalive sack Skeepalive cack
	talk zero-window 4 $opened cdata swindow-zero Ckeepalive swindow-zero sack cdata
	talk data-lost 0 $opened cdata-ahead sack-sack cdata-again sack cdata-big Cdata-again
	talk hole 0 $opened cdata-ahead Cdata-again Cdata-again Cdata-again Cfin
	talk numbers 1 csyn sack-low ssynack cack cdata sack sdata-old-ack Sdata-old-ack sack-unsent sdata-uncounted
	talk numbers-recorded 0 csyn sack-low ssynack cack cdata sack Sack-old sdata-uncounted sfin-inside Sfin-inside
	talk acks 0 $opened cdata sack-unsent sack-old cdata-no-ack snull sall-flags
	talk options 0 csyn-plain ssynack cack-mss sack-malformed cack-plain sack-bad-sum cack
}

# --- captures ---

# le VALUE and be VALUE: four bytes
le() {
	put $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}
be() {
	put $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255))
}

# pcap ORDER MAGIC LINK FRAME...: a classic file; ORDER is le or be.
pcap() {
	order=$1
	$order "$2"
	if [ "$order" = le ]; then put 2 0 4 0; else put 0 2 0 4; fi
	for field in 0 0 65535 "$3"; do
		$order "$field"
	done
	shift 3
	second=1700000000
	for frame; do
		length=$(($(wc -c <"$frames/$frame.bin") - 2))
		for field in $second 0 $length $length; do
			$order "$field"
		done
		tail -c $length "$frames/$frame.bin"
		second=$((second + 1))
	done
}

# section, interface LINK and packet INTERFACE FRAME: blocks of pcapng; $time is the upper half of a packet's time
time=0x60000
section() {
	le 0x0a0d0d0a && le 28 && le 0x1a2b3c4d && put 1 0 0 0 && le 0xffffffff && le 0xffffffff && le 28
}
interface() {
	le 1 && le 20 && put "$1" 0 0 0 && le 65535 && le 20
}
packet() {
	length=$(($(wc -c <"$frames/$2.bin") - 2))
	padding=$(((4 - length % 4) % 4))
	le 6 && le $((32 + length + padding)) && le "$1" && le $time && le 0x1000
	le $length && le $length
	tail -c $length "$frames/$2.bin"
	head -c $padding /dev/zero
	le $((32 + length + padding))
}

micro=0xa1b2c3d4 nano=0xa1b23c4d
ethernet='ethernet-syn ethernet-padded ethernet-vlan-data'
# shellcheck disable=SC2086 # lists
{
	pcap le $micro 1 $ethernet >"$out/check/ethernet.pcap"
	pcap be $micro 1 $ethernet >"$out/check/big-endian.pcap"
	pcap le $nano 1 $ethernet >"$out/check/nanoseconds.pcap"
	pcap le $micro 1 $ethernet | head -c 150 >"$out/check/cut.pcap"
}
pcap le $micro 101 raw-ipv4-options raw-extensions raw-fragment raw-fragment6 >"$out/check/raw.pcap"
pcap le $micro 0 null-fin >"$out/check/null.pcap"
pcap le $micro 9 ppp-rst >"$out/check/ppp.pcap"
pcap le $micro 113 sll-data-cut >"$out/check/sll.pcap"
pcap le $micro 276 sll2-syn6 >"$out/check/sll2.pcap"
pcap le $micro 147 ethernet-syn >"$out/check/unknown-link.pcap"
pcap le 0 1 ethernet-syn >"$out/check/no-capture.pcap"
{ section && interface 1 && packet 0 ethernet-syn && packet 0 ethernet-padded; } >"$out/check/one.pcapng"
{ section && interface 1 && interface 101 && packet 0 ethernet-syn && packet 1 raw-ipv4-options; } \
	>"$out/check/two-links.pcapng"
{ section && interface 1 && packet 7 ethernet-syn; } >"$out/check/no-interface.pcapng"
{ section && interface 1 && packet 0 ethernet-syn && time=0xf8060000 && packet 0 ethernet-padded; } \
	>"$out/check/far-time.pcapng"

# --- what an agent says ---

# says NAME FIRST LINE...: the first byte of fuzz_agent_client is 1 for a session that has begun, and twice the
# length of the pieces in which it is said, in 64 bytes.
says() {
	name=$1 first=$2
	shift 2
	{
		put "$first"
		printf '%s\n' "$@"
	} >"$out/agent_client/$name.bin" || exit 1
}

greeting='hello finwait-agent 1 system=Linux-6.18%20x sockets=1024 can=socket,bind,listen,accept,connect,state,ipv4'
says greeting 0 "$greeting" '4096 ok'
says greeting-refused 2 "$greeting" '4096 error EACCES wrong token'
says greeting-version 2 'hello finwait-agent 2'
says greeting-busy 2 '- error EUSERS too many controllers'
says greeting-other 2 'SSH-2.0-OpenSSH_9.2'
listens='8192 ok socket=1'
binds='12289 ok socket=2'
says sockets 0x81 "$listens" "$binds" '16386 ok socket=3' '20483 ok socket=4'
says sockets-slowly 1 "$listens" "$binds" '16386 ok socket=3' '20483 error EMFILE 1024 sockets'
# one call after the other, as far as the state of a connection
says calls 1 "$listens" '24576 ok' '28672 ok local=198.18.0.2:9' '32768 ok' "$binds" \
	'36865 ok local=198.18.0.2:10' '77825 ok local=198.18.0.2:10' '40960 ok' '65545 ok length=100' \
	'90121 ok length=90 match=80 end=eof'
says wrong-tag 0x81 "$listens" "$listens"
says wrong-value 0x81 '8192 ok socket=0'
says wrong-escape 0x81 '8192 ok socket=%3' '12289 ok socket=%00'
says wrong-byte 0x81 '8192 ok socket=1	' '12289 error \'

# --- controllers ---

# controller NAME HOW REQUEST...: HOW is the first byte of fuzz_agent; each request gets a tag and the end of a line
controller() {
	name=$1 how=$2
	shift 2
	{
		put "$how"
		for request; do
			printf 't %s\n' "$request"
		done
	} >"$out/agent/$name.bin" || exit 1
}

hello='hello version=1 allow=127.0.0.0/8,::1'
for family in 4 6; do
	host=127.0.0.1
	[ $family = 4 ] || host='[::1]'
	# Socket 1 listens, 2 connects, 3 is what was accepted.
	made="socket family=ipv$family" bound="bind socket=1 local=$host:4793$family"
	reuse='setopt socket=1 option=reuseaddr value=1' listen='listen socket=1 backlog=5'
	connect="connect socket=2 to=$host:4793$family"
	text='pattern=mix seed=1 offset=4294967290'
	controller "ipv$family" 0 "$hello" "$made" "$reuse" "$bound" "$listen" "$made" "$connect" 'accept socket=1' \
		'send socket=2 data=aGVsbG8=' 'recv socket=3' "recv socket=2 $text length=70000" \
		"send socket=3 $text length=70000" 'name socket=3' 'state socket=3' 'shutdown socket=2 how=write' \
		'recv socket=3 length=10' 'close socket=3' 'recv socket=2' 'close socket=2' 'close socket=1'
	controller "reset-ipv$family" 4 "$hello" "$made" "$reuse" "$bound" "$listen" 'accept socket=1' "$made" \
		"$connect wait=0" 'recv socket=2' 'abort socket=3' 'getopt socket=2 option=error' 'recv socket=2' \
		'accept socket=1 timeout_ms=50' 'close socket=1'
	controller "kept-ipv$family" 0 "$hello" "$made" "$reuse" "$bound" "$listen" \
		"accept socket=1 from=$host:9 timeout_ms=200" "$made" "$connect" "$made" \
		"connect socket=3 to=$host:4793$family" 'accept socket=1 timeout_ms=0' 'close socket=1'
done
controller token 1 'hello version=1 token=0123456789abcdef allow=127.0.0.1' 'socket family=ipv4'
controller wrong-token 1 'hello version=1 token=0123456789abcdeg' 'socket family=ipv4'
controller remote 2 'hello version=1 allow=127.1.0.0/16' 'socket family=ipv4' 'connect socket=1 to=127.1.0.1:1'
controller remote-refused 2 'hello version=1 allow=10.0.0.0/8' 'hello version=2' 'hello version=1' 'hello version=1'
controller options 0 "$hello" 'socket family=ipv4' 'setopt socket=1 option=linger value=-1' \
	'setopt socket=1 option=keepalive value=1' 'getopt socket=1 option=maxseg' 'getopt socket=1 option=linger' \
	'setopt socket=1 option=user_timeout value=4294967296' 'getopt socket=1 option=no%20such'
controller states 0 "$hello" 'state local=127.0.0.1:1 peer=127.0.0.1:2' 'state local=[::1]:1 peer=[::1]:2' \
	'state local=[fe80::1%25lo]:1 peer=[::ffff:127.0.0.1]:2' 'state socket=1' 'state'
controller errors 0 "$hello" 'socket' 'socket family=ipv5' 'bind socket=18446744073709551616 local=x' 'accept socket=1' \
	'nothing' 'close socket=1 socket=1' 'name key' 'send socket=%zz'
{ put 0 && yes '' | head -n 40; } >"$out/agent/unreadable.bin"
{ put 0 && printf 't ' && head -c 5000 /dev/zero && printf '\nt hello version=1\r\n'; } >"$out/agent/long.bin"
