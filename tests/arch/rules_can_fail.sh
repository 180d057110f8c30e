#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Shows rules.sh a small tree that keeps all rules, then, for each rule, the same tree with one thing broken.
rules=${srcdir-.}/tests/arch/rules.sh
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 1' HUP INT TERM
t=$top/tree
number=0

put() {
	mkdir -p "$(dirname "$t/$1")"
	shift_to=$1
	shift
	printf '%s\n' "$@" >"$t/$shift_to"
}

spdx='/* SPDX-License-Identifier: BSD-2-Clause */'

good_tree() {
	rm -rf "$t"
	put configure.ac 'dnl SPDX-License-Identifier: BSD-2-Clause'
	put Makefile.am '# SPDX-License-Identifier: BSD-2-Clause' \
		'x = src/main.c src/core/a.c src/core/a.h src/run/link.h src/wire/c.c src/wire/d.c src/wire/e.c' \
		'y = src/agent/b.c src/agent/b.h src/checks/k.c tests/peer/peer_in.c'
	put src/main.c "$spdx" '#include "wire/w.h"' '#include "config.h"'
	put src/core/a.c "$spdx" '#include "core/a.h"' '#include <string.h>'
	put src/core/a.h "$spdx"
	put src/run/link.h "$spdx" '#include "core/a.h"'
	put src/wire/c.c "$spdx" '#include "run/link.h"' '#include <pcap.h>' '#include <pcap/bpf.h>'
	put src/wire/d.c "$spdx" '#include <libnet.h>' '#include <pcap.h>'
	put src/wire/e.c "$spdx" '#include <libnet.h>'
	put src/agent/b.c "$spdx" '#include "b.h"' '#include <sys/socket.h>'
	put src/agent/b.h "$spdx"
	put tests/peer/peer_in.c "$spdx" '#include "core/seq.h"' '#include "peer_internal.h"'
	put src/checks/k.c "$spdx" '#include "core/a.h"'
	put build/finwait '#!/bin/sh' \
		'test "$1" != --help || printf "Commands:\n  probe      does it\n\n      --not-here\n"' \
		'test "$1" != probe || printf "  -i, --interface=X  x\n      --syn-options\n"'
	chmod +x "$t/build/finwait"
	put build/src/finwait.8 '.Ss finwait probe [option ...] X' '.It Fl i , Fl \-interface' \
		'.It Fl \-syn\-options' '.Ss finwait other'
	archive 'int f(const char *s) { return __builtin_strlen(s) > 3; }' \
		'const char *const table[] = {"a", "b"};'
}

# archive TEXT...: libfwcore.a from C text, position-independent as configure builds it
archive() {
	mkdir -p "$t/build"
	printf '#include <stddef.h>\nsize_t strlen(const char *);\n' >"$top/core.c"
	printf '%s\n' "$@" >>"$top/core.c"
	rm -f "$t/build/libfwcore.a"
	${CC-cc} -fPIE -O0 -c -o "$top/core.o" "$top/core.c" && ar rc "$t/build/libfwcore.a" "$top/core.o"
}

result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$top/out"
	fi
}

# breaks RULE VIOLATION: exactly this rule now fails, and says what is wrong
breaks() {
	sh "$rules" "$t" "$t/build" >"$top/out" 2>&1
	[ "$(grep -c '^not ok' "$top/out")" = 1 ] && grep -q "^not ok [0-9]* - $1\$" "$top/out" &&
		grep -qF -e "# $2" "$top/out"
	result $? "broken: $1 ($2)"
	good_tree
}

good_tree
if ! [ -f "$t/build/libfwcore.a" ]; then
	echo '1..0 # SKIP no C compiler'
	exit 0
fi
git=no
git -c init.defaultBranch=x init -q "$top/checkout" >/dev/null 2>&1 && git=yes

echo 1..28
sh "$rules" "$t" "$t/build" >"$top/out" 2>&1
[ "$(grep -c '^ok' "$top/out")" = 13 ] && [ "$(grep -c SKIP "$top/out")" = 1 ]
result $? 'a tree that keeps all rules passes'

