#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station audit: clean after good and bad batches, and whatever somebody changes in the database with the sqlite3 program,
# after dropping the triggers that stand in the way, is found; heads that were kept elsewhere show what the chain cannot.
. "$(dirname "$0")/lib.sh"
job photon
job core
openssl genpkey -algorithm ed25519 -out station.key 2>/dev/null
chmod 600 station.key
openssl pkey -in station.key -pubout -out station.pub
sed 's|signing_key_file = ""|signing_key_file = "station.key"|' "$STATION_CONFIG" >signing.cfg

expect 0 "$STATION" rehearse photon.cfg --units 3
expect 0 "$STATION" audit --state rehearsal
head_line=$(grep -m1 -E '^seal [0-9]+ [0-9a-f]{64}$' out)
echo "$head_line" >anchor
# Marks stand under the seal of the next attempt; until then the audit says so.
! grep "newer than the newest seal" out >/dev/null || fail "marks that there are not"
expect 0 "$STATION" mark 3f0028000347343337373738 scrap --note "fell off the belt" --state rehearsal
expect 0 "$STATION" mark 3f0028000347343337373738 released --state rehearsal
expect 0 "$STATION" audit --state rehearsal
grep "^  - 2 marks of units, newer than the newest seal: the next one will cover them" out >/dev/null || fail "marks without a seal: $(grep '^  -' out)"
expect 0 "$STATION" rehearse core.cfg --units 2 --seed 7 --state cores
expect 1 "$STATION" rehearse photon.cfg --units 5 --cloud down
expect 0 "$STATION" rehearse photon.cfg --units 5
expect 0 "$STATION" rehearse photon.cfg --units 5 --rework
expect 0 "$STATION" rehearse photon.cfg --units 1 --verify # last: it adds to no sums
expect 0 "$STATION" audit --state rehearsal --anchor anchor
grep -q "up to seal 3" out || fail "the anchor is not vouched for"
grep -q "cannot vouch" out && grep -q "not signed" out || fail "an unsigned chain is vouched for"
! grep "newer than the newest seal" out >/dev/null || fail "the next seal does not cover the marks"
cp rehearsal/logs/seals.log kept.log
expect 0 "$STATION" audit --state rehearsal --anchor kept.log --json
described audit out
equal "JSON" "0 $(sql 'SELECT count(*) FROM seal')" "$(jq -r '"\(.findings) \(.anchor_seq)"' out)"

# by the program in docs/database.md, which knows nothing of ours
sed -n '/^```python$/,/^```$/{/^```/d;p}' "$SOURCE/docs/database.md" >recompute.py
python3 recompute.py rehearsal/station.db >recomputed
equal "seals recomputed by the documentation" "$(sql 'SELECT count(*) FROM seal') good" "$(awk '{ print $3 }' recomputed | sort | uniq -c | xargs)"

# what the cloud was told is an anchor too
echo "{\"seal\": {\"seq\": 2, \"hash\": \"$(sql 'SELECT hash FROM seal WHERE seq = 2')\"}}" >cloud.json
expect 0 "$STATION" audit --state rehearsal --anchor cloud.json

# --- tampering ---

triggers=$(sql "SELECT group_concat('DROP TRIGGER ' || name, '; ') FROM sqlite_schema WHERE type = 'trigger'")
sqlite3 rehearsal/station.db "SELECT sql || ';' FROM sqlite_schema WHERE type = 'trigger'" >triggers.sql

# tampered SQL: into ./tampered, with the triggers out of the way and back again
tampered() {
	rm -rf tampered
	cp -r rehearsal tampered
	sqlite3 tampered/station.db "PRAGMA foreign_keys = OFF; $triggers; $1" >sqlite.out 2>&1 ||
		fail "sqlite3 cannot do it: $1: $(cat sqlite.out)"
	sqlite3 tampered/station.db <triggers.sql
}

