#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# station backup: every readable byte of a unit in a file that openssl alone opens, with each recipient's key and no other; tar and
# jq read what is in it, cmp compares it with the unit's memory. Nothing plain reaches the disk, and what fails leaves no file.
. "$(dirname "$0")/backups.sh"
umask 022

person quality rsa:3072
person lab ec -pkeyopt ec_paramgen_curve:P-384
person stranger rsa:2048
{ openssl req -new -nodes -subj /CN=old -keyout old.key -out old.csr -newkey rsa:2048 &&
	openssl x509 -req -in old.csr -key old.key -days -1 -out old.pem; } 2>req.err || fail "no certificate: $(cat req.err)"

# --- Photon: record memory, of which 8391 bytes are its own; and the DCT's sectors over alt 0 ---
job photon
expect 0 "$STATION" rehearse photon.cfg --units 2
cp -r rehearsal/units units.before
expect 2 "$STATION" backup --state rehearsal
grep "nobody is named who can open it" err >/dev/null || fail "without a recipient: $(cat err)"
equal "attempts without a recipient" 0 "$(sql "SELECT count(*) FROM attempt WHERE kind = 'diagnose'")"
[ ! -e rehearsal/backups ] || fail "there is a backup for nobody"

expect 0 "$STATION" backup --state rehearsal --slot A1 --operator Jo --json --recipient quality.pem lab.pem
file=$(the_backup)
id=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1' AND kind = 'provision'")
case "$file" in
rehearsal/backups/"$id"/20*Z-"$(jq -r .attempt_id out)".station-backup) ;;
*) fail "the backup is at $file" ;;
esac
equal "modes" "700 700 600" "$(stat -c %a rehearsal/backups "rehearsal/backups/$id" "$file" | xargs)"
equal "hash of the file" "$(sha256sum "$file" | cut -d' ' -f1)" "$(jq -r .sha256 out)"
openssl asn1parse -inform DER -in "$file" >asn1 2>&1 || fail "openssl does not parse it"
for word in id-smime-ct-authEnvelopedData aes-256-gcm rsaesOaep dhSinglePass-stdDH-sha256kdf-scheme; do
	grep "$word" asn1 >/dev/null || fail "there is no $word in the file"
done
open "$file" quality plain.q || fail "the key of quality does not open it: $(cat cms.err)"
open "$file" lab plain.l || fail "the key of lab does not open it: $(cat cms.err)"
diff -r plain.q plain.l || fail "two recipients see two things"
open "$file" stranger plain.s && fail "a stranger opens it"
whole A1 plain.q 0 0x08000000 1 0
equal "bytes of a Photon" "$((0x100000 + 8391))" "$(jq '[.regions[].size] | add' plain.q/manifest.json)"
equal "bytes told" "$((0x100000 + 8391))" "$(jq .bytes out)"
equal "manifest" "station-backup|1|$id|photon|$id|501|bench-1" "$(jq -r \
	'[.format, .version, .device_id, .family, .usb_serial, .bootloader_version, .station] | map(tostring) | join("|")' plain.q/manifest.json)"
equal "rows" "11|$id|Jo|${file#rehearsal/}|$(jq -r .sha256 out)|$(fingerprint quality.pem) $(fingerprint lab.pem)|31536000000" \
	"$(sql 'SELECT count(*), device_id, operator, path, file_sha256, recipients, keep_until - at FROM backup')"
expect 0 "$STATION" show "$id" --state rehearsal --format json
cp out life.json
described show life.json
equal "as the unit's life shows it" "${file#rehearsal/}|$(sha256sum "$file" | cut -d' ' -f1)|11|$((0x100000 + 8391))" \
	"$(jq -r '.attempts[].backups[] | [.path, .file_sha256, .pieces, .bytes] | join("|")' life.json)"
expect 0 "$STATION" show "$id" --state rehearsal
grep -q '^    backup  *backups/' out || fail "the life as text does not show it"
equal "the attempt" "diagnose|PASS|2|identify PASS,backup PASS" "$(sql "SELECT kind, outcome, passage, (SELECT group_concat(name
	|| ' ' || outcome) FROM (SELECT * FROM step WHERE attempt_id = attempt.id ORDER BY seq)) FROM attempt WHERE kind = 'diagnose'")"
nothing_plain rehearsal/units/A1/alt1.bin $((34 + 200)) 400
diff -r units.before rehearsal/units || fail "a backup changed a unit"

