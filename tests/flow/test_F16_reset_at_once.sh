#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F16: units that reset at once when they are sent out of DFU answer the last status request with silence. That is
# normal: success was decided by the readback before, and so is failure.
. "$(dirname "$0")/lib.sh"
one() { # FAMILY ADDRESS-OF-USER KEY-FILE KEY-OFFSET
	job "$1" -e 's|after *= "leave"|after = "runs"|'
	cat >faults.cfg <<-FAULTS
		faults : { list = (
			{ slot = "A1"; kind = "abrupt-leave"; },
			{ slot = "A2"; kind = "abrupt-leave"; }, { slot = "A2"; kind = "weak-cell"; alt = 0; address = $2; bits = 0xff; }
		); };
	FAULTS
	rm -rf rehearsal
	expect 1 "$STATION" rehearse "$1.cfg" --units 3 --faults faults.cfg --state rehearsal
	sound
	equal "$1" "A1|PASS|
A2|FAIL|flash-bad
A3|PASS|" "$(sql "SELECT slot, outcome, coalesce(reason, '') FROM attempt ORDER BY slot")"
	equal "$1: tries that did not pass" 0 "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id
		WHERE slot = 'A1' AND (s.outcome <> 'PASS' OR try > 1)")"
	agree A1 "$3" "$4"
}
one core 0x08005400 alt1.bin $((0x2000))
one photon 0x080a0400 alt1.bin 34
