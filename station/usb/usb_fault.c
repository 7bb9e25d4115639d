/* SPDX-License-Identifier: Apache-2.0 */
/* Forwards to an inner bus and applies the rules of usb_fault.h to each transfer. */
#include "usb_fault.h"

#include <stdlib.h>
#include <string.h>

#include "scope.h"
#include "secret.h"
#include "text.h"
#include "usb_hub.h"

enum { REQUEST_SET_INTERFACE = 11, TYPE_TO_HOST = 0x80 };

struct fault_rule {
	struct usb_fault_rule rule;
	uint64_t seen; /* matching transfers so far */
};

struct fault_port {
	char port[USB_PORT_MAX];
	uint64_t transfers;
	uint64_t gone_arrival; /* hidden; 0: none */
};

struct usb_fault {
	struct usb_bus bus;
	struct usb_bus *inner;
	void (*unplug)(void *context, const char *port);
	void *unplug_context;
	pthread_mutex_t lock; /* of everything below */
	struct fault_rule rules[USB_FAULT_RULES_MAX];
	size_t rule_count;
	struct fault_port ports[USB_FAULT_PORTS_MAX];
	size_t port_count;
};

struct fault_dev {
	struct usb_dev dev;
	struct usb_dev *inner;
	struct usb_fault *fault;
	char port[USB_PORT_MAX];
	uint64_t arrival;
	bool gone;
};

/* Under the lock; NULL when there is no room, then the port has no count and is never hidden. */
static struct fault_port *port_of(struct usb_fault *fault, const char *port)
{
	for (size_t i = 0; i < fault->port_count; i++)
		if (!strcmp(fault->ports[i].port, port))
			return &fault->ports[i];
	if (fault->port_count == USB_FAULT_PORTS_MAX)
		return NULL;
	if (!text_copy(fault->ports[fault->port_count].port, USB_PORT_MAX, port))
		return NULL;
	return &fault->ports[fault->port_count++];
}

/* Counts the transfer and gives the rule that it meets. */
static bool next_rule(struct fault_dev *dev, int request, struct usb_fault_rule *ret)
{
	struct usb_fault *fault = dev->fault;
	SCOPED_LOCK(&fault->lock);
	struct fault_port *port = port_of(fault, dev->port);
	bool met = false;

	if (port)
		port->transfers++;
	for (size_t i = 0; i < fault->rule_count; i++) {
		struct fault_rule *entry = &fault->rules[i];
		uint64_t count = entry->rule.count ? entry->rule.count : 1;

		if (strcmp(entry->rule.port, dev->port) != 0)
			continue;
		if (entry->rule.request != USB_FAULT_ANY_REQUEST && entry->rule.request != request)
			continue;
		if (!met && entry->seen >= entry->rule.at && entry->seen - entry->rule.at < count) {
			*ret = entry->rule;
			met = true;
		}
		entry->seen++;
	}
	return met;
}

static bool unplug(struct fault_dev *dev, struct err *err)
{
	struct usb_fault *fault = dev->fault;

	dev->gone = true;
	if (fault->unplug) {
		fault->unplug(fault->unplug_context, dev->port);
	} else {
		SCOPED_LOCK(&fault->lock);
		struct fault_port *port = port_of(fault, dev->port);

		if (port)
			port->gone_arrival = dev->arrival;
	}
	return err_set(err, REASON_USB_GONE, "%s: unplugged by the fault schedule", dev->port);
}

static bool injected(
	const struct fault_dev *dev, const struct usb_fault_rule *rule, struct err *err)
{
	return err_set(err, rule->reason, "%s: transfer failed by the fault schedule", dev->port);
}

/* A control transfer, or one on an endpoint of its own. */
struct order {
	int request; /* as in a rule */
	struct usb_setup setup;
	uint8_t endpoint;
	bool to_host;
	uint16_t len;
	uint32_t timeout_ms;
	const struct cancel *cancel;
};

static bool forward(const struct fault_dev *dev, const struct order *order, uint8_t *data,
	uint16_t *ret_len, struct err *err)
{
	struct usb_dev *inner = dev->inner;

	if (order->request == USB_FAULT_BULK)
		return inner->ops->bulk(inner, order->endpoint, data, order->len, order->timeout_ms,
			order->cancel, ret_len, err);
	return inner->ops->control(inner, order->setup, data, order->len, order->timeout_ms,
		order->cancel, ret_len, err);
}

/* What happens to a transfer that is carried out. */
static bool spoil(const struct fault_dev *dev, const struct usb_fault_rule *rule,
	const struct order *order, uint8_t *data, uint16_t *ret_len, struct err *err)
{
	if (rule->kind == USB_FAULT_BREAK_OFF)
		return injected(dev, rule, err);
	if (!order->to_host)
		return true;
	if (rule->kind == USB_FAULT_FLIP && *ret_len)
		data[rule->offset % *ret_len] ^= rule->mask;
	if (rule->kind == USB_FAULT_SHORT && rule->offset < *ret_len)
		*ret_len = rule->offset;
	return true;
}

