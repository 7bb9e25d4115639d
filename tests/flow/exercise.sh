# SPDX-License-Identifier: Apache-2.0
# What the tests of the write test share. Sourced behind the shebang and the header; takes lib.sh with it.
. "$(dirname "$0")/lib.sh"

# made JOB UNITS: units of the job, with bytes of an owner in flash that the job does not write; ./before is how they are
made() {
	rm -rf rehearsal before
	job "$1"
	expect 0 "$STATION" rehearse "$1.cfg" --units "$2" --state rehearsal
	python3 - "$1" <<-'PYTHON'
		import glob, random, sys
		random.seed(sys.argv[1])
		places = { # file, where, how much
		    "core": ("alt1.bin", ((0x40800, 5000), (0x60010, 300), (0x62000, 0x3000), (0x80000, 0x9000), (0x1ff000, 0x1000))),
		    "photon": ("alt0.bin", ((0xc0000, 70000), (0xdff00, 256))),
		    "p1": ("alt2.bin", ((0x0, 9000), (0xff000, 4096))),
		    "stm32-rom": ("alt0.bin", ((0x40000, 5000), (0xe0000, 0x20000))),
		}
		name, ranges = places[sys.argv[1]]
		for path in glob.glob("rehearsal/units/*/" + name):
		    with open(path, "r+b") as memory:
		        for at, size in ranges:
		            memory.seek(at)
		            memory.write(random.randbytes(size))
	PYTHON
	cp -r rehearsal/units before
}

# again [ENTRY]: A1 is as it was before, nothing is pending, and it has this fault for good
again() {
	rm -rf rehearsal/units/A1 rehearsal/exercise
	cp -r before/A1 rehearsal/units/A1
	[ $# -eq 0 ] || echo "faults : { list = ( $1 ); };" >rehearsal/units/A1/faults.cfg
}

# as_before: no byte of a unit is another, and nothing is pending
as_before() {
	local file
	for file in before/*/alt*.bin; do
		cmp "$file" "rehearsal/units/${file#before/}" || fail "$1: the unit's memory changed"
	done
	equal "$1: what is pending" "" "$(pending)"
}

pending() {
	find rehearsal/exercise -name '*.sector' 2>/dev/null || true
}

# exercise STATUS [OPTION...]: of A1
exercise() {
	local wanted=$1
	shift
	expect "$wanted" "$STATION" diagnose --state rehearsal --slot A1 --yes "$@"
}

# last SQL: of the last attempt of A1, as "attempt a"
last() {
	sql "SELECT $1 AND a.id = (SELECT id FROM attempt WHERE slot = 'A1' ORDER BY started_at DESC, id DESC LIMIT 1)"
}

# found CODE: subjects and evidence of that code in the last attempt of A1
found() {
	last "f.subject || ': ' || f.detail FROM finding f JOIN attempt a ON a.id = f.attempt_id WHERE f.reason = '$1'"
}

verdict() {
	last "o.value FROM observation o JOIN attempt a ON a.id = o.attempt_id WHERE o.name = 'verdict'"
}

# device_of SLOT: the id of the unit that stands there
device_of() {
	sed -n 's/.*"device_id": "\([0-9a-f]*\)".*/\1/p' "rehearsal/units/$1/unit.json"
}
