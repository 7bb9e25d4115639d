#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station run, unmodified, on units behind the real libusb (umockdev), with the virtual cloud in a process of its own:
# Photons over the json API, Cores over the particle API with scanned labels. Judged by cmp, openssl and sqlite3; the key
# bytes are looked for in the record and the logs.
. "$(dirname "$0")/../flow/lib.sh"
: "${BUILT:?the folder of umock-run}" "${HELPERS:?the folder of the helper programs}"
units=${UNITS:-4}
"$BUILT/umock-run" --units 1 --folder probe -- true 2>err || { tail -n 3 err; exit 77; }

cloud() { # API
	coproc SERVER { exec "$HELPERS/vcloud_server" c "$1"; }
	local line
	while read -r line <&"${SERVER[0]}" && [ "$line" != ready ]; do
		declare -g "${line%%=*}=${line#*=}"
	done
	printf 'station : { id = "bench-1"; state_dir = "rehearsal"; parallel = 16; pinned_images = false; slots = (' >station.cfg
	for i in $(seq "$units"); do
		printf '%s{ name = "A%d"; port = "%s"; }' "$([ "$i" -eq 1 ] || echo ,)" "$i" "$(port "$i")" >>station.cfg
	done
	printf '); clouds = ( { name = "main"; api = "%s"; url = "%s"; ca_file = "%s"; token_file = "%s"; settle_ms = 100; } ); };\n' \
		"$1" "$url" "$PWD/$ca" "$PWD/$token" >>station.cfg
}
port() {
	echo "1-$1"
}
stop_cloud() {
	kill "$SERVER_PID"
	wait "$SERVER_PID" 2>/dev/null || true
}
id_of() { # SLOT of the bench
	jq -r .device_id "units/$1/unit.json"
}

job photon
cloud json
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
expect 0 "$BUILT/umock-run" --units "$units" --family core --folder units -- true
for i in $(seq "$units"); do
	echo "$(port "$i") $(id_of "A$i")"
done >labels
# Without slots: every port is one, named by itself, also for a label that is scanned before its unit is there.
sed -i 's|slots = (.*); clouds|clouds|' station.cfg
first="$(port 1)=$(id_of A1)"
sed -i 1d labels
expect 0 "$BUILT/umock-run" --units "$units" --family core --folder units -- \
	"$STATION" run core.cfg --config station.cfg --any-port --device-id "$first" --quantity "$units" --plain <labels
equal PASS "$units" "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
equal proof acknowledged "$(sql "SELECT DISTINCT enrol_proof FROM device_key WHERE state = 'enrolled'")"
stop_cloud
