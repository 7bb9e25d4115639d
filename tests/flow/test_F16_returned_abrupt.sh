#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F16: a unit that resets at once when it leaves DFU gives no last status. It is as good as any other. Nobody may send it out of
# DFU meanwhile: it would write its flags, and that would be seen here.
. "$(dirname "$0")/reprovision.sh"
policy p1 'backup = false;'
come_back p1 F16,-
look 0 --job p1.cfg
healthy A1 A2
untouched expect 0 "$STATION" rehearse p1.cfg --units 2 --state rehearsal --verify
sound

# It is made good again like any other, without a further try.
reprovision 0 p1 --yes
equal "tries that did not pass" 0 "$(sql "SELECT count(*) FROM step WHERE attempt_id = '$(last A1 id)' AND (outcome <> 'PASS' OR try > 1)")"
made_good p1 A1 A2
look 0 --job p1.cfg
healthy A1 A2
sound
