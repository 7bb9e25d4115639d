# SPDX-License-Identifier: Apache-2.0
# What the tests of re-provisioning share. Sourced behind lib.sh's line.
. "$(dirname "$0")/returns.sh"

# reprovision STATUS JOB [OPTION...]: the units of the folder, by ./JOB.cfg
reprovision() {
	expect "$1" "$STATION" rehearse "$2.cfg" --reprovision --state rehearsal "${@:3}"
}

# ended SLOT: kind, outcome and reason of the last attempt there
ended() {
	sql "SELECT kind, outcome, coalesce(reason, '') FROM attempt WHERE slot = '$1' ORDER BY started_at DESC, id DESC LIMIT 1"
}

# last SLOT COLUMN: of the last attempt there
last() {
	sql "SELECT $2 FROM attempt WHERE slot = '$1' ORDER BY started_at DESC, id DESC LIMIT 1"
}

# steps SLOT: of the last attempt there, each try
steps() {
	sql "SELECT name FROM step WHERE attempt_id = '$(last "$1" id)' ORDER BY seq" | xargs
}

# observed SLOT NAME: by the last attempt there
observed() {
	sql "SELECT value FROM observation WHERE attempt_id = '$(last "$1" id)' AND name = '$2' ORDER BY seq" | xargs
}

# found SLOT: the faults that the last attempt there found
found() {
	sql "SELECT subject || ' ' || reason FROM finding WHERE attempt_id = '$(last "$1" id)' AND state = 'fault' ORDER BY seq" | xargs
}

# key_on SLOT JOB: the fingerprint of the key on the unit
key_on() {
	case $2 in
	core) fingerprint_of_slot "rehearsal/units/$1/alt1.bin" $((0x2000)) ;;
	*) fingerprint_of_slot "rehearsal/units/$1/alt1.bin" 34 ;;
	esac
}

# key_state FINGERPRINT: in the record
key_state() {
	sql "SELECT state FROM device_key WHERE fingerprint = '$1'"
}

# agreed SLOT JOB: unit, record and cloud hold one key, the job's images and its server key
agreed() {
	local unit=rehearsal/units/$1
	case $2 in
	core)
		agree "$1" alt1.bin $((0x2000))
		image_at "$unit/alt0.bin" $((0x5000)) "$SOURCE/jobs/images/core-user.bin"
		image_at "$unit/alt1.bin" $((0x1000)) "$SOURCE/jobs/cloud-rsa.pub.der"
		;;
	*)
		agree "$1" alt1.bin 34
		image_at "$unit/alt0.bin" $((0x20000)) "$SOURCE/jobs/images/$2-system-part1.bin"
		image_at "$unit/alt0.bin" $((0x60000)) "$SOURCE/jobs/images/$2-system-part2.bin"
		image_at "$unit/alt0.bin" $((0xa0000)) "$SOURCE/jobs/images/$2-user.bin"
		;;
	esac
}

# recipient NAME: ./NAME.key and its certificate ./NAME.pem, who can open backups
recipient() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 30 -subj "/CN=$1" 2>openssl.err ||
		fail "openssl: $(cat openssl.err)"
}

# policy NAME TEXT [GROUPS]: ./NAME.cfg, a copy of a shipped job, with this in its group reprovision, and other groups
policy() {
	job "$1"
	awk -v text="$2" -v more="${3-}" '
		/^\treprovision : \{/ { inside = 1 }
		!inside { line[++n] = $0 }
		/^\t\};/ { inside = 0 }
		END { for (i = 1; i < n; i++) print line[i]; print "\treprovision : { " text " };\n" more "\n" line[n] }' "$1.cfg" >"$1.new"
	mv "$1.new" "$1.cfg"
}

verify_all() { # JOB
	local units
	units=$(find rehearsal/units -name unit.json | wc -l)
	"$STATION" rehearse "$1.cfg" --units "$units" --state rehearsal --verify >verify.out 2>&1 || true
}

# made_good JOB SLOT...: the last attempt made them PASS, other programs find on them what the job says, and verify does
made_good() {
	local slot
	for slot in "${@:2}"; do
		equal "$slot: ended" "reprovision|PASS|" "$(ended "$slot")"
		agreed "$slot" "$1"
	done
	untouched verify_all "$1"
	for slot in "${@:2}"; do equal "$slot: verified" "verify|PASS|" "$(ended "$slot")"; done
}
