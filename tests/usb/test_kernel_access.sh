#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may open units, on a real kernel: an ordinary user may not; the shipped udev rule under Debian's own systemd-udevd
# lets the group plugdev, and keeps ModemManager away. What station list, station run and dfu-util say of it, and then
# both of them at work as that user, each reading what the other one wrote.
. "$(dirname "$0")/../flow/lib.sh"
: "${HELPERS:?the folder of vcloud_server}"
. "$(dirname "$0")/vm/vm.sh"
command -v dfu-util >/dev/null || skip "there is no dfu-util: install dfu-util"

jobs_for_vm core -e '/factory/d; /^\tdevice_key/d; /^\tserver_key/d; /^\tenrol/d; s|\(user.bin"; }\),|\1|' \
	-e 's|stop_after_failures = 5|stop_after_failures = 1|'
cat >script.sh <<'END_SCRIPT'
. /guest.sh
ln -s /jobs/families families
config 1 1 ""
mkdir bench
chown bench bench
ln -s ../station.cfg ../families bench/
status=0
usbip-run --family core --folder units -- sh "/jobs/$SCENE.sh" || status=$?
keep units
exit $status
END_SCRIPT
cat >jobs/as_bench.sh <<'END_SCRIPT'
. /guest.sh
at_bench() { # WORD COMMAND...: as the ordinary user; what is said goes to /out/WORD, the status to /out/WORD.status
	word=$1
	shift
	status=0
	su bench -c "cd /b/bench && $*" >"/out/$word" 2>&1 </dev/null || status=$?
	echo $status >"/out/$word.status"
}
in_dfu() {
	until_true "grep -q 607f /sys/bus/usb/devices/1-1/idProduct 2>/dev/null"
}
in_dfu
END_SCRIPT
cat >jobs/denied.sh <<'END_SCRIPT'
. /jobs/as_bench.sh
at_bench list station list --config station.cfg --json
at_bench text station list --config station.cfg
at_bench run station run /jobs/core.cfg --config station.cfg --quantity 1 --plain
at_bench dfu-util dfu-util -l
END_SCRIPT
cat >jobs/allowed.sh <<'END_SCRIPT'
. /jobs/as_bench.sh
udevadm settle
at_bench outside station list --config station.cfg --json
sed -i 's|^plugdev:.*|&bench|' /etc/group
at_bench list station list --config station.cfg --json
at_bench run station run /jobs/core.cfg --config station.cfg --quantity 1 --plain
# It runs now: the rule is about its serial line too.
until_true "[ -c /dev/ttyACM0 ]"
udevadm settle
udevadm info -q property -p /sys/bus/usb/devices/1-1 >/out/unit.properties
udevadm info -q property -n /dev/ttyACM0 >/out/line.properties
bus unplug 1
bus plug 1 1
in_dfu
udevadm settle
at_bench dfu-list dfu-util -l
at_bench read dfu-util -d 1d50:607f -a 0 -s 0x08005000:98932 -U back
head -c 20480 /dev/urandom >/out/junk
at_bench write dfu-util -d 1d50:607f -a 0 -s 0x08005000 -D /out/junk
at_bench read-junk dfu-util -d 1d50:607f -a 0 -s 0x08005000:20480 -U junk
at_bench differs sh /jobs/verify.sh
at_bench write-image dfu-util -d 1d50:607f -a 0 -s 0x08005000 -D /jobs/images/core-user.bin
at_bench same sh /jobs/verify.sh
cp bench/back /out/
cp bench/junk /out/junk.back
END_SCRIPT
cat >jobs/verify.sh <<'END_SCRIPT'
. /guest.sh
station verify /jobs/core.cfg --config station.cfg --plain </dev/null >said &
verify=$!
until_true "grep -q 'PASS after\|FAIL' said"
kill -TERM $verify
wait $verify || true
cat said
END_SCRIPT

# scene NAME [VM-RUN-OPTIONS...]
scene() {
	local name=$1
	shift
	{ echo "SCENE=$name"; cat script.sh; } >"$name.sh"
	rm -rf share
	expect 0 station_in_vm "$name.sh" -f dfu-util -f "$SOURCE/station/usb/60-station.rules" "$@"
}
# said WORD STATUS TEXT: what was said to the ordinary user
said() {
	equal "status of $1" "$2" "$(cat "share/$1.status")"
	tr -s '\n ' '  ' <"share/$1" | grep -F -- "$3" >/dev/null || { cat "share/$1"; fail "$1 does not say: $3"; }
}

scene denied
jq -e 'select(.port == "1-1") | .state == "no-access"' share/list >seen || fail "the list without permission"
said text 0 "may not open /dev/bus/usb/001/"
said text 0 "the udev rule is not installed: install it"
said run 3 "FAIL usb-access"
said run 3 "install the udev rule or run with the right user"
said dfu-util 0 "Cannot open DFU device"
cmp <(head -c $((0x1b000)) /dev/zero | tr '\0' '\377') <(bytes share/units/A1/alt0.bin $((0x5000)) $((0x1b000))) || fail "it was written"

scene allowed --udev-rule "$SOURCE/station/usb/60-station.rules"
jq -e 'select(.port == "1-1") | .state == "no-access"' share/outside >seen || fail "the list outside the group"
said outside 0 "the udev rule is installed: be in the group plugdev"
jq -e 'select(.port == "1-1") | .state == "ready"' share/list >seen || fail "the list with permission"
said run 0 " PASS "
grep -qx ID_MM_DEVICE_IGNORE=1 share/unit.properties || fail "ModemManager is not kept off the unit"
grep -qx ID_MM_DEVICE_IGNORE=1 share/line.properties || fail "ModemManager is not kept off the serial line"
said dfu-list 0 'Found DFU: [1d50:607f]'
said read 0 Upload
cmp share/back "$SOURCE/jobs/images/core-user.bin" || fail "dfu-util reads other bytes than the station wrote"
said write 0 Download
cmp share/junk share/junk.back || fail "dfu-util reads other bytes than it wrote"
said differs 0 "FAIL flash-bad"
said write-image 0 Download
said same 0 "PASS after"
image_at share/units/A1/alt0.bin $((0x5000)) "$SOURCE/jobs/images/core-user.bin"
