/* SPDX-License-Identifier: Apache-2.0 */
/* What this station is: its slots, clouds, folders and limits. config/station.cfg is the annotated
 * example. Plain storage, const after config_load. Secrets are file names, never values. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "fs.h"

enum {
	CONFIG_NAME_MAX = 32,
	CONFIG_SLOTS_MAX = 128,
	CONFIG_CLOUDS_MAX = 8,
	CONFIG_URL_MAX = 512,
	CONFIG_PORT_MAX = 40,
	CONFIG_CONTROLLER_MAX = 96
};

struct config_slot {
	char name[CONFIG_NAME_MAX];		/* letters, digits, '-', '_', '.': it names folders too */
	char port[CONFIG_PORT_MAX];		/* "1-2.3" */
	char controller[CONFIG_CONTROLLER_MAX]; /* "" = any */
	bool power_cycle; /* the hub may switch its power off and on to restart a unit */
};

enum cloud_api { CLOUD_API_JSON, CLOUD_API_PARTICLE };

struct config_cloud {
	char name[CONFIG_NAME_MAX];
	enum cloud_api api;
	char url[CONFIG_URL_MAX]; /* https:// only; "{device_id}" stands for the id */
	char token_file[FS_PATH_MAX]; /* "" = none */
	char ca_file[FS_PATH_MAX];    /* "" = the system's authorities */
	char client_cert_file[FS_PATH_MAX], client_key_file[FS_PATH_MAX]; /* PEM; both or none ("") */
	uint32_t timeout_ms;	      /* one request */
	uint32_t retries;	      /* further tries after the first within one attempt */
	uint32_t in_flight;	      /* requests at once, 1-64 */
	uint32_t settle_ms;	      /* api particle: from a send of unknown fate to the next one */
};

struct config {
	char path[FS_PATH_MAX];	 /* "" = defaults, no file */
	char sha256[SHA256_HEX]; /* of the file; of "" without one */
	char id[CONFIG_NAME_MAX];
	char state_dir[FS_PATH_MAX];
	char record_copy_dir[FS_PATH_MAX]; /* "" = none */
	uint32_t parallel;		   /* units in work at once */
	uint32_t stagger_ms;		   /* between the starts of two units */
	uint32_t gone_wait_ms;		   /* how long a unit that vanished is waited for; 0 = not at all */
	bool power_cycle;		   /* of the slots that do not say otherwise */
	uint32_t power_off_ms;
	bool pinned_images;		   /* a real run wants sha256 for every image */
	char signing_key_file[FS_PATH_MAX]; /* Ed25519, PEM; "" = seals are not signed */
	struct config_slot slots[CONFIG_SLOTS_MAX];
	size_t slot_count;
	struct config_cloud clouds[CONFIG_CLOUDS_MAX];
	size_t cloud_count;
};

/* Is it this port of this controller? Under a controller of its own the number of the bus, which
 * may change at a boot, does not count. */
bool config_slot_is_at(const struct config_slot *slot, const char *port, const char *controller);
/* path "": the defaults, without slots and clouds. */
bool config_load(const char *path, struct config *ret, struct err *err) MUST_CHECK;
/* The same for the text of a file that would stand at path. */
bool config_parse(const char *path, const char *text, size_t len, struct config *ret,
	struct err *err) MUST_CHECK;
/* The text with these slots instead of its own; all else stays byte for byte (comments among the
 * slots stand behind the new ones). Checked: the result is this config but for the slots. *ret is
 * heap, with a NUL behind it. REASON_INPUT. */
bool config_with_slots(const char *path, const char *text, size_t len,
	const struct config_slot *slots, size_t count, char **ret, size_t *ret_len, struct err *err)
	MUST_CHECK;
/* Can a station, a cloud or a slot have this name? */
bool config_name_ok(const char *name);
/* The installed share folder, found from where the running program stands; "" if that cannot be
 * told. It need not exist. */
void config_share_folder(char ret[FS_PATH_MAX]);
/* The path to use without --config: $STATION_CONFIG, /etc/station/station.cfg, the source tree's
 * config/station.cfg; "" if none exists. */
void config_find(char ret[FS_PATH_MAX]);
const struct config_cloud *config_cloud(const struct config *config, const char *name); /* NULL if unknown */
