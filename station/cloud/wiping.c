/* SPDX-License-Identifier: Apache-2.0 */
#include "wiping.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "secret.h"

static void wiping_free(void *memory)
{
	if (!memory)
		return;
	secret_wipe(memory, malloc_usable_size(memory));
	free(memory);
}

/* realloc would leave the old bytes where they were when it moves. */
static void *wiping_realloc(void *memory, size_t len)
{
	size_t had = memory ? malloc_usable_size(memory) : 0;
	void *fresh = malloc(len);
	if (!fresh)
		return NULL;
	if (memory)
		memcpy(fresh, memory, had < len ? had : len);
	wiping_free(memory);
	return fresh;
}

bool wiping_curl_init(struct err *err)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
		    calloc) != CURLE_OK)
		return err_set(err, REASON_STATION, "libcurl does not start");
	return true;
}
