/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "vcloud_private.h"

enum { DEVICE_ID_LEN = 24 };

static const char path_start[] = "/v1/keys/";

static void free_json(json_t **json)
{
	json_decref(*json);
}
#define SCOPED_JSON __attribute__((cleanup(free_json)))

static void answer(struct vcloud_reply *ret, unsigned status, json_t *body)
{
	ret->status = status;
	ret->body = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
}

/* False, so that a check ends with it. */
static bool refuse(struct vcloud_reply *ret, unsigned status, const char *why)
{
	answer(ret, status, json_pack("{s:s}", "error", why));
	return false;
}

bool vcloud_token_is(const struct vcloud *vcloud, const char *given)
{
	return strlen(given) == VCLOUD_TOKEN - 1 &&
	       CRYPTO_memcmp(given, vcloud->token, VCLOUD_TOKEN - 1) == 0;
}

static bool check_token(
	const struct vcloud *vcloud, const struct vcloud_request *request, struct vcloud_reply *ret)
{
	static const char scheme[] = "Bearer ";
	const char *given = request->authorization;
	if (!given || strncmp(given, scheme, sizeof scheme - 1) != 0)
		return refuse(ret, 401, "a bearer token is wanted");
	if (!vcloud_token_is(vcloud, given + sizeof scheme - 1))
		return refuse(ret, 401, "the token is not known");
	return true;
}

static bool is_lower_hex(const char *text, size_t len)
{
	return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

static bool check_path(
	const struct vcloud_request *request, const char **ret_device_id, struct vcloud_reply *ret)
{
	if (strncmp(request->path, path_start, sizeof path_start - 1) != 0)
		return refuse(ret, 404, "nothing is here");
	*ret_device_id = request->path + sizeof path_start - 1;
	if (!is_lower_hex(*ret_device_id, DEVICE_ID_LEN))
		return refuse(ret, 404, "a device id has 24 lower-case hex digits");
	return true;
}

static bool is_uuid(const char *text)
{
	if (strlen(text) != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
			return false;
	}
	return true;
}

static const char *member(const json_t *body, const char *name)
{
	const char *text = json_string_value(json_object_get(body, name));
	return text ? text : "";
}

static bool check_members(const json_t *body, struct vcloud_reply *ret)
{
	static const char *const known[] = { "device_id", "algorithm", "public_key", "attempt_id",
		"seal", "product_id" };
	for (void *at = json_object_iter((json_t *)(uintptr_t)body); at;
		at = json_object_iter_next((json_t *)(uintptr_t)body, at)) {
		bool found = false;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			found |= strcmp(json_object_iter_key(at), known[i]) == 0;
		if (!found)
			return refuse(ret, 400, "the body has a member that is not known");
	}
	return true;
}

static bool check_seal(const json_t *seal, struct vcloud_reply *ret)
{
	if (!seal)
		return true;
	if (json_integer_value(json_object_get(seal, "seq")) < 1 ||
		!is_lower_hex(member(seal, "hash"), 64) || json_object_size(seal) != 2)
		return refuse(ret, 400, "seal wants a seq from 1 and a hash of 64 hex digits");
	return true;
}

/* That the body agrees with itself, with the URL and with the headers. */
static bool check_body(const json_t *body, const struct vcloud_request *request,
	const char *device_id, struct vcloud_key *ret_key, struct vcloud_reply *ret)
{
	const json_t *pem = json_object_get(body, "public_key");
	if (strcmp(member(body, "device_id"), device_id) != 0)
		return refuse(ret, 400, "device_id is not the one of the URL");
	if (!is_uuid(member(body, "attempt_id")))
		return refuse(ret, 400, "attempt_id is no UUID");
	if (!request->idempotency_key ||
		strcmp(request->idempotency_key, member(body, "attempt_id")) != 0)
		return refuse(ret, 400, "Idempotency-Key is not the attempt_id");
	if (!check_members(body, ret) || !check_seal(json_object_get(body, "seal"), ret))
		return false;
	if (!json_is_string(pem))
		return refuse(ret, 400, "public_key is wanted");
	const char *wrong =
		vcloud_key_parse(json_string_value(pem), json_string_length(pem), ret_key);
	if (wrong)
		return refuse(ret, 422, wrong);
	if (strcmp(member(body, "algorithm"), ret_key->algorithm) != 0)
		return refuse(ret, 422, "algorithm is not that of the key");
	return true;
}

static void set_etag(struct vcloud_reply *ret, const struct vcloud_key *key)
{
	snprintf(ret->etag, sizeof ret->etag, "\"%s\"", key->fingerprint);
}

static bool check_condition(const struct vcloud_request *request, const struct vcloud_key *stored,
	struct vcloud_reply *ret)
{
	char tag[VCLOUD_FINGERPRINT + 2];
	if (!request->if_match == !request->if_none_match)
		return refuse(ret, 428, "one of If-Match and If-None-Match is wanted");
	if (request->if_none_match && strcmp(request->if_none_match, "*") != 0)
		return refuse(ret, 400, "If-None-Match must be *");
	bool holds =
		request->if_none_match
			? !stored
			: stored && text_format(tag, sizeof tag, "\"%s\"", stored->fingerprint) &&
				  strcmp(request->if_match, tag) == 0;
	return holds || refuse(ret, 412, "another key is here");
}

static bool load(const struct vcloud *vcloud, const char *device_id, struct vcloud_key *ret_key,
	bool *ret_found, struct vcloud_reply *ret)
{
	struct err err;
	return vcloud_key_load(vcloud->folder, device_id, ret_key, ret_found, &err) ||
	       refuse(ret, 500, err.text);
}

/* A bad server says the same as a good one. */
bool vcloud_store(const struct vcloud *vcloud, enum vcloud_behaviour behaviour,
	const char *device_id, const struct vcloud_key *key, struct vcloud_reply *ret)
{
	struct err err;
	struct vcloud_key other;
	bool good = true, found = false;
	if (behaviour == VCLOUD_REFUSE_NEW &&
		(!load(vcloud, device_id, &other, &found, ret) || !found ||
			strcmp(other.fingerprint, key->fingerprint) != 0))
		return refuse(ret, 403, "this unit gets no other key");
	if (behaviour == VCLOUD_SWAP)
		good = vcloud_key_make_other(&other, &err) &&
		       vcloud_key_store(vcloud->folder, device_id, &other, &err);
	else if (behaviour != VCLOUD_LOSE)
		good = vcloud_key_store(vcloud->folder, device_id, key, &err);
	if (good && behaviour == VCLOUD_TAKE_REFUSE)
		return refuse(ret, 403, "this unit gets no key");
	return good || refuse(ret, 500, err.text);
}

static void remember(struct vcloud *vcloud, const struct vcloud_request *request,
	const char *device_id, const struct vcloud_key *key)
{
	struct vcloud_seen *seen = &vcloud->seen[vcloud->seen_next++ % VCLOUD_SEEN_MAX];
	snprintf(seen->attempt_id, sizeof seen->attempt_id, "%s", request->idempotency_key);
	snprintf(seen->device_id, sizeof seen->device_id, "%s", device_id);
	memcpy(seen->fingerprint, key->fingerprint, sizeof seen->fingerprint);
}

/* The same attempt with the same key again, which is still the one that is stored. */
static bool is_repeat(const struct vcloud *vcloud, const struct vcloud_request *request,
	const char *device_id, const struct vcloud_key *key, const struct vcloud_key *stored)
{
	if (!stored || strcmp(stored->fingerprint, key->fingerprint) != 0)
		return false;
	for (size_t i = 0; i < VCLOUD_SEEN_MAX; i++) {
		const struct vcloud_seen *seen = &vcloud->seen[i];
		if (strcmp(seen->attempt_id, request->idempotency_key) == 0 &&
			strcmp(seen->device_id, device_id) == 0 &&
			strcmp(seen->fingerprint, key->fingerprint) == 0)
			return true;
	}
	return false;
}

static void serve_put(struct vcloud *vcloud, enum vcloud_behaviour behaviour,
	const struct vcloud_request *request, const char *device_id, struct vcloud_reply *ret)
{
	struct vcloud_key key, stored;
	bool found;
	SCOPED_JSON json_t *body =
		json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, NULL);
	if (!request->content_type || strcmp(request->content_type, "application/json") != 0) {
		refuse(ret, 415, "application/json is wanted");
		return;
	}
	if (!json_is_object(body)) {
		refuse(ret, 400, "the body is no JSON object");
		return;
	}
	if (!check_body(body, request, device_id, &key, ret) ||
		!load(vcloud, device_id, &stored, &found, ret))
		return;
	const struct vcloud_key *there = found ? &stored : NULL;
	if (!is_repeat(vcloud, request, device_id, &key, there) &&
		(!check_condition(request, there, ret) ||
			!vcloud_store(vcloud, behaviour, device_id, &key, ret)))
		return;
	remember(vcloud, request, device_id, &key);
	set_etag(ret, &key);
	answer(ret, found ? 200 : 201,
		json_pack("{s:s, s:s}", "device_id", device_id, "fingerprint", key.fingerprint));
}

