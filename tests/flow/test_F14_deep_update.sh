#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F14: a radio whose firmware is too old needs a one-off program first, from which the unit comes back by the operator's
# hand, or is sent. The operator is told at which slot and what; a person who does nothing, a station that is stopped or
# dies half way leave no PASS, and the unit is made at its next visit.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
radio() { tr '\n' ' ' <"rehearsal/units/$1/radio" | sed 's/ $//'; }
# two [SED-SCRIPT...]: the deep update, then the product.
two() {
	job core-radio "$@"
	drop_stage core-radio core-radio-patch
}

# Nobody is there for A2.
two -e 's|deadline_ms = 300000|deadline_ms = 8000|'
echo 'faults : { list = ( { slot = "A2"; kind = "no-operator"; } ); };' >faults.cfg
expect 1 "$STATION" rehearse core-radio.cfg --units 2 --faults faults.cfg --json
sound
equal "who was told, where, what" "A1 stage1-return put it into DFU: hold MODE, tap RST, wait for yellow
A2 stage1-return put it into DFU: hold MODE, tap RST, wait for yellow" "$(grep '"event":"step"' out | grep '"operator"' |
	sed 's/.*"slot":"\([^"]*\)".*"step":"\([^"]*\)".*"operator":"\([^"]*\)".*/\1 \2 \3/' | sort)"
equal "became of them" "A1|PASS||
A2|FAIL|operator-late|handling" "$(sql "SELECT slot, outcome, coalesce(reason, ''), coalesce(cause, '') FROM attempt ORDER BY slot")"
equal "A1: radio" 1.13 "$(radio A1)"
agree A1 alt1.bin $((0x2000))
image_at rehearsal/units/A2/alt0.bin $((0x5000)) "$images/core-deep-update.bin"

# By touch: the program shows itself, and is left alone until its work is done.
rm -rf rehearsal
two -e 's|comes_back = "operator"|comes_back = "touch"|' -e '/tell = /d'
expect 0 "$STATION" rehearse core-radio.cfg --units 2 --speed 0.1
sound
equal "A1: radio" 1.13 "$(radio A1)"
equal "A2: radio" 1.13 "$(radio A2)"
! grep -q OPERATOR out || fail "the operator is asked for nothing"
# So it is the time that does it: touched at once, the program's work is never done.
rm -rf rehearsal
sed -i 's|run_ms = 5000|run_ms = 1|' core-radio.cfg
expect 0 "$STATION" rehearse core-radio.cfg --units 1 --speed 0.1
[ ! -e rehearsal/units/A1/radio ] || fail "the virtual unit's program is done before its time: the tests above prove nothing"

# Ctrl-C twice while the station waits for the operator.
rm -rf rehearsal
two
echo 'faults : { list = ( { slot = "A1"; kind = "no-operator"; } ); };' >faults.cfg
rm -f out
"$STATION" rehearse core-radio.cfg --units 1 --faults faults.cfg >out 2>err &
pid=$!
wait_for seen 1 OPERATOR out
ctrl_c "$pid"
kill -INT "$pid"
status=0
wait "$pid" || status=$?
equal "exit status" 130 "$status"
sound
equal "stopped" "ABORTED|stopped" "$(sql 'SELECT outcome, reason FROM attempt')"

# The station dies there.
rm -f out
"$STATION" rehearse core-radio.cfg --units 1 --faults faults.cfg >out 2>err &
pid=$!
wait_for seen 1 OPERATOR out
kill -9 "$pid"
wait "$pid" || true
equal "in work" 1 "$(sql 'SELECT count(*) FROM attempt WHERE outcome IS NULL')"
rm -f rehearsal/units/A1/radio
expect 0 "$STATION" rehearse core-radio.cfg --units 1
sound
equal "all visits" "ABORTED INTERRUPTED PASS" "$(sql "SELECT group_concat(outcome, ' ') FROM (SELECT outcome FROM attempt ORDER BY passage)")"
equal "the program ran anew" 1.13 "$(radio A1)"
image_at rehearsal/units/A1/alt0.bin $((0x5000)) "$images/core-user.bin"
agree A1 alt1.bin $((0x2000))

# Sectors that hold the right bytes are left alone, and the program runs all the same.
rm -rf rehearsal
sed -i -e 's|name = "core-radio";|&\n\twrite = "changed";|' -e 's|run_ms = 5000|run_ms = 500|' -e 's|deadline_ms = 300000|deadline_ms = 1000|' core-radio.cfg
expect 1 "$STATION" rehearse core-radio.cfg --units 1 --faults faults.cfg
equal "late" operator-late "$(sql 'SELECT reason FROM attempt')"
rm -f rehearsal/units/A1/radio
sed -i 's|deadline_ms = 1000|deadline_ms = 30000|' core-radio.cfg
expect 0 "$STATION" rehearse core-radio.cfg --units 1 --json
erases=$(grep '"event":"unit"' out | sed 's/.*"erases":\([0-9]*\).*/\1/')
# 97 pages of the application, 23 sectors of the factory image, two keys; not the 60 pages of the program.
[ "$erases" -lt 140 ] || fail "$erases erases: what stood there already was erased"
equal "radio" 1.13 "$(radio A1)"
image_at rehearsal/units/A1/alt0.bin $((0x5000)) "$images/core-user.bin"
agree A1 alt1.bin $((0x2000))
