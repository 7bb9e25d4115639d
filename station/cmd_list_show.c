/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_list_show.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd_json.h"

enum { WIDTH = 100, INDENT = 7, DEVICE_ID_WIDTH = 24 };

static json_t *families_json(const char *families)
{
	json_t *array = json_array();
	for (const char *at = families; *at; at += *at == ',') {
		size_t len = strcspn(at, ",");
		json_array_append_new(array, json_stringn(at, len));
		at += len;
	}
	return array;
}

static json_t *commands_json(const struct survey_entry *entry, const struct list_rule *rule)
{
	json_t *array = json_array();
	for (size_t i = 0; i < LIST_RULE_COMMANDS && entry->state == SURVEY_NO_ACCESS; i++)
		json_array_append_new(array, json_string(rule->commands[i]));
	return array;
}

void list_show_json(const struct survey_entry *entry, const struct list_rule *rule)
{
	const struct usb_look *look = entry->look;
	char usb_id[16] = "";
	if (look)
		snprintf(usb_id, sizeof usb_id, "%04x:%04x", look->vendor_id, look->product_id);
	cmd_json_line(stdout,
		json_pack(
			"{s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}",
			"event", "port", "slot", cmd_json_text(entry->slot), "port", entry->port,
			"controller", cmd_json_text(look ? look->controller : ""), "usb_id",
			cmd_json_text(usb_id), "families", families_json(entry->families), "mode",
			survey_mode_name(entry->mode), "led", cmd_json_text(entry->led),
			"device_id", cmd_json_text(entry->device_id), "device_id_source",
			cmd_json_text(entry->id_source), "serial",
			cmd_json_text(look ? look->serial : ""), "product",
			cmd_json_text(look ? look->product : ""), "system_version",
			cmd_json_text(entry->version), "state", survey_state_name(entry->state),
			"why", cmd_json_text(entry->why[0] ? entry->why : entry->id_why), "next",
			cmd_json_text(entry->next), "commands", commands_json(entry, rule)));
}

/* Breaks at blanks; a word that is longer than a line is cut. */
static void print_wrapped(const char *text)
{
	enum { ROOM = WIDTH - INDENT };
	while (*text) {
		size_t len = strlen(text);
		if (len > ROOM) {
			for (len = ROOM; len && text[len] != ' '; len--)
				;
			len = len ? len : ROOM;
		}
		printf("%*s%.*s\n", INDENT, "", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

static void print_notes(const struct survey_entry *entry)
{
	char text[3 * SURVEY_TEXT_MAX + 32];
	size_t len = 0;
	const char *const notes[] = { entry->why, entry->id_why };
	for (size_t i = 0; i < 2; i++)
		if (notes[i][0])
			len += (size_t)snprintf(
				text + len, sizeof text - len, "%s%s", len ? "; " : "", notes[i]);
	if (!len)
		return;
	print_wrapped(text);
	if (!entry->next[0])
		return;
	snprintf(text, sizeof text, "Next: %s.", entry->next);
	print_wrapped(text);
}

/* Of the columns slot, port and family, whose contents are longest here. */
struct widths {
	int slot, port, family;
};

static int wider(int width, const char *text, int max)
{
	int len = (int)strlen(text);
	return len <= width ? width : len < max ? len : max;
}

static struct widths measure(const struct survey_entry *entries, size_t count)
{
	struct widths widths = { 4, 4, 6 };
	for (size_t i = 0; i < count; i++) {
		widths.slot = wider(widths.slot, entries[i].slot, 12);
		widths.port = wider(widths.port, entries[i].port, 14);
		widths.family = wider(widths.family, entries[i].families, 20);
	}
	return widths;
}

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

static void print_row(const struct widths *widths, const char *const columns[6])
{
	printf("%-*.*s  %-*.*s  %-*.*s  %-9s  %-*s  %s\n", widths->slot, widths->slot, columns[0],
		widths->port, widths->port, columns[1], widths->family, widths->family, columns[2],
		columns[3], DEVICE_ID_WIDTH, columns[4], columns[5]);
}

static void print_counts(const struct survey_entry *entries, size_t count)
{
	unsigned states[SURVEY_STATES] = { 0 };
	for (size_t i = 0; i < count; i++)
		states[entries[i].state]++;
	printf("\n%zu ports:", count);
	for (int i = 0; i < SURVEY_STATES; i++)
		if (states[i])
			printf(" %u %s", states[i], survey_state_name((enum survey_state)i));
	putchar('\n');
}

/* Each mode that is there, once. */
static void print_leds(const struct survey_entry *entries, size_t count)
{
	bool told[SURVEY_OTHER + 1] = { false };
	for (size_t i = 0; i < count; i++) {
		const struct survey_entry *entry = &entries[i];
		if (!entry->led[0] || told[entry->mode])
			continue;
		printf("LED, %s: %s\n", survey_mode_name(entry->mode), entry->led);
		told[entry->mode] = true;
	}
}

static void print_commands(
	const struct survey_entry *entries, size_t count, const struct list_rule *rule)
{
	bool wanted = false;
	for (size_t i = 0; i < count; i++)
		wanted = wanted || entries[i].state == SURVEY_NO_ACCESS;
	if (!wanted)
		return;
	puts("To let those who sit at the bench, and the group plugdev, open units, as root:");
	for (size_t i = 0; i < LIST_RULE_COMMANDS; i++)
		printf("  %s\n", rule->commands[i]);
}

void list_show_text(const struct survey_entry *entries, size_t count, const struct list_rule *rule)
{
	static const char *const head[6] = { "slot", "port", "family", "mode", "device id",
		"state" };
	const struct widths widths = measure(entries, count);
	print_row(&widths, head);
	for (size_t i = 0; i < count; i++) {
		const struct survey_entry *entry = &entries[i];
		const char *const row[6] = { or_dash(entry->slot), entry->port,
			or_dash(entry->families), survey_mode_name(entry->mode),
			or_dash(entry->device_id), survey_state_name(entry->state) };
		print_row(&widths, row);
		print_notes(entry);
	}
	print_counts(entries, count);
	print_leds(entries, count);
	print_commands(entries, count, rule);
}
