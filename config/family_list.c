/* SPDX-License-Identifier: Apache-2.0 */
/* All families of the folders where profiles are looked for. */
#include "family.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "scope.h"

struct listing {
	const char *config_folder;
	void (*broken)(void *context, const char *text);
	void *context;
	char names[FAMILY_LIST_MAX][FAMILY_NAME_MAX];
	size_t count;
};

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static void add_name(struct listing *listing, const char *file)
{
	static const char ending[] = ".cfg";
	size_t len = strlen(file);
	if (len < sizeof ending || strcmp(file + len - (sizeof ending - 1), ending) != 0)
		return;
	len -= sizeof ending - 1;
	if (len >= FAMILY_NAME_MAX || listing->count == FAMILY_LIST_MAX)
		return;
	char *name = listing->names[listing->count];
	memcpy(name, file, len);
	name[len] = 0;
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->names[i], name) == 0)
			return;
	listing->count++;
}

/* A folder that is not there has no profiles. */
static void add_folder(struct listing *listing, const char *path)
{
	SCOPE_CLEANUP(close_folder) DIR *folder = opendir(path);
	for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;)
		if (entry->d_name[0] != '.')
			add_name(listing, entry->d_name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static size_t load(const struct listing *listing, struct family *families)
{
	size_t count = 0;
	for (size_t i = 0; i < listing->count; i++) {
		struct err err;
		if (family_find(
			    listing->names[i], "", listing->config_folder, &families[count], &err))
			count++;
		else
			listing->broken(listing->context, err.text);
	}
	return count;
}

bool family_list(const char *config_folder, void (*broken)(void *context, const char *text),
	void *context, struct family **ret, size_t *ret_count, struct err *err)
{
	char own[FS_PATH_MAX], share[FS_PATH_MAX], installed[FS_PATH_MAX];
	SCOPED_FREE struct listing *listing = calloc(1, sizeof *listing);
	if (!listing)
		return err_set(err, REASON_STATION, "no memory for the families");
	listing->config_folder = config_folder;
	listing->broken = broken;
	listing->context = context;
	if (config_folder[0] && !fs_join(own, config_folder, "families", err))
		return false;
	config_share_folder(share);
	if (!fs_join(installed, share, "families", err))
		return false;
	if (config_folder[0])
		add_folder(listing, own);
	if (share[0])
		add_folder(listing, installed);
	add_folder(listing, STATION_SOURCE_DIR "/config/families");
	qsort(listing->names, listing->count, sizeof listing->names[0], by_name);
	struct family *families = calloc(listing->count + 1, sizeof *families);
	if (!families)
		return err_set(err, REASON_STATION, "no memory for the families");
	*ret_count = load(listing, families);
	*ret = families;
	return true;
}