static bool run(struct fault_dev *dev, const struct order *order, uint8_t *data, uint16_t *ret_len,
	struct err *err)
{
	struct usb_fault_rule rule;
	uint16_t len = order->len, moved = 0;

	if (dev->gone)
		return err_set(err, REASON_USB_GONE, "%s: the unit is unplugged", dev->port);
	if (!next_rule(dev, order->request, &rule))
		return forward(dev, order, data, ret_len, err);
	if (rule.kind == USB_FAULT_UNPLUG)
		return unplug(dev, err);
	if (rule.kind == USB_FAULT_FAIL)
		return injected(dev, &rule, err);
	if (rule.kind == USB_FAULT_SWALLOW) {
		if (order->to_host && len)
			memset(data, 0, len);
		*ret_len = len;
		return true;
	}
	SCOPED_SECRET uint8_t *spoiled = NULL;

	if (rule.kind == USB_FAULT_SPOIL && !order->to_host && len) {
		/* A copy, since the data may lie in read-only memory. */
		spoiled = secret_alloc(len, err);
		if (!spoiled)
			return false;
		memcpy(spoiled, data, len);
		spoiled[rule.offset % len] ^= rule.mask;
	}
	if (!forward(dev, order, spoiled ? spoiled : data, &moved, err) ||
		!spoil(dev, &rule, order, data, &moved, err))
		return false;
	*ret_len = moved;
	return true;
}

static bool fault_control(struct usb_dev *base, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct order order = { .request = setup.request,
		.setup = setup,
		.to_host = setup.type & TYPE_TO_HOST,
		.len = len,
		.timeout_ms = timeout_ms,
		.cancel = cancel };

	return run((struct fault_dev *)base, &order, data, ret_len, err);
}

static bool fault_bulk(struct usb_dev *base, uint8_t endpoint, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct order order = { .request = USB_FAULT_BULK,
		.endpoint = endpoint,
		.to_host = endpoint & TYPE_TO_HOST,
		.len = len,
		.timeout_ms = timeout_ms,
		.cancel = cancel };

	return run((struct fault_dev *)base, &order, data, ret_len, err);
}

static bool fault_set_interface(struct usb_dev *base, uint8_t interface, uint8_t alternate,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	struct fault_dev *dev = (struct fault_dev *)base;
	struct usb_fault_rule rule = {
		.kind = USB_FAULT_FLIP
	}; /* does nothing to a transfer without data */

	if (dev->gone)
		return err_set(err, REASON_USB_GONE, "%s: the unit is unplugged", dev->port);
	next_rule(dev, REQUEST_SET_INTERFACE, &rule);
	if (rule.kind == USB_FAULT_UNPLUG)
		return unplug(dev, err);
	if (rule.kind == USB_FAULT_FAIL)
		return injected(dev, &rule, err);
	if (rule.kind == USB_FAULT_SWALLOW)
		return true;
	if (!dev->inner->ops->set_interface(
		    dev->inner, interface, alternate, timeout_ms, cancel, err))
		return false;
	return rule.kind != USB_FAULT_BREAK_OFF || injected(dev, &rule, err);
}

static bool fault_claim(struct usb_dev *base, uint8_t interface, struct err *err)
{
	struct fault_dev *dev = (struct fault_dev *)base;

	if (dev->gone)
		return err_set(err, REASON_USB_GONE, "%s: the unit is unplugged", dev->port);
	return dev->inner->ops->claim(dev->inner, interface, err);
}

static bool fault_pause(
	struct usb_dev *base, uint32_t ms, const struct cancel *cancel, struct err *err)
{
	struct fault_dev *dev = (struct fault_dev *)base;

	return dev->inner->ops->pause(dev->inner, ms, cancel, err);
}

static void fault_close(struct usb_dev *base)
{
	struct fault_dev *dev = (struct fault_dev *)base;

	if (!dev)
		return;
	dev->inner->ops->close(dev->inner);
	free(dev);
}

static const struct usb_dev_ops fault_dev_ops = {
	.control = fault_control,
	.bulk = fault_bulk,
	.claim = fault_claim,
	.set_interface = fault_set_interface,
	.pause = fault_pause,
	.close = fault_close,
};

static bool is_hidden(struct usb_fault *fault, const struct usb_ident *ident)
{
	SCOPED_LOCK(&fault->lock);
	struct fault_port *port = port_of(fault, ident->port);

	return port && port->gone_arrival && port->gone_arrival == ident->arrival;
}

