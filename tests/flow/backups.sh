# SPDX-License-Identifier: Apache-2.0
# What the tests of backups share: recipients, opening a backup without the station, and looking for what must not be there.
. "$(dirname "$0")/lib.sh"

# person NAME ALGORITHM...: NAME.key and its certificate NAME.pem
person() {
	local name=$1
	shift
	openssl req -x509 -nodes -days 30 -subj "/CN=$name" -keyout "$name.key" -out "$name.pem" -newkey "$@" 2>req.err ||
		fail "no certificate: $(cat req.err)"
}
fingerprint() {
	openssl x509 -in "$1" -outform DER | sha256sum | cut -d' ' -f1
}
# open FILE NAME FOLDER: by openssl and tar alone
open() {
	rm -rf "$3"
	mkdir "$3"
	openssl cms -decrypt -binary -inform DER -in "$1" -recip "$2.pem" -inkey "$2.key" -out "$3.tar" 2>cms.err || return 1
	tar xf "$3.tar" -C "$3" || fail "tar does not like what is in $1"
	rm "$3.tar"
}

the_backup() {
	jq -r .path out
}

# whole SLOT FOLDER BASE-OF-ALT...: every piece is what stands in the unit's memory, and all of it is there
whole() {
	local slot=$1 folder=$2 file alt address size sha256 name
	shift 2
	local -A base=()
	while [ $# -gt 0 ]; do base[$1]=$2 && shift 2; done
	jq -r '.regions[] | "\(.file) \(.alt) \(.address) \(.size) \(.sha256) \(.name)"' "$folder/manifest.json" >pieces
	while read -r file alt address size sha256 name; do
		cmp <(bytes "rehearsal/units/$slot/alt$alt.bin" $((address - base[$alt])) "$size") "$folder/$file" ||
			fail "$file is not what $slot has"
		equal "size of $file" "$size" "$(stat -c %s "$folder/$file")"
		equal "sha256 of $file" "$sha256" "$(sha256sum "$folder/$file" | cut -d' ' -f1)"
		equal "row of $file" "1" "$(sql "SELECT count(*) FROM backup WHERE attempt_id = '$(jq -r .attempt_id "$folder/manifest.json")'
			AND region = '$name' AND alt = $alt AND address = $address AND size = $size AND sha256 = '$sha256'")"
	done <pieces
	equal "members of $folder" "$(($(wc -l <pieces) + 1))" "$(find "$folder" -type f | wc -l)"
}

# nothing_plain FILE OFFSET LENGTH: those bytes of the unit's memory, numbers of a private key, stand in no file but the unit's memory itself
nothing_plain() {
	python3 - "$1" "$2" "$3" <<-'PYTHON' || fail "a private key stands in a file"
	import os, sys
	at, size = int(sys.argv[2]), int(sys.argv[3])
	key = open(sys.argv[1], "rb").read()[at:at + size]
	# Parts of it too: 32 bytes of a number.
	parts = [key[i:i + 32] for i in range(0, size - 31, 32)]
	parts = [p for p in parts if len(set(p)) > 8]
	assert parts
	seen = 0
	for folder, _, files in os.walk("."):
	    if "/units" in folder or "/plain" in folder:
	        continue
	    for name in files:
	        data = open(os.path.join(folder, name), "rb").read()
	        seen += 1
	        assert not any(p in data for p in parts), os.path.join(folder, name)
	assert seen > 5, seen
	PYTHON
}
