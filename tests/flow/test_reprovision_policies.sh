#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The policies of a re-provisioning, each with its opposite: what is written, kept, refused, and what a job allows.
. "$(dirname "$0")/reprovision.sh"

ALL='allow = [ "replace-device-key", "wipe-customer-data", "no-backup" ];'

# lost SLOT ALT ADDRESS SIZE...: ./lost.cfg: blocks that touch these ranges there are acknowledged and not written
lost() {
	local slot=$1
	shift
	echo 'faults : { list = (' >lost.cfg
	while [ $# -gt 0 ]; do
		echo "{ slot = \"$slot\"; kind = \"lost-write\"; alt = $1; address = $2; size = $3; }"
		shift 3
		[ $# -eq 0 ] || echo ,
	done >>lost.cfg
	echo '); };' >>lost.cfg
}

# at_first SLOT: each step of the last attempt there passed at its first try
at_first() {
	equal "$1: steps that were tried again" "" "$(sql "SELECT name FROM step WHERE attempt_id = '$(last "$1" id)' AND (try > 1 OR outcome <> 'PASS')")"
}

# --- images: only what differs, or all ---
# Whatever is written elsewhere than where the damage is, is lost, and so is a sector that is erased for it.
policy core "backup = false; device_key = \"keep-valid\"; $ALL"
come_back core F03:0x08006234
lost A1 0 0x08005000 0x1000 0 0x08006400 0x19c00
reprovision 0 core --faults lost.cfg
equal "changed" "reprovision|PASS|" "$(ended A1)"
equal "what was wrong" "user image-damaged" "$(found A1)"
at_first A1
agreed A1 core
policy core "backup = false; device_key = \"keep-valid\"; images = \"always\"; $ALL"
reprovision 1 core --faults lost.cfg
equal "always" "reprovision|FAIL|flash-bad" "$(ended A1)"
reprovision 0 core
equal "always, whole again" "reprovision|PASS|" "$(ended A1)"
agreed A1 core
policy photon "backup = false; device_key = \"keep-valid\"; $ALL"
come_back photon F03:0x080a0234
lost A1 0 0x08020000 0x80000
reprovision 0 photon --faults lost.cfg
at_first A1
agreed A1 photon
policy photon "backup = false; device_key = \"keep-valid\"; images = \"always\"; $ALL"
reprovision 1 photon --faults lost.cfg
equal "always" "reprovision|FAIL|flash-bad" "$(ended A1)"
sound

# --- device key: kept if it is good, renewed if not ---
for family in core photon; do
	policy $family "backup = false; device_key = \"keep-valid\"; $ALL"
	come_back $family -,F02,claimed
	before=$(key_on A1 $family)
	wrong=$(key_on A2 $family)
	[ $family = core ] && lost A1 1 0x2000 612 || lost A1 1 34 612
	reprovision 0 $family --faults lost.cfg
	for slot in A1 A2 A3; do
		equal "$family: $slot" "reprovision|PASS|" "$(ended $slot)"
		agreed $slot $family
	done
	at_first A1
	equal "$family: kept" "$before" "$(key_on A1 $family)"
	equal "$family: the kept key" "enrolled|$before" "$(key_state "$before")|$(last A1 key_fingerprint)"
	equal "$family: decided" "images changed, device key kept, server key kept" "$(observed A1 decision)"
	[ "$(key_on A2 $family)" != "$wrong" ] || fail "$family: the wrong key was kept"
	case "$(observed A2 decision)" in *"device key new"*) ;; *) fail "$family: $(observed A2 decision)" ;; esac
	sound
	policy $family "backup = false; $ALL"
	reprovision 0 $family
	[ "$(key_on A1 $family)" != "$before" ] || fail "$family: new kept the key"
	equal "$family: the old key" superseded "$(key_state "$before")"
	agreed A1 $family
	sound
done

# --- server key: a right one is not written again, unless the job wants that ---
policy core "backup = false; device_key = \"keep-valid\"; $ALL"
come_back core -
lost A1 1 0x1000 512
reprovision 0 core --faults lost.cfg
at_first A1
policy core "backup = false; device_key = \"keep-valid\"; server_key = \"new\"; $ALL"
reprovision 1 core --faults lost.cfg
equal "written in any case" "FAIL server-key-wrong" "$(ended A1 | cut -d'|' -f2- | tr '|' ' ')"
reprovision 0 core
agreed A1 core
sound

# --- a job without keys: it says what it lacks, and touches nothing ---
policy photon "backup = false; $ALL"
come_back photon F02,F09,-,claimed
before=$(key_on A3 photon)
awk '/^\t(device_key|server_key|enrol) *:/ { skip = 1 } !skip { print } /; *\};/ { skip = 0 }' photon.cfg >bare.cfg
grep -q "enrol *:" bare.cfg && fail "the job still has keys: $(cat bare.cfg)"
cp -r rehearsal/units before-units
reprovision 1 bare
equal "a key that nobody enrolled" "reprovision|REFUSED|job-does-not-mend" "$(ended A1)"
equal "told" "decide: job photon-tinker has no device_key with enrol (device-rsa: device-key-mismatch)" "$(last A1 detail)"
equal "no server key" "reprovision|REFUSED|job-does-not-mend" "$(ended A2)"
equal "told" "no server_key (server-rsa: server-key-missing)" "$(last A2 detail | sed 's/^.* has //')"
for slot in A1 A2; do
	diff -r before-units/$slot rehearsal/units/$slot >differs || fail "$slot was changed: $(cat differs)"
done
equal "nothing wrong with its keys" "reprovision|PASS|" "$(ended A3)"
equal "its key" "$before" "$(key_on A3 photon)"
equal "wiped all the same" "reprovision|PASS|" "$(ended A4)"
equal "and not claimed" 255 "$(bytes rehearsal/units/A4/alt1.bin 1825 1 | od -An -tu1 | xargs)"
sound

# --- what the job allows is not asked; the rest is ---
policy photon 'backup = false; allow = [ "no-backup", "replace-device-key" ];'
come_back photon -,claimed
cp -r rehearsal/units before-units
reprovision 1 photon
equal "all of it allowed" "reprovision|PASS|" "$(ended A1)"
equal "a wipe is not" "reprovision|ABORTED|not-confirmed" "$(ended A2)"
case "$(last A2 detail)" in *": wipes what its owner left: claimed, claim-code") ;; *) fail "asked: $(last A2 detail)" ;; esac
equal "still claimed" 1 "$(bytes rehearsal/units/A2/alt1.bin 1825 1)"
sound
