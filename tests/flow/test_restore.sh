#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station restore: a unit gets back what its backup holds, wherever DFU writes; what differs elsewhere is told. Other units, other keys
# and files that were changed are refused with the unit as it was; a unit that loses power is restored by doing it again; and the record
# knows which key the unit has then. cmp judges by the units' memory, sqlite3 the record.
. "$(dirname "$0")/backups.sh"
person quality rsa:3072
person lab ec -pkeyopt ec_paramgen_curve:P-256
person stranger rsa:2048

restore() {
	local status=$1 file=$2
	shift 2
	expect "$status" "$STATION" restore "$file" --state rehearsal "$@"
}

# save SLOT: its backup is $file, its memory ./units.saved
save() {
	rm -rf units.saved
	cp -r "rehearsal/units/$1" units.saved
	expect 0 "$STATION" backup --state rehearsal --slot "$1" --json --recipient quality.pem lab.pem
	file=$(the_backup)
}

# damage SLOT ALT OFFSET...: 4 bytes at each place of the unit's memory are others
damage() {
	local memory=rehearsal/units/$1/alt$2.bin at
	shift 2
	for at in "$@"; do printf 'DMGD' | dd of="$memory" bs=1 seek=$((at)) conv=notrunc status=none; done
}

# as_saved SLOT ALT LENGTH [RANGE...]: the first so many bytes are as they were, but for the ranges START:LENGTH
as_saved() {
	same_but <(bytes "units.saved/alt$2.bin" 0 "$3") <(bytes "rehearsal/units/$1/alt$2.bin" 0 "$3") "${@:4}"
}
same_but() { # lib.sh's wants files
	local before after
	before=$(mktemp -p "$work") after=$(mktemp -p "$work")
	cat "$1" >"$before"
	cat "$2" >"$after"
	shift 2
	{ cmp -l "$before" "$after" || true; } | awk -v ranges="$*" '
		BEGIN { n = split(ranges, r, " ") }
		{ ok = 0
		  for (i = 1; i <= n; i++) { split(r[i], p, ":"); if ($1 > p[1] && $1 <= p[1] + p[2]) ok = 1 }
		  if (!ok) { print "differs at " $1 - 1; bad = 1; exit } }
		END { exit bad }' || fail "the unit is not as it was saved"
	rm "$before" "$after"
}
last() {
	sql "SELECT kind, outcome, coalesce(reason, '') FROM attempt ORDER BY started_at DESC, id DESC LIMIT 1"
}
key_state() {
	sql "SELECT state FROM device_key WHERE fingerprint = '$1'"
}
dct=8391
copies="$((0x4000)):$((0x8000))" # of the DCT, in alt 0: a write goes to the other one

job photon
expect 0 "$STATION" rehearse photon.cfg --units 2
save A1
id=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1' AND kind = 'provision'")
old_key=$(fingerprint_of_slot units.saved/alt1.bin 34)

