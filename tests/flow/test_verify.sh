#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Verify reads units against a job and writes nothing to them: not a byte differs afterwards. It finds one wrong byte, with
# its address, a wrong server key, and a key that is not the enrolled one; and it counts for nothing else.
. "$(dirname "$0")/lib.sh"

# untouched: the units are byte for byte those of ./before
untouched() {
	local file
	for file in before/*/alt*.bin; do
		cmp "$file" "rehearsal/units/${file#before/}" || fail "verify changed $file"
	done
}

# poke FILE OFFSET: changes one byte
poke() {
	local old
	old=$(bytes "$1" "$2" 1 | od -An -tu1 | tr -d ' ')
	printf "\\x$(printf %02x $((old ^ 0x10)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# verify STATUS: looks at all three units of ./before
verify() {
	rm -rf before
	cp -r rehearsal/units before
	[ "$job" = core ] || rm -f before/*/alt1.bin # a view of alt0.bin, written anew
	expect "$1" "$STATION" rehearse "$job.cfg" --units 3 --verify
	untouched
}

# found SLOT: outcome, reason and text of the last look at it
found() {
	sql "SELECT outcome, reason, detail FROM attempt WHERE kind = 'verify' AND slot = '$1' ORDER BY started_at DESC LIMIT 1"
}

# look JOB OFFSET ADDRESS: a byte at OFFSET of alternate setting 0 stands at ADDRESS
look() {
	local made sent
	job=$1
	rm -rf rehearsal never
	job "$job"
	expect 1 "$STATION" rehearse "$job.cfg" --units 1 --state never --verify
	expect 0 "$STATION" rehearse "$job.cfg" --units 3
	made=$(sql "SELECT group_concat(fingerprint || state) FROM (SELECT * FROM device_key ORDER BY fingerprint)")
	sent=$(sql "SELECT group_concat(id || state || tries) FROM outbox")

	verify 0
	equal "$job: outcomes" "PASS PASS PASS" "$(sql "SELECT outcome FROM attempt WHERE kind = 'verify'" | xargs)"
	equal "$job: batch" "verify|0|done" "$(sql "SELECT kind, quantity, ended_by FROM batch WHERE kind = 'verify'")"
	equal "$job: keys that were looked at" 3 "$(sql "SELECT count(*) FROM observation o JOIN device_key k
		ON k.fingerprint = o.value AND k.state = 'enrolled' WHERE o.name = 'found-key'")"

	poke rehearsal/units/A2/alt0.bin "$2"
	verify 1
	case "$(found A2)" in
	"FAIL|flash-bad|compare-images: alt 0: $3: expected "*"; 1 bytes differ") ;;
	*) fail "$job: one wrong byte gives: $(found A2)" ;;
	esac
	equal "$job: a difference is not read away" 1 "$(sql "SELECT count(*) FROM step WHERE outcome = 'FAIL'")"
	equal "$job: the others" "PASS PASS" "$(found A1 | cut -d'|' -f1) $(found A3 | cut -d'|' -f1)"

	# Looking often does not wear a unit out, and a look is no passage of production.
	verify 1
	verify 1
	verify 1
	equal "$job: marks" "" "$(sql 'SELECT mark FROM unit_mark')"
	equal "$job: keys" "$made" "$(sql "SELECT group_concat(fingerprint || state) FROM (SELECT * FROM device_key ORDER BY fingerprint)")"
	equal "$job: outbox" "$sent" "$(sql "SELECT group_concat(id || state || tries) FROM outbox")"
	expect 0 "$STATION" rehearse "$job.cfg" --units 3
	equal "$job: all are made already" 3 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'SKIPPED'")"
	sound
}

look core $((0x6234)) 0x08006234
look photon $((0xa1234)) 0x080a1234

# The record memory of a Photon, which alternate setting 1 shows, stands in two sectors of alternate setting 0. Its server key
# is at 2082, its own at 34 (612 bytes).
places="$((0x4000 + 7548)) $((0x8000 + 7548))"

poke_record() {
	local at
	for at in $places; do poke "rehearsal/units/$1/alt0.bin" $((at + $2)); done
}

# give_key FROM SLOT: the device key of the unit file FROM is on the unit of SLOT
give_key() {
	local at
	bytes "$1" 34 612 >key.bin
	for at in $places; do dd if=key.bin of="rehearsal/units/$2/alt0.bin" bs=1 seek=$((at + 34)) conv=notrunc status=none; done
	rm key.bin
}

rm -rf rehearsal
expect 0 "$STATION" rehearse photon.cfg --units 3
cp -r rehearsal/units made
poke_record A1 2100
poke_record A2 100
verify 1
case "$(found A1)" in
"FAIL|server-key-wrong|compare-server-key: server-rsa: alt 1: 0x00000834: "*) ;;
*) fail "a wrong server key gives: $(found A1)" ;;
esac
case "$(found A2)" in
"FAIL|key-mismatch|compare-device-key: device-rsa: "*) ;;
*) fail "a broken device key gives: $(found A2)" ;;
esac

# A unit of the other product is not this one; and a key that was replaced is not the unit's any more.
cp made/A1/alt0.bin rehearsal/units/A1/
cp made/A2/alt0.bin rehearsal/units/A2/
sed -e 's|port = 5683|port = 5684|' photon.cfg >other.cfg
expect 0 "$STATION" rehearse other.cfg --units 1 --rework
give_key made/A1/alt1.bin A1
job=other
verify 1
case "$(found A1)" in
"FAIL|key-mismatch|"*'is "superseded" in our record, not enrolled') ;;
*) fail "a replaced key gives: $(found A1)" ;;
esac
equal "another product" "FAIL|server-key-wrong" "$(found A3 | cut -d'|' -f1,2)"

# One key on two units: both are set aside.
job=photon
give_key made/A3/alt1.bin A2
verify 1
equal "a key of another unit" "REFUSED|duplicate-key" "$(found A2 | cut -d'|' -f1,2)"
equal "set aside" 2 "$(sql "SELECT count(DISTINCT device_id) FROM unit_mark WHERE mark = 'quarantine'")"

# HELD: all is on the unit, but the cloud has not said so.
rm -rf rehearsal
expect 1 "$STATION" rehearse photon.cfg --units 3 --cloud down
verify 1
equal "held" "REFUSED|still-held" "$(found A1 | cut -d'|' -f1,2)"
equal "held as before" 3 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'HELD'")"
expect 2 "$STATION" rehearse photon.cfg --verify --rework
expect 2 "$STATION" rehearse photon.cfg --verify --quantity 5
