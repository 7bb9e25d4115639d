#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Functions that nobody calls here: those that know no bound, hide errors, share a buffer between threads, go through a
# shell or stop the program. Only the program's own files (station/*.c) and mkimage print and exit.
. "$(dirname "$0")/lib.sh"

product | code | awk -F: '
	function ban(names, why) {
		if (match(code, "[^A-Za-z0-9_](" names ")[ \t]*\\(")) {
			name = substr(code, RSTART + 1, RLENGTH - 2)
			print $1 ":" $2 ": " name ": " why
		}
	}
	{
		code = " " substr($0, length($1) + length($2) + 3)
		ban("strcpy|strcat|stpcpy|sprintf|vsprintf|gets", "knows no bound; use text.h or snprintf")
		ban("strtok|localtime|gmtime|ctime|asctime|strerror|readdir_r", "shares a buffer; use the _r form, text.h or err.h")
		ban("atoi|atol|atoll|atof", "hides errors; use text.h")
		ban("rand|srand|random|srandom|drand48", "is no chance to rely on; use getrandom")
		ban("system|popen", "goes through a shell")
		ban("alloca|setjmp|longjmp|sigsetjmp|siglongjmp", "is not for this house")
		ban("tmpnam|tempnam|mktemp", "is a race; use mkstemp")
		ban("assert", "stops the line; give an error")
	}
	$1 !~ /^station\/[^\/]*$/ && $1 != "jobs/mkimage.c" {
		ban("v?printf|v?fprintf|v?dprintf|f?puts|f?putc|putchar|perror|warnx?|errx?", "a library does not print")
		ban("_?exit|_Exit|quick_exit|abort", "a library does not end the program")
		if (match(code, /[^A-Za-z0-9_](stdout|stderr|stdin)[^A-Za-z0-9_]/))
			print $1 ":" $2 ": a library does not know the terminal"
	}' | judge
