#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every fuzz target survives its seeds, also cut short (standalone.c), those in the tree and those that
# make_seeds.sh writes; each target has some.
srcdir=${srcdir-.}
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
number=0

sh "$srcdir/tests/fuzz/make_seeds.sh" "$top/seeds" || exit 1
for source in "$srcdir"/tests/fuzz/fuzz_*.c; do
	name=${source##*/fuzz_}
	name=${name%.c}
	seeds=0
	for seed in "$srcdir/tests/fuzz/seeds/$name"/* "$top/seeds/$name"/*; do
		[ -e "$seed" ] || continue
		number=$((number + 1)) seeds=$((seeds + 1))
		if "./tests/fuzz/fuzz_$name" "$seed" >"$top/out" 2>&1; then
			echo "ok $number - $name ${seed##*/}"
		else
			echo "not ok $number - $name ${seed##*/}"
			sed 's/^/# /' "$top/out"
		fi
	done
	if [ "$seeds" -eq 0 ]; then
		number=$((number + 1))
		echo "not ok $number - $name has no seeds"
	else
		echo "# $name: $seeds seeds"
	fi
done
echo "1..$number"
