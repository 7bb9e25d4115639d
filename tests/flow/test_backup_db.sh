#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station backup-db, and the copy after each batch: one consistent state of the database in one file, also while the line
# runs; nothing that is there is overwritten by mistake; the copy can be put back.
. "$(dirname "$0")/lib.sh"
job photon
copy() {
	expect "$1" "$STATION" backup-db "${@:2}" --state rehearsal
}
tables="batch batch_image attempt attempt_identity observation step device_key outbox seal line_stop unit_mark meta"

expect 0 "$STATION" rehearse photon.cfg --units 3
copy 0 one.db
equal "files of the copy" "one.db" "$(ls -A | grep '^\.\?one')"
equal integrity "ok delete" "$(sqlite3 -readonly one.db 'PRAGMA integrity_check; PRAGMA journal_mode' | xargs)"
for table in $tables; do
	equal "$table" "$(sql "SELECT * FROM $table")" "$(sqlite3 -readonly one.db "SELECT * FROM $table")"
done
grep -q "^seal 3 $(sql 'SELECT hash FROM seal WHERE seq = 3')$" out || fail "the head of the copy is not printed"
expect 0 "$STATION" audit --database one.db --anchor rehearsal/logs/seals.log

# --- what is there stays ---
sum=$(sha256sum <one.db)
copy 2 one.db
equal "a copy that was in the way" "$sum" "$(sha256sum <one.db)"
expect 0 "$STATION" rehearse photon.cfg --units 4
copy 0 one.db --force
equal "the newer copy" 7 "$(sqlite3 -readonly one.db 'SELECT count(*) FROM attempt')"
echo precious >notes.txt
copy 2 notes.txt --force
equal "a file that is no copy" precious "$(cat notes.txt)"
copy 2 rehearsal/station.db --force
ln rehearsal/station.db same.db
copy 2 same.db --force
ln -s one.db link.db
copy 2 link.db --force
touch used.db-wal
copy 2 used.db
copy 3 nowhere/one.db
mkdir folder.db
copy 2 folder.db --force
copy 2 ""
expect 2 "$STATION" backup-db --state rehearsal
expect 2 "$STATION" backup-db x.db --state nowhere
equal "nothing is left behind" "" "$(find . -name '.*.db.*')"
equal "the record" ok "$(sql 'PRAGMA integrity_check')"

# --- a full disk leaves nothing ---
if [ "$(id -u)" -eq 0 ] && mkdir small && mount -t tmpfs -o size=64k none small 2>/dev/null; then
	copy 3 small/one.db
	equal "on the full disk" "" "$(ls -A small)"
	umount small
fi

# --- a record with a finding is copied as it is, and told ---
cp -r rehearsal bad
sqlite3 bad/station.db "DROP TRIGGER step_stays; DROP TRIGGER step_ends_once; UPDATE step SET detail = 'x' WHERE seq = 2"
expect 1 "$STATION" backup-db bad.db --state bad
grep -q "seals: seal 1" err || fail "the findings are not told"
[ -s bad.db ] || fail "the evidence is not copied"

# --- while the line runs ---
"$STATION" rehearse photon.cfg --units 8 --speed 0.2 --state running >run.out 2>run.err &
pid=$!
wait_for counted 11 running/station.db 'SELECT count(*) FROM step'
during=0
for i in 1 2 3 4 5 6; do
	expect 0 "$STATION" backup-db "running$i.db" --state running
	kill -0 "$pid" 2>kill.err && during=$i
	expect 0 "$STATION" audit --database "running$i.db"
done
[ $during -gt 0 ] || fail "the line ended too early: the test proves nothing"
wait "$pid" || fail "a copy disturbed the line: $(tail -n 5 run.err)"
equal "first copy" ok "$(sqlite3 -readonly running1.db 'PRAGMA integrity_check')"

# --- put back ---
mkdir -p restored/logs
cp one.db restored/station.db
cp rehearsal/logs/seals.log restored/logs/
expect 0 "$STATION" audit --state restored
cp -r rehearsal/units rehearsal/cloud restored/
expect 0 "$STATION" rehearse photon.cfg --units 4 --state restored
equal "units of the restored record" 4 "$(sqlite3 -readonly restored/station.db "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
expect 0 "$STATION" audit --state restored

# --- after each batch ---
sed "s|record_copy_dir = \"\"|record_copy_dir = \"copies\"|; s|id = \"bench-1\"|id = \"bench-9\"|" "$STATION_CONFIG" >copying.cfg
for i in 1 2 3; do
	expect 0 "$STATION" rehearse photon.cfg --units 2 --state third --config copying.cfg
done
equal "copies" 3 "$(ls copies | grep -cE '^bench-9_[0-9]{8}-[0-9]{6}(-[0-9])?\.db$')"
for file in copies/*; do
	expect 0 "$STATION" audit --database "$file"
	equal "batches that are open in $file" 0 "$(sqlite3 -readonly "$file" 'SELECT count(*) FROM batch WHERE ended_at IS NULL')"
done
rm -rf copies
touch copies
expect 3 "$STATION" rehearse photon.cfg --units 3 --state third --config copying.cfg
grep -q "copy" out || grep -q "copy" err || fail "a missing copy is not told"
equal "outcomes stay" 3 "$(sqlite3 -readonly third/station.db "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
