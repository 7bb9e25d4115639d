/* SPDX-License-Identifier: Apache-2.0 */
#include "particle_api.h"

#include <stdlib.h>
#include <string.h>

#include "api_body.h"
#include "text.h"

enum { FORM_MAX = 8192 };

/* --- the form --- */

static void add_encoded(struct text_buf *form, const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
	while (*text) {
		size_t len = strspn(text, plain);
		text_buf_add(form, text, len);
		text += len;
		if (*text)
			text_buf_addf(form, "%%%02X", (unsigned char)*text++);
	}
}

static void add_field(struct text_buf *form, const char *name, const char *value)
{
	if (form->len)
		text_buf_add(form, "&", 1);
	text_buf_addf(form, "%s=", name);
	add_encoded(form, value);
}

/* The time of the attempt, which stands in its id (UUIDv7: 48 bits of milliseconds). A send that is
 * repeated is the same request then, and one of an older attempt can be told from a newer one, in
 * whatever order they arrive. */
static bool attempt_ms(
	const struct cloud_request *request, unsigned long long *ret, struct err *err)
{
	char digits[13];
	const char *id = request->attempt_id;
	if (strnlen(id, UUID_TEXT) != UUID_TEXT - 1)
		return err_set(err, REASON_BUG, "enrolment of %s: the attempt id is no UUID",
			request->device_id);
	memcpy(digits, id, 8);
	memcpy(digits + 8, id + 9, 4);
	digits[12] = 0;
	*ret = strtoull(digits, NULL, 16);
	return true;
}

static const char *algorithm_of(const struct cloud_request *request)
{
	return request->algorithm == KEY_P256 ? "ecc" : "rsa";
}

static bool make_form(const struct cloud_request *request, char **ret, struct err *err)
{
	struct text_buf form;
	char order[40];
	unsigned long long ms = 0;
	if (!attempt_ms(request, &ms, err))
		return false;
	snprintf(order, sizeof order, "manual_%llu", ms);
	text_buf_init(&form, FORM_MAX);
	/* spark-server looks at nothing but this id, and keeps it as it is written: a unit says its
	 * id in lower case. */
	add_field(&form, "deviceID", request->device_id);
	add_field(&form, "publicKey", request->public_key_pem);
	/* The vendor's programs send "cli" or "particle-api"; it is not known that
	 * anything else is taken. */
	add_field(&form, "filename", "cli");
	add_field(&form, "order", order);
	add_field(&form, "algorithm", algorithm_of(request));
	if (request->product_id[0])
		add_field(&form, "product_id", request->product_id);
	if (form.failed) {
		text_buf_done(&form);
		return err_set(err, REASON_STATION, "enrolment of %s: the form does not fit",
			request->device_id);
	}
	*ret = form.text;
	return true;
}

static bool particle_send(const struct config_cloud *target, const struct cloud_request *request,
	const char *replaces, struct api_message *ret, struct err *err)
{
	struct api_message message = { .method = "POST" };
	(void)replaces; /* it knows no conditions: the last key counts */
	if (!api_url(target, request->device_id, message.url, sizeof message.url, err) ||
		!api_header(&message, "Content-Type", "application/x-www-form-urlencoded", err) ||
		!api_header(&message, "Accept", "application/json", err) ||
		!make_form(request, &message.body, err))
		return false;
	*ret = message;
	return true;
}

/* --- the answer --- */

/* The part of a body that says no, whatever the status says; NULL = none. */
static const json_t *complaint(const json_t *body)
{
	static const char *const names[] = { "error", "errors" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const json_t *error = json_object_get(body, names[i]);
		if (api_body_complains(error))
			return error;
	}
	return json_is_false(json_object_get(body, "ok")) ? body : NULL;
}

/* There is no readback to catch a proxy or a sign-in page that says 200 to everything:
 * only what such a server says counts. spark-server says "Success!"; Particle's cloud
 * answers with an object. */
static bool is_success(const json_t *body)
{
	return json_is_object(body) ||
	       (json_is_string(body) && strcmp(json_string_value(body), "Success!") == 0);
}

static void particle_judge_send(
	const struct cloud_request *request, const struct api_reply *reply, struct api_answer *ret)
{
	(void)request;
	SCOPED_JSON json_t *body = api_body_parse(reply);
	if (api_judge(reply, complaint(body), ret))
		return;
	if (is_success(body)) {
		ret->verdict = API_ACCEPTED;
		return;
	}
	token_quote(reply->token, reply->body, reply->body_len, ret->text, 100);
	if (!ret->text[0])
		snprintf(ret->text, sizeof ret->text, "the answer is empty");
}

const struct enrol_api particle_api = {
	.name = "particle",
	.send = particle_send,
	.judge_send = particle_judge_send,
};
