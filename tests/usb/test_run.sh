#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station run, unmodified, on units behind the real libusb (umockdev), with the virtual cloud in a process of its own:
# Photons over the json API, Cores over the particle API with scanned labels. Judged by cmp, openssl and sqlite3; the key
# bytes are looked for in the record and the logs.
. "$(dirname "$0")/lib.sh"
units=${UNITS:-4}

job photon
cloud json
config "$units" "$clouds"
expect 0 "$BUILT/umock-run" --units "$units" --family photon --folder units -- \
	"$STATION" run photon.cfg --config station.cfg --quantity "$units" --plain </dev/null
equal PASS "$units" "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
equal virtual 0 "$(sql "SELECT value FROM meta WHERE key = 'virtual'")"
sound
mkdir -p rehearsal/cloud
ln -s ../units rehearsal/units
cp c/cloud/*.pem rehearsal/cloud/
for i in $(seq "$units"); do
	image_at "units/A$i/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
	image_at "units/A$i/alt0.bin" $((0x20000)) "$SOURCE/jobs/images/photon-system-part1.bin"
	agree "A$i" alt1.bin 34
	piece=$(bytes "units/A$i/alt1.bin" $((34 + 200)) 24 | od -An -v -tx1 | tr -d ' \n')
	for file in rehearsal/station.db* rehearsal/logs/* out err; do
		case "$(od -An -v -tx1 "$file" | tr -d ' \n')" in *"$piece"*) fail "key bytes of A$i are in $file" ;; esac
	done
done
stop_cloud

rm -rf rehearsal units c
job core
cloud particle
config "$units" "$clouds"
expect 0 "$BUILT/umock-run" --units "$units" --family core --folder units -- true
for i in $(seq "$units"); do
	echo "1-$i $(id_of "A$i")"
done >labels
# Without slots: every port is one, named by itself, also for a label that is scanned before its unit is there.
sed -i 's|slots = (.*); clouds|clouds|' station.cfg
first="1-1=$(id_of A1)"
sed -i 1d labels
expect 0 "$BUILT/umock-run" --units "$units" --family core --folder units -- \
	"$STATION" run core.cfg --config station.cfg --any-port --device-id "$first" --quantity "$units" --plain <labels
equal PASS "$units" "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
equal proof acknowledged "$(sql "SELECT DISTINCT enrol_proof FROM device_key WHERE state = 'enrolled'")"
stop_cloud
