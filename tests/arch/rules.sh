#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The rules of the architecture, as TAP: rules.sh [TREE [BUILD]]. TREE is the source tree, BUILD where it was
# built (finwait, libfwcore.a and src/finwait.8 are read there). rules_can_fail.sh shows each rule a tree
# that breaks it.
tree=${1-${srcdir-.}}
build=${2-.}
nm=${NM-nm}
awk=${AWK-awk}
number=0
listed=$(mktemp) || exit 1
trap 'rm -f "$listed"' EXIT
LC_ALL=C
export LC_ALL

# rule NAME VIOLATIONS: one line per violation; none is a pass.
rule() {
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

is_checkout() {
	[ -e "$tree/.git" ] && git -C "$tree" rev-parse --git-dir >/dev/null 2>&1
}

# All files that belong to the tree. Outside a checkout: what nobody builds.
files() {
	if is_checkout; then
		git -C "$tree" ls-files -co --exclude-standard | while read -r f; do
			[ ! -f "$tree/$f" ] || echo "$f"
		done
	else
		(cd "$tree" && find src tests contrib configure.ac Makefile.am -type f \
			\( -name '*.[ch]' -o -name '*.sh' -o -name '*.in' -o -name '*.a[cm]' \) 2>/dev/null)
	fi | sort
}

# Every #include of src as: FILE WHAT, with WHAT in its quotes or brackets.
includes() {
	files | grep '^src/.*\.[ch]$' | while read -r f; do
		sed -n 's/^[ 	]*#[ 	]*include[ 	]*\(["<][^">]*[">]\).*/\1/p' "$tree/$f" | sed "s|^|$f |"
	done
}

# --- who includes whom ---

directions() {
	includes | $awk -v tree="$tree" '
	BEGIN {
		# directory: what of ours it may include, directories or single headers
		may["core"] = "core"
		may["checks"] = "core checks"
		may["script"] = "core checks script"
		may["run"] = "core checks run"
		may["drive"] = "core checks run drive"
		may["wire"] = "core wire run/link.h"
		# what is reported: exchanges with a target, and what was found in a capture
		may["report"] = "core report run/exchange.h run/track.h"
		may["agent"] = ""
	}
	$2 !~ /^"/ { next }
	{
		split($1, path, "/")
		from = path[2]
		what = substr($2, 2, length($2) - 2)
		if (from == "cmd" || $1 == "src/main.c")
			next
		if (what == "config.h" && (from == "agent" || from == "report")) # for the version
			next
		if (!(from in may)) {
			print $1 ": src/" from " has no rule about what it may include"
			next
		}
		if (what !~ /\//) {
			# a header beside the file: the agent is built on its own
			beside = $1
			sub(/[^\/]*$/, what, beside)
			if ((getline line < (tree "/" beside)) >= 0)
				next
		}
		n = split(may[from], list, " ")
		split(what, to, "/")
		for (i = 1; i <= n; i++)
			if (list[i] == what || list[i] == to[1])
				next
		print $1 " includes " what
	}'
}

core_headers() {
	includes | $awk '$1 ~ /^src\/core\// && $2 ~ /^</ &&
		$2 !~ /^<(assert|ctype|inttypes|limits|stdarg|stdbool|stddef|stdint|stdio|stdlib|string)\.h>$/ {
		print $1 " includes " $2
	}'
}

# one_place LIBRARY PATTERN: its headers in at most two files, all in src/wire
one_place() {
	includes | $awk -v library="$1" -v pattern="$2" '
	$2 ~ pattern && !seen[$1]++ {
		if ($1 !~ /^src\/wire\//)
			print $1 " includes " $2
		list = list " " $1
		n++
	}
	END { if (n > 2) print library " is included by" list ": more than two files" }'
}

# --- the core library: pure ---

core_symbols() {
	$nm -g "$core" 2>/dev/null | $awk '
	NF == 3 { defined[$3] = 1 }
	NF == 2 && $1 ~ /^[Uw]$/ { used[$2] = 1 }
	END {
		for (s in used) {
			if (s in defined)
				continue
			if (s ~ /^__(asan|ubsan|sanitizer|sancov|gcov|llvm|stack_chk)_/ || s ~ /^__start___|^__stop___/)
				continue
			if (s ~ /^_GLOBAL_OFFSET_TABLE_$|^__ctype_(b|tolower|toupper)_loc$/)
				continue
			plain = s
			sub(/^__/, "", plain)
			sub(/_chk$/, "", plain)
			sub(/^isoc[0-9]*_/, "", plain)
			if (plain ~ /^(mem(cpy|set|cmp|move|chr|pcpy)|bcmp|v?snprintf)$/)
				continue
			if (plain ~ /^(str(len|nlen|cmp|ncmp|chr|rchr|str|spn|cspn|pbrk|cpy|ncpy|cat|tol|toul|toll|toull)|stpcpy)$/)
				continue
			if (plain ~ /^(qsort|bsearch|abort|assert_fail|tolower|toupper|is(alnum|alpha|digit|print|space|xdigit))$/)
				continue
			print "the core calls " s
		}
	}' | sort
}

# Pointers in const tables are in .data.rel.ro, which the loader seals.
core_data() {
	$nm -f sysv "$core" 2>/dev/null | $awk -F'|' '
	NF == 7 {
		section = $7
		gsub(/ /, "", section)
		gsub(/ /, "", $1)
		if (section ~ /^\.(t?data|t?bss|sdata|sbss|ldata|lbss)(\.|$)|^\*COM\*$/ && section !~ /^\.data\.rel\.ro/)
			print $1 " is mutable, in " section
	}'
}

# --- documents and files ---

options_in_man_page() {
	for command in $("$build/finwait" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'); do
		"$build/finwait" "$command" --help | grep -oE '^  (-., |    )--[a-z0-9-]+' | sed 's/.*--//' |
			while read -r option; do
				roff=$(printf '%s' "$option" | sed 's/-/\\-/g')
				sed -n "/^\.Ss finwait $command /,/^\.S/p" "$build/src/finwait.8" |
					grep -qF -e "Fl \\-$roff" || echo "finwait $command --$option"
			done
	done
}

# Captures, corpora and other data have no room for one.
spdx() {
	files | grep -vE '^(COPYING|README)$|\.(pcap|pcapng|bin|golden|json|jsonl|tsv|txt)$|/(corpus|golden)/' |
		while read -r f; do
			head -n 5 "$tree/$f" | grep -q 'SPDX-License-Identifier: BSD-2-Clause' || echo "$f"
		done
}

top_level() {
	git -C "$tree" ls-files -co --exclude-standard | sed 's|/.*||' | sort -u |
		grep -vE '^(\..*|configure\.ac|Makefile\.am|src|tests|contrib|README|COPYING)$'
}

too_long() {
	files | grep '^src/.*\.[ch]$' | while read -r f; do
		lines=$(wc -l <"$tree/$f")
		[ "$lines" -le 600 ] || echo "$f has $lines lines"
	done
}

left_for_later() {
	words='TO''DO|FIX''ME|XX''X|HA''CK'
	files | grep -E '^(src|tests|contrib)/' | while read -r f; do
		grep -nIwE "$words" "$tree/$f" /dev/null | sed "s|^$tree/||"
	done
}

# A peer made from the table of rules would only prove the table to itself.
peer_alone() {
	files | grep -E '^tests/peer/(peer[a-z_]*|faults|mutate)\.[ch]$' | while read -r f; do
		sed -n 's/^[ 	]*#[ 	]*include[ 	]*"\([^"]*\)".*/\1/p' "$tree/$f" |
			grep -vE '^(core/(seq|address|options|segment)|peer|peer_internal|faults)\.h$' |
			sed "s|^|$f includes |"
	done
}

# A file that no rule of the Makefile names is missing from the tarball.
unlisted() {
	tr -s ' \t=' '\n' <"$tree/Makefile.am" >"$listed"
	files | grep -E '^(src|tests|contrib)/' | while read -r f; do
		# as itself, as a program of one source, or by its directory, as data is
		printf '%s\n' "$f" "${f%.c}" "${f%/*}" | grep -qxF -f - "$listed" || echo "$f"
	done
}

echo 1..13
rule 'directories include only what they may' "$(directions)"
rule 'the core includes only libc' "$(core_headers)"
rule 'the simulated peer knows nothing of the rules' "$(peer_alone)"
rule 'libpcap is kept in two files of src/wire' "$(one_place libpcap '^<pcap[./]')"
rule 'libnet is kept in two files of src/wire' "$(one_place libnet '^<libnet[./]')"
core=$build/libfwcore.a
if ! [ -f "$core" ]; then
	skip 'the core calls only pure functions' "no $core"
	skip 'the core has no mutable data' "no $core"
elif $nm "$core" 2>/dev/null | grep -q '__asan_\|__sancov'; then
	rule 'the core calls only pure functions' "$(core_symbols)"
	skip 'the core has no mutable data' 'the sanitizers add their own'
else
	rule 'the core calls only pure functions' "$(core_symbols)"
	rule 'the core has no mutable data' "$(core_data)"
fi
if [ -x "$build/finwait" ] && [ -f "$build/src/finwait.8" ]; then
	rule 'every option is in the man page' "$(options_in_man_page)"
else
	skip 'every option is in the man page' 'finwait or its man page is not built'
fi
rule 'every file names its licence' "$(spdx)"
if is_checkout; then
	rule 'the top level holds what is laid down' "$(top_level)"
else
	skip 'the top level holds what is laid down' 'not a git checkout'
fi
rule 'no source file is too long' "$(too_long)"
rule 'nothing is left for later' "$(left_for_later)"
rule 'every file is listed in Makefile.am' "$(unlisted)"
