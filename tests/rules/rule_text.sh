#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each file names its licence, leaves nothing for later, and knows nothing of the machine that it was written on.
. "$(dirname "$0")/lib.sh"

tree | awk '!/^tests\/(fuzz\/)?data\// && !/^jobs\/images\// && !/\.(bin|der|dfu|db|png)$/' | xargs -r awk '
	function tell(what) { print FILENAME ":" FNR ": " what }

	FNR == 1 {
		licensed = FILENAME !~ /\.([ch]|sh|awk|cmake|cfg|rules|py)$|CMakeLists.txt$/
		test = FILENAME ~ /^tests\//
		c = FILENAME ~ /\.[ch]$/
	}
	FNR <= 2 && /SPDX-License-Identifier: Apache-2\.0/ { licensed = 1 }
	FNR == 2 && !licensed { tell("the first two lines name the licence: SPDX-License-Identifier: Apache-2.0") }
	/(^|[^A-Za-z0-9])(TOD[O]|FIXM[E]|XX[X]|HAC[K])([^A-Za-z0-9]|$)/ { tell("do it, or open an issue") }
	!test && /\.\.\/share[d]|(^|[^A-Za-z\/])share[d]\// { tell("not a place of this tree") }
	/(^|[^A-Za-z0-9_.}*-])\/(work|root|home)\/[A-Za-z]/ { tell("a path of one machine") }
	/(^|[^A-Za-z0-9_.}*-])\/tmp\// && !/XXXXXX/ && !/TMPDIR/ { tell("a fixed place in a folder of everybody; use a template") }
	c {
		width = 0
		if (length($0) > 60 || /\t/) {
			n = split($0, part, "\t")
			for (i = 1; i < n; i++)
				width += length(part[i]) + 8 - (width + length(part[i])) % 8
			width += length(part[n])
		}
		if (width > 120)
			tell("a line has up to 120 columns, this one " width)
	}' | judge
