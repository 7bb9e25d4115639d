/* SPDX-License-Identifier: Apache-2.0 */
#include "json_api.h"

#include <stdio.h>
#include <string.h>

#include "api_body.h"
#include "text.h"

static bool add_seal(json_t *body, const struct cloud_request *request)
{
	if (!request->seal_seq)
		return true;
	json_t *seal = json_pack(
		"{s:I, s:s}", "seq", (json_int_t)request->seal_seq, "hash", request->seal_hash);
	return seal && json_object_set_new(body, "seal", seal) == 0;
}

static bool add_product(json_t *body, const struct cloud_request *request)
{
	return !request->product_id[0] ||
	       json_object_set_new(body, "product_id", json_string(request->product_id)) == 0;
}

static bool make_body(const struct cloud_request *request, char **ret, struct err *err)
{
	SCOPED_JSON json_t *body = json_pack("{s:s, s:s, s:s, s:s}", "device_id",
		request->device_id, "algorithm", key_algorithm_name(request->algorithm),
		"public_key", request->public_key_pem, "attempt_id", request->attempt_id);
	if (!body || !add_seal(body, request) || !add_product(body, request))
		return err_set(err, REASON_STATION,
			"cannot write the enrolment of %s as JSON: no memory, or text that is not "
			"UTF-8",
			request->device_id);
	*ret = json_dumps(body, JSON_COMPACT);
	return *ret || err_set(err, REASON_STATION, "no memory for an enrolment");
}

static bool add_condition(struct api_message *message, const char *replaces, struct err *err)
{
	if (!replaces[0])
		return api_header(message, "If-None-Match", "*", err);
	char tag[KEY_FINGERPRINT + 2];
	snprintf(tag, sizeof tag, "\"%s\"", replaces);
	return api_header(message, "If-Match", tag, err);
}

static bool json_send(const struct config_cloud *target, const struct cloud_request *request,
	const char *replaces, struct api_message *ret, struct err *err)
{
	struct api_message message = { .method = "PUT" };
	if (!api_url(target, request->device_id, message.url, sizeof message.url, err) ||
		!api_header(&message, "Content-Type", "application/json", err) ||
		!api_header(&message, "Idempotency-Key", request->attempt_id, err) ||
		!add_condition(&message, replaces, err) || !make_body(request, &message.body, err))
		return false;
	*ret = message;
	return true;
}

static bool json_read(const struct config_cloud *target, const struct cloud_request *request,
	struct api_message *ret, struct err *err)
{
	struct api_message message = { .method = "GET" };
	if (!api_url(target, request->device_id, message.url, sizeof message.url, err) ||
		!api_header(&message, "Accept", "application/json", err))
		return false;
	*ret = message;
	return true;
}

/* The "error" of a body that is an object; NULL if it says nothing. */
static const json_t *complaint(const json_t *body)
{
	const json_t *error = json_object_get(body, "error");
	return api_body_complains(error) ? error : NULL;
}

static void json_judge_send(
	const struct cloud_request *request, const struct api_reply *reply, struct api_answer *ret)
{
	(void)request;
	if (reply->status == 412) {
		*ret = (struct api_answer){ .verdict = API_OCCUPIED };
		return;
	}
	SCOPED_JSON json_t *body = api_body_parse(reply);
	if (!api_judge(reply, complaint(body), ret))
		ret->verdict = API_ACCEPTED;
}

static void judge_held(const struct cloud_request *request, const json_t *device_id,
	const json_t *pem, struct api_answer *ret)
{
	struct public_key key;
	struct err err;
	ret->verdict = API_GARBLED;
	if (strcmp(json_string_value(device_id), request->device_id) != 0)
		snprintf(ret->text, sizeof ret->text, "it answered for another device id");
	else if (!public_key_from_pem(json_string_value(pem), json_string_length(pem), &key, &err))
		snprintf(ret->text, sizeof ret->text, "what it gave back is no public key");
	else {
		ret->verdict = API_HOLDS;
		memcpy(ret->fingerprint, key.fingerprint, sizeof ret->fingerprint);
	}
}

static void json_judge_read(
	const struct cloud_request *request, const struct api_reply *reply, struct api_answer *ret)
{
	if (reply->status == 404) {
		*ret = (struct api_answer){ .verdict = API_ABSENT };
		return;
	}
	SCOPED_JSON json_t *body = api_body_parse(reply);
	if (api_judge(reply, complaint(body), ret))
		return;
	const json_t *device_id = json_object_get(body, "device_id");
	const json_t *pem = json_object_get(body, "public_key");
	if (json_is_string(device_id) && json_is_string(pem))
		judge_held(request, device_id, pem, ret);
	else
		snprintf(ret->text, sizeof ret->text,
			"it answered without \"device_id\" and \"public_key\" in JSON");
}

const struct enrol_api json_api = {
	.name = "json",
	.send = json_send,
	.read = json_read,
	.judge_send = json_judge_send,
	.judge_read = json_judge_read,
};
