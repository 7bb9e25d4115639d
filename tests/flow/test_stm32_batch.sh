#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# STM32s by their ROM: a custom product with a P-256 key in internal flash, which is a profile and a job and no C; and a program
# without keys, where the slot is enough. Every unit ends PASS, and unit, database and cloud agree, judged by openssl and cmp.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
units=${UNITS:-4}
user=$images/stm32-custom-user.bin
loader=$images/stm32-custom-loader.bin

# Units with another brown-out level than a job requires are refused before a byte is changed.
job stm32-custom -e 's|after  |limits : { stop_after_failures = 0; attempts_per_unit = 9; }; after |'
sed -e 's|after *= |require = ( { option = "bor-level"; value = 0; } ); after = |' stm32-custom.cfg >other-level.cfg
expect 1 "$STATION" rehearse other-level.cfg --units "$units" --state rehearsal
equal "another brown-out level" "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'FAIL' AND reason = 'option-bytes'
	AND detail LIKE '%option bor-level is 0x3, the job requires 0x0%'")"
for i in $(seq "$units"); do
	flash=rehearsal/units/A$i/alt0.bin
	erased "$flash" 0 $((0x100000))
	head -c $((0x4000)) /dev/urandom | dd of="$flash" bs=4k seek=8 conv=notrunc status=none
	head -c $((0x4000)) /dev/urandom | dd of="$flash" bs=4k seek=12 conv=notrunc status=none
done
cp -r rehearsal/units before

# A chip with other sectors than the profile says is found out.
mkdir families
sed -e 's|07\*128Kg|06*128Kg|' -e 's|size = 0xf0000|size = 0xd0000|' "$SOURCE/config/families/stm32-custom.cfg" >families/stm32-custom.cfg
expect 1 "$STATION" rehearse stm32-custom.cfg --units "$units" --state rehearsal
equal "another chip" "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'FAIL' AND reason = 'layout-differs'")"
rm -r families

# The product.
expect 0 "$STATION" rehearse stm32-custom.cfg --units "$units" --state rehearsal
sound
equal PASS "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
equal "ids from the labels" "$units" "$(sql "SELECT count(DISTINCT value) FROM attempt_identity i JOIN attempt a ON a.id = i.attempt_id
	WHERE a.outcome = 'PASS' AND i.kind = 'scan' AND i.value = a.device_id AND a.device_id_source = 'scan'")"
equal "a serial of several units" STM32FxSTM32 "$(sql "SELECT value FROM attempt_identity WHERE kind = 'usb-serial'
	AND value NOT GLOB '[0-9A-F]*' GROUP BY value HAVING count(DISTINCT attempt_id) > 1")"
equal "distinct keys" "$units" "$(sql "SELECT count(DISTINCT fingerprint) FROM device_key WHERE algorithm = 'p-256' AND state = 'enrolled'")"
for i in $(seq "$units"); do
	slot=A$i
	flash=rehearsal/units/$slot/alt0.bin
	image_at "$flash" 0 "$loader"
	image_at "$flash" $((0x10000)) "$user"
	size=$(stat -c %s "$user")
	erased "$flash" $((0x10000 + size)) $((0x60000 - 0x10000 - size))
	agree "$slot" alt0.bin $((0x8000))
	image_at "$flash" $((0x8400)) "$SOURCE/jobs/cloud-p256.pub.der"
	equal "$slot: server address" "device.example.com" "$(bytes "$flash" $((0x8400 + 192 + 2)) 18)"
	# Beside the images nothing but the two key slots has changed.
	same_but "before/$slot/alt0.bin" "$flash" 0:$((0x8000)) $((0x8000)):192 $((0x8400)):320 $((0x10000)):$((0x50000))
	for alt in 1 2 3; do
		cmp "before/$slot/alt$alt.bin" "rehearsal/units/$slot/alt$alt.bin" || fail "$slot: alt $alt was written"
	done
	attempt=$(sql "SELECT id FROM attempt WHERE slot = '$slot' AND outcome = 'PASS'")
	equal "$slot: option bytes" "$(od -An -v -tx1 "rehearsal/units/$slot/alt1.bin" | tr -d ' \n')" \
		"$(sql "SELECT value FROM observation WHERE attempt_id = '$attempt' AND name = 'option-bytes'")"
	equal "$slot: what they say" "level 0|none|0x3" "$(sql "SELECT group_concat(value, '|') FROM (SELECT value FROM observation
		WHERE attempt_id = '$attempt' AND name IN ('read-protection', 'write-protected', 'option:bor-level')
		ORDER BY name = 'option:bor-level', name)")"
done
expect 0 "$STATION" rehearse stm32-custom.cfg --units "$units" --state rehearsal
equal "made already" "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'SKIPPED'")"
mv rehearsal custom

# Without keys the slot may be enough: the record has no device id, and says so.
job stm32-rom
expect 0 "$STATION" rehearse stm32-rom.cfg --units "$units" --state rehearsal
sound
equal "PASS without an id" "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS' AND device_id IS NULL AND passage IS NULL")"
for i in $(seq "$units"); do
	image_at "rehearsal/units/A$i/alt0.bin" 0 "$images/stm32-user.bin"
done
sed -e '/slot_is_enough = /d' stm32-rom.cfg >with-id.cfg
expect 0 "$STATION" rehearse with-id.cfg --units "$units" --state rehearsal
equal "PASS with scanned ids" "$units" "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"

# Keys need an id: refused before anything is touched.
sed -e 's|after *= |slot_is_enough = true; after = |' stm32-custom.cfg >no-id.cfg
expect 2 "$STATION" check no-id.cfg --config "$SOURCE/config/station.cfg"
grep -q 'slot_is_enough: enrol needs a device id for each unit' err || fail "no reason: $(cat err)"
