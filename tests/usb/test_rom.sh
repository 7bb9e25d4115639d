#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dfu-util and the virtual STM32 ROM judge the station and each other: what it lists; both ways of writing and reading; option
# bytes; write protection, which nobody hears of; read protection, and what removing it costs; the leave.
. "$(dirname "$0")/lib.sh"
command -v dfu-util >/dev/null || { echo "skipped: dfu-util is not installed"; exit 77; }

# Small: dfu-util waits for as long as a ROM announces, 204 ms a block.
{ printf '\x00\x00\x02\x20\x09\x01\x00\x08'; head -c 9000 /dev/urandom; } >program.bin
job stm32-rom -e 's|file = ".*stm32-user.bin"|file = "program.bin"|'
config 2

listed() {
	dfu-util -l >list
}
export -f listed
under 2 stm32-rom listed
equal "units with four settings each" 8 "$(grep -c 'Found DFU: \[0483:df11\] ver=2200' list)"
for name in '@Internal Flash  /0x08000000/04\*016Kg,01\*064Kg,07\*128Kg' '@Option Bytes  /0x1FFFC000/01\*016 e' \
	'@OTP Memory /0x1FFF7800/01\*512 e,01\*016 e' '@Device Feature/0xFFFF0000/01\*004 e'; do
	equal "$name" 2 "$(grep -c "name=\"$name\", serial=\"STM32FxSTM32\"" list)"
done

# looked: verify until both units have an outcome
looked() {
	local i verify
	: >events
	"$STATION" verify stm32-rom.cfg --config station.cfg --json </dev/null >events 2>verify.err &
	verify=$!
	for i in $(seq 1200); do
		[ "$(jq -c 'select(.event == "outcome")' events | wc -l)" -lt 2 ] || break
		sleep 0.1
	done
	kill -TERM $verify
	wait $verify || [ $? -eq 130 ]
	jq -r 'select(.event == "outcome") | .slot + " " + .outcome + " " + (.reason // "-")' events | sort | xargs
}
# dfu PORT ARGUMENT...
dfu() {
	local port=$1
	shift
	dfu-util -p "1-$port" "$@" >dfu-util.out 2>&1 || fail "dfu-util $*: $(tail -n 4 dfu-util.out)"
}
is_gone() { # PORT
	dfu-util -l >listed
	! grep "path=\"$1\"" listed
}
export -f looked dfu is_gone

# What the station wrote, dfu-util reads; so it does with the option bytes that the station recorded.
made() {
	"$STATION" run stm32-rom.cfg --config station.cfg --quantity 2 --plain >run.out 2>run.err </dev/null
}
read_back() {
	dfu 1 -a 0 -s 0x08000000:9008 -U back1
	dfu 2 -a 0 -s 0x08000000:9008 -U back2
	dfu 2 -a 1 -s 0x1FFFC000:16 -U options
}
export -f made read_back
under 2 stm32-rom made
equal PASS 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS' AND device_id IS NULL")"
under 2 stm32-rom read_back
cmp program.bin back1
cmp program.bin back2
equal "option bytes" "$(od -An -v -tx1 options | tr -d ' \n')" \
	"$(sql "SELECT value FROM observation o JOIN attempt a ON a.id = o.attempt_id WHERE a.slot = 'A2' AND o.name = 'option-bytes'")"

# What dfu-util wrote is PASS for verify, until it changes a byte.
rm -rf units
cp program.bin wrong.bin
printf '\x5a\xa5' | dd of=wrong.bin bs=1 seek=5000 conv=notrunc status=none
written() {
	dfu 1 -a 0 -s 0x08000000 -D program.bin
	dfu 2 -a 0 -s 0x08000000 -D program.bin
	looked >good
	dfu 2 -a 0 -s 0x08000000 -D wrong.bin
	looked >bad
}
export -f written
under 2 stm32-rom written
equal "written by dfu-util" "A1 PASS - A2 PASS -" "$(cat good)"
equal "two bytes changed by dfu-util" "A1 PASS - A2 FAIL flash-bad" "$(cat bad)"

# A write-protected sector: dfu-util says that all went well, and nothing was written.
cp units/A2/alt0.bin before
printf '\xfe' | dd of=units/A2/alt1.bin bs=1 seek=8 conv=notrunc status=none
protected() {
	dfu 2 -a 0 -s 0x08000000 -D program.bin
	looked >verified
}
export -f protected
under 2 stm32-rom protected
cmp before units/A2/alt0.bin || fail "a write-protected sector was written"
equal "verified" "A1 PASS - A2 FAIL flash-bad" "$(cat verified)"

# Read protection: dfu-util cannot read, the station says why, and lifting it erases everything and resets.
printf '\x55' | dd of=units/A2/alt1.bin bs=1 seek=1 conv=notrunc status=none
unprotected() {
	! dfu-util -p 1-2 -a 0 -s 0x08000000:16 -U secret >dfu-util.out 2>&1 || fail "a read-protected unit was read"
	looked >verified
	dfu-util -p 1-2 -a 0 -s 0x08000000:unprotect:force >dfu-util.out 2>&1 || true
	wait_for is_gone 1-2
}
export -f unprotected
under 2 stm32-rom unprotected
equal "read-protected" "A1 PASS - A2 FAIL read-protected" "$(cat verified)"
erased units/A2/alt0.bin 0 $((0x100000))
equal "level 0 again" aa "$(bytes units/A2/alt1.bin 1 1 | od -An -tx1 | xargs)"

# Sent out of DFU at an address where there is a program: it is gone from the bus, as this one has no USB.
left() {
	dfu 1 -a 0 -s 0x08000000:leave -D program.bin
	wait_for is_gone 1-1
}
export -f left
under 2 stm32-rom left
