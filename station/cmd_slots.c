/* SPDX-License-Identifier: Apache-2.0 */
/* station slots: the slots of the config; with --learn they are named by plugging in units. */
#include "cmd.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cancel.h"
#include "cfgfile.h"
#include "family.h"
#include "interrupt.h"
#include "learn.h"
#include "power_test.h"
#include "scope.h"
#include "text.h"
#include "usb_sysfs.h"

enum { LOOK_EVERY_MS = 250 };

static const char help[] =
	"usage: station slots [options]\n"
	"       station slots --learn [options]\n"
	"       station slots --power-test [SLOT...]\n"
	"\n"
	"Prints the slots of the config. With --learn it gives them their ports: plug in one unit after the\n"
	"other (or move one unit along), in the order of the names; each port where one shows up becomes the\n"
	"next slot. Enter, the end of the input, or Ctrl-C ends it. Then the list is written into the config,\n"
	"in place of the old one; everything else in the file, comments too, stays as it was. What hangs\n"
	"there already when it begins is not named: pull it out and plug it in.\n"
	"\n"
	"With --power-test the power of the slots' ports (of all, or of the SLOTs) is switched off and on:\n"
	"what hangs there has to go and to come back. It restarts these units. Not while a line runs.\n"
	"\n"
	"  --config FILE   the station's config; made if it is not there\n"
	"  --output FILE   write the changed config there instead\n"
	"  --prefix P      names are P1, P2... (A)\n"
	"  --names A,B,C   these names in this order\n"
	"  --add           keep the slots that the config has, and add to them\n"
	"\n"
	"A slot is a port below a USB controller; both are written, so that it keeps its place when buses are\n"
	"numbered otherwise at a boot.\n"
	"\n"
	"Exit status: 0 printed, written, or switched, 1 no slot was learned and nothing is written, or the\n"
	"power of a slot was not switched, 2 refused, 3 the file cannot be written, or this machine has no USB.\n";

struct options {
	const char *config, *output, *names, *prefix;
	bool learn, add, power_test;
	char **names_to_test;
	int names_count;
};

struct slots {
	struct options options;
	char path[FS_PATH_MAX];   /* of the config; "" none */
	char output[FS_PATH_MAX]; /* where the result goes */
	char *text;               /* of the config as it was read, or of a new one */
	size_t text_len;
	bool exists; /* the config */
	struct config config;
	struct learner learner;
	struct family *families;
	size_t family_count;
};

/* --- the file --- */

/* The example in the source tree is nobody's config. */
static bool find_path(struct slots *slots, struct err *err)
{
	const struct options *options = &slots->options;
	const char *named = getenv("STATION_CONFIG");
	if (options->config) {
		if (!text_copy(slots->path, sizeof slots->path, options->config))
			return err_set(err, REASON_INPUT, "the config's path is too long");
	} else {
		config_find(slots->path);
	}
	bool chosen = options->config || (named && named[0]) ||
		      strcmp(slots->path, "/etc/station/station.cfg") == 0;
	if (options->learn && !chosen && !options->output)
		return err_set(err, REASON_INPUT,
			"there is no config of this station yet: name one with --config, or the new "
			"one with --output");
	if (options->learn && !chosen)
		slots->path[0] = 0;
	return true;
}

/* What a rename would replace is the file itself, not a link to it. */
static bool find_output(struct slots *slots, struct err *err)
{
	char real[FS_PATH_MAX];
	const char *wanted = slots->options.output ? slots->options.output : slots->path;
	SCOPED_FREE char *resolved = realpath(wanted, NULL);
	if (!text_copy(slots->output, sizeof slots->output, resolved ? resolved : wanted))
		return err_set(err, REASON_INPUT, "the path %.100s... is too long", wanted);
	fs_folder_of(real, slots->output);
	if (access(real, W_OK) != 0)
		return err_set(err, REASON_INPUT,
			"may not write into the folder %s: name a file with --output, or be root",
			real);
	return true;
}

static bool new_text(struct slots *slots, struct err *err)
{
	char id[CONFIG_NAME_MAX] = "", text[256];
	if (gethostname(id, sizeof id - 1) != 0 || !config_name_ok(id))
		snprintf(id, sizeof id, "station");
	snprintf(text, sizeof text,
		"// config/station.cfg, which comes with the station, explains the keys.\n"
		"station : {\n\tid = \"%s\";\n};\n",
		id);
	slots->text = strdup(text);
	slots->text_len = strlen(text);
	return slots->text || err_set(err, REASON_STATION, "no memory for the config");
}

