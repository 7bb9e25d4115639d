#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A unit that stops answering in the middle of its work is restarted by its port's power, on a real kernel: station run asks
# the hub by class requests, as an ordinary user, and the unit loses its power when both halves of its socket say that they
# give none. Its neighbour does not notice. Before, the self-test. (The kernel's own switch, and a hub that lies, are judged in
# test_hubs.sh: the virtual controllers go on showing what hangs on a dark port, and the kernel would take it up again.)
. "$(dirname "$0")/../flow/lib.sh"
: "${HELPERS:?the folder of vcloud_server}"
. "$(dirname "$0")/vm/vm.sh"

jobs_for_vm core -e '/factory/d; /^\tdevice_key/d; /^\tserver_key/d; /^\tenrol/d; s|\(user.bin"; }\),|\1|' -e 's|retries = 2|retries = 1|'
# Of nine requests, so that it takes as long as it has to on a slow machine, and no longer.
sed -i 's|transfer_timeout_ms *= *[0-9]*|transfer_timeout_ms = 5000|' jobs/families/core.cfg
cat >jobs/batch.sh <<'END_SCRIPT'
. /guest.sh
su bench -c "cd /b/bench && station slots --power-test A1 --config station.cfg" </dev/null >/out/self-test
until_true "grep -q 607f /sys/bus/usb/devices/1-1/idProduct 2>/dev/null"
udevadm settle
bus freeze 1 150
timeout 240 su bench -c "cd /b/bench && station run /jobs/core.cfg --config station.cfg --quantity 2 --plain" </dev/null >/out/said 2>&1
END_SCRIPT
cat >script.sh <<'END_SCRIPT'
. /guest.sh
ln -s /jobs/families families
config 2 1 "" "power : { cycle = true; off_ms = 1000; };"
sed -i 's|^plugdev:.*|&bench|' /etc/group
mkdir bench
chown bench bench
ln -s ../station.cfg ../families bench/
# The hubs, but not the kernel's own switch of their ports.
chmod 666 /dev/bus/usb/*/001
status=0
usbip-run --units 2 --family core --folder units --power -- sh /jobs/batch.sh || status=$?
mv bench/rehearsal .
keep rehearsal units
exit $status
END_SCRIPT
expect 0 station_in_vm script.sh --udev-rule "$SOURCE/station/usb/60-station.rules"
mv share/rehearsal share/units .
mv units rehearsal/

grep '^A1  *1-1  *power goes off and comes back (hub usb1, port 1 and its other half)$' share/self-test >/dev/null ||
	{ cat share/self-test; fail "the self-test"; }
equal "attempts" "A1|PASS|
A2|PASS|" "$(sql "SELECT slot, outcome, reason FROM attempt ORDER BY slot")"
equal "restarted by power" "A1|power-cycled|write-images" \
	"$(sql "SELECT a.slot, o.name, o.value FROM observation o JOIN attempt a ON a.id = o.attempt_id WHERE o.name LIKE 'power-%'")"
grep 'usb-timeout\|did not end in 5000 ms.*switching its power off and on' share/said >/dev/null ||
	{ cat share/said; fail "it does not say why the power was switched"; }
for slot in A1 A2; do
	image_at "rehearsal/units/$slot/alt0.bin" $((0x5000)) "$SOURCE/jobs/images/core-user.bin"
done
