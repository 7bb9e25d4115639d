#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station mark: sets a unit aside and releases it, and the line heeds it; what is no mark is refused, and nothing is written.
. "$(dirname "$0")/lib.sh"
job photon
expect 0 "$STATION" rehearse photon.cfg --units 2
id=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1'")
mark() {
	expect "$1" "$STATION" mark "${@:2}" --state rehearsal
}

# --- refused ---
mark 2 "$id" lost --note x
mark 2 "$id" needs-repair --note x
mark 2 "$id" scrap
mark 2 "$id" quarantine --note "  "
mark 2 "$id"
mark 2 "${id}0" scrap --note x
mark 2 "${id:1}g" scrap --note x
mark 2 "" scrap --note x
mark 2 "$id" scrap quarantine --note x
mark 2 "$id" scrap --note
expect 2 "$STATION" mark "$id" scrap --note x --state nowhere
[ ! -e nowhere ] || fail "a mark made a state folder"
equal "marks" 0 "$(sql 'SELECT count(*) FROM unit_mark')"

# --- quarantine, scrap, released ---
mark 0 "${id^^}" quarantine --note "looks burnt" --operator Jo
grep -q "before: no mark" out || fail "the mark before is not printed"
equal "the row" "$id|quarantine|looks burnt|Jo|1|1" \
	"$(sql "SELECT device_id, mark, note, operator, passage, at > 1600000000000 FROM unit_mark")"
expect 1 "$STATION" rehearse photon.cfg --units 2 --rework
equal "the unit" "REFUSED quarantined" "$(sql "SELECT outcome, reason FROM attempt WHERE device_id = '$id' ORDER BY passage DESC LIMIT 1" | tr '|' ' ')"
mark 0 "$id" scrap --note "is burnt"
grep -q "before: quarantine" out || fail "the mark before is not printed"
expect 1 "$STATION" rehearse photon.cfg --units 2
equal "the unit" "REFUSED marked-scrap" "$(sql "SELECT outcome, reason FROM attempt WHERE device_id = '$id' ORDER BY passage DESC LIMIT 1" | tr '|' ' ')"
mark 0 "$id" released
grep -q "before: scrap" out || fail "the mark before is not printed"
expect 0 "$STATION" rehearse photon.cfg --units 2
equal "marks, all kept" "quarantine scrap released" "$(sql 'SELECT mark FROM unit_mark ORDER BY id' | xargs)"

# --- a unit that was never seen ---
mark 0 3f0028000347343337373738 scrap --note "fell off the belt"
grep -q "warning: the record has never seen" err || fail "no warning"
equal "its mark" scrap "$(sql "SELECT mark FROM unit_mark WHERE device_id = '3f0028000347343337373738'")"
expect 0 "$STATION" audit --state rehearsal

# --- one writer at a time ---
"$STATION" rehearse photon.cfg --units 4 --speed 0.2 >run.out 2>run.err &
pid=$!
wait_for counted 1 rehearsal/station.db "SELECT count(*) FROM attempt WHERE outcome IS NULL"
mark 2 "$id" scrap --note x
grep -q "held by process $pid" err || fail "the other program is not named: $(cat err)"
expect 2 "$STATION" rehearse photon.cfg --units 4
grep -q "held by process $pid" err || fail "the other program is not named: $(cat err)"
equal "the line goes on" 0 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'INTERRUPTED'")"
wait "$pid" || fail "a second writer disturbed the first"
equal "marks" 4 "$(sql 'SELECT count(*) FROM unit_mark')"
mark 0 "$id" scrap --note x
sound
