/* SPDX-License-Identifier: Apache-2.0 */
/* The particle API as spark-server answers it: a form, every refusal is a 400, the key is stored
 * under the device id of the form, "Success!" at the end, and no way to read back. Stricter than
 * spark-server where a field of the form could be wrong unnoticed: it judges who calls it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcloud_private.h"

enum { FIELDS_MAX = 16, DEVICE_ID_LEN = 24 };

struct field {
	char *name, *value; /* inside the form's text */
};
struct form {
	char *text; /* heap */
	struct field fields[FIELDS_MAX];
	size_t count;
};

static void form_done(struct form *form)
{
	free(form->text);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	char lower = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
	const char *at = lower ? strchr(digits, lower) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* In place; false for what is no encoding, or hides a NUL. */
static bool decode(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from++) {
		int high = *from == '%' ? hex_digit(from[1]) : 0;
		int low = *from == '%' && high >= 0 ? hex_digit(from[2]) : 0;
		if (high < 0 || low < 0)
			return false;
		*to = *from == '+' ? ' ' : *from;
		if (*from == '%') {
			*to = (char)(high << 4 | low);
			from += 2;
		}
		if (!*to++)
			return false;
	}
	*to = 0;
	return true;
}

static bool form_parse(const struct vcloud_request *request, struct form *ret)
{
	*ret = (struct form){ .text = strndup(request->body, request->body_len) };
	if (!ret->text || strlen(ret->text) != request->body_len)
		return false;
	for (char *rest = ret->text, *pair; (pair = strsep(&rest, "&"));) {
		if (ret->count == FIELDS_MAX)
			return false;
		struct field *field = &ret->fields[ret->count++];
		field->name = strsep(&pair, "=");
		field->value = pair ? pair : field->name + strlen(field->name);
		if (!decode(field->name) || !decode(field->value))
			return false;
	}
	return true;
}

/* "" if it is not there. */
static const char *value_of(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++)
		if (strcmp(form->fields[i].name, name) == 0)
			return form->fields[i].value;
	return "";
}

/* False, so that a check ends with it. */
static bool refuse(struct vcloud_reply *ret, const char *error, const char *why)
{
	json_t *body = json_pack(
		"{s:i, s:s, s:s?}", "code", 400, "error", error, "error_description", why);
	ret->status = 400;
	ret->body = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	return false;
}

/* As node-oauth2-server, which spark-server uses: one token, in the header (with a
 * capital B) or in the form. */
static bool check_token(const struct vcloud *vcloud, const struct vcloud_request *request,
	const struct form *form, struct vcloud_reply *ret)
{
	static const char scheme[] = "Bearer ";
	const char *header = request->authorization, *in_form = value_of(form, "access_token");
	if (header && in_form[0])
		return refuse(
			ret, "invalid_request", "Only one method may be used to authenticate");
	if (header && strncmp(header, scheme, sizeof scheme - 1) != 0)
		return refuse(ret, "invalid_request", "Malformed auth header");
	if (!header && !in_form[0])
		return refuse(ret, "invalid_request", "The access token was not found");
	if (!vcloud_token_is(vcloud, header ? header + sizeof scheme - 1 : in_form))
		return refuse(ret, "invalid_grant", "The access token provided is invalid.");
	return true;
}

/* The file gets the name of the id, so it must be one; of either case, as spark-server takes it. */
static bool is_id(const char *text)
{
	return strlen(text) == DEVICE_ID_LEN &&
	       strspn(text, "0123456789abcdefABCDEF") == DEVICE_ID_LEN;
}

static bool is_rsa(const struct vcloud_key *key)
{
	return strncmp(key->algorithm, "rsa-", 4) == 0;
}

static bool check_key(const struct form *form, bool rsa_only, struct vcloud_key *ret_key,
	struct vcloud_reply *ret)
{
	char text[160];
	const char *pem = value_of(form, "publicKey");
	if (!pem[0])
		return refuse(ret, "No key provided", NULL);
	const char *wrong = vcloud_key_parse(pem, strlen(pem), ret_key);
	if (!wrong && rsa_only && !is_rsa(ret_key))
		wrong = "Expected an RSA public key";
	snprintf(text, sizeof text, "Key error %s", wrong ? wrong : "");
	return !wrong || refuse(ret, text, NULL);
}

static bool check_rest(const struct vcloud_request *request, const struct form *form,
	const struct vcloud_key *key, struct vcloud_reply *ret)
{
	static const char order[] = "manual_";
	const char *given = value_of(form, "order");
	size_t digits = strncmp(given, order, sizeof order - 1) == 0
				? strspn(given + sizeof order - 1, "0123456789")
				: 0;
	if (strcmp(request->path + sizeof VCLOUD_PARTICLE_PATH - 1, value_of(form, "deviceID")) !=
		0)
		return refuse(ret, "deviceID is not the one of the URL", NULL);
	if (strcmp(value_of(form, "algorithm"), is_rsa(key) ? "rsa" : "ecc") != 0)
		return refuse(ret, "algorithm is not that of the key", NULL);
	if (!value_of(form, "filename")[0])
		return refuse(ret, "No filename provided", NULL);
	if (!digits || given[sizeof order - 1 + digits])
		return refuse(ret, "order is not manual_ and milliseconds", NULL);
	return true;
}

static bool check_form(const struct vcloud_request *request, const struct form *form, bool rsa_only,
	struct vcloud_key *ret_key, struct vcloud_reply *ret)
{
	static const char type[] = "application/x-www-form-urlencoded";
	if (!request->content_type || strcmp(request->content_type, type) != 0 ||
		!value_of(form, "deviceID")[0])
		return refuse(ret, "No deviceID provided", NULL);
	if (!is_id(value_of(form, "deviceID")))
		return refuse(ret, "deviceID has 24 hex digits", NULL);
	return check_key(form, rsa_only, ret_key, ret) && check_rest(request, form, ret_key, ret);
}

void vcloud_serve_particle(struct vcloud *vcloud, enum vcloud_behaviour behaviour,
	const struct vcloud_request *request, struct vcloud_reply *ret)
{
	struct form form;
	struct vcloud_key key;
	*ret = (struct vcloud_reply){ 0 };
	if (strcmp(request->method, "POST") != 0) {
		ret->status = 404;
		ret->body = strdup("Cannot do that here");
		return;
	}
	if (!form_parse(request, &form))
		refuse(ret, "invalid_request", "the body is no form");
	else if (check_token(vcloud, request, &form, ret) &&
		 check_form(request, &form, vcloud->rsa_only, &key, ret) &&
		 vcloud_store(vcloud, behaviour, value_of(&form, "deviceID"), &key, ret)) {
		ret->status = 200;
		ret->body = strdup("\"Success!\"");
	}
	form_done(&form);
}
