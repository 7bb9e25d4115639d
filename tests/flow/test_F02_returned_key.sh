#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F02: the private key on the unit is not the one whose public half was enrolled.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false;'
come_back core F02,-
look 1 --job core.cfg
faulty A1 repairable device-key "device-rsa device-key-mismatch cloud cloud-key-differs"
is_told A1 device-key-mismatch "it holds $(fingerprint_of_slot rehearsal/units/A1/alt1.bin $((0x2000))), enrolled is \
$(fingerprint_of_pem "rehearsal/cloud/$(device_of A1).pem")"
healthy A2
sound

# A new key, which the unit, the record and the cloud agree about.
stranger=$(key_on A1 core)
enrolled=$(fingerprint_of_pem "rehearsal/cloud/$(device_of A1).pem")
reprovision 0 core --yes
equal "found" "device-rsa device-key-mismatch cloud cloud-key-differs" "$(found A1)"
made_good core A1 A2
case "$(key_on A1 core)" in "$stranger" | "$enrolled") fail "A1 has an old key" ;; esac
equal "the key that was enrolled" superseded "$(key_state "$enrolled")"
look 0 --job core.cfg
healthy A1 A2
sound
