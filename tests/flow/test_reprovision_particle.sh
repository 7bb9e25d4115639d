#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A cloud that does not show the keys that it holds: before a rotation the unit's present key is sent to it again. It has to
# take that; if it then takes no other one, the old key is put back.
. "$(dirname "$0")/reprovision.sh"
policy photon "backup = false;"
come_back photon "-,F19" --api particle
old=$(key_on A1 photon)
id=$(device_of A1)

# same SLOT KEY: unit, record and cloud have it
same() {
	equal "$1: on the unit" "$2" "$(key_on "$1" photon)"
	equal "$1: in the record" enrolled "$(key_state "$2")"
	equal "$1: in the cloud" "$2" "$(fingerprint_of_pem "rehearsal/cloud/$(device_of "$1").pem")"
	session "rehearsal/units/$1/alt1.bin" 34 "rehearsal/cloud/$(device_of "$1").pem"
}

untouched reprovision 1 photon --yes --units 1 --api particle --cloud down
equal "the cloud is away" "reprovision|ABORTED|cloud-away" "$(ended A1)"
untouched reprovision 1 photon --yes --units 1 --api particle --cloud refuse
equal "the cloud does not take the present key" "reprovision|FAIL|cloud-refused" "$(ended A1)"
same A1 "$old"

bytes rehearsal/units/A1/alt1.bin 34 612 >key.before
reprovision 1 photon --yes --units 1 --api particle --cloud refuse-new
equal "the cloud takes no other key" "reprovision|FAIL|cloud-refused" "$(ended A1)"
bytes rehearsal/units/A1/alt1.bin 34 612 | cmp - key.before || fail "the old key is not back"
for copy in 0x4000 0x8000; do
	bytes rehearsal/units/A1/alt0.bin $((copy + 7548 + 34)) 612 | cmp - key.before || fail "the old key is not back in the sector at $copy"
done
same A1 "$old"
equal "put back" "$old" "$(observed A1 key-put-back)"
sound

reprovision 0 photon --yes --api particle
for slot in A1 A2; do
	equal "$slot" "reprovision|PASS|" "$(ended $slot)"
	same $slot "$(last $slot key_fingerprint)"
	equal "$slot: proof" acknowledged "$(sql "SELECT enrol_proof FROM attempt WHERE id = '$(last $slot id)'")"
done
equal "the old key" superseded "$(key_state "$old")"
[ "$(key_on A1 photon)" != "$old" ] || fail "A1 was not rotated"

# Made elsewhere: what the cloud takes again is a key of the unit.
rm -rf elsewhere
expect 0 "$STATION" rehearse photon.cfg --units 1 --seed 7 --state elsewhere --api particle
cp -r elsewhere/units/A1 rehearsal/units/
cp elsewhere/cloud/*.pem rehearsal/cloud/
old=$(key_on A1 photon)
reprovision 0 photon --yes --units 1 --api particle
equal "made elsewhere" "reprovision|PASS|" "$(ended A1)"
equal "its key was found" "superseded||acknowledged" "$(sql "SELECT state, attempt_id, enrol_proof FROM device_key WHERE fingerprint = '$old'")"
same A1 "$(last A1 key_fingerprint)"
sound

# A unit without a usable key has nothing to agree about, so that its rotation begins also while the cloud is away: it is HELD
# with its new key, stays so while the cloud is away, and the next run with a cloud finishes that, and does what was asked of it.
rm -rf rehearsal
come_back photon "F19,-" --api particle
rm -r rehearsal/units/A2
reprovision 1 photon --yes --units 1 --api particle --cloud down
equal "the cloud is away" "reprovision|HELD|cloud-unreachable" "$(ended A1)"
held=$(last A1 id)
new=$(key_on A1 photon)
equal "its new key" on-device "$(key_state "$new")"
untouched reprovision 1 photon --yes --units 1 --api particle --cloud down
equal "the cloud is still away" "reprovision|REFUSED|still-held" "$(ended A1)"
equal "its attempt then" "HELD" "$(sql "SELECT outcome FROM attempt WHERE id = '$held'")"
reprovision 0 photon --yes --units 1 --api particle
equal "its attempt at last" "PASS|acknowledged" "$(sql "SELECT outcome, enrol_proof FROM attempt WHERE id = '$held'")"
equal "the run that finished it" "reprovision|PASS|" "$(ended A1)"
equal "the key of then" superseded "$(key_state "$new")"
same A1 "$(last A1 key_fingerprint)"
sound
