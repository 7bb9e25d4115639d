#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `station list` says of each port which of the many kinds of "no DFU device found" it is. It opens units only to ask those
# that run, and none when it must not. The machine's USB bus is umockdev's folder of plain files, so that the test can spoil
# one thing after another in it; what is asked is answered by virtual units.
set -euo pipefail
: "${STATION:?the station program}" "${BUILT:?the folder of umock-run}"
if [ -z "${UMOCKDEV_DIR:-}" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	chmod 755 "$work"
	"$BUILT/umock-run" --units 1 --folder "$work/probe" -- true 2>"$work/err" || { tail -n 3 "$work/err"; exit 77; }
	# SCENE FAMILY OPTIONS...
	scene() {
		local name=$1 family=$2
		shift 2
		"$BUILT/umock-run" --family "$family" --folder "$work/$name" "$@" -- bash "$0" "$work" "$name"
	}
	scene dfu photon --units 2
	scene running photon --mode run
	scene listening photon --mode listening
	scene old-running photon --mode run --old
	scene old-listening photon --mode listening --old
	scene p1-listening p1 --mode listening --old
	exit
fi
cd "$1"
sys=$UMOCKDEV_DIR/sys/bus/usb/devices
node=/dev/bus/usb/001/$(printf %03d "$(cat "$sys/1-1/devnum")")
real_node=$UMOCKDEV_DIR$node
cat >station.cfg <<-'END'
	station : {
		id = "bench-1"; state_dir = "state";
		slots = ( { name = "A1"; port = "1-1"; }, { name = "A2"; port = "1-2"; }, { name = "A3"; port = "1-3"; } );
	};
END

fail() {
	echo "FAILED: $*" >&2
	cat out err >&2 || true
	exit 1
}

# list [OPTION...]: what is attached, into ./out; 100 columns at most. prefix: who looks
prefix=()
list() {
	"${prefix[@]}" "$STATION" list --config station.cfg "$@" >out 2>err || fail "status $?"
	awk 'length($0) > 100 { bad = 1 } /^  cp / { next } END { exit bad }' out || fail "a line is longer than 100 columns"
	"${prefix[@]}" "$STATION" list --config station.cfg --json "$@" >json 2>>err || fail "status $?"
	jq -e . json >/dev/null || fail "not JSON"
}

# opens [OPTION...]: how many units the list opens
opens() {
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=open,openat,ioctl -o trace \
		"$STATION" list --config station.cfg "$@" >out 2>err || fail "strace"
	! grep -E 'open[a-z]*\(.*/sys/.*O_(WRONLY|RDWR)' trace || fail "the list writes to /sys"
	grep -cE 'open[a-z]*\(.*/dev/bus/usb/[0-9]' trace || true
}

# opened NUMBER [OPTION...]
opened() {
	local wanted=$1 found
	shift
	command -v strace >/dev/null || return 0
	found=$(opens "$@")
	[ "$found" = "$wanted" ] || fail "list $* opens $found units, not $wanted"
}

# is PORT FIELD VALUE
is() {
	local found
	found=$(jq -r "select(.port == \"$1\") | .$2 | if type == \"array\" then join(\",\") else . end" json)
	[ "$found" = "$3" ] || fail "$1: $2 is '$found', not '$3'"
}

# says WORDS: in the text for people
says() {
	tr -s '\n ' '  ' <out | grep -F -- "$1" >/dev/null || fail "the list does not say: $1"
}

# While a station has the state folder no unit is opened, whatever is asked for.
not_while_a_station_works() {
	mkdir -p state
	: >state/station.lock
	flock -F state/station.lock sleep 60 &
	local holder=$!
	while flock -n state/station.lock true; do sleep 0.05; done
	opened 0
	opened 0 --ask
	list --ask
	is 1-1 mode running
	grep -q "a station works on this bench: no unit is opened" err || fail "does not say that it asks nobody"
	kill $holder
	wait $holder 2>/dev/null || true
	while ! flock -n state/station.lock true; do sleep 0.05; done
}

id=$(jq -r .device_id "$2/A1/unit.json")
case $2 in
running)
	list
	is 1-1 mode running
	is 1-1 state ready
	is 1-1 device_id "$id"
	is 1-1 device_id_source usb-serial
	is 1-1 system_version 1.4.4
	says "its program runs, it is not in listening mode; a batch sends it into DFU"
	opened 1
	opened 1 --ask
	opened 0 --no-open
	list --no-open
	says "its program runs, or it is in listening mode: a batch sends it into DFU"
	not_while_a_station_works
	# Another program has its serial line.
	mkdir -p "$sys/1-1/1-1:1.0/tty/ttyACM0"
	: >"$UMOCKDEV_DIR/dev/ttyACM0"
	exec 7<>/dev/ttyACM0
	list --ask
	is 1-1 state held
	says "another program has its serial line /dev/ttyACM0 open: bash (process $$)"
	opened 0 --ask
	exec 7>&-
	# What it says of itself is not what its serial says.
	echo 0123456789abcdef01234567 >"$sys/1-1/serial"
	list
	is 1-1 state id-disagrees
	says "its usb-serial says 0123456789abcdef01234567, its request says $id"
	exit
	;;
