#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F20: option bytes were changed, such as the brown-out level. They are recorded of every unit; a value that the job requires
# and the unit does not have is named, and so is memory that is protected. The station does not write them: another tool does.
. "$(dirname "$0")/reprovision.sh"
policy stm32-custom 'backup = false;'
come_back stm32-custom F20,-,-,-
sed 's|after  |require = ( { option = "bor-level"; value = 3; } ); after |' stm32-custom.cfg >required.cfg
grep -q require required.cfg || fail "the job requires nothing"

# saw SLOT NAME: what the last look kept
saw() {
	sql "SELECT value FROM observation WHERE attempt_id = '$(told "$1" attempt_id)' AND name = '$2'"
}

# Nobody requires anything: recorded, and no fault.
look 0 --slot A1
equal "A1: faults" "" "$(told A1 fault)"
equal "A1: bor-level" "0x0" "$(saw A1 option:bor-level)"
equal "A1: bytes" "e3aa1055ffffffffffffffffffffffff" "$(saw A1 option-bytes)"
is_told A1 option-bytes "e3aa1055ffffffffffffffffffffffff: bor-level 0x0, user 0xe3, rdp 0xaa, nwrp 0xfff"

printf '\337' | dd of=rehearsal/units/A3/alt1.bin bs=1 seek=8 conv=notrunc status=none # sector 5: of the user region
printf '\125' | dd of=rehearsal/units/A4/alt1.bin bs=1 seek=1 conv=notrunc status=none # read protection, level 1
look 1 --job required.cfg
faulty A1 needs-swd "" "option-bytes option-bytes-wrong"
is_told A1 option-bytes-wrong "option bor-level is 0x0, the job requires 0x3"
equal "A2: faults" "" "$(told A2 fault)"
equal "A2: bor-level" "0x3" "$(saw A2 option:bor-level)"
faulty A3 needs-swd "" "option-bytes write-protected"
is_told A3 write-protected "alt 0: the sector at 0x08020000 is write-protected, and an image is to be written there"
equal "A4: verdict" unreadable "$(told A4 verdict)"
is_told A4 read-protected "the option bytes: * errVENDOR*"
equal "A4: kept" "the unit refuses to show its option bytes" "$(saw A4 read-protection)"
sound

# They are set aside, each by its reason, and not a byte of them is written.
cp -r rehearsal/units aside
reprovision 1 required --yes
equal "A1" "option-bytes" "$(last A1 reason)"
equal "A2" "reprovision|PASS|" "$(ended A2)"
agree A2 alt0.bin $((0x8000))
equal "A3" "write-protected" "$(last A3 reason)"
equal "A4" "read-protected" "$(last A4 reason)"
equal "PASS" 1 "$(sql "SELECT count(*) FROM attempt WHERE kind = 'reprovision' AND outcome = 'PASS'")"
for slot in A1 A3 A4; do diff -r aside/$slot rehearsal/units/$slot || fail "$slot was written"; done
sound

# Others do not show theirs.
expect 2 "$STATION" rehearse "$SOURCE/jobs/core.cfg" --units 1 --condition F20 --state elsewhere
grep -q "cannot be in condition F20: its option bytes cannot be read" err || fail "it is refused as: $(cat err)"
