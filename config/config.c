/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cfgfile.h"
#include "scope.h"
#include "text.h"

#define STATE_DIR "/var/lib/station"

enum { PORT_DEPTH_MAX = 7 /* USB 2.0 4.1.1: tiers below the root */ };

static const char *const api_names[] = {
	[CLOUD_API_JSON] = "json", [CLOUD_API_PARTICLE] = "particle"
};

/* A name of a slot is also one of a folder: no ".", "..", hidden ones or options. */
bool config_name_ok(const char *name)
{
	size_t len = strlen(name);
	bool plain =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		len;
	return len && len < CONFIG_NAME_MAX && plain && name[0] != '.' && name[0] != '-';
}

static void check_name(const struct cfg *cfg, const char *key, const char *name)
{
	if (!config_name_ok(name))
		cfg_error(cfg, key,
			"must be letters, digits, '-', '_' and '.', beginning with a letter or "
			"digit");
}

static const char *skip_number(const char *text)
{
	size_t len = strspn(text, "0123456789");
	return len && len <= 3 && text[0] != '0' ? text + len : NULL;
}

/* "1-2.3": bus, port, and the ports of the hubs below, as the kernel writes them. */
static bool port_ok(const char *port)
{
	const char *at = skip_number(port);
	if (!at || *at != '-')
		return false;
	int depth = 0;
	do {
		at = skip_number(at + 1);
		depth++;
	} while (at && *at == '.' && depth < PORT_DEPTH_MAX);
	return at && !*at;
}

static void read_slot(const struct cfg *cfg, struct config_slot *slot, bool power_cycle)
{
	slot->power_cycle = cfg_bool_or(cfg, "power_cycle", power_cycle);
	cfg_text(cfg, "name", NULL, slot->name, sizeof slot->name);
	check_name(cfg, "name", slot->name);
	cfg_text(cfg, "port", NULL, slot->port, sizeof slot->port);
	if (!port_ok(slot->port))
		cfg_error(cfg, "port",
			"must be a USB port as the kernel names it, like 1-2 or 1-2.3");
	cfg_text(cfg, "controller", "", slot->controller, sizeof slot->controller);
}

bool config_slot_is_at(const struct config_slot *slot, const char *port, const char *controller)
{
	if (!slot->controller[0])
		return strcmp(slot->port, port) == 0;
	const char *own = strchr(slot->port, '-'), *other = strchr(port, '-');
	return strcmp(slot->controller, controller) == 0 && own && other && strcmp(own, other) == 0;
}

/* Without a controller a port is that port of any controller. */
static bool same_place(const struct config_slot *a, const struct config_slot *b)
{
	if (!a->controller[0] || !b->controller[0])
		return strcmp(a->port, b->port) == 0;
	return config_slot_is_at(a, b->port, b->controller);
}

static void read_slots(const struct cfg *root, struct config *config)
{
	struct cfg list, at;
	config->slot_count = cfg_list(root, "slots", false, CONFIG_SLOTS_MAX, &list);
	for (size_t i = 0; i < config->slot_count && cfg_list_group(&list, i, &at); i++) {
		struct config_slot *slot = &config->slots[i];
		read_slot(&at, slot, config->power_cycle);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(config->slots[k].name, slot->name) == 0)
				cfg_error(&at, "name", "there are two slots \"%s\"", slot->name);
			if (same_place(&config->slots[k], slot))
				cfg_error(&at, "port", "%s is already slot \"%s\"", slot->port,
					config->slots[k].name);
		}
	}
}

