#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F11: the radio of a Core is patched by a program that is written, runs, and comes back in DFU; then the normal
# application is written. A unit is PASS after the last stage and not before, the program really ran, nothing claims that
# what it did is proven, and a unit that was left half way starts again with the first stage.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
says="ran, not proven: CC3000 deep update, CC3000 radio patch 1.14"

# The shipped job.
expect 0 "$STATION" check "$SOURCE/jobs/core-radio.cfg"
grep -q "^STAGE 2 of 3" out || fail "check does not print the stages"
grep -q "runs           CC3000 radio patch 1.14, for 6000 ms at least; what it does cannot be read back" out || fail "check: the patch"
expect 0 "$STATION" rehearse "$SOURCE/jobs/core-radio.cfg" --units 4
sound
equal PASS 4 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
equal "said at the outcome and in the table" 8 "$(grep -c "^ .*$says" out)"
grep -q "^A1 .* OPERATOR: put it into DFU: hold MODE" out || fail "the operator is not told"
for slot in A1 A2 A3 A4; do
	# What a radio holds is seen here alone; no DFU can read it.
	equal "$slot: radio" "1.13 1.14" "$(tr '\n' ' ' <"rehearsal/units/$slot/radio" | sed 's/ $//')"
	image_at "rehearsal/units/$slot/alt0.bin" $((0x5000)) "$images/core-user.bin"
	image_at "rehearsal/units/$slot/alt1.bin" $((0x20000)) "$images/core-factory.bin"
	erased "rehearsal/units/$slot/alt0.bin" $((0x5000 + 97 * 1024)) $((11 * 1024))
	agree "$slot" alt1.bin $((0x2000))
done
equal "steps of one unit" "identify stage1-check stage1-write stage1-readback stage1-leave stage1-run stage1-return stage2-check stage2-write stage2-readback stage2-leave stage2-run stage2-return check server-key device-key prove-key enrol write-images readback enrolled leave" \
	"$(sql "SELECT group_concat(name, ' ') FROM (SELECT s.name FROM step s JOIN attempt a ON a.id = s.attempt_id WHERE a.slot = 'A1' ORDER BY s.seq)")"
equal "observed, and sealed with the attempt" "CC3000 deep update|CC3000 radio patch 1.14" "$(sql "SELECT group_concat(value, '|') FROM (SELECT o.value
	FROM observation o JOIN attempt a ON a.id = o.attempt_id WHERE a.slot = 'A1' AND o.name = 'ran, not proven' ORDER BY o.seq)")"
equal "images by stage" "1:user:core-deep-update.bin 2:user:core-radio-patch.bin 3:factory:core-factory.bin 3:server_key:cloud-rsa.pub.der 3:user:core-user.bin" \
	"$(sql "SELECT group_concat(stage || ':' || region || ':' || file_name, ' ') FROM (SELECT * FROM batch_image ORDER BY stage, region)")"

# Wherever the unit is shown.
id=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1'")
expect 0 "$STATION" show "$id" --state rehearsal
grep -q "^    ran, not proven *CC3000 radio patch 1.14$" out || fail "show does not say it"
expect 0 "$STATION" show "$id" --state rehearsal --json
grep -q '"unproven":\["CC3000 deep update","CC3000 radio patch 1.14"\]' out || fail "show --json does not say it"
expect 0 "$STATION" rehearse "$SOURCE/jobs/core-radio.cfg" --units 1 --json
grep '"outcome":"SKIPPED"' out | grep "\"unproven\":\"$says\"" >/dev/null || fail "a unit that was made already does not say it"
expect 0 "$STATION" rehearse "$SOURCE/jobs/core-radio.cfg" --units 1 --verify
grep -q "not proven: CC3000 deep update, CC3000 radio patch 1.14" out || fail "verify does not say it"
! grep -q "ran, not proven" out || fail "verify says that it ran, and cannot know"
equal "nothing ran again" "1.13 1.14" "$(tr '\n' ' ' <rehearsal/units/A1/radio | sed 's/ $//')"

# The same product without its stages is another.
job core-radio
drop_stage core-radio 'core-deep|core-radio-patch'
grep -q core-radio-patch core-radio.cfg && fail "the test's job still has its stages"
expect 1 "$STATION" rehearse core-radio.cfg --units 1
equal "another plan" made-otherwise "$(sql "SELECT reason FROM attempt ORDER BY started_at DESC LIMIT 1")"

