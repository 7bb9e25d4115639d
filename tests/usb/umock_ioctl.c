/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's usbfs answers (drivers/usb/core/devio.c), with a virtual unit behind it. A
 * program that is killed while it asks sends no argument: EFAULT then, which nobody hears. */
#include "umock_private.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

/* after sys/ioctl.h, whose macros it uses */
#include <linux/usbdevice_fs.h>

#include "bytes.h"
#include "clock.h"
#include "scope.h"

enum {
	REQUEST_SET_INTERFACE = 11,
	TYPE_MASK = 0x60,
	TYPE_CLASS = 0x20,
	SETUP_LEN = 8,
	SPEED_FULL = 2,
	CAPABILITIES = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
		       USBDEVFS_CAP_REAP_AFTER_DISCONNECT
};

/* One transfer to the unit. status is as the kernel puts it into an URB. */
struct exchange {
	uint8_t setup[SETUP_LEN];
	uint8_t *data;
	uint16_t moved;
	int status;
	uint64_t done_us; /* the unit's time; UINT64_MAX: never */
};

static bool keeps_from_unit(struct umock_port *port, const uint8_t setup[SETUP_LEN])
{
	bool is_class = (setup[0] & TYPE_MASK) == TYPE_CLASS;
	if (port->silent)
		return true;
	if (!is_class || port->requests_left < 0)
		return false;
	if (port->requests_left > 0) {
		port->requests_left--;
		return false;
	}
	port->frozen = true;
	return true;
}

static void run(struct umock_port *port, struct exchange *exchange)
{
	umock_sync(port, 0);
	port->used_us = clock_mono_us();
	exchange->done_us = UINT64_MAX;
	if (keeps_from_unit(port, exchange->setup))
		return;
	enum vunit_answer answer = vunit_control(port->unit, exchange->setup, exchange->data,
		&exchange->moved, umock_now_us(port), &exchange->done_us);
	exchange->status = answer == VUNIT_STALL      ? -EPIPE
			   : answer == VUNIT_OVERFLOW ? -EOVERFLOW
						      : 0;
	if (answer == VUNIT_NONE)
		exchange->done_us = UINT64_MAX;
	else
		umock_sync(port, exchange->done_us);
}

/* --- transfers --- */

static struct umock_urb *free_urb(struct umock_arrival *arrival)
{
	for (size_t i = 0; i < UMOCK_URBS_MAX; i++)
		if (!arrival->urbs[i].client)
			return &arrival->urbs[i];
	return NULL;
}

static void drop_urb(struct umock_urb *urb)
{
	g_object_unref(urb->data);
	g_clear_object(&urb->buffer);
	g_object_unref(urb->client);
	memset(urb, 0, sizeof *urb);
}

static int submit_control(struct umock_arrival *arrival, struct umock_urb *slot)
{
	struct usbdevfs_urb *urb = (struct usbdevfs_urb *)(void *)slot->data->data;
	if (urb->buffer_length < SETUP_LEN)
		return EINVAL;
	g_autoptr(UMockdevIoctlData) buffer = umockdev_ioctl_data_resolve(
		slot->data, offsetof(struct usbdevfs_urb, buffer), (gsize)urb->buffer_length, NULL);
	if (!buffer)
		return EFAULT;
	struct exchange exchange = { .data = buffer->data + SETUP_LEN };
	memcpy(exchange.setup, buffer->data, SETUP_LEN);
	if (bytes_le16(exchange.setup + 6) > urb->buffer_length - SETUP_LEN)
		return EINVAL;
	run(arrival->port, &exchange);
	urb->actual_length = exchange.moved;
	slot->due_us = exchange.done_us;
	slot->status = exchange.status;
	return 0;
}

/* Asks the unit; while it has nothing for the host, the transfer stays where it is. */
static void try_bulk(struct umock_port *port, struct umock_urb *slot)
{
	struct usbdevfs_urb *urb = (struct usbdevfs_urb *)(void *)slot->data->data;
	uint16_t moved;
	umock_sync(port, 0);
	if (port->silent || !port->unit)
		return;
	enum vunit_answer answer = vunit_bulk(port->unit, urb->endpoint, slot->buffer->data,
		(uint16_t)urb->buffer_length, &moved, umock_now_us(port), &slot->due_us);
	slot->waits = answer == VUNIT_NAK;
	if (answer != VUNIT_ACK)
		return;
	urb->actual_length = moved;
	port->used_us = clock_mono_us();
	umock_sync(port, slot->due_us);
}

