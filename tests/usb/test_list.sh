#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `station list` says of each port which of the many kinds of "no DFU device found" it is, and opens nothing. The machine's
# USB bus is umockdev's folder of plain files, so that the test can spoil one thing after another in it.
set -euo pipefail
: "${STATION:?the station program}" "${UMOCK_RUN:?umock-run}"
if [ -z "${UMOCKDEV_DIR:-}" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	chmod 755 "$work"
	status=0
	# Two Photons in DFU; then one that runs.
	"$UMOCK_RUN" --units 2 --family photon --folder "$work/dfu" -- bash "$0" "$work" dfu || status=$?
	[ $status -ne 0 ] || "$UMOCK_RUN" --units 1 --family photon --mode run --folder "$work/running" -- bash "$0" "$work" running || status=$?
	exit $status
fi
cd "$1"
sys=$UMOCKDEV_DIR/sys/bus/usb/devices
node=/dev/bus/usb/001/$(printf %03d "$(cat "$sys/1-1/devnum")")
real_node=$UMOCKDEV_DIR$node
cat >station.cfg <<-'END'
	station : {
		id = "bench-1";
		slots = ( { name = "A1"; port = "1-1"; }, { name = "A2"; port = "1-2"; }, { name = "A3"; port = "1-3"; } );
	};
END

fail() {
	echo "FAILED: $*" >&2
	cat out err >&2 || true
	exit 1
}

# list [PREFIX...]: what is attached, into ./out; 100 columns at most
list() {
	"$@" "$STATION" list --config station.cfg >out 2>err || fail "status $?"
	awk 'length($0) > 100 { bad = 1 } END { exit bad }' out || fail "a line is longer than 100 columns"
	"$@" "$STATION" list --config station.cfg --json >json
	jq -e . json >/dev/null || fail "not JSON"
}

# is PORT FIELD VALUE
is() {
	local found
	found=$(jq -r "select(.port == \"$1\") | .$2 | if type == \"array\" then join(\",\") else . end" json)
	[ "$found" = "$3" ] || fail "$1: $2 is '$found', not '$3'"
}

# says WORDS: in the text for people
says() {
	tr -s '\n ' '  ' <out | grep -qF -- "$1" || fail "the list does not say: $1"
}

if [ "$2" = running ]; then
	list
	is 1-1 mode running
	is 1-1 state ready
	is 1-1 device_id "$(cat "$sys/1-1/serial" | tr A-F a-f)"
	says "a batch sends it into DFU"
	exit 0
fi

list
is 1-1 slot A1
is 1-1 families photon
is 1-1 mode DFU
is 1-1 state ready
is 1-1 device_id "$(cat "$sys/1-1/serial")"
is 1-3 state empty
grep -q '^A1 .*photon .*DFU .*ready$' out || fail "no line for A1"

# An old bootloader shows the same serial on all units: no id, but usable.
cp -r "$sys/1-1/serial" saved
echo 00000000010C >"$sys/1-1/serial"
list
is 1-1 state ready
is 1-1 device_id null
says 'its serial "00000000010C" is none'
# Two units with one id.
cp "$sys/1-2/serial" "$sys/1-1/serial"
list
is 1-1 state twin
is 1-2 state twin
says "port 1-2 shows the same device id"
# The unit says that it has a serial, but the kernel could not read it.
rm "$sys/1-1/serial"
list
is 1-1 state unreadable
says "could not be read when it arrived"
cp saved "$sys/1-1/serial"
cp "$sys/1-1/descriptors" saved-descriptors
head -c 30 saved-descriptors >"$sys/1-1/descriptors"
list
is 1-1 state unreadable
says "its descriptors make no sense"
cp saved-descriptors "$sys/1-1/descriptors"

# Something else altogether, and a unit where no slot is.
fake() { # PORT VENDOR PRODUCT NUMBER TEXT
	local dir=$UMOCKDEV_DIR/sys/devices/pci0000:00/0000:00:14.0/usb1/$1
	mkdir -p "$dir"
	echo 1 >"$dir/busnum"
	echo "$4" >"$dir/devnum"
	echo 00 >"$dir/bDeviceClass"
	echo 0100 >"$dir/bcdDevice"
	echo "$2" >"$dir/idVendor"
	echo "$3" >"$dir/idProduct"
	echo "$5" >"$dir/product"
	cp saved-descriptors "$dir/descriptors"
	: >"$UMOCKDEV_DIR/dev/bus/usb/001/$(printf %03d "$4")"
	ln -sfn "../../../devices/pci0000:00/0000:00:14.0/usb1/$1" "$sys/$1"
}
fake 1-3 046d c31c 90 "USB Keyboard"
fake 1-9 2b04 d006 91 "Photon DFU Mode"
echo 0123456789abcdef01234567 >"$sys/1-9/serial"
list
is 1-3 state foreign
is 1-3 slot A3
says "no family has the USB id 046d:c31c, USB Keyboard"
is 1-9 state no-slot
is 1-9 slot null
says "Next: plug it into a slot"
rm "$sys/1-3" "$sys/1-9"

# Another program has it open; and a station has.
exec 7<>"$node"
list
is 1-1 state held
says "another program has it open: bash (process $$)"
exec 7>&-
cp "$(command -v sleep)" station
./station 60 7<>"$node" &
while ! ls -l "/proc/$!/fd/7" >/dev/null 2>&1; do sleep 0.1; done
list
is 1-1 state in-work
kill $!
wait $! 2>/dev/null || true

# No permission, as somebody else than root.
chmod 711 "$UMOCKDEV_DIR"
chmod 600 "$real_node"
if [ "$(id -u)" != 0 ]; then
	chmod 000 "$real_node"
	list
elif command -v setpriv >/dev/null; then
	list setpriv --reuid=65534 --regid=65534 --clear-groups --
fi
if [ "$(id -u)" != 0 ] || command -v setpriv >/dev/null; then
	is 1-1 state no-access
	is 1-2 state no-access
	says "may not open $node"
	says "Next: install the udev rule"
fi
chmod 644 "$real_node"

# No node at all, as in a container without /dev/bus/usb.
mv "$real_node" saved-node
list
is 1-1 state no-access
says "there is no $node"
mv saved-node "$real_node"

# It opens nothing of the bus, and it only reads.
if command -v strace >/dev/null; then
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=open,openat,ioctl -o trace "$STATION" list --config station.cfg >out 2>err || fail "strace"
	! grep -E "open[a-z]*\(.*/dev/bus/usb/[0-9]" trace || fail "the list opens a unit"
	! grep -E "open[a-z]*\(.*/sys/.*O_(WRONLY|RDWR)" trace || fail "the list writes to /sys"
fi
