#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dfu-util as judge, both ways: it reads back from the units, byte for byte, what station run wrote; and what it wrote is PASS
# for station verify, until it changes one byte.
. "$(dirname "$0")/lib.sh"
command -v dfu-util >/dev/null || { echo "skipped: dfu-util is not installed"; exit 77; }

# reads PORT ALT ADDRESS SIZE FILE
reads() {
	rm -f "$5"
	dfu-util -p "1-$1" -a "$2" -s "$3:$4" -U "$5" >dfu-util.out 2>&1 || fail "dfu-util cannot read $3 of 1-$1: $(tail -n 3 dfu-util.out)"
}
# writes PORT ALT ADDRESS FILE
writes() {
	dfu-util -p "1-$1" -a "$2" -s "$3" -D "$4" >dfu-util.out 2>&1 || fail "dfu-util cannot write $3 of 1-$1: $(tail -n 3 dfu-util.out)"
}

read_everything() { # the places are lines ALT ADDRESS FILE
	local port alt address file key_alt key_address key_size
	read -r key_alt key_address key_size <key || true
	for port in 1 2; do
		while read -r alt address file; do
			reads $port "$alt" "$address" "$(stat -c %s "$file")" back
			cmp "$file" back || fail "dfu-util reads other bytes at $address of 1-$port than $file"
		done <places
		[ -z "$key_alt" ] || reads $port "$key_alt" "$key_address" "$key_size" "key.$port"
	done
}

# looked STATUS: verify until both units have an outcome
looked() {
	local i verify
	scans 2 >labels
	: >events
	"$STATION" verify "$job.cfg" --config station.cfg --json <labels >events 2>verify.err &
	verify=$!
	for i in $(seq 1200); do
		[ "$(jq -c 'select(.event == "outcome")' events | wc -l)" -lt 2 ] || break
		sleep 0.1
	done
	kill -TERM $verify
	wait $verify || [ $? -eq 130 ]
	jq -r 'select(.event == "outcome") | .slot + " " + .outcome + " " + (.reason // "-")' events | sort | xargs
}

write_everything() {
	local port alt address file
	for port in 1 2; do
		while read -r alt address file; do
			writes $port "$alt" "$address" "$file"
		done <places
	done
	looked >good
	read -r alt address file <places
	cp "$file" wrong
	printf '\x5a' | dd of=wrong bs=1 seek=1234 conv=notrunc status=none
	writes 2 "$alt" "$address" wrong
	looked >bad
	[ "$job" != electron ] || { writes 2 "$alt" "$address" "$file" && looked >again; }
}
export -f reads writes read_everything looked write_everything
export job

# both_ways JOB
both_ways() {
	local i
	rm -rf units rehearsal
	job "$job" -e '/^\tenrol /d'
	config 2
	under 2 "$job" 'scans 2 | "$STATION" run $job.cfg --config station.cfg --quantity 2 --plain >run.out 2>run.err'
	equal "$job: PASS" 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
	# In DFU again, in a session of their own.
	under 2 "$job" read_everything
	[ ! -s key ] || for i in 1 2; do
		equal "$job: the key that dfu-util reads" "$(sql "SELECT key_fingerprint FROM attempt WHERE slot = 'A$i'")" "$(fingerprint_of_slot "key.$i" 0)"
	done
	# An Electron needs the bootloader that the station gave it, and dfu-util cannot.
	[ "$job" = electron ] || rm -rf units
	rm -rf rehearsal
	job "$job" -e '/^\tenrol /d' -e '/bootloader.bin/d' -e '/^\tdevice_key /d' -e '/^\tserver_key /d'
	sed -i '/cloud-/d' places # keys are not looked at by a job without them
	under 2 "$job" write_everything
	equal "$job: written by dfu-util" "A1 PASS - A2 PASS -" "$(cat good)"
	equal "$job: one byte changed by dfu-util" "A1 PASS - A2 FAIL flash-bad" "$(cat bad)"
	# It had held all of it before.
	[ "$job" != electron ] || equal "$job: and put right by it" "A1 PASS - A2 PASS -" "$(cat again)"
}

images=$SOURCE/jobs/images
job=photon
printf '%s\n' "0 0x080a0000 $images/photon-user.bin" "0 0x08020000 $images/photon-system-part1.bin" \
	"0 0x08060000 $images/photon-system-part2.bin" "0 0x080e0000 $images/photon-factory.bin" >places
echo "1 34 612" >key
head -c 294 "$SOURCE/jobs/cloud-rsa.pub.der" >cloud-rsa.der
echo "1 2082 cloud-rsa.der" >>places
both_ways
job=electron
printf '%s\n' "0 0x08080000 $images/electron-user.bin" "0 0x08020000 $images/electron-system-part2.bin" \
	"0 0x08040000 $images/electron-system-part3.bin" "0 0x08060000 $images/electron-system-part1.bin" \
	"0 0x080a0000 $images/electron-factory.bin" "1 3298 $SOURCE/jobs/cloud-p256.pub.der" >places
echo "1 3106 192" >key
both_ways
job=core
printf '%s\n' "0 0x08005000 $images/core-user.bin" "1 0x20000 $images/core-factory.bin" "1 0x1000 cloud-rsa.der" >places
echo "1 0x2000 1024" >key
both_ways
job=stm32-rom
echo "0 0x08000000 $images/stm32-user.bin" >places
: >key
both_ways
