#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A report on more attempts than it reads the steps of, from sums and indexes: the same figures as sqlite3 counts from all
# rows, for whole and for broken hours. And reports while a line runs: none of both fails, none waits for the other to end.
. "$(dirname "$0")/lib.sh"
: "${HELPERS:?the folder of the helper programs}"

"$HELPERS/../bench/make-record" rehearsal 24000
# What the generator leaves out: superseded keys, enrolled ones of units without PASS, re-provisionings, findings.
sqlite3 rehearsal/station.db "
	UPDATE device_key SET state = 'superseded', retired_at = 1 WHERE attempt_id IN (SELECT id FROM attempt WHERE
		outcome = 'PASS' ORDER BY started_at LIMIT 7 OFFSET 12000);
	UPDATE device_key SET state = 'enrolled', enrolled_at = 1, enrol_proof = 'read-back', retired_at = NULL WHERE
		attempt_id IN (SELECT id FROM attempt WHERE outcome IN ('FAIL', 'ABORTED') ORDER BY started_at LIMIT 50 OFFSET 200);
	DROP TRIGGER attempt_finished;
	-- Units that came back, with a new key or the one they had: told apart.
	DROP TRIGGER attempt_begins_open; DROP TRIGGER observation_while_open;
	INSERT INTO device_key (fingerprint, device_id, attempt_id, algorithm, public_key_pem, state, intended_at, retired_at) SELECT
		'd' || substr(fingerprint, 2), device_id, 'd' || substr(attempt_id, 2), 'rsa-1024', 'D' || public_key_pem, 'abandoned', 1, 1
		FROM device_key ORDER BY attempt_id LIMIT 600 OFFSET 11800;
	INSERT INTO attempt (id, kind, arrived_at, started_at, ended_at, final_at, device_id, passage, outcome, reason, cause, key_fingerprint,
		enrol_proof) SELECT 'd' || substr(id, 2), 'reprovision', started_at, started_at, ended_at, ended_at, device_id, 2 + passage, outcome,
		reason, cause, coalesce((SELECT fingerprint FROM device_key WHERE attempt_id = 'd' || substr(attempt.id, 2)), key_fingerprint),
		enrol_proof FROM attempt ORDER BY id LIMIT 900 OFFSET 11800;
	INSERT INTO observation (attempt_id, seq, name, value) SELECT id, 1, 'key-put-back', 'x' FROM attempt WHERE kind = 'reprovision'
		AND outcome = 'FAIL' LIMIT 4;
	UPDATE attempt SET left_enrolled = 1 WHERE outcome <> 'PASS' AND EXISTS (SELECT 1 FROM device_key k WHERE k.device_id =
		attempt.device_id AND k.state = 'enrolled');
	INSERT INTO attempt (id, kind, arrived_at, started_at) SELECT 'f' || substr(id, 2), 'diagnose', started_at + 1,
		started_at + 1 FROM attempt WHERE batch_id IS NOT NULL ORDER BY started_at LIMIT 3 OFFSET 11999;
	INSERT INTO batch (id, kind, station_id, software_version, quantity, started_at) VALUES ('other', 'provision', 'bench-2', '0', 0,
		(SELECT min(started_at) FROM batch));
	INSERT INTO attempt (id, batch_id, kind, arrived_at, started_at) SELECT 'e' || substr(id, 2), 'other', 'diagnose',
		started_at + 1, started_at + 1 FROM attempt ORDER BY started_at LIMIT 1 OFFSET 5000;
	INSERT INTO finding (attempt_id, seq, subject, state, reason) SELECT id, 1, 'key', 'fault', 'key-unproven'
		FROM attempt WHERE kind = 'diagnose';
	INSERT INTO line_stop (batch_id, from_at, to_at, why) SELECT id, started_at + 1000, started_at + 2000, 'rule' FROM batch WHERE id <> 'other'"

# keys WHERE GROUP KIND: the keys that attempts made, and units that they left without PASS and with an enrolled key
keys() {
	equal "$1: $2" "$(sql "SELECT coalesce(sum(k.state = 'superseded'), 0) || ' ' || coalesce(sum(k.state = 'abandoned'), 0) || ' ' ||
		(SELECT count(*) FROM attempt a WHERE $1 AND $3 AND a.outcome <> 'PASS' AND a.passage = (SELECT max(passage) FROM attempt
		WHERE device_id = a.device_id) AND EXISTS (SELECT 1 FROM device_key WHERE device_id = a.device_id AND state = 'enrolled'))
		FROM attempt a JOIN device_key k ON k.attempt_id = a.id WHERE $1 AND $3")" \
		"$(jq -r "$2 | \"\(.superseded) \(.abandoned) \(.enrolled_not_pass)\"" out)"
}

