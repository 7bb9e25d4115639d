/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment of public keys over HTTPS: one sender with one thread and many requests in flight
 * (libcurl's multi interface). The server is always verified, with the system's authorities or a
 * private one; there is no way to switch that off. The token is read from its file, kept in locked
 * memory and goes into the Authorization header only. A client certificate may be given too; its
 * private key is read from its file into locked memory.
 *
 * API "json" (docs/cloud-api.md):
 *   PUT {url}  If-None-Match: *           the first key of a device
 *              If-Match: "FINGERPRINT"    replaces exactly that key
 *              Idempotency-Key: ATTEMPT-ID
 *              {"device_id", "algorithm", "public_key" (PEM SPKI), "attempt_id", "seal": {"seq", "hash"}}
 *   200, 201, 204 acknowledged; 412 another key is there; 4xx refused; 408, 425, 429, 5xx and no answer unreachable
 *   GET {url}  {"device_id", "public_key"}   what is stored, compared with what was sent
 *
 * API "particle" (Particle's cloud and its local spark-server):
 *   POST {url}  a form: deviceID, publicKey (PEM SPKI), filename, order, algorithm "rsa" or "ecc", product_id
 *   2xx whose JSON body has no error: acknowledged; there is no readback. A send whose fate is unknown is followed by
 *   another one, settle_ms later, before anything counts as acknowledged.
 *
 * Before each send the journal is told (the try is durable first), after it too. Answers are
 * bounded in size, redirects are not followed, every request has a time-out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cancel.h"
#include "clock.h"
#include "config.h"
#include "err.h"
#include "keypair.h"
#include "uuid.h"

enum { CLOUD_DEVICE_ID = 25, CLOUD_TEXT_MAX = 256 };

enum cloud_answer {
	CLOUD_ACKNOWLEDGED, /* the cloud holds exactly this key */
	CLOUD_REFUSED,	    /* it said no; sending again would not help */
	CLOUD_UNREACHABLE   /* it is not known to have the key; send again later */
};

struct cloud_request {
	int64_t outbox_id; /* 0: no journal is kept */
	/* Only asks which key the cloud holds for the device: nothing is sent, and of the rest only the
	 * two ids are wanted. CLOUD_ACKNOWLEDGED then means that it answered. */
	bool look;
	char device_id[CLOUD_DEVICE_ID];
	char attempt_id[UUID_TEXT];
	enum key_algorithm algorithm;
	char public_key_pem[KEY_PEM_MAX];
	char fingerprint[KEY_FINGERPRINT];
	char product_id[64];
	int64_t seal_seq; /* head of the seals; 0 = none yet */
	char seal_hash[65];
};

struct cloud_result {
	enum cloud_answer answer;
	bool read_back;	   /* the stored key was read and is equal */
	char held[KEY_FINGERPRINT]; /* of a look: of the key that it holds; "" none */
	enum reason reason; /* NONE, CLOUD_REFUSED, CLOUD_CONFLICT, CLOUD_DIFFERS, CLOUD_UNREACHABLE, STORE... */
	int http_status;   /* the last one; 0 = none */
	unsigned tries;
	char text[CLOUD_TEXT_MAX]; /* for the record; no secrets; printable */
};

/* What the sender asks of the record. Called on the sender's thread; a false return (REASON_STORE)
 * ends the request without sending. */
struct cloud_journal {
	bool (*send_begin)(void *context, int64_t outbox_id, struct err *err);
	bool (*send_end)(void *context, int64_t outbox_id, const struct cloud_result *result,
		struct err *err);
	/* Is this fingerprint one that our record knows for this device? Then it may be
	 * replaced. */
	bool (*known)(void *context, const char *device_id, const char *fingerprint, bool *ret,
		struct err *err);
	/* Is there an earlier send for this device that got no answer, so that it may
	 * still be under way? Asked before the first send to a cloud without readback;
	 * NULL: there never is. */
	bool (*unsettled)(void *context, const char *device_id, bool *ret, struct err *err);
	void *context;
};

struct cloud;
struct cloud_ticket;

/* Reads token, CA and client certificate now, so that what is wrong with them is found before a
 * unit is touched (REASON_INPUT). Starts the thread. journal is copied. */
bool cloud_open(const struct config_cloud *target, const struct cloud_journal *journal,
	struct cloud **ret, struct err *err) MUST_CHECK;
/* Ends requests in flight as unreachable, waits for the thread. Takes NULL. Tickets stay valid
 * until cloud_forget. */
void cloud_close(struct cloud *cloud);

/* Queues a request (copied). One request in flight per device id: a second one waits behind
 * the first. Retries with exponential backoff and jitter, at most target->retries further
 * times. Returns at once. */
bool cloud_submit(struct cloud *cloud, const struct cloud_request *request,
	struct cloud_ticket **ret, struct err *err) MUST_CHECK;
/* Waits for the answer. At the deadline the request is cancelled and ends as unreachable, so that
 * no request is in flight after this returned true. REASON_STOPPED if the cancel flag ended the
 * wait (the request is cancelled too). */
bool cloud_wait(struct cloud_ticket *ticket, struct deadline deadline, const struct cancel *cancel,
	struct cloud_result *ret, struct err *err) MUST_CHECK;
/* Gives the ticket back; a request still in flight is cancelled and waited for. Takes NULL. */
void cloud_forget(struct cloud_ticket *ticket);
