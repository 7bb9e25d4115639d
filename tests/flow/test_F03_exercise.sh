#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F03 at the returns bench: flash that is bad where no job writes. The write test finds it, with address, expected and found,
# and everything else is as before: on each family, and on units that have nothing.
. "$(dirname "$0")/exercise.sh"

# Units that have nothing.
for name in core photon p1 stm32-rom; do
	made $name 2
	# External flash shows what its owner left, and somebody has to wipe it.
	expect "$([[ $name = core || $name = p1 ]] && echo 1 || echo 0)" "$STATION" diagnose --state rehearsal --job $name.cfg --exercise --yes
	as_before "$name, healthy"
	equal "$name: steps" "exercise-size|PASS exercise-pattern|PASS" "$(last "s.name || '|' || s.outcome FROM step s JOIN attempt a
		ON a.id = s.attempt_id WHERE s.name LIKE 'exercise%'" | xargs)"
	equal "$name: verdict" healthy "$(verdict)"
	[ -n "$(found flash-good)" ] || fail "$name: nothing was tested"
	equal "$name: faults" 0 "$(last "count(*) FROM finding f JOIN attempt a ON a.id = f.attempt_id WHERE f.state = 'fault'")"
done

# What is tested: not what is in use. The job has no application in ota and backup; it fills user and factory.
made core 1
exercise 1 --exercise --job core.cfg --json
python3 - <<-'PYTHON' || fail "the plan of a Core is another"
	import json
	plan, unit = [json.loads(line) for line in open("out")]
	assert plan["event"] == "exercise-plan" and plan["slot"] == "A1" and plan["erase_cycles"] == 3, plan
	image = 0x20000 + -(-__import__("os").path.getsize(__import__("os").environ["SOURCE"] + "/jobs/images/core-factory.bin") // 4096) * 4096
	user = 0x08005000 + -(-__import__("os").path.getsize(__import__("os").environ["SOURCE"] + "/jobs/images/core-user.bin") // 1024) * 1024
	expected = {("user", 0, user, (0x08020000 - user) // 1024), ("factory", 1, image, (0x40000 - image) // 4096),
	            ("backup", 1, 0x40000, 32), ("ota", 1, 0x60000, 32), ("spi-user", 1, 0x80000, 384)}
	assert {(r["region"], r["alt"], r["address"], r["sectors"]) for r in plan["ranges"]} == expected, plan["ranges"]
	assert plan["bytes"] == sum(r["sectors"] * r["sector_bytes"] for r in plan["ranges"]) and plan["time_ms"] > 0
	assert unit["event"] == "diagnosis" and {f["subject"] for f in unit["findings"] if f["code"] == "flash-good"} == {e[0] for e in expected}
PYTHON
as_before plan

# bad ENTRY SUBJECT PATTERN [OPTION...]: it is found, and everything is as before (where a cell is dead, that is as it was)
bad() {
	local entry=$1 subject=$2 pattern=$3
	shift 3
	cp -r before good
	again "{ slot = \"A1\"; $entry }"
	"$STATION" diagnose --state rehearsal --slot A1 >out 2>err || true
	cp rehearsal/units/A1/alt?.bin before/A1
	exercise 1 "${@:---exercise=0x60000+0x20000}"
	equal "$entry: verdict" flash-defective "$(verdict)"
	# shellcheck disable=SC2254
	case "$(found flash-bad)" in
	"$subject: "$pattern) ;;
	*) fail "$entry is told as: $(found flash-bad)" ;;
	esac
	as_before "$entry"
	rm -r before
	mv good before
}
bad 'kind = "dead-cell"; alt = 1; address = 0x6f100; bits = 0x10; value = 0;' ota \
	'1 of 32 sectors; first at 0x0006f100: expected ff, found ef; 1 bytes of that sector differ'
bad 'kind = "weak-cell"; alt = 1; address = 0x7f234; bits = 0xff;' ota \
	'1 of 32 sectors; first at 0x0007f234: expected ??, found ff; 1 bytes of that sector differ'
bad 'kind = "lost-write"; alt = 1; address = 0x7e000; size = 0x400;' ota \
	'1 of 32 sectors; first at 0x0007e000: expected ??, found ff; 10?? bytes of that sector differ'
bad 'kind = "dead-cell"; alt = 1; address = 0x41fff; bits = 0xff; value = 1;' backup '1 of 32 sectors; first at 0x00041fff: *' \
	--exercise --regions ota,backup
equal "narrowed" "backup flash-bad ota flash-good" "$(last "f.subject || ' ' || f.reason FROM finding f JOIN attempt a
	ON a.id = f.attempt_id WHERE f.reason LIKE 'flash-%'" | xargs)"
# One bit each that cannot be cleared: the pattern finds some of them, its complement the others.
bits=
for i in 0 1 2 3 4 5 6 7; do
	bits="$bits${bits:+ }, { slot = \"A1\"; kind = \"dead-cell\"; alt = 1; address = 0x6${i}124; bits = $((1 << i)); value = 1; }"
done
bits=${bits#, { slot = \"A1\"; }
bad "${bits% \}}" ota '8 of 32 sectors; first at 0x00060124: *; 1 bytes of that sector differ'
# A sector in use, because somebody asked for it.
bad 'kind = "dead-cell"; alt = 1; address = 0x20102; bits = 0xff; value = 1;' factory '1 of 1 sectors; first at 0x00020102: *' \
	--exercise=0x20100+1
# Data stand in a sector that cannot be erased: it is left at the first erase, with all of it.
bad 'kind = "keeps-sector"; alt = 1; address = 0x80000;' spi-user \
	'1 of 2 sectors; first at 0x00080000: expected ff, found ??; 40?? bytes of that sector differ' --exercise=0x80000+0x2000
# One that fails on the link, once, is tried again; nothing is wrong with it, and the record says so.
again '{ slot = "A1"; kind = "stall"; at_operation = 100; times = 1; }'
exercise 1 --exercise=0x60000+0x20000
equal "a stall" "healthy|PASS|1 operation was tried again" "$(verdict)|$(last "s.outcome || '|' || s.detail FROM step s JOIN attempt a
	ON a.id = s.attempt_id WHERE s.name = 'exercise-pattern'")"
as_before "a stall"

# A blank sector that cannot be erased takes the pattern and keeps it. That is told, the old contents are kept, nobody makes the
# unit before somebody has looked at it.
again '{ slot = "A1"; kind = "keeps-sector"; alt = 1; address = 0x7e000; }'
expect 0 "$STATION" mark "$(sql "SELECT device_id FROM attempt WHERE slot = 'A1' LIMIT 1")" released --state rehearsal
exercise 1 --exercise=0x7c000+0x3000
case "$(found exercise-not-restored)" in
"unit: alt 1: the sector at 0x0007e000 does not take its old contents back: 40"*) ;;
*) fail "it is told as: $(found exercise-not-restored)" ;;
esac
[ -e rehearsal/exercise/*/alt1-0x0007e000.aside ] || fail "its old contents are not kept"
equal "the rest" "" "$(pending)"
same_but before/A1/alt1.bin rehearsal/units/A1/alt1.bin $((0x7e000)):4096
expect 1 "$STATION" rehearse core.cfg --units 1
equal "its marks" "needs-repair quarantine" "$(sql 'SELECT mark FROM (SELECT id, mark FROM unit_mark ORDER BY id DESC LIMIT 2) ORDER BY id' | xargs)"
equal "on the line" "REFUSED|quarantined" "$(last "outcome || '|' || reason FROM attempt a WHERE 1")"
equal "modes" "700 600" "$(stat -c %a rehearsal/exercise/* rehearsal/exercise/*/* | xargs)"
sound

