#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A batch of Cores (F01: they start in dfuERROR; F06: the factory image is part of the job): every unit ends PASS in its
# first try, and its memory, the database and the cloud agree.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
units=${UNITS:-4}
job core -e 's|stop_after_failures = 5|stop_after_failures = 0|'

# Units that announce another memory than their profile says are refused before a byte is changed: the picture of before.
mkdir families
sed -e 's|512\*04Kg|1024*04Kg|' "$SOURCE/config/families/core.cfg" >families/core.cfg
expect 1 "$STATION" rehearse core.cfg --units "$units" --state rehearsal
equal "refused units" "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'FAIL' AND reason = 'layout-differs'")"
cp -r rehearsal/units before
rm -rf families

expect 0 "$STATION" rehearse core.cfg --units "$units" --state rehearsal
sound
equal PASS "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
equal "steps that did not pass at once" 0 "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id
	WHERE a.outcome = 'PASS' AND (s.outcome <> 'PASS' OR s.try > 1)")"
for i in $(seq "$units"); do
	slot=A$i
	flash=rehearsal/units/$slot/alt0.bin
	spi=rehearsal/units/$slot/alt1.bin
	image_at "$flash" $((0x5000)) "$images/core-user.bin"
	image_at "$spi" $((0x20000)) "$images/core-factory.bin"
	agree "$slot" alt1.bin $((0x2000))
	image_at "$spi" $((0x1000)) "$SOURCE/jobs/cloud-rsa.pub.der"
	# The page of system flags is the unit's own.
	same_but "before/$slot/alt0.bin" "$flash" $((0x4c00)):$((0x400)) $((0x5000)):$((0x1b000))
	# All else in the external flash is as the unit came: erased.
	erased "$spi" 0 $((0x1000))
	erased "$spi" $((0x3000)) $((0x20000 - 0x3000))
	erased "$spi" $((0x40000)) $((0x200000 - 0x40000))
done
