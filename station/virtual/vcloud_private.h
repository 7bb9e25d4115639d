/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the virtual cloud, shared by the vcloud_*.c files and nobody else. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>

#include "cancel.h"
#include "vcloud.h"

enum { VCLOUD_PEM_MAX = 1024, VCLOUD_FINGERPRINT = 65, VCLOUD_BODY_MAX = 65536, VCLOUD_TOKEN = 65,
	VCLOUD_SEEN_MAX = 256 };

/* An attempt whose key was taken: the same again is answered like the first time. */
struct vcloud_seen {
	char attempt_id[37], device_id[25], fingerprint[VCLOUD_FINGERPRINT];
};

struct vcloud {
	/* const after start */
	char folder[FS_PATH_MAX], ca_file[FS_PATH_MAX], token_file[FS_PATH_MAX], url[128];
	char client_cert_file[FS_PATH_MAX], client_key_file[FS_PATH_MAX];
	bool wants_client_certificate;
	uint32_t retry_after_s;
	char token[VCLOUD_TOKEN];
	struct MHD_Daemon *daemon;
	struct cancel stopping;

	pthread_mutex_t lock; /* the fields below, and the files of the keys */
	enum vcloud_behaviour behaviour;
	uint32_t delay_ms, bad_left; /* bad_left: requests that still get the behaviour; UINT32_MAX = all */
	uint32_t requests;
	bool rsa_only;
	struct vcloud_seen seen[VCLOUD_SEEN_MAX]; /* the latest; what fell out is answered by the condition */
	unsigned seen_next;
};

/* --- vcloud_tls.c --- */

/* PEM, heap, freed with free(); the private keys are wiped by vcloud_tls_done. The authority's own
 * key is gone when this returns. */
struct vcloud_tls {
	char *ca, *certificate, *private_key;
	char *client_certificate, *client_key;
};
/* An authority and two certificates of it, for a server at 127.0.0.1 and localhost and for a
 * client; all P-256, good for a week. */
bool vcloud_tls_make(struct vcloud_tls *ret, struct err *err) MUST_CHECK;
void vcloud_tls_done(struct vcloud_tls *tls);

/* --- vcloud_key.c: public keys, judged by OpenSSL --- */

struct vcloud_key {
	char pem[VCLOUD_PEM_MAX]; /* as OpenSSL writes it */
	char fingerprint[VCLOUD_FINGERPRINT];
	const char *algorithm; /* "rsa-1024", "rsa-2048", "p-256" */
};
/* NULL, or what is wrong with the text: it must be one public key of those kinds and nothing
 * else. */
const char *vcloud_key_parse(const char *pem, size_t len, struct vcloud_key *ret);
/* Any other key, for VCLOUD_SWAP. */
bool vcloud_key_make_other(struct vcloud_key *ret, struct err *err) MUST_CHECK;
/* *ret_found false: none is stored. */
bool vcloud_key_load(const char *folder, const char *device_id, struct vcloud_key *ret,
	bool *ret_found, struct err *err) MUST_CHECK;
bool vcloud_key_store(const char *folder, const char *device_id, const struct vcloud_key *key,
	struct err *err) MUST_CHECK;

/* --- vcloud_api.c: the json API itself, without the network --- */

struct vcloud_request {
	const char *method, *path;
	const char *authorization, *content_type, *if_match, *if_none_match, *idempotency_key; /* NULL = none */
	const char *body;
	size_t body_len;
};

struct vcloud_reply {
	unsigned status;
	char *body;			    /* heap */
	char etag[VCLOUD_FINGERPRINT + 2]; /* "" = none */
	uint32_t retry_after_s; /* 0 = not said */
};

/* The reply of a good server, or of one that loses or swaps keys (behaviour). The lock is held. */
void vcloud_serve(struct vcloud *vcloud, enum vcloud_behaviour behaviour,
	const struct vcloud_request *request, struct vcloud_reply *ret);
/* Stores a key as this behaviour does; false: *ret says why not. */
bool vcloud_store(const struct vcloud *vcloud, enum vcloud_behaviour behaviour,
	const char *device_id, const struct vcloud_key *key, struct vcloud_reply *ret);
/* Whether this is the token. */
bool vcloud_token_is(const struct vcloud *vcloud, const char *given);

/* --- vcloud_particle.c: the particle API --- */

#define VCLOUD_PARTICLE_PATH "/v1/provisioning/"

/* Like vcloud_serve, for paths that begin so. */
void vcloud_serve_particle(struct vcloud *vcloud, enum vcloud_behaviour behaviour,
	const struct vcloud_request *request, struct vcloud_reply *ret);
