#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station report --format csv: RFC 4180 for Python's csv and for sqlite3, each value as in the tables, nothing that a
# spreadsheet runs; for every scope, as much as there may be.
. "$(dirname "$0")/lib.sh"
: "${HELPERS:?the folder of the helper programs}"
judge() { # WHERE OPTIONS...: attempts and steps of ./rehearsal
	local where=$1
	shift
	expect 0 "$STATION" report --state rehearsal --format csv "$@"
	mv out attempts.csv
	python3 "$SOURCE/tests/flow/csv_judge.py" rehearsal/station.db attempts.csv "$where" >count || fail "$*: $(cat count)"
	expect 0 "$STATION" report --state rehearsal --format csv --steps "$@"
	mv out steps.csv
	python3 "$SOURCE/tests/flow/csv_judge.py" rehearsal/station.db steps.csv steps "$where" >count || fail "--steps $*: $(cat count)"
}

job core
sed -e 's|retries = 2;$|retries = 0;|' "$SOURCE/config/station.cfg" >station.cfg
for odd in '=1+1' '+1' '-1' '@SUM(A1)' $'\t=1' $'\r=1' '"quoted", <b>&' 'a,b' $'two\nlines' $'J\xc3\xb6rg \xff \x01' "'" ' '; do
	expect 0 "$STATION" rehearse core.cfg --units 1 --work-order "$odd" --operator "$odd"
done
expect 1 "$STATION" rehearse core.cfg --units 2 --cloud down --config station.cfg
printf 'faults : { list = ( { slot = "A2"; kind = "stall"; at_operation = 20; times = 1; } ); };\n' >faults.cfg
"$STATION" rehearse core.cfg --units 4 --faults faults.cfg --work-order 'W "1"' >/dev/null
# An attempt without a batch, and open: none of the line's yet, but the tables have room for it.
sqlite3 rehearsal/station.db "INSERT INTO attempt (id, kind, arrived_at, started_at, slot) VALUES
	('01a1fe52-e232-7898-ba78-117115eb6d79', 'diagnose', 1763733166213, 1763733166213, 'B1')"
# Marked, and cleared by hand, twice each: the newest stands beside each attempt of the unit.
sqlite3 rehearsal/station.db "INSERT INTO unit_mark (device_id, mark, note, operator, at, passage) SELECT device_id, column1, column2, 'Jo',
	1763733166213, 1 FROM (SELECT device_id FROM attempt WHERE slot = 'A1' LIMIT 1), (VALUES ('scrap', '=2+2'), ('quarantine', 'a, \"b\"'));
	INSERT INTO attempt (id, kind, arrived_at, started_at, slot) VALUES
		('01a1fe52-e232-7898-ba78-117115eb6d7a', 'reprovision', 1763733166214, 1763733166214, 'B2');
	INSERT INTO observation SELECT '01a1fe52-e232-7898-ba78-117115eb6d7a', column1, 'resale', column2 FROM (VALUES (1, 'yes'), (2, 'no: by hand: =x'));
	INSERT INTO unit_cleared (attempt_id, device_id, note, operator, at) SELECT '01a1fe52-e232-7898-ba78-117115eb6d7a',
		'3ef410bb5543901a8a9ef802', column1, column2, 1763733166215 FROM (VALUES ('1', 'a'), ('2', '@b'))"
judge 1 --all
head -n 1 attempts.csv | grep ',resale,cleared_at,cleared_by,cleared_note,unit_mark,unit_mark_at,unit_mark_note' >/dev/null ||
	fail "columns of attempts: $(head -n 1 attempts.csv)"
head -n 1 steps.csv | grep ',station_id,resale,cleared_at,unit_mark,step_seq,' >/dev/null || fail "columns of steps: $(head -n 1 steps.csv)"
[ "$(grep -c ',quarantine,' attempts.csv)" -gt 1 ] && grep ",no: by hand: =x,.*,'@b,2," attempts.csv >/dev/null || fail "what was said since"
judge "b.work_order = 'W \"1\"'" --work-order 'W "1"'
judge "b.work_order = '=1+1'" --work-order '=1+1'
judge "b.job_name = 'core'" --job core
judge "b.id = (SELECT id FROM batch ORDER BY started_at DESC LIMIT 1)" --last
judge "b.id = (SELECT id FROM batch ORDER BY started_at DESC LIMIT 1)"
judge 0 --until 2020-01-01
judge 0 --job none
equal "formulas" 0 "$(grep -c -E '(^|,)"?[=+@-]' attempts.csv steps.csv | awk -F: '{ n += $2 } END { print n }')"
expect 0 "$STATION" report --state rehearsal --format csv --all --output all.csv
[ -s all.csv ] && [ ! -s out ] || fail "--output"
equal "files" 1 "$(ls all.csv* | wc -l)"

# The same by another reader.
sqlite3 import.db '.import --csv all.csv a'
equal "rows that sqlite3 imports" "$(sql 'SELECT count(*) FROM attempt')" "$(sqlite3 import.db 'SELECT count(*) FROM a')"
equal "the operator's lines" $'two\nlines' "$(sqlite3 import.db "SELECT DISTINCT operator FROM a WHERE operator LIKE 'two%'")"
equal "a formula is text" "'=1+1" "$(sqlite3 import.db "SELECT DISTINCT operator FROM a WHERE operator LIKE '%=1+1'")"
equal "outcomes" "$(sql 'SELECT outcome, count(*) FROM attempt GROUP BY 1')" "$(sqlite3 import.db 'SELECT outcome, count(*) FROM a GROUP BY 1')"
equal "first start" "$(sql "SELECT strftime('%Y-%m-%dT%H:%M:%S', min(started_at) / 1000, 'unixepoch') FROM attempt")" \
	"$(sqlite3 import.db 'SELECT substr(min(started_at), 1, 19) FROM a')"

# What is refused leaves nothing behind.
expect 2 "$STATION" report --state rehearsal --format csv --batch 01a1fe52-e232-7898-ba78-117115eb6d79 --output none.csv
[ ! -e none.csv ] && [ ! -s out ] || fail "a refused report leaves a file"
expect 2 "$STATION" report --state rehearsal --steps
expect 2 "$STATION" report --state rehearsal --format csv --all --output nowhere/x.csv
status=0
"$STATION" report --state rehearsal --format csv --all >/dev/full 2>err || status=$?
equal "status without room" 2 "$status"

# Many pages and many batches, and none.
rm -rf rehearsal
"$HELPERS/../bench/make-record" rehearsal 2600
judge 1 --all
equal "tries" 31200 "$(cat count)"
judge "b.work_order = 'W0' AND b.job_name = 'job 1'" --work-order W0 --job 'job 1'
middle=$(sql 'SELECT started_at / 60000 * 60 FROM attempt ORDER BY started_at LIMIT 1 OFFSET 1300')
judge "a.started_at >= ${middle}000" --since "$(date -d "@$middle" +%Y-%m-%dT%H:%M)"
judge "a.started_at < ${middle}000" --until "$(date -d "@$middle" +%Y-%m-%dT%H:%M)"
rm -rf rehearsal
mkdir rehearsal
"$HELPERS/held_units" rehearsal 0 main
judge 1 --all