/* A password in a URL would end up in the record. */
static const char *url_fault(const char *url)
{
	static const char scheme[] = "https://";
	if (strncmp(url, scheme, sizeof scheme - 1) != 0)
		return "must begin with https://";
	const char *host = url + sizeof scheme - 1;
	size_t host_len = strcspn(host, "/?#");
	if (!host_len || host[0] == ':' || memchr(host, '{', host_len))
		return "has no host";
	if (memchr(host, '@', host_len))
		return "must not hold a user or password; use token_file";
	for (const char *at = host; *at; at++)
		if (*at <= ' ' || *at > '~' || strchr("\\\"<>^`|#", *at))
			return "holds a character that a URL cannot have";
	const char *id = strstr(host, "{device_id}");
	if (!id)
		return "must hold {device_id}, which stands for the unit's id";
	for (const char *at = host; *at; at++)
		if (strchr("{}", *at) && strncmp(at, "{device_id}", 11) != 0 &&
			(at - host < 10 || strncmp(at - 10, "{device_id}", 11) != 0))
			return "holds braces around something other than device_id";
	return NULL;
}

static void read_client(const struct cfg *cfg, struct config_cloud *cloud)
{
	cfg_path(cfg, "client_cert_file", "", cloud->client_cert_file,
		sizeof cloud->client_cert_file);
	cfg_path(cfg, "client_key_file", "", cloud->client_key_file, sizeof cloud->client_key_file);
	if (cloud->client_cert_file[0] && !cloud->client_key_file[0])
		cfg_error(cfg, "client_cert_file",
			"needs the private key of the certificate: client_key_file");
	if (cloud->client_key_file[0] && !cloud->client_cert_file[0])
		cfg_error(cfg, "client_key_file",
			"needs the certificate of the key: client_cert_file");
}

static void read_cloud(const struct cfg *cfg, struct config_cloud *cloud)
{
	cfg_text(cfg, "name", NULL, cloud->name, sizeof cloud->name);
	check_name(cfg, "name", cloud->name);
	cloud->api = (enum cloud_api)cfg_choice(cfg, "api", api_names, 2, -1);
	cfg_text(cfg, "url", NULL, cloud->url, sizeof cloud->url);
	const char *fault = url_fault(cloud->url);
	if (fault)
		cfg_error(cfg, "url", "%s", fault);
	cfg_path(cfg, "token_file", "", cloud->token_file, sizeof cloud->token_file);
	cfg_path(cfg, "ca_file", "", cloud->ca_file, sizeof cloud->ca_file);
	read_client(cfg, cloud);
	cloud->timeout_ms = (uint32_t)cfg_int_or(cfg, "timeout_ms", 100, 300000, 10000);
	cloud->retries = (uint32_t)cfg_int_or(cfg, "retries", 0, 100, 2);
	cloud->in_flight = (uint32_t)cfg_int_or(cfg, "in_flight", 1, 64, 8);
	cloud->settle_ms = (uint32_t)cfg_int_or(cfg, "settle_ms", 0, 60000, 2000);
}

static void read_clouds(const struct cfg *root, struct config *config)
{
	struct cfg list, at;
	config->cloud_count = cfg_list(root, "clouds", false, CONFIG_CLOUDS_MAX, &list);
	for (size_t i = 0; i < config->cloud_count && cfg_list_group(&list, i, &at); i++) {
		read_cloud(&at, &config->clouds[i]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(config->clouds[k].name, config->clouds[i].name) == 0)
				cfg_error(&at, "name", "there are two clouds \"%s\"",
					config->clouds[i].name);
	}
}

static void read_power(const struct cfg *root, struct config *config)
{
	struct cfg power;
	if (!cfg_group(root, "power", false, &power))
		return;
	config->power_cycle = cfg_bool_or(&power, "cycle", config->power_cycle);
	config->power_off_ms =
		(uint32_t)cfg_int_or(&power, "off_ms", 100, 60000, config->power_off_ms);
}

/* config holds the defaults. A station with a file must have an id of its own. */
static void read_station(const struct cfg *root, struct config *config)
{
	cfg_text(root, "id", NULL, config->id, sizeof config->id);
	check_name(root, "id", config->id);
	cfg_path(root, "state_dir", STATE_DIR, config->state_dir, sizeof config->state_dir);
	cfg_path(root, "record_copy_dir", "", config->record_copy_dir,
		sizeof config->record_copy_dir);
	config->parallel =
		(uint32_t)cfg_int_or(root, "parallel", 1, CONFIG_SLOTS_MAX, config->parallel);
	config->stagger_ms = (uint32_t)cfg_int_or(root, "stagger_ms", 0, 60000, config->stagger_ms);
	config->gone_wait_ms =
		(uint32_t)cfg_int_or(root, "gone_wait_ms", 0, 600000, config->gone_wait_ms);
	read_power(root, config);
	config->pinned_images = cfg_bool_or(root, "pinned_images", config->pinned_images);
	cfg_path(root, "signing_key_file", "", config->signing_key_file,
		sizeof config->signing_key_file);
	read_slots(root, config);
	read_clouds(root, config);
}

