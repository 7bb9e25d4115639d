#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No file is longer than 600 lines, no function of the product longer than 60, from its first line to its brace.
. "$(dirname "$0")/lib.sh"

{
	tree | awk '/\.([ch]|sh|awk|cmake)$|CMakeLists.txt$/' | xargs -r awk '
		FNR == 601 { print FILENAME ":601: a file has up to 600 lines; split it by noun" }'
	product | code | awk -F: '
		{ code = substr($0, length($1) + length($2) + 3) }
		code ~ /^{/ { start = head ? head : $2; inside = 1 }
		code ~ /^}/ {
			if (inside && $2 - start >= 60)
				print $1 ":" start ": a function has up to 60 lines, this one " $2 - start + 1
			inside = 0
		}
		!inside && code ~ /^[A-Za-z]/ && !head { head = $2 }
		!inside && code ~ /[;}]$|^[ \t]*$|^#/ { head = 0 }'
} | judge
