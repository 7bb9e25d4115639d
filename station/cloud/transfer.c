/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool url_part_is(CURLU *url, CURLUPart part, const char *want, const char *without)
{
	char *text = NULL;
	if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
		return !want;
	bool is = want && (!want[0] || strcmp(text, want) == 0) &&
		  (!without || !strstr(text, without));
	curl_free(text);
	return is;
}

bool transfer_check_url(const struct config_cloud *target, struct err *err)
{
	static const char sample[] = "0123456789abcdef01234567";
	char text[CONFIG_URL_MAX + 64];
	if (!strstr(target->url, "{device_id}"))
		return err_set(err, REASON_INPUT, "cloud %s: the url must contain {device_id}",
			target->name);
	if (!api_url(target, sample, text, sizeof text, err))
		return false;
	CURLU *url = curl_url();
	bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
		    url_part_is(url, CURLUPART_SCHEME, "https", NULL) &&
		    url_part_is(url, CURLUPART_HOST, "", sample) &&
		    url_part_is(url, CURLUPART_USER, NULL, NULL) &&
		    url_part_is(url, CURLUPART_PASSWORD, NULL, NULL) &&
		    url_part_is(url, CURLUPART_FRAGMENT, NULL, NULL);
	curl_url_cleanup(url);
	return good || err_set(err, REASON_INPUT,
			       "cloud %s: the url must be https://HOST/..., with {device_id} "
			       "behind the host, without user, password and fragment",
			       target->name);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;
	size_t len = size * count;
	if (len > API_ANSWER_MAX - transfer->body_len) {
		transfer->too_long = true;
		return 0;
	}
	if (transfer->body_len + len > transfer->body_room) {
		size_t room = 2 * (transfer->body_len + len);
		char *body = realloc(transfer->body, room);
		if (!body)
			return 0;
		transfer->body = body;
		transfer->body_room = room;
	}
	memcpy(transfer->body + transfer->body_len, bytes, len);
	transfer->body_len += len;
	return len;
}

