/* SPDX-License-Identifier: Apache-2.0 */
#include "learn.h"

#include <string.h>

#include "text.h"

static bool is_taken(const struct learner *learner, const char *name)
{
	for (size_t i = 0; i < learner->slot_count; i++)
		if (strcmp(learner->slots[i].name, name) == 0)
			return true;
	return false;
}

/* The entry of a list "A,B" at *at, which moves on; false behind its end. */
static bool next_entry(const char **at, char ret[CONFIG_NAME_MAX])
{
	if (!*at)
		return false;
	size_t len = strcspn(*at, ",");
	if (!text_format(ret, CONFIG_NAME_MAX, "%.*s", (int)len, *at))
		ret[0] = 0;
	*at = (*at)[len] ? *at + len + 1 : NULL;
	return true;
}

static bool check_names(const struct learner *learner, const char *names, struct err *err)
{
	char name[CONFIG_NAME_MAX], other[CONFIG_NAME_MAX];
	for (const char *at = names; next_entry(&at, name);) {
		if (!config_name_ok(name))
			return err_set(err, REASON_INPUT,
				"\"%s\": a slot's name is of letters, digits, '-', '_' and '.', "
				"beginning with a letter or digit, at most %d",
				names, CONFIG_NAME_MAX - 1);
		bool twice = is_taken(learner, name);
		for (const char *rest = at; !twice && next_entry(&rest, other);)
			twice = strcmp(name, other) == 0;
		if (twice)
			return err_set(err, REASON_INPUT, "there would be two slots \"%s\"", name);
	}
	return true;
}

bool learner_begin(struct learner *learner, const char *names, const char *prefix,
	const struct config_slot *slots, size_t count, struct err *err)
{
	memset(learner, 0, sizeof *learner);
	learner->names = names;
	learner->prefix = prefix;
	learner->slot_count = count;
	if (count)
		memcpy(learner->slots, slots, count * sizeof *slots);
	learner->present_count = SIZE_MAX;
	return check_names(learner, names ? names : prefix, err);
}

bool learner_next_name(const struct learner *learner, char ret[CONFIG_NAME_MAX])
{
	if (learner->slot_count == CONFIG_SLOTS_MAX)
		return false;
	if (learner->names) {
		for (const char *at = learner->names; next_entry(&at, ret);)
			if (!is_taken(learner, ret))
				return true;
		return false;
	}
	for (unsigned i = 1; i <= CONFIG_SLOTS_MAX + 1; i++)
		if (text_format(ret, CONFIG_NAME_MAX, "%s%u", learner->prefix, i) &&
			!is_taken(learner, ret))
			return true;
	return false;
}

static bool was_present(const struct learner *learner, const char *port)
{
	for (size_t i = 0; i < learner->present_count; i++)
		if (strcmp(learner->present[i], port) == 0)
			return true;
	return false;
}

static const struct config_slot *slot_of(
	const struct learner *learner, const struct usb_ident *unit)
{
	for (size_t i = 0; i < learner->slot_count; i++)
		if (config_slot_is_at(&learner->slots[i], unit->port, unit->controller))
			return &learner->slots[i];
	return NULL;
}

static void remember(struct learner *learner, const struct usb_ident *units, size_t count)
{
	learner->present_count = count < USB_UNITS_MAX ? count : USB_UNITS_MAX;
	for (size_t i = 0; i < learner->present_count; i++)
		memcpy(learner->present[i], units[i].port, sizeof learner->present[i]);
}

static enum learned add(
	struct learner *learner, const struct usb_ident *unit, const struct config_slot **ret_slot)
{
	struct config_slot *slot = &learner->slots[learner->slot_count];
	char name[CONFIG_NAME_MAX];
	if (!learner_next_name(learner, name))
		return LEARNED_FULL;
	*slot = (struct config_slot){ 0 };
	memcpy(slot->name, name, sizeof slot->name);
	memcpy(slot->port, unit->port, sizeof slot->port);
	memcpy(slot->controller, unit->controller, sizeof slot->controller);
	learner->slot_count++;
	*ret_slot = slot;
	return LEARNED_SLOT;
}

enum learned learner_look(struct learner *learner, const struct usb_ident *units, size_t count,
	const struct config_slot **ret_slot)
{
	const struct usb_ident *arrived = NULL;
	const struct config_slot *known = NULL;
	size_t arrivals = 0;
	bool first = learner->present_count == SIZE_MAX;
	for (size_t i = 0; i < count && !first; i++) {
		if (was_present(learner, units[i].port))
			continue;
		const struct config_slot *slot = slot_of(learner, &units[i]);
		if (slot) {
			known = slot;
			continue;
		}
		arrived = &units[i];
		arrivals++;
	}
	remember(learner, units, count);
	if (arrivals == 1)
		return add(learner, arrived, ret_slot);
	*ret_slot = known;
	return arrivals ? LEARNED_SEVERAL : known ? LEARNED_KNOWN : LEARNED_NOTHING;
}
