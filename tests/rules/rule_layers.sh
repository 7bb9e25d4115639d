#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Down only: a file includes headers of its own folder, or of the modules that its module reaches through USES; modules do
# not use each other in a circle; no two headers share a name, as includes have no folders. A library's header stays
# in the one place that hides the library.
. "$(dirname "$0")/lib.sh"

# A header that stands in no row is a library without a home.
homes='
curl/*        station/cloud/*
gnutls/*      station/virtual/vcloud*
jansson.h     station/cloud/* station/report/* station/returns/backup/manifest.c station/virtual/* station/cmd_*.c station/progress.c
libconfig.h   config/cfg*
libusb.h      station/usb/usb_libusb*
microhttpd.h  station/virtual/vcloud*
openssl/*     keys/* station/base/digest.c station/virtual/*
sqlite3.h     station/record/*
zlib.h        station/base/digest.c
'
system='arpa/* ctype.h dirent.h errno.h fcntl.h fnmatch.h getopt.h inttypes.h limits.h linux/* malloc.h math.h net/* netinet/* poll.h
	pthread.h signal.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h
	strings.h sys/* termios.h threads.h time.h unistd.h'

# matches TEXT PATTERN...
matches() {
	local text=$1 pattern
	shift
	for pattern in "$@"; do
		# shellcheck disable=SC2053 # a pattern it is
		[[ $text == $pattern ]] && return
	done
	return 1
}

libraries() {
	set -f
	product | xargs -r awk '/^#[ \t]*include[ \t]*</ {
		sub(/^[^<]*</, ""); sub(/>.*/, ""); print FILENAME, FNR, $0 }' |
		while read -r file line header; do
			# shellcheck disable=SC2086 # lists of patterns
			matches "$header" $system && continue
			allowed=
			while read -r pattern places; do
				[ -n "$pattern" ] && matches "$header" "$pattern" && allowed=$places
			done <<<"$homes"
			# shellcheck disable=SC2086
			matches "$file" $allowed || echo "$file:$line: <$header> belongs to: ${allowed:-no folder yet}"
		done
	set +f
}

modules() {
	product | xargs -r awk -v modules="$MODULES" -f "$rules/layers.awk"
}

{ libraries && modules; } | judge
