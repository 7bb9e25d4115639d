#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F02: the private key on the unit is not the one whose public half was enrolled.
. "$(dirname "$0")/returns.sh"
come_back core F02,-
look 1 --job core.cfg
faulty A1 repairable device-key "device-rsa device-key-mismatch cloud cloud-key-differs"
is_told A1 device-key-mismatch "it holds $(fingerprint_of_slot rehearsal/units/A1/alt1.bin $((0x2000))), enrolled is \
$(fingerprint_of_pem "rehearsal/cloud/$(device_of A1).pem")"
healthy A2
sound
