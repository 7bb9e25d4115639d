#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Breaks every rule once in a small tree of its own, and expects to be told where: a rule that has gone blind fails here.
set -euo pipefail
rules=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/station-rules-XXXXXX")
trap 'rm -rf "$folder"' EXIT
export SOURCE=$folder/tree BUILD=$folder/build SANITIZE=
export MODULES=$folder/modules OBJECTS=$folder/objects
mkdir -p "$SOURCE"/station/{base,record,virtual} "$BUILD"
cd "$SOURCE"
failed=0

# file PATH: standard input, under a licence line
file() {
	{ [[ $1 != *.[ch] ]] || echo '/* SPDX-License-Identifier: Apache-2.0 */'; cat; } >"$1"
}

# tells RULE FILE:LINE WORDS: the rule fails, and names the place and the words.
tells() {
	if bash "$rules/$1.sh" >"$folder/told" 2>&1 || ! grep -qF "$2: " "$folder/told" ||
		! grep -F "$2: " "$folder/told" | grep -F -- "$3" >/dev/null; then
		echo "$1 does not tell that $2 breaks it ($3):"
		cat "$folder/told"
		failed=1
	fi
}

# keeps RULE: it has nothing to say.
keeps() {
	bash "$rules/$1.sh" >"$folder/told" 2>&1 || {
		echo "$1 tells of a tree that keeps it:"
		cat "$folder/told"
		failed=1
	}
}

lines() {
	local i
	for ((i = 0; i < $1; i++)); do echo "$2"; done
}

cat >"$MODULES" <<-'END'
	base|station/base|good.c|
	record|station/record|row.c|base
	virtual|station/virtual|vunit.c|base
END
echo 'int good_one(void);' | file station/base/good.h
file station/base/good.c <<-'END'
	#include "good.h"
	#include <string.h>
	/* Not strcpy(to, from), and no system(): "exit(1)". */
	static const char *const names[] = { "printf(\"x\")", "gets('\"')" };
	int good_one(void)
	{
		return (int)strlen(names[0]);
	}
END
echo 'int row_one(void);' | file station/record/row.h
file station/record/row.c <<-'END'
	#include "good.h"
	#include "row.h"
	#include <sqlite3.h>
END
for rule in layers banned sizes text; do keeps rule_$rule; done

# Layers
echo '#include "row.h"' | file station/base/up.c
tells rule_layers station/base/up.c:2 'base does not use record'
echo '#include "gone.h"' | file station/base/up.c
tells rule_layers station/base/up.c:2 'no header'
echo '#include <sqlite3.h>' | file station/base/up.c
tells rule_layers station/base/up.c:2 'station/record/*'
echo '#include <unknown/library.h>' | file station/base/up.c
tells rule_layers station/base/up.c:2 'no folder yet'
rm station/base/up.c
: | file station/record/good.h
tells rule_layers station/record/good.h:1 'another header has this name'
rm station/record/good.h
sed -i 's/^base|.*|$/&record/' "$MODULES"
tells rule_layers station/base/CMakeLists.txt:1 'base uses itself, by way of record'
sed -i 's/^base|.*/base|station\/base|good.c|/' "$MODULES"
keeps rule_layers

# Banned functions
echo 'void f(char *to) { strcpy(to, "x"); }' | file station/base/bad.c
tells rule_banned station/base/bad.c:2 'strcpy'
echo 'int f(void) { return /* one */ system ("ls"); }' | file station/base/bad.c
tells rule_banned station/base/bad.c:2 'shell'
echo 'void f(void) { fprintf(out, "x"); }' | file station/base/bad.c
tells rule_banned station/base/bad.c:2 'a library does not print'
echo 'void f(void) { log_to(stderr); }' | file station/base/bad.c
tells rule_banned station/base/bad.c:2 'terminal'
echo 'void f(void) { exit(1); }' | file station/base/bad.c
tells rule_banned station/base/bad.c:2 'does not end the program'
rm station/base/bad.c
echo 'void f(void) { printf("x"); exit(1); }' | file station/cmd_good.c
keeps rule_banned
rm station/cmd_good.c

# Sizes
{ echo 'int f(void)'; echo '{'; lines 57 '	;'; echo '}'; } | file station/base/long.c
keeps rule_sizes
{ echo 'int f(int a,'; echo '	int b)'; echo '{'; lines 57 '	;'; echo '}'; } | file station/base/long.c
tells rule_sizes station/base/long.c:2 'up to 60 lines, this one 61'
lines 600 '' | file station/base/long.c
tells rule_sizes station/base/long.c:601 'up to 600 lines'
rm station/base/long.c

# Text
printf 'int a;\nint b;\n' >station/base/bad.c
tells rule_text station/base/bad.c:2 'licence'
printf '/* TO%s: later */\n' DO | file station/base/bad.c
tells rule_text station/base/bad.c:2 'do it'
printf '/* see /%s/somebody/notes */\n' home | file station/base/bad.c
tells rule_text station/base/bad.c:2 'a path of one machine'
printf '/* see ../share%s/notes */\n' d | file station/base/bad.c
tells rule_text station/base/bad.c:2 'not a place of this tree'
printf 'const char *a = "/%s/station";\n' tmp | file station/base/bad.c
tells rule_text station/base/bad.c:2 'use a template'
printf '\t/* %s */\n' "$(printf '%0107d' 0)" | file station/base/bad.c
tells rule_text station/base/bad.c:2 'this one 121'
printf '\t/* %s */\n' "$(printf '%0106d' 0)" | file station/base/bad.c
keeps rule_text
rm station/base/bad.c

# Globals and names: what the compiler made of it
# compile FILE OBJECT-FOLDER
compile() {
	mkdir -p "$BUILD/$2"
	"${CC:-cc}" -fPIE -c "$1" -o "$BUILD/$2/$(basename "$1").o"
	echo "$BUILD/$2/$(basename "$1").o" >"$OBJECTS"
}

file station/base/good.c <<-'END'
	static const char *const names[] = { "a" };
	const char *good_one(int i);
	const char *good_one(int i)
	{
		return names[i];
	}
END
compile station/base/good.c station/base/CMakeFiles/base.dir
keeps rule_globals
keeps rule_names
file station/base/bad.c <<-'END'

	static int counter;
	int bad_one(void)
	{
		static _Thread_local int calls = 3;
		return counter++ + calls++;
	}
END
compile station/base/bad.c station/base/CMakeFiles/base.dir
tells rule_globals station/base/bad.c:3 'counter changes'
tells rule_globals station/base/bad.c:6 'calls changes'
printf 'int unit_one(void)\n{\n\treturn 1;\n}\n' | file station/virtual/vunit.c
compile station/virtual/vunit.c station/virtual/CMakeFiles/virtual.dir
tells rule_names station/virtual/vunit.c:2 'begins with no v'
mkdir -p "$BUILD/other"
printf 'int bad_two(void)\n{\n\treturn 1;\n}\n' | file station/record/row.c
compile station/record/row.c station/record/CMakeFiles/record.dir
echo "$BUILD/station/base/CMakeFiles/base.dir/bad.c.o" | cat - "$OBJECTS" >"$folder/both"
mv "$folder/both" "$OBJECTS"
tells rule_names station/record/row.c:2 'has a first word of station/base'

exit "$failed"
