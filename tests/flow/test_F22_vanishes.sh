#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F22: units that lose their power at any moment, in the middle of flash work too. One that comes back into DFU is made
# within the same attempt, and the loss is observed; one that comes back as its program lets it is made or fails by its
# name; one that stays away fails. None is PASS without being right; the loss is handling, so no unit is worn out by it;
# and the next passage with sound power makes good units of all of them.
. "$(dirname "$0")/lib.sh"
sed 's|gone_wait_ms = [0-9]*|gone_wait_ms = 2000|' "$STATION_CONFIG" >station.cfg
export STATION_CONFIG=$PWD/station.cfg
units=48
one() { # FAMILY LAST-TRANSFER LAST-OPERATION KEY-FILE KEY-OFFSET
	job "$1" -e 's|stop_after_failures = 5|stop_after_failures = 0|' \
		-e 's|after  *= "leave";|&\n\tlimits : { stop_after_failures = 0; };|'
	[ "$1" = photon ] || sed -i '/limits : { stop_after_failures = 0; };/d' core.cfg
	rm -rf rehearsal
	{
		echo 'faults : { list = ('
		for i in $(seq "$units"); do
			local back="" end=","
			[ $((i % 3)) -eq 0 ] || back="back_after_ms = $((i * 10)); button = $([ $((i % 3)) -eq 1 ] && echo true || echo false);"
			[ "$i" -lt "$units" ] || end=""
			if [ $((i % 2)) -eq 0 ]; then
				echo "{ slot = \"A$i\"; kind = \"unplug\"; at_transfer = $((2 + $2 * i / units)); $back }$end"
			else
				echo "{ slot = \"A$i\"; kind = \"brown-out\"; at_operation = $((1 + $3 * i / units)); $back }$end"
			fi
		done
		echo '); };'
	} >faults.cfg
	expect 1 "$STATION" rehearse "$1.cfg" --units "$units" --faults faults.cfg --state rehearsal
	sound
	equal "$1: outcomes" "FAIL|usb-gone|handling" "$(sql "SELECT DISTINCT outcome, reason, cause FROM attempt WHERE outcome <> 'PASS'")"
	equal "$1: one attempt each" "$units" "$(sql "SELECT count(*) FROM attempt")"
	equal "$1: in DFU again, and not made" "" "$(sql "SELECT slot FROM attempt WHERE cast(substr(slot, 2) AS int) % 3 = 1 AND outcome <> 'PASS'")"
	equal "$1: FAIL without having vanished" "" "$(sql "SELECT slot FROM attempt WHERE outcome = 'FAIL'
		AND id NOT IN (SELECT attempt_id FROM observation WHERE name = 'vanished')")"
	[ "$(sql "SELECT count(DISTINCT attempt_id) FROM observation WHERE name = 'vanished'")" -ge $((units * 9 / 10)) ] ||
		fail "$1: the faults come too late"
	[ "$(sql "SELECT count(*) FROM attempt WHERE cast(substr(slot, 2) AS int) % 3 = 0 AND outcome = 'FAIL'")" -ge $((units * 9 / 30)) ] ||
		fail "$1: units that stay away are PASS"
	grep -q 'if it does not come back by itself, put it into DFU with its button' out || fail "$1: the operator is not told"
	for slot in $(sql "SELECT slot FROM attempt WHERE outcome = 'PASS'"); do
		agree "$slot" "$4" "$5"
	done
	expect 0 "$STATION" rehearse "$1.cfg" --units "$units" --state rehearsal
	sound
	equal "$1: good in the end" "$units" "$(sql "SELECT count(DISTINCT device_id) FROM attempt WHERE outcome = 'PASS'")"
	equal "$1: marked" 0 "$(sql "SELECT count(*) FROM unit_mark")"
	for i in $(seq "$units"); do
		agree "A$i" "$4" "$5"
		if [ "$1" = core ]; then
			image_at "rehearsal/units/A$i/alt0.bin" $((0x5000)) "$SOURCE/jobs/images/core-user.bin"
			image_at "rehearsal/units/A$i/alt1.bin" $((0x20000)) "$SOURCE/jobs/images/core-factory.bin"
		else
			image_at "rehearsal/units/A$i/alt0.bin" $((0x20000)) "$SOURCE/jobs/images/photon-system-part1.bin"
			image_at "rehearsal/units/A$i/alt0.bin" $((0x60000)) "$SOURCE/jobs/images/photon-system-part2.bin"
			image_at "rehearsal/units/A$i/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/photon-user.bin"
		fi
	done
}
one core 1100 300 alt1.bin $((0x2000))
one photon 950 125 alt1.bin 34
