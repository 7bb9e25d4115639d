/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "text.h"

enum {
	PAUSE_FIRST_MS = 250,
	PAUSE_MAX_MS = 8000,
	RETRY_AFTER_MAX_MS = 30000, /* what we grant to a server that says Retry-After */
	CONFLICTS_MAX = 4
};

static void finish(struct exchange *exchange, enum cloud_answer answer, enum reason reason,
	const char *format, ...) PRINTF_LIKE(4, 5);

static void finish(struct exchange *exchange, enum cloud_answer answer, enum reason reason,
	const char *format, ...)
{
	struct cloud_result *result = &exchange->result;
	result->answer = answer;
	result->reason = reason;
	result->read_back = false;
	va_list args;
	va_start(args, format);
	vsnprintf(result->text, sizeof result->text, format, args);
	va_end(args);
	text_make_printable(result->text);
	exchange->next = EXCHANGE_DONE;
}

void exchange_begin(struct exchange *exchange, const struct enrol_api *api,
	const struct config_cloud *target, const struct cloud_journal *journal,
	const struct cloud_request *request)
{
	*exchange = (struct exchange){
		.api = api,
		.target = target,
		.journal = journal,
		.request = request,
		.next = request->look ? EXCHANGE_READ : EXCHANGE_SEND,
		.result = { .answer = CLOUD_UNREACHABLE, .reason = REASON_CLOUD_UNREACHABLE },
	};
}

static bool journal_begin(struct exchange *exchange, struct err *err)
{
	const struct cloud_journal *journal = exchange->journal;
	if (!journal || !journal->send_begin || !exchange->request->outbox_id)
		return true;
	if (!journal->send_begin(journal->context, exchange->request->outbox_id, err))
		return false;
	exchange->begun = true;
	return true;
}

static bool make_message(struct exchange *exchange, struct api_message *ret, struct err *err)
{
	if (exchange->next == EXCHANGE_READ)
		return exchange->api->read(exchange->target, exchange->request, ret, err);
	struct api_message message;
	if (!exchange->api->send(
		    exchange->target, exchange->request, exchange->replaces, &message, err))
		return false;
	if (!journal_begin(exchange, err)) {
		api_message_done(&message);
		return false;
	}
	exchange->result.tries++;
	*ret = message;
	return true;
}

bool exchange_message(struct exchange *exchange, struct api_message *ret)
{
	struct err err;
	if (make_message(exchange, ret, &err))
		return true;
	finish(exchange, CLOUD_UNREACHABLE, err.reason, "not sent: %s", err.text);
	return false;
}

/* Half of the time is fixed and half is chance, so that the units of a line do not
 * come back all at once. */
static uint32_t pause_before_retry(unsigned failures, uint32_t retry_after_ms)
{
	uint32_t pause_ms = PAUSE_FIRST_MS;
	for (unsigned i = 1; i < failures && pause_ms < PAUSE_MAX_MS; i++)
		pause_ms *= 2;
	uint32_t chance = 0;
	if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) != (ssize_t)sizeof chance)
		chance = 0;
	pause_ms = pause_ms / 2 + chance % (pause_ms / 2 + 1);
	uint32_t asked_ms =
		retry_after_ms < RETRY_AFTER_MAX_MS ? retry_after_ms : RETRY_AFTER_MAX_MS;
	return asked_ms > pause_ms ? asked_ms : pause_ms;
}

/* Without a readback nobody can tell whether a send that got no answer is still under
 * way somewhere. What counts as the acknowledgement is a send that begins when it has
 * had the time to arrive. */
static void settle(struct exchange *exchange)
{
	if (!exchange->api->read && exchange->pause_ms < exchange->target->settle_ms)
		exchange->pause_ms = exchange->target->settle_ms;
}

void exchange_prepare(struct exchange *exchange)
{
	const struct cloud_journal *journal = exchange->journal;
	struct err err;
	bool unsettled = false;
	if (exchange->request->look && !exchange->api->read) {
		finish(exchange, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE,
			"the %s API does not show the keys that it holds", exchange->api->name);
		return;
	}
	if (exchange->api->read || !journal || !journal->unsettled)
		return;
	if (!journal->unsettled(journal->context, exchange->request->device_id, &unsettled, &err))
		finish(exchange, CLOUD_UNREACHABLE, err.reason, "not sent: %s", err.text);
	else if (unsettled)
		settle(exchange);
}

static void no_answer(
	struct exchange *exchange, const struct api_reply *reply, const struct api_answer *answer)
{
	const char *what = exchange->accepted
				   ? "the cloud took the key but could not be asked what it holds"
				   : "the cloud gave no usable answer";
	exchange->failures++;
	if (!answer->hopeless && exchange->failures <= exchange->target->retries) {
		exchange->pause_ms = pause_before_retry(exchange->failures, reply->retry_after_ms);
		if (!reply->unsent)
			settle(exchange);
		/* For whoever gives up while it waits. */
		memcpy(exchange->result.text, answer->text, sizeof exchange->result.text);
		return;
	}
	if (reply->status)
		finish(exchange, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE, "%s: HTTP %d%s%s",
			what, reply->status, answer->text[0] ? ": " : "", answer->text);
	else
		finish(exchange, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE, "%s: %s", what,
			answer->text);
}

static void refused(
	struct exchange *exchange, const struct api_reply *reply, const struct api_answer *answer)
{
	finish(exchange, CLOUD_REFUSED, REASON_CLOUD_REFUSED, "%s: HTTP %d%s%s",
		exchange->accepted ? "the cloud took the key but does not show it"
				   : "the cloud refused",
		reply->status, answer->text[0] ? ": " : "", answer->text);
}

