#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F06: the factory image is damaged, which nobody sees until a failed update falls back to it.
. "$(dirname "$0")/returns.sh"
come_back core F06,-
look 1 --job core.cfg
faulty A1 repairable images "factory image-damaged"
is_told A1 image-damaged "16 bytes differ from core-factory.bin, first at 0x00021000; version *"
healthy A2
look 1
faulty A1 repairable images "factory image-damaged"
sound
