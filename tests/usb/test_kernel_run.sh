#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station run, unmodified, on a real kernel's USB stack in a virtual machine without udevd: a batch of Photons, enrolled
# with the virtual cloud over the machine's loopback. Judged outside of it by sqlite3, openssl and cmp.
. "$(dirname "$0")/../flow/lib.sh"
: "${HELPERS:?the folder of vcloud_server}"
. "$(dirname "$0")/vm/vm.sh"
units=${UNITS:-6}

job photon
cat >inside.sh <<END
ip link set lo up || ifconfig lo 127.0.0.1 up
mkdir /b
cd /b
mkfifo keep
sleep 1000 >keep &
vcloud_server c json <keep >cloud.txt &
until grep -q ready cloud.txt; do sleep 0.1; done
. ./cloud.txt 2>/dev/null
printf 'station : { id = "bench-1"; state_dir = "rehearsal"; pinned_images = false; slots = (' >station.cfg
echo '); clouds = ( { name = "main"; api = "json"; url = "'\$url'"; ca_file = "/b/'\$ca'"; token_file = "/b/'\$token'"; } ); };' >>station.cfg
usbip-run --units $units --family photon --folder units --speed 0.05 -- \\
	station run /jobs/photon.cfg --config station.cfg --any-port --quantity $units --plain </dev/null
status=\$?
cp -r rehearsal units c /out/
exit \$status
END
sed -i "s|$SOURCE/jobs/|/jobs/|g" photon.cfg
mkdir -p share jobs
cp -r "$SOURCE/jobs/images" "$SOURCE/jobs/cloud-rsa.pub.der" photon.cfg jobs/
cp -r "$SOURCE/config/families" jobs/families
expect 0 in_vm -f "$STATION:/usr/bin/station" -f "$HELPERS/vcloud_server:/usr/bin/vcloud_server" -f "$PWD/jobs:/jobs" \
	-f "$PWD/inside.sh:/inside.sh" -o "$PWD/share" -- "sh /inside.sh"
mv share/rehearsal rehearsal
mv share/units rehearsal/units
mv share/c/cloud rehearsal/cloud
sound
equal "units made" "$units" "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
for i in $(seq "$units"); do
	id=$(jq -r .device_id "rehearsal/units/A$i/unit.json")
	image_at "rehearsal/units/A$i/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
	equal "key of A$i" "$(sql "SELECT fingerprint FROM device_key WHERE device_id = '$id' AND state = 'enrolled'")" \
		"$(fingerprint_of_slot "rehearsal/units/A$i/alt1.bin" 34)"
	equal "key of A$i in the cloud" "$(fingerprint_of_pem "rehearsal/cloud/$id.pem")" \
		"$(fingerprint_of_slot "rehearsal/units/A$i/alt1.bin" 34)"
done
