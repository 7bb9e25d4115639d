#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files that are more than the bytes of a memory: DFU suffixes by dfu-suffix, Intel HEX by objcopy, DfuSe for two alternate
# settings of a Core. The memories hold what the files say and keep all else; what does not fit is refused by name.
. "$(dirname "$0")/lib.sh"
for tool in dfu-suffix dfu-prefix objcopy; do
	command -v "$tool" >/dev/null || {
		echo "skipped: $tool is not installed"
		exit 77
	}
done
user=$SOURCE/jobs/images/core-user.bin
flash=rehearsal/units/A1/alt0.bin
spi=rehearsal/units/A1/alt1.bin

# job_of FILE IMAGE...: IMAGE is the inside of a group
job_of() {
	local file=$1
	shift
	printf 'job : { name = "%s"; family = "core"; images = ( %s ); };\n' "$file" \
		"$(printf '{ %s },' "$@" | sed 's/,$//')" >"$file"
}

run() {
	expect 0 "$STATION" rehearse "$1" --units 1 --state rehearsal --rework
	equal "outcome of $1" PASS "$(sql 'SELECT outcome FROM attempt ORDER BY started_at DESC LIMIT 1')"
}

images() {
	sql "SELECT region, address, size, sha256, coalesce(version, 'none') FROM batch_image
		WHERE batch_id = (SELECT id FROM batch ORDER BY started_at DESC, id DESC LIMIT 1) ORDER BY region"
}

sha() {
	sha256sum "$1" | cut -d' ' -f1
}

plan() {
	"$STATION" check "$1" --json | jq -r .plan_sha256
}

# refused TEXT IMAGE...
refused() {
	local text=$1
	shift
	job_of bad.cfg "$@"
	expect 2 "$STATION" rehearse bad.cfg --units 1 --state rehearsal --rework
	grep -qF -- "$text" err || fail "no \"$text\" in: $(cat err)"
}

# --- DFU suffix ---

head -c $((0x100000)) /dev/urandom >noise.bin
cp "$user" user-suffixed.bin
cp noise.bin noise-suffixed.dfu
dfu-suffix -v 0x1d50 -p 0x607f -d 0x0123 -a user-suffixed.bin >/dev/null
dfu-suffix -a noise-suffixed.dfu >/dev/null
job_of suffixed.cfg 'region = "user"; file = "user-suffixed.bin";' 'region = "spi-user"; file = "noise-suffixed.dfu";'
run suffixed.cfg
image_at "$flash" $((0x5000)) "$user"
image_at "$spi" $((0x80000)) noise.bin
erased "$spi" $((0x180000)) $((0x80000))
equal "rows" "spi-user|$((0x80000))|$((0x100000))|$(sha noise-suffixed.dfu)
user|$((0x08005000))|$(stat -c %s "$user")|$(sha user-suffixed.bin)" "$(images | cut -d'|' -f1-4)"

# --- DfuSe, into flash full of noise ---

cp "$flash" flash.before
cp "$spi" spi.before
head -c 5001 /dev/urandom >one
head -c 300 /dev/urandom >two
"$HELPERS/make_dfuse" two.dfu 0x1d50 0x607f 1 0x90010 one 0 0x08005000 "$user" 1 0x9fff1 two
dfu-suffix -c two.dfu | grep 0x011A >/dev/null || fail "dfu-suffix does not like the DfuSe file"
job_of dfuse.cfg 'file = "two.dfu";'
run dfuse.cfg
image_at "$flash" $((0x5000)) "$user"
image_at "$spi" $((0x90010)) one
image_at "$spi" $((0x9fff1)) two
# What is free in the sectors under them is erased, and all others keep their noise.
erased "$spi" $((0x90000)) 16
erased "$spi" $((0x90010 + 5001)) $((0x92000 - 0x90010 - 5001))
erased "$spi" $((0x9f000)) $((0xff1))
erased "$spi" $((0x9fff1 + 300)) $((0xa1000 - 0x9fff1 - 300))
same_but spi.before "$spi" $((0x90000)):$((0x2000)) $((0x9f000)):$((0x2000))
same_but flash.before "$flash" $((0x4c00)):$((0x400)) $((0x5000)):$((0x1b000))
equal "rows" "spi-user|$((0x90010))|5301|$(sha two.dfu)
user|$((0x08005000))|$(stat -c %s "$user")|$(sha two.dfu)" "$(images | cut -d'|' -f1-4)"
"$STATION" check dfuse.cfg >shown
[ "$(grep -c '0x00090010\|0x0009fff1\|0x08005000 *[0-9]' shown)" -ge 3 ] || fail "check does not show each run"

