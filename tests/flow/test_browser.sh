#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The pages in a real browser: at 1280 and at 400 pixels nothing overflows, no text in a chart is cut or lies on another; what the
# browser shows are the figures of the JSON; green is there only for PASS; on A4 no chart is cut.
. "$(dirname "$0")/lib.sh"
for program in chromium pdfinfo pdftotext pngtopam ppmhist; do
	command -v "$program" >/dev/null || {
		echo "skipped: $program is not installed (chromium, poppler-utils, netpbm)"
		exit 77
	}
done

browser() {
	rm -rf profile
	timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --hide-scrollbars --allow-file-access-from-files \
		--user-data-dir="$PWD/profile" "$@" 2>browser.err || fail "chromium: $(tail -n 3 browser.err)"
}

job core
cat >faults.cfg <<'FAULTS'
faults : { list = (
	{ slot = "A2"; kind = "stall"; at_operation = 20; times = 1; },
	{ slot = "A3"; kind = "lost-write"; alt = 0; address = 0x08005100; size = 1; },
	{ slot = "A5"; kind = "stall"; at_operation = 30; times = 900; }
); };
FAULTS
long="Operator-with-a-name-that-has-no-end-$(printf 'x%.0s' $(seq 150)) =1+1,\"<b>&"
expect 1 "$STATION" rehearse core.cfg --units 6 --faults faults.cfg --operator "$long" --work-order W1 --plain
bad=$(sql "SELECT device_id FROM attempt WHERE outcome = 'FAIL' LIMIT 1")
good=$(sql "SELECT device_id FROM attempt WHERE outcome = 'PASS' LIMIT 1")

# A line of many: 40 days, 30 slots, long names; only what a report reads is there.
cp -r rehearsal many
sqlite3 many/station.db "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema WHERE type = 'trigger'" | sqlite3 many/station.db
sqlite3 many/station.db "
	CREATE TEMP TABLE n AS WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < 2999) SELECT n FROM c;
	CREATE TEMP TABLE a AS SELECT * FROM attempt WHERE outcome = 'PASS' LIMIT 1;
	UPDATE a SET key_fingerprint = NULL, previous_attempt_id = NULL;
	INSERT INTO attempt (id, batch_id, kind, arrived_at, slot, usb_path, device_id, passage, operator, started_at, ended_at, final_at,
		outcome, reason, cause, retries)
	SELECT printf('%08x-0000-7000-8000-000000000000', n), batch_id, kind, arrived_at + n * 1200000, 'Rack-' || (n % 30), '1-1',
		printf('%024x', n), 1, 'operator ' || (n % 3), started_at + n * 1200000, started_at + n * 1200000 + 15000 + n * 7919 % 9000,
		started_at + n * 1200000 + 30000, CASE WHEN n % 11 = 0 OR n % 30 = 7 AND n % 2 = 1 THEN 'FAIL' WHEN n % 37 = 0 THEN 'ABORTED'
		WHEN n % 41 = 0 THEN 'REFUSED' WHEN n % 43 = 0 THEN 'INTERRUPTED' WHEN n % 47 = 0 THEN 'SKIPPED' ELSE 'PASS' END,
		CASE WHEN n % 11 = 0 OR n % 30 = 7 AND n % 2 = 1 THEN 'reason-with-a-long-code-' || (n * n % 14) WHEN n % 37 = 0 OR n % 41 = 0
		OR n % 43 = 0 OR n % 47 = 0 THEN 'stopped' END, CASE WHEN n % 11 = 0 OR n % 30 = 7 AND n % 2 = 1 THEN 'unit' END, 0 FROM a, n"

expect 0 "$STATION" report --state rehearsal --format html --output report.html
expect 0 "$STATION" report --state rehearsal --format json --output report.json
expect 0 "$STATION" report --state many --all --format html --output many.html
expect 0 "$STATION" report --state rehearsal --until 2020-01-01 --format html --output empty.html
expect 0 "$STATION" show "$good" --state rehearsal --format html --output good.html
expect 0 "$STATION" show "$bad" --state rehearsal --format html --output bad.html
expect 1 "$STATION" audit --state many --format html --output audit.html

