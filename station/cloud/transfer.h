/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request on libcurl's multi handle: always https, always verified, bounded in time and
 * size, no redirects, no proxy. Used by the sender's thread only. */
#pragma once

#include <curl/curl.h>

#include "enrol_api.h"

/* What all transfers of a cloud share; const while transfers run. */
struct transfer_setup {
	const struct config_cloud *target;
	struct token *token; /* NULL = none */
	struct curl_blob ca; /* PEM; len 0 = the system's authorities */
	struct curl_blob client_cert, client_key; /* PEM; len 0 = none; the key is in locked memory */
};

struct transfer {
	CURL *easy; /* NULL: not running */
	CURLM *multi;
	struct api_message message;
	struct curl_slist lines[API_HEADERS_MAX + 2];
	char expect_nothing[sizeof "Expect:"]; /* a header without a value is not sent */
	char *body;
	size_t body_len, body_room;
	bool too_long;
	char trouble[CURL_ERROR_SIZE];
};

/* Checks a url as the sender will use it: https, a host, "{device_id}" behind the host, no user,
 * no fragment. REASON_INPUT. */
bool transfer_check_url(const struct config_cloud *target, struct err *err) MUST_CHECK;

/* Takes over message, also when it fails. owner is what CURLINFO_PRIVATE gives. */
bool transfer_start(struct transfer *transfer, CURLM *multi, const struct transfer_setup *setup,
	struct api_message *message, void *owner, struct err *err) MUST_CHECK;
/* The reply, valid until transfer_drop. */
void transfer_reply(struct transfer *transfer, CURLcode code, const struct transfer_setup *setup,
	struct api_reply *ret);
/* Ends it, whether it is finished or not: no request of it is in flight afterwards. Does nothing
 * if none runs. */
void transfer_drop(struct transfer *transfer);
