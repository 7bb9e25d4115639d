/* SPDX-License-Identifier: Apache-2.0 */
/* The station is killed at each commit and at each transfer in turn. The next start finds the attempt INTERRUPTED and
 * makes the unit; a key that is on the unit by then, and that the record knows, is resumed and not replaced.
 *
 * The station that dies is a child of its own: this program again, with "child" as its first argument. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing_disk.h"
#include "keyslot.h"
#include "scope.h"
#include "sweep.h"

enum how { BEFORE_COMMIT, AFTER_COMMIT, AT_TRANSFER, HOW_COUNT };

static const char *const how_names[] = { "before commit", "after commit", "at transfer" };

static void die(void)
{
	raise(SIGKILL);
}

static void die_at_transfer(void *context, const char *port)
{
	(void)context;
	(void)port;
	die();
}

/* --- the child --- */

static void add_death(struct line_bench *bench, enum how how, unsigned at)
{
	struct usb_fault_rule rule = {
		.kind = USB_FAULT_UNPLUG, .request = USB_FAULT_ANY_REQUEST, .at = at
	};
	struct err err;
	snprintf(rule.port, sizeof rule.port, "%s", bench_port(bench, 0));
	usb_fault_on_unplug(bench->fault, die_at_transfer, NULL);
	if (how != AT_TRANSFER)
		failing_disk_arm(
			at, false, how == BEFORE_COMMIT ? DISK_FULL : DISK_SYNC_FAILS, die);
	else if (!usb_fault_add(bench->fault, &rule, &err))
		_exit(2);
}

/* family folder cloud-url unit how at */
static int run_child(char **arguments)
{
	static struct line_bench bench;
	struct bench_run run = { 0 };
	bool returned;
	bench_open_in(&bench, sweep_returned_family(arguments[0], &returned), 1, arguments[1],
		arguments[2]);
	bench_take_job(&bench, sweep_job(bench.family));
	bench_plug(&bench, 0, (unsigned)strtoul(arguments[3], NULL, 10), true);
	add_death(&bench, (enum how)strtoul(arguments[4], NULL, 10),
		(unsigned)strtoul(arguments[5], NULL, 10));
	run.kind = returned ? LINE_REPROVISION : LINE_PROVISION;
	bool good = bench_run(&bench, &run);
	struct line_event outcome = bench_outcome(&bench, 0);
	bench_close(&bench);
	return good && outcome.outcome == OUTCOME_PASS ? 0 : 1;
}

/* --- the parent --- */

/* False if it was not killed. */
static bool run_station(struct sweep *sweep, unsigned unit, enum how how, unsigned at)
{
	struct line_bench *bench = &sweep->bench;
	char program[] = "/proc/self/exe", child[] = "child", numbers[3][16];
	char family[32];
	snprintf(family, sizeof family, "%s%s", sweep->returned ? "returned-" : "", bench->family);
	snprintf(numbers[0], sizeof numbers[0], "%u", unit);
	snprintf(numbers[1], sizeof numbers[1], "%d", (int)how);
	snprintf(numbers[2], sizeof numbers[2], "%u", at);
	char *arguments[] = { program, child, family, bench->folder, bench->cloud_url, numbers[0],
		numbers[1], numbers[2], NULL };
	pid_t pid;
	int status = 0;
	if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0 ||
		waitpid(pid, &status, 0) != pid)
		fail_msg("cannot start a station: %s", strerror(errno));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		sweep_found(
			sweep, how_names[how], "%u: the station ended with status %d", at, status);
	return false;
}

/* The intent to write a key is durable before its first byte is written. Not looked at where a fresh unit's firmware
 * makes itself one. */
static void judge_known(struct sweep *sweep, const char *where, const char *id, const char *key)
{
	bool makes_keys = !sweep->returned && strcmp(sweep->bench.family, "core") != 0;
	if (!makes_keys &&
		!bench_sql_int(&sweep->bench,
			"SELECT count(*) FROM device_key WHERE device_id = '%s' AND fingerprint = '%s'",
			id, key))
		sweep_found(sweep, where, "the key %.12s is on the unit, and nobody knows of it", key);
}