# A Photon compares what it programs, and refuses the block.
made photon 1
bad 'kind = "dead-cell"; alt = 0; address = 0x080dff05; bits = 0xff; value = 1;' ota \
	'1 of 1 sectors; first at 0x080dff05: expected ??, found ff; *the unit refused the write*' --exercise
# A bootloader waits in the update region: the unit would take half of it.
again
python3 - <<-'PYTHON'
	with open("rehearsal/units/A1/alt0.bin", "r+b") as memory:
	    for copy in 0x4000, 0x8000:
	        memory.seek(copy + 7548 + 1753)
	        memory.write(b"\xa5")
PYTHON
cp rehearsal/units/A1/alt?.bin before/A1
exercise 1 --exercise
equal "a bootloader waits" "unit: no flash is left to exercise: all of it is in use or must not be written" "$(found not-exercised)"
exercise 1 --exercise=0x080c0000+1
equal "a bootloader waits there" "unit: 0x080c0000 is never exercised: something waits there that its firmware is going to take; give another range" \
	"$(found not-exercised)"
as_before "a bootloader waits"
made p1 1
bad 'kind = "dead-cell"; alt = 2; address = 0x1005; bits = 0xff; value = 0;' serial-flash \
	'1 of 256 sectors; first at 0x00001005: expected ff, found 00; 1 bytes of that sector differ' --exercise
