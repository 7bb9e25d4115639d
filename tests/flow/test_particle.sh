#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The particle API from end to end: a PASS rests on an acknowledgement, which is what the record and the display say; a
# lost answer is settled by another post; an error in a 200 is a refusal.
. "$(dirname "$0")/lib.sh"
job core -e 's|stop_after_failures = 5|stop_after_failures = 0|' -e 's|product_id = ""|product_id = "4711"|'
same_key() { # SLOT: the cloud holds the key of the record, whose private half is on the unit
	local id fingerprint
	id=$(sql "SELECT device_id FROM attempt WHERE slot = '$1' AND outcome = 'PASS'")
	fingerprint=$(sql "SELECT fingerprint FROM device_key WHERE device_id = '$id' AND state = 'enrolled'")
	equal "$1: on the unit" "$fingerprint" "$(fingerprint_of_slot "rehearsal/units/$1/alt1.bin" $((0x2000)))"
	equal "$1: in the cloud" "$fingerprint" "$(fingerprint_of_pem "rehearsal/cloud/$id.pem")"
}
expect 0 "$STATION" rehearse core.cfg --units 2 --api particle --plain
equal proof acknowledged "$(sql 'SELECT DISTINCT enrol_proof FROM device_key')"
equal shown 4 "$(grep -c 'key acknowledged' out)"
same_key A1
same_key A2
sound

outcome() { # HOW -> outcome and reason
	rm -rf rehearsal
	expect 1 "$STATION" rehearse core.cfg --units 2 --api particle --cloud "$1"
	sound
	sql 'SELECT DISTINCT outcome, reason FROM attempt'
}
equal refuse "FAIL|cloud-refused" "$(outcome refuse)"
equal error-in-200 "FAIL|cloud-refused" "$(outcome error-in-200)"
equal rubbish "HELD|cloud-unreachable" "$(outcome rubbish)"
equal busy "HELD|cloud-unreachable" "$(outcome busy)"
equal cut "HELD|cloud-unreachable" "$(outcome cut)"
# What was lost on its way back had arrived, and is acknowledged when it is sent again.
outcome cut >/dev/null
expect 0 "$STATION" rehearse core.cfg --units 2 --api particle
equal "held before, PASS now" 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS' AND passage = 1")"
same_key A1
same_key A2
sound
