#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A unit that was set aside by hand is refused by every job, whatever it is to become, until it is released; a diagnosis looks
# at it all the same, and says so.
. "$(dirname "$0")/reprovision.sh"
policy core 'backup = false;'
come_back core F09,F09,-
for what in "A1 scrap" "A2 quarantine"; do
	read -r slot mark <<<"$what"
	expect 0 "$STATION" mark "$(device_of "$slot")" "$mark" --note "broken glass" --operator Jo --state rehearsal
done
cp -r rehearsal/units aside
look 1 --job core.cfg
faulty A1 repairable server-key "server-rsa server-key-missing"
is_told A1 unit-set-aside "it is marked scrap"
is_told A2 unit-set-aside "it is marked quarantine"
reprovision 1 core --yes
equal "A1" "reprovision|REFUSED|marked-scrap" "$(ended A1)"
equal "A2" "reprovision|REFUSED|quarantined" "$(ended A2)"
equal "A3" "reprovision|PASS|" "$(ended A3)"
expect 1 "$STATION" rehearse core.cfg --units 3 --state rehearsal --rework
equal "A1" "provision|REFUSED|marked-scrap" "$(ended A1)"
equal "A2" "provision|REFUSED|quarantined" "$(ended A2)"
for slot in A1 A2; do diff -r aside/$slot rehearsal/units/$slot || fail "$slot was written"; done

for slot in A1 A2; do expect 0 "$STATION" mark "$(device_of "$slot")" released --note "looked at" --state rehearsal; done
reprovision 0 core --yes
made_good core A1 A2 A3
equal "the marks stay in the record" "scrap|broken glass|Jo
released|looked at|" "$(sql "SELECT mark, note, coalesce(operator, '') FROM unit_mark WHERE device_id = '$(device_of A1)' ORDER BY id")"
look 0 --job core.cfg
healthy A1 A2 A3
sound
