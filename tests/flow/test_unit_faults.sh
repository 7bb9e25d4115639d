#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is wrong with a virtual unit for good stands in its folder: every command that meets the unit meets it, until it is gone.
. "$(dirname "$0")/lib.sh"
job core

faults() { # SLOT ENTRY...: of that slot's unit
	local slot=$1
	shift
	echo "faults : { list = ( $* ); };" >"rehearsal/units/$slot/faults.cfg"
}

codes() { # of the last look at A1 that are faults
	sql "SELECT reason FROM finding WHERE state = 'fault' AND attempt_id = (SELECT id FROM attempt WHERE kind = 'diagnose'
		AND slot = 'A1' ORDER BY started_at DESC, id DESC LIMIT 1) ORDER BY seq" | xargs
}

expect 0 "$STATION" rehearse core.cfg --units 2 --state rehearsal
expect 0 "$STATION" diagnose --state rehearsal
faults A1 '{ slot = "A1"; kind = "other-layout"; alt = 1; layout = "@SPI Flash : SST25x/0x00000000/128*04Kg"; }'
for _ in 1 2; do
	expect 1 "$STATION" diagnose --state rehearsal --slot A1
	equal "every diagnosis meets it" layout-differs "$(codes)"
	expect 0 "$STATION" diagnose --state rehearsal --slot A2
done

# A rehearsal meets it too, also at the first passage of a unit, and beside those of its --faults.
rm -rf rehearsal
mkdir -p rehearsal/units/A1
faults A1 '{ slot = "A1"; kind = "dead-cell"; alt = 1; address = 0x20100; bits = 0xff; value = 1; }'
echo 'faults : { list = ( { slot = "A2"; kind = "dead-cell"; alt = 1; address = 0x20200; bits = 0xff; value = 1; } ); };' >faults.cfg
expect 1 "$STATION" rehearse core.cfg --units 2 --state rehearsal --faults faults.cfg
equal "both fail" "A1|flash-bad|readback: alt 1: 0x00020100
A2|flash-bad|readback: alt 1: 0x00020200" "$(sql "SELECT slot, reason, substr(detail, 1, 27) FROM attempt ORDER BY slot")"

# Refused: another unit's, and what is no file of faults.
faults A1 '{ slot = "A2"; kind = "no-operator"; }'
expect 2 "$STATION" diagnose --state rehearsal
grep -q 'the folder is that of A1' err || fail "it is refused as: $(cat err)"
faults A1 '{ slot = "A1"; kind = "tired"; }'
expect 2 "$STATION" diagnose --state rehearsal
grep -q 'units/A1/faults.cfg:1' err || fail "it is refused as: $(cat err)"
rm rehearsal/units/A1/faults.cfg
expect 1 "$STATION" diagnose --state rehearsal
