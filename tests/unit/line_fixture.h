/* SPDX-License-Identifier: Apache-2.0 */
/* A whole line in a folder of its own: virtual units, a virtual cloud, a plan with small images, the record, and a bus
 * that can be made to fail. Used by the tests of the line and by the sweeps.
 *
 * Failures of the fixture itself fail the running cmocka test. The sqlite3 library is the foreign eye on the record;
 * the files of the units and of the cloud are compared with the plan without asking the station. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs.h"
#include "line.h"
#include "plan.h"
#include "usb_fault.h"
#include "vbus.h"
#include "vcloud.h"

enum { BENCH_SLOTS_MAX = 8, BENCH_ALTS_MAX = 4, BENCH_EVENTS_MAX = 4096, BENCH_TEXT_MAX = 1024 };
/* Unit BENCH_TWIN + n has the same device id as unit n. */
enum { BENCH_TWIN = 1000000 };

/* What may differ between jobs; zero is the usual job: every part, new keys, enrolment, two retries, no limits. */
struct bench_job {
	unsigned edition; /* of the images; 0 and 1 are the same */
	bool no_parts;	  /* Photon, P1: without system parts */
	bool bootloader;  /* Photon, P1: with a staged one */
	uint16_t needs_bootloader; /* of this version: the application does; 0 = none */
	bool serial_flash; /* P1: with an image there */
	bool no_factory;
	bool staged;	  /* Core: a radio patch runs first */
	bool independent; /* the application needs no system part */
	const char *host; /* of the server key; NULL = device.example.com */
	bool keep_valid, changed, runs;
	bool no_retries;
	const char *reprovision; /* of that group; NULL: "backup = false;" */
	struct job_limits limits; /* zero: attempts_per_unit 1000, attempt_timeout_ms 600000, the rest off */
};

struct bench_run {
	enum line_kind kind;
	uint32_t quantity;
	const char *work_order;	 /* NULL = none */
	unsigned end_after;	 /* slots with an outcome; 0: all that hold a unit */
	bool until_stopped;	 /* instead of end_after */
	bool rework, no_scan;
	bool asks, waits_long;	 /* what cannot be undone is asked, for half a second or long; otherwise allowed */
};

struct line_bench {
	char folder[128];
	const char *family;
	bool owns_folder;
	unsigned slots;
	struct config config;
	struct vcloud *vcloud; /* NULL: another process has it */
	char cloud_url[256], cloud_ca_file[FS_PATH_MAX], cloud_token_file[FS_PATH_MAX];
	struct vbus *vbus;
	struct usb_fault *fault;
	struct record *record;
	unsigned recovered;
	struct plan *plan;
	struct line *line;
	unsigned plugged[BENCH_SLOTS_MAX]; /* the unit's number; 0: empty */
	struct vunit *units[BENCH_SLOTS_MAX]; /* of the vbus; not to be used while the line runs */
	/* Of the last run. */
	struct line_summary summary;
	struct err err;
	bool good, running;
	pthread_t runner;
	/* Called for each event, under no lock of the fixture, in the line's thread. */
	void (*watch)(struct line_bench *bench, const struct line_event *event);
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct line_event *events; /* without LINE_PROGRESS; since the last run began */
	size_t event_count;
};

/* --- the bench --- */

/* Folder, cloud, record and bus; no unit yet. slots are named A1... at ports 1-1... */
void bench_open(struct line_bench *bench, const char *family, unsigned slots);
/* The same in a folder that exists already, with the cloud of another process. */
void bench_open_in(struct line_bench *bench, const char *family, unsigned slots, const char *folder,
	const char *cloud_url);
void bench_close(struct line_bench *bench); /* and removes the folder, if bench_open made it */
void bench_record_reopen(struct line_bench *bench); /* as the next start of the station does */
/* Makes the job current. Short waits for units that never come back. */
void bench_take_job(struct line_bench *bench, const struct bench_job *job);

/* --- units: by number, from 1 --- */

void bench_unit_id(unsigned unit, char ret[LINE_DEVICE_ID]);
/* How many memories the units of this family have. */
uint8_t bench_alts(const struct line_bench *bench);
/* Fresh, with something in the bytes beside its key slots. Remembers its memory for bench_judge. */
void bench_unit_new(struct line_bench *bench, unsigned unit, enum vunit_bootloader bootloader, bool no_parts);
void bench_unit_drop(struct line_bench *bench, unsigned unit); /* not plugged in; frees the disk */
void bench_plug(struct line_bench *bench, unsigned slot, unsigned unit, bool button);
void bench_unplug(struct line_bench *bench, unsigned slot);
void bench_slot_name(unsigned slot, char ret[CONFIG_NAME_MAX]); /* 0 is "A1" */
const char *bench_port(const struct line_bench *bench, unsigned slot);
/* The file of an alternate setting. Heap. */
uint8_t *bench_memory(const struct line_bench *bench, unsigned unit, uint8_t alt, size_t *ret_len);
/* Changes one byte behind the station's back: XORs it, or sets it; also while the unit is in work. */
void bench_damage(const struct line_bench *bench, unsigned unit, uint8_t alt, size_t offset);
void bench_poke(const struct line_bench *bench, unsigned unit, uint8_t alt, size_t offset, uint8_t byte);

/* --- running --- */

/* Scans the labels of the units and runs to the end; false, and the reason in bench->err, if the line could not. */
bool bench_run(struct line_bench *bench, const struct bench_run *run);
/* The same in a thread; bench_join waits for it. */
void bench_start(struct line_bench *bench, const struct bench_run *run);
bool bench_join(struct line_bench *bench);
/* Waits until count events of a kind were seen in this run; false after timeout_ms. */
bool bench_await(struct line_bench *bench, enum line_event_kind kind, unsigned count, unsigned timeout_ms);
unsigned bench_count(struct line_bench *bench, enum line_event_kind kind);
/* The latest outcome at a slot in this run; kind is LINE_OUTCOME, or the event is all zero. */
struct line_event bench_outcome(struct line_bench *bench, unsigned slot);

/* Fails the test unless the latest outcome at the slot is this. */
void bench_expect(struct line_bench *bench, unsigned slot, enum outcome outcome, enum reason reason);

/* --- judging --- */

/* First column of the first row, through a connection of its own; "" for NULL and for no row. */
void bench_sql(const struct line_bench *bench, char *to, size_t cap, const char *format, ...) PRINTF_LIKE(4, 5);
int64_t bench_sql_int(const struct line_bench *bench, const char *format, ...) PRINTF_LIKE(2, 3);
/* Does the unit hold exactly the plan, does its key belong to what the cloud and the record hold, and is everything
 * else of its memory as it was? Says in why what is not. The unit is not plugged in. */
bool bench_judge_made(const struct line_bench *bench, unsigned unit, char why[BENCH_TEXT_MAX]);
/* Takes the unit of a slot out; fails the test unless it was made and all of the record is sound. */
void bench_expect_made(struct line_bench *bench, unsigned slot);
/* Is what the record says of every attempt borne out: nothing open, an outcome with a reason, PASS with an acknowledged
 * enrolment of its own key? */
bool bench_judge_record(const struct line_bench *bench, char why[BENCH_TEXT_MAX]);
/* Is everything beside the plan's places as it was, whatever became of the attempt? */
bool bench_judge_beside(const struct line_bench *bench, unsigned unit, char why[BENCH_TEXT_MAX]);
/* Fails the test unless all of its memory is as bench_unit_new left it. */
void bench_expect_untouched(const struct line_bench *bench, unsigned unit);
