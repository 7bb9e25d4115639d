#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rehearses a real batch without hardware: installs the Debian packages that are missing, builds the station in release,
# and runs the shipped Photon job on 8 virtual units. Further arguments go to `station rehearse`.
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/packages.sh

need_packages "${build_packages[@]}"
say "building the station (build/release)"
build release
say "rehearsing jobs/photon.cfg on 8 virtual units"
exec build/release/station/station rehearse jobs/photon.cfg --units 8 "$@"
