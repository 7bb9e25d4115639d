/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_json.h"

#include <stdlib.h>

#include <jansson.h>

json_t *cmd_json_text(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

bool cmd_json_line(FILE *to, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	bool good = text && fprintf(to, "%s\n", text) > 0 && fflush(to) == 0;
	free(text);
	json_decref(object);
	return good;
}