static void serve_get(struct vcloud *vcloud, const char *device_id, struct vcloud_reply *ret)
{
	struct vcloud_key stored;
	bool found;
	if (!load(vcloud, device_id, &stored, &found, ret))
		return;
	if (!found) {
		refuse(ret, 404, "no key is stored for this device");
		return;
	}
	set_etag(ret, &stored);
	answer(ret, 200,
		json_pack("{s:s, s:s, s:s}", "device_id", device_id, "algorithm", stored.algorithm,
			"public_key", stored.pem));
}

void vcloud_serve(struct vcloud *vcloud, enum vcloud_behaviour behaviour,
	const struct vcloud_request *request, struct vcloud_reply *ret)
{
	const char *device_id = NULL;
	*ret = (struct vcloud_reply){ 0 };
	if (strncmp(request->path, VCLOUD_PARTICLE_PATH, sizeof VCLOUD_PARTICLE_PATH - 1) == 0) {
		vcloud_serve_particle(vcloud, behaviour, request, ret);
		return;
	}
	if (!check_token(vcloud, request, ret) || !check_path(request, &device_id, ret))
		return;
	if (strcmp(request->method, "PUT") == 0)
		serve_put(vcloud, behaviour, request, device_id, ret);
	else if (strcmp(request->method, "GET") == 0)
		serve_get(vcloud, device_id, ret);
	else
		refuse(ret, 405, "GET and PUT are known here");
}
