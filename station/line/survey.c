/* SPDX-License-Identifier: Apache-2.0 */
#include "survey.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attempt.h"
#include "device_id.h"
#include "text.h"

enum { DEVICE_DESCRIPTOR_LEN = 18, SERIAL_INDEX_AT = 16 };

const char *survey_mode_name(enum survey_mode mode)
{
	static const char *const names[] = { "-", "DFU", "running", "listening", "other" };
	return names[mode];
}

const char *survey_state_name(enum survey_state state)
{
	static const char *const names[] = { "ready", "empty", "in-work", "foreign", "no-access",
		"held", "unreadable", "other-layout", "runs", "id-disagrees", "twin", "no-slot" };
	return names[state];
}

static void PRINTF_LIKE(2, 3) say(char to[SURVEY_TEXT_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(to, SURVEY_TEXT_MAX, format, args);
	va_end(args);
}

static bool is_id(const struct usb_look *look, struct usb_id id)
{
	return id.vendor_id && look->vendor_id == id.vendor_id && look->product_id == id.product_id;
}

/* The first family of this USB id; all their names. NULL: none. */
static const struct family *find_family(const struct survey_rules *rules,
	const struct usb_look *look, char names[SURVEY_FAMILIES_TEXT])
{
	const struct family *first = NULL;
	names[0] = 0;
	for (size_t i = 0; i < rules->family_count; i++) {
		const struct family *family = &rules->families[i];
		size_t len = strlen(names);
		if (!is_id(look, family->dfu) && !is_id(look, family->cdc))
			continue;
		if (!first)
			first = family;
		snprintf(names + len, SURVEY_FAMILIES_TEXT - len, "%s%s", len ? "," : "",
			family->name);
	}
	return first;
}

static void explain_id(const struct family *family, struct survey_entry *entry)
{
	const struct family_identity *rules = &family->identity;
	const char *serial = entry->look->serial;
	device_id_from_serial(rules, serial, entry->device_id);
	entry->id_source = entry->device_id[0] ? "usb-serial" : "";
	if (entry->device_id[0])
		return;
	if (rules->serial12_folds && strlen(serial) == 12)
		say(entry->id_why,
			"its serial %s is only folded from the id: scan the id on its label",
			serial);
	else if (rules->has_copy)
		say(entry->id_why,
			"its serial \"%s\" is none: a batch reads the unit's own copy of it, if it ran "
			"once, or takes a scanned one",
			serial);
	else
		say(entry->id_why, "its serial \"%s\" is none: scan the id on its label", serial);
}

/* Of a unit with a device-os firmware, which all that can be sent into DFU have; the LED of other
 * products is their own. */
static void show_led(struct survey_entry *entry)
{
	const struct family_reentry *reentry = &entry->family->reentry;
	entry->led = "";
	if (!reentry->line_coding && !reentry->vendor_request)
		return;
	if (entry->mode == SURVEY_DFU)
		entry->led = "blinks yellow";
	else if (entry->mode == SURVEY_LISTENING)
		entry->led = "blinks blue, slowly";
	else if (entry->mode == SURVEY_RUNNING)
		entry->led = "cyan, green, magenta or white; blue, slowly, if it listens";
}

static bool judge_late(struct survey_entry *entry)
{
	if (!entry->look->late)
		return false;
	entry->state = SURVEY_HELD;
	say(entry->why, "the kernel did not tell its serial within %d ms: it holds the unit",
		USB_LOOK_STRINGS_MS);
	say(entry->next, "power the unit off and on");
	return true;
}

/* What the kernel read when it enumerated the unit. */
static bool judge_descriptors(struct survey_entry *entry)
{
	const struct usb_look *look = entry->look;
	struct dfu parsed;
	uint8_t strings[FAMILY_ALTS_MAX];
	struct err err;
	if (look->descriptors_len < DEVICE_DESCRIPTOR_LEN)
		say(entry->why, "its descriptors cannot be read");
	else if (look->descriptors_len == DEVICE_DESCRIPTOR_LEN)
		say(entry->why, "the kernel could not read its configuration");
	else if (look->unconfigured)
		say(entry->why, "the kernel did not take its configuration (too little power, or a "
				"bad cable)");
	else if (entry->mode == SURVEY_DFU &&
		 !dfu_parse_config(look->descriptors + DEVICE_DESCRIPTOR_LEN,
			 look->descriptors_len - DEVICE_DESCRIPTOR_LEN, &parsed, strings, &err))
		say(entry->why, "its descriptors make no sense: %.200s", err.text);
	else if (!look->serial[0] && look->descriptors[SERIAL_INDEX_AT])
		say(entry->why, "it has a serial, which could not be read when it arrived");
	else
		return false;
	entry->state = SURVEY_UNREADABLE;
	say(entry->next, "plug it in again, try another cable; if it stays so, set the unit aside");
	return true;
}

/* The string of the setting that is chosen now; what the others say is seen when it is opened. */
static bool judge_layout(const struct family *family, struct survey_entry *entry)
{
	const struct usb_look *look = entry->look;
	const struct family_alt *alt = family_alt(family, look->alternate);
	if (entry->mode != SURVEY_DFU || !look->interface[0])
		return false;
	if (alt && strcmp(alt->layout_text, look->interface) == 0)
		return false;
	entry->state = SURVEY_LAYOUT;
	say(entry->why, "its setting %u is \"%s\", not the %s's", look->alternate, look->interface,
		family->name);
	say(entry->next, "check that the unit is of this family; if it is, it needs a profile of "
			 "its own");
	return true;
}

/* Lines of the rule as it is shipped: ATTR{idVendor}=="2b04", ATTR{idProduct}=="[cd]0??". */
static bool rule_covers(const char *rule, const struct usb_look *look)
{
	static const char vendor_head[] = "ATTR{idVendor}==\"",
			  product_head[] = "ATTR{idProduct}==\"";
	char vendor[8], product[8], pattern[32];
	snprintf(vendor, sizeof vendor, "%04x\"", look->vendor_id);
	snprintf(product, sizeof product, "%04x", look->product_id);
	for (const char *at = rule; (at = strstr(at, vendor_head)) != NULL;) {
		at += strlen(vendor_head);
		const char *of = strstr(at, product_head);
		if (!of || strncmp(at, vendor, strlen(vendor)) != 0)
			continue;
		of += strlen(product_head);
		if (text_format(pattern, sizeof pattern, "%.*s", (int)strcspn(of, "\""), of) &&
			fnmatch(pattern, product, 0) == 0)
			return true;
	}
	return false;
}

static void advise_access(const struct survey_rules *rules, struct survey_entry *entry)
{
	const struct usb_look *look = entry->look;
	/* Of a rule that cannot be read nothing is said. */
	if (rules->rule_text[0] && !rule_covers(rules->rule_text, look))
		say(entry->next,
			"add a line for %04x:%04x to the udev rule, and install it as told below",
			look->vendor_id, look->product_id);
	else if (rules->rule == SURVEY_RULE_THERE ||
		 (rules->rule == SURVEY_RULE_OTHER && !rules->rule_text[0]))
		say(entry->next,
			"the udev rule is installed: be in the group plugdev (log in anew), plug the "
			"unit in again");
	else if (rules->rule == SURVEY_RULE_OTHER)
		say(entry->next, "another version of the udev rule is installed: install this one, "
				 "as told below");
	else
		say(entry->next, "the udev rule is not installed: install it, as told below");
}

static bool judge_access(const struct survey_rules *rules, struct survey_entry *entry)
{
	const struct usb_look *look = entry->look;
	if (look->node == USB_NODE_ALLOWED)
		return false;
	entry->state = SURVEY_NO_ACCESS;
	if (look->node == USB_NODE_NONE) {
		say(entry->why, "there is no /dev/bus/usb/%03u/%03u that this user could see",
			look->bus, look->number);
		say(entry->next, "let /dev/bus/usb into the container, or mount it");
		return true;
	}
	say(entry->why, "this user may not open /dev/bus/usb/%03u/%03u", look->bus, look->number);
	advise_access(rules, entry);
	return true;
}

static bool judge_holder(const struct survey_rules *rules, struct survey_entry *entry)
{
	const struct usb_look *look = entry->look;
	bool hidden = !look->holder && strcmp(look->driver, "usbfs") == 0;
	if (!look->holder && !hidden)
		return false;
	entry->state = SURVEY_HELD;
	if (look->holder && strcmp(look->holder_name, "station") == 0) {
		entry->state = SURVEY_IN_WORK;
		say(entry->why, "a station has it in work (process %d)", look->holder);
	} else if (hidden && rules->station_works) {
		entry->state = SURVEY_IN_WORK;
		say(entry->why,
			"the station that works on this bench has it, as far as can be seen");
	} else if (hidden) {
		say(entry->why, "another program has it, which only root can see");
		say(entry->next, "stop that program; sudo station list tells which it is");
	} else {
		say(entry->why, "another program has %s%s open: %s (process %d)",
			look->holds_tty ? "its serial line /dev/" : "it",
			look->holds_tty ? look->tty : "", look->holder_name, look->holder);
		say(entry->next, "stop that program");
	}
	return true;
}

/* Nobody has asked it. */
static bool judge_running(const struct family *family, struct survey_entry *entry)
{
	if (entry->mode != SURVEY_RUNNING)
		return false;
	if (family->reentry.line_coding || family->reentry.vendor_request) {
		say(entry->why,
			"its program runs, or it is in listening mode: a batch sends it into DFU");
		return false;
	}
	entry->state = SURVEY_RUNS;
	say(entry->why, "its program runs, and this family cannot be sent into DFU");
	say(entry->next, "put it into DFU with its button");
	return true;
}

static void judge(const struct survey_rules *rules, struct survey_entry *entry)
{
	const struct usb_look *look = entry->look;
	const struct family *family = find_family(rules, look, entry->families);
	if (!family) {
		entry->mode = SURVEY_OTHER;
		entry->state = SURVEY_FOREIGN;
		say(entry->why, "no family has the USB id %04x:%04x%s%.100s", look->vendor_id,
			look->product_id, look->product[0] ? ", " : "", look->product);
		if (entry->slot[0])
			say(entry->next, "take it out, or add a profile of its family");
		return;
	}
	entry->family = family;
	entry->mode = is_id(look, family->dfu) ? SURVEY_DFU : SURVEY_RUNNING;
	show_led(entry);
	explain_id(family, entry);
	if (judge_holder(rules, entry) || judge_late(entry) || judge_descriptors(entry) ||
		judge_layout(family, entry) || judge_access(rules, entry) ||
		judge_running(family, entry))
		return;
	entry->state = SURVEY_READY;
	if (entry->slot[0] || !rules->config->slot_count)
		return;
	entry->state = SURVEY_NO_SLOT;
	say(entry->why, "its port is no slot of the config");
	say(entry->next, "plug it into a slot, name its port (station slots --learn), or give "
			 "--any-port");
}

void survey_judge_twins(struct survey_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++) {
			if (i == k || !entries[i].device_id[0] ||
				strcmp(entries[i].device_id, entries[k].device_id) != 0)
				continue;
			entries[i].state = SURVEY_TWIN;
			say(entries[i].why, "port %s shows the same device id", entries[k].port);
			say(entries[i].next, "take both out and keep them apart: a batch would set "
					     "both aside");
		}
}

