#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F04 at the returns bench: an external flash that is smaller than it announces, so that addresses meet. The write test says
# which size it has, and destroys nothing by that: neither keys, which lie where its upper addresses meet, nor anything else.
. "$(dirname "$0")/exercise.sh"

# small BYTES [OPTION...]: A1 has so little; it is found, and not a byte changes, keys least of all
small() {
	local size=$1
	shift
	again "{ slot = \"A1\"; kind = \"small-flash\"; size = $size; }"
	exercise 1 "$@"
	equal "$size: verdict" flash-defective "$(verdict)"
	case "$(found flash-size)" in
	"alt1: it announces 2048 KiB and has $((size / 1024)): what is written at 0x000"*) ;;
	*) fail "$size is told as: $(found flash-size)" ;;
	esac
	equal "$size: what does not hold" "" "$(found flash-bad)"
	as_before "$size $*"
	equal "$size: the step" PASS "$(last "s.outcome FROM step s JOIN attempt a ON a.id = s.attempt_id WHERE s.name = 'exercise-size'")"
}

# tested: the regions of the last attempt where something was written
tested() {
	last "f.subject FROM finding f JOIN attempt a ON a.id = f.attempt_id WHERE f.reason = 'flash-good'" | xargs
}

# What the flash holds repeats, as it would be read from such a part.
repeats() { # BYTES
	rm -rf before
	python3 - "$1" <<-'PYTHON'
		import sys
		size = int(sys.argv[1])
		with open("rehearsal/units/A1/alt1.bin", "r+b") as memory:
		    memory.seek(size)
		    memory.write(b"\x00" * (0x200000 - size)) # nobody reads it
	PYTHON
	cp -r rehearsal/units before
}

for job in "" "--job core.cfg"; do
	made core 1
	repeats $((0x100000))
	small $((0x100000)) --exercise $job
	repeats $((0x80000))
	small $((0x80000)) --exercise $job
	equal "512 KiB: tested" "$([ -z "$job" ] || echo "user factory ")backup ota" "$(tested)"
	is_left_out=$(found not-exercised)
	equal "512 KiB: left out" "spi-user: 384 sectors were left out, as they may be others of the same memory" "$is_left_out"
	# Where only what does not exist is asked for.
	small $((0x80000)) --exercise --regions spi-user $job
	equal "spi-user of 512 KiB: tested" "" "$(tested)"
	small $((0x80000)) --exercise=0x82000+0x1000 $job
	repeats $((0x40000))
	small $((0x40000)) --exercise $job
	# Below its end nothing may be written but what is empty, and there the mark falls.
	repeats $((0x20000))
	small $((0x20000)) --exercise $job
	equal "128 KiB: tested" "$([ -z "$job" ] || echo user)" "$(tested)"
	# Not even that: the mark would fall on what somebody has reserved.
	printf 'mine' | dd of=rehearsal/units/A1/alt1.bin bs=1 seek=$((0x800)) conv=notrunc status=none
	cp rehearsal/units/A1/alt1.bin before/A1
	again '{ slot = "A1"; kind = "small-flash"; size = 0x20000; }'
	exercise 1 --exercise $job
	equal "128 KiB: size" "alt1: announces 2048 KiB, has at least 128; its contents repeat, and there is no sector where a mark would harm nothing" \
		"$(found flash-size-unproven)"
	as_before "128 KiB"
	sound
done

# A part that is new has nothing on it that could repeat, nor anything to lose.
made core 1
python3 - <<-'PYTHON'
	with open("rehearsal/units/A1/alt1.bin", "r+b") as memory:
	    memory.write(b"\xff" * 0x200000)
PYTHON
rm -rf before
cp -r rehearsal/units before
for size in 0x100000 0x80000 0x40000 0x10000 0x2000 0x1000; do
	small $((size)) --exercise --regions ota
done
again
exercise 1 --exercise --regions ota,spi-user
equal "a new part of the right size" "||ota spi-user" "$(found flash-size)|$(found flash-size-unproven)|$(tested)"
as_before "a new part of the right size"

# Blank but for its reserved sector, where a mark might fall: nobody writes one.
printf 'mine' | dd of=rehearsal/units/A1/alt1.bin bs=1 seek=$((0x800)) conv=notrunc status=none
cp rehearsal/units/A1/alt1.bin before/A1
again '{ slot = "A1"; kind = "small-flash"; size = 0x1000; }'
exercise 1 --exercise
[ -n "$(found flash-size-unproven)" ] || fail "a mark was made"
as_before "4 KiB"

# The P1's external flash, blank as it comes.
made p1 1
again
dd if=/dev/zero bs=64K count=16 status=none | tr '\000' '\377' >rehearsal/units/A1/alt2.bin
cp rehearsal/units/A1/alt2.bin before/A1
exercise 0 --exercise --regions serial-flash
equal "P1" "|serial-flash" "$(found flash-size-unproven)|$(tested)"
as_before P1
sound
