#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A batch of Photons: every unit ends PASS, and its memory, the database and the cloud agree, judged by cmp, openssl and
# sqlite3. Nothing outside the plan and the ranges that the unit writes itself has changed.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
units=${UNITS:-8}

# Fresh units, identified but refused before a byte is changed, are the picture of before.
job photon
sed -e '/system-part/d' -e 's|after  |limits : { stop_after_failures = 0; }; after|' photon.cfg >needs-newer.cfg
expect 1 "$STATION" rehearse needs-newer.cfg --units "$units" --state rehearsal
equal "refused units" "$units" "$(sql "SELECT count(*) FROM attempt WHERE reason = 'dependency'")"
cp -r rehearsal/units before

expect 0 "$STATION" rehearse photon.cfg --units "$units" --state rehearsal
sound
equal PASS "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
equal "distinct units" "$units" "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
equal "distinct keys" "$units" "$(ls rehearsal/cloud/*.pem | while read -r f; do fingerprint_of_pem "$f"; done | sort -u | wc -l)"

server=$SOURCE/jobs/cloud-rsa.pub.der
for i in $(seq "$units"); do
	slot=A$i
	flash=rehearsal/units/$slot/alt0.bin
	dct=rehearsal/units/$slot/alt1.bin
	image_at "$flash" $((0x20000)) "$images/photon-system-part1.bin"
	image_at "$flash" $((0x60000)) "$images/photon-system-part2.bin"
	image_at "$flash" $((0xa0000)) "$images/photon-user.bin"
	image_at "$flash" $((0xe0000)) "$images/photon-factory.bin"
	size=$(stat -c %s "$images/photon-user.bin")
	erased "$flash" $((0xa0000 + size)) $((0x20000 - size))
	# Sectors 1 and 2 are the two copies of the DCT.
	same_but "before/$slot/alt0.bin" "$flash" $((0x4000)):$((0x8000)) $((0x20000)):$((0xa0000)) $((0xe0000)):$((0x20000))
	# The DCT ends at 8391; what alternate setting 1 shows behind it is whatever sector follows the current copy.
	same_but "before/$slot/alt1.bin" "$dct" 0:32 34:612 1250:384 1753:1 1826:32 2082:512 2852:100 3618:12 8391:7993
	agree "$slot" alt1.bin 34
	image_at "$dct" 2082 "$server"
	erased "$dct" $((2082 + 294)) $((384 - 294))
	equal "$slot: server address" "device.example.com" "$(bytes "$dct" $((2082 + 384 + 2)) 18)"
	equal "$slot: address type, length" "1 18" "$(bytes "$dct" $((2082 + 384)) 2 | od -An -tu1 | xargs)"
	equal "$slot: port" "22 51" "$(bytes "$dct" $((2082 + 384 + 66)) 2 | od -An -tu1 | xargs)"
done
