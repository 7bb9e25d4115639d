/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cmd_fail(const char *name, const struct err *err)
{
	fprintf(stderr, "station %s: %s\n", name, err->text);
	switch (err_kind(err)) {
	case ERR_STORE:
	case ERR_BUG:
		return EXIT_STOPPED;
	case ERR_CANCEL:
		return EXIT_INTERRUPTED;
	case ERR_NONE:
	case ERR_INPUT:
	case ERR_LINK:
	case ERR_DEVICE:
	case ERR_CLOUD:
	case ERR_REJECT:
		break;
	}
	return EXIT_REFUSED;
}

int cmd_usage(const char *name, const char *format, ...)
{
	va_list args;
	fprintf(stderr, "station %s: ", name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see station %s --help\n", name);
	return EXIT_REFUSED;
}

bool cmd_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(fd) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

bool cmd_parse(int argc, char **argv, const char *help, const struct cmd_option *options,
	size_t count, char ***ret_arguments, int *ret_count, int *ret_status)
{
	enum { OWN = 256 }; /* above every character */
	struct option names[CMD_OPTIONS_MAX + 2] = { { "help", no_argument, NULL, 'h' } };
	for (size_t i = 0; i < count && i < CMD_OPTIONS_MAX; i++)
		names[i + 1] = (struct option){ options[i].name,
			!options[i].text        ? no_argument
			: options[i].flag ? optional_argument
					  : required_argument,
			NULL, OWN + (int)i };
	opterr = 0;
	optind = 1;
	for (int option; (option = getopt_long(argc, argv, ":h", names, NULL)) != -1;) {
		if (option == 'h') {
			fputs(help, stdout);
			*ret_status = EXIT_DONE;
			return false;
		}
		if (option < OWN) {
			*ret_status = cmd_usage(argv[0],
				option == ':' ? "%s needs a value" : "there is no option %s",
				argv[optind - 1]);
			return false;
		}
		if (options[option - OWN].text)
			*options[option - OWN].text = optarg;
		if (options[option - OWN].flag)
			*options[option - OWN].flag = true;
	}
	*ret_arguments = argv + optind;
	*ret_count = argc - optind;
	return true;
}

bool cmd_format(
	const char *command, const char *name, bool json, enum cmd_format *ret, int *ret_status)
{
	static const char *const names[] = { "text", "json", "html" };
	*ret = json ? CMD_JSON : CMD_TEXT;
	for (int i = 0; name && i < 3; i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum cmd_format)i;
			name = NULL;
		}
	if (name)
		*ret_status =
			cmd_usage(command, "--format %s is not known: text, json or html", name);
	return !name;
}

bool cmd_deliver(const char *file, const struct text_buf *text, struct err *err)
{
	if (file)
		return fs_write_atomic(file, text->text, text->len, 0644, err);
	if (fwrite(text->text, 1, text->len, stdout) == text->len && fflush(stdout) == 0)
		return true;
	return err_set(err, REASON_INPUT, "cannot write to standard output");
}

const char *cmd_outcome_colour(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_PASS:
		return "\033[32m";
	case OUTCOME_FAIL:
	case OUTCOME_INTERRUPTED:
	case OUTCOME_ABORTED:
		return "\033[31m";
	case OUTCOME_HELD:
	case OUTCOME_REFUSED:
		return "\033[33m";
	case OUTCOME_SKIPPED:
	case OUTCOME_NONE:
	case OUTCOME_COUNT:
		break;
	}
	return "\033[2m";
}

bool cmd_config(const char *option, struct config *ret, struct err *err)
{
	char found[FS_PATH_MAX];
	if (!option) {
		config_find(found);
		option = found;
	}
	return config_load(option, ret, err);
}

bool cmd_state(const char *state, const char *config_file, char ret[FS_PATH_MAX], struct err *err)
{
	struct config config;
	if (!state && !cmd_config(config_file, &config, err))
		return false;
	return text_copy(ret, FS_PATH_MAX, state ? state : config.state_dir) ||
	       err_set(err, REASON_INPUT, "the path of the state folder is too long");
}

void cmd_hint_rehearsal(const char *name, const char *state)
{
	if (!state && fs_exists("rehearsal/station.db"))
		fprintf(stderr,
			"station %s: the record of a rehearsal is in ./rehearsal: --state rehearsal\n",
			name);
}

void cmd_tell_recovered(const char *name, unsigned count)
{
	if (count)
		fprintf(stderr, "station %s: %u attempts were open and are INTERRUPTED now\n", name,
			count);
}
