#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F06: the factory image is damaged, which nobody sees until a failed update falls back to it.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false; device_key = "keep-valid";'
come_back core F06,-
look 1 --job core.cfg
faulty A1 repairable images "factory image-damaged"
is_told A1 image-damaged "16 bytes differ from core-factory.bin, first at 0x00021000; version *"
healthy A2
look 1
faulty A1 repairable images "factory image-damaged"
sound

# Nothing but the sector that is damaged is written again (and, by the unit itself, its flags).
cp -r rehearsal/units aside
reprovision 0 core --yes
made_good core A1 A2
image_at rehearsal/units/A1/alt1.bin $((0x20000)) "$SOURCE/jobs/images/core-factory.bin"
same_but aside/A1/alt1.bin rehearsal/units/A1/alt1.bin $((0x21000)):$((0x1000))
same_but aside/A1/alt0.bin rehearsal/units/A1/alt0.bin $((0x4c00)):$((0x400))
look 0 --job core.cfg
healthy A1 A2
sound
