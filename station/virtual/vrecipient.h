/* SPDX-License-Identifier: Apache-2.0 */
/* Who can open the backups of a rehearsal whose job names nobody: a key on P-256 and its certificate,
 * made once, as folder/recipient.key (0600) and folder/recipient.pem. */
#pragma once

#include "err.h"
#include "fs.h"

/* ret_certificate is the path of recipient.pem. REASON_STORE if it cannot be written. */
bool vrecipient_make(
	const char *folder, char ret_certificate[FS_PATH_MAX], struct err *err) MUST_CHECK;
