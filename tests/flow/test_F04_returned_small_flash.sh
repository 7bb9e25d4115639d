#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F04: the external flash was replaced by a smaller part, and addresses repeat. What it holds is seen again further on by reading
# alone: nobody takes that for an owner's data, which would be wiped. A unit of which a job needs no more is made good; one of which
# it needs more is set aside, and so is one whose write test has found the size, by every job, until a person decides.
. "$(dirname "$0")/reprovision.sh"
head -c 12000 "$SOURCE/jobs/images/core-factory.bin" | tr '\000-\377' '\001-\377\000' >data.bin
policy core 'backup = false;'
sed -e "s|{ region = \"factory\"; .*}|&,\n\t\t{ region = \"spi-user\"; file = \"$PWD/data.bin\"; }|" core.cfg >data.cfg
come_back core F04,F04:0x40000,F04:0x100000,-

look 1 --job core.cfg
healthy A1 A3 A4
equal "A1: notes" "server-rsa flash-repeats" "$(told A1 note)"
is_told A1 flash-repeats "what stands at 0x00001000 is at 0x00081000 too: it has 512 KiB, and announces 2048"
is_told A3 flash-repeats "what stands at 0x00001000 is at 0x00101000 too: it has 1024 KiB, and announces 2048"
equal "A4: notes" "" "$(told A4 note)"
# With half of that there is no room for updates, whatever the job.
faulty A2 flash-defective "" "server-rsa flash-repeats"
is_told A2 flash-repeats "what stands at 0x00001000 is at 0x00041000 too: it has 256 KiB, and announces 2048"
# For a job that puts something behind its end, A1 is none.
look 1 --job data.cfg --slot A1
faulty A1 flash-defective images "server-rsa flash-repeats spi-user image-damaged"

cp -r rehearsal/units aside
reprovision 1 data --yes
equal "A1" "reprovision|REFUSED|flash-defective" "$(ended A1)"
equal "A2" "reprovision|REFUSED|flash-defective" "$(ended A2)"
for slot in A1 A2; do diff -r aside/$slot rehearsal/units/$slot || fail "$slot was written"; done
sound

# The other job fits into it.
reprovision 1 core --yes
made_good core A1
sound

# A write test leaves no doubt: set aside for every job, until somebody says otherwise.
expect 1 "$STATION" diagnose --state rehearsal --json --slot A1 --exercise --regions ota --yes
case "$(told A1 fault)" in *"flash-size"*) ;; *) fail "A1: $(told A1 fault)" ;; esac
equal "A1: verdict" flash-defective "$(told A1 verdict)"
equal "A1: mark" quarantine "$(sql "SELECT mark FROM unit_mark WHERE device_id = '$(device_of A1)' ORDER BY id DESC LIMIT 1")"
reprovision 1 core --yes
equal "A1 set aside" "reprovision|REFUSED|quarantined" "$(ended A1)"
expect 0 "$STATION" mark "$(device_of A1)" released --note "one of the early units" --state rehearsal
reprovision 1 core --yes
made_good core A1
sound