# --- refused before anything is touched ---
cp -r rehearsal/units units.before
attempts=$(sql 'SELECT count(*) FROM attempt')
cp "$file" changed
printf '\x55' | dd of=changed bs=1 seek=500000 conv=notrunc status=none
restore 2 changed --slot A1 --key quality.key --yes
grep "changed or is cut" err >/dev/null || fail "a changed backup: $(cat err)"
head -c 400000 "$file" >changed
restore 2 changed --slot A1 --key quality.key --yes
restore 2 "$file" --slot A1 --key stranger.key --yes
grep "not for this key" err >/dev/null || fail "a stranger's key: $(cat err)"
restore 2 quality.pem --slot A1 --key quality.key --yes
# Encrypted to the right one, and no backup of ours.
tar cf foreign.tar quality.pem
openssl cms -encrypt -aes-256-gcm -binary -outform DER -in foreign.tar -out foreign quality.pem
restore 2 foreign --slot A1 --key quality.key --yes
# As good as a backup, with other bytes in it than its manifest says.
open "$file" quality plain || fail "it does not open"
printf '\x55' | dd of=plain/alt0-080a0000-user.bin bs=1 seek=5000 conv=notrunc status=none
(cd plain && tar --format=ustar -b1 -cf ../forged.tar -- *)
openssl cms -encrypt -aes-256-gcm -binary -outform DER -in forged.tar -out forged quality.pem
restore 2 forged --slot A1 --key quality.key --yes
grep "alt0-080a0000-user.bin does not have the hash of its manifest" err >/dev/null || fail "a forged backup: $(cat err)"
# As good as a backup in all: somebody who has the certificate made it.
open "$file" quality plain || fail "it does not open"
(cd plain && tar --format=ustar -b1 -cf ../anybodys.tar -- *)
openssl cms -encrypt -aes-256-gcm -binary -outform DER -in anybodys.tar -out anybodys quality.pem
rm -rf plain forged.tar foreign.tar anybodys.tar
chmod 644 quality.key
restore 2 "$file" --slot A1 --key quality.key --yes
grep "others may read it" err >/dev/null || fail "a key that all can read: $(cat err)"
chmod 600 quality.key
equal "attempts of what is refused at once" "$attempts" "$(sql 'SELECT count(*) FROM attempt')"
restore 2 "$file" --key quality.key --yes
grep "give --slot" err >/dev/null || fail "two units: $(cat err)"
restore 2 "$file" --slot A2 --key quality.key --yes
equal "another unit" "restore|REFUSED|backup-of-another" "$(last)"
damage A1 0 0xa0400
rm -rf units.before && cp -r rehearsal/units units.before
restore 2 anybodys --slot A1 --key quality.key --yes
equal "a file that the record does not know" "restore|REFUSED|backup-unknown" "$(last)"
grep "its sha256 is $(sha256sum anybodys | cut -d' ' -f1)" err >/dev/null || fail "unknown: $(cat err)"
restore 2 "$file" --slot A1 --key quality.key </dev/null
equal "nobody says yes" "restore|ABORTED|stopped" "$(last)"
restore 2 "$file" --slot A1 --key quality.key <<<A2
expect 0 "$STATION" mark "$id" quarantine --state rehearsal --note test
restore 2 "$file" --slot A1 --key quality.key --yes
equal "set aside" "restore|REFUSED|quarantined" "$(last)"
expect 0 "$STATION" mark "$id" released --state rehearsal --note test
diff -r units.before rehearsal/units || fail "a refused restore changed a unit"

# --- what differs is written, what cannot be written is compared ---
damage A1 0 0xc100 0x12000
restore 0 "$file" --slot A1 --key quality.key --operator Jo <<<A1
equal "restored" "restore|PASS|" "$(last)"
as_saved A1 0 $((0x100000)) "$((0xc100)):4" "$((0x12000)):4"
as_saved A1 1 $dct
equal "what is told" "eeprom1|note|restore-differs|4 bytes are not what the backup has, first at 0x0800c100
eeprom2|note|restore-differs|4 bytes are not what the backup has, first at 0x08012000" \
	"$(sql "SELECT subject, state, reason, detail FROM finding ORDER BY seq")"
equal "steps" "identify PASS,compare PASS,restore-write PASS,readback PASS" "$(sql "SELECT group_concat(name || ' ' || outcome)
	FROM (SELECT * FROM step WHERE attempt_id = (SELECT id FROM attempt WHERE kind = 'restore' AND outcome = 'PASS') ORDER BY seq)")"
equal "observations" "backup-of-this-record yes|backup-sha256 $(sha256sum "$file" | cut -d' ' -f1)" "$(sql "SELECT group_concat(name || ' ' || value, '|')
	FROM (SELECT * FROM observation WHERE name IN ('backup-sha256', 'backup-of-this-record') AND attempt_id =
	(SELECT id FROM attempt WHERE kind = 'restore' AND outcome = 'PASS') ORDER BY name)")"
equal "the key" enrolled "$(key_state "$old_key")"
sound

# --- one that the record does not know, when somebody says so ---
damage A1 0 0xa0400
restore 0 anybodys --slot A1 --key quality.key --yes --foreign --json
as_saved A1 0 $((0x100000)) "$((0xc100)):4" "$((0x12000)):4"
equal "whose it is" no "$(sql "SELECT value FROM observation WHERE name = 'backup-of-this-record' AND attempt_id = '$(jq -r .attempt_id out)'")"
sound

