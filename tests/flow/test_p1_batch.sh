#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A batch of P1: every unit ends PASS, also one whose old bootloader does not show the serial flash, which only fails, and
# untouched, where the job writes there. Images of the Photon are refused, and the reverse.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
units=4 # slot A4 has the oldest one

# Fresh units, identified but refused before a byte is changed, are the picture of before.
job p1
sed -e '/system-part/d' -e 's|after  |limits : { stop_after_failures = 0; }; after|' p1.cfg >needs-newer.cfg
expect 1 "$STATION" rehearse needs-newer.cfg --units "$units" --state rehearsal
equal "refused units" "$units" "$(sql "SELECT count(*) FROM attempt WHERE reason = 'dependency'")"
cp -r rehearsal/units before

# made SLOT: the unit holds the job's images and keys, and else nothing changed but what it writes itself
made() {
	local slot=$1 flash=rehearsal/units/$1/alt0.bin dct=rehearsal/units/$1/alt1.bin size
	image_at "$flash" 0 "$images/p1-bootloader.bin"
	image_at "$flash" $((0x20000)) "$images/p1-system-part1.bin"
	image_at "$flash" $((0x60000)) "$images/p1-system-part2.bin"
	image_at "$flash" $((0xa0000)) "$images/p1-user.bin"
	image_at "$flash" $((0xe0000)) "$images/p1-factory.bin"
	size=$(stat -c %s "$images/p1-user.bin")
	erased "$flash" $((0xa0000 + size)) $((0x20000 - size))
	# Sector 0, the DCT's two copies, everything from the parts on; not the EEPROM, not the rest of the ota region.
	same_but "before/$slot/alt0.bin" "$flash" 0:$((0xc000)) $((0x20000)):$((0xe0000))
	same_but "before/$slot/alt1.bin" "$dct" 0:32 34:612 1250:384 1753:1 1826:32 2082:512 2852:100 3618:12 8391:7993
	equal "$slot: flag of a staged bootloader" 255 "$(bytes "$dct" 1753 1 | od -An -tu1 | xargs)"
	agree "$slot" alt1.bin 34
	image_at "$dct" 2082 "$SOURCE/jobs/cloud-rsa.pub.der"
}

expect 0 "$STATION" rehearse p1.cfg --units "$units" --state rehearsal
sound
equal PASS "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
for i in $(seq "$units"); do
	made "A$i"
	cmp "before/A$i/alt2.bin" "rehearsal/units/A$i/alt2.bin" || fail "A$i: serial flash changed"
done

# The same with something in the serial flash. Slot A4 has bootloader 0.6.0.
rm -rf rehearsal
head -c 10000 "$images/p1-user.bin" >data.bin
sed -e "s|// , { region = \"serial-flash\"; file = \"$SOURCE/jobs/data.bin\"; }|, { region = \"serial-flash\"; file = \"data.bin\"; }|" \
	p1.cfg >serial.cfg
grep -q '^[[:space:]]*, { region = "serial-flash"' serial.cfg || fail "the job has no serial flash"
expect 1 "$STATION" rehearse serial.cfg --units "$units" --state rehearsal
sound
equal "units without that memory" "A4 FAIL layout-differs" \
	"$(sql "SELECT slot || ' ' || outcome || ' ' || reason FROM attempt WHERE outcome <> 'PASS'")"
equal PASS $((units - 1)) "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
for i in $(seq $((units - 1))); do
	made "A$i"
	flash=rehearsal/units/A$i/alt2.bin
	image_at "$flash" 0 data.bin
	erased "$flash" 10000 $((3 * 4096 - 10000))
	same_but "before/A$i/alt2.bin" "$flash" 0:$((3 * 4096))
done
for alt in 0 1 2; do
	cmp "before/A4/alt$alt.bin" "rehearsal/units/A4/alt$alt.bin" || fail "A4 was touched"
done

# The addresses are the same, so only the platform id can tell.
sed -e 's|images/p1-user|images/photon-user|' p1.cfg >wrong.cfg
expect 2 "$STATION" check wrong.cfg
grep -q 'is for platform 6, family p1 is platform 8' err || fail "a Photon's image: $(cat err)"
job photon
sed -e 's|images/photon-user|images/p1-user|' photon.cfg >wrong.cfg
expect 2 "$STATION" check wrong.cfg
grep -q 'is for platform 8, family photon is platform 6' err || fail "a P1's image: $(cat err)"
