/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol_api.h"

#include <stdlib.h>
#include <string.h>

#include "json_api.h"
#include "particle_api.h"
#include "text.h"

void api_message_done(struct api_message *message)
{
	free(message->body);
	*message = (struct api_message){ 0 };
}

bool enrol_api_find(
	const struct config_cloud *target, const struct enrol_api **ret, struct err *err)
{
	switch (target->api) {
	case CLOUD_API_JSON:
		*ret = &json_api;
		return true;
	case CLOUD_API_PARTICLE:
		*ret = &particle_api;
		return true;
	}
	return err_set(err, REASON_INPUT, "cloud %s: no API has the number %d", target->name,
		(int)target->api);
}

bool api_url(const struct config_cloud *target, const char *device_id, char *to, size_t cap,
	struct err *err)
{
	static const char place[] = "{device_id}";
	size_t len = 0;
	to[0] = 0;
	for (const char *from = target->url; *from;) {
		bool is_place = strncmp(from, place, sizeof place - 1) == 0;
		const char *piece = is_place ? device_id : from;
		size_t piece_len = is_place ? strlen(device_id) : 1;
		if (piece_len >= cap - len)
			return err_set(err, REASON_INPUT,
				"cloud %s: the url is longer than %zu characters", target->name,
				cap - 1);
		memcpy(to + len, piece, piece_len);
		len += piece_len;
		to[len] = 0;
		from += is_place ? sizeof place - 1 : 1;
	}
	return true;
}

bool api_header(struct api_message *message, const char *name, const char *value, struct err *err)
{
	if (message->header_count == API_HEADERS_MAX ||
		!text_format(message->headers[message->header_count], API_HEADER_MAX, "%s: %s",
			name, value))
		return err_set(err, REASON_BUG, "the header %s does not fit", name);
	message->header_count++;
	return true;
}

bool api_is_no_answer(int status)
{
	return status < 200 || (status >= 300 && status < 400) || status == 408 || status == 425 ||
	       status == 429 || status >= 500;
}
