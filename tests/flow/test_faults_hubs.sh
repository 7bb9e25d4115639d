#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What may happen to the bus in a rehearsal: a hub that vanishes with four units is one event and no unit's failure, a port
# that cuts its power is named, the unit beside it does not notice; without these all are made.
. "$(dirname "$0")/lib.sh"
job photon -e '/^\tdevice_key/d; /^\tserver_key/d; /^\tenrol/d; s|after      = "leave";|&\n\tlimits : { stop_after_failures = 0; };|'
cat >faults.cfg <<'END'
faults : { list = (
	{ slot = "A1"; kind = "hub-gone"; at_transfer = 200; },
	{ slot = "A6"; kind = "over-current"; at_transfer = 200; } ); };
END
sed 's|gone_wait_ms = [0-9]*|gone_wait_ms = 3000|' "$STATION_CONFIG" >station.cfg
export STATION_CONFIG=$PWD/station.cfg
expect 1 "$STATION" rehearse photon.cfg --units 6 --faults faults.cfg --state rehearsal --plain
sound
equal "hubs that vanished" "hub-gone: port 1-1, slots A1, A2, A3, A4" "$(sql "SELECT why FROM line_stop")"
grep '^-    -  *the hub at port 1-1 vanished, and with it the slots A1, A2, A3, A4' out >/dev/null || fail "nobody was told: $(cat out)"
grep '^-    -  *the hub at port 1-1 is back' out >/dev/null || fail "the hub did not come back: $(cat out)"
equal "other ends behind the hub" "" "$(sql "SELECT slot, outcome, reason FROM attempt WHERE slot IN ('A1', 'A2', 'A3', 'A4')
	AND outcome <> 'PASS' AND reason <> 'hub-gone'")"
equal "made behind the hub" "A1 A2 A3 A4" "$(sql "SELECT slot FROM attempt WHERE outcome = 'PASS' AND slot < 'A5' ORDER BY slot" | xargs)"
equal "behind the other one" "A5|PASS||0
A6|FAIL|over-current|1" "$(sql "SELECT slot, outcome, reason, (SELECT count(*) FROM observation o WHERE o.attempt_id = a.id
	AND o.name = 'over-current') FROM attempt a WHERE slot IN ('A5', 'A6') ORDER BY slot")"
expect 0 "$STATION" rehearse photon.cfg --units 6 --state rehearsal
for i in $(seq 6); do
	image_at "rehearsal/units/A$i/alt0.bin" $((0x20000)) "$SOURCE/jobs/images/photon-system-part1.bin"
	image_at "rehearsal/units/A$i/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
done
# A unit does not bring its bus along.
sed 's|{ slot = "A6".*|);};|; s|200; },$|200; }|' faults.cfg >rehearsal/units/A1/faults.cfg
expect 2 "$STATION" rehearse photon.cfg --units 6 --state rehearsal
grep 'hub-gone is no fault of a unit: give it with --faults' err >/dev/null || fail "the fault of the bus in a unit's folder: $(cat err)"
