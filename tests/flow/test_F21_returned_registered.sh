#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F21: the cloud has the unit already: with its own key, which is how it should be; with one that our record knows for it; with
# one that nobody knows; and a unit that the cloud does not have at all.
. "$(dirname "$0")/reprovision.sh"
policy p1 'backup = false;'
come_back p1 -,-,-,-
old=$(device_of A2)
cp "rehearsal/cloud/$old.pem" old.pem
# The same units are made again, with new keys; then the cloud goes back to the old key of one of them.
sed -i 's|host = "device|host = "other|' p1.cfg
expect 0 "$STATION" rehearse p1.cfg --units 4 --rework --state rehearsal --condition -,-,F21,F21:none
cp old.pem "rehearsal/cloud/$old.pem"
on_unit=$(fingerprint_of_slot rehearsal/units/A2/alt1.bin 34)

look 1 --job p1.cfg
healthy A1
case "$(told A1 good)" in *"device-key-enrolled cloud cloud-key-same"*) ;; *) fail "A1: $(told A1 good)" ;; esac
faulty A2 repairable device-key "cloud cloud-key-differs"
is_told A2 cloud-key-differs "it holds $(fingerprint_of_pem old.pem), \"superseded\" in our record; the unit $on_unit"
faulty A3 repairable device-key "cloud cloud-key-differs"
is_told A3 cloud-key-differs "it holds $(fingerprint_of_pem "rehearsal/cloud/$(device_of A3).pem"), not in our record; the unit *"
faulty A4 repairable device-key "cloud cloud-key-absent"
sound

# A key that our record knows is replaced, and one that is not there is put there; of one that nobody knows a person decides,
# and neither the unit nor the cloud changes.
cp -r rehearsal/units/A3 aside
cp "rehearsal/cloud/$(device_of A3).pem" stranger.pem
reprovision 1 p1 --yes
equal "A3" "reprovision cloud-conflict" "$(last A3 kind) $(last A3 reason)"
made_good p1 A1 A2 A4
diff -r aside rehearsal/units/A3 || fail "A3 was written"
cmp stranger.pem "rehearsal/cloud/$(device_of A3).pem" || fail "the cloud has another key of A3"
look 1 --job p1.cfg
healthy A1 A2 A4
sound
