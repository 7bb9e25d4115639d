#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F03: external flash that is bad in the update region only. The Core's bootloader reports success for every write; a
# job that names the region fails the unit with address, expected and found, one that leaves it out says so in the record.
. "$(dirname "$0")/lib.sh"
image=$SOURCE/jobs/images/core-factory.bin
job core -e "s|{ region = \"factory\"; .*}|&,\n\t\t{ region = \"ota\"; file = \"$image\"; }|"
cp core.cfg full.cfg
job core
cat >faults.cfg <<-FAULTS
	faults : { list = (
		{ slot = "A1"; kind = "dead-cell"; alt = 1; address = 0x60100; bits = 0xff; value = 1; },
		{ slot = "A2"; kind = "weak-cell"; alt = 1; address = 0x61234; bits = 0xff; },
		{ slot = "A3"; kind = "lost-write"; alt = 1; address = 0x62000; size = 0x400; }
	); };
FAULTS
found() { # OFFSET: the image's byte there
	bytes "$image" "$1" 1 | od -An -tx1 | tr -d ' '
}

expect 1 "$STATION" rehearse full.cfg --units 4 --faults faults.cfg --state rehearsal
sound
equal outcomes "A1|FAIL|flash-bad
A2|FAIL|flash-bad
A3|FAIL|flash-bad
A4|PASS|" "$(sql "SELECT slot, outcome, coalesce(reason, '') FROM attempt ORDER BY slot")"
equal "A1: detail" "readback: alt 1: 0x00060100: expected $(found $((0x100))), found ff; 1 bytes differ" \
	"$(sql "SELECT detail FROM attempt WHERE slot = 'A1'")"
equal "A2: detail" "readback: alt 1: 0x00061234: expected $(found $((0x1234))), found ff; 1 bytes differ" \
	"$(sql "SELECT detail FROM attempt WHERE slot = 'A2'")"
equal "A3: detail" 1 "$(sql "SELECT count(*) FROM attempt WHERE slot = 'A3' AND detail LIKE
	'readback: alt 1: 0x00062000: expected $(found $((0x2000))), found ff; %'")"
image_at rehearsal/units/A4/alt1.bin $((0x60000)) "$image"
agree A4 alt1.bin $((0x2000))

# Left out of the job: PASS, and the record does not claim the region.
expect 0 "$STATION" rehearse core.cfg --units 4 --faults faults.cfg --state rehearsal --rework
equal "regions of the last batch" "factory server_key user" "$(sql "SELECT group_concat(region, ' ') FROM (SELECT region
	FROM batch_image WHERE batch_id = (SELECT id FROM batch ORDER BY started_at DESC LIMIT 1) ORDER BY region)")"
