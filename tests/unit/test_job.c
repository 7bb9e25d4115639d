/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs.h"
#include "job.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void parse(const char *text, struct job *job)
{
	struct err err;
	if (!job_parse("/jobs/x.cfg", text, strlen(text), job, &err))
		fail_msg("%s", err.text);
}

static void smallest_job_has_the_defaults(void **state)
{
	(void)state;
	struct job job;
	parse("job : {\n name = \"n\"; family = \"core\";\n images = (\n"
	      "  { region = \"user\"; file = \"a.bin\"; }\n );\n};\n",
		&job);
	assert_string_equal(job.name, "n");
	assert_string_equal(job.family, "core");
	assert_int_equal(job.family_line, 2);
	assert_int_equal(job.image_count, 1);
	assert_string_equal(job.images[0].region, "user");
	assert_string_equal(job.images[0].file, "/jobs/a.bin");
	assert_string_equal(job.images[0].sha256, "");
	assert_int_equal(job.images[0].line, 4);
	assert_int_equal(job.images[0].stage, 0);
	assert_int_equal(job.stage_count, 1);
	assert_int_equal(job.quantity, 0);
	assert_false(job.device_key.wanted || job.server_key.wanted || job.enrol.wanted);
	assert_int_equal(job.write, WRITE_ALWAYS);
	assert_int_equal(job.after, AFTER_LEAVE);
	assert_int_equal(job.limits.retries, 2);
	assert_int_equal(job.limits.attempt_timeout_ms, 600000);
	assert_int_equal(job.limits.min_yield_units, 20);
	job_done(&job);
}

static void every_key_is_read(void **state)
{
	(void)state;
	struct job job;
	parse("job : { name = \"n\"; family = \"core\"; part_number = \"P\"; part_revision = "
	      "\"R\"; quantity = 7;\n"
	      "images = ( { region = \"user\"; file = \"/b.bin\"; sha256 = \"" A64 "\"; } );\n"
	      "device_key : { slot = \"d\"; policy = \"keep-valid\"; };\n"
	      "server_key : { slot = \"s\"; file = \"k.der\"; host = \"h.example\"; port = 99; };\n"
	      "enrol : { cloud = \"c\"; product_id = \"42\"; };\n"
	      "write = \"changed\"; after = \"runs\";\n"
	      "limits : { retries = 0; attempts_per_unit = 9; attempt_timeout_ms = 5000; "
	      "stop_after_failures = 0;\n"
	      " slot_stop_after = 1; min_yield = 0.5; min_yield_units = 3; }; };",
		&job);
	assert_string_equal(job.part_number, "P");
	assert_string_equal(job.part_revision, "R");
	assert_int_equal(job.quantity, 7);
	assert_string_equal(job.images[0].sha256, A64);
	assert_int_equal(job.device_key.policy, KEY_POLICY_KEEP_VALID);
	assert_int_equal(job.device_key.line, 3);
	assert_string_equal(job.server_key.file, "/jobs/k.der");
	assert_string_equal(job.server_key.address.host, "h.example");
	assert_int_equal(job.server_key.address.port, 99);
	assert_int_equal(job.enrol.line, 5);
	assert_string_equal(job.enrol.product_id, "42");
	assert_int_equal(job.write, WRITE_CHANGED);
	assert_int_equal(job.after, AFTER_RUNS);
	assert_int_equal(job.limits.retries, 0);
	assert_int_equal(job.limits.attempts_per_unit, 9);
	assert_true(job.limits.min_yield > 0.49 && job.limits.min_yield < 0.51);
	job_done(&job);
}

#define STAGE(rest) "{ images = ( { region = \"u\"; file = \"f\"; } );" rest " }"
#define STAGES(first) "name = \"n\";\nfamily = \"core\";\nstages = (\n" first ",\n" STAGE("") " );"

