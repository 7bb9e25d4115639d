#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F08: an image that was written from a file of the wrong length lacks its end. Nobody has to know how long it is to find that.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false;'
image=$SOURCE/jobs/images/core-user.bin
size=$(stat -c %s "$image")
come_back core F08,-
look 1 --job core.cfg
faulty A1 repairable images "user image-damaged"
cmp <(bytes rehearsal/units/A1/alt0.bin $((0x5000)) "$size") "$image" >differs || true
first=$(sed -E 's/.*byte ([0-9]+).*/\1/' differs)
is_told A1 image-damaged "* bytes differ from core-user.bin, first at $(printf '0x%08x' $((0x08005000 + first - 1))); version *"
[ "$first" -gt $((size - 400)) ] || fail "it is cut at $first of $size"
healthy A2
# Without the job: the header says how long it is, and its sums are not there.
look 1
faulty A1 repairable images "user image-damaged"
sound

reprovision 0 core --yes
made_good core A1 A2
look 0 --job core.cfg
healthy A1 A2
sound
