/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's thread: it alone runs transfers and calls the journal, and holds the lock over
 * neither. */
#include <string.h>

#include "clock.h"
#include "cloud_private.h"
#include "scope.h"

enum { LOOK_MS = 1000 };

/* Takes in what is new and who was cancelled. False when there is nothing left to do for ever. */
static bool look_around(struct cloud *cloud)
{
	SCOPED_LOCK(&cloud->lock);
	struct cloud_ticket **end = &cloud->live;
	for (; *end; end = &(*end)->next)
		(*end)->stop = (*end)->cancelled || cloud->closing;
	for (struct cloud_ticket *ticket = cloud->first_new; ticket; ticket = ticket->next_new) {
		ticket->stop = ticket->cancelled || cloud->closing;
		ticket->next = NULL;
		*end = ticket;
		end = &ticket->next;
	}
	cloud->first_new = cloud->last_new = NULL;
	return cloud->live || !cloud->closing;
}

/* The last that the sender does to a ticket: whoever waits may free it as soon as the lock is
 * open. */
static void publish(struct cloud *cloud, struct cloud_ticket *ticket)
{
	exchange_end(&ticket->exchange);
	SCOPED_LOCK(&cloud->lock);
	ticket->result = ticket->exchange.result;
	ticket->done = true;
	cloud->queued--;
	pthread_cond_broadcast(&cloud->changed);
}

static void end_transfer(struct cloud *cloud, struct cloud_ticket *ticket)
{
	if (ticket->transfer.easy)
		cloud->active--;
	transfer_drop(&ticket->transfer);
}

static void remove_done(struct cloud *cloud)
{
	for (struct cloud_ticket **at = &cloud->live; *at;) {
		struct cloud_ticket *ticket = *at;
		if (ticket->stop && ticket->exchange.next != EXCHANGE_DONE)
			exchange_give_up(&ticket->exchange, "cancelled before an answer came");
		if (ticket->exchange.next != EXCHANGE_DONE) {
			at = &ticket->next;
			continue;
		}
		*at = ticket->next;
		end_transfer(cloud, ticket);
		publish(cloud, ticket);
	}
}

/* An earlier request for the same device goes first: two in flight could end in either order. */
static bool is_first_of_its_device(const struct cloud *cloud, const struct cloud_ticket *ticket)
{
	for (const struct cloud_ticket *other = cloud->live; other != ticket; other = other->next)
		if (strcmp(other->request.device_id, ticket->request.device_id) == 0)
			return false;
	return true;
}

static void start(struct cloud *cloud, struct cloud_ticket *ticket)
{
	struct api_message message;
	struct err err;
	if (!exchange_message(&ticket->exchange, &message))
		return;
	if (transfer_start(&ticket->transfer, cloud->multi, &cloud->setup, &message, ticket, &err))
		cloud->active++;
	else
		exchange_give_up(&ticket->exchange, err.text);
}

/* True if it may be sent now. */
static bool take_turn(struct cloud *cloud, struct cloud_ticket *ticket, uint64_t now_us)
{
	if (!is_first_of_its_device(cloud, ticket))
		return false;
	ticket->begun = true;
	exchange_prepare(&ticket->exchange);
	ticket->due_us = now_us + ticket->exchange.pause_ms * UINT64_C(1000);
	return ticket->exchange.next != EXCHANGE_DONE && !ticket->exchange.pause_ms;
}

static void start_due(struct cloud *cloud)
{
	uint64_t now_us = clock_mono_us();
	for (struct cloud_ticket *ticket = cloud->live; ticket; ticket = ticket->next) {
		if (cloud->active >= cloud->target.in_flight)
			return;
		if (ticket->transfer.easy || ticket->due_us > now_us)
			continue;
		if (ticket->begun || take_turn(cloud, ticket, now_us))
			start(cloud, ticket);
	}
}

static void take_answer(struct cloud *cloud, const CURLMsg *message)
{
	struct cloud_ticket *ticket = NULL;
	struct api_reply reply;
	curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &ticket);
	transfer_reply(&ticket->transfer, message->data.result, &cloud->setup, &reply);
	exchange_answered(&ticket->exchange, &reply);
	end_transfer(cloud, ticket);
	ticket->due_us = clock_mono_us() + ticket->exchange.pause_ms * UINT64_C(1000);
}

static void take_answers(struct cloud *cloud)
{
	const CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(cloud->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			take_answer(cloud, message);
}

/* How long nothing will have to be done unless the network or a caller wakes us. */
static int idle_ms(const struct cloud *cloud)
{
	uint64_t now_us = clock_mono_us();
	uint64_t until_us = now_us + LOOK_MS * 1000;
	bool room = cloud->active < cloud->target.in_flight;
	for (const struct cloud_ticket *ticket = cloud->live; ticket; ticket = ticket->next) {
		if (ticket->exchange.next == EXCHANGE_DONE)
			return 0;
		if (room && ticket->begun && !ticket->transfer.easy && ticket->due_us < until_us)
			until_us = ticket->due_us;
	}
	return until_us > now_us ? (int)((until_us - now_us + 999) / 1000) : 0;
}

void *sender_run(void *user)
{
	struct cloud *cloud = user;
	int running;
	while (look_around(cloud)) {
		remove_done(cloud);
		start_due(cloud);
		curl_multi_perform(cloud->multi, &running);
		take_answers(cloud);
		remove_done(cloud);
		curl_multi_poll(cloud->multi, NULL, 0, idle_ms(cloud), NULL);
	}
	return NULL;
}
