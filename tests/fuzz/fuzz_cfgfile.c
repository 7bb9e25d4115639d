/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config keys base */
/* Config, job and profile texts: whatever they hold, the answer is a value or an error, and nothing leaks. The file
 * goes through the readers of the station and of the family, which read most kinds of values. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cfgfile.h"
#include "config.h"
#include "family.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_any(const uint8_t *data, size_t size)
{
	static const char *const tops[] = { "station", "family" };
	for (int i = 0; i < 2; i++) {
		struct cfgfile *file = NULL;
		struct cfg root;
		struct err err = { 0 };
		if (!cfgfile_parse("f.cfg", (const char *)data, size, tops[i], &file, &root, &err))
			continue;
		char text[32];
		cfg_text(&root, "name", "", text, sizeof text);
		if (!cfgfile_end(file, &err) && err.reason != REASON_INPUT)
			abort();
		cfgfile_close(file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	static struct family family;
	struct err err = { 0 };
	char path[] = "/dev/shm/fuzz-cfgfile-XXXXXX";
	read_any(data, size);
	int fd = mkstemp(path);
	if (fd < 0)
		return 0;
	bool written = write(fd, data, size) == (ssize_t)size;
	close(fd);
	if (written && !config_load(path, &config, &err) && err.reason != REASON_INPUT)
		abort();
	err.reason = REASON_NONE;
	if (written && !family_load(path, &family, &err) && err.reason != REASON_INPUT)
		abort();
	unlink(path);
	return 0;
}
