# SPDX-License-Identifier: Apache-2.0
# C without comments and without the text of strings, each line as FILE:LINE:CODE.
FNR == 1 { in_comment = 0 }

{
	rest = $0
	code = ""
	while (rest != "") {
		if (in_comment) {
			end = index(rest, "*/")
			if (end == 0)
				break
			rest = substr(rest, end + 2)
			in_comment = 0
			continue
		}
		if (!match(rest, /\/\*|\/\/|["']/)) {
			code = code rest
			break
		}
		mark = substr(rest, RSTART, RLENGTH)
		code = code substr(rest, 1, RSTART - 1) " "
		rest = substr(rest, RSTART + RLENGTH)
		if (mark == "//")
			break
		if (mark == "/*") {
			in_comment = 1
			continue
		}
		code = code mark mark
		if (mark == "\"")
			match(rest, /^([^"\\]|\\.)*"/)
		else
			match(rest, /^([^'\\]|\\.)*'/)
		rest = substr(rest, RLENGTH > 0 ? RLENGTH + 1 : 1)
	}
	print FILENAME ":" FNR ":" code
}
