/* SPDX-License-Identifier: Apache-2.0 */
#include "visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "interrupt.h"
#include "reentry.h"
#include "scope.h"
#include "text.h"
#include "typed.h"
#include "usb_libusb.h"
#include "vbench.h"
#include "vcloud.h"

struct visit {
	struct visit_options options;
	struct config config;
	char state[FS_PATH_MAX];
	struct record *record;
	struct plan *plan;
	struct family *families;
	size_t family_count;
	struct usb_bus *bus;
	struct visit_unit units[USB_UNITS_MAX];
	size_t unit_count;
	/* of a rehearsal */
	struct vcloud *vcloud;
	struct vbus *vbus;
	struct config_cloud virtual_cloud;
	struct vbench_place places[VBENCH_UNITS_MAX];
};

static bool open_record(struct visit *visit, struct err *err)
{
	struct record_options record = { .state_dir = visit->state,
		.station_id = visit->config.id,
		.software_version = STATION_VERSION,
		.signing_key_file = visit->config.signing_key_file };
	char database[FS_PATH_MAX];
	unsigned recovered = 0;
	if (!text_copy(visit->state, sizeof visit->state,
		    visit->options.state ? visit->options.state : visit->config.state_dir))
		return err_set(err, REASON_INPUT, "the path of the state folder is too long");
	if (!fs_join(database, visit->state, "station.db", err))
		return false;
	/* One that is there may be a rehearsal's; one that is not there is made, for the line. */
	record.existing = fs_exists(database);
	if (!record_open(&record, &visit->record, &recovered, err))
		return false;
	cmd_tell_recovered(visit->options.command, recovered);
	return true;
}

static void print_text(void *visit, const char *text)
{
	fprintf(stderr, "station %s: %s\n", ((struct visit *)visit)->options.command, text);
}

/* --- a rehearsal's bench --- */

static bool start_cloud(struct visit *visit, struct plan_options *plan, struct err *err)
{
	char keys[FS_PATH_MAX], access[FS_PATH_MAX];
	if (!fs_join(keys, visit->state, "cloud", err) ||
		!fs_join(access, visit->state, "cloud-access", err))
		return false;
	struct vcloud_options vcloud = { .folder = keys, .secret_folder = access };
	if (!vcloud_start(&vcloud, &visit->vcloud, err))
		return false;
	plan->cloud_url = vcloud_url(visit->vcloud);
	plan->cloud_ca_file = vcloud_ca_file(visit->vcloud);
	plan->cloud_token_file = vcloud_token_file(visit->vcloud);
	plan->cloud_api = CLOUD_API_JSON;
	struct config_cloud *cloud = &visit->virtual_cloud;
	*cloud = (struct config_cloud){
		.name = "virtual", .api = CLOUD_API_JSON, .timeout_ms = 10000, .in_flight = 1
	};
	return (text_copy(cloud->url, sizeof cloud->url, plan->cloud_url) &&
		       text_copy(cloud->ca_file, sizeof cloud->ca_file, plan->cloud_ca_file) &&
		       text_copy(cloud->token_file, sizeof cloud->token_file,
			       plan->cloud_token_file)) ||
	       err_set(err, REASON_INPUT, "the path of the virtual cloud is too long");
}

static bool open_virtual(struct visit *visit, struct err *err)
{
	char folder[FS_PATH_MAX], name[FAMILY_NAME_MAX];
	unsigned count = 0;
	struct config *config = &visit->config;
	SCOPED_FREE struct family *family = calloc(1, sizeof *family);
	if (!family)
		return err_set(err, REASON_STATION, "no memory for a family");
	if (!fs_join(folder, visit->state, "units", err) ||
		!vbench_look(folder, name, sizeof name, &count, err) ||
		!family_find(visit->plan ? visit->plan->family.name : name, "", "", family, err))
		return false;
	if (strcmp(family->name, name) != 0 && strcmp(name, "stm32-rom") != 0 &&
		!family_find(name, "", "", family, err))
		return false;
	struct vbench_options bench = {
		.folder = folder, .profile = family, .count = count, .seed = 1
	};
	if (!vbench_open(&bench, visit->places, &visit->vbus, err))
		return false;
	visit->bus = vbus_bus(visit->vbus);
	config->slot_count = count;
	for (unsigned i = 0; i < count; i++) {
		config->slots[i] = (struct config_slot){ 0 };
		if (!text_copy(config->slots[i].name, CONFIG_NAME_MAX, visit->places[i].slot) ||
			!text_copy(config->slots[i].port, CONFIG_PORT_MAX, visit->places[i].port))
			return err_set(err, REASON_BUG, "the name of a virtual slot is too long");
	}
	return true;
}

/* --- what stands where --- */

/* The job's family, if it may be that; else the first whose ids these are. */
static const struct family *family_of(
	const struct visit *visit, const struct usb_ident *ident, bool *ret_in_dfu)
{
	const struct family *first = NULL;
	for (size_t i = 0; i < visit->family_count; i++) {
		const struct family *family = &visit->families[i];
		bool job = visit->plan && strcmp(visit->plan->family.name, family->name) == 0;
		if ((!usb_ident_is(ident, family->dfu) && !usb_ident_is(ident, family->cdc)) ||
			(first && !job))
			continue;
		first = family;
		*ret_in_dfu = usb_ident_is(ident, family->dfu);
	}
	return first;
}