listening)
	list
	is 1-1 mode listening
	is 1-1 state ready
	is 1-1 led "blinks blue, slowly"
	is 1-1 device_id "$id"
	says "it is in listening mode; a batch sends it into DFU"
	says "LED, listening: blinks blue, slowly"
	exit
	;;
old-running)
	list
	is 1-1 mode running
	is 1-1 device_id null
	says "whether it is in listening mode is not known (older firmware): --ask asks its serial line"
	list --ask
	is 1-1 mode running
	is 1-1 device_id null
	says "its serial line gave no answer"
	exit
	;;
old-listening)
	list
	is 1-1 mode running
	is 1-1 device_id null
	list --ask
	is 1-1 mode listening
	is 1-1 device_id "$id"
	is 1-1 device_id_source listening
	# Asked once more: the line was given back.
	list --ask
	is 1-1 device_id "$id"
	exit
	;;
p1-listening)
	# 0.6.0: tells its id by request, but not whether it listens.
	list
	is 1-1 mode running
	is 1-1 device_id_source usb-serial
	is 1-1 system_version 0.6.0
	list --ask
	is 1-1 mode listening
	exit
	;;
esac

list
is 1-1 slot A1
is 1-1 families photon
is 1-1 mode DFU
is 1-1 state ready
is 1-1 device_id "$(cat "$sys/1-1/serial")"
is 1-1 led "blinks yellow"
is 1-3 state empty
says "LED, DFU: blinks yellow"
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
head -c 18 saved-descriptors >"$sys/1-1/descriptors"
list
is 1-1 state unreadable
says "the kernel could not read its configuration"
cp saved-descriptors "$sys/1-1/descriptors"
cp "$sys/1-1/bConfigurationValue" saved-configuration
echo >"$sys/1-1/bConfigurationValue"
list
is 1-1 state unreadable
says "the kernel did not take its configuration"
cp saved-configuration "$sys/1-1/bConfigurationValue"
# Another memory than a Photon's.
mkdir "$sys/1-1/1-1:1.0"
echo "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg" >"$sys/1-1/1-1:1.0/interface"
echo " 0" >"$sys/1-1/1-1:1.0/bAlternateSetting"
list
is 1-1 state ready
echo "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg" >"$sys/1-1/1-1:1.0/interface"
list
is 1-1 state other-layout
says "04*016Kg,01*064Kg,07*128Kg\", not the photon's"
rm "$sys/1-1/1-1:1.0/interface"
# A program has it that this user cannot see; if a station works here, that one.
ln -s /sys/bus/usb/drivers/usbfs "$sys/1-1/1-1:1.0/driver"
list
is 1-1 state held
says "which only root can see"
mkdir -p state
flock -F state/station.lock sleep 60 &
while flock -n state/station.lock true; do sleep 0.05; done
list
is 1-1 state in-work
kill $!
wait $! 2>/dev/null || true
rm -r "$sys/1-1/1-1:1.0"

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
else
	prefix=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
fi
list
is 1-1 state no-access
is 1-2 state no-access
says "may not open $node"
if [ ! -e /etc/udev/rules.d/60-station.rules ] && [ ! -e /lib/udev/rules.d/60-station.rules ]; then
	says "Next: the udev rule is not installed: install it, as told below"
fi
# The commands are whole lines, and what they copy is there.
rule=$(sed -n 's|^  cp \(.*/60-station.rules\) /etc/udev/rules.d/$|\1|p' out)
[ -r "$rule" ] || fail "no command that copies the rule"
grep -qx '  udevadm control --reload && udevadm trigger --subsystem-match=usb' out || fail "no command that loads it"
is 1-1 'commands | length' 2
prefix=()
chmod 644 "$real_node"

# No node at all, as in a container without /dev/bus/usb.
mv "$real_node" saved-node
list
is 1-1 state no-access
says "there is no $node"
mv saved-node "$real_node"

# Nobody is there to be asked: it opens nothing.
opened 0
opened 0 --ask
