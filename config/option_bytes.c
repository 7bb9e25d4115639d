/* SPDX-License-Identifier: Apache-2.0 */
#include "option_bytes.h"

#include <string.h>

#include "bytes.h"

static unsigned shift_of(uint32_t mask)
{
	unsigned shift = 0;
	while (mask && !(mask >> shift & 1))
		shift++;
	return shift;
}

const struct option_field *option_field(const struct option_bytes *options, const char *name)
{
	for (size_t i = 0; i < options->field_count; i++)
		if (strcmp(options->fields[i].name, name) == 0)
			return &options->fields[i];
	return NULL;
}

uint32_t option_value(const struct option_field *field, const uint8_t *bytes)
{
	uint32_t value = 0;
	for (unsigned i = 0; i < field->size; i++)
		value |= (uint32_t)bytes[field->offset + i] << 8 * i;
	return (value & field->mask) >> shift_of(field->mask);
}

uint32_t option_limit(const struct option_field *field)
{
	return field->mask >> shift_of(field->mask);
}

unsigned option_read_level(const struct option_bytes *options, const uint8_t *bytes)
{
	if (options->read_field < 0)
		return 0;
	uint32_t value = option_value(&options->fields[options->read_field], bytes);
	if (value == options->level_0)
		return 0;
	return value == options->level_2 ? 2 : 1;
}

bool option_is_protected(const struct option_bytes *options, const uint8_t *bytes, uint32_t sector)
{
	if (options->write_field < 0)
		return false;
	const struct option_field *field = &options->fields[options->write_field];
	unsigned shift = shift_of(field->mask);
	return sector < 32 - shift && (field->mask >> shift >> sector & 1) &&
	       !(option_value(field, bytes) >> sector & 1);
}

static void read_field(
	const struct cfg *cfg, const struct option_bytes *options, struct option_field *field)
{
	cfg_text(cfg, "name", NULL, field->name, sizeof field->name);
	field->offset = (uint16_t)cfg_int(cfg, "offset", 0, OPTION_BYTES_MAX - 1);
	field->size = (uint8_t)cfg_int_or(cfg, "size", 1, 4, 1);
	if (cfg_failed(cfg))
		return;
	int64_t whole = (INT64_C(1) << 8 * field->size) - 1;
	field->mask = (uint32_t)cfg_int_or(cfg, "mask", 1, whole, whole);
	if (strspn(field->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(field->name) ||
		!field->name[0])
		cfg_error(cfg, "name", "must have lower-case letters, digits and '-' only");
	if (option_field(options, field->name))
		cfg_error(cfg, "name", "there are two fields \"%s\"", field->name);
	if (field->size == 3)
		cfg_error(cfg, "size", "must be 1, 2 or 4");
	if (field->offset + field->size > options->size)
		cfg_error(cfg, "offset", "%u bytes at %u are not inside the %u option bytes",
			field->size, field->offset, options->size);
}

/* The field that a group names: its index, -1 with an error. */
static int named_field(const struct cfg *group, const struct option_bytes *options)
{
	char name[OPTION_NAME_MAX];
	cfg_text(group, "field", NULL, name, sizeof name);
	const struct option_field *field = option_field(options, name);
	if (!field && !cfg_failed(group))
		cfg_error(group, "field", "there is no field \"%s\"", name);
	return field ? (int)(field - options->fields) : -1;
}

static void read_protections(const struct cfg *cfg, struct option_bytes *options)
{
	struct cfg group;
	options->read_field = options->write_field = -1;
	if (cfg_group(cfg, "read_protection", false, &group)) {
		options->read_field = named_field(&group, options);
		options->level_0 = (uint32_t)cfg_int(&group, "level_0", 0, UINT32_MAX);
		options->level_2 = (uint32_t)cfg_int(&group, "level_2", 0, UINT32_MAX);
	}
	if (cfg_group(cfg, "write_protection", false, &group)) {
		options->write_field = named_field(&group, options);
		options->protected_alt = (uint8_t)cfg_int(&group, "alt", 0, UINT8_MAX);
	}
}

void option_bytes_read(const struct cfg *root, struct option_bytes *ret)
{
	struct cfg cfg, list, entry;
	*ret = (struct option_bytes){ .read_field = -1, .write_field = -1 };
	if (!cfg_group(root, "option_bytes", false, &cfg))
		return;
	ret->known = true;
	ret->alt = (uint8_t)cfg_int(&cfg, "alt", 0, UINT8_MAX);
	ret->addr = (uint32_t)cfg_int(&cfg, "address", 0, UINT32_MAX);
	ret->size = (uint16_t)cfg_int(&cfg, "size", 1, OPTION_BYTES_MAX);
	size_t count = cfg_list(&cfg, "fields", false, OPTION_FIELDS_MAX, &list);
	for (size_t i = 0; i < count && cfg_list_group(&list, i, &entry); i++) {
		read_field(&entry, ret, &ret->fields[i]);
		ret->field_count = i + 1;
	}
	read_protections(&cfg, ret);
}
