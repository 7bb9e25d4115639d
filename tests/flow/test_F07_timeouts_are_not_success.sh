#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F07: time-outs and stalls on the way, "successful" at the end, other bytes in the memory. Here success is what was read
# back, and a try that failed stays visible whatever the next one did.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
job core -e 's|stop_after_failures = 5|stop_after_failures = 0|'
cat >faults.cfg <<-FAULTS
	faults : { list = (
		{ slot = "A1"; kind = "silent"; at_transfer = 600; times = 1; },
		{ slot = "A2"; kind = "silent"; at_transfer = 600; times = 1; },
		{ slot = "A2"; kind = "lost-write"; alt = 0; address = 0x08006000; },
		{ slot = "A3"; kind = "stall"; at_operation = 120; times = 1; },
		{ slot = "A3"; kind = "lost-write"; alt = 0; address = 0x08006000; times = 1; },
		{ slot = "A4"; kind = "silent"; at_transfer = 600; times = 6; },
		{ slot = "A5"; kind = "silent"; at_transfer = 600; },
		{ slot = "A6"; kind = "stall"; at_operation = 120; times = 0; }
	); };
FAULTS
expect 1 "$STATION" rehearse core.cfg --units 7 --faults faults.cfg --state rehearsal
sound
equal outcomes "A1|PASS|
A2|FAIL|flash-bad
A3|PASS|
A4|PASS|
A5|FAIL|usb-timeout
A6|FAIL|usb-stall
A7|PASS|" "$(sql "SELECT slot, outcome, coalesce(reason, '') FROM attempt ORDER BY slot")"
for slot in A1 A3 A4 A7; do
	image_at "rehearsal/units/$slot/alt0.bin" $((0x5000)) "$images/core-user.bin"
	image_at "rehearsal/units/$slot/alt1.bin" $((0x20000)) "$images/core-factory.bin"
	agree "$slot" alt1.bin $((0x2000))
	tries=$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id WHERE slot = '$slot' AND s.outcome = 'FAIL'")
	[ "$slot" = A7 ] || [ "$tries" -gt 0 ] || fail "$slot: the failed try is not in the record"
	[ "$slot" != A7 ] || equal "A7: failed tries" 0 "$tries"
done
equal "A3: what failed" "write-images|usb-stall
readback|flash-bad" "$(sql "SELECT name, s.reason FROM step s JOIN attempt a ON a.id = s.attempt_id
	WHERE slot = 'A3' AND s.outcome = 'FAIL' ORDER BY seq")"
