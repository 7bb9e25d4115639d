/* SPDX-License-Identifier: Apache-2.0 */
/* station verify: units against a job, read only. */
#include "bench.h"

static const char help[] =
	"usage: station verify JOB [options]\n"
	"\n"
	"Reads the units that are plugged into the station's slots and compares them with the job, until\n"
	"somebody stops it; writes nothing to them. PASS means that every byte that the job names and the\n"
	"server key are on the unit, and that its own key is the one that our record holds as enrolled for\n"
	"it. It counts for nothing else: no quantity, no yield, no limit of failures.\n"
	"\n"
	"A unit that runs is sent into DFU for it, and what its own program writes then is its own affair.\n"
	"Each unit stays in DFU: take it out when it has its outcome. (On leaving DFU it would write its\n"
	"flags.)\n"
	"\n" BENCH_HELP BATCH_HELP "\n" BATCH_HELP_EXIT;

int cmd_verify(int argc, char **argv)
{
	return bench_batch(argc, argv, LINE_VERIFY, help);
}
