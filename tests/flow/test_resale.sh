#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an owner left is wiped or kept as the job says. What DFU does not reach is named, and the unit is not for resale, wherever
# its PASS is shown, until a person says that it was cleared by hand.
. "$(dirname "$0")/reprovision.sh"

# life FORMAT SLOT: station show of the unit there into ./life
life() {
	expect 0 "$STATION" show "$(device_of "$2")" --state rehearsal --format "$1"
	mv out life
}

# resale_of SLOT PASS FOR_RESALE TEXT: what station show says of it in all formats; TEXT is a pattern
resale_of() {
	life text "$1"
	grep -q "^$4" life || fail "$1: show says '$(sed -n 1,3p life)', not '$4'"
	life html "$1"
	grep -q "id=\"resale\"><b>$4" life || fail "$1: the certificate does not say '$4'"
	[ "$2 $3" != "true false" ] || grep -A1 'class="verdict good but"' life | grep 'class="v">✓ PASS, not for resale<' >/dev/null || fail "$1: the certificate begins as $(grep 'class="v"' life)"
	[ "$2 $3" != "true true" ] || grep -q 'class="v">✓ PASS<' life || fail "$1: the certificate begins as $(grep 'class="v"' life)"
	life json "$1"
	described show life
	python3 - "$2" "$3" <<-'PYTHON' || fail "$1: the JSON of show says otherwise"
		import json, sys
		life = json.load(open("life"))
		wanted = {"true": True, "false": False, "null": None}
		is_ = life["verdict"]["pass"], life["verdict"]["for_resale"]
		assert is_ == tuple(wanted[word] for word in sys.argv[1:]), is_
	PYTHON
}

# tampered SQL: who changes that in a copy, past the triggers, is found by the seals
tampered() {
	cp -r rehearsal copy
	sqlite3 copy/station.db "SELECT sql || ';' FROM sqlite_schema WHERE type = 'trigger'" >triggers.sql
	sqlite3 copy/station.db "$(sql "SELECT group_concat('DROP TRIGGER ' || name, '; ') FROM sqlite_schema WHERE type = 'trigger'"); $1"
	sqlite3 copy/station.db <triggers.sql
	expect 1 "$STATION" audit --state copy
	grep "^FINDING seals: " out >/dev/null || fail "not found by the seals: $1"
	rm -r copy
}

# mark STATUS SLOT MARK [OPTION...]
mark() {
	expect "$1" "$STATION" mark "$(device_of "$2")" "$3" --state rehearsal "${@:4}"
}

# reported RESALE OUTCOMES: what the report of all attempts says of the units that came back, and that they count for nothing else
reported() {
	expect 0 "$STATION" report --state rehearsal --since 2000-01-01 --format json
	described report out
	equal "resale in the report" "$1" "$(jq -c .returned.resale out)"
	equal "outcomes in the report" "$2" "$(jq -c '.returned.reprovisioned | with_entries(select(.value > 0))' out)"
	equal "production beside it" '{"PASS":2} 2/2' "$(jq -r '(.outcomes | with_entries(select(.value > 0)) | tostring) + " \(.yield.first_pass.part)/\(.yield.first_pass.whole)"' out)"
}

# listed SLOT: what the CSV says of its resale, row by row
listed() {
	expect 0 "$STATION" report --state rehearsal --all --format csv
	mv out all.csv
	python3 "$SOURCE/tests/flow/csv_judge.py" rehearsal/station.db all.csv >count || fail "the CSV: $(cat count)"
	python3 - "$1" <<-'PYTHON'
		import csv, sys
		for row in csv.DictReader(open("all.csv", newline="")):
		    if row["slot"] == sys.argv[1]:
		        print(row["kind"], row["resale"][:11], row["cleared_by"], row["cleared_note"][:15], bool(row["cleared_at"]), row["unit_mark"], sep="|")
	PYTHON
}

# dct_copies SLOT OFFSET LENGTH: those bytes of both sectors that the unit keeps its settings in
dct_copies() {
	bytes "rehearsal/units/$1/alt0.bin" $((0x4000 + 7548 + $2)) "$3"
	bytes "rehearsal/units/$1/alt0.bin" $((0x8000 + 7548 + $2)) "$3"
}

