/* SPDX-License-Identifier: Apache-2.0 */
/* Hubs that slots hang on. */
#pragma once

#include "line.h"

/* Looks which hubs are there, tells of those that vanished or came back, and keeps each time away in
 * the record. For the thread that watches the bus. */
void hubs_watch(struct line *line);
/* At the end of the batch: of those that are away still. */
void hubs_finish(struct line *line);
/* HUB_GONE, and which one, if a hub between the root and the port is not there now. Any thread. */
bool hubs_all_there(struct line *line, const char *port, struct err *err) MUST_CHECK;
