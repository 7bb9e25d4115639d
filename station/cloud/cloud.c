/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "cloud_private.h"
#include "fs.h"
#include "scope.h"
#include "wiping.h"
#include "secret.h"

enum { CA_FILE_MAX = 1 << 20, CLIENT_FILE_MAX = 1 << 16, IN_FLIGHT_MAX = 64 };

/* What only the thread needs, the secrets among it. */
static void drop_sender(struct cloud *cloud)
{
	curl_multi_cleanup(cloud->multi);
	token_free(cloud->setup.token);
	secret_free(cloud->client_key);
	cloud->multi = NULL;
	cloud->setup.token = NULL;
	cloud->client_key = NULL;
}

static void cloud_free(struct cloud *cloud)
{
	drop_sender(cloud);
	free(cloud->ca);
	free(cloud->client_cert);
	pthread_cond_destroy(&cloud->changed);
	pthread_mutex_destroy(&cloud->lock);
	free(cloud);
	curl_global_cleanup();
}

/* The lock is held. True if nobody holds the cloud any more, and the caller frees it after
 * unlocking. */
static bool drop_ref(struct cloud *cloud)
{
	return --cloud->refs == 0;
}

static bool read_ca(struct cloud *cloud, struct err *err)
{
	const char *path = cloud->target.ca_file;
	uint8_t *bytes;
	size_t len;
	if (!path[0])
		return true;
	if (!fs_read(path, CA_FILE_MAX, REASON_INPUT, &bytes, &len, err))
		return false;
	cloud->ca = (char *)bytes;
	if (!strstr(cloud->ca, "-----BEGIN CERTIFICATE-----"))
		return err_set(err, REASON_INPUT, "%s holds no certificate in PEM", path);
	cloud->setup.ca =
		(struct curl_blob){ .data = bytes, .len = len, .flags = CURL_BLOB_NOCOPY };
	return true;
}

static bool read_client(struct cloud *cloud, struct err *err)
{
	const struct config_cloud *target = &cloud->target;
	uint8_t *cert;
	size_t cert_len, key_len;
	if (!target->client_cert_file[0] != !target->client_key_file[0])
		return err_set(err, REASON_INPUT,
			"cloud %s: client_cert_file and client_key_file go together", target->name);
	if (!target->client_cert_file[0])
		return true;
	if (!fs_read(
		    target->client_cert_file, CLIENT_FILE_MAX, REASON_INPUT, &cert, &cert_len, err))
		return false;
	cloud->client_cert = cert;
	if (!fs_read_secret(
		    target->client_key_file, CLIENT_FILE_MAX, &cloud->client_key, &key_len, err) ||
		!certificate_fits(target->client_cert_file, cert, cert_len, target->client_key_file,
			cloud->client_key, key_len, err))
		return false;
	cloud->setup.client_cert =
		(struct curl_blob){ .data = cert, .len = cert_len, .flags = CURL_BLOB_NOCOPY };
	cloud->setup.client_key = (struct curl_blob){
		.data = cloud->client_key, .len = key_len, .flags = CURL_BLOB_NOCOPY
	};
	return true;
}

static bool check_target(struct cloud *cloud, struct err *err)
{
	const struct config_cloud *target = &cloud->target;
	if (!enrol_api_find(target, &cloud->api, err) || !transfer_check_url(target, err))
		return false;
	if (target->timeout_ms < 1 || target->timeout_ms > INT32_MAX)
		return err_set(
			err, REASON_INPUT, "cloud %s: timeout_ms must be at least 1", target->name);
	if (target->in_flight < 1 || target->in_flight > IN_FLIGHT_MAX)
		return err_set(err, REASON_INPUT, "cloud %s: in_flight is %u, 1 to %d is allowed",
			target->name, target->in_flight, IN_FLIGHT_MAX);
	return true;
}

static bool init_lock(struct cloud *cloud)
{
	pthread_condattr_t attributes;
	if (pthread_condattr_init(&attributes) != 0)
		return false;
	bool good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
		    pthread_cond_init(&cloud->changed, &attributes) == 0;
	pthread_condattr_destroy(&attributes);
	return good && pthread_mutex_init(&cloud->lock, NULL) == 0;
}

static struct cloud *new_cloud(struct err *err)
{
	if (!wiping_curl_init(err))
		return NULL;
	struct cloud *cloud = calloc(1, sizeof *cloud);
	if (!cloud || !init_lock(cloud)) {
		free(cloud);
		curl_global_cleanup();
		err_set(err, REASON_STATION, "no memory for the cloud's sender");
		return NULL;
	}
	cloud->refs = 1;
	return cloud;
}

/* With all signals blocked: they are for the main thread, and a SIGPIPE of a dead connection is
 * for nobody. */
static bool start_thread(struct cloud *cloud, struct err *err)
{
	sigset_t all, before;
	cloud->multi = curl_multi_init();
	if (!cloud->multi)
		return err_set(err, REASON_STATION, "no memory for libcurl");
	curl_multi_setopt(
		cloud->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)cloud->target.in_flight);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&cloud->thread, NULL, sender_run, cloud);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return !failure || err_sys(err, REASON_STATION, failure, "cannot start the cloud's sender");
}

