#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One and the same DfuSe file for two alternate settings, by dfu-util and by the station: it leaves the same memories.
set -euo pipefail
command -v dfu-util >/dev/null || {
	echo "skipped: dfu-util is not installed"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export STATION_CONFIG="$SOURCE/config/station.cfg"

fail() {
	tr '\r' '\n' <log | grep -v '%' || true
	echo "FAILED: $*"
	exit 1
}

user=$SOURCE/jobs/images/core-user.bin
head -c 9001 /dev/urandom >one
head -c 300 /dev/urandom >two
"$HELPERS/make_dfuse" x.dfu 0x1d50 0x607f 0 0x08005000 "$user" 1 0x90000 one 1 0x9ff00 two

"$BUILT/umock-run" --units 1 --family core --folder theirs -- dfu-util -d 1d50:607f -D x.dfu >log 2>&1 ||
	fail "dfu-util does not take the file"
grep -q 'File contains 2 DFU images' log || fail "dfu-util does not see two targets"
! grep -qi 'skipping\|warning\|mismatch' log || fail "dfu-util finds fault with the file"
grep -q 'setting 0, (1 elements' log && grep -q 'setting 1, (2 elements' log || fail "dfu-util sees other elements"

printf 'job : { name = "x"; family = "core"; images = ( { file = "x.dfu"; } ); };\n' >x.cfg
"$STATION" rehearse x.cfg --units 1 --state ours >log 2>&1 || fail "the station does not make a unit of the file"

cmp theirs/A1/alt1.bin ours/units/A1/alt1.bin || fail "the SPI flashes differ"
# In front of it are the unit's own flags, which the leave changes.
size=$((0x20000 - 0x5000))
cmp -n "$size" theirs/A1/alt0.bin ours/units/A1/alt0.bin "$((0x5000))" "$((0x5000))" || fail "the applications differ"
cmp -n 9001 one ours/units/A1/alt1.bin 0 "$((0x90000))" || fail "the first element is not there"
cmp -n 300 two ours/units/A1/alt1.bin 0 "$((0x9ff00))" || fail "the second element is not there"
echo "dfu-util and the station write the same DfuSe file alike"