static int submit_bulk(struct umock_arrival *arrival, struct umock_urb *slot)
{
	const struct usbdevfs_urb *urb = (const struct usbdevfs_urb *)(void *)slot->data->data;
	if (urb->buffer_length < 0 || urb->buffer_length > UINT16_MAX)
		return EINVAL;
	slot->buffer = umockdev_ioctl_data_resolve(
		slot->data, offsetof(struct usbdevfs_urb, buffer), (gsize)urb->buffer_length, NULL);
	if (!slot->buffer)
		return EFAULT;
	try_bulk(arrival->port, slot);
	return 0;
}

static int submit(struct umock_arrival *arrival, UMockdevIoctlClient *client)
{
	struct umock_urb *slot = free_urb(arrival);
	UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
	UMockdevIoctlData *data =
		umockdev_ioctl_data_resolve(argument, 0, sizeof(struct usbdevfs_urb), NULL);
	if (!slot || !data) {
		g_clear_object(&data);
		return EINVAL;
	}
	*slot = (struct umock_urb){
		.client = g_object_ref(client), .data = data, .due_us = UINT64_MAX
	};
	int type = ((struct usbdevfs_urb *)(void *)slot->data->data)->type;
	int problem = type == USBDEVFS_URB_TYPE_CONTROL ? submit_control(arrival, slot)
		      : type == USBDEVFS_URB_TYPE_BULK  ? submit_bulk(arrival, slot)
							: EINVAL;
	if (problem)
		drop_urb(slot);
	return problem;
}

static bool is_over(const struct umock_arrival *arrival, const struct umock_urb *urb)
{
	return urb->over || (urb->due_us != UINT64_MAX && arrival->here &&
				    umock_now_us(arrival->port) >= urb->due_us);
}

static int reap(struct umock_arrival *arrival, UMockdevIoctlClient *client)
{
	for (size_t i = 0; i < UMOCK_URBS_MAX; i++) {
		struct umock_urb *urb = &arrival->urbs[i];
		if (urb->client != client)
			continue;
		if (urb->waits && !urb->over && arrival->here)
			try_bulk(arrival->port, urb);
		if (!is_over(arrival, urb))
			continue;
		UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
		g_autoptr(UMockdevIoctlData) pointer =
			umockdev_ioctl_data_resolve(argument, 0, sizeof(void *), NULL);
		if (!pointer)
			return EFAULT;
		((struct usbdevfs_urb *)(void *)urb->data->data)->status = urb->status;
		umockdev_ioctl_data_set_ptr(pointer, 0, urb->data);
		drop_urb(urb);
		return 0;
	}
	return arrival->here ? EAGAIN : ENODEV;
}

static int discard(struct umock_arrival *arrival, UMockdevIoctlClient *client)
{
	UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
	gulong address = *(gulong *)(void *)argument->data;
	for (size_t i = 0; i < UMOCK_URBS_MAX; i++) {
		struct umock_urb *urb = &arrival->urbs[i];
		if (urb->client != client || urb->data->client_addr != address || urb->over)
			continue;
		urb->over = true;
		urb->status = -ENOENT;
		return 0;
	}
	return EINVAL;
}

void umock_break_urbs(struct umock_arrival *arrival)
{
	for (size_t i = 0; i < UMOCK_URBS_MAX; i++) {
		struct umock_urb *urb = &arrival->urbs[i];
		if (urb->client && !urb->over) {
			urb->over = true;
			urb->status = -ESHUTDOWN;
		}
	}
}

static int control(struct umock_arrival *arrival, UMockdevIoctlData *argument, long *ret)
{
	g_autoptr(UMockdevIoctlData) data = umockdev_ioctl_data_resolve(
		argument, 0, sizeof(struct usbdevfs_ctrltransfer), NULL);
	if (!data)
		return EFAULT;
	struct usbdevfs_ctrltransfer *request = (struct usbdevfs_ctrltransfer *)(void *)data->data;
	g_autoptr(UMockdevIoctlData) buffer = umockdev_ioctl_data_resolve(
		data, offsetof(struct usbdevfs_ctrltransfer, data), request->wLength, NULL);
	struct exchange exchange = { .setup = { request->bRequestType, request->bRequest },
		.data = buffer ? buffer->data : NULL };
	bytes_put_le16(exchange.setup + 2, request->wValue);
	bytes_put_le16(exchange.setup + 4, request->wIndex);
	bytes_put_le16(exchange.setup + 6, request->wLength);
	run(arrival->port, &exchange);
	*ret = exchange.moved;
	return exchange.done_us == UINT64_MAX ? ETIMEDOUT : -exchange.status;
}

