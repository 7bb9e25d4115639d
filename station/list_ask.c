/* SPDX-License-Identifier: Apache-2.0 */
#include "list_ask.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "scope.h"
#include "usb_libusb.h"

enum { REQUEST_MS = 1000, LINE_MS = 1500 };

struct question {
	const struct list_asking *asking;
	struct usb_bus *bus;
	struct usb_ident ident;
	struct survey_entry *entry;
	pthread_t thread;
	struct survey_told told;
};

/* A run that begins meanwhile has the units to itself. */
static bool may_open(const struct question *question, struct err *err)
{
	return !fs_is_locked(question->asking->lock_file) ||
	       err_set(err, REASON_STOPPED, "a station began to work here");
}

static bool ask_dev(struct question *question, struct usb_dev *dev, struct err *err)
{
	struct survey_told *told = &question->told;
	if (survey_may_request(question->entry) &&
		!listening_ask_request(dev, REQUEST_MS, NULL, &told->request, err))
		return false;
	if (!question->asking->line || told->request.mode != LISTENING_UNKNOWN)
		return true;
	told->line_asked = true;
	return listening_ask_line(dev, LINE_MS, NULL, &told->line, err);
}

static void *ask(void *argument)
{
	struct question *question = argument;
	struct usb_bus *bus = question->bus;
	struct usb_dev *dev = NULL;
	struct err err;
	if (!may_open(question, &err) || !bus->ops->open(bus, &question->ident, NULL, &dev, &err) ||
		!ask_dev(question, dev, &err))
		snprintf(question->told.problem, sizeof question->told.problem,
			"it runs, and could not be asked whether it listens: %.200s", err.text);
	if (dev)
		dev->ops->close(dev);
	return NULL;
}

/* The unit that was looked at, as the bus names it. */
static bool find(const struct usb_ident *idents, size_t count, const struct usb_look *look,
	struct usb_ident *ret)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(idents[i].port, look->port) == 0 &&
			idents[i].vendor_id == look->vendor_id &&
			idents[i].product_id == look->product_id) {
			*ret = idents[i];
			return true;
		}
	return false;
}

static bool is_wanted(const struct list_asking *asking, const struct survey_entry *entry)
{
	return asking->line ? survey_may_ask(entry) : survey_may_request(entry);
}

static void ask_all(struct question *questions, size_t count)
{
	size_t started = 0;
	while (started < count &&
		pthread_create(&questions[started].thread, NULL, ask, &questions[started]) == 0)
		started++;
	for (size_t i = 0; i < started; i++)
		pthread_join(questions[i].thread, NULL);
	for (size_t i = started; i < count; i++)
		(void)ask(&questions[i]);
	for (size_t i = 0; i < count; i++)
		survey_tell(questions[i].entry, &questions[i].told);
}

static bool ask_on(const struct list_asking *asking, struct usb_bus *bus,
	struct survey_entry *entries, size_t count, struct err *err)
{
	SCOPED_FREE struct usb_ident *idents = calloc(USB_UNITS_MAX, sizeof *idents);
	SCOPED_FREE struct question *questions = calloc(count, sizeof *questions);
	size_t attached = 0, wanted = 0;
	uint64_t change;
	if (!idents || !questions)
		return err_set(err, REASON_STATION, "no memory to ask the units");
	if (!bus->ops->list(bus, idents, USB_UNITS_MAX, &attached, &change, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct question *question = &questions[wanted];
		if (!is_wanted(asking, &entries[i]) ||
			!find(idents, attached, entries[i].look, &question->ident))
			continue;
		question->asking = asking;
		question->bus = bus;
		question->entry = &entries[i];
		wanted++;
	}
	ask_all(questions, wanted);
	survey_judge_twins(entries, count);
	return true;
}

bool list_ask(const struct list_asking *asking, struct survey_entry *entries, size_t count,
	struct err *err)
{
	struct usb_bus *bus;
	bool wanted = false;
	for (size_t i = 0; i < count; i++)
		wanted = wanted || is_wanted(asking, &entries[i]);
	if (!wanted)
		return true;
	if (!usb_libusb_open(&bus, err))
		return false;
	bool good = ask_on(asking, bus, entries, count, err);
	bus->ops->close(bus);
	return good;
}
