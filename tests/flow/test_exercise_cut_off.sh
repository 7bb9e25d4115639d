#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An exercise that is cut off: the unit loses its power at any operation or transfer, the station is killed, somebody presses
# Ctrl-C. At its next visit the unit is as it was, byte by byte: at the returns bench, or on the line before anything else.
. "$(dirname "$0")/exercise.sh"

# look_again WHAT: the next visit, with the unit's flash as it should be; where the sector does not prove which unit it is, a
# person does
unproven=0
look_again() {
	rm -f rehearsal/units/A1/faults.cfg
	"$STATION" diagnose --state rehearsal --slot A1 >out 2>err || [ $? -eq 1 ] || fail "$1: $(cat err)"
	if [ -n "$(found exercise-unproven)" ]; then
		unproven=$((unproven + 1))
		"$STATION" diagnose --state rehearsal --slot A1 --put-back >out 2>err || [ $? -eq 1 ] || fail "$1: $(cat err)"
	fi
	as_before "$1"
}

# put_back: the last attempt did so, and told
put_back() {
	local sectors
	equal "$1: step" PASS "$(last "s.outcome FROM step s JOIN attempt a ON a.id = s.attempt_id WHERE s.name = 'restore-exercise'")"
	sectors=$(found exercise-restored)
	case "$sectors" in
	"unit: an exercise was cut off"*) ;;
	*) fail "$1: it is told as: $sectors" ;;
	esac
}

# sweep VERDICT FAULT FROM STEP OPTION...: FAULT with %d from FROM on in steps, until the exercise comes to its end without it
sweep() {
	local ends=$1 fault=$2 at=$3 step=$4 cut=0 status
	shift 4
	while :; do
		# shellcheck disable=SC2059
		again "{ slot = \"A1\"; $(printf "$fault" "$at") }"
		status=0
		"$STATION" diagnose --state rehearsal --slot A1 --yes "$@" >out 2>err || status=$?
		[ "$(last "reason FROM attempt a WHERE 1")" = usb-gone ] || break
		[ $status -eq 1 ] || fail "$fault $at: exit status $status"
		cut=$((cut + 1))
		if [ -n "$(pending)" ]; then
			look_again "$fault $at"
			put_back "$fault $at"
		else
			look_again "$fault $at"
		fi
		at=$((at + step))
	done
	[ $cut -ge 3 ] || fail "$fault: only cut off $cut times: $(cat out err)"
	equal "$fault: the end" "$ends" "$(verdict)"
	as_before "$fault: whole"
}

# Every operation of a sector with data, of a Core; and transfers, now and then.
made core 1
sweep healthy 'kind = "brown-out"; at_operation = %d;' 1 1 --exercise=0x62000+1
sweep healthy 'kind = "unplug"; at_transfer = %d;' 600 47 --exercise=0x62000+1
# And of the mark that shows the size, on a part that is smaller.
python3 - <<-'PYTHON'
	with open("rehearsal/units/A1/alt1.bin", "r+b") as memory:
	    memory.seek(0x80000)
	    memory.write(b"\x00" * 0x180000)
PYTHON
cp rehearsal/units/A1/alt1.bin before/A1
sweep flash-defective 'kind = "small-flash"; size = 0x80000; }, { slot = "A1"; kind = "brown-out"; at_operation = %d;' 1 1 --exercise=0x40000+1
sound

# The large sector of a Photon, and an STM32 by its job.
made photon 1
sweep healthy 'kind = "brown-out"; at_operation = %d;' 1 17 --exercise --regions ota
equal "units with an id of their own that had to be proven" 0 $unproven
made stm32-rom 2
sweep healthy 'kind = "brown-out"; at_operation = %d;' 2 41 --exercise=0x080e0000+1 --job stm32-rom.cfg
[ $unproven -ge 1 ] || fail "a unit known by its label only is never told to be unproven"