# --- wiped: a Photon ---
policy photon "backup = false;"
come_back photon claimed,-
expect 2 "$STATION" mark "$(device_of A1)" cleared --note x --state rehearsal
grep -q "says of its resale: nothing" err || fail "told: $(cat err)"
printf 'data behind the application' | dd of=rehearsal/units/A1/alt0.bin bs=1 seek=$((0xbff00)) conv=notrunc status=none
look 1
equal "the owner's" "bootloader image-unknown user customer-data claimed claimed claim-code customer-data eeprom1 customer-data" "$(told A1 note)"
reprovision 0 photon --yes --rma 4711 --json
grep '"event":"outcome"' out | grep -q '"resale":"not for resale: by hand: ' || fail "the event does not say it: $(grep outcome out)"
equal "the attempt" "reprovision|PASS|" "$(ended A1)"
equal "nothing of it in either sector" 0 "$(dct_copies A1 1762 64 | tr -d '\377' | wc -c)"
erased rehearsal/units/A1/alt0.bin $((0xbff00)) 256
equal "acts" "replaces a device key that the cloud may accept now; wipes what its owner left: claimed, claim-code, user; changes the unit without a backup" \
	"$(observed A1 acts)"
case "$(observed A1 resale)" in
"no: by hand: eeprom1: what an application keeps in its EEPROM emulation: let an application on the unit write or erase it"*"; credentials of networks,"*"hold its button until the light turns white") ;;
*) fail "of its resale: $(observed A1 resale)" ;;
esac
case "$(observed A2 resale)" in
"no: by hand: credentials of networks,"*) ;;
*) fail "of the other's resale: $(observed A2 resale)" ;;
esac
agreed A1 photon
resale_of A1 true false "not for resale: by hand: eeprom1"
life text A1
grep -q "RMA *4711" life || fail "no RMA: $(cat life)"
grep -q "found *claim-code customer-data\|found *customer-data, note, claim-code" life || fail "no findings: $(grep found life)"
sound

# --- a person clears it ---
mark 2 A1 cleared
mark 2 A1 cleared --note " "
mark 0 A1 cleared --note "light was white, EEPROM cleared by the fixture" --operator Jo
resale_of A1 true true "for resale: cleared by Jo: light was white, EEPROM cleared by the fixture"
resale_of A2 true false "not for resale: by hand: credentials"
equal "A1 in the CSV" $'provision||||False|\nreprovision|no: by hand|Jo|light was white|True|' "$(listed A1 | grep -v '^diagnose')"
equal "A2 in the CSV" "reprovision|no: by hand|||False|" "$(listed A2 | grep '^reprovision')"
reported '{"yes":0,"cleared":1,"by_hand":1,"kept":0}' '{"PASS":2}'
equal "the first finding" '{"subject":"claim-code","state":"note","reason":"customer-data","units":1}' \
	"$(jq -c '[.returned.findings[] | select(.state == "note" and .units == 1)][0]' out)"
equal "states of the findings, in their order" "unknown note good" "$(jq -r '.returned.findings[].state' out | uniq | xargs)"
expect 0 "$STATION" report --state rehearsal --since 2000-01-01
grep -q "^    for resale  *1" out && grep -q "^    to clear by hand first  *1" out || fail "the report does not say it: $(grep -A9 Beside out)"
expect 0 "$STATION" report --state rehearsal --since 2000-01-01 --format html
grep -q 'id="f-resale-cleared">1<' out || fail "the page does not say it: $(grep resale out)"
grep 'id="f-returned-renewed">2<' out >/dev/null && grep 'id="f-returned-read-back">2<' out >/dev/null ||
	fail "the page does not tell of their keys: $(grep returned- out)"
expect 0 "$STATION" report --state rehearsal --all
sed -n '/^Keys of re-provisioned units/,/^$/p' out | grep '^  renewed  *2$' >/dev/null || fail "the text does not tell of their keys: $(cat out)"
sound
# It stands under the next seal, and comes into the export with it.
expect 0 "$STATION" export --state rehearsal
equal "cleared, to come" "1 0" "$(tail -n 1 out | jq .marks_waiting) $(jq -s 'map(.unit_cleared // [] | .[]) | length' out)"
look 1
expect 0 "$STATION" export --state rehearsal
! python3 -c 'import jsonschema' 2>/dev/null ||
	equal "lines that the schema describes" "$(wc -l <out)" "$(python3 "$SOURCE/tests/flow/json_schema.py" "$SOURCE/docs/export.schema.json" out)"