# What was changed or cut does not open.
cp "$file" changed
printf '\x55' | dd of=changed bs=1 seek=500000 conv=notrunc status=none
open changed quality plain.s && fail "a changed file opens"
head -c -1 "$file" >changed
open changed quality plain.s && fail "a cut file opens"
rm -rf plain.*

# --- the job's recipients: pinned, or not taken; told by station check; no part of the product ---
job photon
plan=$("$STATION" check photon.cfg --json | jq -r .plan_sha256)
job_with() {
	job photon
	sed -i "\$d" photon.cfg
	printf '\tbackup : { recipients = ( { file = "%s"; %s } ); keep_days = 30; };\n};\n' "$work/$1.pem" "$2" >>photon.cfg
}
job_with quality "sha256 = \"$(fingerprint quality.pem)\";"
expect 0 "$STATION" check photon.cfg --json
equal "plan" "$plan" "$(jq -r .plan_sha256 out)"
equal "recipients of the plan" "CN = quality|rsa-3072|$(fingerprint quality.pem)|true" \
	"$(jq -r '.backup_recipients[] | [.subject, .algorithm, .sha256, .pinned] | map(tostring) | join("|")' out)"
expect 0 "$STATION" backup --state rehearsal --slot A2 --json --job photon.cfg
open "$(the_backup)" quality plain.q || fail "the job's recipient does not open it"
whole A2 plain.q 0 0x08000000 1 0
equal "kept" $((30 * 86400000)) "$(sql "SELECT DISTINCT keep_until - at FROM backup WHERE path = '$(the_backup | cut -d/ -f2-)'")"
job_with quality ""
expect 0 "$STATION" check photon.cfg
grep "$(fingerprint quality.pem)  not in the job" out >/dev/null || fail "check does not name the hash to write"
expect 0 "$STATION" check photon.cfg --pin --json
equal "pinned, the same plan" "true|$plan" "$(jq -r '"\(.backup_recipients[0].pinned)|\(.plan_sha256)"' out)"
equal "the pin in the job" 1 "$(grep -c "file = \"$work/quality.pem\"; *sha256 = \"$(fingerprint quality.pem)\";" photon.cfg)"
job_with quality "sha256 = \"$(fingerprint lab.pem)\";"
expect 2 "$STATION" backup --state rehearsal --slot A2 --job photon.cfg
grep "the fingerprint of this certificate is $(fingerprint quality.pem)" err >/dev/null || fail "another certificate: $(cat err)"
# Images change, and are pinned anew; whom a customer's keys go to does not change by the way.
cp photon.cfg before.cfg
expect 2 "$STATION" check photon.cfg --pin
cmp before.cfg photon.cfg || fail "another certificate was pinned"

# --- one that has expired: no backup for it; units are made all the same ---
job_with old "sha256 = \"$(fingerprint old.pem)\";"
expect 0 "$STATION" check photon.cfg
grep "old.pem has expired" out >/dev/null || fail "check does not warn of it"
expect 0 "$STATION" check photon.cfg --json
equal "told" "true false $plan" "$(jq -r '"\(.backup_recipients[0].pinned) \(.backup_recipients[0].valid) \(.plan_sha256)"' out)"
expect 0 "$STATION" rehearse photon.cfg --units 1 --state made
attempts=$(sql "SELECT count(*) FROM attempt")
for command in "backup --slot A2 --job photon.cfg" "backup --slot A2 --recipient quality.pem old.pem" "rehearse photon.cfg --reprovision"; do
	# shellcheck disable=SC2086
	expect 2 "$STATION" $command --state rehearsal
	grep "old.pem has expired" err >/dev/null || fail "$command: $(cat err)"
done
equal "attempts with a recipient that has expired" "$attempts" "$(sql "SELECT count(*) FROM attempt")"
rm -rf plain.*

