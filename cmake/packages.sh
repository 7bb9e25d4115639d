# SPDX-License-Identifier: Apache-2.0
# For rehearse.sh and tests/run.sh: what the station needs on a fresh Debian 12, and how it is built.

build_packages=(gcc libc6-dev cmake ninja-build pkg-config libusb-1.0-0-dev libssl-dev libcurl4-openssl-dev
	libconfig-dev libsqlite3-dev libjansson-dev libmicrohttpd-dev libgnutls28-dev zlib1g-dev)
test_packages=(clang libclang-rt-14-dev libcmocka-dev openssl sqlite3 curl valgrind jq git
	umockdev libumockdev-dev dfu-util strace
	qemu-system-x86 uhubctl busybox-static kmod cpio udev python3 python3-jsonschema
	libxml2-utils chromium fonts-dejavu-core poppler-utils netpbm)

say() {
	printf '== %s\n' "$*"
}

need_packages() {
	local missing=() package
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
	done
	if [ "${#missing[@]}" -eq 0 ]; then
		say "all Debian packages are there"
		return
	fi
	local root=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || {
			say "these Debian packages are missing, and there is no sudo to install them: ${missing[*]}"
			exit 1
		}
		root=(sudo)
	fi
	say "installing Debian packages: ${missing[*]}"
	"${root[@]}" apt-get update -q
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# build PRESET
build() {
	cmake --preset "$1" >/dev/null
	cmake --build --preset "$1"
}
