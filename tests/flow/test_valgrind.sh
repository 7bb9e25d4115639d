#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Valgrind finds nothing in a rehearsal of each family.
. "$(dirname "$0")/lib.sh"
[ -z "${SANITIZE:-}" ] || { echo "skipped: a sanitizer is built in"; exit 77; }
command -v valgrind >/dev/null || { echo "skipped: no valgrind"; exit 77; }
for family in core photon; do
	rm -rf rehearsal
	job "$family"
	expect 0 valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible \
		"$STATION" rehearse "$family.cfg" --units 1
	equal "PASS of $family" 1 "$(sql "SELECT count(*) FROM attempt WHERE outcome = 'PASS'")"
done
