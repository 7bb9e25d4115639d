/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a cloud, shared by cloud.c (callers' threads) and sender.c (the one thread). A
 * ticket that is not done belongs to the sender but for the fields under the lock; a ticket that
 * is done is left alone by it. */
#pragma once

#include <pthread.h>

#include "exchange.h"
#include "transfer.h"

enum { CLOUD_QUEUE_MAX = 1024 };

struct cloud_ticket {
	struct cloud *cloud;
	struct cloud_request request; /* const after submit */

	/* under the cloud's lock */
	struct cloud_ticket *next_new;
	bool cancelled;
	bool done;
	struct cloud_result result; /* const once done */

	/* the sender's */
	struct cloud_ticket *next;
	bool stop;  /* what it last saw of cancelled */
	bool begun; /* its turn has come: no other of its device id is in work */
	uint64_t due_us;
	struct exchange exchange;
	struct transfer transfer;
};

struct cloud {
	/* const after cloud_open */
	struct config_cloud target;
	struct cloud_journal journal;
	const struct enrol_api *api;
	struct transfer_setup setup;
	char *ca;
	uint8_t *client_cert;
	void *client_key; /* locked memory */
	CURLM *multi;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* a ticket is done */
	/* under lock */
	struct cloud_ticket *first_new, *last_new;
	unsigned queued; /* not done */
	unsigned refs;	 /* tickets, and one until cloud_close ends */
	bool closing;

	/* the sender's */
	struct cloud_ticket *live; /* in the order of arrival */
	unsigned active;
};

/* The thread's function; user is the cloud. Returns after closing was set and every ticket is
 * done. */
void *sender_run(void *user);
