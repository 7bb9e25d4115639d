#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station run, unmodified, on a real kernel's USB stack, without udevd: 16 Photons at once, every second one with its
# program running and in the hands of the kernel's serial driver, over 8 controllers; enrolled with the virtual cloud over
# the machine's loopback. Judged outside of it by sqlite3, openssl and cmp.
. "$(dirname "$0")/../flow/lib.sh"
: "${HELPERS:?the folder of vcloud_server}"
. "$(dirname "$0")/vm/vm.sh"
units=${UNITS:-16}

# Their system parts are made here: emulation makes the reading of them some 20 times slower.
job photon -e '/user.bin\|factory\|_key\|enrol/d; s|\(part2.bin"; }\),|\1|'
expect 0 "$STATION" rehearse photon.cfg --units "$units"
mv rehearsal/units made
# Of the eight that run, four know a network; the others listen.
for i in $(seq 2 4 "$units"); do
	jq '.credentials = true' "made/A$i/unit.json" >unit.json
	mv unit.json "made/A$i/"
done
rm -rf rehearsal

jobs_for_vm photon -e '/system-part/d; /factory/d; s|\(user.bin"; }\),|\1|'
# The batch has the touch at 14400 baud alone; the list may ask in every way.
cp -r jobs/families jobs/all
sed -i '/vendor_request_type/d' jobs/families/photon.cfg
cat >jobs/batch.sh <<'END_SCRIPT'
. /guest.sh
until_true "[ \"\$(station list --config station.cfg --json --no-open | grep -c '\"state\":\"ready\"')\" = $1 ]"
station list --config station.cfg --json --no-open >list
ls /sys/bus/usb/drivers/cdc_acm | grep -c : >taken
station run /jobs/photon.cfg --config station.cfg --quantity "$1" --plain </dev/null
# Each was sent out of DFU and runs, and the serial driver has both of its interfaces again.
until_true "[ \"\$(ls /sys/bus/usb/drivers/cdc_acm | grep -c :)\" = $((2 * $1)) ]"
END_SCRIPT
cat >script.sh <<END_SCRIPT
. /guest.sh
ln -s /jobs/all families
cp -r /units units
cloud
config $units 8 "\$clouds"
status=0
usbip-run --units $units --controllers 8 --mode mixed --folder units -- sh /jobs/batch.sh $units || status=\$?
keep rehearsal units c list taken
exit \$status
END_SCRIPT
expect 0 station_in_vm script.sh --smp 2 --mem 1024 -f "$PWD/made:/units"
mv share/rehearsal rehearsal
mv share/units rehearsal/units
mv share/c/cloud rehearsal/cloud
equal "the list" "$((units / 2)) DFU,$((units / 2)) running," "$(jq -r .mode share/list | sort | uniq -c | awk '{ printf "%s %s,", $1, $2 }')"
equal "interfaces that the serial driver had" "$units" "$(cat share/taken)"
sound
equal "units made" "$units" "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
equal "attempts" "$units" "$(sql "SELECT count(*) FROM attempt")"
for i in $(seq "$units"); do
	image_at "rehearsal/units/A$i/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
	equal "id of A$i" "$(jq -r .device_id "rehearsal/units/A$i/unit.json")" "$(sql "SELECT device_id FROM attempt WHERE slot = 'A$i'")"
	agree "A$i" alt1.bin 34
done