static void stages_are_read(void **state)
{
	(void)state;
	struct job job;
	parse("job : { name = \"n\"; family = \"core\";\nstages = (\n"
	      "{ images = ( { region = \"user\"; file = \"a\"; }, { region = \"ota\"; file = "
	      "\"b\"; } );\n"
	      " runs = \"radio 1.14\"; comes_back = \"by-itself\"; run_ms = 500; deadline_ms = "
	      "9000; },\n"
	      "{ runs = \"data\"; comes_back = \"operator\"; run_ms = 1; deadline_ms = 1000;\n"
	      " tell = \"press it\"; images = ( { region = \"user\"; file = \"c\"; } ); },\n"
	      "{ images = ( { region = \"user\"; file = \"d\"; } ); } ); };",
		&job);
	assert_int_equal(job.stage_count, 3);
	assert_int_equal(job.image_count, 4);
	static const unsigned of_stage[] = { 0, 0, 1, 2 };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(job.images[i].stage, of_stage[i]);
	assert_string_equal(job.images[2].file, "/jobs/c");
	assert_string_equal(job.stages[0].runs, "radio 1.14");
	assert_int_equal(job.stages[0].comes_back, RETURN_BY_ITSELF);
	assert_int_equal(job.stages[0].run_ms, 500);
	assert_int_equal(job.stages[0].deadline_ms, 9000);
	assert_int_equal(job.stages[0].line, 3);
	assert_int_equal(job.stages[1].comes_back, RETURN_OPERATOR);
	assert_string_equal(job.stages[1].tell, "press it");
	assert_int_equal(job.stages[2].line, 7);
	job_done(&job);
}

#define RETURNING(text) \
	"name = \"n\"; family = \"core\"; images = ( { region = \"u\"; file = \"f\"; } );\n" text

static void what_is_said_of_returned_units_is_read(void **state)
{
	(void)state;
	struct job job;
	parse("job : {" RETURNING("") "};", &job);
	assert_int_equal(job.returns.backup.recipient_count, 0);
	assert_int_equal(job.returns.backup.keep_days, 365);
	assert_int_equal(job.returns.reprovision.images, RETURNS_KEEP);
	assert_int_equal(job.returns.reprovision.device_key, RETURNS_RENEW);
	assert_int_equal(job.returns.reprovision.server_key, RETURNS_KEEP);
	assert_int_equal(job.returns.reprovision.customer, RETURNS_RENEW);
	assert_true(job.returns.reprovision.backup);
	assert_int_equal(job.returns.reprovision.allow, 0);
	job_done(&job);
	parse("job : {" RETURNING(
		      "backup : { recipients = ( { file = \"q.pem\"; sha256 = \"" A64 "\"; },\n"
		      "{ file = \"/r.pem\"; } ); keep_days = 0; };\n"
		      "reprovision : { images = \"always\"; device_key = \"keep-valid\";\n"
		      "server_key = \"new\"; customer_data = \"keep\"; backup = false;\n"
		      "allow = [ \"no-backup\", \"replace-device-key\" ]; };") "};",
		&job);
	assert_int_equal(job.returns.backup.recipient_count, 2);
	assert_string_equal(job.returns.backup.recipients[0].file, "/jobs/q.pem");
	assert_string_equal(job.returns.backup.recipients[0].sha256, A64);
	assert_string_equal(job.returns.backup.recipients[1].sha256, "");
	assert_int_equal(job.returns.backup.recipients[1].line, 3);
	assert_int_equal(job.returns.backup.keep_days, 0);
	assert_int_equal(job.returns.reprovision.images, RETURNS_RENEW);
	assert_int_equal(job.returns.reprovision.device_key, RETURNS_KEEP);
	assert_int_equal(job.returns.reprovision.server_key, RETURNS_RENEW);
	assert_int_equal(job.returns.reprovision.customer, RETURNS_KEEP);
	assert_false(job.returns.reprovision.backup);
	assert_int_equal(job.returns.reprovision.allow, ACT_NO_BACKUP | ACT_REPLACE_DEVICE_KEY);
	job_done(&job);
}