equal "cleared, come" "0 $(device_of A1) Jo $(sql 'SELECT attempt_id FROM unit_cleared')" \
	"$(tail -n 1 out | jq .marks_waiting) $(jq -r 'select(.row == "attempt") | .unit_cleared[] | "\(.device_id) \(.operator) \(.attempt_id)"' out)"
tampered "UPDATE unit_cleared SET operator = 'Mo'"
# Where it sets nothing aside, it releases nothing.
mark 0 A1 quarantine --note "smells"
mark 0 A1 cleared --note "once more"
equal "marks in the CSV" "quarantine" "$(listed A1 | cut -d'|' -f6 | sort -u)"
life json A1
grep -q '"pass":false,"why":"A mark sets the unit aside.","for_resale":false' life || fail "a unit in quarantine is for resale"
reprovision 1 photon --yes
equal "in quarantine" "reprovision|REFUSED|quarantined" "$(ended A1)"
mark 0 A1 released
# It was somebody else's since.
reprovision 0 photon --yes
grep -q "not for resale: by hand: " out || fail "the lines do not say it: $(cat out)"
grep -q "Then: station mark $(device_of A1) cleared --note" out || fail "what to do is not told"
resale_of A1 true false "not for resale: by hand: eeprom1"

# --- what could not be looked at is wiped all the same, once its system parts are good again ---
come_back photon parts+claimed
reprovision 0 photon --yes
equal "with broken parts" "reprovision|PASS|" "$(ended A1)"
equal "what was found" "device-rsa system-parts-invalid" "$(found A1 | grep -o 'device-rsa system-parts-invalid')"
equal "nothing of it in either sector" 0 "$(dct_copies A1 1762 64 | tr -d '\377' | wc -c)"
agreed A1 photon
sound

# --- a P1, which has a third memory ---
policy p1 "backup = false;"
come_back p1 -
printf 'data of the application' | dd of=rehearsal/units/A1/alt2.bin conv=notrunc status=none
reprovision 0 p1 --yes
erased rehearsal/units/A1/alt2.bin 0 $((0x100000))
case "$(observed A1 resale)" in "no: by hand: credentials"*) ;; *) fail "of its resale: $(observed A1 resale)" ;; esac

# --- kept ---
policy photon "backup = false; customer_data = \"keep\";"
come_back photon claimed,-
reprovision 0 photon --yes
agreed A1 photon
equal "acts" "replaces a device key that the cloud may accept now; changes the unit without a backup" "$(observed A1 acts)"
case "$(observed A1 resale)" in
"no: kept: claimed, claim-code, eeprom1, credentials of networks"*) ;;
*) fail "of its resale: $(observed A1 resale)" ;;
esac
equal "still claimed" 1 "$(bytes rehearsal/units/A1/alt1.bin 1825 1)"
resale_of A1 true false "not for resale: kept: claimed"
reported '{"yes":0,"cleared":0,"by_hand":0,"kept":2}' '{"PASS":2}'
mark 2 A1 cleared --note "white"
sound

# --- a Core: what its application kept in the other flash, and behind itself ---
policy core "backup = false;"
come_back core claimed,-
printf 'data behind the application' | dd of=rehearsal/units/A1/alt0.bin bs=1 seek=$((0x1f000)) conv=notrunc status=none
cp rehearsal/units/A1/alt1.bin before.bin
reprovision 0 core --yes
equal "the Core" "reprovision|PASS|" "$(ended A1)"
erased rehearsal/units/A1/alt1.bin $((0x80000)) $((0x180000))
erased rehearsal/units/A1/alt0.bin $((0x1f000)) $((0x1000))
same_but before.bin rehearsal/units/A1/alt1.bin $((0x1000)):4096 $((0x2000)):4096 $((0x80000)):$((0x180000))
agreed A1 core
resale_of A1 true false "not for resale: by hand: credentials of networks"
come_back core claimed,-
policy core "backup = false; customer_data = \"keep\";"
cp rehearsal/units/A1/alt1.bin before.bin
reprovision 0 core --yes
same_but before.bin rehearsal/units/A1/alt1.bin $((0x1000)):4096 $((0x2000)):4096
equal "what is kept" "no: kept: spi-user, credentials of networks" "$(observed A1 resale | cut -d, -f1-2)"
sound
