# SPDX-License-Identifier: Apache-2.0
# For the tests that need a real kernel: in_vm runs a command in a throw-away machine that has the virtual units' host
# controller, the kernel's serial driver, usbip-run and the families of the tree. The test is skipped where there is none.
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

# in_vm [VM-RUN-OPTIONS...] -- COMMAND
in_vm() {
	"$SOURCE/tests/usb/vm/vm-run" -m vhci-hcd,cdc-acm -f "$BUILT/usbip-run:/usr/bin/usbip-run" \
		-f "$SOURCE/config/families:/families" "$@"
}