# What a job left is in use.
expect 1 "$STATION" diagnose --state rehearsal --exercise=0x080e0000+1 --yes
case "$(found flash-good)" in "factory: 1 sectors "*) ;; *) fail "a sector in use: $(found flash-good)" ;; esac

# Never: system parts, what DFU must not write, keys, and what the unit itself writes.
refused() { # RANGE WHY
	exercise 1 --exercise="$1"
	case "$(found not-exercised)" in
	"unit: "*" is never exercised: $2;"*) ;;
	*) fail "$1: $(found not-exercised)" ;;
	esac
	equal "$1" "" "$(last "1 FROM step s JOIN attempt a ON a.id = s.attempt_id WHERE s.name LIKE 'exercise%'")"
}
again
refused 0x08020000+4 "a system part stands there, which the unit may start before it is whole again"
refused 0x080a0000+4 "the unit itself writes there"
refused 0x08000000+4 "it is not flash that DFU erases and writes"
refused 0x0800c000+4 "its region is not for writing by DFU"
as_before refusals
made core 1
refused 0x0+0x200000 "its region is not for writing by DFU"
refused 0x1800+4 "a key stands there"

# Refused before anything is touched.
attempts=$(sql 'SELECT count(*) FROM attempt')
expect 2 "$STATION" diagnose --state rehearsal --exercise </dev/null
grep -q 'there is no terminal to ask on; give --yes' err || fail "without a terminal: $(cat err)"
for range in 0x60000 0x60000+ +4 0x60000+0 0xffffffff+2 0x60000-0x61000 -1+1; do
	expect 2 "$STATION" diagnose --state rehearsal --exercise=$range --yes
done
expect 2 "$STATION" diagnose --state rehearsal --yes
expect 2 "$STATION" diagnose --state rehearsal --regions ota
equal "nobody was looked at" "$attempts" "$(sql 'SELECT count(*) FROM attempt')"
exercise 1 --exercise --regions ota,nowhere
equal "no such region" "unit: --regions: Spark Core has no region nowhere" "$(found not-exercised)"

# On a terminal the slot's name is typed.
typed() { # ANSWER: what the last attempt found
	python3 - "$1" <<-'PYTHON'
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(os.environ["STATION"], ["station", "diagnose", "--state", "rehearsal", "--slot", "A1", "--exercise=0x60000+1"])
		said = b""
		try:
		    while True:
		        said += os.read(fd, 4096)
		        if b"to do it: " in said and sys.argv[1]:
		            os.write(fd, sys.argv[1].encode() + b"\n")
		            sys.argv[1] = ""
		except OSError:
		    pass
		os.waitpid(pid, 0)
	PYTHON
	last "f.reason FROM finding f JOIN attempt a ON a.id = f.attempt_id WHERE (f.reason LIKE '%exercised' OR f.reason LIKE 'flash-%')"
}
equal "another name" "not-exercised" "$(typed A2)"
equal "its name" "flash-good" "$(typed A1)"
as_before "on a terminal"
