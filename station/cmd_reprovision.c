/* SPDX-License-Identifier: Apache-2.0 */
/* station reprovision: units that came back are made good again. */
#include "bench.h"

static const char help[] =
	"usage: station reprovision JOB [options]\n"
	"\n"
	"Takes units that came back at the station's slots, many at once, until somebody stops it: looks at each\n"
	"(as station diagnose does), backs it up, decides by the job's policies what it needs, does that, and\n"
	"proves it. What cannot be undone is listed at its slot first; a line with the slot's name on standard\n"
	"input confirms it, or --yes, or the job (reprovision.allow). A unit without that is ABORTED, untouched.\n"
	"A key is replaced only while the cloud can be reached and agrees; if it refuses the new one, the old one\n"
	"is put back. A unit that no job mends is set aside untouched, and the reason says why.\n"
	"\n"
	"  --yes             what cannot be undone is confirmed for all units\n"
	"  --rma NUMBER      of the return; into the record of each unit\n"
	"  --slot S          the same as --slots S\n" BENCH_HELP BATCH_HELP "\n" BATCH_HELP_EXIT;

int cmd_reprovision(int argc, char **argv)
{
	return bench_batch(argc, argv, LINE_REPROVISION, help);
}
