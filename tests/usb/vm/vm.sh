# SPDX-License-Identifier: Apache-2.0
# For the tests that need a real kernel: skips where there is no virtual machine for it.
: "${SOURCE:?the source tree}" "${BUILT:?the folder of usbip-run}"

skip() {
	echo "skipped: $*"
	exit 77
}
[ -z "${SANITIZE:-}" ] || skip "too slow under emulation with a sanitizer"
for package in qemu-system-x86:qemu-system-x86_64 busybox-static:busybox python3:python3; do
	command -v "${package#*:}" >/dev/null || skip "there is no virtual machine: install ${package%:*}"
done
[ -e "${VM_HOME:-$HOME/.cache/station-vm}/kernel/vmlinux" ] || skip "there is no kernel for it: run tests/usb/vm/vm-setup"

# in_vm [VM-RUN-OPTIONS...] -- COMMAND: runs it in a throw-away machine that has the virtual units' host controllers, the
# kernel's serial driver and usbip-run
in_vm() {
	"$SOURCE/tests/usb/vm/vm-run" -m vhci-hcd,cdc-acm -f "$BUILT/usbip-run:/usr/bin/usbip-run" "$@"
}

# station_in_vm SCRIPT [VM-RUN-OPTIONS...]: runs a script in a machine that has the station, the virtual cloud and the jobs
# of ./jobs; what it keeps is in ./share, and
# the kernel's messages in ./console
station_in_vm() {
	local script=$1
	shift
	in_vm -f "$STATION:/usr/bin/station" -f "$HELPERS/vcloud_server:/usr/bin/vcloud_server" -f "$PWD/jobs:/jobs" \
		-f "$SOURCE/tests/usb/vm/guest.sh:/guest.sh" -f "$PWD/$script:/script.sh" -o "$PWD/share" --console console "$@" -- \
		"mkdir /b; cd /b; sh /script.sh"
}

# slow_families FOLDER: the tree's, with deadlines ten times as long: a machine that is emulated by a busy one is slow
slow_families() {
	local profile
	mkdir -p "$1"
	for profile in "$SOURCE"/config/families/*.cfg; do
		sed 's|timeout_ms *= *[0-9]*|&0|' "$profile" >"$1/${profile##*/}"
	done
}

# jobs_for_vm NAME [SED-OPTIONS...]: ./jobs with that job and its images (needs flow/lib.sh)
jobs_for_vm() {
	local name=$1
	job "$@"
	mkdir -p jobs
	sed "s|$SOURCE/jobs/|/jobs/|g" "$name.cfg" >"jobs/$name.cfg"
	cp -r "$SOURCE/jobs/images" "$SOURCE/jobs/cloud-rsa.pub.der" jobs/
	slow_families jobs/families
}
