#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station list on a real kernel: the layout strings that it keeps, its serial driver, which gets its line back after
# units were asked over it, and who holds what.
. "$(dirname "$0")/../flow/lib.sh"
. "$(dirname "$0")/vm/vm.sh"

mkdir -p share config
cp -r "$SOURCE/config/families" config/families
cat >config/station.cfg <<'END'
station : { id = "bench-1"; state_dir = "/b/state"; };
END
# Each scene leaves its lists as files of JSON.
cat >inside.sh <<'END'
list() { # NAME [OPTION...]
	name=$1
	shift
	station list --config /config/station.cfg --json "$@" >/out/"$name" || exit 1
}
line() {
	i=0
	until [ -c /dev/ttyACM0 ] || [ $i = 100 ]; do sleep 0.1; i=$((i + 1)); done
	[ -c /dev/ttyACM0 ]
}
scene=$1
i=0
while [ $i -lt 100 ] && ! station list --no-open --json | grep '"usb_id":"[12]' >/dev/null; do
	sleep 0.1
	i=$((i + 1))
done
list "$scene"
case $scene in
*-dfu) ;;
*)
	line || exit 1
	list "$scene-no-open" --no-open
	list "$scene-ask" --ask
	line || exit 1
	list "$scene-again" --ask
	sleep 100 </dev/ttyACM0 &
	i=0
	until [ "$(cat /proc/$!/comm)" = sleep ] || [ $i = 100 ]; do sleep 0.1; i=$((i + 1)); done
	list "$scene-held" --ask
	kill $!
	;;
esac
END
cat >scenes.sh <<'END'
mkdir -p /b
cd /b
for family in core photon p1; do
	usbip-run --family $family --mode dfu --folder $family -- sh /inside.sh $family-dfu || exit 1
done
usbip-run --family photon --mode run --folder run -- sh /inside.sh run || exit 1
usbip-run --family photon --mode listening --folder listening -- sh /inside.sh listening || exit 1
usbip-run --family photon --mode listening --old --folder old -- sh /inside.sh old || exit 1
cp run/A1/unit.json /out/run.unit
cp old/A1/unit.json /out/old.unit
END
expect 0 in_vm -f "$STATION:/usr/bin/station" -f "$PWD/config:/config" -f "$PWD/inside.sh:/inside.sh" \
	-f "$PWD/scenes.sh:/scenes.sh" -o "$PWD/share" -- "sh /scenes.sh"

# is SCENE FIELD VALUE: of the unit, which is alone on its bus
is() {
	equal "$1: $2" "$3" "$(jq -r "select(.usb_id != null) | .$2" "share/$1")"
}
for family in core photon p1; do
	is "$family-dfu" state ready
	is "$family-dfu" mode DFU
done
for asked in "" -ask -again; do
	is "run$asked" mode running
	is "run$asked" state ready
	is "run$asked" device_id "$(jq -r .device_id share/run.unit)"
	is "listening$asked" mode listening
done
is run system_version 1.4.4
is run-no-open system_version null
is listening-no-open mode running
is old mode running
is old device_id null
is old-ask mode listening
is old-ask device_id_source listening
is old-ask device_id "$(jq -r .device_id share/old.unit)"
is old-again device_id "$(jq -r .device_id share/old.unit)"
is old-held state held
jq -r 'select(.usb_id != null) | .why' share/old-held | grep 'its serial line /dev/ttyACM0 open: sleep (process' >/dev/null ||
	fail "the holder of the line is not named"
