#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing that changes lives outside of an object that somebody passes down: no writable variable at file scope and no
# static one in a function, each thread's own included. What is const but points somewhere (.data.rel.ro) is no variable.
. "$(dirname "$0")/lib.sh"

[ -z "${SANITIZE:-}" ] || {
	echo "a sanitizer adds variables of its own"
	exit 77
}
# A signal handler has nobody to hand it anything.
allowed=' station/interrupt.c:once station/interrupt.c:twice '

xargs -r objdump -t <"$OBJECTS" | awk -v build="$BUILD/" -v allowed="$allowed" '
	/file format/ {
		file = $1
		sub(/:$/, "", file)
		if (index(file, build) == 1)
			file = substr(file, length(build) + 1)
		sub(/CMakeFiles\/[^\/]*\.dir\/(\.\/)?/, "", file)
		sub(/\.o$/, "", file)
	}
	$0 !~ /\.data\.rel\.ro/ && / \.(data|bss|tdata|tbss)|\*COM\*/ && !/ d  ?\./ && $NF !~ /^\./ {
		name = $NF
		sub(/\.[0-9]+$/, "", name)
		if (!index(allowed, " " file ":" name " "))
			print file, name
	}' | while read -r file name; do
	line=$(awk -v name="$name" '
		$0 ~ "[ *]" name "( |;|\\[|=|$)" && /^[ \t]*[a-z_]/ { print FNR; exit }' "$file")
	echo "$file:${line:-1}: $name changes and belongs to nobody"
done | judge