# --- a newer key and other settings: the old ones come back, and the record says so ---
cp photon.cfg newer.cfg
sed -i 's/host = "[^"]*"/host = "other.example.com"/' newer.cfg
expect 0 "$STATION" rehearse newer.cfg --units 2 --rework
new_key=$(fingerprint_of_slot rehearsal/units/A1/alt1.bin 34)
[ "$new_key" != "$old_key" ] || fail "the key is not new"
equal "states before" "superseded enrolled" "$(key_state "$old_key") $(key_state "$new_key")"
restore 0 "$file" --slot A1 --key lab.key --yes --json
equal "JSON" "restore|PASS|on-device" "$(jq -r '"\(.event)|\(.outcome)|\(.device_key)"' out)"
as_saved A1 1 $dct
as_saved A1 0 $((0x100000)) "$copies" "$((0xc100)):4" "$((0x12000)):4"
equal "states after" "on-device superseded" "$(key_state "$old_key") $(key_state "$new_key")"
sound
# The cloud has the newer one: nobody takes this unit for good.
expect 1 "$STATION" rehearse photon.cfg --units 2 --verify
equal "verify" FAIL "$(sql "SELECT outcome FROM attempt WHERE slot = 'A1' AND kind = 'verify' ORDER BY started_at DESC LIMIT 1")"
expect 0 "$STATION" rehearse newer.cfg --units 2
equal "made anew" "PASS SKIPPED" "$(sql "SELECT group_concat(outcome, ' ') FROM (SELECT outcome FROM attempt WHERE batch_id =
	(SELECT id FROM batch ORDER BY started_at DESC LIMIT 1) ORDER BY slot)")"
agree A1 alt1.bin 34
sound

# --- system parts: they come first, then the unit runs and comes back; and all other memory with them ---
damage A1 0 0x20400 0x60400 0xa0400 0xe0400
restore 0 "$file" --slot A1 --key quality.key --yes
as_saved A1 1 $dct
as_saved A1 0 $((0x100000)) "$copies" "$((0xc100)):4" "$((0x12000)):4"
equal "its steps" "identify PASS,compare PASS,restore-parts PASS,restore-write PASS,readback PASS" "$(sql "SELECT group_concat(name
	|| ' ' || outcome) FROM (SELECT * FROM step WHERE attempt_id = (SELECT id FROM attempt WHERE kind = 'restore'
	ORDER BY started_at DESC LIMIT 1) ORDER BY seq)")"

# --- power is lost in the middle, wherever: again, and it is as it was ---
# power_lost OPERATION [CHECK]: at this erase or block, and restored afterwards. CHECK: what has to hold in between
power_lost() {
	echo "faults : { list = ( { slot = \"A1\"; kind = \"brown-out\"; at_operation = $1; back_after_ms = 50; button = true; } ); };" \
		>rehearsal/units/A1/faults.cfg
	restore 1 "$file" --slot A1 --key quality.key --yes
	equal "power lost at $1" "restore|FAIL|usb-gone" "$(last)"
	rm rehearsal/units/A1/faults.cfg
	if [ -n "${2:-}" ]; then "$2"; fi
	restore 0 "$file" --slot A1 --key quality.key --yes
	as_saved A1 1 $dct
	as_saved A1 0 $((0x100000)) "$copies" "$((0xc100)):4" "$((0x12000)):4"
}
# damage_dct OFFSET...: in both of its copies
damage_dct() {
	local offset
	for offset in "$@"; do damage A1 0 $((0x4000 + 7548 + offset)) $((0x8000 + 7548 + offset)); done
}
for at in 1 3 12 34 38 41; do
	damage A1 0 0x20400 0xa0400
	power_lost $at
done
# Settings, the server's key, its own key, in this order.
# Of the copy that counts: its header says "complete" and "current". The view in alt1.bin is only as new as the last write.
slot_is() {
	local copy=$((0x8000))
	[ "$(bytes rehearsal/units/A1/alt0.bin $((0x4004)) 2 | od -An -tx1 | xargs)" != "00 01" ] || copy=$((0x4000))
	cmp -s <(bytes units.saved/alt1.bin "$1" "$2") <(bytes rehearsal/units/A1/alt0.bin $((copy + 7548 + $1)) "$2")
}
none_is() { ! slot_is 8300 4 && ! slot_is 2082 512 && ! slot_is 34 612 || fail "something was written before the settings"; }
settings_are() { slot_is 8300 4 && ! slot_is 2082 512 && ! slot_is 34 612 || fail "the server's key does not follow the settings"; }
key_is_missing() { slot_is 8300 4 && slot_is 2082 512 && ! slot_is 34 612 || fail "its own key is not the last"; }
# The settings behind the keys are two blocks, and half of a block may have been written.
checks=(none_is none_is settings_are key_is_missing)
for at in 1 2 3 4; do
	damage_dct 8300 2500 600
	power_lost $at "${checks[at - 1]}"
	equal "its key" "$old_key" "$(fingerprint_of_slot rehearsal/units/A1/alt1.bin 34)"
