#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# When the database cannot be written any more the line stops with exit status 3, and no unit in work is PASS.
. "$(dirname "$0")/lib.sh"
job photon
# Files of more than 1.1 MB cannot grow: the units' memories fit, the database's log soon does not.
status=0
(
	trap '' XFSZ
	ulimit -f 1100
	exec "$STATION" rehearse photon.cfg --units 16 >out 2>err
) || status=$?
equal "exit status" 3 "$status"
grep -q "not-durable\|record" out || fail "nobody says that the record is not durable"
shown=$(grep -c ' PASS' out || true)
stored=$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")
[ "$stored" -lt 16 ] || fail "all units are PASS: the test proves nothing"
[ "$shown" -le "$((2 * stored))" ] || fail "$shown PASS shown, $stored in the record"

expect 0 "$STATION" rehearse photon.cfg --units 16
sound
equal "units that are PASS" 16 "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
