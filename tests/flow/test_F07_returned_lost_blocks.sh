#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F07: a tool told of time-outs and then of success: one block of the application never arrived, another one is in its place
# twice. Only its bytes tell.
. "$(dirname "$0")/returns.sh"
come_back core F07,-
erased rehearsal/units/A1/alt0.bin $((0x6000)) 1024
look 1 --job core.cfg
faulty A1 repairable images "user image-damaged"
image=$SOURCE/jobs/images/core-user.bin
cmp -l <(bytes rehearsal/units/A1/alt0.bin $((0x5000)) "$(stat -c %s "$image")") "$image" >differs || true
differ=$(wc -l <differs)
is_told A1 image-damaged "$differ bytes differ from core-user.bin, first at 0x08006000; version *"
healthy A2
sound
