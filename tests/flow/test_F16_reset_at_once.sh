#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F16: units that reset at once when they are sent out of DFU answer the last status request with silence. That is
# normal: success was decided by the readback before, and so is failure. Another unit that runs there then is no sign of life.
. "$(dirname "$0")/lib.sh"
one() { # FAMILY ADDRESS-OF-USER KEY-FILE KEY-OFFSET ENUMERATION-OF-ITS-PROGRAM
	job "$1" -e 's|after *= "leave"|after = "runs"|'
	cat >faults.cfg <<-FAULTS
		faults : { list = (
			{ slot = "A1"; kind = "abrupt-leave"; },
			{ slot = "A2"; kind = "abrupt-leave"; }, { slot = "A2"; kind = "weak-cell"; alt = 0; address = $2; bits = 0xff; },
			{ slot = "A4"; kind = "swapped"; at_enumeration = $5; }
		); };
	FAULTS
	rm -rf rehearsal
	expect 1 "$STATION" rehearse "$1.cfg" --units 4 --faults faults.cfg --state rehearsal
	sound
	equal "$1" "A1|PASS|
A2|FAIL|flash-bad
A3|PASS|
A4|FAIL|unit-swapped" "$(sql "SELECT slot, outcome, coalesce(reason, '') FROM attempt a
		WHERE started_at = (SELECT min(started_at) FROM attempt WHERE slot = a.slot) ORDER BY slot")"
	equal "$1: who runs at A4" runs "$(sql "SELECT name FROM step s JOIN attempt a ON a.id = s.attempt_id WHERE slot = 'A4'
		AND s.reason = 'unit-swapped'")"
	equal "$1: tries that did not pass" 0 "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id
		WHERE slot = 'A1' AND (s.outcome <> 'PASS' OR try > 1)")"
	agree A1 "$3" "$4"
}
one core 0x08005400 alt1.bin $((0x2000)) 2
one photon 0x080a0400 alt1.bin 34 4
