/* SPDX-License-Identifier: Apache-2.0 */
#include "job_returns.h"

#include <string.h>

#include "bytes.h"
#include "cfgfile.h"

enum { KEEP_DAYS = 365, KEEP_DAYS_MAX = 36500 };

const char *repair_act_name(unsigned index)
{
	static const char *const names[ACT_COUNT] = { "replace-device-key", "wipe-customer-data",
		"no-backup" };
	return index < ACT_COUNT ? names[index] : "";
}

static void read_recipient(const struct cfg *group, struct job_recipient *ret)
{
	uint8_t bytes[SHA256_LEN];
	cfg_path(group, "file", NULL, ret->file, sizeof ret->file);
	cfg_text(group, "sha256", "", ret->sha256, sizeof ret->sha256);
	ret->line = cfg_line(group, "file");
	if (!ret->sha256[0] || cfg_failed(group))
		return;
	if (bytes_from_hex(ret->sha256, bytes, sizeof bytes))
		bytes_to_hex(bytes, sizeof bytes, ret->sha256);
	else
		cfg_error(group, "sha256",
			"is not 64 hexadecimal digits: the SHA-256 fingerprint of the certificate, "
			"without colons");
}

static void read_backup(const struct cfg *root, struct job_backup *backup)
{
	struct cfg group, list, one;
	backup->keep_days = KEEP_DAYS;
	if (!cfg_group(root, "backup", false, &group))
		return;
	size_t count = cfg_list(&group, "recipients", true, JOB_RECIPIENTS_MAX, &list);
	if (count == 0)
		cfg_error(&group, "recipients",
			"names nobody; a backup is encrypted, and somebody has to be able to open it");
	for (size_t i = 0; i < count && cfg_list_group(&list, i, &one); i++)
		read_recipient(&one, &backup->recipients[backup->recipient_count++]);
	backup->keep_days = (uint32_t)cfg_int_or(&group, "keep_days", 0, KEEP_DAYS_MAX, KEEP_DAYS);
}

static void read_allowed(const struct cfg *group, unsigned *allow)
{
	struct cfg list;
	size_t count = cfg_list(group, "allow", false, ACT_COUNT, &list);
	for (size_t i = 0; i < count; i++) {
		char name[32] = "";
		unsigned act = 0;
		cfg_list_text(&list, i, name, sizeof name);
		if (cfg_failed(group))
			return;
		while (act < ACT_COUNT && strcmp(name, repair_act_name(act)) != 0)
			act++;
		if (act == ACT_COUNT)
			cfg_error(group, "allow",
				"\"%s\" is none of replace-device-key, wipe-customer-data, no-backup",
				name);
		*allow |= 1u << act;
	}
}

static enum returns_policy read_policy(
	const struct cfg *group, const char *key, const char *renew, const char *keep, int fallback)
{
	const char *const names[] = { renew, keep };
	return (enum returns_policy)cfg_choice(group, key, names, 2, fallback);
}

/* What a job gets that says nothing: the unit becomes like a new one, and what is right already is
 * not worn out. */
static void read_reprovision(const struct cfg *root, struct job_reprovision *ret)
{
	struct cfg group;
	*ret = (struct job_reprovision){ RETURNS_KEEP, RETURNS_RENEW, RETURNS_KEEP, RETURNS_RENEW,
		true, 0 };
	if (!cfg_group(root, "reprovision", false, &group))
		return;
	ret->images = read_policy(&group, "images", "always", "changed", RETURNS_KEEP);
	ret->device_key = read_policy(&group, "device_key", "new", "keep-valid", RETURNS_RENEW);
	ret->server_key = read_policy(&group, "server_key", "new", "keep-valid", RETURNS_KEEP);
	ret->customer = read_policy(&group, "customer_data", "wipe", "keep", RETURNS_RENEW);
	ret->backup = cfg_bool_or(&group, "backup", true);
	read_allowed(&group, &ret->allow);
}

void job_returns_read(const struct cfg *root, struct job_returns *ret)
{
	read_backup(root, &ret->backup);
	read_reprovision(root, &ret->reprovision);
}
