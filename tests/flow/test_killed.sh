#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 in the middle of a batch, again and again, then the same command: every unit converges to PASS, nothing claims
# PASS wrongly, and what was open is INTERRUPTED.
. "$(dirname "$0")/lib.sh"
job photon
# The later ones are so long after it began its work.
for delay in 0.2 0.5 +0.1 +0.6 +1.4; do
	"$STATION" rehearse photon.cfg --units 4 --speed 0.15 >out 2>err &
	pid=$!
	case $delay in +*) wait_for counted 1 rehearsal/station.db "SELECT count(*) FROM attempt WHERE outcome IS NULL" ;; esac
	sleep "${delay#+}"
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	# What the dead station left open is told, and nothing else is wrong.
	"$STATION" audit --state rehearsal >out 2>err || true
	! grep "^FINDING" out | grep -vE "no station is at work|the station died" || fail "after $delay s"
done
expect 0 "$STATION" rehearse photon.cfg --units 4
sound
expect 0 "$STATION" audit --state rehearsal --anchor rehearsal/logs/seals.log
[ "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'INTERRUPTED'")" -gt 0 ] || fail "no attempt was cut off: the test proves nothing"
equal "units that are PASS" 4 "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
for slot in A1 A2 A3 A4; do
	agree "$slot" alt1.bin 34
	image_at "rehearsal/units/$slot/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
done