static bool fault_list(struct usb_bus *base, struct usb_ident *ret, size_t cap, size_t *ret_count,
	uint64_t *ret_change, struct err *err)
{
	struct usb_fault *fault = (struct usb_fault *)base;
	size_t count, kept = 0;

	if (!fault->inner->ops->list(fault->inner, ret, cap, &count, ret_change, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!is_hidden(fault, &ret[i]))
			ret[kept++] = ret[i];
	*ret_count = kept;
	return true;
}

static bool fault_wait(struct usb_bus *base, uint64_t change, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	struct usb_fault *fault = (struct usb_fault *)base;

	return fault->inner->ops->wait(fault->inner, change, timeout_ms, cancel, err);
}

static bool fault_open(struct usb_bus *base, const struct usb_ident *ident,
	const struct cancel *cancel, struct usb_dev **ret, struct err *err)
{
	struct usb_fault *fault = (struct usb_fault *)base;

	if (is_hidden(fault, ident))
		return err_set(err, REASON_USB_GONE, "%s: the unit is unplugged", ident->port);
	SCOPED_FREE struct fault_dev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return err_set(err, REASON_STATION, "%s: out of memory", ident->port);
	if (!fault->inner->ops->open(fault->inner, ident, cancel, &dev->inner, err))
		return false;
	dev->dev.ops = &fault_dev_ops;
	dev->fault = fault;
	dev->arrival = ident->arrival;
	memcpy(dev->port, ident->port, sizeof(dev->port));
	*ret = &dev->dev;
	dev = NULL;
	return true;
}

/* Hubs are passed on as they are. */
static struct usb_bus *inner_of(struct usb_bus *base)
{
	return ((struct usb_fault *)base)->inner;
}

static bool fault_list_hubs(struct usb_bus *base, struct usb_hub_ident *ret, size_t cap,
	size_t *ret_count, struct err *err)
{
	return inner_of(base)->ops->hubs->list(inner_of(base), ret, cap, ret_count, err);
}

static bool fault_open_hub(struct usb_bus *base, const char *hub, const struct cancel *cancel,
	struct usb_dev **ret, struct err *err)
{
	return inner_of(base)->ops->hubs->open(inner_of(base), hub, cancel, ret, err);
}

static bool fault_port(struct usb_bus *base, const char *hub, unsigned port,
	struct usb_hub_port *ret, struct err *err)
{
	return inner_of(base)->ops->hubs->port(inner_of(base), hub, port, ret, err);
}

static bool fault_switch_port(struct usb_bus *base, const char *hub, unsigned port, bool on,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	return inner_of(base)->ops->hubs->switch_port(
		inner_of(base), hub, port, on, timeout_ms, cancel, err);
}

static const struct usb_hub_ops fault_hub_ops = { .list = fault_list_hubs,
	.open = fault_open_hub,
	.port = fault_port,
	.switch_port = fault_switch_port };

static void fault_bus_close(struct usb_bus *base)
{
	struct usb_fault *fault = (struct usb_fault *)base;

	if (!fault)
		return;
	fault->inner->ops->close(fault->inner);
	pthread_mutex_destroy(&fault->lock);
	free(fault);
}

static const struct usb_bus_ops fault_bus_ops = {
	.list = fault_list,
	.wait = fault_wait,
	.open = fault_open,
	.close = fault_bus_close,
};

static const struct usb_bus_ops fault_bus_hub_ops = {
	.list = fault_list,
	.wait = fault_wait,
	.open = fault_open,
	.close = fault_bus_close,
	.hubs = &fault_hub_ops,
};

bool usb_fault_new(struct usb_bus *inner, struct usb_fault **ret, struct err *err)
{
	struct usb_fault *fault = calloc(1, sizeof(*fault));

	if (!fault)
		return err_set(err, REASON_STATION, "out of memory for the fault schedule");
	fault->bus.ops = inner->ops->hubs ? &fault_bus_hub_ops : &fault_bus_ops;
	fault->inner = inner;
	pthread_mutex_init(&fault->lock, NULL);
	*ret = fault;
	return true;
}

struct usb_bus *usb_fault_bus(struct usb_fault *fault)
{
	return &fault->bus;
}

void usb_fault_on_unplug(
	struct usb_fault *fault, void (*on_unplug)(void *context, const char *port), void *context)
{
	fault->unplug = on_unplug;
	fault->unplug_context = context;
}

bool usb_fault_add(struct usb_fault *fault, const struct usb_fault_rule *rule, struct err *err)
{
	SCOPED_LOCK(&fault->lock);

	if (fault->rule_count == USB_FAULT_RULES_MAX)
		return err_set(err, REASON_BUG, "a fault schedule has at most %d rules",
			USB_FAULT_RULES_MAX);
	fault->rules[fault->rule_count++] = (struct fault_rule){ .rule = *rule };
	return true;
}

void usb_fault_clear(struct usb_fault *fault)
{
	SCOPED_LOCK(&fault->lock);

	fault->rule_count = 0;
	for (size_t i = 0; i < fault->port_count; i++)
		fault->ports[i].transfers = 0;
}

uint64_t usb_fault_transfers(struct usb_fault *fault, const char *port)
{
	SCOPED_LOCK(&fault->lock);
	struct fault_port *entry = port_of(fault, port);

	return entry ? entry->transfers : 0;
}