static void acknowledged(struct exchange *exchange, bool read_back)
{
	finish(exchange, CLOUD_ACKNOWLEDGED, REASON_NONE, "the cloud %s the key %s",
		read_back ? "holds" : "acknowledged", exchange->request->fingerprint);
	exchange->result.read_back = read_back;
}

/* The condition of a send failed, or what it was made for is gone: look, and decide anew. */
static bool another_round(struct exchange *exchange)
{
	if (++exchange->conflicts <= CONFLICTS_MAX)
		return true;
	finish(exchange, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE,
		"the key that the cloud holds changed %u times while this one was sent",
		exchange->conflicts);
	return false;
}

static void sent(struct exchange *exchange, const struct api_reply *reply)
{
	struct api_answer answer;
	exchange->api->judge_send(exchange->request, reply, &answer);
	switch (answer.verdict) {
	case API_ACCEPTED:
		exchange->accepted = true;
		if (exchange->api->read)
			exchange->next = EXCHANGE_READ;
		else
			acknowledged(exchange, false);
		return;
	case API_OCCUPIED:
		if (!exchange->api->read)
			refused(exchange, reply, &answer);
		else if (another_round(exchange))
			exchange->next = EXCHANGE_READ;
		return;
	case API_REFUSED:
		refused(exchange, reply, &answer);
		return;
	case API_NOTHING:
	case API_HOLDS:
	case API_GARBLED:
	case API_ABSENT:
		no_answer(exchange, reply, &answer);
		return;
	}
}

/* Another key is there and we have not been told that ours was taken: it may be replaced only if
 * our record says that it is an older one of this very unit. */
static void replace_if_ours(struct exchange *exchange, const char *fingerprint)
{
	const struct cloud_journal *journal = exchange->journal;
	struct err err;
	bool known = false;
	if (journal && journal->known &&
		!journal->known(journal->context, exchange->request->device_id, fingerprint, &known,
			&err)) {
		finish(exchange, CLOUD_UNREACHABLE, err.reason, "not sent: %s", err.text);
		return;
	}
	if (!known) {
		finish(exchange, CLOUD_REFUSED, REASON_CLOUD_CONFLICT,
			"the cloud holds the key %s for this unit, which is not in our record",
			fingerprint);
		return;
	}
	memcpy(exchange->replaces, fingerprint, sizeof exchange->replaces);
	exchange->next = EXCHANGE_SEND;
}

static void looked(struct exchange *exchange, const char *fingerprint)
{
	finish(exchange, CLOUD_ACKNOWLEDGED, REASON_NONE, "the cloud holds %s",
		fingerprint[0] ? fingerprint : "no key of this unit");
	memcpy(exchange->result.held, fingerprint, strlen(fingerprint) + 1);
}

static void found(struct exchange *exchange, const char *fingerprint)
{
	if (exchange->request->look)
		looked(exchange, fingerprint);
	else if (strcmp(fingerprint, exchange->request->fingerprint) == 0)
		acknowledged(exchange, true);
	else if (exchange->accepted)
		finish(exchange, CLOUD_REFUSED, REASON_CLOUD_DIFFERS,
			"the cloud acknowledged the key %s but holds %s",
			exchange->request->fingerprint, fingerprint);
	else
		replace_if_ours(exchange, fingerprint);
}

static void absent(struct exchange *exchange)
{
	if (exchange->request->look) {
		looked(exchange, "");
		return;
	}
	if (exchange->accepted) {
		finish(exchange, CLOUD_REFUSED, REASON_CLOUD_DIFFERS,
			"the cloud acknowledged the key but has not stored it");
		return;
	}
	exchange->replaces[0] = 0;
	exchange->next = EXCHANGE_SEND;
}

static void was_read(struct exchange *exchange, const struct api_reply *reply)
{
	struct api_answer answer;
	exchange->api->judge_read(exchange->request, reply, &answer);
	switch (answer.verdict) {
	case API_HOLDS:
		found(exchange, answer.fingerprint);
		return;
	case API_ABSENT:
		absent(exchange);
		return;
	case API_GARBLED:
		finish(exchange, CLOUD_REFUSED, REASON_CLOUD_DIFFERS,
			"the cloud was asked for its key: %s", answer.text);
		return;
	case API_REFUSED:
		refused(exchange, reply, &answer);
		return;
	case API_NOTHING:
	case API_ACCEPTED:
	case API_OCCUPIED:
		no_answer(exchange, reply, &answer);
		return;
	}
}

void exchange_answered(struct exchange *exchange, const struct api_reply *reply)
{
	if (reply->status)
		exchange->result.http_status = reply->status;
	exchange->pause_ms = 0;
	if (exchange->next == EXCHANGE_SEND)
		sent(exchange, reply);
	else
		was_read(exchange, reply);
}

void exchange_give_up(struct exchange *exchange, const char *why)
{
	char last[CLOUD_TEXT_MAX];
	memcpy(last, exchange->result.text, sizeof last);
	finish(exchange, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE, "%s%s%s", why,
		last[0] ? "; before: " : "", last);
}

void exchange_end(struct exchange *exchange)
{
	const struct cloud_journal *journal = exchange->journal;
	struct err err;
	if (!exchange->begun || !journal->send_end)
		return;
	if (!journal->send_end(
		    journal->context, exchange->request->outbox_id, &exchange->result, &err))
		finish(exchange, CLOUD_UNREACHABLE, err.reason,
			"the answer could not be recorded: %s", err.text);
}
