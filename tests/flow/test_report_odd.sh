#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reports on odd data: nothing at all, a batch that runs without an attempt, one unit, odd names; times across midnight,
# in zones of half hours, and where the clocks change. Each JSON is as docs/report.schema.json says.
. "$(dirname "$0")/lib.sh"
: "${HELPERS:?the folder of the helper programs}"

report() { # STATE OPTIONS...: all formats; the JSON stays in ./out
	for format in text html csv json; do
		expect 0 "$STATION" report --state "$@" --format $format
		[ $format != text ] || [ "$(LC_ALL=C.UTF-8 wc -L <out)" -le 100 ] || fail "$*: a line is longer than 100 columns"
		[ $format != text ] || mv out text
		[ $format != csv ] || mv out csv
	done
	described report out
	equal "$*: rows of the CSV" "$(jq '.attempts + ([.verified[], .returned.outcomes[]] | add)' out)" "$(python3 -c 'import csv
print(len(list(csv.reader(open("csv", newline="")))) - 1)')"
}
figure() {
	equal "$1" "$2" "$(jq -c "$1" out)"
}

# A batch that runs, without an attempt.
"$HELPERS/held_units" running 0 main
sqlite3 running/station.db "INSERT INTO batch (id, kind, station_id, software_version, quantity, started_at)
	VALUES ('runs', 'provision', 'bench-1', '0', 0, $(($(date +%s) + 1))000)"
report running
figure .running true
figure '.yield, .periods, .period_unit, .output_interval_ms' '{"first_pass":{"part":0,"whole":0,"ratio":null},"first_pass_strict":{"part":0,"whole":0,"ratio":null},"rolled_throughput":null,"final":null}
[]
null
null'

# A database in which nothing ever was.
mkdir empty
sqlite3 running/station.db .schema | grep -v 'CREATE TABLE sqlite_' >schema.sql
sqlite3 empty/station.db 'PRAGMA journal_mode = wal; PRAGMA application_id = 1398033969' '.read schema.sql' "INSERT INTO meta VALUES
	('schema_version', $(sqlite3 running/station.db "SELECT value FROM meta WHERE key = 'schema_version'")), ('station_id', 'bench-1'),
	('virtual', '0')" >/dev/null
report empty --all
figure '[.attempts, .units_started, .seal.seq, .seal.hash, (.batches | length)]' '[0,0,0,null,0]'
expect 2 "$STATION" report --state empty
grep -q 'no batch yet' err || fail "it does not say that there is no batch"
expect 2 "$STATION" report --state empty --format csv
expect 0 "$STATION" export --state empty
equal "lines of an export of nothing" 2 "$(wc -l <out)"

# One unit, and one that is SKIPPED afterwards; odd names.
job core
odd='=1+1,"<b>&'\''Jörg'
expect 0 "$STATION" rehearse core.cfg --units 1 --operator "$odd" --work-order $'W\n"1"'
report rehearsal
figure .running false
figure '.unit_outcomes | map(select(. > 0))' '[1]'
expect 0 "$STATION" rehearse core.cfg --units 1
report rehearsal --all
figure '[.outcomes.PASS, .outcomes.SKIPPED, .unit_outcomes.PASS, .unit_outcomes.SKIPPED]' '[1,1,1,0]'
report rehearsal
figure '[.outcomes.SKIPPED, .unit_outcomes.SKIPPED]' '[1,1]'
report rehearsal --work-order $'W\n"1"'
figure '.operators[0].name' "$(jq -nc --arg name "$odd" '$name')"

