#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F22: units that lose their power at any moment, in the middle of flash work too, with and without coming back by
# themselves. None is PASS without being right; the loss is handling, so no unit is worn out by it; and the next passage
# with sound power makes good units of all of them.
. "$(dirname "$0")/lib.sh"
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
	[ "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'FAIL'")" -ge $((units * 9 / 10)) ] || fail "$1: the faults come too late"
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
