# SPDX-License-Identifier: Apache-2.0
# What the tests of the returns bench share: units that come back, and how they are looked at. Sourced behind lib.sh's line.
. "$(dirname "$0")/lib.sh"

# come_back JOB CONDITIONS [OPTION...]: units of the job, one for each condition of the list, made and in their conditions
come_back() {
	local commas=${2//[^,]/}
	rm -rf rehearsal
	[ -e "$1.cfg" ] || job "$1"
	expect 0 "$STATION" rehearse "$1.cfg" --units $((${#commas} + 1)) --condition "$2" --state rehearsal "${@:3}"
}

# untouched COMMAND...: it changes no byte of a unit, nor what the cloud holds; a leave would write the unit's flags
untouched() {
	local file
	rm -rf before
	mkdir before
	cp -r rehearsal/units rehearsal/cloud before
	"$@"
	diff -qr before/units rehearsal/units >differs || fail "$* changed $(cat differs)"
	diff -qr before/cloud rehearsal/cloud >differs || fail "$* changed $(cat differs)"
}

# look STATUS [OPTION...]: diagnoses, by --json into ./out; every unit and the cloud are as before
look() {
	untouched expect "$1" "$STATION" diagnose --state rehearsal --json "${@:2}"
}

# told SLOT WHAT: of the last look. WHAT: a state (fault, note, unknown, good): its "subject code" one after the other;
# or a member of the object ("verdict", "repairs"...)
told() {
	python3 - "$1" "$2" <<-'PYTHON'
		import json, sys
		slot, what = sys.argv[1:]
		units = [unit for unit in map(json.loads, open("out")) if unit["event"] == "diagnosis" and unit["slot"] == slot]
		assert len(units) == 1, f"{slot} is told {len(units)} times"
		unit, = units
		if what in ("fault", "note", "unknown", "good"):
		    print(" ".join(f["subject"] + " " + f["code"] for f in unit["findings"] if f["state"] == what))
		elif isinstance(unit[what], list):
		    print(" ".join(unit[what]))
		else:
		    print(unit[what])
	PYTHON
}

# evidence SLOT CODE: of the last look
evidence() {
	python3 - "$1" "$2" <<-'PYTHON'
		import json, sys
		for unit in map(json.loads, open("out")):
		    for finding in unit.get("findings", ()):
		        if unit["slot"] == sys.argv[1] and finding["code"] == sys.argv[2]:
		            print(finding["evidence"])
	PYTHON
}

# is_told SLOT CODE PATTERN: the evidence of that code is this (as in case)
is_told() {
	local text
	text=$(evidence "$1" "$2")
	# shellcheck disable=SC2254
	case "$text" in $3) ;; *) fail "$1: $2 is told as: $text" ;; esac
}

# faulty SLOT VERDICT REPAIRS FAULTS: what the last look told, and the record holds the same
faulty() {
	equal "$1: faults" "$4" "$(told "$1" fault)"
	equal "$1: verdict" "$2" "$(told "$1" verdict)"
	equal "$1: repairs" "$3" "$(told "$1" repairs)"
	equal "$1: faults in the record" "$4" "$(sql "SELECT f.subject || ' ' || f.reason FROM finding f
		WHERE f.state = 'fault' AND f.attempt_id = '$(told "$1" attempt_id)' ORDER BY f.seq" | xargs)"
	equal "$1: the look in the record" "FAIL|faults-found|$2" "$(sql "SELECT a.outcome, a.reason, o.value FROM attempt a
		JOIN observation o ON o.attempt_id = a.id AND o.name = 'verdict' WHERE a.id = '$(told "$1" attempt_id)'")"
}

# healthy SLOT...: the last look found no fault, and every try of its steps passed
healthy() {
	local slot
	for slot; do
		equal "$slot: faults" "" "$(told "$slot" fault)"
		equal "$slot: verdict" healthy "$(told "$slot" verdict)"
		equal "$slot: repairs" "" "$(told "$slot" repairs)"
		equal "$slot: the look in the record" "PASS|" "$(sql "SELECT outcome, coalesce(reason, '') FROM attempt
			WHERE id = '$(told "$slot" attempt_id)'")"
		equal "$slot: tries that did not pass" 0 "$(sql "SELECT count(*) FROM step WHERE attempt_id = '$(told "$slot" attempt_id)'
			AND (outcome <> 'PASS' OR try > 1)")"
	done
}

# device_of SLOT: the id of the unit that stands there
device_of() {
	sed -n 's/.*"device_id": "\([0-9a-f]*\)".*/\1/p' "rehearsal/units/$1/unit.json"
}
