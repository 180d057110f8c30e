#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The frame of the command line, with the built program: help, version, wrong words, lost output.
program=./finwait
# shellcheck source=tests/arch/expect.sh
. "${srcdir-.}/tests/arch/expect.sh"

# One line on standard error, nothing on standard output.
one_line() {
	[ "$(wc -l <"$top/err")" = 1 ] && ! [ -s "$top/out" ] && grep -q '^finwait: ' "$top/err"
	result $? "$1: one line" 'not exactly one line of error'
}

expect 'no arguments: usage' 2 'usage: finwait COMMAND'
expect '--help' 0 'Commands:' --help
expect '-h' 0 'Commands:' -h
expect 'help' 0 'Commands:' help
expect '--version' 0 'finwait ' --version
grep -qE '^finwait [0-9]+\.[0-9]+\.[0-9]+$' "$top/out"
result $? 'the version is a version' 'no version'
expect 'version of a command' 0 'finwait ' probe --version
expect 'unknown command' 2 "did you mean: finwait probe" prob
one_line 'unknown command'
expect 'unlike any command' 2 "'finwait --help' lists them" xyzzyxyzzy
expect 'target without command' 2 'did you mean: finwait probe 198.18.0.2:7' 198.18.0.2:7
one_line 'target without command'
expect 'IPv6 target without command' 2 'did you mean: finwait probe [::1]:7' '[::1]:7'
expect 'name without command' 2 'did you mean: finwait probe host.example:7' host.example:7
expect 'option without command' 2 'as in: finwait probe --seed' --seed
expect 'unknown option' 2 'unknown option --jsno; did you mean --json?' probe --jsno
one_line 'unknown option'
expect 'control characters are escaped' 2 'there is no command '"'a\\x1b[31m\\x0ab'" "$(printf 'a\033[31m\nb')"
one_line 'control characters'
expect 'empty word' 2 "there is no command ''" ''
expect 'help of nothing' 2 "there is no command 'nothing'" help nothing
expect 'help of two' 2 'one command at a time' help probe help
expect 'probe without a target' 2 'finwait: ' probe

for command in $("$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'); do
	expect "help $command" 0 "usage: finwait $command" help "$command"
	cp "$top/out" "$top/first"
	expect "$command --help" 0 "usage: finwait $command" "$command" --help
	cmp -s "$top/first" "$top/out"
	result $? "both helps of $command are the same" 'they differ'
	! grep -qE '^.{80}' "$top/out"
	result $? "help of $command fits in 80 columns" 'a line is too long'
done

# lost NAME: what was just run with its output lost
lost() {
	: >"$top/out"
	cp "$top/err" "$top/all"
	[ "$status" = 3 ] && grep -q 'standard output cannot be written' "$top/err"
	result $? "$1" "exit status $status instead of 3, or no reason"
	one_line "$1"
}
if [ -c /dev/full ]; then
	"$program" help probe >/dev/full 2>"$top/err"
	status=$?
	lost 'full disk'
fi
"$program" --version >&- 2>"$top/err"
status=$?
lost 'closed output'
# A pipe whose reader is gone: a FIFO opened both ways, so that opening does not wait, then for writing only.
mkfifo "$top/pipe"
exec 3<>"$top/pipe" 4>"$top/pipe" 3>&-
"$program" --help >&4 2>"$top/err"
status=$?
cp "$top/err" "$top/all"
exec 4>&-
[ $status = 3 ] && ! [ -s "$top/err" ]
result $? 'reader gone: nothing to complain of' "exit status $status instead of 3, or an error"
"$program" --version 2>&- >"$top/out"
status=$?
cp "$top/out" "$top/all"
[ $status = 0 ]
result $? 'closed standard error does no harm' "exit status $status"

if command -v bash >/dev/null 2>&1; then
	"$program" help --completion=bash >"$top/completion"
	# proposals WORD...: the proposals for the last word
	proposals() {
		bash -c '. "$0" || exit 1
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			_finwait; echo "${COMPREPLY[*]}"' "$top/completion" "$@" >"$top/all" 2>&1
	}
	proposals finwait pro
	[ "$(cat "$top/all")" = probe ]
	result $? 'completion: commands' 'not only probe'
	proposals finwait probe --clos
	[ "$(cat "$top/all")" = --close= ]
	result $? 'completion: options' 'not only --close='
	proposals finwait probe --close = ha
	[ "$(cat "$top/all")" = half ]
	result $? 'completion: choices' 'not only half'
	proposals finwait probe --interface lo
	# Where /sys is not mounted, as in a bare chroot, there is nothing to propose.
	[ ! -d /sys/class/net ] || grep -qw lo "$top/all"
	result $? 'completion: interfaces' 'no lo'
	proposals finwait help p
	[ "$(cat "$top/all")" = probe ]
	result $? 'completion: commands of help' 'not only probe'
fi
echo "1..$number"
