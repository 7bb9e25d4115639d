/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <string.h>

#include "mend.h"

static bool parts(const struct attempt *attempt)
{
	return mend_writes_parts(attempt);
}

static bool images(const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->plan->region_count; i++)
		if (attempt->plan->regions[i].phase == PHASE_IMAGES)
			return true;
	return false;
}

static bool stands(const struct attempt *attempt)
{
	return attempt->plan->stand_count > 0;
}

static bool bootloader(const struct attempt *attempt)
{
	return attempt->plan->staged != NULL;
}

static bool staging(const struct attempt *attempt)
{
	return bootloader(attempt) && !attempt->bootloader_stands;
}

static bool server_key(const struct attempt *attempt)
{
	return attempt->plan->server_key.wanted;
}

static bool device_key(const struct attempt *attempt)
{
	return attempt->plan->device_key.wanted;
}

static bool enrolment(const struct attempt *attempt)
{
	return attempt->plan->enrol.wanted;
}

/* A unit that began anew still has its key, and that is sent already. */
static bool unsent(const struct attempt *attempt)
{
	return enrolment(attempt) && !attempt->ticket;
}

static bool life(const struct attempt *attempt)
{
	return attempt->plan->job.after == AFTER_RUNS;
}

/* With valid parts the bootloader starts the firmware, so the unit comes back running; DCT access
 * through parts that were written in the same session hangs bootloaders before 1.3.1. Hence a leave
 * between parts and keys. */
static bool step_leave_for_firmware(struct attempt *attempt, struct err *err)
{
	attempt->left_arrival = attempt->ident.arrival;
	return dfu_leave(&attempt->dfu, err);
}

/* Success was decided before: the unit resets as soon as it likes, and silence is normal. What
 * it writes on leaving (its system flags) is done when it is gone from the bus, so only then
 * it may be pulled out. */
static bool step_leave(struct attempt *attempt, struct err *err)
{
	bool good = dfu_leave(&attempt->dfu, err);
	attempt_close_session(attempt);
	if (!good) {
		attempt_log(attempt, "leave: %s", err->text);
		return true;
	}
	return reenter_await_gone(attempt, attempt->plan->family.transfer_timeout_ms, err);
}

/* Identity before anything else: the record of everything that follows hangs on it, and nothing may
 * be changed on a unit that is not known. */
static bool step_identify(struct attempt *attempt, struct err *err)
{
	const struct usb_id cdc = attempt->plan->family.cdc;
	bool running = attempt->ident.vendor_id == cdc.vendor_id &&
		       attempt->ident.product_id == cdc.product_id;
	attempt_close_session(attempt);
	if (!running)
		return attempt_open_session(attempt, err) && identity_find(attempt, err);
	attempt->told_arrival = 0;
	if (!identity_ask_running(attempt, err))
		return false;
	bool good = reenter_dfu(attempt, err);
	/* Also if it could not be opened yet: it is this one that told. */
	attempt->told_arrival = attempt->ident.arrival;
	return good && identity_find(attempt, err);
}

/* --- of a unit that came back --- */

static bool looks(const struct attempt *attempt, unsigned index)
{
	const struct mend *mend = attempt->mend;
	return !mend->looked[index] &&
	       !(diagnose_part(index)->reads && verdict_of(&mend->findings) == VERDICT_NOT_OURS);
}

static bool history(const struct attempt *attempt)
{
	return looks(attempt, 0);
}

static bool found_images(const struct attempt *attempt)
{
	return looks(attempt, 1);
}

static bool found_keys(const struct attempt *attempt)
{
	return looks(attempt, 2);
}

static bool found_settings(const struct attempt *attempt)
{
	return looks(attempt, 3);
}

static bool not_saved(const struct attempt *attempt)
{
	return attempt->plan->job.returns.reprovision.backup && !attempt->mend->backed_up &&
	       verdict_of(&attempt->mend->findings) != VERDICT_NOT_OURS;
}

static bool undecided(const struct attempt *attempt)
{
	return !attempt->mend->decided;
}

/* Only a rotation has to be agreed with the cloud. */
static bool rotation(const struct attempt *attempt)
{
	return enrolment(attempt) && device_key(attempt) && attempt->mend->decision.new_device_key;
}

static bool wipes(const struct attempt *attempt)
{
	return attempt->mend && attempt->mend->decision.wipe_count > 0;
}

static const struct step returned_steps[] = {
	{ "look-history", "looking it up", history, step_look_history, "look-history", 60 },
	{ "look-images", "looking at its images", found_images, step_look_images, "look-images",
		240 },
	{ "look-keys", "looking at its keys", found_keys, step_look_keys, "look-keys", 240 },
	{ "look-settings", "looking at its settings", found_settings, step_look_settings,
		"look-settings", 60 },
	{ "backup", "backing it up", not_saved, step_backup, "backup", 3600 },
	{ "decide", "deciding", undecided, step_decide, "decide", 60 },
	{ "confirm", "waiting for somebody to confirm", mend_unconfirmed, step_confirm, NULL,
		86400 },
	{ "agree", "asking the cloud about its key", rotation, step_agree, "agree", 180 },
};

