# SPDX-License-Identifier: Apache-2.0
# station report, against figures that sqlite3 counts by itself; its formats; odd names.
. "$(dirname "$0")/lib.sh"

job core
cat >faults.cfg <<'FAULTS'
faults : { list = (
	{ slot = "A2"; kind = "stall"; at_operation = 20; times = 1; },
	{ slot = "A3"; kind = "lost-write"; alt = 0; address = 0x08005100; size = 1; }
); };
FAULTS
odd='=1+1,"<b>&'\''Jörg'
expect 1 "$STATION" rehearse core.cfg --units 4 --faults faults.cfg --operator "$odd" --work-order 'W "1"' --plain
expect 0 "$STATION" rehearse core.cfg --units 5 --operator "$odd" --work-order 'W "1"' --plain

report() {
	expect 0 "$STATION" report --state rehearsal "$@"
}

# figure EXPRESSION EXPECTED: of the JSON in ./out
figure() {
	equal "$1" "$2" "$(jq -r "$1" out)"
}

# The figures, counted by another program.
report --work-order 'W "1"' --format json
jq -e . out >/dev/null || fail "not JSON"
for outcome in PASS HELD FAIL SKIPPED; do
	figure ".outcomes.$outcome" "$(sql "SELECT count(*) FROM attempt WHERE outcome = '$outcome'")"
done
figure .units_started "$(sql 'SELECT count(DISTINCT device_id) FROM attempt')"
figure '.yield.first_pass | "\(.part)/\(.whole)"' "$(sql "WITH j AS (SELECT device_id, outcome, row_number() OVER (PARTITION BY device_id
	ORDER BY started_at) AS n FROM attempt WHERE outcome IN ('PASS', 'HELD') OR (outcome = 'FAIL' AND cause = 'unit'))
	SELECT sum(outcome <> 'FAIL') || '/' || count(*) FROM j WHERE n = 1")"
figure '.yield.final | "\(.part)/\(.whole)"' 5/5
figure '.failures[0] | "\(.code) \(.attempts) \(.units)"' "flash-bad 1 1"
figure .retries "$(sql 'SELECT count(*) FROM step WHERE try > 1')"
figure .keys.read_back "$(sql "SELECT count(*) FROM attempt a JOIN device_key k ON k.fingerprint = a.key_fingerprint
	WHERE outcome = 'PASS' AND k.enrol_proof = 'read-back'")"
figure .process.median_ms "$(sql "WITH j AS (SELECT ended_at - started_at AS ms, row_number() OVER (ORDER BY ended_at - started_at) AS n,
	count(*) OVER () AS c FROM attempt WHERE outcome IN ('PASS', 'HELD') OR (outcome = 'FAIL' AND cause = 'unit'))
	SELECT ms FROM j WHERE n = (c + 1) / 2")"
figure '.steps[] | select(.name == "write-images") | "\(.entered) \(.passed_first)"' "$(sql "SELECT count(*) || ' ' ||
	sum(outcome = 'PASS') FROM step WHERE name = 'write-images' AND try = 1")"
figure '.slots | map(.name) | join(" ")' "A1 A2 A3 A4 A5"
figure '.operators[0].name' "$odd"
figure '.seal.hash' "$(sql 'SELECT hash FROM seal ORDER BY seq DESC LIMIT 1')"
figure '.virtual' true

# Text: 100 columns, no escape sequences into a file.
report --work-order 'W "1"'
[ "$(wc -L <out)" -le 100 ] || fail "a line is longer than 100 columns"
grep -q $'\033' out && fail "colours in a file"
grep -q 'A REHEARSAL' out || fail "nobody sees that it is a rehearsal"
grep -q '^  first pass  .*80.0 % (4 of 5)' out || fail "the first pass yield is not there"

# What to do is not cut, however long; one batch is told of by what people know it by.
cp -r rehearsal long
sqlite3 long/station.db "DROP TRIGGER attempt_finished; UPDATE attempt SET reason = 'no-return' WHERE outcome = 'FAIL'"
next=$("$STATION" report --state long --all --format json | jq -r '[.failures[], .losses[]] | max_by(.next | length).next')
[ "${#next}" -gt 41 ] || fail "no failure tests that long text is broken: $next"
expect 0 "$STATION" report --state long --all
tr -s ' \n' ' ' <out | grep -F "$next" >/dev/null || fail "'$next' is cut: $(grep -A12 'by reason' out)"
grep ' $' out && fail "blanks at the end of a row"
[ "$(wc -L <out)" -le 100 ] || fail "a line is longer than 100 columns"
equal "judged attempts by process time" "$("$STATION" report --state rehearsal --all --format json | jq .process.count)" \
	"$(sed -n "/^Judged attempts by process time/,/^$/p" out | tr -d "#" | awk "/from/ { sum += \$NF } END { print sum }")"

# What is asked for, and what is not there.
report
grep -q 'Report on last batch' out || fail "the default is not the last batch"
grep "^Report on last batch, .*: job core" out >/dev/null && grep "^  plan, sha256  *[0-9a-f]\{64\}$" out >/dev/null ||
	fail "the batch is not told of: $(sed -n 1,14p out)"
report --until 2020-01-01 --format json
figure .attempts 0
figure .yield.first_pass.ratio null
expect 2 "$STATION" report --state rehearsal --batch 01a1fe52-e232-7898-ba78-117115eb6d79
expect 2 "$STATION" report --state rehearsal --since yesterday
expect 2 "$STATION" report --state rehearsal --since 2026-01-02 --until 2026-01-01
expect 2 "$STATION" report --state rehearsal --last --all
expect 2 "$STATION" report --state rehearsal --format pdf
expect 2 "$STATION" report --state nowhere

# Into a file; the one that was there stays whole until the new one is.
report --all --output file.txt
[ -s file.txt ] && [ ! -s out ] || fail "--output"
equal "temporary files" 1 "$(ls file.txt* | wc -l)"
sound
