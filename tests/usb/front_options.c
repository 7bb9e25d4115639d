/* SPDX-License-Identifier: Apache-2.0 */
#include "front_options.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "vfault_file.h"

static bool read_options(int argc, char **argv, struct front_options *ret)
{
	static const struct option known[] = { { "units", required_argument, NULL, 'u' },
		{ "family", required_argument, NULL, 'f' },
		{ "folder", required_argument, NULL, 'd' },
		{ "speed", required_argument, NULL, 's' }, { "mode", required_argument, NULL, 'm' },
		{ "faults", required_argument, NULL, 'x' }, { "old", no_argument, NULL, 'o' },
		{ "controllers", required_argument, NULL, 'c' },
		{ "power", no_argument, NULL, 'p' }, { 0 } };
	int option;
	*ret = (struct front_options){
		.units = 1, .family = "core", .mode = "dfu", .controllers = 1
	};
	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		if (option == 'u')
			ret->units = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'f')
			ret->family = optarg;
		else if (option == 'd')
			ret->folder = optarg;
		else if (option == 's')
			ret->speed = strtod(optarg, NULL);
		else if (option == 'x')
			ret->faults = optarg;
		else if (option == 'o')
			ret->old = true;
		else if (option == 'p')
			ret->power = true;
		else if (option == 'm')
			ret->mode = optarg;
		else if (option == 'c')
			ret->controllers = (unsigned)strtoul(optarg, NULL, 10);
		else
			return false;
	}
	ret->command = argv + optind;
	return ret->command[0] && ret->units >= 1 && ret->units <= FRONT_UNITS_MAX &&
	       ret->speed >= 0;
}

/* One that is to run has credentials, so that it does not listen. */
static bool make_unit(
	const char *folder, const struct front_options *options, unsigned i, struct err *err)
{
	static const enum vunit_bootloader newest[VUNIT_FAMILY_COUNT] = {
		[VUNIT_CORE] = VUNIT_CORE_1_4_4,
		[VUNIT_PHOTON] = VUNIT_PHOTON_1_4_4,
		[VUNIT_P1] = VUNIT_P1_1_4_4,
		[VUNIT_ELECTRON] = VUNIT_ELECTRON_1_4_4,
		[VUNIT_ROM] = VUNIT_ROM_F4,
	};
	static const enum vunit_bootloader oldest[VUNIT_FAMILY_COUNT] = {
		[VUNIT_CORE] = VUNIT_CORE_FACTORY,
		[VUNIT_PHOTON] = VUNIT_PHOTON_0_5_3,
		[VUNIT_P1] = VUNIT_P1_0_6_0,
		[VUNIT_ELECTRON] = VUNIT_ELECTRON_0_5_3,
		[VUNIT_ROM] = VUNIT_ROM_F4,
	};
	bool runs = strcmp(options->mode, "run") == 0 || strcmp(options->mode, "mixed") == 0;
	struct vunit_spec spec = { .seed = i, .credentials = runs };
	uint8_t sum[SHA256_LEN];
	char what[64];
	if (!vunit_family_from_name(options->family, &spec.family))
		return err_set(err, REASON_INPUT, "there is no virtual unit of the family %s",
			options->family);
	spec.bootloader = (options->old ? oldest : newest)[spec.family];
	snprintf(what, sizeof what, "unit %u", i);
	if (!digest_sha256(what, strlen(what), sum, err))
		return false;
	memcpy(spec.device_id, sum, sizeof spec.device_id);
	return vunit_create(folder, &spec, err);
}

bool front_options(int argc, char **argv, const char *program, struct front_options *ret)
{
	if (!read_options(argc, argv, ret)) {
		fprintf(stderr,
			"usage: %s [--units N] [--family NAME] [--folder DIR] "
			"[--speed X] [--mode dfu|run|mixed|listening] [--old] [--faults FILE] "
			"[--controllers N] [--power] -- COMMAND...\n",
			program);
		return false;
	}
	ret->own_folder = !ret->folder;
	if (ret->own_folder)
		ret->folder = mkdtemp(strdup("/tmp/station-units-XXXXXX"));
	return ret->folder != NULL;
}

/* Those of a file (station/virtual/faults.cfg) that need no other unit. */
static bool give_faults(const char *path, const char *slot, struct vunit *unit, struct err *err)
{
	struct vfault_file *file = calloc(1, sizeof *file);
	struct vfault faults[VFAULTS_MAX];
	size_t count = 0;
	bool good = file && vfault_file_read(path, file, err);
	for (size_t i = 0; good && i < file->count; i++)
		if (vfault_is_outside(file->entries[i].fault.kind))
			good = err_set(err, REASON_INPUT, "%s: there are no hubs here", path);
		else if (strcmp(file->entries[i].slot, slot) == 0 && count < VFAULTS_MAX)
			faults[count++] = file->entries[i].fault;
	good = good && vunit_set_faults(unit, faults, count, err);
	free(file);
	return good;
}

bool front_unit(
	const struct front_options *options, unsigned i, struct vunit **ret, struct err *err)
{
	char name[16], folder[FS_PATH_MAX], file[FS_PATH_MAX];
	snprintf(name, sizeof name, "A%u", i);
	return fs_make_folder(options->folder, 0755, err) &&
	       fs_join(folder, options->folder, name, err) &&
	       fs_join(file, folder, "unit.json", err) &&
	       (fs_exists(file) || make_unit(folder, options, i, err)) &&
	       vunit_open(folder, ret, err) &&
	       (!options->faults || give_faults(options->faults, name, *ret, err));
}

bool front_button(const struct front_options *options, unsigned i)
{
	return strcmp(options->mode, "dfu") == 0 ||
	       (strcmp(options->mode, "mixed") == 0 && i % 2 == 1);
}

int front_command(char **command)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		execvp(command[0], command);
		fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return FRONT_USAGE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	(void)info;
	(void)kind;
	(void)place;
	return remove(path);
}

void front_done(const struct front_options *options)
{
	if (options->own_folder)
		nftw(options->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
