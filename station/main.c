/* SPDX-License-Identifier: Apache-2.0 */
/* station: the provisioning station of a production line. This file only finds the subcommand. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "keypair.h"
#include "secret.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments, *line;
};

static const struct command commands[] = {
	{ "audit", cmd_audit, "", "check the database: schema, seals, what must hold" },
	{ "backup", cmd_backup, "", "what stands on a unit into a file that only its recipients open" },
	{ "backup-db", cmd_backup_db, "FILE",
		"a checked copy of the database while the line runs" },
	{ "check", cmd_check, "JOB",
		"everything that can be refused, and the plan; touches nothing" },
	{ "diagnose", cmd_diagnose, "", "what is wrong with units that came back; read only" },
	{ "export", cmd_export, "", "sealed attempts as JSON lines, for an MES or a data warehouse" },
	{ "list", cmd_list, "", "what is attached, and why something is not usable; --held" },
	{ "mark", cmd_mark, "UNIT", "scrap, quarantine or released" },
	{ "restore", cmd_restore, "FILE", "what a backup holds, back onto its unit" },
	{ "run", cmd_run, "JOB", "a batch on the real bus" },
	{ "rehearse", cmd_rehearse, "JOB",
		"a batch on virtual units and a virtual cloud, without hardware" },
	{ "report", cmd_report, "", "what was made, and how well: yields, reasons, slots, times" },
	{ "reprovision", cmd_reprovision, "JOB",
		"makes units that came back good again, by the job's policies" },
	{ "show", cmd_show, "UNIT", "the life of one unit" },
	{ "slots", cmd_slots, "", "the slots; --learn names them by plugging in units" },
	{ "sync", cmd_sync, "", "send the keys of units that are HELD; tells which are released" },
	{ "verify", cmd_verify, "JOB", "reads units against a job, writes nothing to them" },
};

static void print_help(FILE *to)
{
	fprintf(to, "usage: station COMMAND [options]\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(to, "  %-11s %-5s  %s\n", commands[i].name, commands[i].arguments,
			commands[i].line);
	fprintf(to,
		"\nstation COMMAND --help tells more. Exit status: 0 all done, 1 some units are "
		"not PASS,\n"
		"2 refused before anything was touched, 3 the line stopped, 130 interrupted.\n");
}

int main(int argc, char **argv)
{
	struct err err;
	secret_harden_process();
	signal(SIGPIPE, SIG_IGN);
	if (!keys_init(&err)) {
		fprintf(stderr, "station: %s\n", err.text);
		return EXIT_STOPPED;
	}
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		printf("station %s\n", STATION_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; argc >= 2 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (argc >= 2)
		fprintf(stderr, "station: there is no command %s\n\n", argv[1]);
	print_help(stderr);
	return EXIT_REFUSED;
}
