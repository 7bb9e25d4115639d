#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F17: a Photon's application on a P1, whose images differ in nothing but the platform in their header.
. "$(dirname "$0")/reprovision.sh"
policy p1 'backup = false;'
come_back p1 F17,-
look 1 --job p1.cfg
faulty A1 repairable images "user image-other-family"
is_told A1 image-other-family "version * is for platform 6; the unit is platform 8"
healthy A2
sound

reprovision 0 p1 --yes
made_good p1 A1 A2
look 0 --job p1.cfg
healthy A1 A2
sound
