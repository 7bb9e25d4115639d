#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs all tests: installs the Debian packages that are missing; builds with clang and the address and undefined behaviour
# sanitizers, then with the thread sanitizer, and runs the tests in both; then builds with gcc and runs all of them. The
# last summary is that of ctest for gcc. --quick: gcc only.
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/packages.sh

quick=
[ "${1:-}" = --quick ] && quick=yes
need_packages "${build_packages[@]}" "${test_packages[@]}"
tests/usb/vm/vm-setup || say "the tests that need a real kernel are skipped"

# Tests wait more than they compute: for virtual units that boot, for clouds that are away.
at_a_time=$((2 * $(nproc)))
# run_tests PRESET [CTEST-OPTIONS]
run_tests() {
	local preset=$1
	shift
	ctest --test-dir "build/$preset" --output-on-failure --parallel "$at_a_time" --timeout 600 "$@"
}
# built PRESET: says so, then does it
built() {
	say "building: $1"
	build "$1"
}

failed=()
# Hundreds of short runs of other people's hosts: what they meet in the station, the other tests meet too.
hosts='^usb_(judge|left)$'
if [ -z "$quick" ]; then
	built asan
	say "testing: asan"
	run_tests asan --exclude-regex "$hosts|^usb_swaps$" || failed+=(asan)
	built tsan
	say "testing: tsan"
	# What has no threads has nothing to tell here; the other sweeps have the same threads as these.
	reads='^flow_(audit|browser|certificate|export|report.*)$'
	run_tests tsan --exclude-regex "$hosts|$reads|^(fuzz|rule)_|^sweep_(killed|power)_" || failed+=(tsan)
fi
built dev
say "testing: dev"
[ "${#failed[@]}" -gt 0 ] || exec ctest --test-dir build/dev --output-on-failure --parallel "$at_a_time" --timeout 600
run_tests dev || true
say "tests failed in: ${failed[*]}"
exit 1
