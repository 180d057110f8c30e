/* SPDX-License-Identifier: BSD-2-Clause */
#include "agent_address.h"

#include "agent_line.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* The part of `text` before `end` as a string of its own; false when it is too long for an address. */
static bool copy_part(const char *text, const char *end, char *part, size_t room)
{
	size_t len = (size_t)(end - text);

	if (len >= room)
		return false;
	memcpy(part, text, len);
	part[len] = '\0';
	return true;
}

static bool read_scope(const char *scope, uint32_t *id)
{
	uint64_t number;

	if (agent_line_number(scope, UINT32_MAX, &number))
		*id = (uint32_t)number;
	else
		*id = if_nametoindex(scope);
	return *id > 0;
}

static bool read_v6(char *text, struct agent_address *address)
{
	char *scope = strchr(text, '%');

	address->len = sizeof(address->at.v6);
	address->at.v6.sin6_family = AF_INET6;
	if (scope) {
		*scope++ = '\0';
		if (!read_scope(scope, &address->at.v6.sin6_scope_id))
			return false;
	}
	return inet_pton(AF_INET6, text, &address->at.v6.sin6_addr) == 1;
}

bool agent_address_read(const char *text, struct agent_address *address)
{
	const char *colon = strrchr(text, ':');
	char part[AGENT_ADDRESS_ROOM];
	uint64_t port;

	memset(address, 0, sizeof(*address));
	if (!colon || !agent_line_number(colon + 1, UINT16_MAX, &port))
		return false;
	if (*text == '[') {
		if (colon[-1] != ']' || !copy_part(text + 1, colon - 1, part, sizeof(part)) ||
		    !read_v6(part, address))
			return false;
		address->at.v6.sin6_port = htons((uint16_t)port);
		return true;
	}
	address->len = sizeof(address->at.v4);
	address->at.v4.sin_family = AF_INET;
	address->at.v4.sin_port = htons((uint16_t)port);
	return copy_part(text, colon, part, sizeof(part)) &&
	       inet_pton(AF_INET, part, &address->at.v4.sin_addr) == 1;
}

void agent_address_write(const struct agent_address *address, char text[AGENT_ADDRESS_ROOM])
{
	char host[INET6_ADDRSTRLEN] = "", scope[IF_NAMESIZE] = "", scope_text[3 * IF_NAMESIZE];
	const struct sockaddr_in6 *v6 = &address->at.v6;

	if (address->at.any.sa_family != AF_INET6) {
		inet_ntop(AF_INET, &address->at.v4.sin_addr, host, sizeof(host));
		snprintf(text, AGENT_ADDRESS_ROOM, "%s:%u", host, (unsigned)ntohs(address->at.v4.sin_port));
		return;
	}
	inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
	if (v6->sin6_scope_id && !if_indextoname(v6->sin6_scope_id, scope))
		snprintf(scope, sizeof(scope), "%u", (unsigned)v6->sin6_scope_id);
	agent_line_escape(scope, scope_text, sizeof(scope_text));
	snprintf(text, AGENT_ADDRESS_ROOM, "[%s%s%s]:%u", host, *scope ? "%25" : "", scope_text,
		 (unsigned)ntohs(v6->sin6_port));
}

static uint16_t port_of(const struct agent_address *address)
{
	return address->at.any.sa_family == AF_INET6 ? address->at.v6.sin6_port : address->at.v4.sin_port;
}

bool agent_address_equal(const struct agent_address *a, const struct agent_address *b)
{
	struct agent_network x = agent_network_of(a), y = agent_network_of(b);

	if (x.family != y.family || memcmp(x.bytes, y.bytes, sizeof(x.bytes)) != 0 ||
	    port_of(a) != port_of(b))
		return false;
	return x.family != AF_INET6 || !a->at.v6.sin6_scope_id || !b->at.v6.sin6_scope_id ||
	       a->at.v6.sin6_scope_id == b->at.v6.sin6_scope_id;
}

bool agent_address_lacks_scope(const struct agent_address *address)
{
	return address->at.any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->at.v6.sin6_addr) &&
	       !address->at.v6.sin6_scope_id;
}

static void count_mapped_as_v4(struct agent_network *network)
{
	if (network->family != AF_INET6 || network->len < 96 ||
	    memcmp(network->bytes, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return;
	network->family = AF_INET;
	network->len -= 96;
	memmove(network->bytes, network->bytes + 12, 4);
	memset(network->bytes + 4, 0, 12);
}

bool agent_network_read(const char *text, struct agent_network *network)
{
	const char *slash = strchr(text, '/');
	char part[INET6_ADDRSTRLEN];
	uint64_t len;

	memset(network, 0, sizeof(*network));
	network->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	network->len = network->family == AF_INET6 ? 128 : 32;
	if (!copy_part(text, slash ? slash : text + strlen(text), part, sizeof(part)) ||
	    inet_pton(network->family, part, network->bytes) != 1)
		return false;
	if (slash) {
		if (!agent_line_number(slash + 1, network->len, &len))
			return false;
		network->len = (unsigned)len;
	}
	count_mapped_as_v4(network);
	return true;
}

bool agent_network_loopback(const struct agent_network *network)
{
	static const uint8_t v6[16] = { [15] = 1 };

	if (network->family == AF_INET)
		return network->bytes[0] == 127 && network->len >= 8;
	return network->len == 128 && memcmp(network->bytes, v6, sizeof(v6)) == 0;
}

struct agent_network agent_network_of(const struct agent_address *address)
{
	struct agent_network network = { .family = address->at.any.sa_family };

	if (network.family == AF_INET6) {
		network.len = 128;
		memcpy(network.bytes, &address->at.v6.sin6_addr, 16);
		if (IN6_IS_ADDR_LINKLOCAL(&address->at.v6.sin6_addr))
			network.scope = address->at.v6.sin6_scope_id;
		count_mapped_as_v4(&network);
	} else {
		network.len = 32;
		memcpy(network.bytes, &address->at.v4.sin_addr, 4);
	}
	return network;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 && (rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0);
}

bool agent_network_inside(const struct agent_network *networks, size_t n, const struct agent_network *part)
{
	for (size_t i = 0; i < n; i++) {
		if (networks[i].scope && part->scope && networks[i].scope != part->scope)
			continue;
		if (networks[i].family == part->family && networks[i].len <= part->len &&
		    same_bits(networks[i].bytes, part->bytes, networks[i].len))
			return true;
	}
	return false;
}
