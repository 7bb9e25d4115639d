#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Private keys are on the units and nowhere else; the token is in its file and nowhere else; others cannot read it.
. "$(dirname "$0")/lib.sh"
job core
expect 0 "$STATION" rehearse core.cfg --units 2 --json
cp out err rehearsal/
token=rehearsal/cloud-access/token
equal "mode of the token" 600 "$(stat -c %a "$token")"
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
secret_in() { # HEX -> files that hold these bytes, outside the units
	find rehearsal -type f -not -path '*/units/*' -not -path "$token" | while read -r file; do
		case "$(hex "$file")" in *"$1"*) echo "$file" ;; esac
	done
}
for slot in A1 A2; do
	# 24 bytes out of the middle of the private exponent and of a prime: PKCS#1 of RSA-1024 has them there.
	for at in 200 330; do
		piece=$(bytes "rehearsal/units/$slot/alt1.bin" $((0x2000 + at)) 24 | od -An -v -tx1 | tr -d ' \n')
		equal "key bytes of $slot elsewhere" "" "$(secret_in "$piece")"
	done
done
piece=$(tr -d '\n' <"$token" | od -An -v -tx1 | tr -d ' \n')
[ "${#piece}" -ge 32 ] || fail "the token is too short to look for"
equal "the token elsewhere" "" "$(secret_in "$piece")"
# The modulus is no secret, and must be found: it shows that the search works.
piece=$(bytes rehearsal/units/A1/alt1.bin $((0x2000 + 11)) 24 | od -An -v -tx1 | tr -d ' \n')
fingerprint_of_pem rehearsal/cloud/*.pem >/dev/null 2>&1 || true
id=$(sql "SELECT device_id FROM attempt WHERE slot = 'A1' LIMIT 1")
openssl pkey -pubin -in "rehearsal/cloud/$id.pem" -outform DER -out rehearsal/public.der
equal "the modulus" rehearsal/public.der "$(secret_in "$piece")"
