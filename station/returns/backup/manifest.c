/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "text.h"

#define FORMAT "station-backup"

/* --- out --- */

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *piece_json(const struct piece *piece)
{
	return json_pack("{ss ss si sI sI sb ss}", "file", piece->file, "name", piece->name, "alt",
		(int)piece->alt, "address", (json_int_t)piece->addr, "size",
		(json_int_t)piece->size, "hidden", (int)piece->hidden, "sha256", piece->sha256);
}

bool manifest_write(const struct manifest *manifest, char **ret, size_t *ret_len, struct err *err)
{
	json_t *pieces = json_array();
	for (size_t i = 0; i < manifest->piece_count; i++)
		json_array_append_new(pieces, piece_json(&manifest->pieces[i]));
	json_t *json = json_pack("{ss si so ss so so ss sI ss ss so}", "format", FORMAT, "version",
		MANIFEST_VERSION, "device_id", text_or_null(manifest->device_id), "family",
		manifest->family, "usb_serial", text_or_null(manifest->usb_serial),
		"bootloader_version",
		manifest->bootloader_version >= 0 ? json_integer(manifest->bootloader_version)
						  : json_null(),
		"attempt_id", manifest->attempt_id, "time", (json_int_t)manifest->at, "station",
		manifest->station, "software_version", manifest->software_version, "regions",
		pieces);
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	json_decref(json);
	if (!text)
		return err_set(err, REASON_STATION, "cannot write the manifest of a backup");
	*ret = text;
	*ret_len = strlen(text);
	return true;
}

/* --- in --- */

static bool wrong(struct err *err, const char *what)
{
	return err_set(err, REASON_INPUT, "its manifest has no usable %s", what);
}

static bool get_text(
	const json_t *from, const char *key, bool or_null, char *to, size_t cap, struct err *err)
{
	const json_t *value = json_object_get(from, key);
	const char *text = json_is_null(value) && or_null ? "" : json_string_value(value);
	if (!text || (!text[0] && !or_null) || strlen(text) >= cap)
		return wrong(err, key);
	for (const char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			return wrong(err, key);
	memcpy(to, text, strlen(text) + 1);
	return true;
}

/* Hexadecimal digits of lower case, so many. */
static bool get_hex(
	const json_t *from, const char *key, bool or_null, char *to, size_t cap, struct err *err)
{
	if (!get_text(from, key, or_null, to, cap, err))
		return false;
	size_t len = strlen(to);
	return (or_null && !len) || (len == cap - 1 && strspn(to, "0123456789abcdef") == len) ||
	       wrong(err, key);
}

static bool get_int(const json_t *from, const char *key, int64_t min, int64_t max, int64_t *ret,
	struct err *err)
{
	const json_t *value = json_object_get(from, key);
	if (!json_is_integer(value) || json_integer_value(value) < min ||
		json_integer_value(value) > max)
		return wrong(err, key);
	*ret = json_integer_value(value);
	return true;
}

static bool name_file(struct piece *piece, struct err *err)
{
	return text_format(piece->file, sizeof piece->file, "alt%u-%08" PRIx32 "-%s.bin",
		       piece->alt, piece->addr, piece->name) ||
	       err_set(err, REASON_INPUT, "the name %s is too long", piece->name);
}

static bool get_piece(const json_t *from, struct piece *ret, struct err *err)
{
	int64_t alt, addr, size;
	struct piece named;
	const json_t *hidden = json_object_get(from, "hidden");
	if (!json_is_boolean(hidden))
		return wrong(err, "hidden");
	ret->hidden = json_is_true(hidden);
	if (!get_text(from, "name", false, ret->name, sizeof ret->name, err) ||
		!get_text(from, "file", false, ret->file, sizeof ret->file, err) ||
		!get_int(from, "alt", 0, UINT8_MAX, &alt, err) ||
		!get_int(from, "address", 0, UINT32_MAX, &addr, err) ||
		!get_int(from, "size", 1, (int64_t)UINT32_MAX + 1 - addr, &size, err) ||
		!get_hex(from, "sha256", false, ret->sha256, sizeof ret->sha256, err))
		return false;
	if (size > UINT32_MAX)
		return wrong(err, "size");
	ret->alt = (uint8_t)alt;
	ret->addr = (uint32_t)addr;
	ret->size = (uint32_t)size;
	named = *ret;
	return name_file(&named, err) && (strcmp(named.file, ret->file) == 0 || wrong(err, "file"));
}

static bool get_pieces(const json_t *from, struct manifest *ret, struct err *err)
{
	const json_t *list = json_object_get(from, "regions");
	size_t count = json_array_size(list);
	if (!json_is_array(list) || count == 0 || count > MANIFEST_PIECES_MAX)
		return wrong(err, "list of regions");
	for (size_t i = 0; i < count; i++)
		if (!get_piece(json_array_get(list, i), &ret->pieces[i], err))
			return err_at(err, "regions[%zu]", i);
	ret->piece_count = count;
	return true;
}

static bool get_bootloader(const json_t *from, struct manifest *ret, struct err *err)
{
	int64_t version = -1;
	if (!json_is_null(json_object_get(from, "bootloader_version")) &&
		!get_int(from, "bootloader_version", 0, UINT16_MAX, &version, err))
		return false;
	ret->bootloader_version = (int)version;
	return true;
}

static bool read_all(const json_t *json, struct manifest *ret, struct err *err)
{
	char format[32];
	int64_t version;
	if (!get_text(json, "format", false, format, sizeof format, err) ||
		!get_int(json, "version", 0, INT32_MAX, &version, err))
		return false;
	if (strcmp(format, FORMAT) != 0)
		return err_set(err, REASON_INPUT, "its manifest is not that of a backup");
	if (version != MANIFEST_VERSION)
		return err_set(err, REASON_INPUT,
			"its format has version %" PRId64
			", this program knows %d: use a newer program",
			version, MANIFEST_VERSION);
	return get_hex(json, "device_id", true, ret->device_id, sizeof ret->device_id, err) &&
	       get_text(json, "family", false, ret->family, sizeof ret->family, err) &&
	       get_text(json, "usb_serial", true, ret->usb_serial, sizeof ret->usb_serial, err) &&
	       get_bootloader(json, ret, err) &&
	       get_text(json, "attempt_id", false, ret->attempt_id, sizeof ret->attempt_id, err) &&
	       get_int(json, "time", 0, INT64_MAX / 2, &ret->at, err) &&
	       get_text(json, "station", false, ret->station, sizeof ret->station, err) &&
	       get_text(json, "software_version", false, ret->software_version,
		       sizeof ret->software_version, err) &&
	       get_pieces(json, ret, err);
}

bool manifest_parse(const char *text, size_t len, struct manifest *ret, struct err *err)
{
	json_error_t where;
	json_t *json =
		len <= MANIFEST_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &where) : NULL;
	struct manifest *manifest = calloc(1, sizeof *manifest);
	bool good = json && manifest && read_all(json, manifest, err);
	if (!manifest)
		err_set(err, REASON_STATION, "no memory for a manifest");
	else if (!json)
		err_set(err, REASON_INPUT, "its manifest is no JSON of at most %d bytes",
			MANIFEST_MAX);
	if (good)
		*ret = *manifest;
	free(manifest);
	json_decref(json);
	return good;
}
