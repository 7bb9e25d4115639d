#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same command again does nothing to units that are made: SKIPPED, exit status 0, not a byte of them changed. Another
# product is refused without --rework, and made with it.
. "$(dirname "$0")/lib.sh"
job photon
expect 0 "$STATION" rehearse photon.cfg --units 2
cp -r rehearsal/units before
expect 0 "$STATION" rehearse photon.cfg --units 2
equal outcomes "PASS PASS SKIPPED SKIPPED" "$(sql 'SELECT outcome FROM attempt ORDER BY started_at, slot' | sort | xargs)"
equal reason already-made "$(sql "SELECT DISTINCT reason FROM attempt WHERE outcome = 'SKIPPED'")"
for slot in A1 A2; do
	cmp "before/$slot/alt0.bin" "rehearsal/units/$slot/alt0.bin"
	cmp "before/$slot/alt1.bin" "rehearsal/units/$slot/alt1.bin"
done
sed -e 's|port = 5683|port = 5684|' photon.cfg >other.cfg
expect 1 "$STATION" rehearse other.cfg --units 2
equal refused 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'REFUSED' AND reason = 'made-otherwise'")"
cmp before/A1/alt1.bin rehearsal/units/A1/alt1.bin
expect 0 "$STATION" rehearse other.cfg --units 2 --rework
agree A1 alt1.bin 34
equal passages "1 2 3 4" "$(sql "SELECT passage FROM attempt WHERE slot = 'A1' ORDER BY passage" | xargs)"
equal "superseded keys" 2 "$(sql "SELECT count(*) FROM device_key WHERE state = 'superseded'")"
sound
