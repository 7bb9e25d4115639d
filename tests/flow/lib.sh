# SPDX-License-Identifier: Apache-2.0
# What the flow tests share. A test runs in an empty folder of its own, removed when it is good.
set -euo pipefail
: "${STATION:?the station program}" "${SOURCE:?the source tree}"
work=$(mktemp -d)
cd "$work"
trap 'status=$?; cd /; if [ $status -eq 0 ] || [ $status -eq 77 ]; then rm -rf "$work"; else echo "left in $work" >&2; fi' EXIT
export STATION_CONFIG="$SOURCE/config/station.cfg"

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# equal WHAT EXPECTED FOUND
equal() {
	[ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"
}

# expect STATUS COMMAND...: runs it; output goes to ./out and ./err
expect() {
	local wanted=$1 status=0
	shift
	"$@" >out 2>err || status=$?
	[ "$status" -eq "$wanted" ] || {
		tail -n 30 out err >&2
		fail "exit status $status, not $wanted: $*"
	}
}

# wait_for COMMAND...: until it is good, for two minutes at most: a machine that does much else is slow
wait_for() {
	local i
	for ((i = 0; i < 1200; i++)); do
		! "$@" >waited 2>&1 || return 0
		sleep 0.1
	done
	fail "it never came: $*: $(tail -n 5 waited)"
}
# seen COUNT PATTERN FILE: in so many lines at least. Whoever looks at what a program in the background says removes that file
# before: what an earlier one said stands there until the new one begins.
seen() {
	[ "$(grep -c -- "$2" "$3")" -ge "$1" ]
}
# counted COUNT DATABASE QUERY: it gives so many at least
counted() {
	[ "$(sqlite3 -readonly "$2" "$3")" -ge "$1" ]
}

# ctrl_c PID: and the program has noticed, so that the next one is another one
ctrl_c() {
	kill -INT "$1"
	wait_for grep '^ShdPnd:[[:space:]]*0*$' "/proc/$1/status"
	sleep 0.3
}

# described NAME FILE: it is a JSON object as docs/NAME.schema.json says, where python3-jsonschema is there to tell
described() {
	! python3 -c 'import jsonschema' 2>/dev/null ||
		equal "$2: objects that docs/$1.schema.json describes" 1 \
			"$(python3 "$SOURCE/tests/flow/json_schema.py" "$SOURCE/docs/$1.schema.json" "$2")"
}

sql() {
	sqlite3 -readonly rehearsal/station.db "$1"
}

# bytes FILE OFFSET LENGTH: those bytes on standard output
bytes() {
	dd if="$1" iflag=skip_bytes,count_bytes bs=64K skip="$2" count="$3" status=none
}

# image_at FILE OFFSET IMAGE: the image stands in the unit's memory
image_at() {
	local size
	size=$(stat -c %s "$3")
	cmp <(bytes "$1" "$2" "$size") "$3" || fail "$3 is not at $2 of $1"
}

# erased FILE OFFSET LENGTH: all FF
erased() {
	[ "$(bytes "$1" "$2" "$3" | tr -d '\377' | wc -c)" -eq 0 ] || fail "$1 is not erased at $2, $3 bytes"
}

# same_but BEFORE AFTER RANGE...: the files differ in no byte outside the ranges START:LENGTH
same_but() {
	local before=$1 after=$2
	shift 2
	equal "size of $after" "$(stat -c %s "$before")" "$(stat -c %s "$after")"
	# cmp counts bytes from 1.
	{ cmp -l "$before" "$after" || true; } | awk -v ranges="$*" '
		BEGIN { n = split(ranges, r, " ") }
		{ ok = 0
		  for (i = 1; i <= n; i++) { split(r[i], p, ":"); if ($1 > p[1] && $1 <= p[1] + p[2]) ok = 1 }
		  if (!ok) { print "differs at " $1 - 1; bad = 1; exit } }
		END { exit bad }' || fail "$after changed outside the plan"
}

# der_of_slot FILE OFFSET: the DER of the key that stands there, which says itself how long it is: 30 82 HH LL or 30 LL
der_of_slot() {
	local head
	read -ra head < <(bytes "$1" "$2" 4 | od -An -tu1)
	if [ "${head[1]}" -eq 130 ]; then
		bytes "$1" "$2" $((head[2] * 256 + head[3] + 4))
	else
		bytes "$1" "$2" $((head[1] + 2))
	fi
}

# fingerprint_of_slot FILE OFFSET: SHA-256 of the SPKI of the private key that stands there, by openssl
fingerprint_of_slot() {
	der_of_slot "$1" "$2" >key.der
	openssl pkey -inform DER -in key.der -check -noout >/dev/null 2>key.err || fail "openssl does not like the key of $1"
	openssl pkey -inform DER -in key.der -pubout -outform DER 2>/dev/null | sha256sum | cut -d' ' -f1
	rm -f key.der key.err
}

# session SLOT-FILE OFFSET PEM: the unit's key works with the one that the cloud holds. RSA: what the cloud encrypts the unit can
# read, as in the handshake. EC: both arrive at the same secret.
session() {
	der_of_slot "$1" "$2" | openssl pkey -inform DER -out key.pem
	if openssl pkey -in key.pem -noout -text 2>/dev/null | grep 'NIST CURVE: P-256' >/dev/null; then
		openssl ecparam -name prime256v1 -genkey -noout -out cloud.pem
		openssl pkey -in cloud.pem -pubout -out cloud.pub
		cmp <(openssl pkeyutl -derive -inkey key.pem -peerkey cloud.pub) \
			<(openssl pkeyutl -derive -inkey cloud.pem -peerkey "$3") || fail "$1 and $3 share no secret"
	else
		head -c 40 /dev/urandom >session.key
		openssl pkeyutl -encrypt -pubin -inkey "$3" -in session.key -out session.enc
		openssl pkeyutl -decrypt -inkey key.pem -in session.enc | cmp - session.key || fail "$1 cannot read what is sent to $3"
	fi
	rm -f key.pem cloud.pem cloud.pub session.key session.enc
}

fingerprint_of_pem() {
	openssl pkey -pubin -in "$1" -outform DER | sha256sum | cut -d' ' -f1
}

# agree SLOT KEY-FILE KEY-OFFSET: unit, database and cloud hold one and the same key
agree() {
	local slot=$1 id on_unit in_record in_cloud
	id=$(sql "SELECT device_id FROM attempt WHERE slot = '$slot' AND outcome = 'PASS' ORDER BY started_at DESC LIMIT 1")
	[ -n "$id" ] || fail "$slot has no PASS"
	on_unit=$(fingerprint_of_slot "rehearsal/units/$slot/$2" "$3")
	in_cloud=$(fingerprint_of_pem "rehearsal/cloud/$id.pem")
	in_record=$(sql "SELECT fingerprint FROM device_key WHERE device_id = '$id' AND state = 'enrolled'")
	equal "$slot: key on the unit and in the record" "$in_record" "$on_unit"
	equal "$slot: key in the cloud and in the record" "$in_record" "$in_cloud"
	session "rehearsal/units/$slot/$2" "$3" "rehearsal/cloud/$id.pem"
	equal "$slot: proof" "read-back" "$(sql "SELECT enrol_proof FROM device_key WHERE fingerprint = '$in_record'")"
}

# sound: what must hold in every database, by other programs and by the station's own audit
sound() {
	equal integrity ok "$(sql 'PRAGMA integrity_check')"
	equal "foreign keys" "" "$(sql 'PRAGMA foreign_key_check')"
	equal "open attempts" 0 "$(sql 'SELECT count(*) FROM attempt WHERE outcome IS NULL')"
	equal "PASS without an acknowledged key" 0 "$(sql "SELECT count(*) FROM attempt a JOIN device_key k
		ON k.fingerprint = a.key_fingerprint WHERE a.outcome = 'PASS' AND k.enrol_proof IS NULL")"
	equal "a key twice" 0 "$(sql 'SELECT count(*) - count(DISTINCT fingerprint) FROM device_key')"
	equal "final attempts without a seal" 0 "$(sql "SELECT count(*) FROM attempt a LEFT JOIN seal s
		ON s.attempt_id = a.id WHERE a.final_at IS NOT NULL AND s.seq IS NULL")"
	"$STATION" audit --state rehearsal >audit.out 2>&1 || fail "the audit: $(grep FINDING audit.out)"
}

# job NAME [SED-SCRIPT...]: a copy of a shipped job as ./NAME.cfg, with paths into the tree, changed by sed
job() {
	local name=$1
	shift
	sed -e "s|file = \"|file = \"$SOURCE/jobs/|" "$@" "$SOURCE/jobs/$name.cfg" >"$name.cfg"
}

# drop_stage NAME PATTERN: takes the stages that match out of ./NAME.cfg
drop_stage() {
	awk -v pattern="$2" '
		/^\t\t\{$/ { group = $0; inside = 1; next }
		inside { group = group "\n" $0 }
		inside && /^\t\t\},?$/ { inside = 0; if (group !~ pattern) print group; next }
		!inside' "$1.cfg" >"$1.less"
	mv "$1.less" "$1.cfg"
}
