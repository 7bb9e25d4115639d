/* SPDX-License-Identifier: Apache-2.0 */
/* The server address block of a server slot; its layout stands in keyslot.h. Pure. For
 * keys/ only. Any thread. */
#pragma once

#include "keyslot.h"

/* address has a host; block has SERVER_ADDRESS_LEN bytes. REASON_INPUT. */
bool address_write(const struct server_address *address, uint8_t padding, uint8_t *block,
	struct err *err) MUST_CHECK;
/* A block of another type than IPv4 and name gives host "" and port 0. An unusable one is
 * reason. */
bool address_parse(const uint8_t *block, enum reason reason, struct server_address *ret,
	struct err *err) MUST_CHECK;
