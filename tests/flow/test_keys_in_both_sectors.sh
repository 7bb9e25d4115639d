#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Photon's DCT stands in two sectors by turns, and every leave and boot moves it to the other one, unverified. A cell
# that spoils the private key in either of them is found while the unit is still in the station's hands.
. "$(dirname "$0")/lib.sh"
job photon -e 's|after  *= "leave";|&\n\tlimits : { stop_after_failures = 0; };|'
# The first two bytes of the key, 30 82, in the one and in the other sector, and of the server key.
cat >faults.cfg <<-FAULTS
	faults : { list = (
		{ slot = "A1"; kind = "dead-cell"; alt = 0; address = 0x08005d9e; bits = 0x01; value = 1; },
		{ slot = "A2"; kind = "dead-cell"; alt = 0; address = 0x08009d9e; bits = 0x01; value = 1; },
		{ slot = "A3"; kind = "weak-cell"; alt = 0; address = 0x08005d9f; bits = 0x01; },
		{ slot = "A4"; kind = "weak-cell"; alt = 0; address = 0x08009d9f; bits = 0x01; },
		{ slot = "A5"; kind = "dead-cell"; alt = 0; address = 0x0800659e; bits = 0x01; value = 1; },
		{ slot = "A6"; kind = "dead-cell"; alt = 0; address = 0x0800a59e; bits = 0x01; value = 1; }
	); };
FAULTS
expect 1 "$STATION" rehearse photon.cfg --units 7 --faults faults.cfg --state rehearsal
sound
equal outcomes "A1|FAIL|key-mismatch
A2|FAIL|key-mismatch
A3|FAIL|key-mismatch
A4|FAIL|key-mismatch
A5|FAIL|server-key-wrong
A6|FAIL|server-key-wrong
A7|PASS|" "$(sql "SELECT slot, outcome, coalesce(reason, '') FROM attempt ORDER BY slot")"
agree A7 alt1.bin 34