# found CHECK SQL: the audit finds it, in this check
found() {
	tampered "$2"
	expect 1 "$STATION" audit --state tampered
	grep -q "^FINDING $1:" out || {
		cat out >&2
		fail "not found by $1: $2"
	}
}

# nothing of what follows is found because of how it is done
tampered "SELECT 1"
expect 0 "$STATION" audit --state tampered
a="(SELECT id FROM attempt WHERE outcome = 'PASS' ORDER BY started_at LIMIT 1)"
skipped="(SELECT id FROM attempt WHERE outcome = 'SKIPPED' ORDER BY started_at LIMIT 1)"

# rows under a seal
found seals "UPDATE attempt SET operator = 'somebody else' WHERE id = $a"
found seals "UPDATE attempt SET started_at = started_at - 1 WHERE id = $a"
found seals "UPDATE step SET detail = 'fine' WHERE attempt_id = $a AND seq = 2"
found seals "UPDATE step SET ended_at = ended_at + 1 WHERE attempt_id = $a AND seq = 3"
found seals "DELETE FROM attempt_identity WHERE attempt_id = $a"
found seals "INSERT INTO observation SELECT $a, coalesce(max(seq), 0) + 1, 'x', 'y' FROM observation WHERE attempt_id = $a"
found seals "UPDATE batch SET work_order = 'W-9'"
found seals "UPDATE batch_image SET sha256 = replace(sha256, 'a', 'b')"
found seals "UPDATE attempt SET outcome = 'PASS', reason = NULL, cause = NULL WHERE id = $skipped"
found seals "UPDATE attempt SET outcome = 'FAIL', reason = 'flash-bad', cause = 'unit' WHERE id = $a"
found seals "UPDATE unit_mark SET mark = 'released', note = NULL WHERE id = 1"
found seals "DELETE FROM unit_mark WHERE id = 2"
found seals "DELETE FROM unit_mark"
found marks "DELETE FROM unit_mark WHERE id = 1"
found seals "INSERT INTO finding (attempt_id, seq, subject, state) SELECT $a, 1, 'user', 'good'"
found seals "UPDATE seal SET marks_to = NULL, cleared_to = NULL WHERE seq = (SELECT max(seq) FROM seal)"
found steps "UPDATE attempt SET left_enrolled = 1 WHERE id = $a"
# the seals themselves
found seals "UPDATE seal SET hash = replace(hash, substr(hash, 1, 4), 'abcd') WHERE seq = 2"
found seals "UPDATE seal SET prev = NULL WHERE seq = 2"
found seals "DELETE FROM seal WHERE seq = 2"
found seals "UPDATE seal SET seq = CASE seq WHEN 2 THEN 9002 ELSE 9003 END WHERE seq IN (2, 3)"
found sealed "DELETE FROM seal WHERE seq = 2"
found sealed "DELETE FROM seal WHERE seq = (SELECT max(seq) FROM seal)"
found log "DELETE FROM seal WHERE seq = (SELECT max(seq) FROM seal)"
# a whole attempt, cut off with its seal
last="(SELECT attempt_id FROM seal ORDER BY seq DESC LIMIT 1)"
cut="DELETE FROM step WHERE attempt_id = $last; DELETE FROM observation WHERE attempt_id = $last;
	DELETE FROM attempt_identity WHERE attempt_id = $last; DELETE FROM outbox WHERE attempt_id = $last;
	CREATE TEMP TABLE gone AS SELECT attempt_id AS id FROM seal ORDER BY seq DESC LIMIT 1;
	UPDATE device_key SET attempt_id = NULL WHERE attempt_id = (SELECT id FROM gone);
	DELETE FROM seal WHERE seq = (SELECT max(seq) FROM seal); DELETE FROM attempt WHERE id = (SELECT id FROM gone)"
found log "$cut"
# outcomes that nothing bears out; these are found beside the broken seals
found attempts "UPDATE outbox SET state = 'refused' WHERE attempt_id = $a"
found attempts "DELETE FROM outbox WHERE attempt_id = $a"
found attempts "UPDATE device_key SET enrolled_at = NULL, enrol_proof = NULL, state = 'on-device'
	WHERE attempt_id = (SELECT id FROM attempt WHERE outcome = 'PASS' AND kind = 'provision' ORDER BY started_at DESC LIMIT 1)"
