#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A mixed bench: units in different conditions in one run, each with its own findings and its own outcome, by --json. What is
# set aside is not touched: no byte of it, and nothing of it at the cloud.
. "$(dirname "$0")/reprovision.sh"

# event SLOT KIND WHAT: of the one event of that kind, read from ./out: a member, or "faults", or "decision.MEMBER"
event() {
	python3 - "$@" <<-'PYTHON'
		import json, sys
		slot, kind, what = sys.argv[1:]
		events = [e for e in map(json.loads, open("out")) if e["event"] == kind and e.get("slot") == slot]
		assert len(events) == 1, f"{slot} has {len(events)} of {kind}"
		event, = events
		if what == "faults":
		    print(" ".join(f["subject"] + " " + f["code"] for f in event["findings"] if f["state"] == "fault"))
		else:
		    for name in what.split("."):
		        event = event[name]
		    print(" ".join(event) if isinstance(event, list) else "" if event is None else event)
	PYTHON
}

# same_as_before SLOT: the unit and what the cloud holds for it
same_as_before() {
	diff -qr "before/units/$1" "rehearsal/units/$1" >differs || fail "$1 was touched: $(cat differs)"
	cmp "before/cloud/$(device_of "$1").pem" "rehearsal/cloud/$(device_of "$1").pem" || fail "$1: the cloud was touched"
}

# A1 F02, A2 F03, A3 F09, A4 F19, A5 claimed, A6 needs SWD (a Core: marked as in quarantine), A7 marked as scrap, A8 healthy.
mixed() { # JOB ADDRESS A6 OUTCOME REASON FAULTS-OF-F19 WIPED LOOK LEFT
	local slot scrap code
	policy "$1" "backup = false;"
	come_back "$1" "F02,F03:$2,F09,F19,claimed,$3,-,-"
	scrap=$(device_of A7)
	expect 0 "$STATION" mark "$scrap" scrap --note "burnt" --state rehearsal
	[ "$3" != - ] || expect 0 "$STATION" mark "$(device_of A6)" quarantine --note "looks odd" --state rehearsal
	expect 0 "$STATION" mark "$(device_of A2)" quarantine --note x --state rehearsal
	expect 0 "$STATION" mark "$(device_of A2)" released --state rehearsal
	rm -rf before
	mkdir before
	cp -r rehearsal/units rehearsal/cloud before
	reprovision 1 "$1" --yes --json
	for slot in A1 A2 A3 A4 A5 A8; do
		equal "$1: $slot" "reprovision|PASS|" "$(ended $slot)"
		equal "$1: $slot by --json" "PASS" "$(event $slot outcome outcome)"
		agreed $slot "$1"
	done
	equal "$1: A6" "reprovision|$4|$5" "$(ended A6)"
	equal "$1: A7" "reprovision|REFUSED|marked-scrap" "$(ended A7)"
	same_as_before A6
	same_as_before A7
	equal "$1: F02" "device-rsa device-key-mismatch cloud cloud-key-differs" "$(event A1 found faults)"
	equal "$1: F03" "user image-damaged" "$(event A2 found faults)"
	equal "$1: F09" "server-rsa server-key-missing" "$(event A3 found faults)"
	equal "$1: F19" "$6" "$(event A4 found faults)"
	equal "$1: claimed" "" "$(event A5 found faults)"
	equal "$1: healthy" "" "$(event A8 found faults)"
	for slot in A1 A2 A3 A4 A5 A8; do
		equal "$1: $slot: in the record" "$(event $slot found faults)" "$(found $slot)"
		equal "$1: $slot: every finding" "$(grep -c . <(sql "SELECT 1 FROM finding WHERE attempt_id = '$(last $slot id)'"))" \
			"$(python3 -c 'import json, sys
for e in map(json.loads, open("out")):
    if e["event"] == "found" and e["slot"] == sys.argv[1]: print(len(e["findings"]))' $slot)"
	done
	equal "$1: wiped" "$7" "$(event A5 found decision.wipe)"
	equal "$1: acts" "replace-device-key wipe-customer-data no-backup" "$(event A5 found decision.acts)"
	equal "$1: acts" "replace-device-key no-backup" "$(event A8 found decision.acts)"
	equal "$1: for resale" False "$(event A5 outcome decision.for_resale)"
	case "$(event A5 outcome decision.operator_steps)" in
	*"hold its button until the light turns white") ;;
	*) fail "$1: nobody is told what to do by hand: $(event A5 outcome decision.operator_steps)" ;;
	esac
	[ -z "$9" ] || grep -q "\"eeprom1: " out || fail "$1: nobody is told of its EEPROM"
	sound

	# What is left to find.
	look "$8" --job "$1.cfg"
	for slot in A1 A2 A3 A4 A5 A8; do
		equal "$1: $slot: faults left" "" "$(told $slot fault)"
		[ $slot = A5 ] || equal "$1: $slot: repairs left" "" "$(told $slot repairs)"
	done
	# What DFU does not reach is what the operator was told.
	equal "$1: left by its owner" "$9" "$(told A5 note | xargs -n 2 | grep customer-data | xargs)"
}

mixed core 0x08006234 - REFUSED quarantined \
	"user image-blank factory image-blank device-rsa device-key-missing server-rsa server-key-missing" "spi-user" 0 ""
mixed photon 0x080a0234 F18 REFUSED needs-swd \
	"system-part1 image-blank system-part2 image-blank user image-blank factory image-blank device-rsa system-parts-invalid" \
	"claimed claim-code" 1 "eeprom1 customer-data"