static bool read_file(struct slots *slots, struct err *err)
{
	uint8_t *bytes;
	slots->exists = slots->path[0] && fs_exists(slots->path);
	if (!slots->exists && !slots->options.learn && slots->path[0])
		return err_set(err, REASON_INPUT, "there is no config %s", slots->path);
	if (!slots->exists && !new_text(slots, err))
		return false;
	if (slots->exists) {
		if (!fs_read(
			    slots->path, CFG_FILE_MAX, REASON_INPUT, &bytes, &slots->text_len, err))
			return false;
		slots->text = (char *)bytes;
	}
	return config_parse(slots->path[0] ? slots->path : "new config", slots->text,
		slots->text_len, &slots->config, err);
}

/* An editor may have written it while the operator plugged. */
static bool is_unchanged(const struct slots *slots, mode_t *ret_mode, struct err *err)
{
	SCOPED_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	struct stat info;
	if (!slots->exists)
		return true;
	if (!fs_read(slots->path, CFG_FILE_MAX, REASON_INPUT, &bytes, &len, err))
		return false;
	if (len != slots->text_len || memcmp(bytes, slots->text, len) != 0)
		return err_set(err, REASON_INPUT,
			"%s was changed meanwhile; nothing was written, learn again", slots->path);
	if (stat(slots->path, &info) == 0)
		*ret_mode = info.st_mode & 0777;
	return true;
}

static bool write_slots(struct slots *slots, struct err *err)
{
	SCOPED_FREE char *text = NULL;
	size_t len = 0;
	mode_t mode = 0644;
	return config_with_slots(slots->output, slots->text, slots->text_len, slots->learner.slots,
		       slots->learner.slot_count, &text, &len, err) &&
	       is_unchanged(slots, &mode, err) &&
	       fs_write_atomic(slots->output, text, len, mode, err);
}

/* --- plugging --- */

static bool is_unit(const struct slots *slots, const struct usb_sysfs_device *device)
{
	for (size_t i = 0; i < slots->family_count; i++) {
		const struct usb_id ids[] = { slots->families[i].dfu, slots->families[i].cdc };
		for (unsigned k = 0; k < 2; k++)
			if (ids[k].vendor_id && ids[k].vendor_id == device->vendor_id &&
				ids[k].product_id == device->product_id)
				return true;
	}
	return false;
}

static bool find_units(
	const struct slots *slots, struct usb_ident *ret, size_t *ret_count, struct err *err)
{
	SCOPED_FREE struct usb_sysfs_device *devices = calloc(USB_UNITS_MAX, sizeof *devices);
	size_t count = 0, units = 0;
	if (!devices)
		return err_set(err, REASON_STATION, "no memory to look at the bus");
	if (!usb_sysfs_scan(devices, USB_UNITS_MAX, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!is_unit(slots, &devices[i]))
			continue;
		struct usb_ident *unit = &ret[units++];
		*unit = (struct usb_ident){ 0 };
		memcpy(unit->port, devices[i].port, sizeof unit->port);
		usb_sysfs_controller(devices[i].bus, unit->controller);
	}
	*ret_count = units;
	return true;
}

static void print_slot(const struct config_slot *slot)
{
	printf("%-8s  %-12s  %s\n", slot->name, slot->port,
		slot->controller[0] ? slot->controller : "any controller");
}

static void ask_for_next(const struct slots *slots)
{
	char name[CONFIG_NAME_MAX];
	if (learner_next_name(&slots->learner, name))
		printf("          plug a unit into %s, or press Enter to end\n", name);
	fflush(stdout);
}

static void tell(const struct slots *slots, enum learned learned, const struct config_slot *slot)
{
	switch (learned) {
	case LEARNED_NOTHING:
		return;
	case LEARNED_SLOT:
		print_slot(slot);
		break;
	case LEARNED_KNOWN:
		printf("          that port is %s already\n", slot->name);
		break;
	case LEARNED_SEVERAL:
		printf("          several units came at once: pull them out, then one after the "
		       "other\n");
		break;
	case LEARNED_FULL:
		printf("          there is no name left for this one\n");
		break;
	}
	ask_for_next(slots);
}

/* Waits a moment; true if a line, or the end of the input, came. */
static bool asked_to_end(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char text[256];
	if (poll(&input, 1, LOOK_EVERY_MS) <= 0)
		return false;
	ssize_t len = read(STDIN_FILENO, text, sizeof text);
	return len <= 0 || memchr(text, '\n', (size_t)len);
}

