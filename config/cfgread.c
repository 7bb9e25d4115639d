/* SPDX-License-Identifier: Apache-2.0 */
/* The typed reads of cfgfile.h. */
#include "cfgfile_private.h"

#include <string.h>

#include "fs.h"
#include "text.h"

static const char *type_name(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		return "a text";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "an integer";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	default:
		return "a list";
	}
}

static void fail_type(const struct cfg *cfg, const config_setting_t *setting, const char *wanted)
{
	cfgfile_fail(cfg->file, setting, NULL, "is %s, must be %s", type_name(setting), wanted);
}

/* NULL after an error, and if the key is not there. */
static config_setting_t *find(const struct cfg *cfg, const char *key, bool required)
{
	config_setting_t *found = NULL;
	if (cfg->file->failed)
		return NULL;
	if (cfg->setting) {
		cfgfile_ask(cfg->file, cfg->setting, key);
		found = config_setting_get_member(cfg->setting, key);
	}
	if (!found && required)
		cfgfile_fail(cfg->file, cfg->setting, key, "missing");
	return found;
}

/* The same for entry i of a list. */
static config_setting_t *find_entry(const struct cfg *list, size_t i)
{
	if (list->file->failed || !list->setting)
		return NULL;
	config_setting_t *found = config_setting_get_elem(list->setting, (unsigned)i);
	if (!found)
		cfgfile_fail(list->file, list->setting, NULL, "has no entry %zu", i);
	return found;
}

bool cfg_has(const struct cfg *cfg, const char *key)
{
	return find(cfg, key, false) != NULL;
}

static void take_text(const struct cfg *cfg, const config_setting_t *setting, char *to, size_t cap)
{
	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		fail_type(cfg, setting, "a text in \"quotes\"");
	else if (!text_copy(to, cap, config_setting_get_string(setting)))
		cfgfile_fail(
			cfg->file, setting, NULL, "the text is longer than %zu bytes", cap - 1);
}

void cfg_text(const struct cfg *cfg, const char *key, const char *fallback, char *to, size_t cap)
{
	to[0] = 0;
	const config_setting_t *found = find(cfg, key, !fallback);
	if (found)
		take_text(cfg, found, to, cap);
	else if (fallback && !text_copy(to, cap, fallback))
		cfgfile_fail(cfg->file, cfg->setting, key,
			"the default text is longer than %zu bytes", cap - 1);
}

int cfg_choice(const struct cfg *cfg, const char *key, const char *const *names, size_t count,
	int fallback)
{
	const config_setting_t *found = find(cfg, key, fallback < 0);
	int none = fallback < 0 ? 0 : fallback;
	if (!found)
		return none;
	if (config_setting_type(found) != CONFIG_TYPE_STRING) {
		fail_type(cfg, found, "a text in \"quotes\"");
		return none;
	}
	struct text_buf allowed;
	text_buf_init(&allowed, CFG_MESSAGE_MAX - 128);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], config_setting_get_string(found)) == 0) {
			text_buf_done(&allowed);
			return (int)i;
		}
		text_buf_addf(&allowed, "%s%s", i ? ", " : "", names[i]);
	}
	cfgfile_fail(cfg->file, found, NULL, "is \"%.64s\", must be one of: %s",
		config_setting_get_string(found), allowed.text ? allowed.text : "");
	text_buf_done(&allowed);
	return none;
}

static int64_t take_int(const struct cfg *cfg, const config_setting_t *setting, int64_t min,
	int64_t max, int64_t none)
{
	int type = config_setting_type(setting);
	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		fail_type(cfg, setting, "an integer");
		return none;
	}
	int64_t value = config_setting_get_int64(setting);
	if (value >= min && value <= max)
		return value;
	cfgfile_fail(cfg->file, setting, NULL, "is %lld (0x%llx), must be from %lld to %lld",
		(long long)value, (unsigned long long)value, (long long)min, (long long)max);
	return none;
}

int64_t cfg_int(const struct cfg *cfg, const char *key, int64_t min, int64_t max)
{
	const config_setting_t *found = find(cfg, key, true);
	return found ? take_int(cfg, found, min, max, min) : min;
}

