#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Units come back in the conditions of F02, F03, F06, F09, F17 and F19, claimed, or with invalid system parts: each is named by
# the right code, with the first wrong address, and not a byte of any unit is written. What is found stands in the record.
. "$(dirname "$0")/lib.sh"

# diagnose STATUS [OPTION...]: looks at the units; all their memory is as before
diagnose() {
	local file wanted=$1
	shift
	rm -rf before
	cp -r rehearsal/units before
	expect "$wanted" "$STATION" diagnose --state rehearsal "$@"
	for file in before/*/alt*.bin; do
		cmp "$file" "rehearsal/units/${file#before/}" || fail "diagnose changed $file"
	done
}

# of SLOT STATE: subjects and codes of that state of the last look at it
of() {
	sql "SELECT f.subject || ' ' || f.reason FROM finding f WHERE f.state = '$2' AND f.attempt_id = (SELECT id FROM attempt
		WHERE kind = 'diagnose' AND slot = '$1' ORDER BY started_at DESC, id DESC LIMIT 1) ORDER BY f.seq" | xargs
}

# evidence SLOT CODE
evidence() {
	sql "SELECT f.detail FROM finding f WHERE f.reason = '$2' AND f.attempt_id = (SELECT id FROM attempt
		WHERE kind = 'diagnose' AND slot = '$1' ORDER BY started_at DESC, id DESC LIMIT 1) ORDER BY f.seq LIMIT 1"
}

# verdict SLOT: outcome, reason, verdict of the last look at it
verdict() {
	sql "SELECT a.outcome, coalesce(a.reason, ''), o.value FROM attempt a JOIN observation o ON o.attempt_id = a.id AND
		o.name = 'verdict' WHERE a.kind = 'diagnose' AND a.slot = '$1' ORDER BY a.started_at DESC, a.id DESC LIMIT 1"
}

repairable="FAIL|faults-found|repairable"

# returned JOB ADDRESS IMAGE MEMORY FACTORY: units of the job that come back. ADDRESS: of a byte of IMAGE's region
returned() {
	local id
	rm -rf rehearsal
	job "$1"
	expect 0 "$STATION" rehearse "$1.cfg" --units 8 --condition "F02,F03:$2,F06,F09,F09:wrong,F17,F19,claimed"

	# By the record alone.
	diagnose 1
	equal "$1: F02" "device-rsa device-key-mismatch cloud cloud-key-differs" "$(of A1 fault)"
	id=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1' LIMIT 1")
	case "$(evidence A1 device-key-mismatch)" in
	"it holds $(fingerprint_of_slot "rehearsal/units/A1/alt1.bin" "$3"), enrolled is $(fingerprint_of_pem "rehearsal/cloud/$id.pem")") ;;
	*) fail "$1: F02: $(evidence A1 device-key-mismatch)" ;;
	esac
	equal "$1: F03" "user image-damaged" "$(of A2 fault)"
	equal "$1: F06" "factory image-damaged" "$(of A3 fault)"
	equal "$1: F09" "server-rsa server-key-missing" "$(of A4 fault)"
	equal "$1: F17" "user image-other-family" "$(of A6 fault)"
	equal "$1: verdicts" "$repairable $repairable" "$(verdict A1) $(verdict A6)"

	# Against the job, too.
	diagnose 1 --job "$1.cfg"
	equal "$1: F02, job" "device-rsa device-key-mismatch cloud cloud-key-differs" "$(of A1 fault)"
	case "$(evidence A2 image-damaged)" in
	"16 bytes differ from $1-user.bin, first at $2; "*) ;;
	*) fail "$1: F03 is told as: $(evidence A2 image-damaged)" ;;
	esac
	case "$(evidence A3 image-damaged)" in
	"16 bytes differ from $1-factory.bin, first at $4; "*) ;;
	*) fail "$1: F06 is told as: $(evidence A3 image-damaged)" ;;
	esac
	equal "$1: F09, job" "server-rsa server-key-missing" "$(of A4 fault)"
	equal "$1: F09, wrong" "server-rsa server-key-wrong" "$(of A5 fault)"
	equal "$1: F17, job" "user image-other-family" "$(of A6 fault)"
	equal "$1: F19" "$5" "$(of A7 fault)"
	equal "$1: claimed" "PASS||healthy" "$(verdict A8)"
	grep -q "to do, by $1-tinker: wiping what its owner left" out || fail "$1: nobody is told to wipe"
	for slot in A1 A2 A3 A4 A5 A6 A7; do equal "$1: $slot" "$repairable" "$(verdict $slot)"; done
	equal "$1: marks" 0 "$(sql 'SELECT count(*) FROM unit_mark')"
	sound
}

returned core 0x08006234 $((0x2000)) 0x00021000 \
	"user image-blank factory image-blank device-rsa device-key-missing server-rsa server-key-missing"
equal "core: what its owner left" "spi-user customer-data" "$(of A8 note)"
returned photon 0x080a0234 34 0x080e1000 \
	"system-part1 image-blank system-part2 image-blank user image-blank factory image-blank device-rsa system-parts-invalid"
equal "photon: what its owner left" "bootloader image-unknown claimed claimed claim-code customer-data eeprom1 customer-data" \
	"$(of A8 note)"
# The case of F17 itself: a Photon's application on a P1, whose images differ in the platform only.
returned p1 0x080a0234 34 0x080e1000 \
	"system-part1 image-blank system-part2 image-blank user image-blank factory image-blank device-rsa system-parts-invalid"
case "$(evidence A6 image-other-family)" in
*" is for platform 6; the unit is platform 8") ;;
*) fail "p1: F17 is told as: $(evidence A6 image-other-family)" ;;
esac

# The case of F03 itself: the update region, which no job fills. Only what is not erased can be seen without writing.
rm -rf rehearsal
expect 0 "$STATION" rehearse core.cfg --units 1 --condition F03:0x60000
diagnose 0
equal "F03 in the update region" "16 bytes are not erased, first at 0x00060000" "$(evidence A1 image-leftover)"

# Healthy units, and system parts that are not valid: their keys cannot be judged, so they are not.
rm -rf rehearsal
expect 0 "$STATION" rehearse photon.cfg --units 2 --condition -,parts
diagnose 0 --slot A1 --job photon.cfg --json --operator Jo
equal "a healthy unit" "PASS||healthy" "$(verdict A1)"
equal "its passage" "2|Jo|A1|1-1" "$(sql "SELECT d.passage, d.operator, d.slot, d.usb_path FROM attempt d JOIN attempt p
	ON p.id = d.previous_attempt_id AND p.kind = 'provision' WHERE d.kind = 'diagnose' AND d.slot = 'A1'")"
python3 - out "$(sql "SELECT group_concat(subject || reason || state || coalesce(detail, '')) FROM
	(SELECT * FROM finding ORDER BY seq)")" <<-'PYTHON' || fail "--json is not what the record has"
	import json, sys
	lines = open(sys.argv[1]).read().splitlines()
	it, = [json.loads(line) for line in lines]
	assert it["event"] == "diagnosis" and it["slot"] == "A1" and it["port"] == "1-1" and it["family"] == "photon", it
	assert it["verdict"] == "healthy" and it["repairs"] == [] and it["job"] is None, it
	assert ",".join(f["subject"] + f["code"] + f["state"] + f["evidence"] for f in it["findings"]) == sys.argv[2]
	assert {"device-key-enrolled", "cloud-key-same", "server-key-same", "image-same", "not-claimed"} <= {f["code"] for f in it["findings"]}
PYTHON
diagnose 1 --slot A2 --job photon.cfg
equal "invalid parts" "system-part2 image-damaged system-part1 dependency user dependency device-rsa system-parts-invalid" "$(of A2 fault)"
equal "what the cloud has" "cloud cloud-key-unproven unit customer-data-hidden" "$(of A2 unknown)"

# A PASS stays one: what a diagnosis finds does not make the unit again, and is no failure of its making.
expect 0 "$STATION" rehearse photon.cfg --units 2
equal "made already" "SKIPPED|already-made" "$(sql "SELECT outcome, reason FROM attempt WHERE slot = 'A2' ORDER BY passage DESC LIMIT 1")"

# The key of another unit.
python3 - <<-'PYTHON'
	key = open("rehearsal/units/A1/alt1.bin", "rb").read()[34:34 + 612]
	with open("rehearsal/units/A2/alt0.bin", "r+b") as unit:
	    good = open("rehearsal/units/A1/alt0.bin", "rb").read()
	    unit.seek(0x60000)
	    unit.write(good[0x60000:0xA0000])
	    for copy in 0x4000, 0x8000:
	        unit.seek(copy + 7548 + 34)
	        unit.write(key)
PYTHON
diagnose 1 --slot A2
equal "a key of another unit" "device-rsa device-key-of-another cloud cloud-key-differs" "$(of A2 fault)"
equal "both are set aside" 2 "$(sql "SELECT count(DISTINCT device_id) FROM unit_mark WHERE mark = 'quarantine'")"
diagnose 0 --slot A1
equal "the mark is told" "unit unit-set-aside bootloader image-unknown" "$(of A1 note)"
sound

# A unit that was made elsewhere.
rm -rf rehearsal elsewhere
expect 0 "$STATION" rehearse photon.cfg --units 1 --seed 7 --state elsewhere
expect 0 "$STATION" rehearse photon.cfg --units 1
rm -r rehearsal/units/A1
cp -r elsewhere/units/A1 rehearsal/units/A1
diagnose 0
equal "not in the database" "unit unit-unknown bootloader image-unknown" "$(of A1 note | cut -d' ' -f1-4)"
case "$(evidence A1 unit-unknown)" in *"made elsewhere") ;; *) fail "it is told as: $(evidence A1 unit-unknown)" ;; esac
equal "its keys" "device-rsa device-key-unproven server-rsa server-key-unproven unit customer-data-hidden" "$(of A1 unknown)"
equal "its images are known by their bytes" 4 "$(sql "SELECT count(*) FROM finding WHERE reason = 'image-other-version'")"
diagnose 1 --job photon.cfg
equal "the cloud does not know it" "cloud cloud-key-absent" "$(of A1 fault)"
sound

# Not what the job is for; and what is refused.
job core
diagnose 1 --job core.cfg
equal "another family" "FAIL|faults-found|not-ours" "$(verdict A1)"
equal "nothing was read" "unit other-family" "$(of A1 fault)"
diagnose 2 --slot B9
diagnose 2 --device-id 3f0028000347343337373738
diagnose 2 --slot A1 --device-id 3F
diagnose 2 --job nowhere.cfg
diagnose 2 A1
expect 2 "$STATION" rehearse photon.cfg --units 1 --condition F99
expect 2 "$STATION" rehearse photon.cfg --units 1 --condition F02,F02
expect 2 "$STATION" rehearse photon.cfg --units 1 --condition F03:x
diagnose 1 --slot A1 --device-id 3f0028000347343337373738
equal "another id" "FAIL|id-disagrees" "$(sql "SELECT outcome, reason FROM attempt ORDER BY started_at DESC LIMIT 1")"
