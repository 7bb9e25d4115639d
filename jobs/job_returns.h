/* SPDX-License-Identifier: Apache-2.0 */
/* What a job says about units that come back: who can open their backups, and what a re-provisioning
 * may and must do. It makes no other product of the job: none of it counts in plan_sha256. Plain
 * storage, const after job_load. jobs/core.cfg explains it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "fs.h"

struct cfg;

enum { JOB_RECIPIENTS_MAX = 8 };

/* Whom a backup is encrypted to. */
struct job_recipient {
	char file[FS_PATH_MAX];  /* an X.509 certificate */
	char sha256[SHA256_HEX]; /* of its DER; "" = not pinned */
	unsigned line;
};

struct job_backup {
	struct job_recipient recipients[JOB_RECIPIENTS_MAX];
	size_t recipient_count; /* 0: none, and nothing can be backed up */
	uint32_t keep_days;     /* 0: for ever */
};

/* What cannot be undone by the station alone; each is listed before it happens, and confirmed by a
 * person unless the job allows it. */
enum repair_act {
	ACT_REPLACE_DEVICE_KEY = 1, /* one that the cloud accepts now */
	ACT_WIPE_CUSTOMER_DATA = 2,
	ACT_NO_BACKUP = 4, /* to change a unit that was not backed up */
	ACTS_ALL = 7
};
enum { ACT_COUNT = 3 };
const char *repair_act_name(unsigned index); /* "replace-device-key"...; bit 1 << index */

enum returns_policy { RETURNS_RENEW, RETURNS_KEEP };

struct job_reprovision {
	enum returns_policy images; /* KEEP: "changed", only sectors that differ; RENEW: "always" */
	enum returns_policy
		device_key; /* KEEP: "keep-valid", if it is usable, proven and enrolled */
	enum returns_policy server_key; /* KEEP: "keep-valid", if it is the job's already */
	enum returns_policy customer;   /* RENEW: "wipe"; KEEP: the unit goes back to its owner */
	bool backup;                    /* before the first change */
	unsigned allow;                 /* of enum repair_act */
};

struct job_returns {
	struct job_backup backup;
	struct job_reprovision reprovision;
};

/* For job.c: the groups backup and reprovision of the job root; both may be missing. */
void job_returns_read(const struct cfg *root, struct job_returns *ret);