static void mistakes_are_refused_with_their_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *fragment;
	} cases[] = {
		{ "name = \"n\";\nfamily = \"core\";", "images" },
		{ "name = \"n\";\nfamily = \"core\";\nimages = ();", "x.cfg:4" },
		{ "name = \"\";\nfamily = \"core\";\nimages = ( { region = \"u\"; file = \"f\"; } "
		  ");",
			"x.cfg:2" },
		{ "name = \"n\";\nfamily = \"../core\";\nimages = ( { region = \"u\"; file = "
		  "\"f\"; } );",
			"x.cfg:3" },
		{ "name = \"n\";\nfamily = \"core\";\nimages = ( { region = \"u\"; file = \"f\"; "
		  "sha256 = \"zz\"; } );",
			"64 hexadecimal" },
		{ "name = \"n\";\nfamily = \"core\";\nimages = ( { region = \"u\"; } );", "file" },
		{ "name = \"n\";\nfamily = \"core\";\nquantity = -1;\nimages = ( { region = \"u\"; "
		  "file = \"f\"; } );",
			"x.cfg:4" },
		{ "name = \"n\";\nfamily = \"core\";\nimages = ( { region = \"u\"; file = \"f\"; } "
		  ");\nqantity = 1;",
			"x.cfg:5" },
		{ "name = \"n\";\nfamily = \"core\";\nimages = ( { region = \"u\"; file = \"f\"; } "
		  ");\nwrite = \"no\";",
			"x.cfg:5" },
		{ "name = \"n\";\nfamily = \"core\";\nimages = ( { region = \"u\"; file = \"f\"; } "
		  ");\n"
		  "server_key : { slot = \"s\"; file = \"k\"; port = 5; };",
			"without a host" },
		{ "name = \"n\";\nfamily = \"core\";\nimages = ( { region = \"u\"; file = \"f\"; } "
		  ");\n"
		  "limits : { min_yield = 2; };",
			"min_yield" },
		{ RETURNING("backup : { keep_days = 1; };"), "recipients" },
		{ RETURNING("backup : { recipients = (); };"),
			"x.cfg:3: job.backup.recipients: names nobody" },
		{ RETURNING("backup : { recipients = ( { file = \"q\"; sha256 = "
			    "\"12\"; } ); };"),
			"64 hexadecimal" },
		{ RETURNING("backup : { recipients = ( { file = \"q\"; } ); keep_days = -1; };"),
			"keep_days" },
		{ RETURNING("reprovision : { allow = [ \"all\" ]; };"), "\"all\" is none of" },
		{ RETURNING("reprovision : { images = \"some\"; };"), "images" },
		{ "name = \"n\";\nfamily = \"core\";\nstages = ();", "names no stage" },
		{ STAGES(STAGE("")), "runs" },
		{ STAGES(STAGE(
			  "runs = \"r\"; comes_back = \"touch\"; run_ms = 1; deadline_ms = 1000;"))
		  "\nimages = ( { region = \"u\"; file = \"f\"; } );",
			"x.cfg:7: job.images: stands beside stages" },
		{ STAGES(STAGE(
			  "runs = \"\"; comes_back = \"touch\"; run_ms = 1; deadline_ms = 1000;")),
			"x.cfg:5: job.stages[0].runs: is empty" },
		{ STAGES(STAGE("runs = \"a\xc3\xa4\"; comes_back = \"touch\"; run_ms = 1; "
			       "deadline_ms = 1000;")),
			"printable" },
		{ STAGES(STAGE(
			  "runs = \"r\"; comes_back = \"maybe\"; run_ms = 1; deadline_ms = 1000;")),
			"by-itself" },
		{ STAGES(STAGE("runs = \"r\"; comes_back = \"touch\"; deadline_ms = 1000;")),
			"run_ms" },
		{ STAGES(STAGE("runs = \"r\"; comes_back = \"touch\"; run_ms = 1;")),
			"deadline_ms" },
		{ STAGES(STAGE(
			  "runs = \"r\"; comes_back = \"touch\"; run_ms = 1000; deadline_ms = 1000;")),
			"no time to come back" },
		/* Words for a person where none is asked, and an end of the last stage. */
		{ STAGES(STAGE("runs = \"r\"; comes_back = \"touch\"; tell = \"t\"; run_ms = 1; "
			       "deadline_ms = 1000;")),
			"tell" },
		{ "name = \"n\";\nfamily = \"core\";\nstages = ( " STAGE("runs = \"r\";") " );",
			"runs" },
		{ "name = \"n\";\nfamily = \"core\";\nstages = ( { images = (); } );", "no image" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[1024];
		struct job job;
		struct err err;
		snprintf(text, sizeof text, "job : {\n%s\n};\n", cases[i].text);
		if (job_parse("x.cfg", text, strlen(text), &job, &err))
			fail_msg("case %zu was taken", i);
		assert_int_equal(err.reason, REASON_INPUT);
		if (!strstr(err.text, cases[i].fragment))
			fail_msg("case %zu: \"%s\" does not have \"%s\"", i, err.text,
				cases[i].fragment);
	}
}