static bool learn(struct slots *slots, struct err *err)
{
	SCOPED_FREE struct usb_ident *units = calloc(USB_UNITS_MAX, sizeof *units);
	char name[CONFIG_NAME_MAX];
	bool first = true, last = false;
	if (!units)
		return err_set(err, REASON_STATION, "no memory to look at the bus");
	while (!last && learner_next_name(&slots->learner, name)) {
		const struct config_slot *slot = NULL;
		size_t count = 0;
		if (!find_units(slots, units, &count, err))
			return false;
		enum learned learned = learner_look(&slots->learner, units, count, &slot);
		for (size_t i = 0; i < count && first; i++)
			printf("          a unit is at %s already: pull it out to name its port\n",
				units[i].port);
		if (first)
			ask_for_next(slots);
		tell(slots, learned, slot);
		first = false;
		last = asked_to_end() || cancel_is_set(interrupt_once());
	}
	return true;
}

static void print_broken(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "station slots: %s\n", text);
}

static bool prepare(struct slots *slots, struct err *err)
{
	const struct options *options = &slots->options;
	char folder[FS_PATH_MAX] = "";
	if (slots->path[0])
		fs_folder_of(folder, slots->path);
	return find_output(slots, err) &&
	       learner_begin(&slots->learner, options->names, options->prefix, slots->config.slots,
		       options->add ? slots->config.slot_count : 0, err) &&
	       family_list(folder, print_broken, NULL, &slots->families, &slots->family_count, err);
}

static int learn_and_write(struct slots *slots)
{
	struct err err;
	if (!prepare(slots, &err))
		return cmd_fail("slots", &err);
	size_t before = slots->learner.slot_count;
	interrupt_catch();
	if (!learn(slots, &err))
		return cmd_fail("slots", &err);
	if (slots->learner.slot_count == before) {
		fprintf(stderr, "station slots: no unit was plugged in; nothing is written\n");
		return EXIT_NOT_ALL;
	}
	if (!write_slots(slots, &err))
		return cmd_fail("slots", &err);
	printf("%zu slots are in %s\n", slots->learner.slot_count, slots->output);
	return EXIT_DONE;
}

static int run(struct slots *slots)
{
	struct err err;
	if (!find_path(slots, &err) || !read_file(slots, &err))
		return cmd_fail("slots", &err);
	if (slots->options.learn)
		return learn_and_write(slots);
	if (slots->options.power_test)
		return power_test(&slots->config, slots->options.names_to_test,
			(size_t)slots->options.names_count);
	for (size_t i = 0; i < slots->config.slot_count; i++)
		print_slot(&slots->config.slots[i]);
	if (!slots->config.slot_count)
		fprintf(stderr, "station slots: the config %s names none: station slots --learn\n",
			slots->path);
	return EXIT_DONE;
}

static bool parse(int argc, char **argv, struct options *ret, int *ret_status)
{
	const struct cmd_option own[] = { { "config", &ret->config, NULL },
		{ "output", &ret->output, NULL }, { "names", &ret->names, NULL },
		{ "prefix", &ret->prefix, NULL }, { "learn", NULL, &ret->learn },
		{ "add", NULL, &ret->add }, { "power-test", NULL, &ret->power_test } };
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &ret->names_to_test,
		    &ret->names_count, ret_status))
		return false;
	if (ret->power_test && ret->learn)
		*ret_status = cmd_usage("slots", "give --learn or --power-test, not both");
	else if (ret->names_count && !ret->power_test)
		*ret_status = cmd_usage("slots", "it takes no argument");
	else if (!ret->learn && (ret->output || ret->names || ret->prefix || ret->add))
		*ret_status = cmd_usage("slots", "this is only for --learn");
	else if (ret->names && ret->prefix)
		*ret_status = cmd_usage("slots", "give --names or --prefix, not both");
	else
		return true;
	return false;
}

int cmd_slots(int argc, char **argv)
{
	int status = EXIT_STOPPED;
	struct slots *slots = calloc(1, sizeof *slots);
	if (!slots) {
		fprintf(stderr, "station slots: no memory\n");
		return status;
	}
	if (parse(argc, argv, &slots->options, &status)) {
		if (!slots->options.prefix)
			slots->options.prefix = "A";
		status = run(slots);
	}
	free(slots->families);
	free(slots->text);
	free(slots);
	return status;
}
