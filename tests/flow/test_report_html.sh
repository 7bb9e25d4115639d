#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station report --format html: well-formed by another program, asks for nothing from outside, escapes whatever people write,
# and shows the figures of the JSON.
. "$(dirname "$0")/lib.sh"
command -v xmllint >/dev/null || {
	echo "skipped: xmllint (libxml2-utils) is not installed"
	exit 77
}

job core
cat >faults.cfg <<'FAULTS'
faults : { list = (
	{ slot = "A2"; kind = "stall"; at_operation = 20; times = 1; },
	{ slot = "A3"; kind = "lost-write"; alt = 0; address = 0x08005100; size = 1; }
); };
FAULTS
odd='=1+1,"<script>alert(1)</script>&'\''Jörg
next line'
expect 1 "$STATION" rehearse core.cfg --units 4 --faults faults.cfg --operator "$odd" --work-order 'W "<i>1"' --plain
expect 0 "$STATION" rehearse core.cfg --units 5 --operator second --work-order 'W "<i>1"' --plain

# pages OPTIONS...: the report as ./page and ./json
pages() {
	expect 0 "$STATION" report --state rehearsal "$@" --format html --output page
	expect 0 "$STATION" report --state rehearsal "$@" --format json --output json
	xmllint --noout page || fail "the page of $* is not well-formed"
	grep -qiE '<script|<link|<img|src=|url\([^#]|@import' page && fail "the page of $* asks for something"
	equal "addresses of other places" 'http://www.w3.org/1999/xhtml' "$(grep -oE 'https?://[^"< ]*' page | sort -u)"
}

# at XPATH: its text in the page
at() {
	xmllint --xpath "string($1)" <(sed 's| xmlns="[^"]*"||' page)
}

# shown ID JQ: what stands at this id is what the JSON says
shown() {
	equal "$1" "$(jq -r "$2" json)" "$(at "//*[@id='f-$1']")"
}

# rows TABLE JQ: the table has a row for each, and their first columns are these
rows() {
	local i=0 cells
	while IFS= read -r cells; do
		i=$((i + 1))
		equal "row $i of $1" "$cells" "$(for c in $3; do printf '%s|' "$(at "//table[@id='$1']/tbody/tr[$i]/*[$c]")"; done)"
	done < <(jq -r "$2" json)
	equal "rows of $1" "$i" "$(at "count(//table[@id='$1']/tbody/tr)")"
}

percent='def percent: if . == null then "–" else (. * 1000 + 0.5 | floor | "\(. / 10 | floor).\(. % 10) %") end;'
pages --work-order 'W "<i>1"'
shown attempts .attempts
shown units .units_good
shown first-pass "$percent .yield.first_pass.ratio | percent"
shown strict "$percent .yield.first_pass_strict.ratio | percent"
shown rolled "$percent .yield.rolled_throughput | percent"
shown final "$percent .yield.final.ratio | percent"
shown retries .retries
shown reached-pass .units_reached_pass
shown unit-units .units_started
for outcome in PASS FAIL SKIPPED; do
	shown "$outcome" ".outcomes.$outcome"
done
shown unit-PASS .unit_outcomes.PASS
shown read-back .keys.read_back
shown held .keys.held
shown superseded .keys.superseded
shown enrolled-not-pass .keys.enrolled_not_pass
equal seal "$(jq -r '"\(.seal.seq) \(.seal.hash)"' json)" "$(at "//*[@id='seal-seq']") $(at "//*[@id='seal-hash']")"
rows t-failures '.failures[] | "\(.code)|\(.cause)|\(.attempts)|\(.units)|"' '1 2 3 4'
rows t-steps '.steps[] | "\(.name)|\(.entered)|\(.passed_first)|\(.passed_later)|\(.failed)|\(.tries)|"' '1 2 3 4 5 6'
rows t-slots "$percent"' .slots[] | "\(.name)|\(.attempts)|\(.yield.ratio | percent) (\(.yield.part) of \(.yield.whole))|"' '1 2 3'
rows t-images '.images[] | "\(.region)|\(.file_name)|\(.size)|\(.sha256)|"' '1 4 7 8'
rows t-periods '.periods[].outcomes | "\(.PASS)|\(.HELD)|\(.FAIL)|\(.SKIPPED)|"' '3 4 5 6'
rows t-hours "$percent"' .hours_of_day | to_entries[] | select(.value.whole > 0) | .value as $v | "\(.key)" |
	"\(if length < 2 then "0" else "" end)\(.):00|\($v.ratio | percent) (\($v.part) of \($v.whole))|"' '1 2'
rows t-causes '.losses_by_cause | to_entries[] | select(.value > 0) | "\(.value)|"' 2
rows t-process '.process.bars[] | "\(.)|"' 3
rows t-operators '.operators[] | "\(.name)|"' 1
equal "batches" 2 "$(at "count(//table[@id='t-batches']/tbody/tr)")"
equal "charts" 4 "$(at "count(//*[name() = 'svg'][@role = 'img'][*[name() = 'title']][*[name() = 'desc']])")"
[ -n "$(at "//*[@id='rehearsal']")" ] || fail "nobody sees that it is a rehearsal"
[[ $(at //h1) == *'W "<i>1"'* ]] || fail "the work order is not there as it was written"

# One unit, nothing at all, a database that never held anything.
expect 0 "$STATION" rehearse core.cfg --units 1 --state one --plain
expect 0 "$STATION" report --state one --format html --output page
xmllint --noout page || fail "one unit"
pages --until 2020-01-01
[ -n "$(at "//*[@id='empty']")" ] || fail "an empty report does not say so"
equal "charts of nothing" 0 "$(at 'count(//figure)')"

# Local time, its zone named; the same moment elsewhere.
stamp=$(jq '.made_at / 1000 | floor' json)
expect 0 env TZ=Asia/Kolkata "$STATION" report --state one --format html --output page
grep -q 'local times (IST, UTC+0530)' page || fail "the zone is not named"
grep -q "$(TZ=Asia/Kolkata date -d "@$stamp" +'%Y-%m-%d %H:')" page || fail "not the local time"

# Bytes that are no text, written past the program.
sqlite3 one/station.db "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema WHERE type = 'trigger'" | sqlite3 one/station.db
sqlite3 one/station.db "UPDATE attempt SET operator = CAST(x'ff3c623ec3' AS TEXT), slot = CAST(x'00ff' AS TEXT);
	UPDATE batch SET job_name = CAST(x'1b5b316d80' AS TEXT)"
expect 0 "$STATION" report --state one --format html --output page
xmllint --noout page || fail "broken UTF-8 breaks the page"
grep -q '?&lt;b&gt;?' page || fail "broken UTF-8 is not shown"

# A running batch says so.
"$STATION" rehearse core.cfg --units 3 --speed 0.3 --state running >run.out 2>run.err &
pid=$!
wait_for counted 1 running/station.db 'SELECT count(*) FROM attempt'
expect 0 "$STATION" report --state running --format html --output page
ctrl_c "$pid"
kill -INT "$pid" # twice: put away what is in work
wait "$pid" || true
xmllint --noout page || fail "running"
grep -q 'a batch is running' page || fail "a running batch looks as if it were over"