# What goes wrong while the program runs. Two stages from here on: the patch, the product.
rm -rf rehearsal
job core-radio -e 's|deadline_ms = 60000|deadline_ms = 9000|'
drop_stage core-radio core-deep
cat >faults.cfg <<-END
	faults : { list = (
		{ slot = "A1"; kind = "program-hangs"; },
		{ slot = "A2"; kind = "program-cut"; back_after_ms = 100; button = true; },
		{ slot = "A3"; kind = "program-cut"; },
		{ slot = "A4"; kind = "swapped"; at_enumeration = 2; },
		{ slot = "A5"; kind = "abrupt-leave"; }
	); };
END
expect 1 "$STATION" rehearse core-radio.cfg --units 6 --speed 0.1 --faults faults.cfg
sound
equal "became of them" "A1|FAIL|no-return|unit|stage1-return
A2|FAIL|not-run|handling|stage1-run
A3|FAIL|no-return|unit|stage1-return
A4|FAIL|unit-swapped|handling|stage1-return
A4|PASS|||leave
A5|PASS|||leave
A6|PASS|||leave" "$(sql "SELECT a.slot, a.outcome, coalesce(a.reason, ''), coalesce(a.cause, ''), (SELECT name FROM step s WHERE s.attempt_id = a.id
	ORDER BY seq DESC LIMIT 1) FROM attempt a ORDER BY a.slot, a.started_at")"
# The other unit at A4 is made from the first stage on, as itself.
equal "ids at A4" 2 "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE slot = 'A4'")"
equal "A4: what the other one ran" "FAIL 0 PASS 1" "$(sql "SELECT group_concat(outcome || ' ' || n, ' ') FROM (SELECT outcome, (SELECT count(*)
	FROM observation o WHERE o.attempt_id = a.id AND o.name = 'ran, not proven') AS n FROM attempt a WHERE slot = 'A4' ORDER BY started_at)")"
for slot in A1 A2 A3; do
	[ ! -e rehearsal/units/$slot/radio ] || fail "$slot: the fault did not keep the program from its end: the test proves nothing"
	image_at rehearsal/units/$slot/alt0.bin $((0x5000)) "$images/core-radio-patch.bin"
	equal "$slot: no key was made" 0 "$(sql "SELECT count(*) FROM device_key k JOIN attempt a ON a.device_id = k.device_id WHERE a.slot = '$slot'")"
	equal "$slot: nothing ran" 0 "$(sql "SELECT count(*) FROM observation o JOIN attempt a ON a.id = o.attempt_id WHERE a.slot = '$slot' AND o.name = 'ran, not proven'")"
done

# At their next visit they start again with the first stage, and are made.
expect 0 "$STATION" rehearse core-radio.cfg --units 3
sound
for slot in A1 A2 A3; do
	equal "$slot: radio" 1.14 "$(cat rehearsal/units/$slot/radio)"
	image_at rehearsal/units/$slot/alt0.bin $((0x5000)) "$images/core-user.bin"
	agree "$slot" alt1.bin $((0x2000))
done

# A unit that was HELD is released, and that is no more of a proof.
rm -rf rehearsal
expect 1 "$STATION" rehearse "$SOURCE/jobs/core-radio.cfg" --units 1 --cloud down
grep -q "HELD" out || fail "not HELD"
expect 0 "$STATION" sync --state rehearsal
grep -q "^      $says\.$" out || fail "sync does not say it"

# What an earlier stage wrote and no later one overwrites is read back at the end too: A1's external flash wraps (F04), so
# that the server key falls on the first stage's data.
rm -rf rehearsal
head -c 5000 "$images/core-factory.bin" >data.bin
job core-radio -e "s|\(core-radio-patch.bin\"; }\) )|\1, { region = \"spi-user\"; file = \"$PWD/data.bin\"; } )|"
drop_stage core-radio core-deep
grep -q spi-user core-radio.cfg || fail "the test's job has no data"
echo 'faults : { list = ( { slot = "A1"; kind = "small-flash"; size = 0x80000; } ); };' >faults.cfg
expect 1 "$STATION" rehearse core-radio.cfg --units 2 --faults faults.cfg
sound
equal "what was left" "A1|FAIL|flash-bad|readback: alt 1: 0x00081
A2|PASS||" "$(sql "SELECT slot, outcome, coalesce(reason, ''), coalesce(substr(detail, 1, 24), '') FROM attempt ORDER BY slot")"
image_at rehearsal/units/A2/alt1.bin $((0x80000)) data.bin