# --- sparse Intel HEX, made by objcopy ---

cp "$spi" spi.before
head -c 70001 /dev/urandom >three
objcopy -I binary -O ihex --change-addresses 0xb0801 three three.hex
objcopy -I binary -O ihex --change-addresses 0xe0ff0 two two.hex
{
	grep -v '^:00000001FF' two.hex
	cat three.hex
} >sparse.hex
job_of sparse.cfg 'region = "spi-user"; file = "sparse.hex";'
run sparse.cfg
image_at "$spi" $((0xb0801)) three
image_at "$spi" $((0xe0ff0)) two
erased "$spi" $((0xb0000)) $((0x801))
erased "$spi" $((0xe0000)) $((0xff0))
same_but spi.before "$spi" $((0xb0000)):$((0x12000)) $((0xe0000)):$((0x2000))
equal "row" "spi-user|$((0xb0801))|70301|$(sha sparse.hex)|none" "$(images)"
# objcopy reads it as we do: its binary stands there, if what it fills is left out.
objcopy -I ihex -O binary --gap-fill 0xff sparse.hex sparse.bin
size=$(stat -c %s sparse.bin)
equal "size of what objcopy makes of it" $((0xe0ff0 + 300 - 0xb0801)) "$size"
bytes "$spi" $((0xb0801)) "$size" >found
same_but sparse.bin found $((0xc2000 - 0xb0801)):$((0xe0000 - 0xc2000))
# And what stands in the unit goes back through objcopy and comes out the same.
bytes "$spi" $((0xb0801)) 70001 >found
objcopy -I binary -O ihex --change-addresses 0xb0801 found found.hex
cmp found.hex three.hex || fail "objcopy makes another HEX file of what was written"

# What is free in a sector is read back too; what lies between the sectors is nobody's business.
cat >faults.cfg <<'EOF'
faults : { list = (
	{ slot = "A1"; kind = "dead-cell"; alt = 1; address = 0xb0003; },
	{ slot = "A2"; kind = "dead-cell"; alt = 1; address = 0xd0000; } ); };