static struct survey_entry of_slot(const struct survey_rules *rules, const struct config_slot *slot,
	const struct usb_look *looks, size_t count)
{
	struct survey_entry entry = { .state = SURVEY_EMPTY, .id_source = "", .led = "" };
	memcpy(entry.slot, slot->name, sizeof entry.slot);
	memcpy(entry.port, slot->port, sizeof entry.port);
	for (size_t i = 0; i < count; i++)
		if (config_slot_is_at(slot, looks[i].port, looks[i].controller) &&
			(!entry.look || find_family(rules, &looks[i], entry.families)))
			entry.look = &looks[i];
	if (!entry.look)
		return entry;
	memcpy(entry.port, entry.look->port, sizeof entry.port);
	judge(rules, &entry);
	return entry;
}

static bool is_shown(const struct survey_entry *entries, size_t count, const struct usb_look *look)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].look == look)
			return true;
	return false;
}

size_t survey(const struct survey_rules *rules, const struct usb_look *looks, size_t count,
	struct survey_entry *ret)
{
	size_t entries = 0;
	for (; entries < rules->config->slot_count; entries++)
		ret[entries] = of_slot(rules, &rules->config->slots[entries], looks, count);
	for (size_t i = 0; i < count; i++) {
		if (is_shown(ret, entries, &looks[i]))
			continue;
		struct survey_entry entry = { .look = &looks[i], .id_source = "", .led = "" };
		memcpy(entry.port, looks[i].port, sizeof entry.port);
		judge(rules, &entry);
		ret[entries++] = entry;
	}
	survey_judge_twins(ret, entries);
	return entries;
}

