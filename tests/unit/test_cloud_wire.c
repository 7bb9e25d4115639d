/* SPDX-License-Identifier: Apache-2.0 */
/* USES: cloud vcloud keys config base */
/* LIBS: PkgConfig::openssl PkgConfig::libmicrohttpd */
/* A server that answers from a list, for what the virtual cloud never does. */
#include "cloud_bench.h"

#include <arpa/inet.h>
#include <microhttpd.h>

#include "vcloud_private.h"

struct line {
	unsigned status;
	const char *body;           /* NULL: blanks without end, and no length said */
	const char *header, *value; /* NULL = none */
};

struct wire {
	struct bench bench; /* whose cloud talks to the server below */
	struct MHD_Daemon *daemon;
	struct vcloud_tls tls;
	const struct line *lines; /* the last one is said for ever */
	unsigned line_count;
	unsigned requests, with_token;
	char token[128];
	pthread_mutex_t lock;
};

static ssize_t more_blanks(void *user, uint64_t at, char *to, size_t room)
{
	(void)user, (void)at;
	memset(to, ' ', room);
	return (ssize_t)room;
}

static struct MHD_Response *response_of(const struct line *line)
{
	if (!line->body)
		return MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, 4096, more_blanks, NULL, NULL);
	return MHD_create_response_from_buffer(
		strlen(line->body), (void *)(uintptr_t)line->body, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result say(struct wire *wire, struct MHD_Connection *connection)
{
	const char *given =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	pthread_mutex_lock(&wire->lock);
	unsigned at = wire->requests++;
	wire->with_token += given && strcmp(given + strlen("Bearer "), wire->token) == 0;
	pthread_mutex_unlock(&wire->lock);
	const struct line *line = &wire->lines[at < wire->line_count ? at : wire->line_count - 1];
	struct MHD_Response *response = response_of(line);
	if (line->header)
		MHD_add_response_header(response, line->header, line->value);
	enum MHD_Result result = MHD_queue_response(connection, line->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result take(void *user, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *bytes, size_t *len, void **state)
{
	static int seen;
	(void)path, (void)method, (void)version, (void)bytes;
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*len) {
		*len = 0;
		return MHD_YES;
	}
	return say(user, connection);
}

static void read_token(struct wire *wire)
{
	SCOPED_FREE uint8_t *token = NULL;
	size_t len;
	struct err err;
	must(fs_read(wire->bench.target.token_file, sizeof wire->token, REASON_INPUT, &token, &len,
		     &err),
		&err);
	memcpy(wire->token, token, len + 1);
}

static void wire_start(
	struct wire *wire, const struct line *lines, unsigned count, const char *tls_versions)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct err err;
	*wire = (struct wire){ .lines = lines, .line_count = count };
	pthread_mutex_init(&wire->lock, NULL);
	bench_start(&wire->bench);
	cloud_close(wire->bench.cloud);
	read_token(wire);
	must(vcloud_tls_make(&wire->tls, &err), &err);
	wire->daemon = MHD_start_daemon(MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL,
		NULL, take, wire, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_HTTPS_MEM_KEY,
		wire->tls.private_key, MHD_OPTION_HTTPS_MEM_CERT, wire->tls.certificate,
		MHD_OPTION_HTTPS_PRIORITIES, tls_versions, MHD_OPTION_END);
	assert_non_null(wire->daemon);
	struct config_cloud *target = &wire->bench.target;
	snprintf(target->url, sizeof target->url, "https://localhost:%u/{device_id}",
		MHD_get_daemon_info(wire->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	must(fs_write_atomic(target->ca_file, wire->tls.ca, strlen(wire->tls.ca), 0644, &err),
		&err);
	bench_open(&wire->bench);
}

static void wire_stop(struct wire *wire)
{
	bench_stop(&wire->bench);
	MHD_stop_daemon(wire->daemon);
	vcloud_tls_done(&wire->tls);
	pthread_mutex_destroy(&wire->lock);
}

static struct cloud_result enrol_over(struct wire *wire)
{
	struct cloud_request request = new_request(ID_1, KEY_P256);
	return enrol(&wire->bench, &request);
}

static void a_redirection_is_not_followed(void **state)
{
	static const struct line lines[] = { { 307, "", "Location", "/elsewhere" } };
	struct wire wire;
	(void)state;
	wire_start(&wire, lines, 1, "NORMAL");
	struct cloud_result result = enrol_over(&wire);
	assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	assert_int_equal(result.http_status, 307);
	assert_int_equal(wire.requests, 1);
	wire_stop(&wire);
}

static void assert_too_long(const char *body)
{
	const struct line lines[] = { { 200, body, NULL, NULL } };
	struct wire wire;
	wire_start(&wire, lines, 1, "NORMAL");
	struct cloud_result result = enrol_over(&wire);
	assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	assert_non_null(strstr(result.text, "longer than 65536"));
	wire_stop(&wire);
}

static void an_answer_that_is_too_long_is_cut(void **state)
{
	static char body[70001];
	(void)state;
	memset(body, ' ', sizeof body - 1);
	assert_too_long(body);
}

static void an_answer_without_end_is_cut(void **state)
{
	(void)state;
	assert_too_long(NULL);
}

static void retry_after_is_waited_for(void **state)
{
	static const struct line lines[] = { { 503, "", "Retry-After", "2" },
		{ 403, "", NULL, NULL } };
	struct wire wire;
	(void)state;
	wire_start(&wire, lines, 2, "NORMAL");
	uint64_t before_us = clock_mono_us();
	struct cloud_result result = enrol_over(&wire);
	assert_in_range(clock_mono_us() - before_us, 2000000, 10000000);
	assert_result(&result, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
	wire_stop(&wire);
}

static void the_token_goes_out_and_does_not_come_back(void **state)
{
	char body[300];
	const struct line lines[] = { { 401, body, NULL, NULL } };
	struct wire wire;
	(void)state;
	wire_start(&wire, lines, 1, "NORMAL");
	snprintf(body, sizeof body, "{\"error\":\"who is Bearer %s?\"}", wire.token);
	struct cloud_result result = enrol_over(&wire);
	assert_result(&result, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
	assert_int_equal(wire.with_token, 1);
	assert_non_null(strstr(result.text, "who is Bearer *****"));
	wire_stop(&wire);
}

static void a_key_that_cannot_be_read_back_is_held(void **state)
{
	static const struct line lines[] = { { 201, "", NULL, NULL }, { 503, "", NULL, NULL } };
	struct wire wire;
	(void)state;
	wire_start(&wire, lines, 2, "NORMAL");
	struct cloud_result result = enrol_over(&wire);
	assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	assert_non_null(strstr(result.text, "took the key"));
	assert_int_equal(result.tries, 1);
	assert_int_equal(wire.requests, 3);
	wire_stop(&wire);
}

static void old_tls_is_not_spoken(void **state)
{
	static const struct line lines[] = { { 403, "", NULL, NULL } };
	struct wire wire;
	(void)state;
	wire_start(&wire, lines, 1, "NORMAL:-VERS-ALL:+VERS-TLS1.1");
	struct cloud_result result = enrol_over(&wire);
	assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	assert_int_equal(wire.requests, 0);
	wire_stop(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_redirection_is_not_followed),
		cmocka_unit_test(an_answer_that_is_too_long_is_cut),
		cmocka_unit_test(an_answer_without_end_is_cut),
		cmocka_unit_test(retry_after_is_waited_for),
		cmocka_unit_test(the_token_goes_out_and_does_not_come_back),
		cmocka_unit_test(a_key_that_cannot_be_read_back_is_held),
		cmocka_unit_test(old_tls_is_not_spoken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
