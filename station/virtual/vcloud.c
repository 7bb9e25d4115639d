/* SPDX-License-Identifier: Apache-2.0 */
/* The network side of the virtual cloud: start, stop, and how a request comes in and its reply
 * goes out. One thread per connection, so that a slow reply delays nobody else. */
#include "vcloud.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "scope.h"
#include "secret.h"
#include "text.h"
#include "vcloud_private.h"

enum { CONNECTIONS_MAX = 256, IDLE_S = 30, HEADERS_MEMORY = 32768 };

/* One request on its way in. */
struct incoming {
	enum vcloud_behaviour behaviour;
	bool stranger; /* showed no certificate although one is wanted */
	uint32_t delay_ms;
	struct text_buf body;
};

static enum vcloud_behaviour next_behaviour(struct vcloud *vcloud, uint32_t *ret_delay_ms)
{
	SCOPED_LOCK(&vcloud->lock);
	vcloud->requests++;
	*ret_delay_ms = vcloud->delay_ms;
	if (!vcloud->bad_left)
		return VCLOUD_GOOD;
	if (vcloud->bad_left != UINT32_MAX)
		vcloud->bad_left--;
	return vcloud->behaviour;
}

static enum MHD_Result send_reply(
	struct MHD_Connection *connection, const struct vcloud_reply *reply)
{
	const char *body = reply->body ? reply->body : "";
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	if (reply->etag[0])
		MHD_add_response_header(response, "ETag", reply->etag);
	if (reply->retry_after_s) {
		char seconds[12];
		snprintf(seconds, sizeof seconds, "%u", reply->retry_after_s);
		MHD_add_response_header(response, "Retry-After", seconds);
	}
	enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_text(
	struct MHD_Connection *connection, unsigned status, const char *body)
{
	struct vcloud_reply reply = { .status = status, .body = strdup(body) };
	enum MHD_Result result = reply.body ? send_reply(connection, &reply) : MHD_NO;
	free(reply.body);
	return result;
}

static enum MHD_Result send_busy(const struct vcloud *vcloud, struct MHD_Connection *connection)
{
	struct vcloud_reply reply = { .status = 503,
		.body = strdup("{\"error\":\"busy\"}"),
		.retry_after_s = vcloud->retry_after_s };
	enum MHD_Result result = reply.body ? send_reply(connection, &reply) : MHD_NO;
	free(reply.body);
	return result;
}

/* The TLS of the server asks for a certificate but takes a client without one. */
static bool is_stranger(const struct vcloud *vcloud, struct MHD_Connection *connection)
{
	unsigned faults = 0;
	if (!vcloud->wants_client_certificate)
		return false;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return !info ||
	       gnutls_certificate_verify_peers2((gnutls_session_t)info->tls_session, &faults) !=
		       0 ||
	       faults != 0;
}

static enum MHD_Result serve_well(struct vcloud *vcloud, const struct incoming *incoming,
	struct MHD_Connection *connection, const char *method, const char *path)
{
	struct vcloud_reply reply;
	const char *body = incoming->body.text ? incoming->body.text : "";
	const struct vcloud_request request = {
		.method = method,
		.path = path,
		.authorization =
			MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"),
		.content_type =
			MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type"),
		.if_match = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-Match"),
		.if_none_match =
			MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match"),
		.idempotency_key =
			MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Idempotency-Key"),
		.body = body,
		.body_len = incoming->body.len,
	};
	if (incoming->body.failed)
		return send_text(connection, 413, "{\"error\":\"the body is too long\"}");
	pthread_mutex_lock(&vcloud->lock);
	vcloud_serve(vcloud, incoming->behaviour, &request, &reply);
	pthread_mutex_unlock(&vcloud->lock);
	/* Cut after the work: the client cannot know whether it was done. */
	enum MHD_Result result =
		incoming->behaviour == VCLOUD_CUT ? MHD_NO : send_reply(connection, &reply);
	free(reply.body);
	return result;
}

static enum MHD_Result serve(struct vcloud *vcloud, const struct incoming *incoming,
	struct MHD_Connection *connection, const char *method, const char *path)
{
	if (incoming->stranger)
		return send_text(connection, 403, "{\"error\":\"a client certificate is wanted\"}");
	switch (incoming->behaviour) {
	case VCLOUD_DOWN:
		return MHD_NO;
	case VCLOUD_BUSY:
		return send_busy(vcloud, connection);
	case VCLOUD_REFUSE:
		return send_text(connection, 403, "{\"error\":\"this station may not enrol\"}");
	case VCLOUD_RUBBISH:
		return send_text(connection, 200, "<html>It works!</html>");
	case VCLOUD_ERROR_IN_200:
		return send_text(connection, 200, "{\"error\":\"Permission Denied\"}");
	case VCLOUD_SLOW:
		if (!clock_pause_until(clock_mono_us() + incoming->delay_ms * UINT64_C(1000),
			    &vcloud->stopping))
			return MHD_NO;
		break;
	case VCLOUD_GOOD:
	case VCLOUD_LOSE:
	case VCLOUD_SWAP:
	case VCLOUD_CUT:
	case VCLOUD_REFUSE_NEW:
	case VCLOUD_TAKE_REFUSE:
		break;
	}
	return serve_well(vcloud, incoming, connection, method, path);
}

/* libmicrohttpd calls this once with the headers, then for each piece of the body, then to be
 * answered. */
static enum MHD_Result take_request(void *user, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *bytes, size_t *len, void **state)
{
	struct vcloud *vcloud = user;
	struct incoming *incoming = *state;
	(void)version;
	if (!incoming) {
		incoming = calloc(1, sizeof *incoming);
		if (!incoming)
			return MHD_NO;
		text_buf_init(&incoming->body, VCLOUD_BODY_MAX);
		incoming->behaviour = next_behaviour(vcloud, &incoming->delay_ms);
		incoming->stranger = is_stranger(vcloud, connection);
		*state = incoming;
		return incoming->behaviour == VCLOUD_DOWN ? MHD_NO : MHD_YES;
	}
	if (*len) {
		text_buf_add(&incoming->body, bytes, *len);
		*len = 0;
		return MHD_YES;
	}
	return serve(vcloud, incoming, connection, method, path);
}

static void request_done(void *user, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode why)
{
	struct incoming *incoming = *state;
	(void)user;
	(void)connection;
	(void)why;
	if (!incoming)
		return;
	text_buf_done(&incoming->body);
	free(incoming);
	*state = NULL;
}

static bool start_daemon(
	struct vcloud *vcloud, const struct vcloud_tls *tls, enum vcloud_api api, struct err *err)
{
	/* With an authority for clients the server asks them for a certificate. */
	const struct MHD_OptionItem client_authority[] = {
		{ vcloud->wants_client_certificate ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0,
			tls->ca },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	vcloud->daemon = MHD_start_daemon(MHD_USE_TLS | MHD_USE_THREAD_PER_CONNECTION |
						  MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL,
		0, NULL, NULL, take_request, vcloud, MHD_OPTION_SOCK_ADDR, &address,
		MHD_OPTION_HTTPS_MEM_KEY, tls->private_key, MHD_OPTION_HTTPS_MEM_CERT,
		tls->certificate, MHD_OPTION_HTTPS_PRIORITIES,
		"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_NOTIFY_COMPLETED,
		request_done, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HEADERS_MEMORY, MHD_OPTION_ARRAY, client_authority, MHD_OPTION_END);
	const union MHD_DaemonInfo *info =
		vcloud->daemon ? MHD_get_daemon_info(vcloud->daemon, MHD_DAEMON_INFO_BIND_PORT)
			       : NULL;
	if (!info)
		return err_set(err, REASON_STATION, "the virtual cloud cannot listen on 127.0.0.1");
	snprintf(vcloud->url, sizeof vcloud->url, "https://127.0.0.1:%u%s{device_id}", info->port,
		api == VCLOUD_PARTICLE ? VCLOUD_PARTICLE_PATH : "/v1/keys/");
	return true;
}

static bool make_token(struct vcloud *vcloud, struct err *err)
{
	uint8_t bytes[(VCLOUD_TOKEN - 1) / 2];
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return err_set(err, REASON_STATION, "OpenSSL gives no random bytes");
	bytes_to_hex(bytes, sizeof bytes, vcloud->token);
	secret_wipe(bytes, sizeof bytes);
	return fs_write_atomic(vcloud->token_file, vcloud->token, VCLOUD_TOKEN - 1, 0600, err);
}

static bool make_files(struct vcloud *vcloud, const struct vcloud_options *options,
	struct vcloud_tls *ret, struct err *err)
{
	if (!fs_make_folder(options->folder, 0755, err) ||
		!fs_make_folder(options->secret_folder, 0700, err))
		return false;
	if (!text_copy(vcloud->folder, sizeof vcloud->folder, options->folder))
		return err_set(err, REASON_INPUT, "the path of the virtual cloud is too long");
	if (!fs_join(vcloud->ca_file, options->secret_folder, "ca.pem", err) ||
		!fs_join(vcloud->token_file, options->secret_folder, "token", err) ||
		!fs_join(vcloud->client_cert_file, options->secret_folder, "client.pem", err) ||
		!fs_join(vcloud->client_key_file, options->secret_folder, "client.key", err) ||
		!vcloud_tls_make(ret, err))
		return false;
	if (fs_write_atomic(vcloud->ca_file, ret->ca, strlen(ret->ca), 0644, err) &&
		fs_write_atomic(vcloud->client_cert_file, ret->client_certificate,
			strlen(ret->client_certificate), 0644, err) &&
		fs_write_atomic(vcloud->client_key_file, ret->client_key, strlen(ret->client_key),
			0600, err) &&
		make_token(vcloud, err))
		return true;
	vcloud_tls_done(ret);
	return false;
}

bool vcloud_start(const struct vcloud_options *options, struct vcloud **ret, struct err *err)
{
	struct vcloud_tls tls = { 0 };
	struct vcloud *vcloud = calloc(1, sizeof *vcloud);
	if (!vcloud)
		return err_set(err, REASON_STATION, "no memory for the virtual cloud");
	pthread_mutex_init(&vcloud->lock, NULL);
	vcloud->behaviour = options->behaviour;
	vcloud->delay_ms = options->delay_ms;
	vcloud->bad_left = options->good_after ? options->good_after : UINT32_MAX;
	vcloud->retry_after_s = options->retry_after_s;
	vcloud->wants_client_certificate = options->wants_client_certificate;
	bool good = make_files(vcloud, options, &tls, err) &&
		    start_daemon(vcloud, &tls, options->api, err);
	vcloud_tls_done(&tls);
	if (!good) {
		vcloud_stop(vcloud);
		return false;
	}
	*ret = vcloud;
	return true;
}

void vcloud_stop(struct vcloud *vcloud)
{
	if (!vcloud)
		return;
	cancel_set(&vcloud->stopping);
	if (vcloud->daemon)
		MHD_stop_daemon(vcloud->daemon);
	pthread_mutex_destroy(&vcloud->lock);
	secret_wipe(vcloud, sizeof *vcloud);
	free(vcloud);
}

const char *vcloud_url(const struct vcloud *vcloud)
{
	return vcloud->url;
}

const char *vcloud_ca_file(const struct vcloud *vcloud)
{
	return vcloud->ca_file;
}

const char *vcloud_token_file(const struct vcloud *vcloud)
{
	return vcloud->token_file;
}

const char *vcloud_client_cert_file(const struct vcloud *vcloud)
{
	return vcloud->client_cert_file;
}

const char *vcloud_client_key_file(const struct vcloud *vcloud)
{
	return vcloud->client_key_file;
}

void vcloud_behave(struct vcloud *vcloud, enum vcloud_behaviour behaviour, uint32_t delay_ms)
{
	SCOPED_LOCK(&vcloud->lock);
	vcloud->behaviour = behaviour;
	vcloud->delay_ms = delay_ms;
	vcloud->bad_left = UINT32_MAX;
}

void vcloud_want_rsa(struct vcloud *vcloud)
{
	SCOPED_LOCK(&vcloud->lock);
	vcloud->rsa_only = true;
}

uint32_t vcloud_requests(const struct vcloud *vcloud)
{
	struct vcloud *locked = (struct vcloud *)(uintptr_t)vcloud;
	SCOPED_LOCK(&locked->lock);
	return locked->requests;
}
