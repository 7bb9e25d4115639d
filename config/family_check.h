/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold between the parts of a family profile. Private to this folder. */
#pragma once

#include "cfgfile.h"
#include "family.h"

/* root is the profile that family was read from: mistakes are reported at its lines, with
 * cfg_error. Does nothing after an error. */
void family_check(const struct family *family, const struct cfg *root);
/* Lower-case letters, digits and '-', at least one: safe as a file name. */
bool family_name_ok(const char *name);