# Times. add ID KIND OUTCOME REASON CAUSE UTC: an attempt of a minute, with a unit of its own unless given
number=0 batch=b
add() {
	number=$((number + 1))
	local id at
	id=$(printf '00000000-0000-7000-9000-%012d' $number)
	at=$(date -u -d "$4" +%s)000
	sqlite3 empty/station.db "INSERT INTO attempt (id, batch_id, kind, arrived_at, started_at, slot, device_id, passage) VALUES
		('$id', '$batch', 'provision', $at, $at, 'A1', printf('%024x', $number), 1);
		UPDATE attempt SET ended_at = $at + 60000, final_at = $at + 60000, outcome = '$1', reason = $2, cause = $3, retries = 0
		WHERE id = '$id'"
}
sqlite3 empty/station.db "INSERT INTO batch (id, kind, station_id, software_version, quantity, started_at, ended_at, ended_by) VALUES
	('b', 'provision', 'bench-1', '0', 0, $(date -u -d '2026-03-28T18:00' +%s)000, $(date -u -d '2026-03-31T00:00' +%s)000, 'done'),
	('c', 'provision', 'bench-1', '0', 0, $(date -u -d '2026-10-24T18:00' +%s)000, $(date -u -d '2026-10-26T00:00' +%s)000, 'done')"
add PASS NULL NULL 2026-03-28T18:20
add FAIL "'flash-bad'" "'unit'" 2026-03-28T18:40
add ABORTED "'stopped'" NULL 2026-03-29T00:30
add FAIL "'usb-gone'" "'handling'" 2026-03-29T01:30
add REFUSED "'needs-repair'" "'unit'" 2026-03-29T02:30
hours='[.periods[] | [(.from / 60000) % 60, (.to - .from) / 60000, (.outcomes | add)]]'

export TZ=UTC
report empty --batch b
figure "$hours" '[[0,60,2],[0,60,1],[0,60,1],[0,60,1]]'
figure '.losses_by_cause | [.none, .handling, .unit]' '[1,1,1]'
figure '[.hours_of_day[] | .whole] | [.[18], add]' '[2,2]'
cp csv csv.utc
# Half hours: ten to twelve and ten past twelve, on two days.
export TZ=IST-5:30
report empty --batch b
figure "$hours" '[[30,60,1],[30,60,1],[30,60,1],[30,60,1],[30,60,1]]'
figure '[.hours_of_day[23, 0] | .whole]' '[1,1]'
grep -q '2026-03-28 23:00' text && grep -q '2026-03-29 00:00' text || fail "the text does not show local hours"
cmp csv csv.utc || fail "the CSV is not in UTC"
expect 0 "$STATION" report --state empty --since 2026-03-29 --format json
figure '[.attempts, .outcomes.FAIL]' '[4,2]'
expect 0 "$STATION" report --state empty --until 2026-03-29 --format json
figure '[.attempts, .outcomes.PASS]' '[1,1]'
expect 0 "$STATION" report --state empty --since 2026-03-29T00:10 --until 2026-03-29T00:11 --format csv
equal "rows of a minute" 2 "$(wc -l <out)"
# The clocks go from 02:00 to 03:00 at 01:00 UTC, and back on October 25.
export TZ=CET-1CEST,M3.5.0,M10.5.0/3
report empty --batch b
figure "$hours" '[[0,60,2],[0,60,1],[0,60,1],[0,60,1]]'
grep -q '2026-03-29 01:00' text && grep -q '2026-03-29 03:00' text && grep -q '2026-03-29 04:00' text || fail "the hours around the change"
expect 0 "$STATION" report --state empty --since 2026-03-29 --until 2026-03-30 --format json
figure '(.scope.until - .scope.since) / 3600000' 23
batch=c
add PASS NULL NULL 2026-10-25T00:30
add PASS NULL NULL 2026-10-25T01:30
expect 0 "$STATION" report --state empty --since 2026-10-25 --until 2026-10-26 --format json
figure "$hours" '[[0,60,1],[0,60,1]]'
figure '.periods[1].from - .periods[0].from' 3600000
figure '.hours_of_day[2] | [.part, .whole]' '[2,2]'
figure '(.scope.until - .scope.since) / 3600000' 25
expect 0 "$STATION" report --state empty --since 2026-10-20 --until 2026-10-30 --format json
figure '[.period_unit, (.periods | length), (.periods[0].to - .periods[0].from) / 3600000]' '["day",1,25]'