/* --- interfaces --- */

static unsigned number_at(UMockdevIoctlData *argument)
{
	g_autoptr(UMockdevIoctlData) data =
		umockdev_ioctl_data_resolve(argument, 0, sizeof(unsigned), NULL);
	return data ? *(unsigned *)(void *)data->data : UINT_MAX;
}

static int claim(struct umock_arrival *arrival, UMockdevIoctlClient *client, unsigned interface)
{
	if (interface >= UMOCK_INTERFACES)
		return ENOENT;
	if (arrival->driver[interface] ||
		(arrival->claimer[interface] && arrival->claimer[interface] != client))
		return EBUSY;
	if (!arrival->claimer[interface])
		arrival->claimer[interface] = g_object_ref(client);
	return 0;
}

static int release(
	struct umock_arrival *arrival, const UMockdevIoctlClient *client, unsigned interface)
{
	if (interface >= UMOCK_INTERFACES || arrival->claimer[interface] != client)
		return EINVAL;
	g_clear_object(&arrival->claimer[interface]);
	return 0;
}

static int set_interface(struct umock_arrival *arrival, UMockdevIoctlData *argument)
{
	g_autoptr(UMockdevIoctlData) data = umockdev_ioctl_data_resolve(
		argument, 0, sizeof(struct usbdevfs_setinterface), NULL);
	if (!data)
		return EFAULT;
	const struct usbdevfs_setinterface *set =
		(const struct usbdevfs_setinterface *)(void *)data->data;
	struct exchange exchange = { .setup = { 0x01, REQUEST_SET_INTERFACE,
					     (uint8_t)set->altsetting, 0,
					     (uint8_t)set->interface } };
	run(arrival->port, &exchange);
	return exchange.done_us == UINT64_MAX ? ETIMEDOUT : -exchange.status;
}

static int get_driver(struct umock_arrival *arrival, UMockdevIoctlData *argument)
{
	g_autoptr(UMockdevIoctlData) data =
		umockdev_ioctl_data_resolve(argument, 0, sizeof(struct usbdevfs_getdriver), NULL);
	if (!data)
		return EFAULT;
	struct usbdevfs_getdriver *get = (struct usbdevfs_getdriver *)(void *)data->data;
	if (get->interface >= UMOCK_INTERFACES)
		return ENODATA;
	if (!arrival->driver[get->interface] && !arrival->claimer[get->interface])
		return ENODATA;
	g_strlcpy(get->driver, arrival->driver[get->interface] ? "cdc_acm" : "usbfs",
		sizeof get->driver);
	return 0;
}

/* cdc_acm has both interfaces of a line: it leaves both, and takes both. */
static int move_driver(struct umock_arrival *arrival, UMockdevIoctlData *argument)
{
	g_autoptr(UMockdevIoctlData) data =
		umockdev_ioctl_data_resolve(argument, 0, sizeof(struct usbdevfs_ioctl), NULL);
	if (!data)
		return EFAULT;
	const struct usbdevfs_ioctl *move = (const struct usbdevfs_ioctl *)(void *)data->data;
	bool on = move->ioctl_code == USBDEVFS_CONNECT;
	if (move->ifno < 0 || move->ifno > 1 || arrival->driver[move->ifno] == on)
		return on ? EBUSY : ENODATA;
	if (vunit_mode(arrival->port->unit) != VUNIT_CDC)
		return ENODATA;
	arrival->driver[0] = arrival->driver[1] = on;
	arrival->port->driver_on += on;
	arrival->port->driver_off += !on;
	return 0;
}

static int tell_connection(const struct umock_arrival *arrival, UMockdevIoctlData *argument)
{
	g_autoptr(UMockdevIoctlData) data =
		umockdev_ioctl_data_resolve(argument, 0, sizeof(struct usbdevfs_connectinfo), NULL);
	if (!data)
		return EFAULT;
	struct usbdevfs_connectinfo *info = (struct usbdevfs_connectinfo *)(void *)data->data;
	*info = (struct usbdevfs_connectinfo){ .devnum = arrival->number };
	return 0;
}

static int tell_capabilities(UMockdevIoctlData *argument)
{
	g_autoptr(UMockdevIoctlData) data =
		umockdev_ioctl_data_resolve(argument, 0, sizeof(uint32_t), NULL);
	if (!data)
		return EFAULT;
	*(uint32_t *)(void *)data->data = CAPABILITIES;
	return 0;
}

