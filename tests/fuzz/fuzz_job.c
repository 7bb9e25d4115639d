/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* A job from any text; one that is taken must take its pins too, or say why not, without losing the rest. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pin(const char *path, struct job *job)
{
	enum { PINS_MAX = JOB_IMAGES_MAX + JOB_RECIPIENTS_MAX };
	char sha256[PINS_MAX][SHA256_HEX];
	struct job now;
	struct err err;
	for (size_t i = 0; i < PINS_MAX; i++) {
		memset(sha256[i], "0123456789abcdef"[i % 16], SHA256_HEX - 1);
		sha256[i][SHA256_HEX - 1] = 0;
	}
	if (!job_pin(job, (const char(*)[SHA256_HEX])sha256,
		    job->image_count + job->returns.backup.recipient_count, &err))
		return;
	if (!job_load(path, &now, &err) || now.image_count != job->image_count)
		abort();
	for (size_t i = 0; i < now.image_count; i++)
		if (strcmp(now.images[i].sha256, sha256[i]) != 0)
			abort();
	job_done(&now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct job job;
	struct err err;
	if (!job_parse("fuzz.cfg", (const char *)data, size, &job, &err))
		return 0;
	job_done(&job);
	char path[] = "/tmp/station-fuzz-XXXXXX";
	int fd = mkstemp(path);
	if (fd < 0)
		return 0;
	bool written = write(fd, data, size) == (ssize_t)size;
	close(fd);
	if (written && job_load(path, &job, &err)) {
		pin(path, &job);
		job_done(&job);
	}
	unlink(path);
	return 0;
}
