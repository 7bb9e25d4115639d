/* SPDX-License-Identifier: Apache-2.0 */
/* The "json" enrolment API (docs/cloud-api.md): conditional PUT, GET as the proof. */
#pragma once

#include "enrol_api.h"

extern const struct enrol_api json_api;