directions='directories include only what they may'
put src/core/a.c "$spdx" '#include "wire/c.h"'
breaks "$directions" 'src/core/a.c includes wire/c.h'
put src/core/a.c "$spdx" '#include "b.h"'
breaks "$directions" 'src/core/a.c includes b.h'
put src/checks/k.c "$spdx" '  #  include "run/link.h"'
breaks "$directions" 'src/checks/k.c includes run/link.h'
put src/run/link.h "$spdx" '#include "wire/x.h"'
breaks "$directions" 'src/run/link.h includes wire/x.h'
put src/wire/c.c "$spdx" '#include "run/other.h"'
breaks "$directions" 'src/wire/c.c includes run/other.h'
put src/agent/b.c "$spdx" '#include "core/a.h"'
breaks "$directions" 'src/agent/b.c includes core/a.h'
put src/odd/o.c "$spdx" '#include "core/a.h"'
echo 'z = src/odd/o.c' >>"$t/Makefile.am"
breaks "$directions" 'src/odd/o.c: src/odd has no rule'

put src/core/a.c "$spdx" '#include <sys/socket.h>'
breaks 'the core includes only libc' 'src/core/a.c includes <sys/socket.h>'

put tests/peer/peer_in.c "$spdx" '#include "core/rules.h"'
breaks 'the simulated peer knows nothing of the rules' 'tests/peer/peer_in.c includes core/rules.h'

put src/wire/e.c "$spdx" '#include <pcap.h>'
breaks 'libpcap is kept in two files of src/wire' 'libpcap is included by'
put src/main.c "$spdx" '#include <pcap/pcap.h>'
put src/wire/c.c "$spdx"
breaks 'libpcap is kept in two files of src/wire' 'src/main.c includes <pcap/pcap.h>'
put src/wire/c.c "$spdx" '#include <libnet.h>'
breaks 'libnet is kept in two files of src/wire' 'libnet is included by'
put src/checks/k.c "$spdx" '#include <libnet.h>'
put src/wire/d.c "$spdx"
breaks 'libnet is kept in two files of src/wire' 'src/checks/k.c includes <libnet.h>'

pure='the core calls only pure functions'
archive 'void *malloc(size_t);' 'void *f(void) { return malloc(3); }'
breaks "$pure" 'the core calls malloc'
archive 'long time(long *);' 'long f(void) { return time(0); }'
breaks "$pure" 'the core calls time'
archive 'int printf(const char *, ...);' 'int f(void) { return printf("%d", 3); }'
breaks "$pure" 'the core calls printf'

data='the core has no mutable data'
archive 'int counter;'
breaks "$data" 'counter is mutable'
archive 'int f(void) { static int calls = 3; return calls++; }'
breaks "$data" 'calls.'
archive 'const char *table[] = {"a"};'
breaks "$data" 'table is mutable'

put build/src/finwait.8 '.Ss finwait probe X' '.It Fl i , Fl \-interface' '.Ss finwait other' '.It Fl \-syn\-options'
breaks 'every option is in the man page' 'finwait probe --syn-options'

put src/core/a.h 'int f(void);'
breaks 'every file names its licence' 'src/core/a.h'

# A word in pieces, so that this file keeps the rule itself.
later='TO''DO'
put src/core/a.h "$spdx" "/* $later: more */"
breaks 'nothing is left for later' 'src/core/a.h:2:'

put src/core/a.h "$spdx" "$(yes 'int f(void);' | head -n 599)"
sh "$rules" "$t" "$t/build" >"$top/out" 2>&1
! grep -q '^not ok' "$top/out"
result $? '600 lines are not too long'
echo >>"$t/src/core/a.h"
breaks 'no source file is too long' 'src/core/a.h has 601 lines'

put src/core/new.c "$spdx"
breaks 'every file is listed in Makefile.am' 'src/core/new.c'
put contrib/a.h "$spdx"
breaks 'every file is listed in Makefile.am' 'contrib/a.h'

top_level='the top level holds what is laid down'
if [ $git = yes ]; then
	mv "$top/checkout/.git" "$t/.git"
	put NEWS 'SPDX-License-Identifier: BSD-2-Clause'
	put .gitignore '# SPDX-License-Identifier: BSD-2-Clause' /build/
	breaks "$top_level" NEWS
else
	number=$((number + 1))
	echo "ok $number - broken: $top_level # SKIP no git"
fi
