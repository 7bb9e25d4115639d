#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What cannot be undone happens only if the job allows it, --yes does, or somebody types the slot's name when it asks. A unit
# that nobody confirmed is as it came.
. "$(dirname "$0")/reprovision.sh"
policy core "backup = false;"
come_back core "claimed,claimed,-"

# Nobody there: ABORTED, and what was asked is told.
untouched reprovision 1 core </dev/null
for slot in A1 A2 A3; do
	equal "$slot, nobody there" "reprovision|ABORTED|not-confirmed" "$(ended $slot)"
	equal "$slot: steps" confirm "$(steps $slot | xargs -n 1 | tail -n 1)"
done
case "$(last A1 detail)" in
*"replaces a device key"*"wipes what its owner left: spi-user"*"changes the unit without a backup") ;;
*) fail "it was asked: $(last A1 detail)" ;;
esac
sound

# At a slot, when it asks, and not before; one at the slots A1 and A3, nobody at A2.
mkfifo typed
rm -f out
"$STATION" rehearse core.cfg --reprovision --state rehearsal --plain <typed >out 2>err &
pid=$!
exec 9>typed
echo "B7" >&9
asks() {
	local i
	for ((i = 0; i < 1200; i++)); do
		! grep -sF "OPERATOR: type $1 to go on: " out >asked || return 0
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	fail "$1 was not asked: $(cat out err)"
}
for slot in A1 A2 A3; do asks $slot; done
cp -r rehearsal/units asked.units
for slot in A1 A2 A3; do
	cmp "asked.units/$slot/alt1.bin" "before/units/$slot/alt1.bin" || fail "$slot was changed before it was confirmed"
done
echo "A1" >&9
echo " A3 " >&9
for ((i = 0; i < 1200; i++)); do
	[ "$(sql "SELECT count(*) FROM attempt WHERE kind = 'reprovision' AND outcome = 'PASS'")" -lt 2 ] || break
	sleep 0.1
done
exec 9>&-
status=0
wait $pid || status=$?
equal "exit status" 1 $status
grep -q "there is no slot B7" err || fail "a slot that is not there is not told: $(cat err)"
for slot in A1 A3; do
	equal "$slot, confirmed" "reprovision|PASS|" "$(ended $slot)"
	agreed $slot core
done
case "$(observed A1 confirmed)" in "replaces a device key"*) ;; *) fail "A1 was confirmed: $(observed A1 confirmed)" ;; esac
equal "A2, not confirmed" "reprovision|ABORTED|not-confirmed" "$(ended A2)"
diff -qr before/units/A2 rehearsal/units/A2 || fail "A2 was touched"
sound

# The job allows it all; or a part, and then the rest is asked.
policy core "backup = false; allow = [ \"replace-device-key\", \"no-backup\" ];"
reprovision 1 core </dev/null
equal "A1, nothing of an owner's left" "reprovision|PASS|" "$(ended A1)"
equal "A2, an owner's data" "reprovision|ABORTED|not-confirmed" "$(ended A2)"
case "$(last A2 detail)" in
*"replaces a device key"*) fail "what the job allows is asked: $(last A2 detail)" ;;
*"wipes what its owner left: spi-user") ;;
*) fail "it was asked: $(last A2 detail)" ;;
esac
policy core "backup = false; allow = [ \"replace-device-key\", \"no-backup\", \"wipe-customer-data\" ];"
reprovision 0 core </dev/null
equal "A2, allowed" "reprovision|PASS|" "$(ended A2)"
sound
