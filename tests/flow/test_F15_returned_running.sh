#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F15: a unit without a button comes in with its program running. It is sent into DFU over its serial line, or by the request
# that its firmware knows, and diagnosed there like any other.
. "$(dirname "$0")/reprovision.sh"
for name in p1 electron core; do
	policy "$name" 'backup = false;'
	come_back "$name" runs,runs+F02,-
	cp -r rehearsal/units before
	expect 1 "$STATION" diagnose --state rehearsal --json --job "$name.cfg"
	healthy A1 A3
	case "$(told A2 fault)" in "device-"*" device-key-mismatch cloud cloud-key-differs") ;; *) fail "A2: $(told A2 fault)" ;; esac
	equal "its id" "$(device_of A1)" "$(told A1 device_id)"
	# A unit that boots writes what it always writes then; the one that stood in DFU, nothing.
	diff -r before/A3 rehearsal/units/A3 || fail "A3 changed"
	sound
	rm -r before
	if [ "$name" != electron ]; then
		reprovision 0 "$name" --yes
		verify_all "$name"
		for slot in A1 A2 A3; do
			equal "$name: $slot" "reprovision|PASS verify|PASS" "$(sql "SELECT kind || '|' || outcome FROM attempt
				WHERE slot = '$slot' AND kind IN ('reprovision', 'verify') ORDER BY started_at" | xargs)"
			agreed $slot "$name"
		done
		sound
	fi
done

# A family without such a way: it says that its button is wanted, and nothing is kept of it.
mkdir families
sed -e '/line_coding_baud/d' "$SOURCE/config/families/core.cfg" >families/core.cfg
cp "$STATION_CONFIG" station.cfg
before=$(sql 'SELECT count(*) FROM attempt')
expect 1 "$STATION" diagnose --state rehearsal --slot A1 --json --config station.cfg
grep -q "A1 runs its program (.* no way back into DFU): put it into DFU with its button" err || fail "it is told as: $(cat err)"
equal "attempts" "$before" "$(sql 'SELECT count(*) FROM attempt')"