bool cloud_open(const struct config_cloud *target, const struct cloud_journal *journal,
	struct cloud **ret, struct err *err)
{
	struct cloud *cloud = new_cloud(err);
	if (!cloud)
		return false;
	cloud->target = *target;
	cloud->setup.target = &cloud->target;
	if (journal)
		cloud->journal = *journal;
	if (!check_target(cloud, err) || !read_ca(cloud, err) || !read_client(cloud, err) ||
		!token_read(target->token_file, &cloud->setup.token, err) ||
		!start_thread(cloud, err)) {
		cloud_free(cloud);
		return false;
	}
	*ret = cloud;
	return true;
}

void cloud_close(struct cloud *cloud)
{
	if (!cloud)
		return;
	pthread_mutex_lock(&cloud->lock);
	cloud->closing = true;
	curl_multi_wakeup(cloud->multi);
	pthread_mutex_unlock(&cloud->lock);
	pthread_join(cloud->thread, NULL);
	drop_sender(cloud);
	pthread_mutex_lock(&cloud->lock);
	bool last = drop_ref(cloud);
	pthread_mutex_unlock(&cloud->lock);
	if (last)
		cloud_free(cloud);
}

/* What is sent is the key that the fingerprint names, or nothing: the answer is compared by
 * fingerprint. */
static bool check_request(const struct cloud_request *request, struct err *err)
{
	struct public_key key;
	size_t id_len = strspn(request->device_id, "0123456789abcdef");
	if (id_len != CLOUD_DEVICE_ID - 1 || request->device_id[id_len])
		return err_set(err, REASON_BUG,
			"an enrolment needs a device id of 24 lower-case hex digits");
	if (!public_key_from_pem(request->public_key_pem,
		    strnlen(request->public_key_pem, sizeof request->public_key_pem), &key, err))
		return err_at(err, "enrolment of %s", request->device_id);
	if (key.algorithm != request->algorithm ||
		strcmp(key.fingerprint, request->fingerprint) != 0)
		return err_set(err, REASON_BUG, "enrolment of %s: the fingerprint is not the key's",
			request->device_id);
	return true;
}

static bool enqueue(struct cloud *cloud, struct cloud_ticket *ticket, struct err *err)
{
	SCOPED_LOCK(&cloud->lock);
	if (cloud->closing)
		return err_set(err, REASON_BUG, "an enrolment came after the cloud was closed");
	if (cloud->queued >= CLOUD_QUEUE_MAX)
		return err_set(
			err, REASON_STATION, "%d enrolments are waiting already", CLOUD_QUEUE_MAX);
	if (cloud->last_new)
		cloud->last_new->next_new = ticket;
	else
		cloud->first_new = ticket;
	cloud->last_new = ticket;
	cloud->queued++;
	cloud->refs++;
	curl_multi_wakeup(cloud->multi);
	return true;
}

bool cloud_submit(struct cloud *cloud, const struct cloud_request *request,
	struct cloud_ticket **ret, struct err *err)
{
	if (!request->look && !check_request(request, err))
		return false;
	struct cloud_ticket *ticket = calloc(1, sizeof *ticket);
	if (!ticket)
		return err_set(err, REASON_STATION, "no memory for an enrolment");
	ticket->cloud = cloud;
	ticket->request = *request;
	exchange_begin(
		&ticket->exchange, cloud->api, &cloud->target, &cloud->journal, &ticket->request);
	if (!enqueue(cloud, ticket, err)) {
		free(ticket);
		return false;
	}
	*ret = ticket;
	return true;
}

static void cancel_and_wait(struct cloud_ticket *ticket)
{
	struct cloud *cloud = ticket->cloud;
	if (!ticket->done) {
		ticket->cancelled = true;
		curl_multi_wakeup(cloud->multi);
	}
	/* No deadline: the sender ends it at once, after at most the one disk sync that it may
	 * be in. */
	while (!ticket->done)
		pthread_cond_wait(&cloud->changed, &cloud->lock);
}

static void wait_a_little(struct cloud *cloud, struct deadline deadline)
{
	struct deadline poll = deadline_in_ms(CANCEL_POLL_MS);
	struct deadline until = deadline_sooner(deadline, poll);
	struct timespec at = { .tv_sec = (time_t)(until.at_us / 1000000u),
		.tv_nsec = (long)(until.at_us % 1000000u) * 1000 };
	pthread_cond_timedwait(&cloud->changed, &cloud->lock, &at);
}

bool cloud_wait(struct cloud_ticket *ticket, struct deadline deadline, const struct cancel *cancel,
	struct cloud_result *ret, struct err *err)
{
	struct cloud *cloud = ticket->cloud;
	bool stopped = false;
	SCOPED_LOCK(&cloud->lock);
	while (!ticket->done && !deadline_passed(deadline) && !(stopped = cancel_is_set(cancel)))
		wait_a_little(cloud, deadline);
	cancel_and_wait(ticket);
	/* An answer that came while it was being cancelled counts: the journal has it too. */
	if (stopped && ticket->result.reason == REASON_CLOUD_UNREACHABLE)
		return err_set(
			err, REASON_STOPPED, "enrolment of %s: stopped", ticket->request.device_id);
	*ret = ticket->result;
	return true;
}

void cloud_forget(struct cloud_ticket *ticket)
{
	if (!ticket)
		return;
	struct cloud *cloud = ticket->cloud;
	pthread_mutex_lock(&cloud->lock);
	cancel_and_wait(ticket);
	bool last = drop_ref(cloud);
	pthread_mutex_unlock(&cloud->lock);
	free(ticket);
	if (last)
		cloud_free(cloud);
}
