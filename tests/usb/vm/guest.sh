# SPDX-License-Identifier: Apache-2.0
# For the scripts that run inside the machine (busybox), under usbip-run or around it.
set -eu

fail() {
	echo "FAILED: $*" >&2
	exit 99
}

# bus VERB PORT...: changes the bus that the command runs on (front_tell.h)
bus() {
	echo "$*" >"$BUS_TELL"
	read -r answer <"$BUS_SAYS"
	[ "${answer%% *}" = ok ] || fail "the bus: $*: $answer"
}

# until_true COMMAND: waits for it, for two minutes at most
until_true() {
	tries=0
	until eval "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || fail "it never came: $1"
		sleep 0.1
	done
}

# config UNITS CONTROLLERS CLOUDS [MORE]: ./station.cfg with the slots A1, A2... where usbip-run plugs in the units
config() {
	printf 'station : { id = "bench-1"; state_dir = "rehearsal"; pinned_images = false; parallel = 16; %s slots = (' "${4:-}"
	for i in $(seq "$1"); do
		printf '%s{ name = "A%d"; port = "%d-%d"; }' "$([ "$i" = 1 ] || echo ,)" \
			"$i" $(((i - 1) % $2 * 2 + 1)) $(((i - 1) / $2 + 1))
	done
	printf '); clouds = ( %s ); };\n' "$3"
} >station.cfg

# cloud: starts the virtual one; $clouds is its entry for the config
cloud() {
	mkfifo keep
	sleep 10000 >keep &
	vcloud_server c json <keep >cloud.txt &
	until_true "grep -q ready cloud.txt 2>/dev/null"
	eval "$(grep = cloud.txt)"
	clouds="{ name = \"main\"; api = \"json\"; url = \"$url\"; ca_file = \"$PWD/$ca\"; token_file = \"$PWD/$token\"; }"
}

# keep FILES...: gives them to the machine outside
keep() {
	rm -f units/BUS_*
	cp -r "$@" /out/
}