# Each page in a frame of each width, measured from outside: the pages themselves have no script.
pages='report many empty good bad audit'
{
	echo '<!DOCTYPE html><html><body>'
	for page in $pages; do
		for width in 1280 400; do
			echo "<iframe name=\"$page $width\" src=\"$page.html\" style=\"border:0;width:${width}px;height:900px\"></iframe>"
		done
	done
	cat <<'PROBE'
<pre id="told"></pre><script>
const told = [], tell = (...words) => told.push(words.join(' '))
function apart(a, b) {
	return a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 3 || b.bottom <= a.top + 3
}
function measure(frame) {
	const doc = frame.contentDocument, name = frame.name, width = doc.documentElement.clientWidth
	tell('MEASURED', name)
	if (doc.documentElement.scrollWidth > width) tell('OVERFLOW', name, doc.documentElement.scrollWidth)
	for (const e of doc.querySelectorAll('body *')) {
		const box = e.getBoundingClientRect()
		if (box.width && box.right > width + 1 && !e.closest('.scroll')) tell('OVERFLOW', name, e.tagName, e.textContent.slice(0, 40))
	}
	for (const svg of doc.querySelectorAll('figure > svg')) {
		const frame_box = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll('text')]
		texts.forEach((text, i) => {
			const box = text.getBoundingClientRect()
			if (box.left < frame_box.left - 1 || box.right > frame_box.right + 1 || box.top < frame_box.top - 1 ||
				box.bottom > frame_box.bottom + 1) tell('CUT', name, text.textContent)
			if (box.height < 9) tell('SMALL', name, text.textContent, box.height)
			for (const other of texts.slice(i + 1))
				if (!apart(box, other.getBoundingClientRect())) tell('TOUCH', name, text.textContent, '|', other.textContent)
		})
		tell('CHART', name, texts.length)
	}
	for (const e of doc.querySelectorAll('[id^="f-"]')) tell('FIGURE', name, e.id, e.textContent)
	const verdict = doc.getElementById('verdict')
	if (verdict) tell('VERDICT', name, verdict.innerText.replace(/\n+/g, ' '))
}
onload = () => {
	for (const frame of document.querySelectorAll('iframe')) measure(frame)
	document.getElementById('told').textContent = told.join('\n')
}
</script></body></html>
PROBE
} >probe.html
browser --window-size=1400,1000 --dump-dom "file://$PWD/probe.html" >dom
sed -n '/<pre id="told">/,/<\/pre>/p' dom | sed 's/.*<pre id="told">//; s/<\/pre>.*//' >told
equal "pages measured" 12 "$(grep -c ^MEASURED told)"
equal "charts seen" 16 "$(grep -c '^CHART' told)"
grep -E '^(OVERFLOW|CUT|SMALL|TOUCH)' told | head -n 20 >wrong || true
[ ! -s wrong ] || fail "$(cat wrong)"

# The figures, as the browser understood the page.
figure() {
	equal "$1" "$(jq -r "$2" report.json)" "$(sed -n "s/^FIGURE report 1280 f-$1 //p" told)"
}
figure attempts .attempts
figure units .units_good
figure PASS .outcomes.PASS
figure FAIL .outcomes.FAIL
figure retries .retries
figure read-back .keys.read_back
figure first-pass '.yield.first_pass | "\(.part * 1000 / .whole + 0.5 | floor / 10) %"'
grep -q '^VERDICT good 400 ✓ PASS' told || fail "the certificate of a PASS"
grep -q '^VERDICT bad 400 ✕ NOT PASS: FAIL' told || fail "the page of a FAIL"
grep -q '^VERDICT audit 400 ✕ [0-9]* FINDINGS' told || fail "the audit"

# colours PAGE WIDTH: how many pixels of each, "R G B COUNT"
colours() {
	browser --window-size="$2,4000" --screenshot="$PWD/shot.png" "${@:3}" "file://$PWD/$1.html" >/dev/null
	pngtopam shot.png | ppmhist -noheader | awk '{ print $1, $2, $3, $5 }'
}
green='^0 128 92 '
colours good 1280 >colours.good
grep -q "$green" colours.good || fail "the certificate of a PASS is not green"
colours bad 500 >colours.bad
grep -q "$green" colours.bad && fail "something is green where nothing is PASS"
colours report 1280 --blink-settings=preferredColorScheme=0 >colours.dark
[ "$(awk '$1 + $2 + $3 > 600 { bright += $4 } { all += $4 } END { print int(100 * bright / all) }' colours.dark)" -lt 10 ] ||
	fail "the dark page is bright"
grep -q '^31 174 131 ' colours.dark || fail "no bar of PASS in the dark"

# Paper.
browser --no-pdf-header-footer --print-to-pdf="$PWD/many.pdf" "file://$PWD/many.html" >/dev/null
number=$(pdfinfo many.pdf | awk '/^Pages:/ { print $2 }')
pdfinfo many.pdf | grep 'A4' >/dev/null || fail "not A4"
[ "$number" -ge 4 ] && [ "$number" -le 9 ] || fail "$number pages"
# Begin and end of each chart are on one sheet.
for pair in 'Outcomes over time|INTERRUPTED' 'Why units failed|running sum, %' 'Process time|process time, s' 'Yield by slot|differs from the others'; do
	for page in $(seq "$number"); do
		pdftotext -f "$page" -l "$page" -layout many.pdf sheet
		grep -q 'At a glance' sheet && cp sheet charts
		grep -qF "${pair%|*}" sheet && grep -qF "${pair#*|}" sheet && continue 2
	done
	fail "a chart is cut: ${pair%|*}"
done
browser --no-pdf-header-footer --print-to-pdf="$PWD/good.pdf" "file://$PWD/good.html" >/dev/null
pdftotext -f 1 -l 1 good.pdf sheet
for text in '✓ PASS' "$good" 'How this is checked' 'docs/database.md'; do
	grep -qF -- "$text" sheet || fail "'$text' is not on the first sheet of the certificate"
done
equal "sheets of the certificate" 2 "$(pdfinfo good.pdf | awk '/^Pages:/ { print $2 }')"