static const struct step put_back_steps[] = {
	{ "put-back", "putting its old key back", NULL, step_put_back, "put-back", 60 },
};

static const struct step identify_steps[] = {
	{ "identify", "identifying the unit", NULL, step_identify, "identify", 120 },
	{ "restore-exercise", "putting back what an exercise left", step_exercise_left,
		step_restore_exercise, "restore-exercise", 240 },
};

static const struct step stage_steps[] = {
	{ "check", "checking the unit", NULL, step_check, "check", 60 },
	{ "write", "writing its images", NULL, step_stage_write, "write", 240 },
	{ "readback", "reading them back", NULL, step_stage_readback, "write", 240 },
	{ "leave", "starting its program", NULL, step_stage_leave, NULL, 30 },
	{ "run", "its program runs", NULL, step_stage_run, NULL, 0 },
	{ "return", "waiting for DFU", NULL, step_stage_return, "return", 0 },
};

static const struct step provision_steps[] = {
	{ "check", "checking the unit", NULL, step_check, "check", 60 },
	{ "write-parts", "writing the system parts", parts, step_write_parts, "write-parts", 240 },
	{ "leave-parts", "starting the new system", parts, step_leave_for_firmware, NULL, 30 },
	{ "reenter", "waiting for DFU", parts, reenter_dfu, "reenter", 120 },
	{ "stage-bootloader", "staging the bootloader", bootloader, step_stage_bootloader,
		"stage-bootloader", 120 },
	{ "leave-staged", "letting it take the bootloader", staging, step_leave_for_firmware, NULL,
		30 },
	{ "reenter-staged", "waiting for DFU", staging, step_reenter_staged, "reenter-staged",
		180 },
	{ "bootloader", "reading the bootloader back", bootloader, step_bootloader,
		"stage-bootloader", 60 },
	{ "wipe", "wiping what its owner left", wipes, step_wipe, "wipe", 240 },
	{ "server-key", "writing the server key", server_key, step_server_key, "server-key", 60 },
	{ "device-key", "writing the device key", device_key, step_device_key, "device-key", 60 },
	{ "prove-key", "proving the device key", device_key, step_prove_key, "device-key", 60 },
	{ "enrol", "sending the public key", unsent, step_enrol, NULL, 10 },
	{ "write-images", "writing the images", images, step_write_images, "write-images", 240 },
	{ "readback", "reading everything back", NULL, step_readback, "write-images", 240 },
	{ "enrolled", "waiting for the cloud", enrolment, step_enrolled, NULL, 180 },
	{ "leave", "leaving DFU", NULL, step_leave, NULL, 30 },
	{ "runs", "waiting for the program", life, reenter_await_runs, NULL, 60 },
};

/* No leave: at that an F2 bootloader writes its system flags. */
static const struct step verify_steps[] = {
	{ "check", "checking the unit", NULL, step_inspect, "check", 60 },
	{ "compare-images", "comparing the images", stands, step_compare_images, "compare-images",
		240 },
	{ "compare-server-key", "comparing the server key", server_key, step_compare_server_key,
		"compare-server-key", 60 },
	{ "compare-device-key", "comparing the device key", device_key, step_compare_device_key,
		"compare-device-key", 60 },
};

const struct step_table *step_table_identify(void)
{
	static const struct step_table identify = { identify_steps,
		sizeof identify_steps / sizeof *identify_steps, false };
	return &identify;
}

const struct step_table *step_table_stage(void)
{
	static const struct step_table stage = { stage_steps,
		sizeof stage_steps / sizeof *stage_steps, true };
	return &stage;
}

const struct step_table *step_table_returned(void)
{
	static const struct step_table returned = { returned_steps,
		sizeof returned_steps / sizeof *returned_steps, false };
	return &returned;
}

const struct step_table *step_table_put_back(void)
{
	static const struct step_table table = { put_back_steps,
		sizeof put_back_steps / sizeof *put_back_steps, false };
	return &table;
}

const struct step_table *step_table(enum line_kind kind)
{
	static const struct step_table provision = { provision_steps,
		sizeof provision_steps / sizeof *provision_steps, false };
	static const struct step_table verify = { verify_steps,
		sizeof verify_steps / sizeof *verify_steps, false };
	return kind == LINE_VERIFY ? &verify : &provision;
}

size_t step_index(const struct step_table *table, const char *name)
{
	size_t i = 0;
	while (i + 1 < table->count && strcmp(table->steps[i].name, name) != 0)
		i++;
	return i;
}
