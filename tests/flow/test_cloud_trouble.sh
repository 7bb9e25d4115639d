#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whatever the cloud does, a PASS is never wrong: down, busy or full of rubbish is HELD or FAIL, a lost or swapped key is
# found by reading it back, and a HELD unit becomes PASS when its key is acknowledged at its next visit.
. "$(dirname "$0")/lib.sh"
job core -e 's|stop_after_failures = 5|stop_after_failures = 0|'
sed -e 's|retries = 2;$|retries = 0;|' "$SOURCE/config/station.cfg" >station.cfg

outcome() { # HOW -> outcome and reason of both units
	rm -rf rehearsal
	expect 1 "$STATION" rehearse core.cfg --units 2 --config station.cfg --cloud "$1"
	sound
	equal "PASS with the cloud $1" 0 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
	sql 'SELECT DISTINCT outcome, reason FROM attempt'
}
equal refuse "FAIL|cloud-refused" "$(outcome refuse)"
equal lose "FAIL|cloud-differs" "$(outcome lose)"
equal swap "FAIL|cloud-differs" "$(outcome swap)"
equal rubbish "HELD|cloud-unreachable" "$(outcome rubbish)"
equal busy "HELD|cloud-unreachable" "$(outcome busy)"
equal down "HELD|cloud-unreachable" "$(outcome down)"
! grep -E '(^| )background:? *$' rehearsal/logs/station.log || fail "lines in the log that say nothing"
equal "outbox while held" "due" "$(sql 'SELECT DISTINCT state FROM outbox')"
equal "seals of units that are not final" 0 "$(sql 'SELECT count(*) FROM seal')"

expect 1 "$STATION" rehearse core.cfg --units 2 --config station.cfg --cloud down
equal "still down" 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'REFUSED' AND reason = 'still-held'")"

expect 0 "$STATION" rehearse core.cfg --units 2 --config station.cfg
equal "held before, PASS now" 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS' AND passage = 1")"
equal skipped 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'SKIPPED'")"
agree A1 alt1.bin $((0x2000))
agree A2 alt1.bin $((0x2000))
sound
