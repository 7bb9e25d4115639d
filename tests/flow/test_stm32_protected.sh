#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# STM32s that are protected, and other trouble of units that cannot say who they are: each ends by its own name before
# anything is written, or is found by reading back; none is PASS.
. "$(dirname "$0")/lib.sh"
job stm32-custom -e 's|after  |limits : { stop_after_failures = 0; attempts_per_unit = 9; retries = 1; }; after |'
sed -e 's|after *= |require = ( { option = "bor-level"; value = 0; } ); after = |' stm32-custom.cfg >never.cfg
expect 1 "$STATION" rehearse never.cfg --units 6 --state rehearsal

# option SLOT OFFSET BYTES: of the unit in the slot
option() {
	printf '%b' "$3" | dd of="rehearsal/units/$1/alt1.bin" bs=1 seek="$2" conv=notrunc status=none
}
option A1 1 '\x55'     # read protection, level 1
option A2 8 '\xdf'     # sector 5 is write-protected: of the user region
option A3 8 '\xfb'     # sector 2: the keys
option A4 9 '\xf7'     # sector 11: nothing is written there
cat >faults.cfg <<-END
	faults : { list = (
		{ slot = "A5"; kind = "lost-write"; alt = 0; address = 0x08020000; size = 1; },
		{ slot = "A6"; kind = "unplug"; at_transfer = 300; back_after_ms = 200; button = true; }
	); };
END
cp -r rehearsal/units before
expect 1 "$STATION" rehearse stm32-custom.cfg --units 6 --state rehearsal --faults faults.cfg
sound

# is SLOT OUTCOME REASON DETAIL: its latest attempt
is() {
	equal "$1" "$2 $3" "$(sql "SELECT outcome || ' ' || coalesce(reason, '-') FROM attempt WHERE slot = '$1' ORDER BY started_at DESC LIMIT 1")"
	sql "SELECT detail FROM attempt WHERE slot = '$1' ORDER BY started_at DESC LIMIT 1" | grep -- "$4" >/dev/null ||
		fail "$1: $(sql "SELECT detail FROM attempt WHERE slot = '$1' ORDER BY started_at DESC LIMIT 1")"
}
# saw SLOT NAME: what its latest attempt observed
saw() {
	sql "SELECT value FROM observation o JOIN attempt a ON a.id = o.attempt_id WHERE a.slot = '$1' AND o.name = '$2'
		ORDER BY a.started_at DESC LIMIT 1"
}
is A1 FAIL read-protected 'the option bytes: .*errVENDOR'
equal "A1 observed" "the unit refuses to show its option bytes" "$(saw A1 read-protection)"
is A2 FAIL write-protected 'the sector at 0x08020000 is write-protected, and an image'
equal "A2 observed" "0x08020000-0x0803ffff" "$(saw A2 write-protected)"
is A3 FAIL write-protected 'the sector at 0x08008000 is write-protected, and server-ec'
is A4 PASS - ''
equal "A4 observed" "0x080e0000-0x080fffff" "$(saw A4 write-protected)"
agree A4 alt0.bin $((0x8000))
is A5 FAIL flash-bad 'alt 0: 0x08020000: expected'
# Only its label says who it is: what comes back after it vanished may be another one.
is A6 FAIL usb-gone ''
for slot in A1 A2 A3; do
	cmp "before/$slot/alt0.bin" "rehearsal/units/$slot/alt0.bin" || fail "$slot was written"
done
equal "keys of the protected" 0 "$(sql "SELECT count(*) FROM device_key k JOIN attempt a ON a.id = k.attempt_id WHERE a.slot IN ('A1', 'A2', 'A3')")"

# Where the profile does not know the protection, the readback finds what the ROM keeps to itself.
mkdir families
sed -e 's|write_protection : .*||' "$SOURCE/config/families/stm32-custom.cfg" >families/stm32-custom.cfg
expect 1 "$STATION" rehearse stm32-custom.cfg --units 3 --state rehearsal
is A2 FAIL flash-bad 'alt 0: 0x08020000'
is A3 FAIL server-key-wrong 'alt 0: 0x08008400'

# Verify reads the same, and a protected unit is no PASS there either.
rm -r families
option A4 1 '\x00'
expect 1 "$STATION" rehearse stm32-custom.cfg --units 4 --state rehearsal --verify
is A4 FAIL read-protected errVENDOR

# A label on the wrong unit: the program says who it is when it runs. (That other unit may be taken up after it, and is
# refused: it has the first one's key.)
cat >faults.cfg <<-END
	faults : { list = ( { slot = "A1"; kind = "swapped"; at_enumeration = 2; } ); };
END
expect 1 "$STATION" rehearse stm32-custom.cfg --units 2 --state labels --faults faults.cfg
equal "the wrong label" "FAIL id-disagrees" "$(sqlite3 -readonly labels/station.db \
	"SELECT outcome || ' ' || reason FROM attempt WHERE slot = 'A1' ORDER BY started_at LIMIT 1")"
