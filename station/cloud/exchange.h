/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one enrolment as a state machine without network and threads: what to ask next,
 * what an answer means, when to give up. The sender asks exchange_message for the next message,
 * sends it and hands the reply to exchange_answered, until next is EXCHANGE_DONE; then
 * exchange_end. Journal calls happen in exchange_message (before a send), exchange_answered
 * (known) and exchange_end; they may block for a disk sync. One thread. */
#pragma once

#include "enrol_api.h"

enum exchange_next { EXCHANGE_SEND, EXCHANGE_READ, EXCHANGE_DONE };

struct exchange {
	const struct enrol_api *api;
	const struct config_cloud *target;
	const struct cloud_journal *journal; /* NULL = none */
	const struct cloud_request *request;
	enum exchange_next next;
	uint32_t pause_ms; /* before the next message */
	char replaces[KEY_FINGERPRINT]; /* of the key that the next send may replace; "" = none */
	bool accepted;	    /* the cloud says that it took our key: what is read next is the proof */
	bool begun;	    /* the journal knows of a send */
	unsigned failures;  /* of target->retries */
	unsigned conflicts; /* how often the condition failed */
	struct cloud_result result;
};

void exchange_begin(struct exchange *exchange, const struct enrol_api *api,
	const struct config_cloud *target, const struct cloud_journal *journal,
	const struct cloud_request *request);
/* Once, when no other request of this device is in work any more and before the first message: sets
 * pause_ms if an earlier enrolment of the device may still be under way and the API has no readback
 * that would show it. */
void exchange_prepare(struct exchange *exchange);
/* False: it could not be built or recorded, and the exchange is done. The caller owns *ret
 * (api_message_done). */
bool exchange_message(struct exchange *exchange, struct api_message *ret) MUST_CHECK;
void exchange_answered(struct exchange *exchange, const struct api_reply *reply);
/* Ends it as unreachable; why is a sentence. */
void exchange_give_up(struct exchange *exchange, const char *why);
/* Tells the journal. Afterwards the result is final: if it could not be recorded,
 * nothing is acknowledged. */
void exchange_end(struct exchange *exchange);
