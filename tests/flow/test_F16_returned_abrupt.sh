#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F16: a unit that resets at once when it leaves DFU gives no last status. It is as good as any other.
. "$(dirname "$0")/returns.sh"
come_back p1 F16,-
look 0 --job p1.cfg
healthy A1 A2
sound
