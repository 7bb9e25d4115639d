#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A batch of Photons in which nearly every unit has another fault (the annotated example of a file of faults): each ends
# by its own name, none is PASS that is not right, a retry that helped can be seen, and the healthy ones do not notice.
# Without the faults, all that a second passage can mend is mended.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
job photon -e 's|after      = "leave";|&\n\tlimits : { stop_after_failures = 0; };|'
# A unit that does not come back is waited for in real time.
mkdir families
sed -e 's|boot_timeout_ms = [0-9]*|boot_timeout_ms = 4000|' "$SOURCE/config/families/photon.cfg" >families/photon.cfg
sed 's|gone_wait_ms = [0-9]*|gone_wait_ms = 2000|' "$STATION_CONFIG" >station.cfg
export STATION_CONFIG=$PWD/station.cfg
units=20

check_good() { # SLOT...
	local slot flash
	for slot in "$@"; do
		flash=rehearsal/units/$slot/alt0.bin
		image_at "$flash" $((0x20000)) "$images/photon-system-part1.bin"
		image_at "$flash" $((0x60000)) "$images/photon-system-part2.bin"
		image_at "$flash" $((0xa0000)) "$images/photon-user.bin"
		image_at "$flash" $((0xe0000)) "$images/photon-factory.bin"
		agree "$slot" alt1.bin 34
		cmp <(bytes "rehearsal/units/$slot/alt1.bin" 2082 294) "$SOURCE/jobs/cloud-rsa.pub.der" ||
			fail "$slot: server key"
	done
}

expect 1 "$STATION" rehearse photon.cfg --units $units --faults "$SOURCE/station/virtual/faults.cfg" --state rehearsal
sound
# The second arrival at A15 is that of the other unit, with the first one's copy of its id.
equal "how each unit ended" "$(cat <<-TABLE
	A1|FAIL|usb-stall|write-images
	A2|FAIL|flash-bad|readback
	A3|FAIL|usb-stall|write-parts
	A4|FAIL|flash-bad|readback
	A5|PASS||
	A6|FAIL|key-mismatch|prove-key
	A7|PASS||
	A8|PASS||
	A9|FAIL|usb-timeout|write-parts
	A10|FAIL|usb-timeout|write-parts
	A11|FAIL|usb-gone|write-parts
	A12|PASS||
	A13|FAIL|no-return|reenter
	A14|FAIL|layout-differs|check
	A15|FAIL|unit-swapped|reenter
	A16|PASS||
	A17|PASS||
	A18|PASS||
	A19|PASS||
	A20|PASS||
TABLE
)" "$(sql "SELECT slot, outcome, coalesce(reason, ''), coalesce((SELECT s.name FROM step s WHERE s.attempt_id = a.id
	AND s.outcome <> 'PASS' AND a.outcome <> 'PASS' ORDER BY seq DESC LIMIT 1), '')
	FROM attempt a WHERE NOT (slot = 'A15' AND passage IS NULL) ORDER BY cast(substr(slot, 2) AS int), started_at")"
equal "causes of the units that were pulled out, swapped" handling "$(sql "SELECT DISTINCT cause FROM attempt
	WHERE slot IN ('A11', 'A15')")"
check_good A5 A7 A8 A12 A16 A17 A18 A19 A20

# A bad cell is named: where, what was expected, what was found, as cmp sees it in the unit's memory.
expected=$(bytes "$images/photon-user.bin" $((0x100)) 1 | od -An -tx1 | tr -d ' ')
equal "A2: detail" "readback: alt 0: 0x080a0100: expected $expected, found ff; 1 bytes differ" \
	"$(sql "SELECT detail FROM attempt WHERE slot = 'A2'")"
size=$(stat -c %s "$images/photon-user.bin")
equal "A2: differing bytes" "$((0x100 + 1)) $(printf '%o' "0x$expected") 377" \
	"$({ cmp -l "$images/photon-user.bin" <(bytes rehearsal/units/A2/alt0.bin $((0xa0000)) "$size") || true; } | tr -s ' ' | sed 's/^ //')"
equal "A4: address" 1 "$(sql "SELECT count(*) FROM attempt WHERE slot = 'A4' AND detail LIKE 'readback: alt 0: 0x080a1000: expected %'")"

# What a retry healed is in the record, with the try that failed and its reason.
equal "retries that helped" "$(cat <<-TABLE
	A5|prove-key|1|FAIL|key-mismatch
	A5|device-key|2|PASS|
	A5|prove-key|2|PASS|
	A7|write-parts|1|FAIL|usb-stall
	A7|write-parts|2|PASS|
	A8|write-parts|1|FAIL|usb-timeout
	A8|write-parts|2|PASS|
	A12|write-parts|1|FAIL|usb-gone
	A12|check|2|PASS|
	A12|write-parts|2|PASS|
TABLE
)" "$(sql "SELECT slot, name, try, s.outcome, coalesce(s.reason, '') FROM step s JOIN attempt a ON a.id = s.attempt_id
	WHERE a.outcome = 'PASS' AND (s.outcome <> 'PASS' OR s.try > 1) ORDER BY cast(substr(slot, 2) AS int), seq")"
equal "steps that failed on healthy units" 0 "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id
	WHERE slot IN ('A16', 'A17', 'A18', 'A19', 'A20') AND (s.outcome <> 'PASS' OR s.try > 1)")"

# Nothing was enrolled for a unit whose key was never proven on it.
equal "enrolled without proof" 0 "$(sql "SELECT count(*) FROM outbox o JOIN attempt a ON a.id = o.attempt_id
	WHERE a.slot IN ('A1', 'A3', 'A6', 'A9', 'A10', 'A11', 'A12', 'A13', 'A14') AND NOT EXISTS (SELECT 1 FROM step s
	WHERE s.attempt_id = a.id AND s.name = 'prove-key' AND s.outcome = 'PASS')")"

expect 0 "$STATION" rehearse photon.cfg --units $units --state rehearsal
sound
equal "all of them in the end" $units "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
equal skipped 9 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'SKIPPED'")"
for i in $(seq $units); do
	check_good "A$i"
done

# A file of faults with a mistake is refused with its line before a unit is touched.
printf 'faults : { list = (\n\t{ slot = "A1"; kind = "dead-cell"; alt = 0; address = 0x090a0000; }\n); };\n' >wrong.cfg
expect 2 "$STATION" rehearse photon.cfg --units 1 --faults wrong.cfg --state other
grep -q 'wrong.cfg:2: dead-cell: alt 0 of a virtual photon has no address 0x090a0000' err || fail "$(cat err)"
sed -i 's|"A1"|"A2"|' wrong.cfg
expect 2 "$STATION" rehearse photon.cfg --units 1 --faults wrong.cfg --state other
grep -q 'wrong.cfg:2: there is no slot A2' err || fail "$(cat err)"
