#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The station's bus on a real kernel: its /sys, its notifications, its usbfs, its cdc_acm, in a virtual machine without
# udevd. The units hang on the kernel's virtual host controller.
set -euo pipefail
skip() {
	echo "skipped: $*"
	exit 77
}
vm_run=${VM_RUN:-$SOURCE/../shared/tools/vm-run}
[ -x "$vm_run" ] || skip "there is no vm-run ($vm_run)"
[ -d "${VM_HOME:-$HOME/.cache/station-vm}/kernel" ] || skip "vm-setup has not made a kernel"
command -v qemu-system-x86_64 >/dev/null || skip "qemu is not installed"
[ -z "$SANITIZE" ] || skip "too slow under emulation with a sanitizer"

fail() {
	cat "$log"
	echo "FAILED: $*"
	exit 1
}
log=$(mktemp)
faults=$(mktemp)
trap 'rm -f "$log" "$faults"' EXIT

# in_vm COMMAND
in_vm() {
	"$vm_run" -t 300 -m vhci-hcd,cdc-acm -f "$BUILT/usbip-run:/usr/bin/usbip-run" -f "$BUILT/usb-probe:/usr/bin/usb-probe" \
		-f "$SOURCE/config/families:/families" -f "$faults:/faults.cfg" -- "$1" >"$log" 2>&1
}

in_vm "usbip-run --units 6 --family photon --speed 0.2 -- usb-probe photon /families/photon.cfg 6" ||
	fail "Photons on a real kernel"
[ "$(grep -c 'asked back$' "$log")" = 6 ] || fail "not all Photons were asked back"
[ "$(grep -c 'read again: good' "$log")" = 6 ] || fail "not all Photons were read again"
in_vm "usbip-run --units 4 --family core -- usb-probe core /families/core.cfg 4" || fail "Cores on a real kernel"
[ "$(grep -c 'written: good' "$log")" = 4 ] || fail "not all Cores were written"
# One is pulled out and one falls silent in the middle of a transfer; the third does not notice.
cat >"$faults" <<'END'
faults : { list = ( { slot = "A1"; kind = "unplug"; at_transfer = 30; }, { slot = "A2"; kind = "silent"; at_transfer = 25; } ); };
END
in_vm "usbip-run --units 3 --family photon --speed 0.5 --faults /faults.cfg -- usb-probe photon /families/photon.cfg 3" &&
	fail "two broken units were not seen"
grep -q '^1-1 written: .*the unit has left the bus' "$log" || fail "the unit that was pulled out"
grep -q '^1-2 written: .*did not end in 5000 ms' "$log" || fail "the unit that fell silent"
grep -q '^1-3 written: good' "$log" || fail "the good unit between broken ones"
echo "the bus works on a real kernel"
