#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ctrl-C once: the units in work are finished, no other one is taken up, exit status 130. Twice: they are put away as
# ABORTED. The record is right in both cases, and the same command again makes the rest.
. "$(dirname "$0")/lib.sh"
job photon
sed -e 's|parallel   = 16|parallel = 2|' "$SOURCE/config/station.cfg" >station.cfg

# interrupted TIMES: six units, two at once, at a speed where one takes some seconds
interrupted() {
	local status=0
	rm -f out
	"$STATION" rehearse photon.cfg --units 6 --speed 0.2 --config station.cfg --plain >out 2>err &
	local pid=$!
	wait_for seen 2 "writing the system parts" out
	[ "$1" -eq 1 ] || ctrl_c "$pid"
	kill -INT "$pid"
	wait "$pid" || status=$?
	equal "exit status" 130 "$status"
	sound
	equal "ended by" operator "$(sql 'SELECT ended_by FROM batch ORDER BY started_at DESC LIMIT 1')"
}

interrupted 2
equal "put away" 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'ABORTED' AND reason = 'stopped'")"
equal "others" 0 "$(sql "SELECT count(*) FROM attempt WHERE outcome <> 'ABORTED'")"
interrupted 1
equal "finished" 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
equal "attempts" 4 "$(sql 'SELECT count(*) FROM attempt')"
expect 0 "$STATION" rehearse photon.cfg --units 6 --config station.cfg
equal "made" 6 "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
expect 0 "$STATION" audit --state rehearsal
