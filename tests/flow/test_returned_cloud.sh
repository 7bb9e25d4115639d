#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A cloud that cannot say which key it holds is told as such; it makes no unit a bad one, and hides no other fault.
. "$(dirname "$0")/returns.sh"
come_back photon -,F09,-
for slot in A1 A2; do echo rubbish >"rehearsal/cloud/$(device_of "$slot").pem"; done
look 1 --job photon.cfg
healthy A1 A3
equal "A1: what could not be told" "cloud cloud-not-asked unit customer-data-hidden" "$(told A1 unknown)"
is_told A1 cloud-not-asked "*500*"
faulty A2 repairable server-key "server-rsa server-key-missing"
equal "A3: what could not be told" "unit customer-data-hidden" "$(told A3 unknown)"
sound
