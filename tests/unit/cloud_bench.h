/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual cloud, a sender that enrols there, and a journal that watches; for the tests of
 * station/cloud. */
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "fs.h"
#include "scope.h"
#include "text.h"
#include "vcloud.h"

#include <cmocka.h>

enum { LONG_MS = 60000 };

/* A journal that counts, knows a few keys, and fails when told. */
struct book {
	pthread_mutex_t lock;
	unsigned begins, ends, mixed; /* mixed: ends of another row than the one begun last */
	int64_t last_outbox_id;
	struct cloud_result last;
	char known[4][KEY_FINGERPRINT];
	unsigned known_count;
	bool begin_fails, end_fails, unsettled_fails;
	bool unsettled; /* an earlier send got no answer */
	struct vcloud *vcloud;
	uint32_t requests_at_begin;
};

struct bench {
	char folder[64];
	char keys[FS_PATH_MAX], secrets[FS_PATH_MAX];
	struct vcloud *vcloud;
	struct config_cloud target;
	struct book book;
	struct cloud_journal journal;
	struct cloud *cloud;
};

static inline bool book_begin(void *context, int64_t outbox_id, struct err *err)
{
	struct book *book = context;
	SCOPED_LOCK(&book->lock);
	if (book->begin_fails)
		return err_set(err, REASON_STORE, "the disk is full");
	book->begins++;
	book->last_outbox_id = outbox_id;
	book->requests_at_begin = vcloud_requests(book->vcloud);
	return true;
}

static inline bool book_end(
	void *context, int64_t outbox_id, const struct cloud_result *result, struct err *err)
{
	struct book *book = context;
	SCOPED_LOCK(&book->lock);
	if (book->end_fails)
		return err_set(err, REASON_STORE, "the disk is full");
	book->mixed += outbox_id != book->last_outbox_id;
	book->ends++;
	book->last = *result;
	return true;
}

static inline bool book_known(
	void *context, const char *device_id, const char *fingerprint, bool *ret, struct err *err)
{
	struct book *book = context;
	(void)device_id;
	(void)err;
	SCOPED_LOCK(&book->lock);
	*ret = false;
	for (unsigned i = 0; i < book->known_count; i++)
		*ret |= strcmp(book->known[i], fingerprint) == 0;
	return true;
}

static inline bool book_unsettled(
	void *context, const char *device_id, bool *ret, struct err *err)
{
	struct book *book = context;
	(void)device_id;
	SCOPED_LOCK(&book->lock);
	if (book->unsettled_fails)
		return err_set(err, REASON_STORE, "the disk is gone");
	*ret = book->unsettled;
	return true;
}

static inline void must(bool good, const struct err *err)
{
	if (!good)
		fail_msg("%s", err->text);
}