/* --- what a unit told --- */

bool survey_may_ask(const struct survey_entry *entry)
{
	return entry->mode == SURVEY_RUNNING &&
	       (entry->state == SURVEY_READY || entry->state == SURVEY_NO_SLOT ||
		       entry->state == SURVEY_RUNS || entry->state == SURVEY_TWIN);
}

bool survey_may_request(const struct survey_entry *entry)
{
	return survey_may_ask(entry) && entry->family->reentry.vendor_request;
}

static void take_id(struct survey_entry *entry, const char *id, const char *source)
{
	if (!id[0])
		return;
	if (entry->device_id[0] && strcmp(entry->device_id, id) != 0) {
		entry->state = SURVEY_DISAGREES;
		say(entry->why, "its %s says %s, its %s says %s", entry->id_source,
			entry->device_id, source, id);
		say(entry->next, "set it aside: a batch would refuse it");
		return;
	}
	if (entry->device_id[0])
		return;
	memcpy(entry->device_id, id, sizeof entry->device_id);
	entry->id_source = source;
	entry->id_why[0] = 0;
}

/* In the place of "or it is in listening mode". */
static void tell_mode(struct survey_entry *entry, const struct survey_told *told, bool listens)
{
	const char *words = "its program runs";
	if (listens)
		words = "it is in listening mode";
	else if (told->problem[0])
		words = told->problem;
	else if (told->request.mode == LISTENING_NO)
		words = "its program runs, it is not in listening mode";
	else if (told->line_asked)
		words = "its program runs, and its serial line gave no answer: not in listening mode, "
			"or an application has taken the line";
	else
		words = "it runs; whether it is in listening mode is not known (older firmware): "
			"--ask asks its serial line";
	if (entry->state == SURVEY_RUNS)
		say(entry->why, "%s; this family cannot be sent into DFU", words);
	else if (entry->state != SURVEY_TWIN && entry->state != SURVEY_NO_SLOT)
		say(entry->why, "%s; a batch sends it into DFU", words);
}

void survey_tell(struct survey_entry *entry, const struct survey_told *told)
{
	bool listens = told->request.mode == LISTENING_YES || told->line.mode == LISTENING_YES;
	if (listens)
		entry->mode = SURVEY_LISTENING;
	show_led(entry);
	memcpy(entry->version, told->request.version, sizeof entry->version);
	tell_mode(entry, told, listens);
	take_id(entry, told->request.device_id, "request");
	take_id(entry, told->line.device_id, "listening");
}