static void shipped_jobs_load(void **state)
{
	(void)state;
	static const char *const names[] = { "core", "photon" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[FS_PATH_MAX];
		struct job job;
		struct err err;
		snprintf(path, sizeof path, "%s/jobs/%s.cfg", SOURCE_DIR, names[i]);
		if (!job_load(path, &job, &err))
			fail_msg("%s", err.text);
		assert_string_equal(job.family, names[i]);
		job_done(&job);
	}
}

static void job_done_takes_null_and_zero(void **state)
{
	(void)state;
	struct job job = { 0 };
	job_done(NULL);
	job_done(&job);
}

/* Writes before to a file, pins it with A64, B64... and compares with after. */
static void check_pin(const char *before, const char *after)
{
	static const char sha256[3][SHA256_HEX] = { A64, B64, C64 };
	char folder[] = "/tmp/station-job-XXXXXX", path[FS_PATH_MAX];
	struct job job;
	struct err err;
	uint8_t *now;
	size_t len;
	assert_non_null(mkdtemp(folder));
	assert_true(fs_join(path, folder, "job.cfg", &err));
	assert_true(fs_write_atomic(path, before, strlen(before), 0640, &err));
	if (!job_load(path, &job, &err) ||
		!job_pin(&job, sha256, job.image_count + job.returns.backup.recipient_count, &err))
		fail_msg("%s", err.text);
	assert_true(fs_read(path, 65536, REASON_INPUT, &now, &len, &err));
	assert_string_equal((const char *)now, after);
	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0640);
	free(now);
	job_done(&job);
	unlink(path);
	rmdir(folder);
}

static void pins_are_added_behind_the_last_setting(void **state)
{
	(void)state;
	check_pin("// sha256 = \"x\"\njob : { name = \"n\"; family = \"core\"; /* images = ( { */\n"
		  "images = ( { region = \"user\"; file = \"a}.bin\"; /* } */ }, // first\n"
		  "\t{ region = \"factory\", file = \"b.bin\" } ); # done\n};\n",
		"// sha256 = \"x\"\njob : { name = \"n\"; family = \"core\"; /* images = ( { */\n"
		"images = ( { region = \"user\"; file = \"a}.bin\"; sha256 = \"" A64
		"\"; /* } */ }, // first\n"
		"\t{ region = \"factory\", file = \"b.bin\"; sha256 = \"" B64
		"\"; } ); # done\n};\n");
}

static void pins_get_lines_of_their_own_where_settings_do(void **state)
{
	(void)state;
	check_pin("job = {\n  name = \"n\";\n  family = \"core\";\n  images = (\n    {\n      "
		  "region = \"user\";\n"
		  "      file = \"a.bin\"; // the application\n    }\n  );\n};\n",
		"job = {\n  name = \"n\";\n  family = \"core\";\n  images = (\n    {\n      region "
		"= \"user\";\n"
		"      file = \"a.bin\";\n      sha256 = \"" A64
		"\"; // the application\n    }\n  );\n};\n");
}

static void old_pins_are_replaced(void **state)
{
	(void)state;
	check_pin("job : { name = \"images\"; family = \"core\";\n"
		  "server_key : { slot = \"images\"; file = \"sha256 = (\"; };\n"
		  "images = ( { sha256 : \"" B64
		  "\"; region = \"user\"; file = \"a\\\"b.bin\"; },\n"
		  "{ region = \"sha256\"; sha256 = \"\" ; file = \"b.bin\"; } ); };",
		"job : { name = \"images\"; family = \"core\";\n"
		"server_key : { slot = \"images\"; file = \"sha256 = (\"; };\n"
		"images = ( { sha256 : \"" A64 "\"; region = \"user\"; file = \"a\\\"b.bin\"; },\n"
		"{ region = \"sha256\"; sha256 = \"" B64 "\" ; file = \"b.bin\"; } ); };");
}

