#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station reprovision on units behind the real libusb (umockdev): what station run has made comes back damaged, and is made
# good again with a new key; at one slot only where that is asked for.
. "$(dirname "$0")/lib.sh"
job photon
sed -i 's|^};|\treprovision : { backup = false; };\n};|' photon.cfg
cloud json
config 2 "$clouds"
expect 0 "$BUILT/umock-run" --units 2 --family photon --folder units -- \
	"$STATION" run photon.cfg --config station.cfg --quantity 2 --plain </dev/null
printf '\x5a' | dd of=units/A2/alt0.bin bs=1 seek=$((0xa0234)) conv=notrunc status=none
rm -rf before
cp -r units before

cat >again.sh <<-'END'
	"$STATION" reprovision photon.cfg --config station.cfg --json --yes --rma 4711 --slot A2 </dev/null >events &
	again=$!
	for _ in $(seq 1200); do
		[ "$(jq -c 'select(.event == "outcome")' events | wc -l)" -lt 1 ] || break
		sleep 0.1
	done
	kill -TERM $again
	wait $again
END
expect 130 "$BUILT/umock-run" --units 2 --family photon --folder units -- bash again.sh
equal outcome "A2 PASS" "$(jq -r 'select(.event == "outcome") | .slot + " " + .outcome' events)"
equal found "image-damaged" "$(jq -r 'select(.event == "found") | .findings[] | select(.state == "fault") | .code' events)"
equal "the record" "reprovision|PASS|2|4711" "$(sql "SELECT a.kind, a.outcome, a.passage, i.value FROM attempt a
	JOIN attempt_identity i ON i.attempt_id = a.id AND i.kind = 'rma'")"
image_at units/A2/alt0.bin $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
key=$(fingerprint_of_slot units/A2/alt1.bin 34)
equal "its key" "$key enrolled" "$(sql "SELECT k.fingerprint || ' ' || k.state FROM device_key k JOIN attempt a
	ON a.key_fingerprint = k.fingerprint AND a.kind = 'reprovision'")"
equal "its key in the cloud" "$key" "$(fingerprint_of_pem "c/cloud/$(id_of A2).pem")"
[ "$key" != "$(fingerprint_of_slot before/A2/alt1.bin 34)" ] || fail "it has its old key"
cmp before/A1/alt0.bin units/A1/alt0.bin || fail "A1 was not asked for"
stop_cloud
sound
