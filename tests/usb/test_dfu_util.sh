#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Somebody else's host, unchanged, judges the virtual units behind the emulated kernel interface: dfu-util lists, writes and
# reads them.
set -euo pipefail
command -v dfu-util >/dev/null || {
	echo "skipped: dfu-util is not installed"
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "FAILED: $*"
	exit 1
}

# lists FAMILY ID LAYOUT
lists() {
	"$BUILT/umock-run" --units 3 --family "$1" --folder "$work/$1" -- dfu-util -l >"$work/list"
	[ "$(grep -c "Found DFU: \[$2\]" "$work/list")" = 6 ] || fail "dfu-util does not list 3 $1 units with 2 settings each"
	grep -qF "$3" "$work/list" || fail "dfu-util does not see the layout of the $1"
}

# writes FAMILY ID ADDRESS OFFSET SIZE: to the second of two units, and not to the first
writes() {
	head -c "$5" /dev/urandom >"$work/image"
	cp "$work/$1/A1/alt0.bin" "$work/first"
	"$BUILT/umock-run" --units 2 --family "$1" --folder "$work/$1" -- sh -c "
		dfu-util -d $2 -p 1-2 -a 0 -s $3 -D $work/image &&
		dfu-util -d $2 -p 1-2 -a 0 -s $3:$5 -U $work/back" >"$work/log" 2>&1 || {
		cat "$work/log"
		fail "dfu-util could not write and read the $1"
	}
	cmp "$work/image" "$work/back" || fail "dfu-util reads other bytes than it wrote"
	cmp -n "$5" "$work/image" "$work/$1/A2/alt0.bin" 0 "$4" || fail "the memory of the $1 differs from the image"
	cmp "$work/first" "$work/$1/A1/alt0.bin" || fail "the other unit was touched"
	rm "$work/back"
}

lists core 1d50:607f '@Internal Flash  /0x08000000/20*001Ka,108*001Kg'
lists photon 2b04:d006 '@DCT Flash   /0x00000000/01*016Kg'
writes core 1d50:607f 0x08005000 $((0x5000)) 20480
writes photon 2b04:d006 0x080A0000 $((0xA0000)) 65536
echo "dfu-util lists, writes and reads virtual units"
