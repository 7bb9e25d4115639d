#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F06: the factory image is read back like any other, so that the unit that would fall back to it is not shipped with a
# corrupt one.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
job core
job photon
cat >core-faults.cfg <<-FAULTS
	faults : { list = (
		{ slot = "A1"; kind = "weak-cell"; alt = 1; address = 0x22bcd; bits = 0xff; },
		{ slot = "A2"; kind = "lost-write"; alt = 1; address = 0x20400; times = 1; }
	); };
FAULTS
cat >photon-faults.cfg <<-FAULTS
	faults : { list = (
		{ slot = "A1"; kind = "weak-cell"; alt = 0; address = 0x080e0010; bits = 0xff; },
		{ slot = "A2"; kind = "lost-write"; alt = 0; address = 0x080e1000; times = 1; }
	); };
FAULTS
one() { # FAMILY MEMORY OFFSET
	rm -rf rehearsal
	expect 1 "$STATION" rehearse "$1.cfg" --units 3 --faults "$1-faults.cfg" --state rehearsal
	sound
	equal "$1" "A1|FAIL|flash-bad
A2|PASS|
A3|PASS|" "$(sql "SELECT slot, outcome, coalesce(reason, '') FROM attempt ORDER BY slot")"
	equal "$1: A2 was written twice" 2 "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id
		WHERE slot = 'A2' AND name = 'write-images'")"
	image_at "rehearsal/units/A2/$2" "$3" "$images/$1-factory.bin"
	image_at "rehearsal/units/A3/$2" "$3" "$images/$1-factory.bin"
}
one core alt1.bin $((0x20000))
equal "core: address" 1 "$(sql "SELECT count(*) FROM attempt WHERE slot = 'A1' AND detail LIKE 'readback: alt 1: 0x00022bcd: %'")"
one photon alt0.bin $((0xe0000))
equal "photon: address" 1 "$(sql "SELECT count(*) FROM attempt WHERE slot = 'A1' AND detail LIKE 'readback: alt 0: 0x080e0010: %'")"
