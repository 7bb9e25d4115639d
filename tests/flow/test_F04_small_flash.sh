#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F04: an external flash that is smaller than announced, so that addresses wrap. What a later write destroys is found by
# the readback at the end, whatever was verified before; a unit whose job needs no more than it has is PASS.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
head -c 12000 "$images/core-factory.bin" | tr '\000-\377' '\001-\377\000' >data.bin
job core
cp core.cfg small.cfg
sed -e "s|{ region = \"factory\"; .*}|&,\n\t\t{ region = \"spi-user\"; file = \"$PWD/data.bin\"; }|" small.cfg >spi-user.cfg
sed -e "s|{ region = \"factory\"; .*}|&,\n\t\t{ region = \"ota\"; file = \"$images/core-user.bin\"; }|" small.cfg >ota.cfg

flash() { # SIZE: A1 has so little, A2 is healthy
	echo "faults : { list = ( { slot = \"A1\"; kind = \"small-flash\"; size = $1; } ); };" >faults.cfg
}

# 512 KiB: what belongs at 0x80000 falls on the key sectors, after the keys were proven.
flash 0x80000
expect 1 "$STATION" rehearse spi-user.cfg --units 2 --faults faults.cfg --state rehearsal
sound
equal "512 KiB" "A1|FAIL|server-key-wrong|readback: server-rsa: alt 1: 0x00001000: expected 30
A2|PASS||" "$(sql "SELECT slot, outcome, coalesce(reason, ''), coalesce(substr(detail, 1, 52), '') FROM attempt ORDER BY slot")"
cmp -s <(bytes rehearsal/units/A1/alt1.bin $((0x1000)) 294) "$SOURCE/jobs/cloud-rsa.pub.der" && fail "the server key is there"
image_at rehearsal/units/A2/alt1.bin $((0x80000)) data.bin

# 256 KiB: the update region falls on the factory region.
rm -rf rehearsal
flash 0x40000
expect 1 "$STATION" rehearse ota.cfg --units 2 --faults faults.cfg --state rehearsal
sound
equal "256 KiB" "A1|FAIL|flash-bad
A2|PASS|" "$(sql "SELECT slot, outcome, coalesce(reason, '') FROM attempt ORDER BY slot")"
equal "256 KiB: the address is in the factory region" 1 "$(sql "SELECT count(*) FROM attempt WHERE slot = 'A1'
	AND detail LIKE 'readback: alt 1: 0x0002%: expected %, found %'")"

# Enough for the job.
rm -rf rehearsal
flash 0x80000
expect 0 "$STATION" rehearse small.cfg --units 2 --faults faults.cfg --state rehearsal
image_at rehearsal/units/A1/alt1.bin $((0x20000)) "$images/core-factory.bin"
agree A1 alt1.bin $((0x2000))
