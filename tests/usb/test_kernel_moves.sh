#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What hands do to a running batch, on a real kernel without udevd: nothing is there at first, units are pulled out for
# good, swapped, or carried to another port in the middle of their work. Each attempt ends by its own name, and no unit
# gets another one's record. Judged outside of the machine by sqlite3, openssl and cmp.
. "$(dirname "$0")/../flow/lib.sh"
: "${HELPERS:?the folder of vcloud_server}"
. "$(dirname "$0")/vm/vm.sh"

jobs_for_vm photon
cat >jobs/batch.sh <<'END_SCRIPT'
. /guest.sh
for port in 1 2 3 4 5 6; do bus unplug $port; done
until_true '! ls /sys/bus/usb/devices | grep "^[0-9]*-[0-9]*$" >/dev/null'
station run /jobs/photon.cfg --config station.cfg --quantity 5 --plain </dev/null >/out/said 2>&1 &
line=$!
until_true "[ -e rehearsal/station.db ]"
sleep 1
# Each answers to so many requests, well into its work, until hands are on it.
for port in 1 2 3 4; do
	bus plug $port $port
	bus freeze $port 150
done
bus plug 6 6
for port in 1 2 3 4; do bus frozen $port; done
bus unplug 1
bus unplug 2
bus unplug 3
bus plug 2 3
bus plug 3 2
bus unplug 4
bus plug 5 4
# The one that was gone for good comes after all.
until_true 'grep -q "^A1 .*FAIL usb-gone" /out/said'
bus plug 1 1
wait $line
END_SCRIPT
cat >script.sh <<'END_SCRIPT'
. /guest.sh
ln -s /jobs/families families
cloud
config 6 6 "$clouds" "gone_wait_ms = 20000;"
status=0
usbip-run --units 6 --controllers 6 --family photon --folder units -- sh /jobs/batch.sh || status=$?
keep rehearsal units c
exit $status
END_SCRIPT
expect 1 station_in_vm script.sh --smp 2 --mem 1024
mv share/rehearsal rehearsal
mv share/units rehearsal/units
mv share/c/cloud rehearsal/cloud
sound
unit() { # I: its device id
	jq -r .device_id "rehearsal/units/A$1/unit.json"
}
# Of two that were exchanged, the one may be missed at its slot first, or found at the other.
equal "attempts" "A1|$(unit 1)|FAIL|usb-gone
A1|$(unit 1)|PASS|
A2|$(unit 2)|FAIL|exchanged
A2|$(unit 3)|PASS|
A3|$(unit 2)|PASS|
A3|$(unit 3)|FAIL|exchanged
A4|$(unit 4)|FAIL|unit-moved
A5|$(unit 4)|PASS|
A6|$(unit 6)|PASS|" "$(sql "SELECT slot, device_id, outcome, CASE WHEN slot IN ('A2', 'A3') AND reason IN ('unit-swapped', 'unit-moved')
	THEN 'exchanged' ELSE reason END FROM attempt ORDER BY slot, device_id = '$(unit 3)', outcome")"
# Where each stands now.
mv rehearsal/units/A2 two
mv rehearsal/units/A3 rehearsal/units/A2
mv two rehearsal/units/A3
rm -r rehearsal/units/A5
mv rehearsal/units/A4 rehearsal/units/A5
for slot in A1 A2 A3 A5 A6; do
	image_at "rehearsal/units/$slot/alt0.bin" $((0x20000)) "$SOURCE/jobs/images/photon-system-part1.bin"
	image_at "rehearsal/units/$slot/alt0.bin" $((0x60000)) "$SOURCE/jobs/images/photon-system-part2.bin"
	image_at "rehearsal/units/$slot/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
	agree "$slot" alt1.bin 34
done
