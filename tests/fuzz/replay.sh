#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every fuzz target survives its seeds, also cut short at every length up to 64 bytes.
srcdir=${srcdir-.}
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
number=0

for source in "$srcdir"/tests/fuzz/fuzz_*.c; do
	name=${source##*/fuzz_}
	name=${name%.c}
	for seed in "$srcdir/tests/fuzz/seeds/$name"/*; do
		number=$((number + 1))
		rm -f "$top"/cut*
		cp "$seed" "$top/cut"
		length=$(wc -c <"$seed")
		n=0
		while [ $n -lt 64 ] && [ $n -lt "$length" ]; do
			head -c $n "$seed" >"$top/cut$n"
			n=$((n + 1))
		done
		if "./tests/fuzz/fuzz_$name" "$top"/cut* >"$top/out" 2>&1; then
			echo "ok $number - $name ${seed##*/}"
		else
			echo "not ok $number - $name ${seed##*/}"
			sed 's/^/# /' "$top/out"
		fi
	done
done
echo "1..$number"