found attempts "UPDATE step SET outcome = 'FAIL', reason = 'flash-bad' WHERE attempt_id = $a AND name = 'readback'"
found attempts "UPDATE attempt SET outcome = NULL, ended_at = NULL, final_at = NULL, reason = NULL WHERE id = $skipped"
found attempts "UPDATE attempt SET outcome = 'HELD', final_at = NULL, reason = 'cloud-unreachable' WHERE id = $a"
found attempts "UPDATE batch SET ended_at = NULL, ended_by = NULL"
found attempts "INSERT INTO unit_mark (device_id, mark, note, at, passage)
	SELECT device_id, 'scrap', 'x', 1, 0 FROM attempt WHERE id = $a"
# passages, steps, keys, enrolments, marks
found passages "UPDATE attempt SET passage = passage + 5 WHERE id = $skipped"
found passages "UPDATE attempt SET previous_attempt_id = NULL WHERE id = $skipped"
found steps "UPDATE step SET ended_at = NULL, outcome = NULL WHERE attempt_id = $a AND seq = 2"
found steps "DELETE FROM step WHERE attempt_id = $a AND seq = 2"
found keys "UPDATE device_key SET public_key_pem = (SELECT public_key_pem FROM device_key ORDER BY fingerprint LIMIT 1)"
found keys "UPDATE device_key SET algorithm = 'p-256'"
found keys "UPDATE device_key SET device_id = '3f0028000347343337373738' WHERE attempt_id = $a"
found keys "UPDATE attempt SET key_fingerprint = (SELECT fingerprint FROM device_key WHERE attempt_id <> $a LIMIT 1) WHERE id = $a"
found keys "UPDATE device_key SET state = 'intended', retired_at = NULL WHERE attempt_id = $a"
found enrolments "UPDATE outbox SET state = 'due', done_at = NULL, next_at = 1 WHERE attempt_id = $a"
found enrolments "UPDATE outbox SET device_id = '3f0028000347343337373738' WHERE attempt_id = $a"
found enrolments "UPDATE outbox SET tries = 0"
found enrolments "UPDATE device_key SET enrolled_at = NULL, enrol_proof = NULL, state = 'on-device' WHERE state = 'enrolled'"
found marks "INSERT INTO unit_mark (device_id, mark, note, at, passage)
	SELECT device_id, 'released', 'x', 1, 99 FROM attempt WHERE id = $a"
found references "UPDATE attempt SET batch_id = 'none' WHERE id = $a"
# the schema
found schema "CREATE TABLE mine (x)"
found schema "DROP INDEX attempt_open"
found schema "DROP INDEX attempt_open; CREATE INDEX attempt_open ON attempt (device_id)"
found schema "ALTER TABLE attempt ADD COLUMN hidden TEXT"
found schema "UPDATE meta SET value = 'x' WHERE key = 'virtual'"
found schema "DELETE FROM meta WHERE key = 'station_id'"
cp -r rehearsal dropped
sqlite3 dropped/station.db "DROP TRIGGER seal_is_kept"
expect 1 "$STATION" audit --state dropped
grep -q "^FINDING schema: trigger seal_is_kept: is missing" out || fail "a dropped trigger is not told"
# constraints that were switched off
found integrity "PRAGMA ignore_check_constraints = ON; UPDATE attempt SET cause = 'fate' WHERE id = $skipped"

# fresh: an untouched copy in ./tampered
fresh() {
	rm -rf tampered
	cp -r rehearsal tampered
}

# pages that a disk has spoilt
fresh
root=$(sql "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_seal_1'")
printf 'spoilt' | dd of=tampered/station.db bs=1 seek=$((root * $(sql 'PRAGMA page_size') - 60)) conv=notrunc status=none
expect 1 "$STATION" audit --state tampered
grep -q "^FINDING integrity:" out || fail "a spoilt page is not found"

