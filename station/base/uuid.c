/* SPDX-License-Identifier: Apache-2.0 */
#include "uuid.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "bytes.h"
#include "clock.h"

bool uuid_v7(char ret[UUID_TEXT], struct err *err)
{
	uint8_t id[16];
	if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id)
		return err_sys(err, REASON_STATION, errno, "the kernel gives no random bytes");
	uint64_t now = (uint64_t)clock_utc_ms();
	bytes_put_be16(id, (uint16_t)(now >> 32));
	bytes_put_be32(id + 2, (uint32_t)now);
	id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));

	char hex[33];
	bytes_to_hex(id, sizeof id, hex);
	static const uint8_t groups[] = { 8, 4, 4, 4, 12 };
	const char *from = hex;
	char *to = ret;
	for (unsigned i = 0; i < sizeof groups; i++) {
		memcpy(to, from, groups[i]);
		from += groups[i];
		to += groups[i];
		*to++ = '-';
	}
	to[-1] = 0;
	return true;
}
