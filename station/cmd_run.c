/* SPDX-License-Identifier: Apache-2.0 */
/* station run: a batch on the real bus. */
#include "bench.h"

static const char help[] =
	"usage: station run JOB [options]\n"
	"\n"
	"Takes the units that are plugged into the station's slots through the job, until the quantity is\n"
	"reached or somebody stops it. A unit is taken up when it shows up in DFU, or running (then it is\n"
	"sent into DFU). On standard input it takes scanned lines \"SLOT ID\": the device id of the next unit\n"
	"there.\n"
	"\n" BENCH_HELP BATCH_HELP_MAKE BATCH_HELP "\n" BATCH_HELP_EXIT;

int cmd_run(int argc, char **argv)
{
	return bench_batch(argc, argv, LINE_PROVISION, help);
}
