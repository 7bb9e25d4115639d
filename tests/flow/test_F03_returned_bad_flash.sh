#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F03: flash that is bad for good. In the application it is found by reading what was written, as often as it is tried; in the
# update region, which no job fills, only by a write test.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false;'
come_back core F03:dead:0x08006000,F03,-
look 1 --job core.cfg
faulty A1 repairable images "user image-damaged"
is_told A1 image-damaged "1 bytes differ from core-user.bin, first at 0x08006000; version *"
healthy A2 A3
equal "A2: notes" "" "$(told A2 note)"

# Reading cannot tell that it would take no other bytes; writing does, and then it is no PASS, whatever was hoped.
reprovision 1 core --yes
equal "A1" "reprovision|FAIL|flash-bad" "$(ended A1)"
equal "A2" "reprovision|PASS|" "$(ended A2)" # it is what the job says; the job says nothing of that region
case "$(last A1 detail)" in *"alt 0: 0x08006000: expected "*", found 00"*) ;; *) fail "A1: $(last A1 detail)" ;; esac
made_good core A3
equal "the key on it is the cloud's" "$(fingerprint_of_pem "rehearsal/cloud/$(device_of A1).pem")" "$(key_on A1 core)"
sound
reprovision 1 core --yes
equal "A1 again" "reprovision|FAIL|flash-bad" "$(ended A1)"
equal "A1 is set aside" needs-repair "$(sql "SELECT mark FROM unit_mark WHERE device_id = '$(device_of A1)' ORDER BY id DESC LIMIT 1")"
# The line takes it no more.
expect 1 "$STATION" rehearse core.cfg --units 3 --state rehearsal --rework
equal "A1 on the line" "provision|REFUSED|needs-repair" "$(ended A1)"
equal "it was never PASS again" 1 "$(sql "SELECT count(*) FROM attempt WHERE slot = 'A1' AND outcome = 'PASS'")"
sound

# The update region: nothing that a job writes meets it, so that only a write test keeps it from being handed out.
expect 1 "$STATION" diagnose --state rehearsal --json --slot A2 --exercise --regions ota --yes
equal "A2: faults" "ota flash-bad" "$(told A2 fault)"
equal "A2: verdict" flash-defective "$(told A2 verdict)"
is_told A2 flash-bad "1 of 32 sectors; first at 0x00065000: expected ??, found ff; *"
equal "A2: mark" quarantine "$(sql "SELECT mark FROM unit_mark WHERE device_id = '$(device_of A2)' ORDER BY id DESC LIMIT 1")"
reprovision 1 core --yes
equal "A2 set aside" "reprovision|REFUSED|quarantined" "$(ended A2)"
sound
