#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# While a batch runs, units that an earlier batch left HELD are enrolled in the background, the operator is told, and the
# unit that is in work is left to its worker.
. "$(dirname "$0")/lib.sh"
job core -e 's|stop_after_failures = 5|stop_after_failures = 0|'
expect 1 "$STATION" rehearse core.cfg --units 4 --cloud down
equal "held" 4 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'HELD'")"
first=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1'")
# As if the time had passed after which they are sent again; but not for the unit that comes back at A1.
sqlite3 rehearsal/station.db "UPDATE outbox SET next_at = 0 WHERE device_id <> '$first'"

# A1 becomes another product, slowly enough that the others are released meanwhile.
sed -e 's|product_id = ""|product_id = "4711"|' core.cfg >other.cfg
expect 0 "$STATION" rehearse other.cfg --units 1 --speed 0.2 --json
equal told "$(sql "SELECT device_id FROM attempt WHERE device_id <> '$first' ORDER BY 1")" \
	"$(jq -r 'select(.event == "settled" and .outcome == "PASS" and .of_batch == false) | .device_id' out | sort)"
equal "before the batch ended" true "$(jq -s 'map(.event) | index("settled") < index("outcome")' out)"
equal "A1" "FAIL superseded|PASS " "$(sql "SELECT group_concat(outcome || ' ' || coalesce(reason, ''), '|')
	FROM (SELECT * FROM attempt WHERE device_id = '$first' ORDER BY passage)")"
equal "product" 4711 "$(sql "SELECT value FROM observation WHERE name = 'enrol-product'")"
equal "held now" 0 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'HELD'")"
for slot in A1 A2 A3 A4; do
	agree $slot alt1.bin $((0x2000))
done
sound
