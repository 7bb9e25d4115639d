/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and enrolment: is there such a slot, does what goes into it fit, who takes the public
 * key. */
#include <inttypes.h>
#include <string.h>

#include "plan_build.h"
#include "scope.h"
#include "text.h"

/* A key file is below 1 KiB; anything much larger is something else. */
enum { KEY_FILE_MAX = 64 << 10, LIST_MAX = 300 };

/* A virtual cloud answers from the same machine. */
enum {
	VIRTUAL_TIMEOUT_MS = 10000,
	VIRTUAL_RETRIES = 2,
	VIRTUAL_IN_FLIGHT = 16,
	VIRTUAL_SETTLE_MS = 500
};

static void list_slots(const struct family *family, enum key_role role, char to[LIST_MAX])
{
	size_t used = 0;
	to[0] = 0;
	for (size_t i = 0; i < family->key_slot_count; i++) {
		if (family->key_slots[i].format.role != role)
			continue;
		if (!text_format(to + used, LIST_MAX - used, "%s%s", used ? ", " : "",
			    family->key_slots[i].name))
			return;
		used = strlen(to);
	}
	if (!used && !text_copy(to, LIST_MAX, "none"))
		to[0] = 0;
}

static const struct family_key_slot *find_slot(struct plan_build *build, const char *key,
	const char *name, enum key_role role, unsigned line)
{
	const struct family *family = &build->plan->family;
	const struct family_key_slot *slot = family_key_slot(family, name);
	const char *kind = role == KEY_ROLE_DEVICE ? "device" : "server";
	char known[LIST_MAX];
	list_slots(family, role, known);
	if (!slot)
		plan_refuse(build, line,
			"%s: family %s has no key slot \"%s\"; its slots for %s keys: %s", key,
			family->name, name, kind, known);
	else if (slot->format.role != role)
		plan_refuse(build, line,
			"%s: slot %s is not for %s keys; those of family %s are: %s", key, name,
			kind, family->name, known);
	else
		return slot;
	return NULL;
}

/* The bytes that change when the slot is written: its sectors where the memory has them. */
static bool slot_span(const struct family_alt *alt, const struct family_key_slot *slot,
	uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t start = slot->addr, end = start + slot->format.size;
	if (alt->memory == MEMORY_NOR) {
		struct layout_sector first, last;
		if (!layout_sector_at(&alt->layout, slot->addr, &first) ||
			!layout_sector_at(&alt->layout, (uint32_t)(end - 1), &last))
			return false;
		start = first.addr;
		end = (uint64_t)last.addr + last.size;
	}
	*ret_start = start;
	*ret_end = end;
	return true;
}

/* Without read-modify-write whatever else stands in the sector is lost. */
static void check_neighbours(struct plan_build *build, const char *key,
	const struct family_key_slot *slot, uint64_t start, uint64_t end, unsigned line)
{
	const struct family *family = &build->plan->family;
	for (size_t i = 0; i < family->key_slot_count && !slot->read_modify_write; i++) {
		const struct family_key_slot *other = &family->key_slots[i];
		if (other != slot && other->alt == slot->alt && other->addr < end &&
			(uint64_t)other->addr + other->format.size > start)
			plan_refuse(build, line,
				"%s: writing slot %s would erase slot %s in the same sector; the "
				"family must say read_modify_write",
				key, slot->name, other->name);
	}
}

static void check_slot(struct plan_build *build, const char *key,
	const struct family_key_slot *slot, unsigned line)
{
	const struct family_alt *alt = family_alt(&build->plan->family, slot->alt);
	uint64_t start = slot->addr, end = start + slot->format.size;
	bool nor = alt && alt->memory == MEMORY_NOR;
	uint8_t access = LAYOUT_READ | LAYOUT_WRITE | (nor ? LAYOUT_ERASE : 0);
	if (!alt || !slot_span(alt, slot, &start, &end) ||
		!layout_allows(&alt->layout, (uint32_t)start, end - start, access)) {
		plan_refuse(build, line,
			"%s: slot %s at 0x%08" PRIx32
			" lies where the layout of alternate setting %u does not "
			"let it be read, %swritten; mend the family",
			key, slot->name, slot->addr, slot->alt, nor ? "erased and " : "");
		return;
	}
	if (start < alt->access_start || end > alt->access_end)
		plan_refuse(build, line,
			"%s: slot %s would touch 0x%" PRIx64 "-0x%" PRIx64
			", outside of what may be touched on "
			"alternate setting %u, 0x%" PRIx32 "-0x%" PRIx32 "; mend the family",
			key, slot->name, start, end, slot->alt, alt->access_start, alt->access_end);
	if (nor)
		check_neighbours(build, key, slot, start, end, line);
}

static void take_device_key(struct plan_build *build)
{
	const struct job_device_key *wanted = &build->plan->job.device_key;
	struct plan_device_key *key = &build->plan->device_key;
	if (!wanted->wanted)
		return;
	key->wanted = true;
	key->policy = wanted->policy;
	key->slot = find_slot(build, "device_key", wanted->slot, KEY_ROLE_DEVICE, wanted->line);
	if (!key->slot)
		return;
	check_slot(build, "device_key", key->slot, wanted->line);
	enum key_algorithm algorithm = key->slot->format.algorithm;
	if (algorithm != KEY_RSA_1024 && algorithm != KEY_P256)
		plan_refuse(build, wanted->line,
			"device_key: slot %s is for %s keys, which are not made here; "
			"rsa-1024 and p-256 are",
			key->slot->name, key_algorithm_name(algorithm));
}

