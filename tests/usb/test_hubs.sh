#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Port power on a real kernel: two hubs of the machine, one that switches each port and one that switches none, with a
# device behind each. The station's own look and what it does are judged by uhubctl and by the kernel's /sys.
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
station : { id = "b"; state_dir = "/state"; power : { cycle = true; off_ms = 500; };
	slots = ( { name = "A1"; port = "9-1.2"; controller = "pci0000:00/0000:00:03.0"; }, { name = "A2"; port = "17-2.1"; },
		{ name = "A3"; port = "17-1.3"; } ); };
END
# The kernel's number of a device changes with each enumeration. A uhubctl in the background sees the port while it is off.
cat >"$work/inside.sh" <<'END'
until [ -e /sys/bus/usb/devices/17-1.2/devnum ] && [ -e /sys/bus/usb/devices/17-2.1/devnum ]; do sleep 0.1; done
see() { uhubctl -l 17-1 -p 2 2>/dev/null | sed -n 's/^ *Port 2: /seen /p'; }
kind() { echo "$1 $(cat /sys/bus/usb/devices/17-1.2/devnum) $(cat /sys/bus/usb/devices/17-2.1/devnum)"; }
# Root has the kernel's own switch; somebody who may only open the hubs asks them.
as() {
	if [ "$WHO" = root ]; then "$@"; else su bench -s /bin/sh -c "$*"; fi
}
[ "$WHO" = root ] || chmod 666 /dev/bus/usb/*/*
kind before
see
(while :; do see; done) >/seen &
watcher=$!
as station slots --power-test --config /station.cfg
echo "status $?"
kill $watcher
sort -u /seen
for i in $(seq 100); do [ -e /sys/bus/usb/devices/17-1.2/devnum ] && break; sleep 0.1; done
kind after
uhubctl -l 17-1 -p 2 -a off >/dev/null
as station slots --power-test A1 --config /station.cfg
uhubctl -l 17-1 -p 2 -a on >/dev/null
END
try() { # WHO, and what line A1 shall say of the port
	in_vm -t 100 --machine pc -m xhci-pci,xhci-hcd,usbhid -f "$STATION:/usr/bin/station" -f uhubctl -f "$work/station.cfg:/station.cfg" \
		-f "$work/inside.sh:/inside.sh" --qemu-arg=-device --qemu-arg=qemu-xhci,id=x,addr=3 \
		--qemu-arg=-device --qemu-arg=usb-hub,bus=x.0,port=1,ports=4,port-power=on --qemu-arg=-device --qemu-arg=usb-kbd,bus=x.0,port=1.2 \
		--qemu-arg=-device --qemu-arg=usb-hub,bus=x.0,port=2,ports=4 --qemu-arg=-device --qemu-arg=usb-kbd,bus=x.0,port=2.1 \
		-- "WHO=$1 sh /inside.sh" >"$work/log" 2>&1 || fail "the machine"
	grep -q "^A1  *9-1.2  *$2\$" "$work/log" || fail "$1: A1"
	grep -q '^A2  *17-2.1  *power-not-switched: hub 17-2 switches no power$' "$work/log" || fail "$1: A2"
	grep -q '^A3  *17-1.3  *usb-gone: it is empty' "$work/log" || fail "$1: A3"
	grep -q '^status 1$' "$work/log" || fail "$1: the exit status"
	# Another program saw the port without power, and with it.
	grep -q '^seen 0000 off' "$work/log" || fail "$1: nobody saw the port off"
	grep -q '^seen 0103 power enable connect' "$work/log" || fail "$1: nobody saw the port on"
	read -r _ one two <<<"$(grep '^before ' "$work/log")"
	read -r _ one_after two_after <<<"$(grep '^after ' "$work/log")"
	[ "$1" = bench ] || [ "$one" != "$one_after" ] || fail "$1: the device behind the port was not enumerated again"
	[ "$two" = "$two_after" ] || fail "$1: the device behind the other hub was touched"
	# What somebody else switched off is empty.
	[ "$(grep -c '^A1  *9-1.2  *usb-gone: it is empty' "$work/log")" = 1 ] || fail "$1: switched off by uhubctl"
}
try root "power goes off and comes back (hub 17-1, port 2, by the kernel)"
# The emulated controller reaches a device past its hub, so that it answers while its port is off: just what is to be
# found out. That the request itself arrived, uhubctl has seen.
try bench "power-not-switched: port 17-1.2 was switched off, and its unit is still there after 2000 ms"
echo "ports are switched on a real kernel"
