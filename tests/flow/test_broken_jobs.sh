#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Jobs, profiles and images that cannot be right are refused with exit status 2, with a message that names file and line,
# by check and by rehearse alike, and no unit is touched.
. "$(dirname "$0")/lib.sh"
images=$SOURCE/jobs/images
mkdir families
cp "$images"/*.bin .
count=0

# refused WHAT PATTERN FILE: FILE is refused, and some line of the message matches the pattern
refused() {
	count=$((count + 1))
	expect 2 "$STATION" check "$3"
	grep -Eq "$2" err || { cat err >&2; fail "$1: no message like '$2'"; }
	grep -Eq '\.(cfg|bin|der):?[0-9]*' err || fail "$1: the message names no file"
	expect 2 "$STATION" rehearse "$3" --units 1
	[ ! -e rehearsal/units ] || fail "$1: a unit was made"
	[ ! -e rehearsal/station.db ] || equal "$1: attempts" 0 "$(sql 'SELECT count(*) FROM attempt')"
}

# broken WHAT PATTERN SED-SCRIPT: the Photon job, changed
broken() {
	job photon -e "$3"
	refused "$1" "$2" photon.cfg
}

# flip FILE OFFSET: turns the bits of one byte
flip() {
	local byte
	byte=$(bytes "$1" "$2" 1 | od -An -tu1)
	# shellcheck disable=SC2059
	printf "\\x$(printf %x $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

broken "unknown key" 'photon.cfg:[0-9]+.*colour' 's|after      =|colour = "red"; after =|'
broken "wrong type" 'photon.cfg:[0-9]+.*quantity' 's|quantity = 0|quantity = "many"|'
broken "integer out of range" 'photon.cfg:[0-9]+.*quantity' 's|quantity = 0|quantity = -1|'
broken "integer that wraps" 'photon.cfg:[0-9]+' 's|quantity = 0|quantity = 4294967296|'
broken "unknown family" 'photon.cfg:[0-9]+.*toaster' 's|"photon";|"toaster";|'
broken "family that leaves its folder" 'photon.cfg:[0-9]+' 's|"photon";|"../photon";|'
broken "missing file" 'nowhere.bin' 's|photon-user.bin|nowhere.bin|'
broken "wrong sha256" 'photon.cfg:[0-9]+.*sha256' "s|photon-user.bin\"|photon-user.bin\"; sha256 = \"$(printf '0%.0s' $(seq 64))\"|"
broken "unknown region" 'photon.cfg:[0-9]+.*attic' 's|"user"; |"attic";|'
broken "region twice" 'photon.cfg:[0-9]+.*factory|photon.cfg:[0-9]+.*user' 's|"factory"; |"user";|'
broken "region that DFU cannot write" 'eeprom1' 's|"factory"; |"eeprom1"; |'
broken "user part as a bootloader" 'bootloader.*function' 's|"factory"; |"bootloader";|'
broken "image of another region" 'photon.cfg:[0-9]+.*system-part1' 's|photon-system-part1|photon-system-part2|'
broken "image of another family" 'core-user.bin.*module header' 's|photon-user.bin|core-user.bin|'
broken "enrolment without a key" 'photon.cfg:[0-9]+.*device_key' '/device_key/d'
broken "unknown key slot" 'photon.cfg:[0-9]+.*device-dsa' 's|device-rsa|device-dsa|'
broken "server key in a device slot" 'photon.cfg:[0-9]+' 's|"server-rsa"|"device-rsa"|'
broken "server key that is none" 'photon-user.bin|server_key' "s|$SOURCE/jobs/cloud-rsa.pub.der|photon-user.bin|; s|cloud-rsa.pub.der|images/photon-user.bin|"
broken "host that is no name" 'photon.cfg:[0-9]+.*host|address' 's|device.example.com|a b|'
broken "syntax" 'photon.cfg:[0-9]+' 's|name = "photon-tinker";|name = ;|'
broken "include" 'photon.cfg:[0-9]+.*include' '1i @include "core.cfg"'
broken "unknown end" 'photon.cfg:[0-9]+' 's|after      = "leave"|after = "party"|'

job core -e 's|"factory";|"bootloader";|'
refused "bootloader that only SWD can write" 'bootloader.*SWD' core.cfg

# Every cloud of a rehearsal is the virtual one, so only check can know better.
job photon -e 's|cloud = "main"|cloud = "moon"|'
expect 2 "$STATION" check photon.cfg
grep -Eq 'photon.cfg:[0-9]+.*moon' err || fail "unknown cloud: no message"

cp photon-user.bin damaged.bin
flip damaged.bin 3000
job photon -e "s|$SOURCE/jobs/images/photon-user.bin|$work/damaged.bin|"
refused "CRC error" 'damaged.bin.*CRC' photon.cfg

p1=$SOURCE/../shared/images/p1-tinker-0.4.5.bin
if [ -e "$p1" ]; then
	job photon -e "s|$SOURCE/jobs/images/photon-user.bin|$p1|"
	refused "image of another platform" 'platform 8.*platform 6|platform.*6.*8' photon.cfg
fi

head -c 4000 photon-user.bin >short.bin
job photon -e "s|$SOURCE/jobs/images/photon-user.bin|$work/short.bin|"
refused "truncated image" 'short.bin' photon.cfg

{ cat photon-user.bin; head -c 140000 /dev/zero; } >huge.bin
job photon -e "s|$SOURCE/jobs/images/photon-user.bin|$work/huge.bin|"
refused "image larger than its region" 'huge.bin' photon.cfg

job photon
profile() { # WHAT PATTERN SED-SCRIPT: the Photon profile, changed
	sed -e "$3" "$SOURCE/config/families/photon.cfg" >families/photon.cfg
	cmp -s families/photon.cfg "$SOURCE/config/families/photon.cfg" && fail "$1: nothing was changed"
	refused "$1" "$2" photon.cfg
}
profile "profile: unknown key" 'families/photon.cfg:[0-9]+' '0,/platform_id/s|platform_id|platform_no|'
profile "profile: undeclared overlap" 'families/photon.cfg:[0-9]+.*overlap' 's|overlaps *= *[^;]*;||'
profile "profile: key slot outside the DCT" 'families/photon.cfg:[0-9]+' 's|address *= *2082|address = 8380|'
profile "profile: layout that cannot be parsed" 'families/photon.cfg:[0-9]+' 's|/0x08000000/03\*016Ka|/0x08000000/03*x|'
rm families/photon.cfg
[ "$count" -ge 25 ] || fail "only $count cases"
