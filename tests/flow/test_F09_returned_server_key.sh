#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# F09: the cloud's public key is missing, or it is another one.
. "$(dirname "$0")/returns.sh"
come_back photon F09,F09:wrong,-
look 1 --job photon.cfg
faulty A1 repairable server-key "server-rsa server-key-missing"
faulty A2 repairable server-key "server-rsa server-key-wrong"
healthy A3
sound
