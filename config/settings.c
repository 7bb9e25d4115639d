/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include "cfgfile.h"

static const char *const role_names[SETTING_ROLES] = {
	[SETTING_CLAIMED] = "claimed", [SETTING_FLAG] = "flag", [SETTING_CUSTOMER] = "customer"
};

static void read_setting(const struct cfg *cfg, struct setting *setting)
{
	cfg_text(cfg, "name", NULL, setting->name, sizeof setting->name);
	setting->role = (enum setting_role)cfg_choice(cfg, "role", role_names, SETTING_ROLES, -1);
	setting->alt = (uint8_t)cfg_int(cfg, "alt", 0, UINT8_MAX);
	setting->addr = (uint32_t)cfg_int(cfg, "address", 0, UINT32_MAX);
	setting->idle = (uint8_t)cfg_int_or(cfg, "idle", 0, UINT8_MAX, UINT8_MAX);
	cfg_text(cfg, "text", NULL, setting->text, sizeof setting->text);
	if (setting->role == SETTING_CUSTOMER) {
		setting->size = (uint32_t)cfg_int(cfg, "size", 1, UINT32_MAX);
		return;
	}
	setting->size = (uint32_t)cfg_int_or(cfg, "size", 1, SETTING_FLAG_MAX, 1);
	setting->value = (uint32_t)cfg_int(
		cfg, "value", 0, (int64_t)((UINT64_C(1) << 8 * setting->size) - 1));
}

void settings_read(const struct cfg *root, struct settings *ret)
{
	struct cfg list, entry;
	ret->count = cfg_list(root, "settings", false, SETTINGS_MAX, &list);
	for (size_t i = 0; i < ret->count && cfg_list_group(&list, i, &entry); i++)
		read_setting(&entry, &ret->list[i]);
	ret->hidden_count = cfg_list(root, "hidden", false, SETTINGS_HIDDEN_MAX, &list);
	for (size_t i = 0; i < ret->hidden_count && !cfg_failed(root); i++)
		cfg_list_text(&list, i, ret->hidden[i], sizeof ret->hidden[i]);
}
