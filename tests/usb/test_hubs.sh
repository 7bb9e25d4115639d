#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Port power on a real kernel: two hubs of the machine, one that switches each port and one that switches none, with a
# device behind each. The station's own look and what it does, as root and as an ordinary user with and without the shipped
# rule, are judged by uhubctl and by the kernel's /sys.
set -euo pipefail
. "$(dirname "$0")/vm/vm.sh"
: "${STATION:?the station program}"
command -v uhubctl >/dev/null || skip "install uhubctl"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
	cat "$work/log"
	echo "FAILED: $*"
	exit 1
}
cat >"$work/station.cfg" <<'END'
station : { id = "b"; state_dir = "/state"; power : { cycle = true; off_ms = 1500; };
	slots = ( { name = "A1"; port = "9-1.2"; controller = "pci0000:00/0000:00:03.0"; }, { name = "A2"; port = "17-2.1"; },
		{ name = "A3"; port = "17-1.3"; } ); };
END
# The kernel's number of a device changes with each enumeration. A uhubctl in the background sees the port while it is off.
cat >"$work/inside.sh" <<'END'
power_test() {
	if [ "$who" = root ]; then "$@"; else su bench -s /bin/sh -c "$*"; fi
}
settled() { # both devices are there
	until [ -e /sys/bus/usb/devices/17-1.2/devnum ] && [ -e /sys/bus/usb/devices/17-2.1/devnum ]; do sleep 0.1; done
	udevadm settle
}
see() { uhubctl -l 17-1 -p 2 2>/dev/null | sed -n "s/^ *Port 2: /$who seen /p"; }
kind() { echo "$who $1 $(cat /sys/bus/usb/devices/17-1.2/devnum) $(cat /sys/bus/usb/devices/17-2.1/devnum)"; }
as() { # WHO
	who=$1
	settled
	kind before
	see
	(while :; do see; done) >/seen &
	watcher=$!
	status=0
	power_test station slots --power-test --config /station.cfg >said || status=$?
	sed "s/^/$who /" said
	echo "$who status $status"
	kill $watcher
	sort -u /seen
	settled
	kind after
}
mkdir /b
cd /b
as root
as stranger
# As the rule lets the group do it; then as on a kernel that has no switch of its own.
sed -i 's|^plugdev:.*|&bench|' /etc/group
as member
chmod 644 /sys/bus/usb/devices/17-1:1.0/*-port*/disable
as asker
uhubctl -l 17-1 -p 2 -a off >/dev/null
station slots --power-test A1 --config /station.cfg | sed 's/^/off /'
END
in_vm -t 200 --machine pc -m xhci-pci,xhci-hcd,usbhid -f "$STATION:/usr/bin/station" -f uhubctl -f "$work/station.cfg:/station.cfg" \
	-f "$work/inside.sh:/inside.sh" --udev-rule "$SOURCE/station/usb/60-station-hubs.rules" \
	--qemu-arg=-device --qemu-arg=qemu-xhci,id=x,addr=3 \
	--qemu-arg=-device --qemu-arg=usb-hub,bus=x.0,port=1,ports=4,port-power=on --qemu-arg=-device --qemu-arg=usb-kbd,bus=x.0,port=1.2 \
	--qemu-arg=-device --qemu-arg=usb-hub,bus=x.0,port=2,ports=4 --qemu-arg=-device --qemu-arg=usb-kbd,bus=x.0,port=2.1 \
	-- "sh /inside.sh" >"$work/log" 2>&1 || fail "the machine"

# says WHO LINE: a regular expression
says() {
	grep "^$1 $2\$" "$work/log" >/dev/null || fail "$1 does not say: $2"
}
# power WHO WHAT-A1-SAYS
power() {
	says "$1" "A1  *9-1.2  *$2"
	says "$1" "A2  *17-2.1  *power-not-switched: hub 17-2 switches no power"
	says "$1" "A3  *17-1.3  *usb-gone: it is empty.*"
	says "$1" "status 1"
	# Another program saw the port without power, and with it.
	says "$1" "seen 0000 off.*"
	says "$1" "seen 0103 power enable connect.*"
	read -r _ _ one two <<<"$(grep "^$1 before " "$work/log")"
	read -r _ _ one_after two_after <<<"$(grep "^$1 after " "$work/log")"
	[ "$two" = "$two_after" ] || fail "$1: the device behind the other hub was touched"
}
enumerated_anew() { # WHO
	[ "$one" != "$one_after" ] || fail "$1: the device behind the port was not enumerated again"
}
power root "power goes off and comes back (hub 17-1, port 2, by the kernel)"
enumerated_anew root
power member "power goes off and comes back (hub 17-1, port 2, by the kernel)"
enumerated_anew member
# The emulated controller reaches a device past its hub, so that it answers while its port is off: just what is to be
# found out. That the request itself arrived, uhubctl has seen.
power asker "power-not-switched: port 17-1.2 was switched off, and its unit is still there after 2000 ms"

says stranger "A1  *9-1.2  *usb-access: hub 17-1: may not open /dev/bus/usb/017/[0-9]*: install the udev rule 60-station-hubs.rules .*"
! grep '^stranger seen 0000' "$work/log" >/dev/null || fail "a stranger switched the port"
# What somebody else switched off is empty.
says off "A1  *9-1.2  *usb-gone: it is empty.*"
echo "ports are switched on a real kernel"
