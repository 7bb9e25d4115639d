# SPDX-License-Identifier: Apache-2.0
# What the tests on emulated buses share, beside what the flow tests do.
. "$SOURCE/tests/flow/lib.sh"
: "${BUILT:?the folder of umock-run}" "${HELPERS:?the folder of the helper programs}"
"$BUILT/umock-run" --units 1 --folder probe -- true 2>err || { tail -n 3 err; exit 77; }

# config SLOTS [CLOUDS]: ./station.cfg with the slots A1 at 1-1, A2 at 1-2..., and its clouds
config() {
	local i
	printf 'station : { id = "bench-1"; state_dir = "rehearsal"; parallel = 16; pinned_images = false; slots = (' >station.cfg
	for i in $(seq "$1"); do
		printf '%s{ name = "A%d"; port = "1-%d"; }' "$([ "$i" -eq 1 ] || echo ,)" "$i" "$i" >>station.cfg
	done
	printf '); clouds = ( %s ); };\n' "${2:-}" >>station.cfg
}

# cloud API: the virtual cloud in a process of its own, in ./c; $clouds is its entry for config, pid $SERVER_PID
cloud() {
	local line url ca token
	coproc SERVER { exec "$HELPERS/vcloud_server" c "$1"; }
	while read -r line <&"${SERVER[0]}" && [ "$line" != ready ]; do
		declare "${line%%=*}=${line#*=}"
	done
	clouds="{ name = \"main\"; api = \"$1\"; url = \"$url\"; ca_file = \"$PWD/$ca\"; token_file = \"$PWD/$token\"; settle_ms = 100; }"
}
stop_cloud() {
	kill "$SERVER_PID"
	wait "$SERVER_PID" 2>/dev/null || true
}

# under UNITS FAMILY FUNCTION: runs it (export -f) on a machine with so many units, with $faults if set; output goes to ./out
# and ./err
under() {
	expect 0 "$BUILT/umock-run" --units "$1" --family "$2" --folder units ${faults:+--faults "$faults"} -- bash -c "set -euo pipefail; $3"
}

# bus VERB PORT...: changes the bus that the command runs on (front_tell.h); prints what is said
bus() {
	local answer
	printf '%s\n' "$*" >"$BUS_TELL"
	read -r answer <"$BUS_SAYS"
	[ "${answer%% *}" = ok ] || fail "the bus: $*: $answer"
	echo "${answer#ok }"
}

id_of() { # UNIT
	jq -r .device_id "units/$1/unit.json"
}

# scans SLOTS: what a scanner says of the units in their own slots
scans() {
	local i
	for i in $(seq "$1"); do
		echo "A$i $(id_of "A$i")"
	done
}
export -f fail expect wait_for bus id_of scans
