#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F19: a blank board: nothing but its bootloader. Without system parts the record memory cannot be read, so nothing is told of
# its keys.
. "$(dirname "$0")/reprovision.sh"
policy p1 'backup = false;'
come_back p1 F19,-
look 1 --job p1.cfg
faulty A1 repairable images "system-part1 image-blank system-part2 image-blank user image-blank factory image-blank \
device-rsa system-parts-invalid"
healthy A2
sound

# Everything, and in the order that a blank board wants: parts, then bootloader and keys.
reprovision 0 p1 --yes
made_good p1 A1 A2
image_at rehearsal/units/A1/alt0.bin 0 "$SOURCE/jobs/images/p1-bootloader.bin"
image_at rehearsal/units/A1/alt0.bin $((0xe0000)) "$SOURCE/jobs/images/p1-factory.bin"
look 0 --job p1.cfg
healthy A1 A2
sound
