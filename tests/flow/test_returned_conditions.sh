#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Units to practise with: those of an earlier rehearsal, an Electron and an STM32 where a condition makes sense, and what is
# refused where it does not.
. "$(dirname "$0")/returns.sh"

# Units of an earlier rehearsal; a second condition joins the first.
come_back core -,-,-
expect 0 "$STATION" rehearse core.cfg --units 3 --state rehearsal --condition -,F06
equal "they were passed over" "PASS SKIPPED" "$(sql "SELECT outcome FROM attempt WHERE slot = 'A2' ORDER BY passage" | xargs)"
expect 0 "$STATION" rehearse core.cfg --units 3 --state rehearsal --condition F03+F04,F09+F03:0x08006000,-
look 1 --job core.cfg
healthy A3
faulty A2 repairable "images server-key" "user image-damaged factory image-damaged server-rsa server-key-missing"
equal "A1: notes" "server-rsa flash-repeats" "$(told A1 note)"
equal "A1: what is wrong for good" "dead-cell small-flash" "$(sed -n 's/.*kind = "\([a-z-]*\)".*/\1/p' rehearsal/units/A1/faults.cfg | xargs)"

# An Electron has P-256 keys.
come_back electron F02,F06,F07,F08,F09,F09:wrong,F17,F19,claimed,-
look 1 --job electron.cfg
faulty A1 repairable device-key "device-ec device-key-mismatch cloud cloud-key-differs"
faulty A2 repairable images "factory image-damaged"
faulty A3 repairable images "user image-damaged"
faulty A4 repairable images "user image-damaged"
faulty A5 repairable server-key "server-ec server-key-missing"
faulty A6 repairable server-key "server-ec server-key-wrong"
faulty A7 repairable images "user image-other-family"
equal "A8: its key" "device-ec device-key-missing" "$(told A8 fault | grep -o 'device-ec device-key-missing')"
equal "A9" "claimed claimed claim-code customer-data eeprom1 customer-data" \
	"$(told A9 note | grep -o 'claimed claimed claim-code customer-data.*')"
healthy A10

# An STM32.
come_back stm32-custom F07,F03:0x08020100,F16,-
look 1 --job stm32-custom.cfg
healthy A3 A4
for slot in A1 A2; do case "$(told $slot fault)" in *" image-damaged") ;; *) fail "$slot: $(told $slot fault)" ;; esac; done

# Refused before anything is done, or, where only the unit's memory tells, when it is there.
refused() { # WHY JOB CONDITION
	rm -rf elsewhere
	expect 2 "$STATION" rehearse "$SOURCE/jobs/$2.cfg" --units 1 --state elsewhere --condition "$3"
	grep -q -- "$1" err || fail "$3 is refused as: $(cat err)"
}
refused "a virtual photon cannot be in condition F04: only a Core has an external flash" photon F04
refused "a virtual photon cannot be in condition F05" photon F05
refused "a virtual core cannot be in condition parts: it has no system parts" core parts
refused "a virtual stm32-rom cannot be in condition F02: where its product keeps keys" stm32-custom F02
refused "a virtual stm32-rom cannot be in condition F08" stm32-custom F08
[ ! -e elsewhere/units ] || fail "units were made for nothing"
refused "'F99' is no condition: F01, F02, F03, F03:ADDRESS, " core F99
refused "'F03:dead' is no condition" core F03:dead
refused "'F04:-1' is no condition" core F04:-1
refused "'F03:0x100000000' is no condition" core F03:0x100000000
refused "there are 2 conditions for 1 units" core F02,F02
refused "a unit is in 4 conditions at most" core F02+F05+F06+F07+F08
refused "A1: condition F03: a virtual core has no memory at 0x09000000" core F03:0x09000000
refused "A1: condition F04: 12288 bytes are no size of a smaller flash" core F04:0x3000
