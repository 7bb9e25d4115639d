#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first word of a function's name says whose it is. The virtual line's begin with a v (vunit_, vbus_, vcloud_...), so
# that what judges the station is never taken for a part of it; the other modules' words are their own.
. "$(dirname "$0")/lib.sh"

# Nouns of which two modules speak, each from its side: the line does what the record, the cloud and the keys know.
allowed=' attempt enrol keys '

xargs -r nm -A -g --defined-only <"$OBJECTS" | awk -v build="$BUILD/" -v allowed="$allowed" '
	$(NF - 1) == "T" && $NF !~ /^(__|main$)/ {
		file = $0
		sub(/:[^:]*$/, "", file)
		if (index(file, build) == 1)
			file = substr(file, length(build) + 1)
		sub(/CMakeFiles\/[^\/]*\.dir\/(\.\/)?/, "", file)
		sub(/\.o$/, "", file)
		place = file
		sub(/\/[^\/]*$/, "", place)
		word = $NF
		sub(/_.*/, "", word)
		if (place == "station/virtual" && word !~ /^v/)
			print file, $NF, "begins with no v"
		else if (index(allowed, " " word " "))
			next
		else if ((word in owner) && owner[word] != place)
			print file, $NF, "has a first word of " owner[word]
		else
			owner[word] = place
	}' | while read -r file name what; do
	line=$(awk -v name="$name" 'index($0, name "(") && /^[a-z]/ && !/;$/ { print FNR; exit }' "$file")
	echo "$file:${line:-1}: $name $what"
done | judge