static bool name_place(const struct visit *visit, struct visit_unit *unit)
{
	const struct config *config = &visit->config;
	const char *name = unit->ident.port, *scanned = visit->options.device_id;
	for (size_t i = 0; i < config->slot_count; i++)
		if (config_slot_is_at(&config->slots[i], unit->ident.port, unit->ident.controller))
			name = config->slots[i].name;
	/* A rehearsal plays the person with the scanner. */
	for (size_t i = 0; visit->vbus && !scanned && i < config->slot_count; i++)
		if (visit->places[i].needs_scan &&
			strcmp(visit->places[i].port, unit->ident.port) == 0)
			scanned = visit->places[i].device_id;
	return text_copy(unit->slot, sizeof unit->slot, name) &&
	       text_copy(unit->scanned_id, sizeof unit->scanned_id, scanned ? scanned : "");
}

static bool find_units(struct visit *visit, struct err *err)
{
	SCOPED_FREE struct usb_ident *idents = calloc(USB_UNITS_MAX, sizeof *idents);
	const char *slot = visit->options.slot;
	size_t count = 0;
	uint64_t change;
	if (!idents)
		return err_set(err, REASON_STATION, "no memory for the bus");
	if (!visit->bus->ops->list(visit->bus, idents, USB_UNITS_MAX, &count, &change, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct visit_unit *unit = &visit->units[visit->unit_count];
		*unit = (struct visit_unit){ .ident = idents[i] };
		unit->family = family_of(visit, &idents[i], &unit->in_dfu);
		if (!name_place(visit, unit))
			return err_set(err, REASON_BUG, "the name of a port is too long");
		bool here =
			!slot || strcmp(unit->slot, slot) == 0 || strcmp(idents[i].port, slot) == 0;
		if (here && unit->family)
			visit->unit_count++;
		else if (here && slot)
			return err_set(err, REASON_INPUT,
				"what hangs at %s, %04x:%04x, is of no family that we know: take it "
				"out, or write a profile",
				slot, idents[i].vendor_id, idents[i].product_id);
	}
	if (visit->unit_count)
		return true;
	return err_set(err, REASON_INPUT,
		"there is no unit%s%s: plug it in, in DFU (its LED blinks "
		"yellow); station list tells what hangs where",
		slot ? " at " : "", slot ? slot : "");
}

/* --- opening and closing --- */

static bool open_all(struct visit *visit, struct err *err)
{
	struct plan_options plan = { .config = &visit->config };
	char folder[FS_PATH_MAX] = "";
	if (!cmd_config(visit->options.config, &visit->config, err) || !open_record(visit, err))
		return false;
	bool rehearsal = record_is_virtual(visit->record);
	if (visit->config.path[0])
		fs_folder_of(folder, visit->config.path);
	if (rehearsal && !start_cloud(visit, &plan, err))
		return false;
	if (visit->options.job &&
		!plan_make(visit->options.job, &plan, NULL, NULL, &visit->plan, err))
		return false;
	if (!family_list(folder, print_text, visit, &visit->families, &visit->family_count, err))
		return false;
	if (rehearsal ? !open_virtual(visit, err) : !usb_libusb_open(&visit->bus, err))
		return false;
	return find_units(visit, err);
}

bool visit_open(const struct visit_options *options, struct visit **ret, int *ret_status)
{
	struct err err;
	const char *id = options->device_id;
	struct visit *visit = calloc(1, sizeof *visit);
	*ret_status = EXIT_STOPPED;
	if (!visit) {
		fprintf(stderr, "station %s: no memory\n", options->command);
		return false;
	}
	visit->options = *options;
	if (id && (strlen(id) != DEVICE_ID - 1 || strspn(id, "0123456789abcdef") != DEVICE_ID - 1))
		*ret_status = cmd_usage(
			options->command, "--device-id %s is not 24 lower-case hex digits", id);
	else if (id && !options->slot)
		*ret_status = cmd_usage(options->command, "--device-id wants --slot");
	else if (!open_all(visit, &err))
		*ret_status = cmd_fail(options->command, &err);
	else {
		*ret = visit;
		*ret_status = EXIT_DONE;
		return true;
	}
	visit_close(visit);
	return false;
}

void visit_close(struct visit *visit)
{
	if (!visit)
		return;
	if (visit->bus)
		visit->bus->ops->close(visit->bus);
	vcloud_stop(visit->vcloud);
	plan_free(visit->plan);
	record_close(visit->record);
	free(visit->families);
	free(visit);
}

const struct visit_options *visit_options(const struct visit *visit)
{
	return &visit->options;
}

struct record *visit_record(struct visit *visit)
{
	return visit->record;
}

struct usb_bus *visit_bus(struct visit *visit)
{
	return visit->bus;
}

const char *visit_state(const struct visit *visit)
{
	return visit->state;
}

const char *visit_station(const struct visit *visit)
{
	return visit->config.id;
}

const struct plan *visit_plan(const struct visit *visit)
{
	return visit->plan;
}

const struct visit_unit *visit_units(const struct visit *visit, size_t *ret_count)
{
	*ret_count = visit->unit_count;
	return visit->units;
}

const struct config_cloud *visit_cloud(const struct visit *visit, const char *name)
{
	if (visit->plan && visit->plan->enrol.wanted)
		return &visit->plan->enrol.cloud;
	if (!name[0])
		return NULL;
	return visit->vcloud ? &visit->virtual_cloud : config_cloud(&visit->config, name);
}

int visit_each(struct visit *visit, visit_one *one, void *context)
{
	int status = EXIT_DONE;
	interrupt_catch();
	for (size_t i = 0; i < visit->unit_count && status <= EXIT_NOT_ALL; i++) {
		int now = one(context, visit->units[i]);
		status = now > status ? now : status;
		fflush(stdout);
	}
	return status;
}

bool visit_confirmed(const struct visit_unit *unit)
{
	char answer[CONFIG_NAME_MAX + 1];
	fprintf(stderr, "type the slot's name, %s, to do it: ", unit->slot);
	return typed_line(STDIN_FILENO, answer, sizeof answer) && strcmp(answer, unit->slot) == 0;
}
