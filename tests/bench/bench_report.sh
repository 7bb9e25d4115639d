#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What reports and exports cost on a database of many attempts, as ratios of two things measured in the same run, and as
# they were beside the machine's load. Not a test: a shared machine is noisy. 1,000,000 attempts take minutes and 3 GB.
#   bench_report.sh STATION-PROGRAM MAKE-RECORD-PROGRAM [ATTEMPTS [STATE]]
# STATE is a database that make-record left; it is then only read.
set -euo pipefail
station=$(realpath "$1")
make_record=$(realpath "$2")
attempts=${3:-1000000}
state=${4:-}
source=$(realpath "$(dirname "$0")/../..")
export STATION_CONFIG="$source/config/station.cfg"
[ -z "$state" ] || state=$(realpath "$state")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ -n "$state" ] || { "$make_record" big "$attempts" && state=$work/big; }
db=$state/station.db

# measure NAME COMMAND...: the best of three, its output thrown away: NAME_s wall, NAME_cpu seconds, NAME_kb of memory
measure() {
	local name=$1 best=
	shift
	for _ in 1 2 3; do
		python3 - "$@" >one <<'PY'
import os, resource, subprocess, sys, time
begin = time.monotonic()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.monotonic() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(status)
PY
		read -r s cpu kb <one
		best=$(printf '%s\n' "$best" "$s $cpu $kb" | awk 'NF' | sort -g | head -n 1)
	done
	read -r "${name}_s" "${name}_cpu" "${name}_kb" <<<"$best"
}
say() { # TEXT EXPRESSION
	awk -v t="$1" "BEGIN { printf \"%-60s %s\n\", t, $2 }"
}

batch=$(sqlite3 -readonly "$db" 'SELECT batch_id FROM attempt LIMIT 1 OFFSET 500')
count=$(sqlite3 -readonly "$db" 'SELECT count(*) FROM attempt')
steps=$(sqlite3 -readonly "$db" 'SELECT count(*) FROM step')
measure scan sqlite3 -readonly "$db" 'SELECT sum(length(name) + ended_at - started_at) FROM step'
measure nothing "$station" report --state "$state" --all --until 2000-01-01 --format json
measure one "$station" report --state "$state" --batch "$batch" --format json
measure year "$station" report --state "$state" --all --format json
measure export "$station" export --state "$state"
measure csv "$station" report --state "$state" --all --format csv
printf '%s attempts, %s steps; load %s on %s cores\n' "$count" "$steps" "$(cut -d' ' -f1-3 /proc/loadavg)" "$(nproc)"
say "batch report / report of nothing" "sprintf(\"%6.2f   (%.3f s, %.3f s CPU)\", $one_s / $nothing_s, $one_s, $one_cpu)"
say "year's report / sqlite3 summing all steps" "sprintf(\"%6.2f   (%.2f s, %.2f s CPU, %.0f MB)\", $year_s / $scan_s, $year_s, $year_cpu, $year_kb / 1024)"
say "export / sqlite3 summing all steps" "sprintf(\"%6.2f   (%.2f s, %.2f s CPU, %.0f MB; %.0f attempts/s)\", $export_s / $scan_s, $export_s, $export_cpu, $export_kb / 1024, $count / $export_s)"
say "CSV of attempts / sqlite3 summing all steps" "sprintf(\"%6.2f   (%.2f s, %.2f s CPU, %.0f MB)\", $csv_s / $scan_s, $csv_s, $csv_cpu, $csv_kb / 1024)"

# A line beside reports: what an attempt of it takes, alone and while reports are made all the time of its own database.
line() { # -> median ms of its attempts
	rm -rf rehearsal
	"$station" rehearse "$source/jobs/core.cfg" --units 8 --speed 0.2 --plain >line.out 2>&1
	sqlite3 -readonly rehearsal/station.db 'SELECT ended_at - started_at FROM attempt ORDER BY 1 LIMIT 1 OFFSET 4'
}
alone=$(line)
touch going
(while [ -e going ]; do
	[ ! -e rehearsal/station.db ] || "$station" report --state rehearsal --all >/dev/null 2>&1 || true
	[ ! -e rehearsal/station.db ] || "$station" export --state rehearsal >/dev/null 2>&1 || true
	echo >>rounds
	sleep 0.05
done) &
beside=$(line)
rm going
wait
say "attempt of a line beside reports / alone" "sprintf(\"%6.2f   (%d ms, %d ms; $(wc -l <rounds) reports and exports)\", $beside / $alone, $beside, $alone)"
