#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station verify on units behind the real libusb (umockdev): what station run has made is PASS, not a byte of it changes, one
# wrong byte is found; and station list says meanwhile that they are in work, and disturbs nothing.
. "$(dirname "$0")/../flow/lib.sh"
: "${BUILT:?the folder of umock-run}" "${HELPERS:?the folder of the helper programs}"
"$BUILT/umock-run" --units 1 --folder probe -- true 2>err || { tail -n 3 err; exit 77; }

job photon
coproc SERVER { exec "$HELPERS/vcloud_server" c json; }
while read -r line <&"${SERVER[0]}" && [ "$line" != ready ]; do
	declare "${line%%=*}=${line#*=}"
done
cat >station.cfg <<-END
	station : {
		id = "bench-1"; state_dir = "rehearsal"; pinned_images = false;
		slots = ( { name = "A1"; port = "1-1"; }, { name = "A2"; port = "1-2"; } );
		clouds = ( { name = "main"; api = "json"; url = "$url"; ca_file = "$PWD/$ca"; token_file = "$PWD/$token"; } );
	};
END
expect 0 "$BUILT/umock-run" --units 2 --family photon --folder units -- \
	"$STATION" run photon.cfg --config station.cfg --quantity 2 --plain </dev/null
kill "$SERVER_PID"
# Verify needs no cloud: it is gone.
cp -r units before

cat >look.sh <<-'END'
	"$STATION" verify photon.cfg --config station.cfg --json </dev/null >events &
	verify=$!
	for _ in $(seq 1200); do
		"$STATION" list --config station.cfg --json >list.part
		jq -r 'select(.state == "in-work") | .port' list.part >>busy
		[ "$(jq -c 'select(.event == "outcome")' events | wc -l)" -lt 2 ] || break
		sleep 0.1
	done
	kill -TERM $verify
	wait $verify
END
look() {
	rm -f busy events
	expect 130 "$BUILT/umock-run" --units 2 --family photon --folder units --speed 0.1 -- bash look.sh
	for slot in A1 A2; do
		cmp "before/$slot/alt0.bin" "units/$slot/alt0.bin" || fail "verify changed $slot"
	done
}
outcomes() {
	jq -r 'select(.event == "outcome") | .slot + " " + .outcome + " " + (.reason // "-")' events | sort | xargs
}

look
equal outcomes "A1 PASS - A2 PASS -" "$(outcomes)"
equal "in work meanwhile" "1-1 1-2" "$(sort -u busy | xargs)"
equal kind "provision verify" "$(sql 'SELECT DISTINCT kind FROM batch ORDER BY kind' | xargs)"

printf '\x5a' | dd of=units/A2/alt0.bin bs=1 seek=$((0xa1234)) conv=notrunc status=none
rm -rf before
cp -r units before
look
equal "one wrong byte" "A1 PASS - A2 FAIL flash-bad" "$(outcomes)"
jq -r 'select(.outcome == "FAIL") | .detail' events | grep 'alt 0: 0x080a1234: expected .*, found 5a; 1 bytes differ' >/dev/null || fail "no address"
