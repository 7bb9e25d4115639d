#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `station list --held` names the units that wait for their cloud, with the last answer and how often it was asked; it only
# reads the record.
. "$(dirname "$0")/lib.sh"
job core
expect 2 "$STATION" list --held --state rehearsal
expect 1 "$STATION" rehearse core.cfg --units 3 --cloud down
before=$(sha256sum rehearsal/station.db)
expect 0 "$STATION" list --held --state rehearsal --json
cp out json
expect 0 "$STATION" list --held --state rehearsal
for id in $(sql "SELECT device_id FROM attempt WHERE outcome = 'HELD'"); do
	equal "$id" "main due" "$(jq -r "select(.device_id == \"$id\") | .cloud + \" \" + .state" json)"
	equal "tries of $id" "$(sql "SELECT tries FROM outbox WHERE device_id = '$id'")" \
		"$(jq -r "select(.device_id == \"$id\") | .tries" json)"
	equal "answer to $id" "$(sql "SELECT last_error FROM outbox WHERE device_id = '$id'")" \
		"$(jq -r "select(.device_id == \"$id\") | .last_error" json)"
	grep -q "^$id  20.*  main  " out || fail "no line for $id"
done
equal units 3 "$(jq -s length json)"
awk 'length($0) > 100 { exit 1 }' out || fail "a line is longer than 100 columns"
equal "the record" "$before" "$(sha256sum rehearsal/station.db)"
expect 0 "$STATION" sync --state rehearsal
expect 0 "$STATION" list --held --state rehearsal
equal "none any more" "no unit is HELD" "$(cat out)"
