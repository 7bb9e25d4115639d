#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F01: a Core starts in dfuERROR, whatever its bootloader. It is not broken: it is cleared, and nothing is told of it.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false;'
come_back core F01,F01,F01,F01 # the fourth one has a newer bootloader
look 0 --job core.cfg
healthy A1 A2 A3 A4
look 0
healthy A1 A2 A3 A4
equal "bootloaders" 2 "$(sed -n 's/.*"bootloader": //p' rehearsal/units/*/unit.json | sort -u | wc -l)"
untouched expect 0 "$STATION" rehearse core.cfg --units 4 --state rehearsal --verify
sound

# Nor is a repair troubled by it.
reprovision 0 core --yes
made_good core A1 A2 A3 A4
equal "tries that did not pass" 0 "$(sql "SELECT count(*) FROM step s JOIN attempt a ON a.id = s.attempt_id
	WHERE a.kind = 'reprovision' AND (s.outcome <> 'PASS' OR s.try > 1)")"
sound

# Other units do not.
expect 2 "$STATION" rehearse "$SOURCE/jobs/photon.cfg" --units 1 --condition F01 --state elsewhere
grep -q "a virtual photon cannot be in condition F01: only a Core" err || fail "it is refused as: $(cat err)"