/* The fingerprint of the key on the unit if the record knows it and the attempt was cut off; otherwise "". */
static void key_to_resume(
	struct sweep *sweep, const char *where, unsigned unit, char ret[KEY_FINGERPRINT])
{
	const struct line_bench *bench = &sweep->bench;
	const struct family_key_slot *slot = bench->plan->device_key.slot;
	char id[LINE_DEVICE_ID], outcome[32];
	struct err err;
	size_t len = 0;
	SCOPED_FREE uint8_t *memory = bench_memory(bench, unit, slot->alt, &len);
	SCOPED_KEYPAIR struct keypair *keypair = NULL;
	ret[0] = 0;
	bench_unit_id(unit, id);
	if (!keyslot_parse_device(
		    &slot->format, memory + slot->addr, slot->format.size, &keypair, &err))
		return;
	judge_known(sweep, where, id, keypair_public(keypair)->fingerprint);
	bench_sql(bench, outcome, sizeof outcome,
		"SELECT outcome FROM attempt WHERE device_id = '%s' ORDER BY passage DESC LIMIT 1",
		id);
	if (strcmp(outcome, "INTERRUPTED") == 0)
		bench_sql(bench, ret, KEY_FINGERPRINT,
			"SELECT k.fingerprint FROM device_key k JOIN attempt a ON a.id = k.attempt_id "
			"WHERE k.device_id = '%s' AND k.fingerprint = '%s' AND a.outcome = "
			"'INTERRUPTED'",
			id, keypair_public(keypair)->fingerprint);
}

static void judge_resumed(struct sweep *sweep, const char *where, unsigned unit, const char *key)
{
	char id[LINE_DEVICE_ID], now[KEY_FINGERPRINT];
	bench_unit_id(unit, id);
	bench_sql(&sweep->bench, now, sizeof now,
		"SELECT key_fingerprint FROM attempt WHERE device_id = '%s' AND outcome = 'PASS' ORDER BY "
		"passage DESC LIMIT 1",
		id);
	if (key[0] && strcmp(key, now) != 0)
		sweep_found(
			sweep, where, "the key %.12s was on the unit, and is now %.12s", key, now);
}

/* False if the run was over before. */
static bool try_death(struct sweep *sweep, enum how how, unsigned at)
{
	struct line_bench *bench = &sweep->bench;
	struct sweep_try *try =
		sweep_add(sweep, "%s, killed %s %u", bench->family, how_names[how], at);
	char where[sizeof try->where], why[BENCH_TEXT_MAX], key[KEY_FINGERPRINT],
		id[LINE_DEVICE_ID];
	unsigned unit = try->unit;
	memcpy(where, try->where, sizeof where);
	bench_unit_id(unit, id);
	try->loses_neighbours = true;
	if (bench->plugged[0])
		bench_unplug(bench, 0);
	record_close(bench->record);
	bench->record = NULL;
	bool killed = run_station(sweep, unit, how, at);
	bench_record_reopen(bench);
	bool pass =
		bench_sql_int(bench,
			"SELECT count(*) FROM attempt WHERE device_id = '%s' AND outcome = 'PASS' AND "
			"kind = '%s'",
			id, sweep->returned ? "reprovision" : "provision") != 0;
	try->outcome.outcome = pass ? OUTCOME_PASS : OUTCOME_INTERRUPTED;
	sweep->runs++;
	sweep->passes += pass;
	sweep->reasons[REASON_STATION_DIED] += !pass;
	if (pass && !bench_judge_made(bench, unit, why))
		sweep_found(sweep, where, "PASS in the record, but %s", why);
	if (bench_sql_int(bench, "SELECT count(*) FROM batch WHERE ended_at IS NULL"))
		sweep_found(sweep, where, "a batch is open");
	key_to_resume(sweep, where, unit, key);
	sweep->resumed += key[0] != 0;
	sweep_converge(sweep);
	judge_resumed(sweep, where, unit, key);
	return killed;
}

static void sweep_family(const char *name)
{
	struct sweep sweep;
	sweep_open(&sweep, name, 1);
	for (int how = 0; how < HOW_COUNT; how++) {
		unsigned at = 0, stride = how == AT_TRANSFER ? sweep_setting("SWEEP_STRIDE", 1) : 1;
		while (sweep_goes_on(&sweep) && try_death(&sweep, (enum how)how, at))
			at += stride;
		printf("%s: up to %u\n", how_names[how], at);
		assert_true(at > 20);
	}
	printf("%u keys to resume\n", sweep.resumed);
	assert_true(sweep.resumed > 10);
	sweep_close(&sweep);
}

static const char *family = "core";

static void a_unit_is_made_after_the_station_died(void **state)
{
	(void)state;
	sweep_family(family);
}

/* [FAMILY [STRIDE]] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
		a_unit_is_made_after_the_station_died) };
	failing_disk_install();
	if (argc == 8 && strcmp(argv[1], "child") == 0)
		return run_child(argv + 2);
	if (argc > 1)
		family = argv[1];
	if (argc > 2)
		setenv("SWEEP_STRIDE", argv[2], 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