int64_t cfg_int_or(
	const struct cfg *cfg, const char *key, int64_t min, int64_t max, int64_t fallback)
{
	const config_setting_t *found = find(cfg, key, false);
	return found ? take_int(cfg, found, min, max, fallback) : fallback;
}

double cfg_number_or(
	const struct cfg *cfg, const char *key, double min, double max, double fallback)
{
	const config_setting_t *found = find(cfg, key, false);
	if (!found)
		return fallback;
	if (!config_setting_is_number(found)) {
		fail_type(cfg, found, "a number");
		return fallback;
	}
	double value = config_setting_type(found) == CONFIG_TYPE_FLOAT
			       ? config_setting_get_float(found)
			       : (double)config_setting_get_int64(found);
	if (value >= min && value <= max)
		return value;
	cfgfile_fail(cfg->file, found, NULL, "is %g, must be from %g to %g", value, min, max);
	return fallback;
}

bool cfg_bool_or(const struct cfg *cfg, const char *key, bool fallback)
{
	const config_setting_t *found = find(cfg, key, false);
	if (!found)
		return fallback;
	if (config_setting_type(found) == CONFIG_TYPE_BOOL)
		return config_setting_get_bool(found);
	fail_type(cfg, found, "true or false");
	return fallback;
}

void cfg_path(const struct cfg *cfg, const char *key, const char *fallback, char *to, size_t cap)
{
	char name[FS_PATH_MAX], folder[FS_PATH_MAX], whole[FS_PATH_MAX];
	struct err err = { 0 };
	to[0] = 0;
	cfg_text(cfg, key, fallback, name, sizeof name);
	if (cfg->file->failed)
		return;
	if (!name[0]) {
		if (!fallback || fallback[0])
			cfg_error(cfg, key, "is empty, must be a path");
		return;
	}
	fs_folder_of(folder, cfg->file->path);
	if (!fs_join(whole, folder, name, &err) || !text_copy(to, cap, whole))
		cfg_error(cfg, key, "the path is longer than %zu bytes", cap - 1);
}

bool cfg_group(const struct cfg *cfg, const char *key, bool required, struct cfg *ret)
{
	config_setting_t *found = find(cfg, key, required);
	*ret = (struct cfg){ cfg->file, NULL };
	if (!found)
		return false;
	if (!config_setting_is_group(found)) {
		fail_type(cfg, found, "a group { }");
		return false;
	}
	cfgfile_ask(cfg->file, found, NULL);
	ret->setting = found;
	return true;
}

size_t cfg_list(const struct cfg *cfg, const char *key, bool required, size_t max, struct cfg *ret)
{
	config_setting_t *found = find(cfg, key, required);
	*ret = (struct cfg){ cfg->file, NULL };
	if (!found)
		return 0;
	if (!config_setting_is_list(found) && !config_setting_is_array(found)) {
		fail_type(cfg, found, "a list ( )");
		return 0;
	}
	size_t count = (size_t)config_setting_length(found);
	if (count > max) {
		cfgfile_fail(cfg->file, found, NULL, "has %zu entries, at most %zu are allowed",
			count, max);
		return 0;
	}
	ret->setting = found;
	return count;
}

bool cfg_list_group(const struct cfg *list, size_t i, struct cfg *ret)
{
	config_setting_t *found = find_entry(list, i);
	*ret = (struct cfg){ list->file, NULL };
	if (!found)
		return false;
	if (!config_setting_is_group(found)) {
		fail_type(list, found, "a group { }");
		return false;
	}
	cfgfile_ask(list->file, found, NULL);
	ret->setting = found;
	return true;
}

void cfg_list_text(const struct cfg *list, size_t i, char *to, size_t cap)
{
	to[0] = 0;
	const config_setting_t *found = find_entry(list, i);
	if (found)
		take_text(list, found, to, cap);
}

int64_t cfg_list_int(const struct cfg *list, size_t i, int64_t min, int64_t max)
{
	const config_setting_t *found = find_entry(list, i);
	return found ? take_int(list, found, min, max, min) : min;
}