/* The list is built by hand: curl_slist_append would copy the token out of locked memory. */
static struct curl_slist *make_lines(struct transfer *transfer, struct token *token)
{
	size_t count = 0;
	for (; count < transfer->message.header_count; count++)
		transfer->lines[count].data = transfer->message.headers[count];
	transfer->lines[count++].data = transfer->expect_nothing;
	if (token)
		transfer->lines[count++].data = token_header(token);
	for (size_t i = 0; i < count; i++)
		transfer->lines[i].next = i + 1 < count ? &transfer->lines[i + 1] : NULL;
	return transfer->lines;
}

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool set_safety(CURL *easy, const struct transfer_setup *setup)
{
	/* With an authority of our own the system's are not asked: Debian's libcurl has a folder
	 * of them built in, which stays in use beside a CAINFO_BLOB unless it is taken out. */
	if (setup->ca.len && (!SET(CURLOPT_CAINFO_BLOB, &setup->ca) || !SET(CURLOPT_CAPATH, NULL)))
		return false;
	return SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
	       SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       SET(CURLOPT_PROTOCOLS_STR, "https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
	       SET(CURLOPT_PROXY, "");
}

static bool set_client(CURL *easy, const struct transfer_setup *setup)
{
	if (!setup->client_cert.len)
		return true;
	/* The empty password keeps OpenSSL from asking for one on the terminal. */
	return SET(CURLOPT_SSLCERTTYPE, "PEM") && SET(CURLOPT_SSLKEYTYPE, "PEM") &&
	       SET(CURLOPT_SSLCERT_BLOB, &setup->client_cert) &&
	       SET(CURLOPT_SSLKEY_BLOB, &setup->client_key) && SET(CURLOPT_KEYPASSWD, "");
}

static bool set_bounds(CURL *easy, const struct transfer_setup *setup)
{
	long timeout_ms = (long)setup->target->timeout_ms;
	/* QUICK_EXIT: ending a request must not wait for a name server that hangs. */
	return SET(CURLOPT_TIMEOUT_MS, timeout_ms) && SET(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) &&
	       SET(CURLOPT_MAXFILESIZE, (long)API_ANSWER_MAX) && SET(CURLOPT_NOSIGNAL, 1L) &&
	       SET(CURLOPT_QUICK_EXIT, 1L);
}

static bool set_message(CURL *easy, struct transfer *transfer, const struct transfer_setup *setup)
{
	const struct api_message *message = &transfer->message;
	if (message->body && (!SET(CURLOPT_POSTFIELDSIZE, (long)strlen(message->body)) ||
				     !SET(CURLOPT_POSTFIELDS, message->body)))
		return false;
	return SET(CURLOPT_URL, message->url) && SET(CURLOPT_CUSTOMREQUEST, message->method) &&
	       SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       SET(CURLOPT_USERAGENT, "station") &&
	       SET(CURLOPT_HTTPHEADER, make_lines(transfer, setup->token)) &&
	       SET(CURLOPT_WRITEFUNCTION, take_body) && SET(CURLOPT_WRITEDATA, transfer) &&
	       SET(CURLOPT_ERRORBUFFER, transfer->trouble);
}

bool transfer_start(struct transfer *transfer, CURLM *multi, const struct transfer_setup *setup,
	struct api_message *message, void *owner, struct err *err)
{
	CURL *easy = curl_easy_init();
	*transfer = (struct transfer){
		.easy = easy, .multi = multi, .message = *message, .expect_nothing = "Expect:"
	};
	*message = (struct api_message){ 0 };
	if (easy && set_safety(easy, setup) && set_client(easy, setup) && set_bounds(easy, setup) &&
		set_message(easy, transfer, setup) && SET(CURLOPT_PRIVATE, owner) &&
		curl_multi_add_handle(multi, easy) == CURLM_OK)
		return true;
	transfer_drop(transfer);
	return err_set(err, REASON_STATION, "libcurl does not take a request: %s",
		easy ? "an option of it is missing" : "no memory");
}

static bool is_certificate_trouble(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
	       code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS ||
	       code == CURLE_SSL_PINNEDPUBKEYNOTMATCH || code == CURLE_SSL_CERTPROBLEM;
}

static void describe_trouble(const struct transfer *transfer, CURLcode code, struct api_reply *ret)
{
	const char *curls = transfer->trouble[0] ? transfer->trouble : curl_easy_strerror(code);
	long out = 0;
	bool ours = code == CURLE_SSL_CERTPROBLEM;
	ret->hopeless = is_certificate_trouble(code);
	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &out);
	ret->unsent = out == 0;
	if (transfer->too_long || code == CURLE_FILESIZE_EXCEEDED)
		snprintf(ret->trouble, sizeof ret->trouble, "the answer is longer than %d bytes",
			API_ANSWER_MAX);
	else
		snprintf(ret->trouble, sizeof ret->trouble, "%s%.200s",
			ours            ? "our client certificate cannot be used: "
			: ret->hopeless ? "its certificate cannot be verified: "
					: "",
			curls);
}

void transfer_reply(struct transfer *transfer, CURLcode code, const struct transfer_setup *setup,
	struct api_reply *ret)
{
	long status = 0;
	curl_off_t retry_after_s = 0;
	*ret = (struct api_reply){ .token = setup->token, .body = "" };
	if (code != CURLE_OK) {
		describe_trouble(transfer, code, ret);
		return;
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	ret->status = (int)status;
	if (!status)
		snprintf(ret->trouble, sizeof ret->trouble, "it answered without a status");
	if (transfer->body) {
		ret->body = transfer->body;
		ret->body_len = transfer->body_len;
	}
	if (retry_after_s > 0)
		ret->retry_after_ms =
			retry_after_s > 3600 ? 3600000 : (uint32_t)retry_after_s * 1000;
}

void transfer_drop(struct transfer *transfer)
{
	if (transfer->easy) {
		curl_multi_remove_handle(transfer->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	free(transfer->body);
	api_message_done(&transfer->message);
	*transfer = (struct transfer){ 0 };
}
