#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every fuzz target survives its seeds, also cut short (standalone.c), those in the tree and those that
# make_seeds.sh writes.
srcdir=${srcdir-.}
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
number=0

sh "$srcdir/tests/fuzz/make_seeds.sh" "$top/seeds" || exit 1
for source in "$srcdir"/tests/fuzz/fuzz_*.c; do
	name=${source##*/fuzz_}
	name=${name%.c}
	for seed in "$srcdir/tests/fuzz/seeds/$name"/* "$top/seeds/$name"/*; do
		[ -e "$seed" ] || continue
		number=$((number + 1))
		if "./tests/fuzz/fuzz_$name" "$seed" >"$top/out" 2>&1; then
			echo "ok $number - $name ${seed##*/}"
		else
			echo "not ok $number - $name ${seed##*/}"
			sed 's/^/# /' "$top/out"
		fi
	done
done
echo "1..$number"
