#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# With --json every line of output is one object, and outcomes are told after they are in the database.
. "$(dirname "$0")/lib.sh"
job core
expect 0 "$STATION" rehearse core.cfg --units 3 --json
jq -e . out >/dev/null || fail "a line is not JSON"
equal "lines that are not objects" 0 "$(jq -c 'select(type != "object")' out | wc -l)"
equal outcomes 3 "$(jq -c 'select(.event == "outcome" and .outcome == "PASS")' out | wc -l)"
equal "ends" 1 "$(jq -c 'select(.event == "end")' out | wc -l)"
equal "seal of the end" "$(sql 'SELECT hash FROM seal ORDER BY seq DESC LIMIT 1')" "$(jq -r 'select(.event == "end") | .seal.hash' out)"
equal "units told of" 3 "$(jq -c 'select(.event == "unit" and .flash_us > 0)' out | wc -l)"
for id in $(jq -r 'select(.event == "outcome") | .device_id' out); do
	expect 0 "$STATION" show "$id" --state rehearsal --json
	equal "show $id" PASS "$(jq -r '.attempts[0].outcome' out)"
done
