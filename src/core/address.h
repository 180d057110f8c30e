/* SPDX-License-Identifier: BSD-2-Clause */
/* Internet addresses and endpoints as plain bytes: text comes in or goes out, no resolver, no system call. */
#ifndef FINWAIT_CORE_ADDRESS_H
#define FINWAIT_CORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `bytes` in network order, 4 or 16 of them; `scope` is the interface index of an IPv6 link-local
 * address, else 0. An all-zero struct (family 0) is "no address". */
struct address {
	uint8_t family; /* 4, 6, or 0 for none */
	uint8_t bytes[16];
	uint32_t scope;
};

struct endpoint {
	struct address addr;
	uint16_t port; /* host byte order */
};

enum { ADDRESS_TEXT = 64, ENDPOINT_TEXT = 80 }; /* room for any text, with its final NUL */

/* Same family and bytes; scopes are compared only if both are set. */
bool address_equal(const struct address *a, const struct address *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* 4 or 16, or 0 for no address. */
size_t address_len(const struct address *a);

bool address_is_loopback(const struct address *a);
bool address_is_multicast(const struct address *a);
bool address_is_unspecified(const struct address *a);
bool address_is_link_local(const struct address *a); /* IPv6 fe80::/10 only */

/* "198.18.0.1", "2001:db8::1", "fe80::1%3" (scope as number); into `text`, which is returned. */
const char *address_text(const struct address *a, char text[ADDRESS_TEXT]);
/* "198.18.0.1:7", "[2001:db8::1]:7". */
const char *endpoint_text(const struct endpoint *e, char text[ENDPOINT_TEXT]);

/* Reads a numeric address without scope. False if the text is none. */
bool address_parse(struct address *a, const char *text);

#endif
