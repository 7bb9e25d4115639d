#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `station slots --learn` under an operator who plugs units in: the config gets the ports in that order, and keeps everything
# else. The machine's USB bus is umockdev's folder of plain files; a unit is plugged in by a link in it.
set -euo pipefail
: "${STATION:?the station program}" "${BUILT:?the folder of umock-run}" "${SOURCE:?the source tree}"
if [ -z "${UMOCKDEV_DIR:-}" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	"$BUILT/umock-run" --units 1 --folder "$work/probe" -- true 2>"$work/err" || { tail -n 3 "$work/err"; exit 77; }
	status=0
	"$BUILT/umock-run" --units 1 --family photon --folder "$work/units" -- bash "$0" "$work" || status=$?
	exit $status
fi
cd "$1"
sys=$UMOCKDEV_DIR/sys/bus/usb/devices
mkfifo keys

fail() {
	echo "FAILED: $*" >&2
	cat out err >&2 || true
	exit 1
}

plug() { # PORT [VENDOR PRODUCT]
	local dir=$UMOCKDEV_DIR/sys/devices/pci0000:00/0000:00:14.0/usb1/$1
	mkdir -p "$dir"
	echo 1 >"$dir/busnum"
	echo $((RANDOM % 60 + 60)) >"$dir/devnum"
	echo 00 >"$dir/bDeviceClass"
	echo 0250 >"$dir/bcdDevice"
	echo "${2:-2b04}" >"$dir/idVendor"
	echo "${3:-d006}" >"$dir/idProduct"
	ln -sfn "../../../devices/pci0000:00/0000:00:14.0/usb1/$1" "$sys/$1"
}

unplug() {
	rm "$sys/$1"
}

# says WORDS: the program says so, sooner or later
says() {
	for _ in $(seq 1200); do
		grep -qF -- "$1" out && return
		sleep 0.1
	done
	fail "it does not say: $1"
}

# again PORT WORDS: out and in until the program has seen both; it looks every quarter of a second, if it is let
again() {
	local i
	for ((i = 0; i < 60; i++)); do
		unplug "$1"
		sleep 0.6
		plug "$1"
		for _ in 1 2 3 4 5 6 7 8; do
			! grep -qF -- "$2" out || return 0
			sleep 0.1
		done
	done
	fail "it does not say: $2"
}

# learn OPTIONS...: starts it; descriptor 8 is its keyboard
learn() {
	: >out
	"$STATION" slots --learn "$@" <keys >out 2>err &
	learner=$!
	exec 8>keys
}

# ends STATUS
ends() {
	local status=0
	wait $learner || status=$?
	exec 8>&-
	[ $status -eq "$1" ] || fail "exit status $status, not $1"
}

sed -e 's|id = "bench-1"|id = "bench-7"|' "$SOURCE/config/station.cfg" >station.cfg
chmod 640 station.cfg
ln -s station.cfg link.cfg
cp station.cfg before.cfg

learn --config link.cfg
says "a unit is at 1-1 already"
plug 1-4.2
says "A1        1-4.2"
plug 1-9 046d c31c # a keyboard is no unit
plug 1-3
says "A2        1-3"
again 1-4.2 "that port is A1 already"
again 1-1 "A3        1-1"
cmp station.cfg before.cfg || fail "written too early"
echo >&8
ends 0
"$STATION" slots --config station.cfg >slots
sed -e 's/  */ /g' slots | cmp - <(printf '%s pci0000:00/0000:00:14.0\n' 'A1 1-4.2' 'A2 1-3' 'A3 1-1') || fail "other slots"
[ -L link.cfg ] || fail "the link was replaced"
[ "$(stat -c %a station.cfg)" = 640 ] || fail "the mode changed"
# Lines outside the list are those that were there, in their order.
diff before.cfg station.cfg | grep '^[<>]' | grep -v 'name = "' && fail "more than the slots was changed"
grep -q '// { name = "B1"; port = "3-1"' station.cfg || fail "a comment was lost"

# More slots, with names; the end of the input ends it, and so does the last name.
cp station.cfg before.cfg
unplug 1-3
learn --config station.cfg --add --names L1,L2,L3
says "into L1"
plug 1-7
says "L1        1-7"
exec 8>&-
ends 0
[ "$("$STATION" slots --config station.cfg | awk '{ printf "%s=%s ", $1, $2 }')" = "A1=1-4.2 A2=1-3 A3=1-1 L1=1-7 " ] || fail "not added"

# Ctrl-C ends it too; nothing learned is nothing written.
cp station.cfg before.cfg
learn --config station.cfg
says "into A1"
kill -INT $learner
ends 1
cmp before.cfg station.cfg || fail "written without a slot"
# A config that is edited meanwhile is not overwritten; a new one is made where none is.
learn --config station.cfg
says "into A1"
plug 1-5
says "A1        1-5"
echo "# edited" >>station.cfg
echo >&8
ends 2
tail -n 1 station.cfg | grep '^# edited$' >/dev/null || fail "an edit was lost"
unplug 1-5
learn --config made.cfg --prefix S
says "into S1"
plug 1-5
says "S1        1-5"
echo >&8
ends 0
"$STATION" slots --config made.cfg | grep '^S1 .*1-5' >/dev/null || fail "no new config"
echo "slots are learned by plugging"
