/* SPDX-License-Identifier: Apache-2.0 */
#include "umock_tell.h"

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

enum { LINE_CAP = 256, FROZEN_MS = 20000, LOOK_US = 1000 };

struct umock_tell {
	struct umock *umock;
	const struct front_options *options;
	pthread_t thread;
	int requests, answers;
	char request_path[FS_PATH_MAX], answer_path[FS_PATH_MAX];
};

/* Both ends are held open, so that neither side ever sees an end of file. */
static bool open_pipe(const char *folder, const char *name, const char *variable, char *path,
	int *ret, struct err *err)
{
	if (!fs_join(path, folder, name, err))
		return false;
	unlink(path);
	if (mkfifo(path, 0600) != 0 || (*ret = open(path, O_RDWR | O_CLOEXEC)) < 0)
		return err_set(err, REASON_STATION, "%s: %s", path, strerror(errno));
	setenv(variable, path, 1);
	return true;
}

static bool plug(
	const struct umock_tell *tell, unsigned port, long unit, bool button, struct err *err)
{
	struct vunit *made;
	if (unit < 1)
		return err_set(err, REASON_INPUT, "units are counted from 1");
	return front_unit(tell->options, (unsigned)unit, &made, err) &&
	       umock_plug(tell->umock, port, made, button, err);
}

static bool await_frozen(struct umock *umock, unsigned port)
{
	struct deadline deadline = deadline_in_ms(FROZEN_MS);
	while (!umock_is_frozen(umock, port)) {
		if (deadline_passed(deadline))
			return false;
		usleep(LOOK_US);
	}
	return true;
}

static bool obey(
	const struct umock_tell *tell, const char *line, unsigned *ret_number, struct err *err)
{
	char verb[16] = "", how[8] = "";
	unsigned port = 0;
	long count = -1;
	*ret_number = 0;
	if (sscanf(line, "%15s %u %ld %7s", verb, &port, &count, how) < 2 || port < 1 ||
		port > UMOCK_PORTS_MAX)
		return err_set(err, REASON_INPUT, "a verb and a port are wanted");
	if (strcmp(verb, "plug") == 0)
		return plug(tell, port, count, strcmp(how, "run") != 0, err);
	if (strcmp(verb, "freeze") == 0 && count >= 0)
		umock_freeze(tell->umock, port, count);
	else if (strcmp(verb, "thaw") == 0)
		umock_freeze(tell->umock, port, -1);
	else if (strcmp(verb, "unplug") == 0)
		umock_unplug(tell->umock, port);
	else if (strcmp(verb, "state") == 0)
		*ret_number = umock_state(tell->umock, port);
	else if (strcmp(verb, "number") == 0)
		*ret_number = umock_number(tell->umock, port);
	else if (strcmp(verb, "frozen") != 0)
		return err_set(err, REASON_INPUT, "%s is not known", verb);
	else if (!await_frozen(tell->umock, port))
		return err_set(err, REASON_USB_TIMEOUT, "no request came in %d ms", FROZEN_MS);
	return true;
}

static void *listen_on(void *argument)
{
	const struct umock_tell *tell = argument;
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

bool umock_tell_start(struct umock *umock, const struct front_options *options,
	struct umock_tell **ret, struct err *err)
{
	struct umock_tell *tell = calloc(1, sizeof *tell);
	if (!tell)
		return err_set(err, REASON_STATION, "no memory");
	*tell = (struct umock_tell){
		.umock = umock, .options = options, .requests = -1, .answers = -1
	};
	if (open_pipe(options->folder, "tell", "UMOCK_TELL", tell->request_path, &tell->requests,
		    err) &&
		open_pipe(options->folder, "says", "UMOCK_SAYS", tell->answer_path, &tell->answers,
			err) &&
		pthread_create(&tell->thread, NULL, listen_on, tell) == 0) {
		*ret = tell;
		return true;
	}
	free(tell);
	return false;
}

void umock_tell_stop(struct umock_tell *tell)
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
