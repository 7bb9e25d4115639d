/* SPDX-License-Identifier: Apache-2.0 */
#include "list_rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "scope.h"

#define RULE "60-station.rules"

enum { RULE_BYTES = 16384 };

/* A file that cannot be read is "". */
static char *read_text(const char *path)
{
	uint8_t *bytes = NULL;
	size_t len;
	struct err ignored;
	if (!fs_read(path, RULE_BYTES, REASON_STATION, &bytes, &len, &ignored))
		return strdup("");
	return (char *)bytes;
}

static enum survey_rule installed_rule(const char *shipped)
{
	static const char *const places[] = { "/etc/udev/rules.d/" RULE,
		"/usr/lib/udev/rules.d/" RULE, "/lib/udev/rules.d/" RULE };
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (!fs_exists(places[i]))
			continue;
		SCOPED_FREE char *text = read_text(places[i]);
		return text && strcmp(text, shipped) == 0 ? SURVEY_RULE_THERE : SURVEY_RULE_OTHER;
	}
	return SURVEY_RULE_MISSING;
}

bool list_rule_find(struct list_rule *ret, struct err *err)
{
	char share[FS_PATH_MAX];
	config_share_folder(share);
	if (!share[0] || !fs_join(ret->path, share, RULE, err) || !fs_exists(ret->path))
		snprintf(ret->path, sizeof ret->path, STATION_SOURCE_DIR "/station/usb/" RULE);
	ret->text = read_text(ret->path);
	if (!ret->text)
		return err_set(err, REASON_STATION, "no memory for the udev rule");
	ret->installed = installed_rule(ret->text);
	snprintf(ret->commands[0], sizeof ret->commands[0], "cp %s /etc/udev/rules.d/", ret->path);
	snprintf(ret->commands[1], sizeof ret->commands[1],
		"udevadm control --reload && udevadm trigger --subsystem-match=usb");
	return true;
}

void list_rule_done(struct list_rule *rule)
{
	free(rule->text);
	rule->text = NULL;
}
