/* SPDX-License-Identifier: Apache-2.0 */
/* The "particle" enrolment API: POST /v1/provisioning/{device_id}, as the vendor's command
 * line tools call it (particle-cli, src/cmd/api.js) and spark-server serves it
 * (views/api_v1.js). It has no readback. */
#pragma once

#include "enrol_api.h"

extern const struct enrol_api particle_api;
