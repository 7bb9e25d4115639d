/* SPDX-License-Identifier: Apache-2.0 */
/* What an enrolment API is to the sender: a table of functions that build messages and sort
 * answers. They are pure: no network, no clock, no lock, no state. A new API is a new file with
 * such a table and a case in enrol_api_find.
 *
 * send builds the message that enrols request's key; replaces is the fingerprint of the key that
 * it may replace, "" if none may be there. read builds the message that asks what is stored; it
 * and judge_read are NULL if the API has no such thing. judge_send and judge_read sort a reply and
 * always fill *ret, whatever the server sent. */
#pragma once

#include "cloud.h"
#include "token.h"

enum { API_HEADERS_MAX = 4, API_HEADER_MAX = 128, API_ANSWER_MAX = 65536 };

/* One HTTP request. The token is no part of it: the transfer adds it. */
struct api_message {
	const char *method; /* "PUT", "GET", "POST" */
	char url[CONFIG_URL_MAX + 64];
	char headers[API_HEADERS_MAX][API_HEADER_MAX]; /* "Name: value" */
	size_t header_count;
	char *body; /* heap; NULL = none */
};
void api_message_done(struct api_message *message);

/* What came back. */
struct api_reply {
	int status;	  /* 0: no answer came, and trouble says why */
	const char *body; /* body_len bytes, at most API_ANSWER_MAX; not NUL-terminated; not trusted */
	size_t body_len;
	uint32_t retry_after_ms; /* 0 = not said */
	bool hopeless;		 /* no answer, and trying again soon would not help (certificate) */
	bool unsent;		 /* no answer, and not a byte of the request went out */
	char trouble[CLOUD_TEXT_MAX];
	const struct token *token; /* for token_quote; may be NULL */
};

enum api_verdict {
	API_ACCEPTED, /* a send: it says that it took the key */
	API_OCCUPIED, /* a send: another key than expected is there */
	API_HOLDS,    /* a read: it holds the key with this fingerprint */
	API_GARBLED,  /* a read: what it holds is no key, or it is of another device */
	API_ABSENT,   /* a read: it holds nothing */
	API_REFUSED,
	API_NOTHING   /* no usable answer: it may or may not have done what was asked */
};

struct api_answer {
	enum api_verdict verdict;
	bool hopeless;			   /* API_NOTHING: trying again soon would not help */
	char fingerprint[KEY_FINGERPRINT]; /* API_HOLDS */
	char text[CLOUD_TEXT_MAX];	   /* "" or what the server said; printable, without the token */
};

struct enrol_api {
	const char *name;
	bool (*send)(const struct config_cloud *target, const struct cloud_request *request,
		const char *replaces, struct api_message *ret, struct err *err);
	bool (*read)(const struct config_cloud *target, const struct cloud_request *request,
		struct api_message *ret, struct err *err);
	void (*judge_send)(const struct cloud_request *request, const struct api_reply *reply,
		struct api_answer *ret);
	void (*judge_read)(const struct cloud_request *request, const struct api_reply *reply,
		struct api_answer *ret);
};

/* REASON_INPUT for an API that this station does not have. */
bool enrol_api_find(const struct config_cloud *target, const struct enrol_api **ret,
	struct err *err) MUST_CHECK;

/* For the tables. The url with every "{device_id}" replaced. */
bool api_url(const struct config_cloud *target, const char *device_id, char *to, size_t cap,
	struct err *err) MUST_CHECK;
/* Adds "name: value". */
bool api_header(struct api_message *message, const char *name, const char *value, struct err *err)
	MUST_CHECK;
/* Statuses that say nothing about the key: 408, 425, 429, 5xx, and what no API here uses (1xx,
 * 3xx). */
bool api_is_no_answer(int status);
