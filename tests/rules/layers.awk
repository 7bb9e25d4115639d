# SPDX-License-Identifier: Apache-2.0
# For rule_layers.sh: reads the modules' lines NAME|FOLDER|SOURCES|USES and then the C files.

# What a module may see: itself, and whatever it reaches through USES.
function reach(from, module,    i, n, used) {
	if ((from, module) in reached)
		return
	reached[from, module] = 1
	n = split(uses[module], used, " ")
	for (i = 1; i <= n; i++) {
		if (used[i] == from)
			print folder[from] "/CMakeLists.txt:1: " from " uses itself, by way of " module
		reach(from, used[i])
	}
}

# The module of a file: the one that has its source, or the first of its folder.
function module_of(file,    place, source) {
	place = file
	sub(/\/[^\/]*$/, "", place)
	source = substr(file, length(place) + 2)
	sub(/(_private)?\.[ch]$/, ".c", source)
	return ((place, source) in owner) ? owner[place, source] : first[place]
}

BEGIN {
	while ((getline line < modules) > 0) {
		split(line, part, "|")
		folder[part[1]] = part[2]
		uses[part[1]] = part[4]
		if (!(part[2] in first))
			first[part[2]] = part[1]
		n = split(part[3], source, " ")
		for (i = 1; i <= n; i++)
			owner[part[2], source[i]] = part[1]
	}
	for (module in folder)
		reach(module, module)
	for (i = 1; i < ARGC; i++) {
		name = ARGV[i]
		if (name !~ /\.h$/)
			continue
		sub(/.*\//, "", name)
		if (name in home)
			print ARGV[i] ":1: another header has this name: " home[name]
		home[name] = ARGV[i]
	}
}

FNR == 1 {
	me = module_of(FILENAME)
	if (me == "")
		print FILENAME ":1: no module of CMake has this folder"
}

/^#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	if (!(quoted[2] in home)) {
		print FILENAME ":" FNR ": there is no header \"" quoted[2] "\" in the house"
		next
	}
	place = there = home[quoted[2]]
	sub(/\/[^\/]*$/, "", place)
	mine = FILENAME
	sub(/\/[^\/]*$/, "", mine)
	if (place != mine && !((me, module_of(there)) in reached))
		print FILENAME ":" FNR ": " me " does not use " module_of(there) ", which has \"" quoted[2] "\""
}
