#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The key of a returned unit is rotated only while the cloud can be reached and agrees about the present one: otherwise not a
# byte of the unit changes. If the cloud refuses the new key, the old one is put back. Unit, record and cloud never part.
. "$(dirname "$0")/reprovision.sh"

# as_before SLOT JOB KEY: the unit carries the key that it came with, the cloud holds it and the record has it as enrolled
as_before() {
	equal "$2: $1: key on the unit" "$3" "$(key_on "$1" "$2")"
	equal "$2: $1: key in the record" enrolled "$(key_state "$3")"
	equal "$2: $1: key in the cloud" "$3" "$(fingerprint_of_pem "rehearsal/cloud/$(device_of "$1").pem")"
}

# keys_told JOB KEYS: of units that came back, by the report; zeros left out
keys_told() {
	expect 0 "$STATION" report --state rehearsal --all --format json
	equal "$1: keys in the report" "$2" "$(jq -c '.returned.keys | with_entries(select(.value > 0))' out)"
}

rotation() { # JOB KEY-OFFSET KEY-LENGTH
	local old new how id
	policy "$1" "backup = false;"
	come_back "$1" "-,F21,F21:none"
	old=$(key_on A1 "$1")
	id=$(device_of A1)

	# Not to be reached, in whatever way: nothing is begun, and nothing of the unit changes.
	for how in down busy rubbish; do
		untouched reprovision 1 "$1" --yes --units 1 --cloud $how
		equal "$1: cloud is $how" "reprovision|ABORTED|cloud-away" "$(ended A1)"
		as_before A1 "$1" "$old"
	done
	untouched reprovision 1 "$1" --yes --units 1 --cloud refuse
	equal "$1: cloud refuses to say" "reprovision|FAIL|cloud-refused" "$(ended A1)"

	# It takes no other key: the old one is on the unit again, to the byte, and it works.
	bytes rehearsal/units/A1/alt1.bin "$2" "$3" >key.before
	reprovision 1 "$1" --yes --units 1 --cloud refuse-new
	equal "$1: cloud refuses the new key" "reprovision|FAIL|cloud-refused" "$(ended A1)"
	bytes rehearsal/units/A1/alt1.bin "$2" "$3" | cmp - key.before || fail "$1: the old key is not back"
	as_before A1 "$1" "$old"
	session rehearsal/units/A1/alt1.bin "$2" "rehearsal/cloud/$id.pem"
	equal "$1: told" "$old" "$(observed A1 key-put-back)"
	new=$(last A1 key_fingerprint)
	[ "$new" != "$old" ] || fail "$1: there was no new key"
	equal "$1: the new key" "abandoned" "$(key_state "$new")"
	equal "$1: its step" "put-back|PASS" "$(sql "SELECT name, outcome FROM step WHERE attempt_id = '$(last A1 id)' ORDER BY seq DESC LIMIT 1")"
	case "$(last A1 detail)" in *"its old key was put back and read back") ;; *) fail "$1: told as $(last A1 detail)" ;; esac
	keys_told "$1" '{"refused":2,"abandoned":1,"enrolled_not_pass":1,"put_back":1}'
	sound

	# The same unit, once the cloud is good: rotated.
	reprovision 0 "$1" --yes --units 1
	agreed A1 "$1"
	equal "$1: the old key at last" superseded "$(key_state "$old")"
	keys_told "$1" '{"read_back":1,"refused":2,"abandoned":1,"renewed":1,"put_back":1}'
	equal "$1: the key of the production" '{"read_back":3,"superseded":1}' "$(jq -c '.keys | with_entries(select(.value > 0))' out)"

	# F21: the cloud holds a key that nobody knows: the unit stays as it came. It holds none: it gets the new one.
	rm -rf before
	mkdir before
	cp -r rehearsal/units/A2 "rehearsal/cloud/$(device_of A2).pem" before
	reprovision 1 "$1" --yes
	equal "$1: a key that nobody knows" "reprovision|FAIL|cloud-conflict" "$(ended A2)"
	diff -qr before/A2 rehearsal/units/A2 || fail "$1: A2 was touched"
	cmp "before/$(device_of A2).pem" "rehearsal/cloud/$(device_of A2).pem" || fail "$1: A2: the cloud was touched"
	equal "$1: the cloud holds none" "reprovision|PASS|" "$(ended A3)"
	agreed A1 "$1"
	agreed A3 "$1"
	sound
}

# A cloud that has taken the new key and says that it refused it is asked what it holds: the new key stays.
taken_and_refused() { # JOB
	local old new id
	policy "$1" "backup = false;"
	come_back "$1" "-"
	old=$(key_on A1 "$1")
	id=$(device_of A1)
	reprovision 1 "$1" --yes --units 1 --cloud take-refuse
	equal "$1: taken and refused" "reprovision|FAIL|cloud-refused" "$(ended A1)"
	new=$(key_on A1 "$1")
	[ "$new" != "$old" ] || fail "$1: the old key was put back, which the cloud does not hold"
	equal "$1: the key of unit and cloud" "$new" "$(fingerprint_of_pem "rehearsal/cloud/$id.pem")"
	case "$(last A1 detail)" in *"the cloud holds the new key"*) ;; *) fail "$1: told as $(last A1 detail)" ;; esac
	sound
	reprovision 0 "$1" --yes --units 1
	agreed A1 "$1"
	sound
}

taken_and_refused core
rotation core $((0x2000)) 612
rotation photon 34 612
