#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A bootloader goes by way of the ota region, is put in its place by the unit's firmware, and is there, judged by cmp. A
# unit whose firmware cannot do that is not touched, and one that has it already is left alone if the job says so.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
units=4 # slot A4 has the oldest one
boot="{ region = \"bootloader\"; file = \"$images/photon-bootloader.bin\"; }"

# Nothing but the bootloader: the system parts on the units have to take it. Those of slot A4 are of device-os 1.0.0.
echo "job : { name = \"boot\"; family = \"photon\"; images = ( $boot ); };" >boot.cfg
expect 0 "$STATION" check boot.cfg
grep -q 'bootloader .*waits at 0x080c0000 (ota)' out || fail "check does not say that it is staged"
expect 1 "$STATION" rehearse boot.cfg --units "$units" --state rehearsal
sound
equal "units that cannot take it" "A4 FAIL dependency" \
	"$(sql "SELECT slot || ' ' || outcome || ' ' || reason FROM attempt WHERE outcome <> 'PASS'")"
for i in $(seq $((units - 1))); do
	flash=rehearsal/units/A$i/alt0.bin
	image_at "$flash" 0 "$images/photon-bootloader.bin"
	equal "A$i: flag" 255 "$(bytes "rehearsal/units/A$i/alt1.bin" 1753 1 | od -An -tu1 | xargs)"
done
cp rehearsal/units/A4/alt0.bin a4.bin
rm -rf rehearsal

# The picture of before: refused, because the application needs newer parts.
job photon -e "s|images = (|images = ( $boot,|"
sed -e '/system-part/d' -e 's|after  |limits : { stop_after_failures = 0; }; after|' photon.cfg >needs-newer.cfg
expect 1 "$STATION" rehearse needs-newer.cfg --units "$units" --state rehearsal
cp -r rehearsal/units before
cmp a4.bin before/A4/alt0.bin || fail "A4 was touched although it cannot take the bootloader"

# With the parts in the job every unit takes it.
expect 0 "$STATION" rehearse photon.cfg --units "$units" --state rehearsal
sound
equal PASS "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
equal "order of the steps" "write-parts stage-bootloader leave-staged reenter-staged bootloader device-key write-images readback" \
	"$(sql "SELECT group_concat(name, ' ') FROM (SELECT name FROM step WHERE attempt_id = (SELECT id FROM attempt
		WHERE slot = 'A1' AND outcome = 'PASS') AND name IN ('write-parts', 'stage-bootloader', 'leave-staged',
		'reenter-staged', 'bootloader', 'device-key', 'write-images', 'readback') ORDER BY seq)")"
for i in $(seq "$units"); do
	flash=rehearsal/units/A$i/alt0.bin
	image_at "$flash" 0 "$images/photon-bootloader.bin"
	image_at "$flash" $((0x20000)) "$images/photon-system-part1.bin"
	image_at "$flash" $((0x60000)) "$images/photon-system-part2.bin"
	image_at "$flash" $((0xa0000)) "$images/photon-user.bin"
	image_at "$flash" $((0xe0000)) "$images/photon-factory.bin"
	same_but "before/A$i/alt0.bin" "$flash" 0:$((0xc000)) $((0x20000)):$((0xe0000))
	equal "A$i: flag" 255 "$(bytes "rehearsal/units/A$i/alt1.bin" 1753 1 | od -An -tu1 | xargs)"
	agree "A$i" alt1.bin 34
done

# Another host makes another product; what is there already stays, and is read back all the same.
cp -r rehearsal/units made
sed -e 's|device.example.com|other.example.com|' -e 's|after  |write = "changed"; after|' photon.cfg >changed.cfg
expect 0 "$STATION" rehearse changed.cfg --units "$units" --state rehearsal --rework
sound
equal PASS $((2 * units)) "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
equal "staged twice" 0 "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id
	WHERE s.name = 'leave-staged' AND a.passage > 2")"
equal "read back" "$units" "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id
	WHERE s.name = 'bootloader' AND s.outcome = 'PASS' AND a.passage > 2")"
for i in $(seq "$units"); do
	same_but "made/A$i/alt0.bin" "rehearsal/units/A$i/alt0.bin" $((0x4000)):$((0x8000)) $((0x20000)):$((0xa0000)) \
		$((0xe0000)):$((0x20000))
	agree "A$i" alt1.bin 34
done

# Where no firmware would take it, only SWD is left.
job core -e "s|images = (|images = ( { region = \"bootloader\"; file = \"$images/photon-bootloader.bin\"; },|"
expect 2 "$STATION" check core.cfg
grep -q SWD err || fail "the Core's bootloader: $(cat err)"
