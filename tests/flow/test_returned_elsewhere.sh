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