static inline void write_pem(EVP_PKEY *key, char to[KEY_PEM_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	int len = BIO_read(bio, to, KEY_PEM_MAX - 1);
	assert_true(len > 0);
	to[len] = 0;
	BIO_free(bio);
}

/* A new enrolment of a key that OpenSSL makes. */
static inline struct cloud_request new_request(const char *device_id, enum key_algorithm algorithm)
{
	struct cloud_request request = { .outbox_id = 7, .algorithm = algorithm };
	struct public_key key;
	struct err err;
	EVP_PKEY *pair = algorithm == KEY_RSA_1024 ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256");
	assert_non_null(pair);
	write_pem(pair, request.public_key_pem);
	EVP_PKEY_free(pair);
	must(public_key_from_pem(
		     request.public_key_pem, strlen(request.public_key_pem), &key, &err),
		&err);
	memcpy(request.fingerprint, key.fingerprint, sizeof request.fingerprint);
	assert_true(text_copy(request.device_id, sizeof request.device_id, device_id));
	must(uuid_v7(request.attempt_id, &err), &err);
	return request;
}

static inline struct cloud_request new_attempt_of(const struct cloud_request *before)
{
	struct cloud_request request = *before;
	struct err err;
	must(uuid_v7(request.attempt_id, &err), &err);
	return request;
}

static inline void bench_open(struct bench *bench)
{
	struct err err;
	must(cloud_open(&bench->target, &bench->journal, &bench->cloud, &err), &err);
}

static inline void bench_start_with(
	struct bench *bench, enum vcloud_behaviour behaviour, uint32_t good_after)
{
	struct err err;
	*bench = (struct bench){ .folder = "/tmp/test-cloud-XXXXXX" };
	assert_non_null(mkdtemp(bench->folder));
	must(fs_join(bench->keys, bench->folder, "cloud", &err), &err);
	must(fs_join(bench->secrets, bench->folder, "secret", &err), &err);
	const struct vcloud_options options = { .folder = bench->keys,
		.secret_folder = bench->secrets,
		.behaviour = behaviour,
		.good_after = good_after };
	must(vcloud_start(&options, &bench->vcloud, &err), &err);
	struct config_cloud *target = &bench->target;
	*target = (struct config_cloud){ .name = "main",
		.api = CLOUD_API_JSON,
		.timeout_ms = 5000,
		.retries = 1,
		.in_flight = 16 };
	assert_true(text_copy(target->url, sizeof target->url, vcloud_url(bench->vcloud)));
	assert_true(text_copy(target->token_file, FS_PATH_MAX, vcloud_token_file(bench->vcloud)));
	assert_true(text_copy(target->ca_file, FS_PATH_MAX, vcloud_ca_file(bench->vcloud)));
	pthread_mutex_init(&bench->book.lock, NULL);
	bench->book.vcloud = bench->vcloud;
	bench->journal = (struct cloud_journal){ book_begin, book_end, book_known, book_unsettled,
		&bench->book };
	bench_open(bench);
}

static inline void bench_start(struct bench *bench)
{
	bench_start_with(bench, VCLOUD_GOOD, 0);
}

/* No result that anybody sees may carry the token. */
static inline void assert_no_token(const struct bench *bench, const char *text)
{
	SCOPED_FREE uint8_t *token = NULL;
	size_t len;
	struct err err;
	must(fs_read(bench->target.token_file, 4096, REASON_INPUT, &token, &len, &err), &err);
	assert_null(strstr(text, (const char *)token));
	for (const char *c = text; *c; c++)
		assert_in_range(*c, ' ', '~');
}

static inline void bench_stop(struct bench *bench)
{
	char command[128];
	cloud_close(bench->cloud);
	vcloud_stop(bench->vcloud);
	pthread_mutex_destroy(&bench->book.lock);
	snprintf(command, sizeof command, "rm -r %s", bench->folder);
	assert_int_equal(system(command), 0);
}

static inline struct cloud_result enrol_until(
	struct bench *bench, const struct cloud_request *request, uint64_t ms)
{
	struct cloud_ticket *ticket;
	struct cloud_result result;
	struct err err;
	must(cloud_submit(bench->cloud, request, &ticket, &err), &err);
	must(cloud_wait(ticket, deadline_in_ms(ms), NULL, &result, &err), &err);
	cloud_forget(ticket);
	assert_no_token(bench, result.text);
	return result;
}

static inline struct cloud_result enrol(struct bench *bench, const struct cloud_request *request)
{
	return enrol_until(bench, request, LONG_MS);
}

static inline void assert_result(
	const struct cloud_result *result, enum cloud_answer answer, enum reason reason)
{
	if (result->answer != answer || result->reason != reason)
		fail_msg("answer %d reason %s: %s", (int)result->answer,
			reason_info(result->reason)->code, result->text);
	assert_int_equal(result->read_back, answer == CLOUD_ACKNOWLEDGED);
}

static inline void assert_stored(
	const struct bench *bench, const struct cloud_request *request, bool stored)
{
	char path[FS_PATH_MAX], name[40];
	struct err err;
	SCOPED_FREE uint8_t *pem = NULL;
	size_t len;
	snprintf(name, sizeof name, "%s.pem", request->device_id);
	must(fs_join(path, bench->keys, name, &err), &err);
	if (!fs_exists(path)) {
		assert_false(stored);
		return;
	}
	must(fs_read(path, KEY_PEM_MAX, REASON_INPUT, &pem, &len, &err), &err);
	assert_int_equal(strcmp((const char *)pem, request->public_key_pem) == 0, stored);
}

#define ID_1 "0123456789abcdef01234567"
#define ID_2 "222222222222222222222222"
