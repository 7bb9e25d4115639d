#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F19: a blank board: nothing but its bootloader. Without system parts the record memory cannot be read, so nothing is told of
# its keys.
. "$(dirname "$0")/returns.sh"
come_back p1 F19,-
look 1 --job p1.cfg
faulty A1 repairable images "system-part1 image-blank system-part2 image-blank user image-blank factory image-blank \
device-rsa system-parts-invalid"
healthy A2
sound