# Its label on another one, in whatever state it was cut off and the other one is: nothing is written to that one, and what is
# kept of the first one stays.
other() { # STATUS [OPTION...]: A2 with A1's label
	cp "$(pending)" kept
	expect "$1" "$STATION" diagnose --state rehearsal --slot A2 --device-id "$(device_of A1)" "${@:2}"
	cmp before/other rehearsal/units/A2/alt0.bin || fail "at $at, $state: the unit with the wrong label was written to"
	[ -n "$(pending)" ] || fail "at $at, $state: what is kept of the other unit is gone"
	cmp kept "$(pending)" || fail "at $at, $state: what is kept of the other unit is another"
	grep -q "only its label says that this is the unit" err || fail "at $at, $state: nobody is told: $(cat err)"
}
for at in 2 170; do
	again "{ slot = \"A1\"; kind = \"brown-out\"; at_operation = $at; }"
	exercise 1 --exercise=0x080e0000+1 --job stm32-rom.cfg
	for state in blank same odd; do
		case $state in
		blank) head -c 131072 /dev/zero | tr '\0' '\377' ;;
		same) bytes before/A1/alt0.bin $((0xe0000)) 131072 ;;
		odd) head -c 131072 /dev/urandom ;;
		esac | dd of=rehearsal/units/A2/alt0.bin bs=4096 seek=$((0xe0)) conv=notrunc status=none
		cp rehearsal/units/A2/alt0.bin before/other
		other 1
	done
	other 1 --exercise=0x080e0000+1 --yes
	grep -q "an earlier exercise of it was cut off" out || fail "at $at: $(cat out)"
	cp before/A2/alt0.bin rehearsal/units/A2/alt0.bin
	look_again "at $at, after another unit wore its label"
done

