#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which key a returned unit gets: a valid one may stay, one of a unit that was made elsewhere is found and then kept or
# replaced, a HELD unit is settled first, and a unit that needs repair gets it.
. "$(dirname "$0")/reprovision.sh"

# keep-valid: what is usable, proven and enrolled stays; the rest is new. Images always, server key always.
keeps() { # JOB
	local old other
	policy "$1" "backup = false; device_key = \"keep-valid\"; images = \"always\"; server_key = \"new\"; allow = [ \"no-backup\" ];"
	come_back "$1" "-,F02,F21:none"
	old=$(key_on A1 "$1")
	other=$(key_on A3 "$1")
	reprovision 0 "$1" </dev/null
	equal "$1: a valid key" "reprovision|PASS|" "$(ended A1)"
	equal "$1: stays" "$old" "$(key_on A1 "$1")"
	equal "$1: as decided" "images always, device key kept, server key new" "$(observed A1 decision)"
	agreed A1 "$1"
	# One that nobody enrolled works for nobody, and so does one that the cloud has lost.
	equal "$1: a key that nobody enrolled" "reprovision|PASS|" "$(ended A2)"
	agreed A2 "$1"
	equal "$1: a key that the cloud has lost" "reprovision|PASS|" "$(ended A3)"
	[ "$(key_on A3 "$1")" != "$other" ] || fail "$1: A3 keeps a key that the cloud does not hold"
	agreed A3 "$1"
	sound
}

# A unit of another station, and what the cloud holds for it.
stranger() { # JOB SLOT
	local id
	cp -r "elsewhere/units/$2" rehearsal/units/
	id=$(device_of "$2")
	[ ! -e "elsewhere/cloud/$id.pem" ] || cp "elsewhere/cloud/$id.pem" rehearsal/cloud/
}

elsewhere() { # JOB
	local old slot
	policy "$1" "backup = false; device_key = \"keep-valid\";"
	rm -rf elsewhere rehearsal
	expect 0 "$STATION" rehearse "$1.cfg" --units 3 --seed 7 --state elsewhere
	expect 0 "$STATION" rehearse "$1.cfg" --units 1 --seed 8
	rm -r rehearsal/units/A1
	for slot in A1 A2 A3; do stranger "$1" $slot; done
	rm "rehearsal/cloud/$(device_of A3).pem"
	old=$(key_on A1 "$1")

	# Kept: now it is in the record, and whose it was before nobody claims to know.
	reprovision 0 "$1" --yes --units 1
	equal "$1: made elsewhere" "reprovision|PASS|" "$(ended A1)"
	equal "$1: not in the database" "unit-unknown" "$(sql "SELECT reason FROM finding WHERE attempt_id = '$(last A1 id)'
		AND reason LIKE 'unit-%'")"
	equal "$1: its first passage" "1|" "$(sql "SELECT passage, previous_attempt_id FROM attempt WHERE id = '$(last A1 id)'")"
	equal "$1: its key stays" "$old" "$(key_on A1 "$1")"
	equal "$1: found" "enrolled||read-back" "$(sql "SELECT state, attempt_id, enrol_proof FROM device_key WHERE fingerprint = '$old'")"
	equal "$1: adopted" "$old" "$(observed A1 key-adopted)"
	expect 0 "$STATION" report --state rehearsal --all --format json
	equal "$1: kept, in the report" '{"read_back":1,"kept":1}' "$(jq -c '.returned.keys | with_entries(select(.value > 0))' out)"
	agreed A1 "$1"
	sound

	# Rotated: the found key is what the new one replaces. One that no cloud knows gets a new one, too.
	policy "$1" "backup = false;"
	old=$(key_on A2 "$1")
	reprovision 0 "$1" --yes
	for slot in A2 A3; do
		equal "$1: $slot" "reprovision|PASS|" "$(ended $slot)"
		agreed $slot "$1"
	done
	equal "$1: A2: adopted" "$old" "$(observed A2 key-adopted)"
	equal "$1: A2: the found key" "superseded||read-back" "$(sql "SELECT state, attempt_id, enrol_proof FROM device_key WHERE fingerprint = '$old'")"
	equal "$1: A3: no key was found" "" "$(observed A3 key-adopted)"
	sound

	# The cloud takes no other key: the found one is put back, and is the enrolled one.
	stranger "$1" A2
	cp "rehearsal/cloud/$(device_of A2).pem" stranger.pem
	old=$(key_on A2 "$1")
	sql "SELECT 1 FROM device_key WHERE fingerprint = '$old' AND state = 'superseded'" | grep 1 >/dev/null || fail "$1: A2 is no stranger"
	reprovision 1 "$1" --yes --units 2 --cloud refuse-new
	equal "$1: A2, refused" "reprovision|FAIL|cloud-refused" "$(ended A2)"
	equal "$1: A2: put back" "$old" "$(key_on A2 "$1")"
	equal "$1: A2: enrolled again, as the cloud says" "enrolled" "$(key_state "$old")"
	sound
}

held() { # JOB
	local old
	policy "$1" "backup = false;"
	rm -rf rehearsal
	expect 1 "$STATION" rehearse "$1.cfg" --units 1 --cloud down
	equal "$1: HELD" "provision|HELD|cloud-unreachable" "$(ended A1)"
	old=$(key_on A1 "$1")
	rm -rf before
	cp -r rehearsal/units before
	reprovision 1 "$1" --yes --cloud down
	equal "$1: still HELD" "reprovision|REFUSED|still-held" "$(ended A1)"
	diff -qr before rehearsal/units || fail "$1: a HELD unit was touched"
	# Another cloud than the one that waits for its key tells nothing of it.
	sed -e 's|cloud = "main"|cloud = "other"|' "$1.cfg" >other.cfg
	reprovision 1 other --yes
	equal "$1: HELD for another cloud" "reprovision|REFUSED|still-held" "$(ended A1)"
	equal "$1: its old attempt, still" "HELD" "$(sql "SELECT outcome FROM attempt WHERE passage = 1")"
	diff -qr before rehearsal/units || fail "$1: a HELD unit was touched"
	reprovision 0 "$1" --yes
	equal "$1: its old attempt" "provision|PASS|$old" "$(sql "SELECT kind, outcome, key_fingerprint FROM attempt WHERE passage = 1")"
	equal "$1: after it was settled" "reprovision|PASS|" "$(ended A1)"
	agreed A1 "$1"
	sound
}

for name in core photon; do
	keeps $name
	elsewhere $name
	held $name
done

# What failed too often is repaired here.
id=$(device_of A1)
sqlite3 rehearsal/station.db "INSERT INTO unit_mark (device_id, mark, note, at, passage) VALUES ('$id', 'needs-repair', 'x', 1, 3)"
expect 1 "$STATION" rehearse photon.cfg --units 1 --rework
equal "needs repair: not on the line" "provision|REFUSED|needs-repair" "$(ended A1)"
reprovision 0 photon --yes
equal "needs repair" "reprovision|PASS|" "$(ended A1)"
grep "It is still marked needs-repair: .*, station mark $id released" out >/dev/null || fail "nobody is told of the mark: $(cat out)"
reprovision 0 photon --yes --json
equal "needs repair, in JSON" needs-repair "$(jq -r 'select(.event == "outcome") | .mark' out)"
expect 0 "$STATION" mark "$id" released --state rehearsal --note "its cable"
reprovision 0 photon --yes --json
equal "released, in JSON" null "$(jq -r 'select(.event == "outcome") | .mark' out)"
sound
