#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the station costs on top of the device, at real device timing (--speed 1) on the virtual bus: prints ratios of two
# things measured in the same run. Not a test: a shared machine is noisy. Takes some minutes.
#   bench.sh STATION-PROGRAM [UNITS]
set -euo pipefail
station=$(realpath "$1")
units=${2:-16}
source=$(realpath "$(dirname "$0")/../..")
export STATION_CONFIG="$source/config/station.cfg"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# attempt FAMILY UNITS: mean and longest attempt in ms, the device's own time of unit A1 in ms, CPU seconds
attempt() {
	rm -rf rehearsal
	/usr/bin/env TIMEFORMAT='%U %S' bash -c 'time "$0" rehearse "$1" --units "$2" --speed 1 --json' \
		"$station" "$source/jobs/$1.cfg" "$2" >out 2>cpu
	sqlite3 -readonly rehearsal/station.db "SELECT avg(ended_at - started_at), max(ended_at - started_at),
		sum(outcome = 'PASS') FROM attempt" | tr '|' ' '
	grep '"event":"unit","slot":"A1"' out | tr -c '0-9a-z_\n' ' ' |
		awk '{for (i = 1; i < NF; i++) if ($i == "flash_us" || $i == "wire_us" || $i == "boot_us" || $i == "announced_us") sum += $(i + 1)}
			END {print sum / 1000}'
	tail -n 1 cpu | awk '{print $1 + $2}'
}

for family in core photon; do
	mapfile -t one < <(attempt "$family" 1)
	mapfile -t many < <(attempt "$family" "$units")
	read -r mean _ pass <<<"${one[0]}"
	read -r mean_many longest pass_many <<<"${many[0]}"
	awk -v f="$family" -v m="$mean" -v d="${one[1]}" -v mm="$mean_many" -v l="$longest" -v u="$units" -v c="${many[2]}" \
		-v p="$pass" -v pm="$pass_many" 'BEGIN {
		printf "%s: 1 unit over the device itself:  %.4f  (%.2f s over %.2f s), %d PASS\n", f, m / d, m / 1000, d / 1000, p
		printf "%s: %d units over 1, mean:           %.4f  (longest %.4f), %d PASS\n", f, u, mm / m, l / m, pm
		printf "%s: CPU, cores per unit in work:    %.4f\n", f, c / u / (mm / 1000) }'
done
