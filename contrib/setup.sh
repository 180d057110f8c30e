# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # lists for those who source it
# What quickstart and check have in common: packages, and the build. Sourced in the source directory.

# To build and to make the lab; to test as well.
build_packages="autoconf automake make gcc libc6-dev pkg-config
	libpcap-dev libnet1-dev libcap-ng-dev libjansson-dev libmnl-dev iproute2
	util-linux"
test_packages="libcmocka-dev clang mandoc shellcheck tcpdump ethtool libnftables1 nftables libcap2-bin
	python3"

jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null) || jobs=2

say() {
	printf '%s\n' "$@"
}

complain() {
	printf '%s\n' "$*" >&2
}

# missing PACKAGE...: prints those that are not installed
missing() {
	for package in "$@"; do
		case $(dpkg-query -W -f '${Status} ' "$package" 2>/dev/null) in
		*'install ok installed'*) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

# The compiler's sanitizer library has a package of its own, named after clang's version.
clang_runtime() {
	clang_version=$(clang -dumpversion 2>/dev/null) || return 0
	printf 'libclang-rt-%s-dev\n' "${clang_version%%.*}"
}

# install_missing COMMAND-TO-REPEAT PACKAGE...: 0, or says what to do and exits 3
install_missing() {
	repeat=$1
	shift
	if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
		say "Not Debian or Ubuntu: nothing is installed. Needed is what these packages hold: $*"
		return 0
	fi
	wanted=$(missing "$@")
	wanted=${wanted% }
	[ -n "$wanted" ] || return 0
	if [ "$(id -u)" = 0 ]; then
		as_root=''
	elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		as_root='sudo -n'
	else
		complain "Packages are missing. Install them with this, then run $repeat again:"
		complain "su -c 'apt-get update && apt-get install -y --no-install-recommends $wanted'"
		exit 3
	fi
	say "Installing with apt-get: $wanted"
	# Without the network the lists that are there may still do.
	# shellcheck disable=SC2086 # lists
	$as_root apt-get -q update >>"$build/install.log" 2>&1 </dev/null
	# shellcheck disable=SC2086
	quietly "$build/install.log" $as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y --no-install-recommends install $wanted || exit 3
}

# quietly LOG COMMAND [ARGUMENT...]: output into LOG, shown if COMMAND fails
quietly() {
	log=$1
	shift
	"$@" >>"$log" 2>&1 </dev/null && return
	complain "Failed: $*"
	complain "The end of $log:"
	tail -n 40 "$log" >&2
	return 1
}

# prepare_source: makes configure where it is missing or old
prepare_source() {
	if [ -e config.status ]; then
		complain "This directory is configured itself; run 'make distclean' in it first."
		return 1
	fi
	if [ -f configure ] && [ -f Makefile.in ] && [ -z "$(find configure.ac Makefile.am -newer Makefile.in)" ]; then
		return 0
	fi
	quietly "$build/autoreconf.log" autoreconf -i
}

# build_in DIRECTORY [CONFIGURE-ARGUMENT...]: builds there, out of the source directory. In a subshell.
build_in() (
	mkdir -p "$1" && cd "$1" || exit
	log_dir=$PWD
	shift
	rm -f "$log_dir/build.log"
	quietly "$log_dir/build.log" "$source/configure" "$@" &&
		quietly "$log_dir/build.log" make -j"$jobs"
)

source=$PWD
build=$source/build
mkdir -p "$build" || exit 3
rm -f "$build/install.log" "$build/autoreconf.log"
