#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F07: a tool told of time-outs and then of success: one block of the application never arrived, another one is in its place
# twice. Only its bytes tell.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false;'
come_back core F07,-
erased rehearsal/units/A1/alt0.bin $((0x6000)) 1024
look 1 --job core.cfg
faulty A1 repairable images "user image-damaged"
image=$SOURCE/jobs/images/core-user.bin
cmp -l <(bytes rehearsal/units/A1/alt0.bin $((0x5000)) "$(stat -c %s "$image")") "$image" >differs || true
differ=$(wc -l <differs)
is_told A1 image-damaged "$differ bytes differ from core-user.bin, first at 0x08006000; version *"
healthy A2
sound

# The repair meets a stall, too: it is one more try, in the record, and what counts is what is read back.
echo 'faults : { list = ( { slot = "A1"; kind = "stall"; at_operation = 7; } ); };' >faults.cfg
reprovision 0 core --yes --faults faults.cfg
equal "tries that the stall cost" "write-images|1|usb-stall" "$(sql "SELECT name, try, reason FROM step WHERE outcome = 'FAIL'
	AND attempt_id = '$(last A1 id)'")"
made_good core A1 A2
look 0 --job core.cfg
healthy A1 A2
sound
