#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Units that another host left half-finished: dfu-util is killed (SIGKILL) before each of its requests in turn, in a download with
# leave and in an upload, one unit for each point; whatever state that leaves, station run makes every one of them, at its first try.
. "$(dirname "$0")/lib.sh"
command -v dfu-util >/dev/null || { echo "skipped: dfu-util is not installed"; exit 77; }

# broken_off PORT REQUESTS DFU-UTIL-OPTIONS...: the state it leaves goes to ./states
broken_off() {
	local port=$1 pid
	bus freeze "$port" "$2" >said
	shift 2
	dfu-util -p "1-$port" "$@" >"dfu-util.$port" 2>&1 &
	pid=$!
	bus frozen "$port" >said
	kill -9 $pid
	wait $pid 2>>killed || true
	bus thaw "$port" >said
	bus state "$port" >>states
}

# All in one run, so that the units stay as they were left.
leave_and_make() {
	local i
	for i in $(seq "$downloads"); do
		broken_off "$i" $((i - 1)) -a 0 -s "$address:leave" -D junk
	done
	for i in $(seq "$uploads"); do
		broken_off $((downloads + i)) $((first_upload + i)) -a 0 -s "$address:$((5 * block))" -U "back.$i"
	done
	sort -n states | uniq | xargs >found
	scans $((downloads + uploads)) | "$STATION" run "$job.cfg" --config station.cfg --quantity $((downloads + uploads)) --plain >run.out 2>run.err
}

# family STATES FILE-OFFSET IMAGE [KEY-FILE KEY-OFFSET]
family() {
	local i units=$((downloads + uploads))
	rm -rf units rehearsal states back.*
	job "$job" -e '/^\tenrol /d'
	config "$units"
	head -c $((block + 100)) /dev/urandom >junk
	under "$units" "$job" leave_and_make
	equal "$job: states that were left" "$1" "$(cat found)"
	equal "$job: PASS" "$units" "$(sql "SELECT count(DISTINCT slot) FROM attempt WHERE outcome = 'PASS'")"
	equal "$job: attempts" "$units" "$(sql "SELECT count(*) FROM attempt")"
	equal "$job: tries of a step" 1 "$(sql "SELECT max(try) FROM step")"
	for i in $(seq "$units"); do
		image_at "units/A$i/alt0.bin" "$2" "$SOURCE/jobs/images/$3"
		[ -z "${4:-}" ] ||
			equal "$job: key of A$i" "$(sql "SELECT key_fingerprint FROM attempt WHERE slot = 'A$i'")" "$(fingerprint_of_slot "units/A$i/$4" "$5")"
	done
}
export -f broken_off leave_and_make
export job downloads uploads first_upload block address

# GETSTATUS; 3 for the erase, 6 for each of 2 blocks, 2 at the end; 5 to leave.
job=photon downloads=23 uploads=5 first_upload=4 block=4096 address=0x080A0000
family "2 3 5 6 9" $((0xa0000)) photon-user.bin alt1.bin 34
job=electron downloads=23 uploads=5 first_upload=4 block=4096 address=0x08080000
family "2 3 5 6 9" $((0x80000)) electron-user.bin alt1.bin 3106
# CLRSTATUS and GETSTATUS more, and an erase for each page.
job=core downloads=28 uploads=5 first_upload=6 block=1024 address=0x08005000
family "2 3 5 6 9 10" $((0x5000)) core-user.bin alt1.bin $((0x2000))
job=stm32-rom downloads=23 uploads=5 first_upload=4 block=2048 address=0x08008000
family "2 3 4 5 6 9" 0 stm32-user.bin
