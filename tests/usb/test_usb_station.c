/* SPDX-License-Identifier: Apache-2.0 */
/* What the station does to a unit, by way of the real libusb: a DFU session, an image, a key slot,
 * the readback, the leave. The judge is the unit's memory file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <pthread.h>

#include "usb_rig.h"
#include "usb_session.h"

enum { UNITS = 4 };

static struct session *session_new(struct rig *rig, const struct session_work *work, unsigned port)
{
	struct session *session = calloc(1, sizeof *session);
	char path[256], name[16];
	struct err err;
	assert_non_null(session);
	snprintf(path, sizeof path, SOURCE_DIR "/config/families/%s.cfg", work->family);
	if (!session_prepare(session, rig->bus, work, path, port, &err))
		fail_msg("%s", err.text);
	rig_plug(rig, port, work == &session_core ? VUNIT_CORE : VUNIT_PHOTON, true);
	snprintf(name, sizeof name, "1-%u", port);
	session->ident = rig_await(rig, name, 0, 0);
	return session;
}

static void assert_file(struct rig *rig, unsigned port, const char *name, uint32_t offset,
	const void *expected, size_t len)
{
	uint8_t found[SESSION_IMAGE_LEN];
	char path[160];
	rig_path(rig, port, name, path);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	assert_int_equal(fread(found, 1, len, file), len);
	fclose(file);
	assert_memory_equal(found, expected, len);
}

static void assert_memory(struct rig *rig, unsigned port, const struct session *session)
{
	const struct family_key_slot *slot = family_key_slot(&session->family, "device-rsa");
	const struct session_work *work = session->work;
	if (!session->good)
		fail_msg("port %u: %s", port, session->err.text);
	assert_file(rig, port, "alt0.bin", work->file_image, session->image, SESSION_IMAGE_LEN);
	assert_file(rig, port, "alt1.bin", work->file_key, session->key, slot->format.size);
	printf("%s: %u transfers in %u ms\n", work->family, session->counters.transfers,
		(unsigned)(session->took_us / 1000));
}

static void one_unit(const struct session_work *work, double speed)
{
	struct rig *rig = rig_new(speed);
	struct session *session = session_new(rig, work, 1);
	session_run(session);
	assert_memory(rig, 1, session);
	if (work->running.product_id)
		rig_await(rig, "1-1", session->ident.arrival, work->running.product_id);
	free(session);
	rig_done(rig);
}

static void a_core_takes_image_and_key(void **state)
{
	(void)state;
	one_unit(&session_core, 0);
}

static void a_photon_takes_image_and_key_and_runs(void **state)
{
	(void)state;
	one_unit(&session_photon, 0);
}

static void a_photon_at_its_real_speed_takes_image_and_key(void **state)
{
	(void)state;
	one_unit(&session_photon, 1);
}

static void units_of_both_kinds_at_once(void **state)
{
	struct rig *rig = rig_new(0);
	struct session *sessions[UNITS];
	pthread_t threads[UNITS];
	(void)state;
	for (unsigned i = 0; i < UNITS; i++)
		sessions[i] = session_new(rig, i % 2 ? &session_core : &session_photon, i + 1);
	for (unsigned i = 0; i < UNITS; i++)
		pthread_create(&threads[i], NULL, session_run, sessions[i]);
	for (unsigned i = 0; i < UNITS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < UNITS; i++) {
		assert_memory(rig, i + 1, sessions[i]);
		free(sessions[i]);
	}
	rig_done(rig);
}

static void *pull_out(void *argument)
{
	struct rig *rig = argument;
	usleep(150000);
	umock_unplug(rig->umock, 1);
	return NULL;
}

/* At its real speed the erase alone takes longer than that. */
static void a_unit_pulled_out_of_its_session_is_gone(void **state)
{
	struct rig *rig = rig_new(1);
	struct session *session = session_new(rig, &session_photon, 1);
	pthread_t thread;
	(void)state;
	pthread_create(&thread, NULL, pull_out, rig);
	session_run(session);
	pthread_join(thread, NULL);
	assert_false(session->good);
	assert_int_equal(session->err.reason, REASON_USB_GONE);
	free(session);
	rig_done(rig);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_core_takes_image_and_key),
		cmocka_unit_test(a_photon_takes_image_and_key_and_runs),
		cmocka_unit_test(a_photon_at_its_real_speed_takes_image_and_key),
		cmocka_unit_test(units_of_both_kinds_at_once),
		cmocka_unit_test(a_unit_pulled_out_of_its_session_is_gone),
	};
	if (!umock_preload(argv))
		return 77;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
