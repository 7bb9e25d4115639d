#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# 32 Photons at once behind the real libusb, and the operator's hands in the middle of the batch: a unit is pulled out and comes
# back, two change places, another unit comes in, a unit comes back from its restart as another, two have one id. Each
# attempt ends by its own name, no unit gets another's record, and the healthy ones are not disturbed.
. "$(dirname "$0")/lib.sh"
units=${UNITS:-32}
job photon
cloud json
sed -i 's|after  *= "leave";|&\n\tlimits : { stop_after_failures = 0; slot_stop_after = 0; };|' photon.cfg
config "$units" "$clouds"

# outcomes WHERE: how many attempts have an outcome
outcomes() {
	sqlite3 -readonly rehearsal/station.db "SELECT count(*) FROM attempt WHERE outcome IS NOT NULL AND $1" 2>>sql.err || echo 0
}
# await COUNT WHERE
await() {
	local _
	for _ in $(seq 1200); do
		[ "$(outcomes "$2")" -lt "$1" ] || return 0
		sleep 0.1
	done
	fail "fewer than $1 attempts with $2 have ended"
}

# Units 3, 5, 6, 9 and 12 are in work, between two of their requests, when they go.
hands() {
	local station port
	for port in 3 5 6 9 12; do
		bus freeze $port $((port * 20))
	done
	"$STATION" run photon.cfg --config station.cfg --quantity 0 --plain >run.out 2>run.err </dev/null &
	station=$!
	bus frozen 3
	bus unplug 3
	bus plug 3 3
	bus frozen 5
	bus frozen 6
	bus unplug 5
	bus unplug 6
	bus plug 5 6
	bus plug 6 5
	bus frozen 9
	bus unplug 9
	bus frozen 12
	bus unplug 12
	await 1 "slot = 'A9'" && bus plug 9 41
	await 1 "slot = 'A12'" && bus plug 12 12
	await "$units" "outcome = 'PASS' OR reason IN ('duplicate-id', 'id-disagrees')"
	kill -INT $station
	wait $station || [ $? -eq 130 ]
}
export -f outcomes await hands
export units

# Units 20 and 21 are twins: the second shows the id of the first.
"$BUILT/umock-run" --units "$units" --family photon --folder units -- true
rm -r units/A21
cp -r units/A20 units/A21
cp units/A20/alt0.bin twin.bin
twin=$(id_of A20) other=0123456789abcdef01234567
echo "faults : { list = ( { slot = \"A15\"; kind = \"swapped\"; device_id = \"$other\"; } ); };" >faults.cfg
faults=faults.cfg
under "$units" photon hands
stop_cloud

pairs() { # SLOT: outcome and id of its attempts, in order
	sql "SELECT outcome || ' ' || ifnull(reason, '') || ' ' || ifnull(device_id, '-') FROM attempt WHERE slot = '$1' ORDER BY started_at" | tr -s ' ' | paste -sd,
}
equal "A3, back at once" "PASS $(id_of A3)" "$(pairs A3)"
equal "A5, places changed" "FAIL unit-swapped $(id_of A5),PASS $(id_of A6)" "$(pairs A5)"
equal "A6, places changed" "FAIL unit-swapped $(id_of A6),PASS $(id_of A5)" "$(pairs A6)"
equal "A9, another one later" "FAIL usb-gone $(id_of A9),PASS $(id_of A41)" "$(pairs A9)"
equal "A12, back later" "FAIL usb-gone $(id_of A12),PASS $(id_of A12)" "$(pairs A12)"
# It restarts as another, which still has the copy of the first one's id in its memory.
equal "A15, another one after its restart" "FAIL unit-swapped $(id_of A15),FAIL id-disagrees -" "$(pairs A15)"
# Both were there from the beginning, so that neither was touched; an id that is in work is not written twice.
for i in 20 21; do
	case "$(pairs A$i)" in
	"REFUSED duplicate-id $twin" | "REFUSED duplicate-id -") ;;
	*) fail "twin A$i: $(pairs A$i)" ;;
	esac
	cmp twin.bin "units/A$i/alt0.bin" || fail "the refused A$i was changed"
done
sound
equal "marks" "$twin quarantine" "$(sql "SELECT DISTINCT device_id || ' ' || mark FROM unit_mark" | xargs)"

# Who has a PASS has its own key, once, also in the cloud, and the images.
equal "keys on units" "$((units - 3))" "$(sql "SELECT count(DISTINCT key_fingerprint) FROM attempt WHERE outcome = 'PASS'")"
for i in $(seq "$units") 41; do
	case $i in 9 | 15 | 20 | 21) continue ;; esac
	id=$(id_of "A$i")
	equal "key of A$i" "$(sql "SELECT key_fingerprint FROM attempt WHERE outcome = 'PASS' AND device_id = '$id'")" \
		"$(fingerprint_of_slot "units/A$i/alt1.bin" 34)"
	equal "key of A$i in the cloud" "$(fingerprint_of_pem "c/cloud/$id.pem")" "$(fingerprint_of_slot "units/A$i/alt1.bin" 34)"
	image_at "units/A$i/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
	image_at "units/A$i/alt0.bin" $((0x20000)) "$SOURCE/jobs/images/photon-system-part1.bin"
	image_at "units/A$i/alt0.bin" $((0x60000)) "$SOURCE/jobs/images/photon-system-part2.bin"
done
