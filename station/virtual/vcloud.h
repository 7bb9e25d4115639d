/* SPDX-License-Identifier: Apache-2.0 */
/* An emulated cloud: an HTTPS server (libmicrohttpd) on a free port of 127.0.0.1 with the "json"
 * enrolment API (docs/cloud-api.md) at /v1/keys/ and the "particle" API at /v1/provisioning/ as
 * spark-server answers it, but with P-256 keys too, as Particle's cloud takes them; a certificate
 * authority and certificate made at start, and a bearer token.
 * It keeps the keys that it holds as folder/DEVICE_ID.pem, so that other programs can compare. It
 * judges: it checks what it is sent (id, PEM by OpenSSL, algorithm, that the body agrees with the
 * URL, conditions, token) as a good server would. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "fs.h"

struct vcloud;

enum vcloud_behaviour {
	VCLOUD_GOOD,
	VCLOUD_DOWN,	/* closes every connection without an answer */
	VCLOUD_BUSY,	/* 503 to everything */
	VCLOUD_REFUSE,	/* 403 to everything */
	VCLOUD_RUBBISH, /* 200 with a body that is not JSON, nothing stored */
	VCLOUD_LOSE,	/* 200, but nothing is stored */
	VCLOUD_SWAP,	/* 200, but another key is stored */
	VCLOUD_SLOW,	/* does what it is asked and answers, but only after delay_ms, even if nobody waits any more */
	VCLOUD_ERROR_IN_200, /* 200 with an error in the body, nothing stored */
	VCLOUD_CUT,	     /* does what it is asked, then closes the connection without an answer */
	VCLOUD_REFUSE_NEW,   /* shows what it holds and takes that again, but 403 to any other key */
	VCLOUD_TAKE_REFUSE   /* stores the key that it is sent, and answers 403 */
};

enum vcloud_api { VCLOUD_JSON, VCLOUD_PARTICLE };

struct vcloud_options {
	const char *folder; /* for the keys; made if absent */
	const char *secret_folder; /* where ca.pem (0644), token (0600), client.pem (0644) and client.key (0600) are
				    * written for the client to read */
	enum vcloud_behaviour behaviour;
	uint32_t delay_ms;
	uint32_t good_after; /* this many requests get the behaviour, later ones are served well; 0 = never good */
	uint32_t retry_after_s; /* VCLOUD_BUSY says so in Retry-After; 0 = nothing */
	enum vcloud_api api;    /* of vcloud_url; both are served */
	bool wants_client_certificate; /* 403 to whoever does not show client.pem */
};

bool vcloud_start(const struct vcloud_options *options, struct vcloud **ret, struct err *err)
	MUST_CHECK;
void vcloud_stop(struct vcloud *vcloud); /* takes NULL */
const char *vcloud_url(const struct vcloud *vcloud); /* with {device_id} */
const char *vcloud_ca_file(const struct vcloud *vcloud);
const char *vcloud_token_file(const struct vcloud *vcloud);
const char *vcloud_client_cert_file(const struct vcloud *vcloud);
const char *vcloud_client_key_file(const struct vcloud *vcloud);
void vcloud_behave(struct vcloud *vcloud, enum vcloud_behaviour behaviour, uint32_t delay_ms);
/* The particle API refuses P-256 keys from now on, as spark-server does. */
void vcloud_want_rsa(struct vcloud *vcloud);
uint32_t vcloud_requests(const struct vcloud *vcloud); /* so far */
