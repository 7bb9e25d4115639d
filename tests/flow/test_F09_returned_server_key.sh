#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F09: the cloud's public key is missing, or it is another one.
. "$(dirname "$0")/reprovision.sh"
policy photon 'backup = false; device_key = "keep-valid";'
come_back photon F09,F09:wrong,-
look 1 --job photon.cfg
faulty A1 repairable server-key "server-rsa server-key-missing"
faulty A2 repairable server-key "server-rsa server-key-wrong"
healthy A3
sound

# The server key and its address; the unit's own key is good, and stays.
before=$(key_on A1 photon)
reprovision 0 photon --yes
equal "A2: decided" "images changed, device key kept, server key new" "$(observed A2 decision)"
equal "A3: decided" "images changed, device key kept, server key kept" "$(observed A3 decision)"
made_good photon A1 A2 A3
for slot in A1 A2 A3; do
	image_at rehearsal/units/$slot/alt1.bin 2082 "$SOURCE/jobs/cloud-rsa.pub.der"
	equal "$slot: host" device.example.com "$(bytes rehearsal/units/$slot/alt1.bin $((2082 + 386)) 18)"
done
equal "the key stays" "$before" "$(key_on A1 photon)"
look 0 --job photon.cfg
healthy A1 A2 A3
sound
