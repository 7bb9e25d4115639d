#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Units come back and are made good again: looked at, decided, a new key agreed with the cloud, written and proven, all of
# it as an attempt of kind reprovision. What cannot be undone is confirmed by --yes.
. "$(dirname "$0")/reprovision.sh"

looks="identify look-history look-images look-keys look-settings decide"

# good_again JOB ADDRESS: ADDRESS is of a byte of the application
good_again() {
	local slot before
	policy "$1" "backup = false;"
	come_back "$1" "F02,F03:$2,F09,-"
	before=$(key_on A4 "$1")
	equal "$1: the cloud's key before" "$before" "$(fingerprint_of_pem "rehearsal/cloud/$(device_of A4).pem")"

	reprovision 0 "$1" --yes --rma "RMA 4711/b" --operator Jo
	for slot in A1 A2 A3 A4; do
		equal "$1: $slot" "reprovision|PASS|" "$(ended $slot)"
		agreed $slot "$1"
		equal "$1: $slot: passages" "2" "$(sql "SELECT a.passage FROM attempt a JOIN attempt p ON p.id = a.previous_attempt_id
			AND p.kind = 'provision' WHERE a.id = '$(last $slot id)' AND a.operator = 'Jo'")"
		equal "$1: $slot: rma" "RMA 4711/b" "$(sql "SELECT value FROM attempt_identity WHERE kind = 'rma' AND attempt_id = '$(last $slot id)'")"
		equal "$1: $slot: a new key" "$(last $slot id)" "$(sql "SELECT attempt_id FROM device_key WHERE fingerprint = '$(key_on $slot "$1")'")"
		case "$(steps $slot)" in
		"$looks agree check "*"server-key device-key prove-key enrol "*"readback enrolled leave") ;;
		*) fail "$1: $slot went through $(steps $slot)" ;;
		esac
	done
	equal "$1: the old key" superseded "$(key_state "$before")"
	equal "$1: A1" "device-rsa device-key-mismatch cloud cloud-key-differs" "$(found A1)"
	equal "$1: A2" "user image-damaged" "$(found A2)"
	equal "$1: A3" "server-rsa server-key-missing" "$(found A3)"
	equal "$1: A4" "" "$(found A4)"
	equal "$1: A3: decided" "images changed, device key new, server key new" "$(observed A3 decision)"
	equal "$1: A4: decided" "images changed, device key new, server key kept" "$(observed A4 decision)"
	equal "$1: verdicts" "repairable healthy" "$(observed A1 verdict) $(observed A4 verdict)"
	equal "$1: the batch" "reprovision|0" "$(sql "SELECT kind, quantity FROM batch ORDER BY started_at DESC LIMIT 1")"
	sound

	# Healthy now; nothing of it counts for the line's quantity, and the unit is made already.
	look 0 --job "$1.cfg"
	healthy A1 A2 A3 A4
	expect 0 "$STATION" rehearse "$1.cfg" --units 4 --state rehearsal --quantity 4 --work-order W1
	equal "$1: made already" "provision|SKIPPED|already-made" "$(ended A2)"
	sound
}

good_again core 0x08006234
good_again photon 0x080a0234

# The first thing that is done is a backup, which its recipient can open.
recipient quality
policy photon "" 'backup : { recipients = ( { file = "quality.pem"; } ); };'
come_back photon "F02,-"
cp rehearsal/units/A1/alt1.bin before.bin
reprovision 0 photon --yes
for slot in A1 A2; do
	equal "$slot, backed up" "reprovision|PASS|" "$(ended $slot)"
	agreed $slot photon
	equal "$slot: steps" "identify look-history look-images look-keys look-settings backup decide agree" \
		"$(steps $slot | cut -d' ' -f1-8)"
	file=$(sql "SELECT DISTINCT path FROM backup WHERE attempt_id = '$(last $slot id)'")
	openssl cms -decrypt -binary -inform DER -in "rehearsal/$file" -inkey quality.key -out opened 2>openssl.err ||
		fail "$slot: $(cat openssl.err)"
	[ "$slot" = A2 ] || python3 - <<-'PYTHON' || fail "the backup has not what the unit came with"
		kept = open("before.bin", "rb").read()[34:34 + 612]
		assert kept in open("opened", "rb").read()
	PYTHON
	rm opened
done
sound

# A rehearsal plays the recipient where the job names none; a real bench has to know who can open a backup.
policy core "" "" && come_back core "-"
reprovision 0 core --yes
file=$(sql "SELECT DISTINCT path FROM backup WHERE attempt_id = '$(last A1 id)'")
openssl cms -decrypt -binary -inform DER -in "rehearsal/$file" -inkey rehearsal/recipient.key -out opened 2>openssl.err ||
	fail "the rehearsal's own recipient: $(cat openssl.err)"
rm opened
expect 0 "$STATION" check core.cfg --pin
expect 2 "$STATION" reprovision core.cfg --any-port --state real </dev/null
grep "nobody is named who can open" err >/dev/null || fail "refused as: $(cat err)"
expect 2 "$STATION" run core.cfg --yes --state real

# Nothing differs: the parts stay, and the unit is not started in between.
policy photon "backup = false; device_key = \"keep-valid\";"
come_back photon "-,F03:0x08020234"
reprovision 0 photon --yes
equal "nothing to write" "identify look-history look-images look-keys look-settings decide check server-key device-key prove-key enrol write-images readback enrolled leave" "$(steps A1)"
case "$(steps A2)" in *"check write-parts leave-parts reenter "*) ;; *) fail "A2 went through $(steps A2)" ;; esac
for slot in A1 A2; do agreed $slot photon; done
sound

# What is not meant for it.
expect 2 "$STATION" rehearse photon.cfg --yes
expect 2 "$STATION" rehearse photon.cfg --reprovision --rma ""
expect 2 "$STATION" rehearse photon.cfg --reprovision --rma "$(printf 'a\tb')"
expect 2 "$STATION" rehearse photon.cfg --reprovision --quantity 3
expect 2 "$STATION" rehearse photon.cfg --reprovision --verify
expect 2 "$STATION" rehearse photon.cfg --reprovision --units 9
expect 2 "$STATION" rehearse photon.cfg --reprovision --state nowhere
expect 2 "$STATION" run photon.cfg --yes
expect 2 "$STATION" verify photon.cfg --rma 4711
expect 0 "$STATION" reprovision --help

# The newest batch is what was made good again.
expect 0 "$STATION" report --state rehearsal --last --format json
equal "kind of the last batch" reprovision "$(jq -r '.batches[].kind' out)"
expect 0 "$STATION" report --state rehearsal --last
[ "$(wc -L <out)" -le 100 ] || fail "wider than 100 columns: $(awk 'length > 100' out)"
grep -q ' reprovision ' out || fail "the kind of the batch is cut"
