#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F18: bytes of the bootloader are not what they were. DFU does not reach them: a job that brings a bootloader lets the unit's
# own firmware put it there; without one, only a debug probe mends it. (The system part wants one in a good version, too.)
. "$(dirname "$0")/reprovision.sh"
policy p1 'backup = false;'
come_back p1 -,-
sed '/region = "bootloader"/d' p1.cfg >without.cfg
expect 0 "$STATION" rehearse without.cfg --units 2 --rework --state rehearsal --condition F18,-
look 1 --job without.cfg
faulty A1 needs-swd images "bootloader bootloader-damaged system-part2 dependency"
healthy A2
look 1 # by the job that it left with, which brought none
faulty A1 needs-swd images "bootloader bootloader-damaged system-part2 dependency"
look 1 --job p1.cfg
faulty A1 repairable images "bootloader image-damaged system-part2 dependency"
is_told A1 image-damaged "16 bytes differ from p1-bootloader.bin, first at 0x08001000; version *"
sound

# By the job without one it is set aside as it is; the other one lets the unit's firmware put it in its place.
cp -r rehearsal/units/A1 aside
reprovision 1 without --yes
equal "set aside" "reprovision|REFUSED|needs-swd" "$(ended A1)"
diff -r aside rehearsal/units/A1 || fail "A1 was written"
equal "A2" "reprovision|PASS|" "$(ended A2)"
reprovision 0 p1 --yes
made_good p1 A1 A2
image_at rehearsal/units/A1/alt0.bin 0 "$SOURCE/jobs/images/p1-bootloader.bin"
look 0 --job p1.cfg
healthy A1 A2
sound

# A job that brought one is known by what it left the unit with.
come_back p1 F18,-
look 1
faulty A1 repairable images "bootloader image-damaged system-part2 dependency"
sound

# A Core's has no sums, so nobody could tell.
expect 2 "$STATION" rehearse "$SOURCE/jobs/core.cfg" --units 1 --condition F18 --state elsewhere
grep -q "cannot be in condition F18: its bootloader has no sums" err || fail "it is refused as: $(cat err)"

# One that DFU does not reach at all is told as that, and the one beside it is looked at all the same.
come_back p1 F18:silent,-
look 1 --job p1.cfg
equal "silent: faults" "unit unreadable" "$(told A1 fault)"
equal "silent: verdict" unreadable "$(told A1 verdict)"
healthy A2
equal "silent: in the record" "FAIL|usb-timeout|unreadable|fault" "$(sql "SELECT a.outcome, a.reason, f.reason, f.state
	FROM attempt a JOIN finding f ON f.attempt_id = a.id WHERE a.id = '$(told A1 attempt_id)'")"
sound
reprovision 1 p1 --yes
equal "silent: set aside" "reprovision|FAIL|usb-timeout" "$(ended A1)"
made_good p1 A2
sound