static int reset(struct umock_arrival *arrival)
{
	static const uint8_t set_configuration[SETUP_LEN] = { 0x00, 9, 1 };
	struct exchange exchange = { 0 };
	memcpy(exchange.setup, set_configuration, SETUP_LEN);
	vunit_bus_reset(arrival->port->unit, umock_now_us(arrival->port));
	run(arrival->port, &exchange);
	return 0;
}

/* --- the switch --- */

void umock_forget_all(struct umock_arrival *arrival)
{
	for (size_t i = 0; i < UMOCK_INTERFACES; i++)
		g_clear_object(&arrival->claimer[i]);
	for (size_t i = 0; i < UMOCK_URBS_MAX; i++)
		if (arrival->urbs[i].client)
			drop_urb(&arrival->urbs[i]);
}

/* umockdev announces a signal for a program that closed the node, and never sends it (0.17.16). */
static void forget_vanished(struct umock_arrival *arrival)
{
	for (size_t i = 0; i < UMOCK_INTERFACES; i++)
		if (arrival->claimer[i] &&
			!umockdev_ioctl_client_get_connected(arrival->claimer[i]))
			g_clear_object(&arrival->claimer[i]);
	for (size_t i = 0; i < UMOCK_URBS_MAX; i++)
		if (arrival->urbs[i].client &&
			!umockdev_ioctl_client_get_connected(arrival->urbs[i].client))
			drop_urb(&arrival->urbs[i]);
}

/* The errno, 0 for success; *ret is what the ioctl gives then. */
static int answer(struct umock_arrival *arrival, UMockdevIoctlClient *client, long *ret)
{
	UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
	switch ((unsigned)umockdev_ioctl_client_get_request(client)) {
	case USBDEVFS_SUBMITURB:
		return submit(arrival, client);
	case USBDEVFS_CONTROL:
		return control(arrival, argument, ret);
	case USBDEVFS_CLAIMINTERFACE:
		return claim(arrival, client, number_at(argument));
	case USBDEVFS_RELEASEINTERFACE:
		return release(arrival, client, number_at(argument));
	case USBDEVFS_SETINTERFACE:
		return set_interface(arrival, argument);
	case USBDEVFS_GETDRIVER:
		return get_driver(arrival, argument);
	case USBDEVFS_IOCTL:
		return move_driver(arrival, argument);
	case USBDEVFS_CONNECTINFO:
		return tell_connection(arrival, argument);
	case USBDEVFS_GET_CAPABILITIES:
		return tell_capabilities(argument);
	case USBDEVFS_GET_SPEED:
		*ret = SPEED_FULL;
		return 0;
	case USBDEVFS_RESET:
		return reset(arrival);
	case USBDEVFS_SETCONFIGURATION:
	case USBDEVFS_CLEAR_HALT:
		return 0;
	default:
		return ENOTTY;
	}
}

/* The first question about a node that was just opened waits while its port is held. */
static bool hold(struct umock_arrival *arrival, UMockdevIoctlClient *client)
{
	if (!arrival->port->hold || !arrival->here)
		return false;
	for (size_t i = 0; i < UMOCK_URBS_MAX; i++)
		if (!arrival->held[i]) {
			arrival->held[i] = g_object_ref(client);
			return true;
		}
	return false;
}

void umock_release_held(struct umock_arrival *arrival)
{
	for (size_t i = 0; i < UMOCK_URBS_MAX; i++) {
		if (!arrival->held[i])
			continue;
		umockdev_ioctl_client_complete(arrival->held[i], -1, ENODEV);
		g_object_unref(arrival->held[i]);
		arrival->held[i] = NULL;
	}
}

gboolean umock_ioctl(
	UMockdevIoctlBase *handler, UMockdevIoctlClient *client, struct umock_arrival *arrival)
{
	unsigned request = (unsigned)umockdev_ioctl_client_get_request(client);
	long ret = 0;
	int problem;
	(void)handler;
	SCOPED_LOCK(&arrival->port->umock->lock);
	forget_vanished(arrival);
	if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY)
		problem = reap(arrival, client);
	else if (request == USBDEVFS_DISCARDURB)
		problem = discard(arrival, client);
	else if (request == USBDEVFS_CONNECTINFO && hold(arrival, client))
		return TRUE;
	else
		problem = arrival->here ? answer(arrival, client, &ret) : ENODEV;
	umockdev_ioctl_client_complete(client, problem ? -1 : ret, problem);
	return TRUE;
}
