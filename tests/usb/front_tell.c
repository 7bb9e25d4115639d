/* SPDX-License-Identifier: Apache-2.0 */
#include "front_tell.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "fs.h"
#include "scope.h"

enum { LINE_CAP = 256, FROZEN_MS = 120000, LOOK_US = 2000 };

struct front_tell {
	const struct front_bus *bus;
	const struct front_options *options;
	pthread_t thread;
	int requests, answers;
	char request_path[FS_PATH_MAX], answer_path[FS_PATH_MAX];
};

/* Both ends are held open, so that neither side ever sees an end of file. The command may go to another folder. */
static bool open_pipe(
	const char *folder, const char *variable, char *path, int *ret, struct err *err)
{
	if (!fs_make_folder(folder, 0755, err) || !fs_join(path, folder, variable, err))
		return false;
	unlink(path);
	if (mkfifo(path, 0600) != 0 || (*ret = open(path, O_RDWR | O_CLOEXEC)) < 0)
		return err_set(err, REASON_STATION, "%s: %s", path, strerror(errno));
	SCOPED_FREE char *whole = realpath(path, NULL);
	return whole && setenv(variable, whole, 1) == 0;
}

static bool plug(
	const struct front_tell *tell, unsigned port, long unit, bool button, struct err *err)
{
	struct vunit *made;
	if (unit < 1)
		return err_set(err, REASON_INPUT, "units are counted from 1");
	return front_unit(tell->options, (unsigned)unit, &made, err) &&
	       tell->bus->plug(tell->bus->bus, port, made, button, err);
}

static bool await_frozen(const struct front_bus *bus, unsigned port, struct err *err)
{
	struct deadline deadline = deadline_in_ms(FROZEN_MS);
	while (!bus->is_frozen(bus->bus, port)) {
		if (deadline_passed(deadline))
			return err_set(err, REASON_USB_TIMEOUT,
				"no request came to port %u in %d ms", port, FROZEN_MS);
		usleep(LOOK_US);
	}
	return true;
}

static bool obey(
	const struct front_tell *tell, const char *line, unsigned *ret_number, struct err *err)
{
	const struct front_bus *bus = tell->bus;
	char verb[16] = "", how[8] = "";
	unsigned port = 0;
	long count = -1;
	*ret_number = 0;
	if (sscanf(line, "%15s %u %ld %7s", verb, &port, &count, how) < 2 || port < 1 ||
		port > bus->ports)
		return err_set(err, REASON_INPUT, "a verb and a port are wanted");
	if (strcmp(verb, "plug") == 0)
		return plug(tell, port, count, strcmp(how, "run") != 0, err);
	if (strcmp(verb, "frozen") == 0)
		return await_frozen(bus, port, err);
	if (strcmp(verb, "unplug") == 0)
		bus->unplug(bus->bus, port);
	else if (strcmp(verb, "freeze") == 0 && count >= 0)
		bus->freeze(bus->bus, port, count);
	else if (strcmp(verb, "thaw") == 0)
		bus->freeze(bus->bus, port, -1);
	else if (!bus->ask || !bus->ask(bus->bus, verb, port, ret_number))
		return err_set(err, REASON_INPUT, "%s is not known", verb);
	return true;
}

static void *listen_on(void *argument)
{
	const struct front_tell *tell = argument;
	char line[LINE_CAP];
	size_t len = 0;
	while (len < sizeof line && read(tell->requests, line + len, 1) == 1) {
		struct err err;
		unsigned number;
		if (line[len] != '\n') {
			len++;
			continue;
		}
		line[len] = 0;
		len = 0;
		if (strcmp(line, "end") == 0)
			return NULL;
		if (obey(tell, line, &number, &err))
			dprintf(tell->answers, "ok %u\n", number);
		else
			dprintf(tell->answers, "no %s\n", err.text);
	}
	return NULL;
}

bool front_tell_start(const struct front_bus *bus, const struct front_options *options,
	struct front_tell **ret, struct err *err)
{
	struct front_tell *tell = calloc(1, sizeof *tell);
	if (!tell)
		return err_set(err, REASON_STATION, "no memory");
	*tell = (struct front_tell){
		.bus = bus, .options = options, .requests = -1, .answers = -1
	};
	if (open_pipe(options->folder, "BUS_TELL", tell->request_path, &tell->requests, err) &&
		open_pipe(options->folder, "BUS_SAYS", tell->answer_path, &tell->answers, err) &&
		pthread_create(&tell->thread, NULL, listen_on, tell) == 0) {
		*ret = tell;
		return true;
	}
	free(tell);
	return false;
}

void front_tell_stop(struct front_tell *tell)
{
	if (!tell)
		return;
	dprintf(tell->requests, "\nend\n");
	pthread_join(tell->thread, NULL);
	close(tell->requests);
	close(tell->answers);
	unlink(tell->request_path);
	unlink(tell->answer_path);
	free(tell);
}
