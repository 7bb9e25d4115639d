#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F10: before the first byte of a returned unit is changed, all of it is in a backup that only the recipients can open: also where
# the repair then fails, and never where nobody could open it.
. "$(dirname "$0")/reprovision.sh"
umask 022
openssl req -x509 -nodes -days 30 -subj "/CN=quality" -keyout quality.key -out quality.pem -newkey rsa:3072 2>req.err ||
	fail "no certificate: $(cat req.err)"
policy photon ''
come_back photon F02+claimed,F09,-
cp photon.cfg nobody.cfg
sed -i 's|^\treprovision : |\tbackup : { recipients = ( { file = "quality.pem"; } ); };\n&|' photon.cfg

# Without a recipient there is no backup, and without a backup no repair: of real units. (A rehearsal has one of its own.)
expect 0 "$STATION" check --pin nobody.cfg
expect 2 "$STATION" reprovision nobody.cfg --any-port --state real
grep "nobody is named who can open that: name recipients" err >/dev/null || fail "it is refused as: $(cat err)"
[ ! -e real ] || fail "a refused job made a state folder"

# A2 loses its power at the first byte that is written to it.
echo 'faults : { list = ( { slot = "A2"; kind = "brown-out"; at_operation = 1; } ); };' >faults.cfg
cp -r rehearsal/units aside
stranger=$(key_on A1 photon)
reprovision 1 photon --yes --faults faults.cfg
equal "A2" "reprovision|FAIL|usb-gone" "$(ended A2)"
case "$(steps A1)" in
"identify look-history look-images look-keys look-settings backup decide "*) ;;
*) fail "A1 went through $(steps A1)" ;;
esac

# saved SLOT: its backup, opened by openssl and tar alone into ./plain, is the unit as it came
saved() {
	local file place name alt address size
	file=$(find "rehearsal/backups/$(device_of "$1")" -name '*.station-backup')
	equal "$1: backups" 1 "$(wc -l <<<"$file")"
	equal "$1: mode of the backup" 600 "$(stat -c %a "$file")"
	rm -rf plain
	mkdir plain
	openssl cms -decrypt -binary -inform DER -in "$file" -recip quality.pem -inkey quality.key -out plain.tar || fail "it does not open"
	tar xf plain.tar -C plain
	equal "$1: its attempt" "$(sql "SELECT id FROM attempt WHERE slot = '$1' AND kind = 'reprovision'")" "$(jq -r .attempt_id plain/manifest.json)"
	jq -r '.regions[] | "\(.file) \(.name) \(.alt) \(.address) \(.size)"' plain/manifest.json >pieces
	while read -r place name alt address size; do
		cmp <(bytes "aside/$1/alt$alt.bin" $((alt == 0 ? address - 0x08000000 : address)) "$size") "plain/$place" ||
			fail "$1: $name in the backup is not what the unit had"
	done <pieces
	equal "$1: bytes of alt 0" $((1024 * 1024)) "$(awk '$3 == 0 { n += $5 } END { print n }' pieces)"
}
saved A1
equal "A1: the key that it came with" "$stranger" "$(fingerprint_of_slot "plain/$(awk '$3 == 1 && $4 == 0 { print $1 }' pieces)" 34)"
grep -a "what the application of its owner remembers" plain/* >/dev/null || fail "what its owner left is not in the backup"
saved A2
saved A3
equal "rows" 3 "$(sql "SELECT count(DISTINCT attempt_id) FROM backup")"

# And it goes on from there.
rm -r plain plain.tar
reprovision 0 photon --yes
made_good photon A1 A2 A3
sound
