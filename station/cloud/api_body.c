/* SPDX-License-Identifier: Apache-2.0 */
#include "api_body.h"

#include <stdlib.h>
#include <string.h>

json_t *api_body_parse(const struct api_reply *reply)
{
	return json_loadb(
		reply->body, reply->body_len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

bool api_body_complains(const json_t *error)
{
	switch (error ? json_typeof(error) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_STRING:
		return json_string_length(error) > 0;
	case JSON_OBJECT:
		return json_object_size(error) > 0;
	case JSON_ARRAY:
		return json_array_size(error) > 0;
	case JSON_INTEGER:
		return json_integer_value(error) != 0;
	case JSON_REAL:
	case JSON_TRUE:
		return true;
	}
	return true;
}

static void quote_complaint(
	const struct api_reply *reply, const json_t *complaint, struct api_answer *ret)
{
	if (json_is_string(complaint)) {
		token_quote(reply->token, json_string_value(complaint),
			json_string_length(complaint), ret->text, sizeof ret->text);
		return;
	}
	char *text = json_dumps(complaint, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text)
		token_quote(reply->token, text, strlen(text), ret->text, sizeof ret->text);
	free(text);
}

bool api_judge(const struct api_reply *reply, const json_t *complaint, struct api_answer *ret)
{
	*ret = (struct api_answer){ .verdict = API_NOTHING };
	if (!reply->status) {
		ret->hopeless = reply->hopeless;
		token_quote(reply->token, reply->trouble, strlen(reply->trouble), ret->text,
			sizeof ret->text);
		return true;
	}
	if (reply->status >= 200 && reply->status < 300 && !complaint)
		return false;
	ret->verdict = api_is_no_answer(reply->status) ? API_NOTHING : API_REFUSED;
	/* A redirection is not followed: the token would go where nobody configured it to go. */
	ret->hopeless = reply->status >= 300 && reply->status < 400;
	/* What the server says beside its status: its complaint, else the start
	 * of whatever it sent. */
	if (complaint)
		quote_complaint(reply, complaint, ret);
	else
		token_quote(reply->token, reply->body, reply->body_len, ret->text, 100);
	return true;
}
