#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Units that were made elsewhere: another station's database knows them, this one does not. The cloud may know them.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false; device_key = "keep-valid";'
come_back core -,F02,-
mv rehearsal elsewhere
come_back core -,-,-,- --seed 7
cp -r elsewhere/units/A1 elsewhere/units/A2 elsewhere/units/A3 .
for slot in A1 A2 A3; do
	rm -r "rehearsal/units/$slot"
	cp -r "$slot" "rehearsal/units/$slot"
done
# The same cloud has A1 and A2, but not A3.
for slot in A1 A2; do cp "elsewhere/cloud/$(device_of "$slot").pem" rehearsal/cloud; done

look 1 --job core.cfg
healthy A1 A4
case "$(told A1 note)" in "unit unit-unknown"*) ;; *) fail "A1: $(told A1 note)" ;; esac
is_told A1 unit-unknown "not in the database: made elsewhere"
is_told A4 unit-known "PASS on *"
equal "A1: its key" "device-rsa device-key-unproven unit customer-data-hidden" "$(told A1 unknown)"
faulty A2 repairable device-key "cloud cloud-key-differs"
is_told A2 cloud-key-differs "it holds $(fingerprint_of_pem "rehearsal/cloud/$(device_of A2).pem"), not in our record; the unit *"
faulty A3 repairable device-key "cloud cloud-key-absent"
equal "found keys are nobody's attempt's" 0 "$(sql "SELECT count(*) FROM device_key WHERE device_id = '$(device_of A1)'")"
sound

# A1's key is good by the cloud, and stays: it was found, no attempt of ours made it. A3 gets a new one. Of A2 the cloud holds a
# key that nobody knows here.
own=$(key_on A1 core)
cp -r rehearsal/units/A2 aside
reprovision 1 core --yes
equal "A2" "reprovision cloud-conflict" "$(last A2 kind) $(last A2 reason)"
equal "A3: made" "$(last A3 id)" "$(sql "SELECT attempt_id FROM device_key WHERE fingerprint = '$(key_on A3 core)'")"
made_good core A1 A3 A4
equal "A1: its key" "$own" "$(key_on A1 core)"
equal "A1: found" "|enrolled" "$(sql "SELECT coalesce(attempt_id, ''), state FROM device_key WHERE fingerprint = '$own'")"
diff -r aside rehearsal/units/A2 || fail "A2 was written"
equal "A1: passages" "1|diagnose
2|reprovision
3|verify" "$(sql "SELECT passage, kind FROM attempt WHERE device_id = '$(device_of A1)' ORDER BY passage")"
look 1 --job core.cfg
healthy A1 A3 A4
is_told A1 unit-known "PASS on * with job core-tinker; *"
sound

# Its system parts are invalid, so that nobody sees the key that the cloud may hold rightly: nothing is changed. Parts first, by
# a job without keys, and then the key is seen to be the cloud's, and stays.
policy photon 'backup = false; device_key = "keep-valid";'
sed '/^\t\(device_key\|server_key\|enrol\) /d' photon.cfg >parts.cfg
come_back photon parts
rm -rf elsewhere
mv rehearsal elsewhere
come_back photon - --seed 7
rm -r rehearsal/units/A1
cp -r elsewhere/units/A1 rehearsal/units
cp "elsewhere/cloud/$(device_of A1).pem" rehearsal/cloud
own=$(fingerprint_of_pem "rehearsal/cloud/$(device_of A1).pem")
untouched reprovision 1 photon --yes --json
equal "a key that is hidden" "reprovision|REFUSED|key-hidden" "$(ended A1)"
reprovision 0 parts --yes
equal "parts first" "reprovision|PASS|" "$(ended A1)"
equal "its key is still its own" "$own" "$(key_on A1 photon)"
reprovision 0 photon --yes
made_good photon A1
equal "its key stays" "$own" "$(key_on A1 photon)"
equal "its key was found" "|enrolled" "$(sql "SELECT coalesce(attempt_id, ''), state FROM device_key WHERE fingerprint = '$own'")"
sound