static bool pack_server_key(
	const struct job_server_key *wanted, struct plan_server_key *key, struct err *err)
{
	const struct keyslot *format = &key->slot->format;
	SCOPED_FREE uint8_t *file = NULL;
	size_t len;
	if (!fs_read(wanted->file, KEY_FILE_MAX, REASON_INPUT, &file, &len, err))
		return false;
	if (wanted->address.host[0] && !format->address_offset)
		return err_set(err, REASON_INPUT,
			"slot %s keeps no server address; leave out host and port",
			key->slot->name);
	if (!keyslot_pack_server(format, file, len, &wanted->address, key->bytes, err) ||
		!keyslot_parse_server(
			format, key->bytes, format->size, &key->key, &key->address, err))
		return err_at(err, "%s", wanted->file);
	if (!text_copy(key->file_name, sizeof key->file_name, fs_name_of(wanted->file)))
		key->file_name[0] = 0;
	return digest_sha256_hex(file, len, key->file_sha256, err);
}

static void take_server_key(struct plan_build *build)
{
	const struct job_server_key *wanted = &build->plan->job.server_key;
	struct plan_server_key *key = &build->plan->server_key;
	struct err err;
	if (!wanted->wanted)
		return;
	key->wanted = true;
	key->slot = find_slot(build, "server_key", wanted->slot, KEY_ROLE_SERVER, wanted->line);
	if (!key->slot)
		return;
	check_slot(build, "server_key", key->slot, wanted->line);
	if (!pack_server_key(wanted, key, &err))
		plan_refuse(build, wanted->line, "server_key (%s): %s", key->slot->name, err.text);
}

static void check_two_keys(struct plan_build *build)
{
	const struct family_key_slot *device = build->plan->device_key.slot,
				     *server = build->plan->server_key.slot;
	if (!device || !server || device->alt != server->alt)
		return;
	if (device->addr < (uint64_t)server->addr + server->format.size &&
		server->addr < (uint64_t)device->addr + device->format.size)
		plan_refuse(build, build->plan->job.server_key.line,
			"server_key: slot %s overlaps slot %s of device_key; mend the family",
			server->name, device->name);
}

static bool take_virtual_cloud(
	const struct plan_options *options, const char *name, struct config_cloud *cloud)
{
	*cloud = (struct config_cloud){
		.api = options->cloud_api,
		.timeout_ms = VIRTUAL_TIMEOUT_MS,
		.retries = VIRTUAL_RETRIES,
		.in_flight = VIRTUAL_IN_FLIGHT,
		.settle_ms = VIRTUAL_SETTLE_MS,
	};
	const char *token = options->cloud_token_file, *ca = options->cloud_ca_file;
	return text_copy(cloud->name, sizeof cloud->name, name) &&
	       text_copy(cloud->url, sizeof cloud->url, options->cloud_url) &&
	       text_copy(cloud->token_file, sizeof cloud->token_file, token ? token : "") &&
	       text_copy(cloud->ca_file, sizeof cloud->ca_file, ca ? ca : "");
}

static void list_clouds(const struct config *config, char to[LIST_MAX])
{
	size_t used = 0;
	to[0] = 0;
	for (size_t i = 0; config && i < config->cloud_count; i++) {
		if (!text_format(to + used, LIST_MAX - used, "%s%s", i ? ", " : "",
			    config->clouds[i].name))
			return;
		used = strlen(to);
	}
	if (!used && !text_copy(to, LIST_MAX, "none"))
		to[0] = 0;
}

static void refuse_cloud(struct plan_build *build, const struct job_enrol *wanted)
{
	const struct config *config = build->options->config;
	char known[LIST_MAX];
	list_clouds(config, known);
	plan_refuse(build, wanted->line,
		"enrol: the config (%s) has no cloud \"%s\"; it has: %s; add it to clouds or take "
		"another config",
		config && config->path[0] ? config->path : "no file", wanted->cloud, known);
}

static void take_enrol(struct plan_build *build)
{
	const struct job_enrol *wanted = &build->plan->job.enrol;
	const struct plan_options *options = build->options;
	struct plan_enrol *enrol = &build->plan->enrol;
	if (!wanted->wanted)
		return;
	enrol->wanted = true;
	memcpy(enrol->product_id, wanted->product_id, sizeof enrol->product_id);
	if (!build->plan->job.device_key.wanted)
		plan_refuse(build, wanted->line,
			"enrol: there is no device_key, so there is no key to enrol; "
			"add device_key or leave out enrol");
	if (options->cloud_url) {
		if (!take_virtual_cloud(options, wanted->cloud, &enrol->cloud))
			plan_refuse(build, wanted->line,
				"enrol: the address of the virtual cloud is too long");
		return;
	}
	const struct config_cloud *cloud =
		options->config ? config_cloud(options->config, wanted->cloud) : NULL;
	if (cloud)
		enrol->cloud = *cloud;
	else
		refuse_cloud(build, wanted);
}

void plan_take_keys(struct plan_build *build)
{
	take_device_key(build);
	take_server_key(build);
	check_two_keys(build);
	take_enrol(build);
}