# strike SIGNAL NTH: exercises A1, and sends the signal when the nth sector is in work; prints the exit status
strike() {
	python3 - "$1" "$2" "$(device_of A1)" <<-'PYTHON'
		import os, signal, subprocess, sys
		name, nth, device = sys.argv[1], int(sys.argv[2]), sys.argv[3]
		out, err = open("out", "w"), open("err", "w")
		station = subprocess.Popen([os.environ["STATION"], "diagnose", "--state", "rehearsal", "--slot", "A1",
		    "--exercise=0x40000+0x40000", "--yes"], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
		seen = set()
		while len(seen) < nth and station.poll() is None:
		    try:
		        seen.update(entry for entry in os.listdir("rehearsal/exercise/" + device) if entry.endswith(".sector"))
		    except FileNotFoundError:
		        pass
		station.send_signal(getattr(signal, name))
		print(station.wait())
	PYTHON
}

# The station dies, at any moment.
made core 1
killed=0
for i in $(seq 60); do
	again
	status=$(strike SIGKILL $((i % 20 + 1)))
	[ "$status" = -9 ] || continue
	pending=$(pending)
	look_again "killed"
	[ -n "$pending" ] || continue
	put_back "killed"
	killed=$((killed + 1))
	[ $killed -lt 6 ] || break
done
[ $killed -ge 3 ] || fail "killed in a sector only $killed times"

# Ctrl-C: the sector in work is put back before the station ends.
stopped=0
for i in $(seq 20); do
	again
	status=$(strike SIGINT "$i")
	as_before "Ctrl-C"
	[ "$status" = 130 ] || continue
	equal "Ctrl-C" "ABORTED|stopped" "$(last "outcome || '|' || reason FROM attempt a WHERE 1")"
	stopped=$((stopped + 1))
	[ $stopped -lt 3 ] || break
done
[ $stopped -ge 1 ] || fail "it was never stopped"
sound

# cut_off: A1 lost its power in the middle of a sector with data
cut_off() {
	again '{ slot = "A1"; kind = "brown-out"; at_operation = 4; }'
	exercise 1 --exercise=0x62000+0x1000
	rm rehearsal/units/A1/faults.cfg
	[ -n "$(pending)" ] || fail "nothing is pending"
	cmp -s before/A1/alt1.bin rehearsal/units/A1/alt1.bin && fail "it was not cut off"
	return 0
}

# On the line: before it is found to be made already; and by a job that makes it.
cut_off
expect 0 "$STATION" rehearse core.cfg --units 1
equal "on the line" "SKIPPED|already-made" "$(last "outcome || '|' || reason FROM attempt a WHERE 1")"
put_back "on the line"
as_before "on the line"
cut_off
sed -e 's/region = "factory"/region = "backup"/' core.cfg >other.cfg
expect 0 "$STATION" rehearse other.cfg --units 1 --rework
equal "made anew" "identify|PASS restore-exercise|PASS check|PASS" "$(last "s.name || '|' || s.outcome FROM step s
	JOIN attempt a ON a.id = s.attempt_id WHERE s.seq <= 3" | xargs)"
same_but before/A1/alt1.bin rehearsal/units/A1/alt1.bin $((0x1000)):8192 $((0x40000)):131072
equal "nothing is pending" "" "$(pending)"

# One that is set aside stays as it is until it is released.
made core 1
cut_off
expect 0 "$STATION" mark "$(sql "SELECT device_id FROM attempt WHERE slot = 'A1' LIMIT 1")" quarantine --state rehearsal --note test --operator Jo
expect 1 "$STATION" rehearse core.cfg --units 1
equal "set aside" "REFUSED|quarantined" "$(last "outcome || '|' || reason FROM attempt a WHERE 1")"
[ -n "$(pending)" ] || fail "a unit in quarantine was written to"
look_again "at the returns bench"

# Somebody wrote to the sector meanwhile: that is left alone, and told; a person may decide otherwise.
foreign() {
	cut_off
	head -c 700 "$SOURCE/jobs/images/core-user.bin" | dd of=rehearsal/units/A1/alt1.bin bs=4096 seek=$((0x62)) conv=notrunc status=none
	cp rehearsal/units/A1/alt1.bin written.bin
	"$STATION" diagnose --state rehearsal --slot A1 >out 2>err || equal "exit status" 1 $?
	cmp written.bin rehearsal/units/A1/alt1.bin || fail "what somebody wrote is gone"
	case "$(found exercise-set-aside)" in
	"unit: alt 1: an exercise of the sector at 0x00062000 was cut off (attempt "*"), but it holds something else since: "*) ;;
	*) fail "it is told as: $(found exercise-set-aside)" ;;
	esac
	equal "pending" "" "$(pending)"
	"$STATION" diagnose --state rehearsal --slot A1 >out 2>err || true
	equal "told once" "" "$(found exercise-set-aside)"
	cmp written.bin rehearsal/units/A1/alt1.bin || fail "what somebody wrote is gone at the second visit"
}
made core 1
foreign
# An exercise of that sector does not take the journal of the other one with it.
expect 1 "$STATION" diagnose --state rehearsal --slot A1 --exercise=0x62000+1 --yes
cmp written.bin rehearsal/units/A1/alt1.bin || fail "it changed what somebody wrote"
"$STATION" diagnose --state rehearsal --slot A1 --put-back >out 2>err || true
put_back "as a person decided"
as_before "as a person decided"
equal "nothing is aside" "" "$(find rehearsal/exercise -type f)"

# A journal that is damaged is no reason to write anything, nor to stop.
cut_off
cp rehearsal/units/A1/alt1.bin written.bin
printf 'x' | dd of="$(pending)" bs=1 seek=2000 conv=notrunc status=none
"$STATION" diagnose --state rehearsal --slot A1 >out 2>err || equal "exit status" 1 $?
case "$(found exercise-set-aside)" in
*"its sum is wrong") ;;
*) fail "it is told as: $(found exercise-set-aside)" ;;
esac
cmp written.bin rehearsal/units/A1/alt1.bin || fail "a damaged journal was written back"
# Nor is one of a sector with a key, whoever made it.
cut_off
python3 - <<-'PYTHON'
	import glob, hashlib
	path, = glob.glob("rehearsal/exercise/*/alt1-0x00062000.sector")
	text = open(path, "rb").read()[:-32].replace(b"0x00062000", b"0x00002000")
	open(path.replace("62000", "02000"), "wb").write(text + hashlib.sha256(text).digest())
PYTHON
"$STATION" diagnose --state rehearsal --slot A1 --put-back >out 2>err || equal "exit status" 1 $?
as_before "a journal of a key"
case "$(found exercise-set-aside)" in
"unit: alt 1: an exercise of the sector at 0x00002000 was cut off "*"but a key stands there") ;;
*) fail "it is told as: $(found exercise-set-aside)" ;;
esac
sound