done
# A cell that does not take it.
damage A1 0 0xa0400
echo "faults : { list = ( { slot = \"A1\"; kind = \"lost-write\"; alt = 0; address = 0x080a0400; } ); };" >rehearsal/units/A1/faults.cfg
restore 1 "$file" --slot A1 --key quality.key --yes
equal "bad flash" "restore|FAIL|flash-bad" "$(last)"
rm rehearsal/units/A1/faults.cfg
restore 0 "$file" --slot A1 --key quality.key --yes
nothing_plain units.saved/alt1.bin $((34 + 200)) 400
sound

# --- a key under a passphrase ---
echo secret >pass && chmod 600 pass
openssl pkey -in quality.key -aes256 -passout file:pass -out locked.key && chmod 600 locked.key
damage A1 0 0xa0400
restore 0 "$file" --slot A1 --key locked.key --passin-file pass --yes
echo other >pass
restore 2 "$file" --slot A1 --key locked.key --passin-file pass --yes
as_saved A1 0 $((0x100000)) "$copies" "$((0xc100)):4" "$((0x12000)):4"

# --- a backup from before it got a key of ours: a Photon made one itself, a Core has none. Nobody counts on the later one then ---
# keyless JOB FILE OFFSET STATE-OF-THE-KEY
keyless() {
	local later
	rm -rf rehearsal
	job "$1"
	grep -v 'device_key\|enrol ' "$1.cfg" >keyless.cfg
	expect 0 "$STATION" rehearse keyless.cfg --units 1
	save A1
	expect 0 "$STATION" rehearse "$1.cfg" --units 1 --rework
	later=$(fingerprint_of_slot "rehearsal/units/A1/$2" "$3")
	equal "$1: the later key" enrolled "$(key_state "$later")"
	restore 0 "$file" --key quality.key --yes --json
	equal "$1: its key now" "$4" "$(jq -r .device_key out)"
	equal "$1: the later key" superseded "$(key_state "$later")"
	equal "$1: keys that count as present" "$([ "$4" = null ] && echo 0 || echo 1)" \
		"$(sql "SELECT count(*) FROM device_key WHERE state IN ('on-device', 'enrolled')")"
	sound
}
keyless photon alt1.bin 34 on-device
as_saved A1 1 $dct
own=$(fingerprint_of_slot rehearsal/units/A1/alt1.bin 34)
equal "the key that the unit made" on-device "$(key_state "$own")"
keyless core alt1.bin $((0x2000)) null
as_saved A1 1 $((0x200000))
erased rehearsal/units/A1/alt1.bin $((0x2000)) 612

# --- a backup that could not see the record memory leaves it alone ---
rm -rf rehearsal
job photon
expect 0 "$STATION" rehearse photon.cfg --units 1 --condition parts
save A1
open "$file" quality plain || fail "it does not open"
equal "hidden" "false true" "$(jq -r '.regions[].hidden' plain/manifest.json | sort -u | xargs)"
rm -rf plain
damage A1 0 0xa0400
restore 0 "$file" --key quality.key --yes
grep "not in the backup: it could not be seen then" out >/dev/null || fail "hidden memory is not told: $(cat out)"
as_saved A1 0 $((0x100000))
equal "its key" "enrolled" "$(sql 'SELECT state FROM device_key')"
sound

# --- Core: keys in external flash, all of it lost ---
rm -rf rehearsal
job core
expect 0 "$STATION" rehearse core.cfg --units 1
save A1
head -c $((0x200000 - 0x1000)) /dev/zero | tr '\0' '\377' | dd of=rehearsal/units/A1/alt1.bin bs=64K seek=$((0x1000)) oflag=seek_bytes conv=notrunc status=none
damage A1 0 0x6000
restore 0 "$file" --key quality.key --yes
# What the firmware does not use is not written: it is told.
as_saved A1 0 $((0x20000))
as_saved A1 1 $((0x200000)) "$((0x3000)):$((0x1d000))"
agree A1 alt1.bin $((0x2000))
sound

# --- Electron, and a product of ours with its key in internal flash ---
rm -rf rehearsal
job electron
expect 0 "$STATION" rehearse electron.cfg --units 1
save A1
damage A1 0 0x20400 0x80400
damage A1 1 3110
restore 0 "$file" --key quality.key --yes
as_saved A1 1 $dct
as_saved A1 0 $((0x100000)) "$copies"
sound
rm -rf rehearsal
job stm32-custom
expect 0 "$STATION" rehearse stm32-custom.cfg --units 1
save A1
damage A1 0 0x100 0x8010 0x10400
restore 0 "$file" --key lab.key --yes
grep "only its label says that this is that unit" out >/dev/null || fail "nobody is told of the label: $(cat out)"
as_saved A1 0 $((0x100000))
nothing_plain units.saved/alt0.bin $((0x8000 + 7)) 32
sound
