#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F02: a private key that never reaches the unit is found by reading it back, before the cloud hears of its public half.
# A write that is lost once is done again, and the record shows both tries.
. "$(dirname "$0")/lib.sh"
job core
cat >faults.cfg <<-FAULTS
	faults : { list = (
		{ slot = "A1"; kind = "lost-write"; alt = 1; address = 0x2000; },
		{ slot = "A2"; kind = "lost-write"; alt = 1; address = 0x2000; times = 1; },
		{ slot = "A3"; kind = "keeps-sector"; alt = 1; address = 0x2000; }
	); };
FAULTS
# Keys of an earlier life, so that a sector that is not erased matters: everything once without faults.
expect 0 "$STATION" rehearse core.cfg --units 4 --state rehearsal
before=$(fingerprint_of_slot rehearsal/units/A1/alt1.bin $((0x2000)))
sed -i 's|name = "device.example.com"|&|; s|port = 5683|port = 5684|' core.cfg
expect 1 "$STATION" rehearse core.cfg --units 4 --rework --faults faults.cfg --state rehearsal
sound
equal outcomes "A1|FAIL|key-mismatch
A2|PASS|
A3|FAIL|key-mismatch
A4|PASS|" "$(sql "SELECT slot, outcome, coalesce(reason, '') FROM attempt WHERE passage = 2 ORDER BY slot")"
for slot in A1 A3; do
	id=$(sql "SELECT device_id FROM attempt WHERE slot = '$slot' AND passage = 2")
	equal "$slot: keys sent" 0 "$(sql "SELECT count(*) FROM outbox o JOIN attempt a ON a.id = o.attempt_id
		WHERE a.slot = '$slot' AND a.passage = 2")"
	# The cloud still holds the key of the first passage.
	equal "$slot: the cloud's key" "$(sql "SELECT key_fingerprint FROM attempt WHERE slot = '$slot' AND passage = 1")" \
		"$(fingerprint_of_pem "rehearsal/cloud/$id.pem")"
	equal "$slot: new keys that count" 0 "$(sql "SELECT count(*) FROM device_key k JOIN attempt a ON a.id = k.attempt_id
		WHERE a.slot = '$slot' AND a.passage = 2 AND k.state IN ('on-device', 'enrolled')")"
	equal "$slot: tries" 3 "$(sql "SELECT max(try) FROM step s JOIN attempt a ON a.id = s.attempt_id
		WHERE a.slot = '$slot' AND a.passage = 2 AND name = 'device-key'")"
done
equal "A2: tries" "1|FAIL|key-mismatch
2|PASS|" "$(sql "SELECT try, s.outcome, coalesce(s.reason, '') FROM step s JOIN attempt a ON a.id = s.attempt_id
	WHERE a.slot = 'A2' AND a.passage = 2 AND name = 'device-key' ORDER BY seq")"
agree A2 alt1.bin $((0x2000))
agree A4 alt1.bin $((0x2000))
[ "$before" != "$(fingerprint_of_slot rehearsal/units/A4/alt1.bin $((0x2000)))" ] || fail "the key was not changed"
