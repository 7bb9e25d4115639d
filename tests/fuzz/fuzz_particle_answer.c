/* SPDX-License-Identifier: Apache-2.0 */
/* USES: cloud keys config base */
/* What a server of the particle API may send. Input: answers, each a status (2 bytes,
 * little-endian; 0 = none came), a length (2 bytes) and a body, given to one exchange after the
 * other. Whatever they are, the exchange ends, its text is printable, nothing but a 2xx that says
 * "Success!" or an object acknowledges, never as read back, and no send follows one without an
 * answer before the settling time. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "exchange.h"
#include "particle_api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SETTLE_MS = 3000 };

static const struct cloud_request request = {
	.device_id = "0123456789abcdef01234567",
	.attempt_id = "01890000-0000-7000-8000-000000000000",
	.algorithm = KEY_RSA_1024,
	.public_key_pem = "-----BEGIN PUBLIC KEY-----\n",
	.fingerprint = "65f5b9562901130f55be4bf2d0b391ee477145e1b8aecf06df4d2999564212c8",
};

/* Takes the next answer off the input; false at its end. */
static bool next_reply(const uint8_t **data, size_t *size, struct api_reply *ret)
{
	if (*size < 4)
		return false;
	size_t len = bytes_le16(*data + 2);
	*ret = (struct api_reply){ .status = bytes_le16(*data) % 1000, .trouble = "it went away" };
	*data += 4;
	*size -= 4;
	ret->body_len = len < *size ? len : *size;
	ret->body = (const char *)*data;
	*data += ret->body_len;
	*size -= ret->body_len;
	return true;
}

static bool contains(const struct api_reply *reply, char c)
{
	return memchr(reply->body, c, reply->body_len) != NULL;
}

static void check(const struct exchange *exchange, const struct api_reply *last)
{
	const struct cloud_result *result = &exchange->result;
	if (!memchr(result->text, 0, sizeof result->text))
		abort();
	for (const char *c = result->text; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
	bool acknowledged = result->answer == CLOUD_ACKNOWLEDGED;
	if (result->read_back || result->tries > 4 ||
		acknowledged != (result->reason == REASON_NONE))
		abort();
	if (acknowledged &&
		(last->status / 100 != 2 || (!contains(last, '{') && !contains(last, '"'))))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_cloud target = {
		.name = "f", .url = "https://h/{device_id}", .retries = 3, .settle_ms = SETTLE_MS
	};
	struct exchange exchange;
	struct api_reply reply = { .body = "" };
	struct api_message message;
	exchange_begin(&exchange, &particle_api, &target, NULL, &request);
	exchange_prepare(&exchange);
	while (exchange.next != EXCHANGE_DONE) {
		if (exchange.result.tries && exchange.pause_ms < SETTLE_MS)
			abort();
		if (exchange.next != EXCHANGE_SEND || !exchange_message(&exchange, &message))
			abort();
		api_message_done(&message);
		if (!next_reply(&data, &size, &reply)) {
			exchange_give_up(&exchange, "the input ends");
			break;
		}
		exchange_answered(&exchange, &reply);
	}
	exchange_end(&exchange);
	check(&exchange, &reply);
	return 0;
}