static void close_file(struct cfgfile **file)
{
	cfgfile_close(*file);
}

/* Takes the file. */
static bool read_config(struct cfgfile *taken, const struct cfg *root, const char *path,
	struct config *config, struct err *err)
{
	SCOPE_CLEANUP(close_file) struct cfgfile *file = taken;
	if (!text_copy(config->path, sizeof config->path, path))
		return err_set(err, REASON_INPUT, "the path of the config is longer than %d bytes",
			FS_PATH_MAX - 1);
	read_station(root, config);
	if (!cfgfile_end(file, err))
		return false;
	const char *text = cfgfile_text(file);
	return digest_sha256_hex(text, strlen(text), config->sha256, err);
}

static const struct config defaults = { .id = "station",
	.state_dir = STATE_DIR,
	.parallel = 16,
	.gone_wait_ms = 10000,
	.power_off_ms = 2000,
	.pinned_images = true };

bool config_parse(
	const char *path, const char *text, size_t len, struct config *ret, struct err *err)
{
	SCOPED_FREE struct config *config = calloc(1, sizeof *config);
	struct cfgfile *file;
	struct cfg root;
	if (!config)
		return err_set(err, REASON_STATION, "no memory for the config");
	*config = defaults;
	if (!cfgfile_parse(path, text, len, "station", &file, &root, err) ||
		!read_config(file, &root, path, config, err))
		return false;
	*ret = *config;
	return true;
}

static bool load_file(const char *path, struct config *config, struct err *err)
{
	struct cfgfile *file;
	struct cfg root;
	return cfgfile_open(path, "station", &file, &root, err) &&
	       read_config(file, &root, path, config, err);
}

bool config_load(const char *path, struct config *ret, struct err *err)
{
	SCOPED_FREE struct config *config = calloc(1, sizeof *config);
	if (!config)
		return err_set(err, REASON_STATION, "no memory for the config");
	*config = defaults;
	bool ok = path[0] ? load_file(path, config, err)
			  : digest_sha256_hex("", 0, config->sha256, err);
	if (ok)
		*ret = *config;
	return ok;
}

/* A STATION_CONFIG that does not exist is taken too: loading it then says so, and no other config
 * slips in. */
void config_share_folder(char ret[FS_PATH_MAX])
{
	char program[FS_PATH_MAX], folder[FS_PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
	program[len > 0 ? len : 0] = 0;
	fs_folder_of(folder, program);
	if (len <= 0 || !text_format(ret, FS_PATH_MAX, "%s/" STATION_SHARE_FROM_PROGRAM, folder))
		ret[0] = 0;
}

void config_find(char ret[FS_PATH_MAX])
{
	static const char *const places[] = { "/etc/station/station.cfg",
		STATION_SOURCE_DIR "/config/station.cfg" };
	const char *named = getenv("STATION_CONFIG");
	ret[0] = 0;
	if (named && named[0]) {
		size_t len = strnlen(named, FS_PATH_MAX - 1);
		memcpy(ret, named, len);
		ret[len] = 0;
		return;
	}
	for (size_t i = 0; i < sizeof places / sizeof places[0] && !ret[0]; i++)
		if (fs_exists(places[i]) && !text_copy(ret, FS_PATH_MAX, places[i]))
			ret[0] = 0;
}

const struct config_cloud *config_cloud(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->cloud_count; i++)
		if (strcmp(config->clouds[i].name, name) == 0)
			return &config->clouds[i];
	return NULL;
}