# judge WHERE OPTIONS...: counted by sqlite3 from the rows
judge() {
	local where=$1 batches
	shift
	batches="SELECT batch_id FROM attempt a WHERE $where"
	expect 0 "$STATION" report --state rehearsal --format json "$@"
	keys "$where" .keys "a.kind = 'provision'"
	keys "$where" .returned.keys "a.kind <> 'provision'"
	equal "$where: keys of re-provisioned units" "$(sql "SELECT coalesce(sum(a.outcome = 'PASS' AND k.attempt_id = a.id), 0) || ' ' ||
		coalesce(sum(a.outcome = 'PASS' AND k.attempt_id <> a.id), 0) || ' ' || (SELECT count(*) FROM observation o JOIN attempt a ON
		a.id = o.attempt_id WHERE o.name = 'key-put-back' AND $where) FROM attempt a JOIN device_key k ON
		k.fingerprint = a.key_fingerprint WHERE a.kind = 'reprovision' AND $where")" \
		"$(jq -r '.returned.keys | "\(.renewed) \(.kept) \(.put_back)"' out)"
	equal "$where: findings" "$(sql "SELECT count(*) FROM attempt a JOIN finding f ON f.attempt_id = a.id WHERE $where")" \
		"$(jq '[.returned.findings[].units] | add // 0' out)"
	equal "$where: attempts" "$(sql "SELECT count(*) FROM attempt a WHERE kind = 'provision' AND $where")" "$(jq .attempts out)"
	equal "$where: steps" "$(sql "SELECT s.name || ' ' || sum(s.outcome = 'PASS') || ' ' || sum(s.outcome = 'FAIL') FROM attempt a
		JOIN step s ON s.attempt_id = a.id WHERE $where GROUP BY s.name ORDER BY min(s.seq)")" \
		"$(jq -r '.steps[] | "\(.name) \(.passed_first) \(.failed)"' out)"
	equal "$where: stops" "$(sql "SELECT count(*) FROM line_stop WHERE batch_id IN ($batches)")" "$(jq '.stops | length' out)"
}
local_time() { # UTC-SECONDS
	date -d "@$1" +%Y-%m-%dT%H:%M:%S
}
early=$(($(sql 'SELECT min(started_at) / 1000 FROM attempt') + 1234))
late=$(($(sql 'SELECT max(started_at) / 1000 FROM attempt') - 2345))
judge 1 --all
judge "a.started_at >= ${early}000" --since "$(local_time "$early")"
judge "a.started_at >= ${early}000 AND a.started_at < ${late}000" --since "$(local_time "$early")" --until "$(local_time "$late")"
judge "a.started_at < ${early}000" --until "$(local_time "$early")"
judge "a.batch_id IN (SELECT id FROM batch WHERE job_name = 'job 5')" --job 'job 5'
judge "(a.batch_id IS NULL OR a.batch_id <> 'other')" --station bench-1
equal "quantiles" false "$(jq '.steps[0].times.exact' <("$STATION" report --state rehearsal --all --format json))"

# While the line runs: its database grows between two reports, and no report is of half a transaction.
rm -rf rehearsal
job core
expect 0 "$STATION" rehearse core.cfg --units 1
(for i in 4 8 12; do "$STATION" rehearse core.cfg --units "$i" --speed 0.02 --plain >line.out 2>&1 || exit; done) &
line=$! reports=0 sizes=
while kill -0 "$line" 2>/dev/null; do
	for format in text json html csv; do
		expect 0 "$STATION" report --state rehearsal --all --format $format
		[ $format != json ] || sizes+="$(jq -r '"\(.attempts) \(.outcomes | add)"' out)"$'\n'
	done
	reports=$((reports + 1))
done
wait "$line" || fail "the line: $(tail line.out)"
[ "$(sort -u <<<"$sizes" | wc -l)" -gt 3 ] || fail "$reports reports saw nothing of the running line"
awk 'NF && ($1 != $2 || $1 < before) { exit 1 } { before = $1 }' <<<"$sizes" || fail "a report of half a transaction: $sizes"
sound