static void images_of_stages_are_pinned(void **state)
{
	(void)state;
#define END "runs = \"images = (\"; comes_back = \"touch\"; run_ms = 1; deadline_ms = 1000;"
	check_pin("job : { name = \"n\"; family = \"core\"; stages = (\n"
		  "{ " END " images = ( { region = \"a\"; file = \"a\"; } ); }, // stages = (\n"
		  "{ images = ( { region = \"a\"; file = \"b\"; } ); } ); };",
		"job : { name = \"n\"; family = \"core\"; stages = (\n"
		"{ " END " images = ( { region = \"a\"; file = \"a\"; sha256 = \"" A64
		"\"; } ); }, // stages = (\n"
		"{ images = ( { region = \"a\"; file = \"b\"; sha256 = \"" B64 "\"; } ); } ); };");
	check_pin("job : { name = \"n\"; family = \"core\"; stages = (\n"
		  "{ images = ( { region = \"a\"; file = \"a\"; } ); " END " },\n"
		  "{ images = ( { region = \"a\"; file = \"b\"; } ); } ); };",
		"job : { name = \"n\"; family = \"core\"; stages = (\n"
		"{ images = ( { region = \"a\"; file = \"a\"; sha256 = \"" A64 "\"; } ); " END
		" },\n"
		"{ images = ( { region = \"a\"; file = \"b\"; sha256 = \"" B64 "\"; } ); } ); };");
}

static void recipients_are_pinned_wherever_they_stand(void **state)
{
	(void)state;
	check_pin(
		"job : { name = \"n\"; reprovision : { backup = true; };\n"
		"backup : { recipients = ( { file = \"/q.pem\"; }, { file = \"/r\"; sha256 = \"" A64
		"\"; } ); };\nfamily = \"core\"; images = ( { region = \"a\"; file = \"a\"; } ); };",
		"job : { name = \"n\"; reprovision : { backup = true; };\n"
		"backup : { recipients = ( { file = \"/q.pem\"; sha256 = \"" B64
		"\"; }, { file = \"/r\"; sha256 = \"" C64
		"\"; } ); };\nfamily = \"core\"; images = "
		"( { region = \"a\"; file = \"a\"; sha256 = \"" A64 "\"; } ); };");
	check_pin(
		"job : { name = \"n\"; family = \"core\";\n"
		"images = ( { region = \"a\"; file = \"a\"; } );\n"
		"backup : { keep_days = 3; recipients = (\n\t{\n\t\tfile = \"/q.pem\"; // who\n\t} ); }; };",
		"job : { name = \"n\"; family = \"core\";\n"
		"images = ( { region = \"a\"; file = \"a\"; sha256 = \"" A64 "\"; } );\n"
		"backup : { keep_days = 3; recipients = (\n\t{\n\t\tfile = \"/q.pem\";\n\t\tsha256 = \"" B64
		"\"; // who\n\t} ); }; };");
}

static void changed_file_is_not_pinned(void **state)
{
	(void)state;
	static const char text[] = "job : { name = \"n\"; family = \"core\"; images = ( { region = "
				   "\"user\"; file = \"a\"; } ); };";
	static const char sha256[1][SHA256_HEX] = { A64 };
	char path[] = "/tmp/station-job-XXXXXX";
	struct job job;
	struct err err;
	int fd = mkstemp(path);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_true(job_load(path, &job, &err));
	/* As long as before, another name. */
	assert_int_equal(pwrite(fd, "m", 1, 15), 1);
	close(fd);
	assert_false(job_pin(&job, sha256, 1, &err));
	assert_non_null(strstr(err.text, "was changed"));
	job_done(&job);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smallest_job_has_the_defaults),
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(stages_are_read),
		cmocka_unit_test(what_is_said_of_returned_units_is_read),
		cmocka_unit_test(mistakes_are_refused_with_their_line),
		cmocka_unit_test(shipped_jobs_load),
		cmocka_unit_test(job_done_takes_null_and_zero),
		cmocka_unit_test(pins_are_added_behind_the_last_setting),
		cmocka_unit_test(pins_get_lines_of_their_own_where_settings_do),
		cmocka_unit_test(old_pins_are_replaced),
		cmocka_unit_test(images_of_stages_are_pinned),
		cmocka_unit_test(recipients_are_pinned_wherever_they_stand),
		cmocka_unit_test(changed_file_is_not_pinned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