EOF
expect 1 "$STATION" rehearse sparse.cfg --units 2 --faults faults.cfg --state faulty
equal "outcomes" "A1|FAIL|flash-bad
A2|PASS|" "$(sqlite3 -readonly faulty/station.db "SELECT slot, outcome, reason FROM attempt WHERE id IN
	(SELECT max(id) FROM attempt GROUP BY slot) ORDER BY slot")"

# A second time nothing is to be done: the same product.
expect 0 "$STATION" rehearse sparse.cfg --units 1 --state rehearsal
equal "outcome" SKIPPED "$(sql 'SELECT outcome FROM attempt ORDER BY started_at DESC LIMIT 1')"

# Only what changed is written, and the rest is as it was.
cp "$spi" spi.before
head -c 300 /dev/urandom >two
objcopy -I binary -O ihex --change-addresses 0xe0ff0 two two.hex
{
	grep -v '^:00000001FF' three.hex
	cat two.hex
} >sparse.hex
sed -i 's/^job : {/& write = "changed";/' sparse.cfg
run sparse.cfg
image_at "$spi" $((0xe0ff0)) two
same_but spi.before "$spi" $((0xe0ff0)):300

# --- the same bytes are the same product ---

objcopy -I binary -O ihex --change-addresses 0x08005000 "$user" user.hex
"$HELPERS/make_dfuse" user.dfu 0xffff 0xffff 0 0x08005000 "$user"
cp "$user" user.bin
job_of as-bin.cfg 'region = "user"; file = "user.bin";'
wanted=$(plan as-bin.cfg)
for file in user.hex user.dfu; do
	job_of as.cfg "file = \"$file\";"
	equal "plan of $file" "$wanted" "$(plan as.cfg)"
done
job_of as.cfg 'region = "user"; file = "user-suffixed.bin";'
equal "plan of a suffixed file" "$wanted" "$(plan as.cfg)"

# --- the job's pin is that of the file ---

job_of pinned.cfg 'file = "two.dfu";' 'region = "factory"; file = "user.bin";'
expect 0 "$STATION" check --pin pinned.cfg
grep -qF "$(sha two.dfu)" pinned.cfg || fail "two.dfu is not pinned"
grep -qF "$(sha user.bin)" pinned.cfg || fail "user.bin is not pinned"
expect 0 "$STATION" check pinned.cfg

# --- refusals ---

cp "$spi" spi.before
cp user.bin other.bin
dfu-suffix -v 0x2b04 -p 0xd006 -a other.bin >/dev/null
refused "it is for USB device 2b04:d006, family core is 1d50:607f" 'region = "user"; file = "other.bin";'
cp user-suffixed.bin hurt.bin
printf '\1' | dd of=hurt.bin bs=1 seek=1000 conv=notrunc status=none
refused "the CRC in its DFU suffix" 'region = "user"; file = "hurt.bin";'
cp noise.bin stellaris.bin
dfu-prefix -s 0x4000 -a stellaris.bin >/dev/null
dfu-suffix -a stellaris.bin >/dev/null
refused "dfu-prefix --delete" 'region = "spi-user"; file = "stellaris.bin";'
head -c 600 two.dfu >cut.dfu
refused "without its DFU suffix" 'file = "cut.dfu";'
"$HELPERS/make_dfuse" bad.dfu 0x1d50 0x607f 1 0x90000 one 2 0x90000 two
refused "bytes for alternate setting 2, which family core does not have" 'file = "bad.dfu";'
"$HELPERS/make_dfuse" bad.dfu 0x1d50 0x607f 1 0x90000 one 0 0x08000000 two
refused "lies in region bootloader" 'file = "bad.dfu";'
"$HELPERS/make_dfuse" bad.dfu 0x1d50 0x607f 1 0x90000 one 1 0x7fff0 two
refused "is not all inside one region (it meets ota, spi-user)" 'file = "bad.dfu";'
"$HELPERS/make_dfuse" bad.dfu 0x1d50 0x607f 1 0x90000 one 1 0x90100 two
refused "gives the bytes from 0x00090100 on twice" 'file = "bad.dfu";'
refused "is not inside the region" 'region = "spi-user"; file = "two.dfu";'
printf 'no header' >plain.bin
refused "name the region" 'file = "plain.bin";'
awk 'NR == 3 { $0 = substr($0, 1, 11) (substr($0, 12, 1) == "0" ? "1" : "0") substr($0, 13) } 1' three.hex >bad.hex
refused "line 3: its checksum is wrong" 'file = "bad.hex";'
head -n 100 three.hex >bad.hex
refused "has no end record" 'file = "bad.hex";'
objcopy -I binary -O srec --change-addresses 0x90000 one one.srec
refused "objcopy -I srec -O ihex" 'region = "spi-user"; file = "one.srec";'
sound
cmp spi.before "$spi" || fail "a refused job changed the unit"
echo "DFU suffixes, DfuSe and Intel HEX go where they say"
