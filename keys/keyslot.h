/* SPDX-License-Identifier: Apache-2.0 */
/* The exact bytes of a key slot on a unit: packed, parsed as the unit would, proven.
 *
 * A device slot holds a private key (keypair.h), then padding. A server slot holds the cloud's
 * public key as SPKI, padding, and at address_offset a server address block of 128 bytes (device-os
 * hal/shared/parse_server_address.h, hal/inc/ota_flash_hal.h):
 *   0      type: 0 IPv4, 1 domain name, anything else: none, the firmware falls back to its own host
 *   1      length: 4, or of the name (1 to 64)
 *   2...   the IP in network order, or the name without a NUL
 *   66-67  port, big-endian; FFFF: the firmware's default
 * Unused bytes are the padding (FF). Offsets and sizes of each family stand in its profile.
 *
 * Errors: packing REASON_INPUT; parsing REASON_KEY_MISMATCH (device) or REASON_SERVER_KEY_WRONG; a
 * slot that cannot be right (role, sizes) REASON_INPUT; memory or OpenSSL REASON_STATION. Any
 * thread. */
#pragma once

#include "keypair.h"

enum key_role { KEY_ROLE_DEVICE, KEY_ROLE_SERVER };

enum { SERVER_HOST_MAX = 65, SERVER_ADDRESS_LEN = 128, KEYSLOT_MAX = 2048 };

/* How a family keeps a key; part of a family profile. */
struct keyslot {
	enum key_role role;
	enum key_algorithm algorithm;
	uint32_t size;		 /* bytes that the slot has, at most KEYSLOT_MAX */
	uint8_t padding;	 /* value of the unused bytes */
	uint32_t address_offset; /* server slots: where the address block starts; 0: none */
	uint16_t default_port;	 /* server slots: the port that FFFF stands for */
};

/* "device.example.com" port 5683, or "192.0.2.1". host "" = no address block; port 0 = the
 * firmware's default. */
struct server_address {
	char host[SERVER_HOST_MAX];
	uint16_t port;
};

/* to has slot->size bytes and, for a device slot, is locked memory. */
bool keyslot_pack_device(const struct keyslot *slot, const struct keypair *keypair, uint8_t *to,
	struct err *err) MUST_CHECK;
/* file is what a server key file holds: an SPKI key in DER, possibly padded and already with an
 * address block at the slot's offset; or the key as PEM. address replaces that block; with NULL, or
 * host "", the file's block is kept. A file without padding may also carry the block at the slot's
 * offset only. Refuses: key of another algorithm, key that reaches into the address block, a file
 * larger than the slot, a block of the file that cannot be parsed, a host that is neither an IPv4
 * address nor a name of at most 64 characters of letters, digits, '-', '.', '$' and '_' (a name of
 * digits and dots only is none), port 65535 (to the unit it is none), and bytes of the file outside
 * key and block that are neither padding nor 00; otherwise the bytes of a DER file are kept as they
 * are. to is written only on success. */
bool keyslot_pack_server(const struct keyslot *slot, const uint8_t *file, size_t len,
	const struct server_address *address, uint8_t *to, struct err *err) MUST_CHECK;

/* Parses what was read back from a unit; len must be slot->size. What stands behind a key is
 * ignored, as the unit does. ret_address: host "" and port 0 where the unit falls back to its own
 * host; port 0 for FFFF (slot->default_port tells what the firmware then takes). A block of an IPv4
 * or name type that names no host, or port 0, is refused. */
bool keyslot_parse_device(const struct keyslot *slot, const uint8_t *bytes, size_t len,
	struct keypair **ret, struct err *err) MUST_CHECK;
bool keyslot_parse_server(const struct keyslot *slot, const uint8_t *bytes, size_t len,
	struct public_key *ret, struct server_address *ret_address, struct err *err) MUST_CHECK;

/* The proof: the slot as read back parses as the unit would parse it, and the public half derived
 * from it is expected. Anything else is REASON_KEY_MISMATCH. */
bool keyslot_prove(const struct keyslot *slot, const uint8_t *bytes, size_t len,
	const struct public_key *expected, struct err *err) MUST_CHECK;
