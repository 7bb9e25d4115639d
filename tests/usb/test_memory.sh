#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# When units are done, no byte run of their private keys is left in the memory of station run, where the units live in
# another process. A unit's id is found there, which shows that
# the search works.
. "$(dirname "$0")/../flow/lib.sh"
: "${BUILT:?the folder of umock-run}"
[ -z "${SANITIZE:-}" ] || { echo "skipped: a sanitizer keeps freed memory"; exit 77; }
[ "$(id -u)" -eq 0 ] || { echo "skipped: only root may look into the station's memory"; exit 77; }
"$BUILT/umock-run" --units 1 --folder probe -- true 2>err || { tail -n 3 err; exit 77; }
units=4
{
	printf 'station : { id = "bench-1"; state_dir = "rehearsal"; pinned_images = false; slots = ('
	for i in $(seq "$units"); do
		printf '%s{ name = "A%d"; port = "1-%d"; }' "$([ "$i" -eq 1 ] || echo ,)" "$i" "$i"
	done
	printf '); };\n'
} >station.cfg
job photon -e '/enrol  /d'

# Under the bus, so that it can be looked at while the units are still there. Fds: it reads labels from a pipe that says
# nothing.
cat >inside.sh <<'END'
mkfifo labels
sleep 1000 >labels &
keeper=$!
"$STATION" run photon.cfg --config station.cfg --quantity 0 --plain <labels >out 2>err &
station=$!
for _ in $(seq 1200); do
	[ "$(grep -c ' PASS' out)" -ge "$1" ] && break
	sleep 0.1
done
# Regions that can be written, dumped through the kernel's window.
env -u LD_PRELOAD perl -e '
	my ($pid, $to) = @ARGV;
	open(my $maps, "<", "/proc/$pid/maps") or die; open(my $mem, "<:raw", "/proc/$pid/mem") or die;
	open(my $out, ">:raw", $to) or die;
	while (<$maps>) {
		next unless /^([0-9a-f]+)-([0-9a-f]+) rw/;
		my ($at, $end) = (hex $1, hex $2);
		for (; $at < $end; $at += 65536) {
			my $len = $end - $at < 65536 ? $end - $at : 65536;
			sysseek($mem, $at, 0) or next; sysread($mem, my $bytes, $len) or next; print $out $bytes;
		}
	}' "$station" memory
kill -INT "$station"
wait "$station"
echo "status $?" >status
kill "$keeper"
END
export STATION
expect 0 "$BUILT/umock-run" --units "$units" --family photon --folder units -- bash inside.sh "$units"
equal "units made" "$units" "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
[ "$(stat -c %s memory)" -gt 1000000 ] || fail "only $(stat -c %s memory) bytes of memory were seen"
# found FILE OFFSET: how often 16 bytes of a unit stand in the memory
found() {
	perl -e 'my ($memory, $file, $at) = @ARGV; local $/;
		open(my $m, "<:raw", $memory) or die; my $all = <$m>;
		open(my $f, "<:raw", $file) or die; seek($f, $at, 0); read($f, my $piece, 16);
		my ($n, $i) = (0, -1); $n++ while ($i = index($all, $piece, $i + 1)) >= 0; print $n' memory "$1" "$2"
}
for i in $(seq "$units"); do
	dct=units/A$i/alt1.bin
	# PKCS#1 of RSA-1024 behind offset 34: n from 11, d around 147-275, the primes and the rest up to 600.
	for at in 160 200 250 290 320 360 390 430 460 500 530 570; do
		equal "A$i: key bytes at $at in the memory" 0 "$(found "$dct" $((34 + at)))"
	done
done
id=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1'")
printf '%s' "$id" >id.bin
[ "$(found id.bin 0)" -gt 0 ] || fail "the search does not find the id of A1, which must be there"
