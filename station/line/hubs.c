/* SPDX-License-Identifier: Apache-2.0 */
/* Hubs that the slots hang on. One that vanishes takes all units behind it along: that is one event,
 * told once and kept as one stop of the line, and no failure of any unit. */
#include "hubs.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "line_private.h"
#include "scope.h"
#include "text.h"
#include "usb_hub.h"

/* Under a controller of its own the number of the slot's bus does not count. */
static bool is_behind(const struct line_hub *hub, const struct config_slot *place)
{
	const char *ports = strchr(place->port, '-');
	const char *bus = strncmp(hub->port, "usb", 3) == 0 ? hub->port + 3 : hub->port;
	char port[USB_PORT_MAX];
	if (!place->controller[0])
		return usb_hub_is_above(hub->port, place->port);
	return strcmp(place->controller, hub->controller) == 0 && ports &&
	       text_format(
		       port, sizeof port, "%.*s%s", (int)strspn(bus, "0123456789"), bus, ports) &&
	       usb_hub_is_above(hub->port, port);
}

/* "A1, A2, A3", cut with "..." */
static bool name_slots(const struct line *line, const struct line_hub *hub, char *to, size_t cap)
{
	size_t len = 0;
	to[0] = '\0';
	for (size_t i = 0; i < line->slot_count; i++) {
		const char *name = line->slots[i].config->name;
		if (!is_behind(hub, line->slots[i].config))
			continue;
		if (len + strlen(name) + 8 > cap) {
			snprintf(to + len, cap - len, "...");
			break;
		}
		len += (size_t)snprintf(to + len, cap - len, "%s%s", len ? ", " : "", name);
	}
	return len > 0;
}

static void tell(struct line *line, const struct line_hub *hub, const char *slots, bool gone)
{
	struct line_event event = { .kind = LINE_HUB, .words = "" };
	snprintf(event.text, sizeof event.text,
		gone ? "the hub at port %s vanished, and with it the slots %s: check its cable and "
		       "power"
		     : "the hub at port %s is back: the slots %s go on",
		hub->port, slots);
	log_line(line->options.log, "line", "%s", event.text);
	line_emit(line, &event);
}

static struct line_hub *find(struct line *line, const char *port)
{
	for (size_t i = 0; i < line->hub_count; i++)
		if (strcmp(line->hubs[i].port, port) == 0)
			return &line->hubs[i];
	return NULL;
}

static void note_present(struct line *line, const struct usb_hub_ident *ident)
{
	struct line_hub *hub = find(line, ident->port);
	if (!hub) {
		if (line->hub_count == LINE_HUBS_MAX)
			return;
		hub = &line->hubs[line->hub_count++];
		*hub = (struct line_hub){ 0 };
		memcpy(hub->port, ident->port, sizeof hub->port);
		memcpy(hub->controller, ident->controller, sizeof hub->controller);
	}
	hub->seen = true;
}

/* One that hangs on another one that is gone is not told of. */
static bool is_told_by_another(const struct line *line, const struct line_hub *hub)
{
	for (size_t i = 0; i < line->hub_count; i++)
		if (line->hubs[i].gone_at && usb_hub_is_above(line->hubs[i].port, hub->port))
			return true;
	return false;
}

static void keep(struct line *line, struct line_hub *hub, const char *slots)
{
	char why[ERR_TEXT_MAX];
	struct err err;
	snprintf(why, sizeof why, "hub-gone: port %s, slots %s", hub->port, slots);
	if (hub->told && !record_line_stop(line->options.record, line->batch_id, hub->gone_at,
				 clock_utc_ms(), why, &err)) {
		SCOPED_LOCK(&line->mutex);
		gate_end(line, END_STORE, true, "%s", err.text);
	}
	hub->gone_at = 0;
	hub->told = false;
}

static void judge(struct line *line, struct line_hub *hub)
{
	char slots[ERR_TEXT_MAX / 2];
	pthread_mutex_lock(&line->mutex);
	bool used = name_slots(line, hub, slots, sizeof slots);
	pthread_mutex_unlock(&line->mutex);
	if (!hub->seen && !hub->gone_at) {
		hub->told = used && !is_told_by_another(line, hub);
		hub->gone_at = clock_utc_ms();
		if (hub->told)
			tell(line, hub, slots, true);
	} else if (hub->seen && hub->gone_at) {
		if (hub->told)
			tell(line, hub, slots, false);
		keep(line, hub, slots);
	}
}

void hubs_watch(struct line *line)
{
	const struct usb_hub_ops *ops = line->options.bus->ops->hubs;
	struct usb_hub_ident idents[USB_HUBS_MAX];
	size_t count = 0;
	struct err err;
	if (!ops || !ops->list(line->options.bus, idents, USB_HUBS_MAX, &count, &err))
		return; /* the list of units says what is wrong with the bus */
	for (size_t i = 0; i < line->hub_count; i++)
		line->hubs[i].seen = false;
	for (size_t i = 0; i < count; i++)
		note_present(line, &idents[i]);
	/* Those nearest to the root first: their names are the shortest. */
	for (size_t len = 1; len < USB_PORT_MAX; len++)
		for (size_t i = 0; i < line->hub_count; i++) {
			const char *port = line->hubs[i].port;
			size_t depth = strncmp(port, "usb", 3) == 0 ? 1 : strlen(port);
			if (depth == len)
				judge(line, &line->hubs[i]);
		}
}

void hubs_finish(struct line *line)
{
	for (size_t i = 0; i < line->hub_count; i++) {
		struct line_hub *hub = &line->hubs[i];
		char slots[ERR_TEXT_MAX / 2];
		if (hub->gone_at && name_slots(line, hub, slots, sizeof slots))
			keep(line, hub, slots);
	}
}

bool hubs_all_there(struct line *line, const char *port, struct err *err)
{
	char hub[USB_PORT_MAX];
	if (!usb_hub_missing(line->options.bus, port, hub, err))
		return false;
	return !hub[0] ||
	       err_set(err, REASON_HUB_GONE,
		       "the hub at port %s vanished, and the unit at port %s with it", hub, port);
}