# --- when it goes wrong ---
rm -rf rehearsal/backups
rows=$(sql 'SELECT count(*) FROM backup')
nothing_saved() {
	equal "$1: files" 0 "$(find rehearsal/backups -type f 2>/dev/null | wc -l)"
	equal "$1: rows" "$rows" "$(sql 'SELECT count(*) FROM backup')"
}
# The disk is full: writes behind the first 512 KiB of a file fail.
full() {
	(
		trap '' XFSZ
		ulimit -f 512
		exec "$@"
	)
}
expect 3 full "$STATION" backup --state rehearsal --slot A1 --recipient quality.pem
grep "File too large" err >/dev/null || fail "disk full: $(cat err)"
nothing_saved "disk full"
equal "disk full" "ABORTED|not-durable" "$(sql "SELECT outcome, reason FROM attempt ORDER BY started_at DESC LIMIT 1")"
# Killed in the middle of the file (by the same limit): what is left is a part of it under another name, and goes with the next.
killed() (
	ulimit -f 512
	exec "$@"
)
status=0
killed "$STATION" backup --state rehearsal --slot A1 --recipient quality.pem >out 2>err || status=$?
[ $status -gt 128 ] || fail "it was not killed: $status"
equal "whole files of a killed backup" 0 "$(find rehearsal/backups -name '*.station-backup' | wc -l)"
equal "its part" 1 "$(find rehearsal/backups -type f | wc -l)"
nothing_plain rehearsal/units/A1/alt1.bin $((34 + 200)) 400
expect 0 "$STATION" backup --state rehearsal --slot A1 --recipient quality.pem --json
equal "files after it" "$(the_backup)" "$(find rehearsal/backups -type f)"
equal "the killed attempt" 1 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'INTERRUPTED'")"
open "$(the_backup)" quality plain.q || fail "the backup after it does not open"
whole A1 plain.q 0 0x08000000 1 0
rm -rf plain.* rehearsal/backups
rows=$(sql 'SELECT count(*) FROM backup')
# The unit vanishes.
echo 'faults : { list = ( { slot = "A2"; kind = "unplug"; at_transfer = 300; } ); };' >rehearsal/units/A2/faults.cfg
expect 1 "$STATION" backup --state rehearsal --slot A2 --recipient quality.pem
nothing_saved "a unit that vanished"
equal "a unit that vanished" "FAIL|usb-gone" "$(sql "SELECT outcome, reason FROM attempt ORDER BY started_at DESC LIMIT 1")"
rm rehearsal/units/A2/faults.cfg

# --- kept long enough: the file goes, its rows stay ---
old=rehearsal/backups/$id/old.station-backup
mkdir -p "$(dirname "$old")"
echo encrypted >"$old"
sqlite3 rehearsal/station.db "INSERT INTO backup (id, attempt_id, device_id, at, region, size, sha256, path, keep_until)
	SELECT 'b', id, device_id, 1, 'user', 1, '$(printf '%064d' 0)', 'backups/$id/old.station-backup', 2 FROM attempt WHERE device_id = '$id'
	AND kind = 'provision'"
expect 0 "$STATION" backup --state rehearsal --slot A2 --recipient quality.pem
[ ! -e "$old" ] || fail "an old backup is still there"
equal "what is told of it" "backups/$id/old.station-backup|kept long enough" "$(sql 'SELECT path, why FROM backup_removed')"
sound

# --- Core: 2 MB of external flash, where its keys are; a product of ours, with option bytes ---
rm -rf rehearsal
job core
expect 0 "$STATION" rehearse core.cfg --units 1
expect 0 "$STATION" backup --state rehearsal --json --recipient lab.pem
open "$(the_backup)" lab plain.l || fail "Core: $(cat cms.err)"
whole A1 plain.l 0 0x08000000 1 0
equal "bytes of a Core" $((0x20000 + 0x200000)) "$(jq '[.regions[].size] | add' plain.l/manifest.json)"
nothing_plain rehearsal/units/A1/alt1.bin $((0x2000 + 200)) 400
sound
rm -rf rehearsal plain.*
job stm32-custom
expect 0 "$STATION" rehearse stm32-custom.cfg --units 1
expect 0 "$STATION" backup --state rehearsal --json --recipient lab.pem
open "$(the_backup)" lab plain.l || fail "custom product: $(cat cms.err)"
whole A1 plain.l 0 0x08000000 1 0x1fffc000 2 0x1fff7800 3 0xffff0000
nothing_plain rehearsal/units/A1/alt0.bin $((0x8000 + 7)) 32
sound
# P1: with a serial flash, if its bootloader shows one
rm -rf rehearsal plain.*
job p1
expect 0 "$STATION" rehearse p1.cfg --units 1
expect 0 "$STATION" backup --state rehearsal --json --recipient lab.pem
open "$(the_backup)" lab plain.l || fail "P1: $(cat cms.err)"
whole A1 plain.l 0 0x08000000 1 0 2 0
equal "memory of a P1" "$(find rehearsal/units/A1 -name 'alt*.bin' | wc -l)" "$(jq '[.regions[].alt] | unique | length' plain.l/manifest.json)"
sound
