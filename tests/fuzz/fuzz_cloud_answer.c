/* SPDX-License-Identifier: Apache-2.0 */
/* USES: cloud keys config base */
/* What a server may send. Input: answers, each a status (2 bytes, little-endian), a length (2
 * bytes) and a body, given to one exchange after the other. Whatever they are, the exchange
 * ends, its text is printable, and nothing but a 2xx that is long enough to hold a key
 * acknowledges. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "exchange.h"
#include "json_api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cloud_request request = {
	.device_id = "0123456789abcdef01234567",
	.attempt_id = "01890000-0000-7000-8000-000000000000",
	.algorithm = KEY_P256,
	.public_key_pem = "-----BEGIN PUBLIC KEY-----\n"
			  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDBH84zL4AxpnFDX8gJ1AxQwYOJjH\n"
			  "kr2EVZ0EBTUF9Oswmi9869ZL9suT1Vdl0XYTEvZQr1H94eOYG5R2pfp1nQ==\n"
			  "-----END PUBLIC KEY-----\n",
	.fingerprint = "65f5b9562901130f55be4bf2d0b391ee477145e1b8aecf06df4d2999564212c8",
};

static bool knows_everything(
	void *context, const char *device_id, const char *fingerprint, bool *ret, struct err *err)
{
	(void)context;
	(void)device_id;
	(void)err;
	/* Only something that is a fingerprint may be asked for. */
	if (strspn(fingerprint, "0123456789abcdef") != KEY_FINGERPRINT - 1)
		abort();
	*ret = true;
	return true;
}

/* Takes the next answer off the input; false at its end. */
static bool next_reply(const uint8_t **data, size_t *size, struct api_reply *ret)
{
	if (*size < 4)
		return false;
	size_t len = bytes_le16(*data + 2);
	*ret = (struct api_reply){ .status = bytes_le16(*data) % 1000 };
	*data += 4;
	*size -= 4;
	ret->body_len = len < *size ? len : *size;
	ret->body = (const char *)*data;
	*data += ret->body_len;
	*size -= ret->body_len;
	return true;
}

static bool contains(const struct api_reply *reply, const char *text)
{
	return memmem(reply->body, reply->body_len, text, strlen(text)) != NULL;
}

static void check(const struct exchange *exchange, const struct api_reply *last)
{
	const struct cloud_result *result = &exchange->result;
	if (!memchr(result->text, 0, sizeof result->text))
		abort();
	for (const char *c = result->text; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
	if (result->tries > 20)
		abort();
	bool acknowledged = result->answer == CLOUD_ACKNOWLEDGED;
	if (acknowledged != result->read_back || acknowledged != (result->reason == REASON_NONE))
		abort();
	/* The words of a body can be escaped, but not left out. */
	if (acknowledged && (last->status / 100 != 2 || last->body_len < 200 ||
				    (!contains(last, "device_id") && !contains(last, "\\u"))))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_cloud target = {
		.name = "f", .url = "https://h/{device_id}", .retries = 3
	};
	const struct cloud_journal journal = { .known = knows_everything };
	struct exchange exchange;
	struct api_reply reply = { .body = "" };
	struct api_message message;
	exchange_begin(&exchange, &json_api, &target, &journal, &request);
	while (exchange.next != EXCHANGE_DONE) {
		if (!exchange_message(&exchange, &message))
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
