#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F05: the external flash was replaced, and all that lived in it is gone: server key and address, private key, factory image.
. "$(dirname "$0")/returns.sh"
come_back core F05,-
erased rehearsal/units/A1/alt1.bin 0 $((2 << 20))
look 1 --job core.cfg
faulty A1 repairable "images device-key server-key" \
	"factory image-blank device-rsa device-key-missing server-rsa server-key-missing"
equal "the application is as it was" "unit unit-known user image-same" "$(told A1 good)"
healthy A2
sound
