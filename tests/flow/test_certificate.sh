#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station show and station audit as text, JSON and pages: the certificate of a unit says PASS only if the unit is PASS by now, and
# holds what the database holds; an audit tells what it looked at and what it found first.
. "$(dirname "$0")/lib.sh"
command -v xmllint >/dev/null || {
	echo "skipped: xmllint (libxml2-utils) is not installed"
	exit 77
}
job photon
cat >faults.cfg <<'FAULTS'
faults : { list = (
	{ slot = "A2"; kind = "stall"; at_operation = 20; times = 1; },
	{ slot = "A3"; kind = "stall"; at_operation = 40; times = 900; }
); };
FAULTS
odd='=1+1,"<script>alert(1)</script>&'\''Jörg'
expect 1 "$STATION" rehearse photon.cfg --units 3 --faults faults.cfg --operator "$odd" --work-order 'W<1>' --plain

# unit SLOT: the device id of the last attempt there
unit() {
	sql "SELECT device_id FROM attempt WHERE slot = '$1' ORDER BY started_at DESC LIMIT 1"
}

# show UNIT: as ./page and ./json
show() {
	expect 0 "$STATION" show "$1" --state rehearsal --format html --output page
	expect 0 "$STATION" show "$1" --state rehearsal --json
	cp out json
	described show json
	xmllint --noout page || fail "the page of $1 is not well-formed"
	grep -qiE '<script|<link|<img|src=|@import' page && fail "the page of $1 asks for something"
	equal "the page and the JSON of $1" "$(jq .verdict.pass json)" "$(grep -q 'class="verdict good"' page && echo true || echo false)"
}

# not_pass UNIT WORDS: unmistakably so, in each format
not_pass() {
	show "$1"
	equal "$1 in JSON" false "$(jq .verdict.pass json)"
	grep -q 'class="verdict bad"' page || fail "$1 looks as if it were PASS"
	at "//*[@id='verdict']" | grep "$2" >/dev/null || fail "the page of $1 does not say '$2': $(at "//*[@id='verdict']")"
	equal "kind of page" 0 "$(grep -c 'Certificate of a unit' page)"
	expect 0 "$STATION" show "$1" --state rehearsal
	sed -n 2p out | grep '^not PASS: ' >/dev/null || fail "the text of $1 does not say it: $(sed -n 2p out)"
}

at() {
	xmllint --xpath "string($1)" <(sed 's| xmlns="[^"]*"||' page)
}

# --- a unit that is PASS, at its second try of a step ---

good=$(unit A2)
show "$good"
equal verdict true "$(jq .verdict.pass json)"
at "//*[@id='verdict']" | grep '✓ PASS' >/dev/null || fail "a PASS is not told"
equal "key" "$(sql "SELECT key_fingerprint FROM attempt WHERE device_id = '$good'")" "$(at "//section[@id='key']//code[1]")"
at "//section[@id='key']" | grep 'read-back: the cloud gave back' >/dev/null || fail "how the enrolment was proven"
equal "seal" "$(sql "SELECT s.seq || ' ' || s.hash FROM seal s JOIN attempt a ON a.id = s.attempt_id WHERE device_id = '$good'")" \
	"$(at "//*[@id='unit-seal-seq']") $(at "//*[@id='unit-seal-hash']")"
at "//section[@id='check']" | grep 'station audit' >/dev/null || fail "how the seal is checked"
equal "steps" "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id WHERE device_id = '$good'")" \
	"$(at "count(//table[@id='t-steps-0']/tbody/tr)")"
while IFS='|' read -r region sha256 version; do
	row="//table[@id='t-images-0']//tr[th = '$region']"
	equal "$region" "$sha256|$version" "$(at "$row/td[6]")|$(at "$row/td[4]")"
	equal "$region in JSON" "$sha256" "$(jq -r --arg r "$region" '.batches[0].images[] | select(.region == $r).sha256' json)"
