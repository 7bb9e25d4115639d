# SPDX-License-Identifier: Apache-2.0
# For the rules: which files there are, and what becomes of the breaches. A rule prints FILE:LINE: and what is wrong.
# SOURCE is the tree, BUILD its build folder; CMakeLists.txt tells the rest.
set -euo pipefail
rules=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$SOURCE"

# Every file of the tree, what git ignores left out.
tree() {
	{ git ls-files --cached --others --exclude-standard 2>/dev/null ||
		find . -name '.?*' -prune -o -path './build*' -prune -o -type f -printf '%P\n'; } |
		while IFS= read -r file; do
			[ ! -f "$file" ] || printf '%s\n' "$file"
		done | sort -u
}

# The C of the program and its modules.
product() {
	tree | awk '/^(config|jobs|keys|station)\/.*\.[ch]$/'
}

# The lines of the named files as FILE:LINE:CODE, without comments and the text of strings.
code() {
	xargs -r awk -f "$rules/code.awk"
}

# Ends the rule: it is kept when nothing comes in.
judge() {
	awk '{ print; breaches++ } END { if (breaches) { print breaches " breaches of the rule"; exit 1 } }'
}
