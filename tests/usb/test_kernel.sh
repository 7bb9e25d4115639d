#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The station's bus on a real kernel: its /sys, its notifications, its usbfs, its cdc_acm, in a virtual machine without
# udevd. The units hang on the kernel's virtual host controller.
set -euo pipefail
. "$(dirname "$0")/vm/vm.sh"

fail() {
	cat "$log"
	echo "FAILED: $*"
	exit 1
}
work=$(mktemp -d)
log=$work/log
faults=$work/faults
trap 'rm -rf "$work"' EXIT
: >"$faults"
slow_families "$work/families"
sed -i 's|transfer_timeout_ms *= *[0-9]*|transfer_timeout_ms = 15000|' "$work"/families/*.cfg

# probe COMMAND: in the machine, with what it says in the log
probe() {
	in_vm -f "$BUILT/usb-probe:/usr/bin/usb-probe" -f "$work/families:/families" \
		-f "$faults:/faults.cfg" -- "$1" >"$log" 2>&1
}

probe "usbip-run --units 6 --family photon --speed 0.2 -- usb-probe photon /families/photon.cfg 6" ||
	fail "Photons on a real kernel"
[ "$(grep -c 'asked back$' "$log")" = 6 ] || fail "not all Photons were asked back"
[ "$(grep -c 'read again: good' "$log")" = 6 ] || fail "not all Photons were read again"
probe "usbip-run --units 4 --family core -- usb-probe core /families/core.cfg 4" || fail "Cores on a real kernel"
[ "$(grep -c 'written: good' "$log")" = 4 ] || fail "not all Cores were written"
# One is pulled out and one falls silent in the middle of a transfer; the third does not notice.
cat >"$faults" <<'END'
faults : { list = ( { slot = "A1"; kind = "unplug"; at_transfer = 30; }, { slot = "A2"; kind = "silent"; at_transfer = 25; } ); };
END
probe "usbip-run --units 3 --family photon --speed 0.5 --faults /faults.cfg -- usb-probe photon /families/photon.cfg 3" &&
	fail "two broken units were not seen"
grep -q '^1-1 written: .*the unit has left the bus' "$log" || fail "the unit that was pulled out"
grep -q '^1-2 written: .*did not end in 15000 ms' "$log" || fail "the unit that fell silent"
grep -q '^1-3 written: good' "$log" || fail "the good unit between broken ones"
echo "the bus works on a real kernel"
