#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F05: the external flash was replaced, and all that lived in it is gone: server key and address, private key, factory image.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false;'
come_back core F05,-
erased rehearsal/units/A1/alt1.bin 0 $((2 << 20))
look 1 --job core.cfg
faulty A1 repairable "images device-key server-key" \
	"factory image-blank device-rsa device-key-missing server-rsa server-key-missing"
equal "the application is as it was" "unit unit-known user image-same" "$(told A1 good)"
healthy A2
sound

# All that lived there is back, and it has a new key.
old=$(fingerprint_of_pem "rehearsal/cloud/$(device_of A1).pem")
reprovision 0 core --yes
made_good core A1 A2
image_at rehearsal/units/A1/alt1.bin $((0x20000)) "$SOURCE/jobs/images/core-factory.bin"
equal "the key that is lost" superseded "$(key_state "$old")"
equal "host" device.example.com "$(bytes rehearsal/units/A1/alt1.bin $((0x1182)) 18)"
look 0 --job core.cfg
healthy A1 A2
sound