done < <(sql "SELECT region, sha256, coalesce(version, '–') FROM batch_image")
equal "images" "$(sql 'SELECT count(*) FROM batch_image')" "$(at "count(//table[@id='t-images-0']/tbody/tr)")"
for text in "$odd" 'W<1>' "$good" photon "$(sql 'SELECT plan_sha256 FROM batch')"; do
	at //main | grep -F -- "$text" >/dev/null || fail "'$text' is not on the page as it is"
done
grep -q 'claims no traceability level' page || fail "what the page does not claim"
expect 0 "$STATION" show "$good" --state rehearsal --format text
grep "station audit recomputes all of them" out >/dev/null && grep "^      signed  *no$" out >/dev/null &&
	grep 'traceability' out >/dev/null || fail "the text does not tell how a seal is checked: $(tail -n 5 out)"
grep ' $' out && fail "blanks at the end of a row"
for text in 'PASS: ' "$(sql "SELECT sha256 FROM batch_image WHERE region = 'user'")" 'station          '; do
	grep -qF -- "$text" out || fail "'$text' is not in the text"
done
[ "$(wc -L <out)" -le 100 ] || fail "a line is longer than 100 columns"

# --- what is not PASS ---

bad=$(unit A3)
not_pass "$bad" 'NOT PASS: FAIL'
at "//*[@id='verdict']" | grep usb-stall >/dev/null || fail "the reason is not told"
not_pass "$(sql "SELECT id FROM attempt WHERE device_id = '$good'")" 'NOT A CERTIFICATE'
expect 0 "$STATION" mark "$good" quarantine --state rehearsal --note 'a <dent>'
not_pass "$good" 'quarantine'
expect 0 "$STATION" mark "$good" released --state rehearsal
show "$good"
equal "released" true "$(jq .verdict.pass json)"
# The same again is SKIPPED, and the unit PASS as before; made for another plan and failed, it is not.
expect 0 "$STATION" rehearse photon.cfg --units 3 --plain
show "$good"
equal "SKIPPED" "SKIPPED true" "$(jq -r '"\(.attempts[-1].outcome) \(.verdict.pass)"' json)"
job photon -e 's|photon-user.bin|photon-factory.bin|'
sed -i 's|"A3"|"A2"|' faults.cfg
status=0
"$STATION" rehearse photon.cfg --units 3 --rework --faults faults.cfg --plain >out 2>&1 || status=$?
equal "the last outcome of $good" FAIL "$(sql "SELECT outcome FROM attempt WHERE device_id = '$good' ORDER BY passage DESC LIMIT 1")"
not_pass "$good" 'NOT PASS: FAIL'
grep -q 'o-pass' page || fail "its earlier PASS is not in its history"
# HELD is not PASS.
status=0
"$STATION" rehearse photon.cfg --units 5 --cloud down --plain >out 2>&1 || status=$?
not_pass "$(sql "SELECT device_id FROM attempt WHERE outcome = 'HELD' LIMIT 1")" 'NOT PASS: HELD'
# A key that was taken from it later.
other=$(sql "SELECT device_id FROM attempt WHERE outcome = 'PASS' AND device_id <> '$good' ORDER BY started_at DESC LIMIT 1")
show "$other"
equal "before" true "$(jq .verdict.pass json)"
cp -r rehearsal kept
sqlite3 rehearsal/station.db "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema WHERE type = 'trigger'" | sqlite3 rehearsal/station.db
sqlite3 rehearsal/station.db "UPDATE device_key SET state = 'superseded', retired_at = 1 WHERE device_id = '$other'"
not_pass "$other" 'not enrolled any more'
expect 2 "$STATION" show "$other" --state rehearsal --format pdf
expect 1 "$STATION" show 00000000000000000000000c --state rehearsal --format html

# --- the audit: clean, and of what was changed above ---

# rows_of_checks: the page's table is the JSON's list
rows_of_checks() {
	local i=0 cells
	while IFS= read -r cells; do
		i=$((i + 1))
		equal "check $i" "$cells" "$(for c in 1 2 4; do printf '%s|' "$(at "//table[@id='t-checks']/tbody/tr[$i]/*[$c]")"; done)"
	done < <(jq -r '.checks[] | "\(.check)|\(.count)|\(.findings)|"' json)
	[ "$i" -gt 10 ] || fail "only $i checks"
}
expect 0 "$STATION" audit --state kept --format html --output page
expect 0 "$STATION" audit --state kept --json
cp out json
described audit json
xmllint --noout page || fail "the page of the audit is not well-formed"
equal "first" null "$(jq .first json)"
at "//*[@id='verdict']" | grep 'No finding' >/dev/null || fail "a clean audit"
grep -q 'class="verdict good"' page && fail "an audit looks like a PASS"
rows_of_checks
at "//section[@id='cannot']" | grep 'not signed' >/dev/null || fail "what it cannot vouch for"
expect 1 "$STATION" audit --state rehearsal --format html --output page
expect 1 "$STATION" audit --state rehearsal --format json
cp out json
described audit json
rows_of_checks
equal 'first of the told' "$(jq -c '[.told[] | select(.note | not)][0]' json)" "$(jq -c .first json)"
first=$(jq -r '"\(.first.check): \(.first.where): \(.first.what)"' json)
at "//*[@id='verdict']" | grep -F "$first" >/dev/null || fail "the first finding is not told: $first"
expect 1 "$STATION" audit --state rehearsal
equal "the first in text" "first: $first" "$(tail -n 1 out)"
expect 2 "$STATION" audit --state rehearsal --format csv
