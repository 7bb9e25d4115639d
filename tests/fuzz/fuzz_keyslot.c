/* SPDX-License-Identifier: Apache-2.0 */
/* USES: keys base */
/* Whatever a unit, a job's file or a server gives as a key. The first byte of an input chooses the parser. What is
 * taken must pack again to something that parses to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keyslot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void device(enum key_algorithm algorithm, const uint8_t *data, size_t size)
{
	struct keyslot slot = { KEY_ROLE_DEVICE, algorithm, (uint32_t)size, 0xff, 0, 0 };
	SCOPED_KEYPAIR struct keypair *keypair = NULL;
	struct err err;
	if (!keyslot_parse_device(&slot, data, size, &keypair, &err))
		return;
	uint8_t packed[KEYSLOT_MAX];
	if (!keyslot_pack_device(&slot, keypair, packed, &err) ||
		!keyslot_prove(&slot, packed, size, keypair_public(keypair), &err))
		abort();
}

static void server(const struct keyslot *slot, const uint8_t *data, size_t size)
{
	struct public_key key, again;
	struct server_address address, address_again;
	struct err err;
	uint8_t packed[KEYSLOT_MAX];
	if (keyslot_pack_server(slot, data, size, NULL, packed, &err) &&
		!keyslot_parse_server(slot, packed, slot->size, &key, &address, &err))
		abort();
	if (!keyslot_parse_server(slot, data, size, &key, &address, &err))
		return;
	/* A host of digits and dots is a name to the unit, but none that we would write. */
	if (!keyslot_pack_server(slot, key.spki, key.spki_len, &address, packed, &err))
		return;
	if (!keyslot_parse_server(slot, packed, slot->size, &again, &address_again, &err) ||
		strcmp(again.fingerprint, key.fingerprint) != 0 ||
		strcmp(address_again.host, address.host) != 0 || address_again.port != address.port)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct keyslot rsa = { KEY_ROLE_SERVER, KEY_RSA_2048, 512, 0xff, 384, 5683 };
	static const struct keyslot p256 = { KEY_ROLE_SERVER, KEY_P256, 320, 0xff, 192, 5684 };
	struct public_key key;
	struct err err;
	size_t used = 0;
	if (size < 1)
		return 0;
	uint8_t which = *data++;
	size--;
	if (which == 'r')
		device(KEY_RSA_1024, data, size);
	else if (which == 'p')
		device(KEY_P256, data, size);
	else if (which == 'R')
		server(&rsa, data, size);
	else if (which == 'P')
		server(&p256, data, size);
	else if (which == 'd') {
		if (public_key_from_der(data, size, &key, &used, &err) && used > size)
			abort();
	} else if (public_key_from_pem((const char *)data, size, &key, &err) &&
		   !public_key_from_pem(key.pem, strlen(key.pem), &key, &err)) {
		abort();
	}
	return 0;
}
