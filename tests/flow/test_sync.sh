#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station sync on the record of a real line whose cloud was away: what is released holds in the cloud, what is refused is
# FAIL, and what got no answer stays HELD; whatever the cloud does, and when the station dies in between.
. "$(dirname "$0")/lib.sh"
: "${HELPERS:?the folder of the helper programs}"
db() {
	sqlite3 -readonly state/station.db "$1"
}
# cloud API [client]: starts a virtual cloud over ./c and a config that names it "main"
cloud() {
	local line
	stop_cloud
	coproc SERVER { exec "$HELPERS/vcloud_server" c "$@"; }
	server=$SERVER_PID
	while read -r line <&"${SERVER[0]}" && [ "$line" != ready ]; do
		declare -g "${line%%=*}=${line#*=}"
	done
	{
		printf 'station : { id = "bench-1"; state_dir = "state"; clouds = ( { name = "main"; api = "%s";' "$1"
		printf 'url = "%s"; ca_file = "%s"; token_file = "%s";' "$url" "$PWD/$ca" "$PWD/$token"
		[ $# -lt 2 ] || printf 'client_cert_file = "%s"; client_key_file = "%s";' "$PWD/$cert" "$PWD/$key"
		printf 'retries = 1; timeout_ms = 3000; settle_ms = 100; in_flight = 4; } ); };\n'
	} >station.cfg
}
stop_cloud() {
	[ -z "${server:-}" ] || kill "$server"
	[ -z "${server:-}" ] || wait "$server" || true
	server=
}
# say WORD NUMBER: to the cloud; its answer on standard output
say() {
	local answer
	echo "$*" >&"${SERVER[1]}"
	read -r answer <&"${SERVER[0]}"
	echo "$answer"
}
sync() {
	expect "$1" "$STATION" sync --config station.cfg "${@:2}"
}
held() { # COUNT [PRODUCT]: a new record
	rm -rf state
	rm -f c/cloud/*.pem
	"$HELPERS/held_units" state "$1" main "${@:2}" >ids
}
# in_cloud: the cloud holds the keys of the record
in_cloud() {
	local id fingerprint
	while read -r id; do
		fingerprint=$(db "SELECT fingerprint FROM device_key WHERE device_id = '$id' AND state = 'enrolled'")
		equal "key of $id" "$fingerprint" "$(fingerprint_of_pem "c/cloud/$id.pem")"
	done <ids
}

cloud json
held 150
equal before "150|due" "$(db "SELECT count(*), state FROM outbox GROUP BY state")"

# Down: nothing is lost, and nobody is told otherwise.
say down 0 >/dev/null
before=$(say requests 0)
"$HELPERS/held_units" few 300 main >few.ids
sync 1 --state few
grep -q '300 still HELD' out || fail "not said: still HELD"
equal "units tried before it gives up" 8 "$(sqlite3 -readonly few/station.db "SELECT count(*) FROM outbox WHERE tries > 1")"
equal "requests" 16 $(($(say requests 0) - before))
equal "held while down" "HELD|cloud-unreachable" "$(sqlite3 -readonly few/station.db 'SELECT DISTINCT outcome, reason FROM attempt')"

# Good: all are released, many at once, and each is in the cloud.
say good 0 >/dev/null
sync 0
equal released 150 "$(grep -c 'PASS.*released: read-back' out)"
equal passed "150|PASS" "$(db 'SELECT count(*), outcome FROM attempt')"
equal sealed 150 "$(db 'SELECT count(*) FROM seal')"
in_cloud
sync 0
grep -q 'no unit is HELD' out || fail "something is HELD"

# Refused, and refused with a 200.
for how in refuse error-in-200; do
	held 2
	say "$how" 0 >/dev/null
	sync 1 --json
	equal "$how" 2 "$(jq -r 'select(.event == "settled" and .outcome == "FAIL" and .reason == "cloud-refused") | .device_id' out | wc -l)"
	equal "end of $how" '{"released":0,"refused":2,"held":0}' "$(jq -c 'select(.event == "end") | {released, refused, held}' out)"
	equal "$how in the record" "FAIL|cloud-refused|service" "$(db 'SELECT DISTINCT outcome, reason, cause FROM attempt')"
	equal "key after $how" on-device "$(db 'SELECT DISTINCT state FROM device_key')"
done

# Another key is there, which our record does not know.
say good 0 >/dev/null
held 1
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 2>/dev/null | openssl pkey -pubout >"c/cloud/$(cat ids).pem"
sync 1
equal conflict "FAIL|cloud-conflict" "$(db 'SELECT outcome, reason FROM attempt')"

# The station dies while the cloud thinks; the same command again converges.
held 8
say slow 400 >/dev/null
"$STATION" sync --config station.cfg >killed 2>&1 &
pid=$!
sleep 1.3
kill -9 $pid
wait $pid 2>/dev/null || true
say good 0 >/dev/null
sync 0
equal "after a death" "8|PASS" "$(db 'SELECT count(*), outcome FROM attempt GROUP BY outcome')"
in_cloud

# A cloud that the config does not name, and a state folder that is in use.
held 2
sed -e 's|"main"|"other"|' station.cfg >other.cfg
expect 1 "$STATION" sync --config other.cfg
grep -q 'has no cloud "main"' err || fail "not said: which cloud is missing"
sed -e 's|timeout_ms = 3000|timeout_ms = 60000|' station.cfg >patient.cfg
say slow 4000 >/dev/null
before=$(say requests 0)
"$STATION" sync --config patient.cfg >first 2>&1 &
pid=$!
sent() { [ "$(say requests 0)" -gt "$before" ]; }
wait_for sent
sync 2
wait $pid || fail "the first sync: $(cat first)"
say good 0 >/dev/null

# The particle API: acknowledged without a readback; a lost answer is settled by another post.
cloud particle client
held 5 4711
say cut 0 >/dev/null
sync 1
equal "cut off" 5 "$(db "SELECT count(*) FROM attempt WHERE outcome = 'HELD'")"
say good 0 >/dev/null
sync 0
equal particle 5 "$(grep -c 'released: acknowledged' out)"
equal "proof" acknowledged "$(db 'SELECT DISTINCT enrol_proof FROM device_key')"
in_cloud
sed -e 's|client_[a-z]*_file = "[^"]*";||g' station.cfg >nobody.cfg
held 1
expect 1 "$STATION" sync --config nobody.cfg
grep -q 'client certificate' out || fail "taken without a client certificate"
stop_cloud

# A rehearsal's units are released by its own cloud.
job core -e 's|stop_after_failures = 5|stop_after_failures = 0|'
expect 1 "$STATION" rehearse core.cfg --units 2 --cloud down
expect 0 "$STATION" sync --state rehearsal
agree A1 alt1.bin $((0x2000))
agree A2 alt1.bin $((0x2000))
sound
expect 0 "$STATION" rehearse core.cfg --units 2
equal skipped 2 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'SKIPPED'")"