# --- the log and the anchors ---

fresh
sed -i '$d' tampered/logs/seals.log
expect 1 "$STATION" audit --state tampered
fresh
sed -i '2d' tampered/logs/seals.log
expect 1 "$STATION" audit --state tampered
fresh
sed -i '2s/[0-9a-f]\{8\}/00000000/' tampered/logs/seals.log
expect 1 "$STATION" audit --state tampered
fresh
rm tampered/logs/seals.log
expect 1 "$STATION" audit --state tampered
fresh
printf '17 abc' >>tampered/logs/seals.log # torn
expect 0 "$STATION" audit --state tampered

# An owner of the folder cuts the tail off, with the log: only a head that was kept elsewhere shows it.
tampered "$cut; UPDATE outbox SET state = state"
sed -i '$d' tampered/logs/seals.log
expect 0 "$STATION" audit --state tampered
expect 1 "$STATION" audit --state tampered --anchor kept.log
grep -q "^FINDING anchor: .*tail was cut" out || fail "the cut tail is not shown"
# And a chain that was made anew: the oldest one of another folder.
expect 1 "$STATION" audit --state cores --anchor anchor
echo "nothing in here" >no-anchor
expect 2 "$STATION" audit --state rehearsal --anchor no-anchor
expect 2 "$STATION" audit --state rehearsal --anchor absent

# --- signatures ---

expect 0 "$STATION" rehearse core.cfg --units 2 --state signed --config signing.cfg
expect 0 "$STATION" audit --state signed --public-key station.pub
grep -q "made with the station's key" out || fail "the signatures are not vouched for"
expect 0 "$STATION" audit --state signed --config signing.cfg
grep -q "made with the station's key" out || fail "the config's own key is not used"
expect 0 "$STATION" audit --state signed
grep -q "give --public-key" out || fail "signatures that were not verified are vouched for"
openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout -out other.pub
expect 1 "$STATION" audit --state signed --public-key other.pub
expect 0 "$STATION" rehearse core.cfg --units 3 --state signed
expect 1 "$STATION" audit --state signed --public-key station.pub # one seal is not signed

# --- who may read, and what is no record ---

expect 2 "$STATION" audit --state nowhere
mkdir garbage
echo "not a database, whatever its name says" >garbage/station.db
expect 2 "$STATION" audit --state garbage
expect 2 "$STATION" audit extra --state rehearsal
# SQLite's own files for readers come and stay.
files() {
	find rehearsal -type f -not -name 'station.db-*' -printf '%p %s %T@\n' | sort
}
before=$(files)
expect 0 "$STATION" audit --state rehearsal
equal "the folder after an audit" "$before" "$(files)"
if [ "$(id -u)" -eq 0 ] && id nobody >/dev/null 2>&1; then
	chmod 755 . rehearsal
	# The tree may stand where nobody else may look.
	cp "$STATION" station && chmod 755 station
	cp "$STATION_CONFIG" station.cfg && chmod 644 station.cfg
	expect 0 setpriv --reuid nobody --regid nogroup --clear-groups env STATION_CONFIG="$PWD/station.cfg" ./station audit --state rehearsal
fi

# --- while the line runs ---

"$STATION" rehearse photon.cfg --units 8 --speed 0.2 --state running >run.out 2>run.err &
pid=$!
wait_for counted 11 running/station.db 'SELECT count(*) FROM step'
during=0
for i in 1 2 3 4 5; do
	expect 0 "$STATION" audit --state running
	! kill -0 "$pid" 2>kill.err || during=$i
	[ $during -lt $i ] || grep -q "a station is at work" out || fail "the audit does not say that a station is at work"
	sleep 0.2
done
[ $during -gt 0 ] || fail "the line ended too early: the test proves nothing"
wait "$pid" || fail "an audit disturbed the line: $(tail -n 5 run.err)"
expect 0 "$STATION" audit --state running
