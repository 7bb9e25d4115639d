/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <arpa/inet.h>
#include <string.h>

#include "bytes.h"
#include "text.h"

enum {
	TYPE_IPV4 = 0,
	TYPE_NAME = 1,
	AT_TYPE = 0,
	AT_LEN = 1,
	AT_VALUE = 2,
	AT_PORT = 66,
	IPV4_LEN = 4,
	NAME_MAX_LEN = SERVER_HOST_MAX - 1,
	PORT_DEFAULT = 0xffff
};

static bool is_name(const char *name, size_t len)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.$_";
	return len >= 1 && len <= NAME_MAX_LEN && strspn(name, allowed) == len;
}

/* Nobody means such a host to be looked up as a name. */
static bool looks_like_ipv4(const char *host)
{
	return strspn(host, "0123456789.") == strlen(host);
}

bool address_write(
	const struct server_address *address, uint8_t padding, uint8_t *block, struct err *err)
{
	struct in_addr ip;
	size_t len = strnlen(address->host, sizeof address->host);
	bool is_ipv4 = len < sizeof address->host && inet_pton(AF_INET, address->host, &ip) == 1;
	if (!is_ipv4 && (len == sizeof address->host || !is_name(address->host, len) ||
				looks_like_ipv4(address->host)))
		return err_set(err, REASON_INPUT,
			"the server host is neither an IPv4 address nor a name of at most %d "
			"letters, digits, '-', '.', '$' and '_'",
			NAME_MAX_LEN);
	if (address->port == PORT_DEFAULT)
		return err_set(err, REASON_INPUT,
			"the server port 65535 means none to the unit: choose another");
	memset(block, padding, SERVER_ADDRESS_LEN);
	block[AT_TYPE] = is_ipv4 ? TYPE_IPV4 : TYPE_NAME;
	block[AT_LEN] = (uint8_t)(is_ipv4 ? IPV4_LEN : len);
	if (is_ipv4)
		memcpy(block + AT_VALUE, &ip, IPV4_LEN);
	else
		memcpy(block + AT_VALUE, address->host, len);
	bytes_put_be16(block + AT_PORT, address->port ? address->port : PORT_DEFAULT);
	return true;
}

static bool parse_host(const uint8_t *block, char host[SERVER_HOST_MAX])
{
	size_t len = block[AT_LEN];
	if (block[AT_TYPE] == TYPE_IPV4)
		return len == IPV4_LEN &&
		       inet_ntop(AF_INET, block + AT_VALUE, host, SERVER_HOST_MAX);
	if (len > NAME_MAX_LEN)
		return false;
	memcpy(host, block + AT_VALUE, len);
	host[len] = 0;
	return is_name(host, len);
}

bool address_parse(
	const uint8_t *block, enum reason reason, struct server_address *ret, struct err *err)
{
	struct server_address parsed = { .host = "" };
	if (block[AT_TYPE] != TYPE_IPV4 && block[AT_TYPE] != TYPE_NAME) {
		*ret = parsed;
		return true;
	}
	if (!parse_host(block, parsed.host))
		return err_set(err, reason,
			"the server address block (type %d, length %d) holds no host",
			block[AT_TYPE], block[AT_LEN]);
	unsigned port = (unsigned)block[AT_PORT] << 8 | block[AT_PORT + 1];
	if (port == 0)
		return err_set(err, reason, "the server address block names port 0");
	parsed.port = (uint16_t)(port == PORT_DEFAULT ? 0 : port);
	*ret = parsed;
	return true;
}
