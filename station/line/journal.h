/* SPDX-License-Identifier: Apache-2.0 */
/* What the sender of enrolments asks of the record. */
#pragma once

#include "cloud.h"
#include "record.h"

struct cloud_journal journal_of(struct record *record);
