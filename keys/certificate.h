/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate with which the station shows who it is, and its private key: whether they can be
 * used, before anybody is called. Pure. */
#pragma once

#include <stddef.h>

#include "err.h"

/* The first certificate of cert (PEM) is that of the private key in key (PEM, without a password).
 * REASON_INPUT says which of the two files, by their names, is not usable. Any thread. */
bool certificate_fits(const char *cert_name, const void *cert, size_t cert_len,
	const char *key_name, const void *key, size_t key_len, struct err *err) MUST_CHECK;
