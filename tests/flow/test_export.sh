#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station export: every sealed attempt once and in order, with every value that another program reads from the tables;
# resumable after each line, also when the output ended in the middle of one; while the line runs.
. "$(dirname "$0")/lib.sh"
: "${HELPERS:?the folder of the helper programs}"
tools=$SOURCE/tests/flow

export_of() { # STATE OPTIONS...: the export of that state in ./whole
	expect 0 "$STATION" export --state "$@"
	mv out whole
	! python3 -c 'import jsonschema' 2>/dev/null || equal "lines that the schema describes" "$(wc -l <whole)" \
		"$(python3 "$tools/json_schema.py" "$SOURCE/docs/export.schema.json" whole)"
}
judge() { # STATE [SINCE]
	python3 "$tools/export_judge.py" "$1/station.db" whole ${2:+"$2"} || fail "the export of $1"
}
attempts() { # FILE...: the lines of attempts without what changes later
	jq -c 'select(.row == "attempt") | del(.key)' "$@"
}

# Nothing is sealed yet: units that are HELD are not final.
"$HELPERS/held_units" held 3 main >ids
export_of held
judge held
equal "hash of no seal" null "$(jq 'select(.row == "end") | .head.hash' whole)"

# Odd names, retries, failures, several batches; then the HELD ones become final.
job core
odd=$'=1+1,"<b>&\'J\xc3\xb6rg\x01\n\\ \xff'
sed -e 's|retries = 2;$|retries = 0;|' "$SOURCE/config/station.cfg" >station.cfg
expect 1 "$STATION" rehearse core.cfg --units 2 --cloud down --config station.cfg
export_of rehearsal
equal "HELD units in the export" 0 "$(attempts whole | wc -l)"
printf 'faults : { list = ( { slot = "A3"; kind = "lost-write"; alt = 0; address = 0x08005100; size = 1; } ); };\n' >faults.cfg
expect 1 "$STATION" rehearse core.cfg --units 5 --faults faults.cfg --operator "$odd" --work-order 'W "1"'
expect 0 "$STATION" rehearse core.cfg --units 6 --operator two
export_of rehearsal
judge rehearsal
equal "what was HELD" 2 "$(attempts whole | jq -c 'select(.outcome == "PASS" and .final_at > .ended_at)' | wc -l)"
equal "the odd name" '"=1+1,\"<b>&'\''Jörg\u0001\n\\ �"' "$(jq -c 'select(.row == "batch" and .operator != "two" and .operator) | .operator' whole)"
equal "the hash before" "" "$(jq -r 'select(.row == "attempt") | "\(.seal_prev) \(.seal_hash)"' whole |
	awk 'NR > 1 && $1 != before { print NR } { before = $2 }')"
attempts whole >all

# What people say of units comes with the next attempt that is sealed, once; until then its number is told.
id=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1' LIMIT 1")
expect 0 "$STATION" mark "$id" quarantine --note "$odd" --operator Jo --state rehearsal
expect 0 "$STATION" mark "$id" released --state rehearsal
export_of rehearsal
judge rehearsal
equal "marks to come" "2 0" "$(tail -n 1 whole | jq .marks_waiting) $(attempts whole | jq -s 'map(.unit_marks[]) | length')"
before=$(tail -n 1 whole | jq .cursor)
expect 0 "$STATION" rehearse core.cfg --units 6 --operator two
export_of rehearsal --since "$before"
judge rehearsal "$before"
equal "marks that came" "$id quarantine Jo,$id released null" \
	"$(attempts whole | jq -r '.unit_marks[] | "\(.device_id) \(.mark) \(.operator)"' | paste -sd,)"
equal "with the first of them" 2 "$(attempts whole | head -n 1 | jq '.unit_marks | length')"
export_of rehearsal
judge rehearsal
attempts whole >all

# Piece by piece, each behind the cursor of the one before: the same rows, once.
cursor=0
: >pieces
while true; do
	expect 0 "$STATION" export --state rehearsal --since "$cursor" --limit 3
	attempts out >>pieces
	cursor=$(tail -n 1 out | jq .cursor)
	[ "$(tail -n 1 out | jq .more)" = true ] || break
done
cmp all pieces || fail "the pieces are not the whole"
export_of rehearsal --since 4
judge rehearsal 4
export_of rehearsal --since "$cursor"
equal "lines behind the last" 2 "$(wc -l <whole)"

# Cursors that there are not.
expect 2 "$STATION" export --state rehearsal --since $((cursor + 1))
grep -q 'another database' err || fail "it does not say why"
for bad in -1 1x '' 9999999999999999999; do
	expect 2 "$STATION" export --state rehearsal --since "$bad"
done
expect 2 "$STATION" export --state rehearsal --limit 0
expect 2 "$STATION" export --state nowhere

# Output that ends somewhere: not 0, and the last whole line's cursor goes on. 3000 attempts are many pieces.
"$HELPERS/../bench/make-record" big 3000
export_of big
judge big
attempts whole >all
for kb in 40 1000 4000; do
	status=0
	(trap '' XFSZ && ulimit -f $kb && exec "$STATION" export --state big >torn 2>err) || status=$?
	equal "status with the disk full at $kb kB" 2 "$status"
	equal "size with the disk full" $((kb * 1024)) "$(stat -c %s torn)"
	head -n "$(wc -l <torn)" torn >good
	cursor=$(attempts good | tail -n 1 | jq .cursor)
	grep -q -- "--since $cursor," err || fail "not the cursor of the last whole line, $cursor: $(cat err)"
	expect 0 "$STATION" export --state big --since "$cursor"
	attempts good out | cmp - all || fail "with the disk full at $kb kB rows are lost or twice"
done
status=0
{ "$STATION" export --state big 2>err || echo $? >status; } | head -n 700 >good
equal "status with a closed pipe" 2 "$(cat status)"
status=0
"$STATION" export --state big >/dev/full 2>err || status=$?
equal "status with no room at all" 2 "$status"
grep -q since err && fail "a cursor of nothing"

# While the line runs, from cursor to cursor.
rm -rf rehearsal
expect 0 "$STATION" rehearse core.cfg --units 2
(for i in 4 8 12; do "$STATION" rehearse core.cfg --units "$i" --plain >line.out 2>&1 || exit; done) &
line=$! cursor=0
: >pieces
while kill -0 "$line" 2>/dev/null; do
	expect 0 "$STATION" export --state rehearsal --since "$cursor"
	attempts out >>pieces
	cursor=$(tail -n 1 out | jq .cursor)
done
wait "$line" || fail "the line: $(tail line.out)"
expect 0 "$STATION" export --state rehearsal --since "$cursor"
attempts out >>pieces
export_of rehearsal
judge rehearsal
attempts whole | cmp - pieces || fail "while the line ran, rows were lost or twice"
sound
