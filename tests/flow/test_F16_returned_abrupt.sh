#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F16: a unit that resets at once when it leaves DFU gives no last status. It is as good as any other. Nobody may send it out of
# DFU meanwhile: it would write its flags, and that would be seen here.
. "$(dirname "$0")/returns.sh"
come_back p1 F16,-
look 0 --job p1.cfg
healthy A1 A2
untouched expect 0 "$STATION" rehearse p1.cfg --units 2 --state rehearsal --verify
sound
